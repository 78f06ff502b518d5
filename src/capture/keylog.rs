//! A TLS key log (`SSLKEYLOGFILE`), read as browsers write it.
//!
//! Gives whole lines, as bytes that zero themselves. A file that was replaced or cut is read anew; one that is not there yet may come.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Bytes read at once: some thousand connections.
const READ_BYTES: u64 = 1 << 20;
/// A line without an end is handed on above this, to be counted as bad: the longest of a key log has 200 bytes.
const LINE_BYTES_MAX: usize = 4096;

/// A key log, and how far it was read.
#[derive(Debug)]
pub struct KeyLog {
    path: PathBuf,
    file: Option<File>,
    read: u64,
    /// The beginning of a line whose end is not written yet.
    rest: Zeroizing<Vec<u8>>,
}

impl KeyLog {
    /// The key log at this path, which need not be there yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        KeyLog { path: path.to_owned(), file: None, read: 0, rest: Zeroizing::default() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next whole lines; none where nothing was written since.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn read(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        let now = fs::metadata(&self.path)?;
        if !now.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let is_same = match &self.file {
            None => false,
            Some(file) => {
                let open = file.metadata()?;
                (open.dev(), open.ino()) == (now.dev(), now.ino()) && now.len() >= self.read
            }
        };
        if !is_same {
            self.file = Some(File::open(&self.path)?);
            self.read = 0;
            self.rest = Zeroizing::default();
        }
        let more = now.len().saturating_sub(self.read).min(READ_BYTES);
        let Some(file) = self.file.as_mut().filter(|_| more > 0) else { return Ok(Zeroizing::default()) };
        // Room for all of it at once: a buffer that grew would leave copies behind.
        let room = self.rest.len() + usize::try_from(more).unwrap_or(0);
        let mut text = Zeroizing::new(Vec::with_capacity(room));
        text.extend_from_slice(&self.rest);
        self.read += file.take(more).read_to_end(&mut text)? as u64;
        let end = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
        let rest = text.get(end..).unwrap_or_default();
        if rest.len() <= LINE_BYTES_MAX {
            self.rest = Zeroizing::new(rest.to_vec());
            text.truncate(end);
        } else {
            self.rest = Zeroizing::default();
        }
        Ok(text)
    }

    /// All that is there now, its last line too where that has no end.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn read_all(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let text = self.read()?;
            if text.is_empty()
                && self.file.as_ref().is_none_or(|file| file.metadata().map_or(0, |m| m.len()) <= self.read)
            {
                break;
            }
            take(&text);
        }
        take(&std::mem::take(&mut self.rest));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(path: &Path, text: &str) {
        use std::io::Write as _;
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
    }

    #[test]
    fn it_is_followed_line_by_line_and_read_anew_when_cut_or_replaced() {
        let folder = std::env::temp_dir().join(format!("corstap-keylog-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("keys");
        let mut log = KeyLog::new(&path);
        let mut read = || log.read().map(|text| String::from_utf8_lossy(&text).into_owned());
        assert_eq!(read().expect_err("not there yet").kind(), io::ErrorKind::NotFound);
        append(&path, "one 1\ntw");
        assert_eq!(read().expect("read"), "one 1\n");
        assert_eq!(read().expect("read"), "");
        append(&path, "o 2\n");
        assert_eq!(read().expect("read"), "two 2\n");
        fs::write(&path, "cut\n").expect("written");
        assert_eq!(read().expect("read"), "cut\n");
        append(&folder.join("other"), "replaced, and longer than before\n");
        fs::rename(folder.join("other"), &path).expect("renamed");
        assert_eq!(read().expect("read"), "replaced, and longer than before\n");
        append(&path, &"x".repeat(LINE_BYTES_MAX + 1));
        assert_eq!(read().expect("read").len(), LINE_BYTES_MAX + 1);
        append(&path, "\nlast, without its end");
        let mut all = String::new();
        KeyLog::new(&path).read_all(|text| all.push_str(&String::from_utf8_lossy(text))).expect("read");
        assert!(all.starts_with("replaced") && all.ends_with("end"), "{all}");
        fs::remove_dir_all(&folder).expect("removed");
        assert!(KeyLog::new(&std::env::temp_dir()).read().is_err(), "a folder is no file");
    }
}
