//! A way out of a damaged file: found out at the start, set aside, begun anew.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;

use super::{OpenError, open_error, wall_clock};

/// Reads the whole file when a run before this one did not end in good order; a good end leaves nothing half written, and the
/// check takes a second or so for each GiB.
pub(super) async fn check_after_crash(connection: &mut SqliteConnection, path: &str) -> Result<(), OpenError> {
    let sqlite = |source| open_error(path, source);
    let (crashed,): (bool,) =
        sqlx::query_as("SELECT EXISTS (SELECT 1 FROM runs WHERE ended IS NULL AND id = (SELECT max(id) FROM runs))")
            .fetch_one(&mut *connection)
            .await
            .map_err(sqlite)?;
    if !crashed {
        return Ok(());
    }
    let (found,): (String,) =
        sqlx::query_as("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(sqlite)?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Damaged { path: path.to_string(), text: found }) }
}

/// Renames the file and its log; the new name.
pub(super) fn set_aside(path: &Path) -> std::io::Result<String> {
    let now = wall_clock().to_string();
    let stamp: String = now.chars().take(19).filter(char::is_ascii_alphanumeric).collect();
    let named = |path: &Path, suffix: &str| -> PathBuf {
        let mut name = OsString::from(path);
        name.push(suffix);
        name.into()
    };
    let mut aside = named(path, &format!(".damaged-{stamp}"));
    for nth in 1..100 {
        if !aside.exists() {
            break;
        }
        aside = named(path, &format!(".damaged-{stamp}-{nth}"));
    }
    // The log first: beside a new file it would be taken for the new file's.
    for suffix in ["-wal", "-shm"] {
        let old = named(path, suffix);
        if old.exists() {
            std::fs::rename(old, named(&aside, suffix))?;
        }
    }
    std::fs::rename(path, &aside)?;
    Ok(aside.display().to_string())
}
