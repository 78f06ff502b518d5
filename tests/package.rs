//! The Debian package: lintian has nothing to say, it installs, upgrades, and leaves nothing behind; its unit is narrow.
//!
//! Installs into an overlay over this machine's own root, in a mount namespace: nothing of it stays. Needs root.

use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What a command says, both ways; it must do well.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e} (scripts/setup.sh test)"));
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {told}");
    told
}

fn package(folder: &Path, version: &str) -> String {
    let mut make = Command::new(top().join("packaging/deb.sh"));
    make.arg(env!("CARGO_BIN_EXE_corstap")).arg(folder).env("VERSION", version).env("XZ_LEVEL", "0");
    said(&mut make).lines().last().expect("it prints the package's path").to_string()
}

#[test]
fn the_package_installs_upgrades_and_leaves_nothing_behind() {
    let folder = Folder(std::env::temp_dir().join(format!("corstap-package-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("the temporary directory is writable");
    let (old, new) = std::thread::scope(|scope| {
        let old = scope.spawn(|| package(&folder.0, "0.0.1"));
        let new = package(&folder.0, "0.0.2");
        (old.join().expect("the package is made"), new)
    });

    let lint = said(Command::new("lintian").args(["--allow-root", "--fail-on", "error,warning", &new]));
    assert!(!lint.contains("W:") && !lint.contains("E:"), "{lint}");

    let script = r#"
set -eu
mkdir over && mount -t tmpfs corstap-test over && mkdir over/up over/work over/merged
mount -t overlay overlay -o lowerdir=/,upperdir=$PWD/over/up,workdir=$PWD/over/work over/merged
mount --bind /proc over/merged/proc && mount --bind /dev over/merged/dev
cp "$OLD" over/merged/old.deb && cp "$NEW" over/merged/new.deb
inside() { DEBIAN_FRONTEND=noninteractive chroot over/merged "$@"; }
# as where systemd runs, so that the scripts say to it what they would
mkdir -p over/merged/run/systemd/system
inside dpkg --install /old.deb >told 2>&1
test "$(inside corstap --version)" != ""
inside corstap config check
# what everybody edits holds nothing that a new version would change: no upgrade asks about it
cmp "$TOP/packaging/corstap.toml" over/merged/etc/corstap/corstap.toml
inside corstap config check /usr/share/doc/corstap/examples/corstap.toml
for page in corstap corstap-run corstap-replay; do test -s over/merged/usr/share/man/man1/$page.1.gz; done
test -s over/merged/usr/share/bash-completion/completions/corstap
test -s over/merged/usr/share/corstap/dashboards/corstap.rules.yml
# not enabled: it has no interface yet
test ! -e over/merged/etc/systemd/system/multi-user.target.wants/corstap.service
echo '# mine' >>over/merged/etc/corstap/corstap.toml
inside dpkg --install /new.deb >>told 2>&1
! grep -i syntax told
test "$(inside dpkg-query -W -f '${Version}' corstap)" = 0.0.2
grep -q '# mine' over/merged/etc/corstap/corstap.toml
# enabled by hand: what systemctl does, which need not be there
mkdir -p over/merged/etc/systemd/system/multi-user.target.wants
ln -s /lib/systemd/system/corstap.service over/merged/etc/systemd/system/multi-user.target.wants/
mkdir -p over/merged/var/lib/private/corstap && touch over/merged/var/lib/private/corstap/corstap.db
mkdir -p over/merged/var/log/private/corstap && ln -s private/corstap over/merged/var/log/corstap
inside dpkg --remove corstap >/dev/null
test ! -e over/merged/usr/bin/corstap
test -e over/merged/etc/corstap/corstap.toml
test -e over/merged/var/lib/private/corstap/corstap.db
inside dpkg --purge corstap >/dev/null
left=$(find over/up -name '*corstap*' ! -type c)
test -z "$left" || { echo "left: $left"; exit 1; }
echo all well
"#;
    let mut unshared = Command::new("unshare");
    unshared.args(["--mount", "--propagation", "private", "sh", "-c", script]).current_dir(&folder.0);
    let told = said(unshared.env("OLD", &old).env("NEW", &new).env("TOP", top()));
    assert!(told.contains("all well\n"), "{told}");
}

#[test]
fn the_unit_is_narrow() {
    let unit = top().join("packaging/corstap.service");
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", "--threshold=20"]).arg(&unit);
    let told = said(&mut analyze);
    let exposure = told.lines().find(|line| line.contains("Overall exposure level")).expect("it sums up");
    let level = exposure.split_whitespace().find_map(|word| word.parse::<f64>().ok()).expect("a number");
    assert!(level <= 2.0, "{exposure}");
    let text = std::fs::read_to_string(&unit).expect("the unit");
    // systemd's own 90 seconds may end in the midst of the check after a crash, which is another crash, and so on
    assert!(text.contains("\nTimeoutStartSec=1h\n"), "{text}");
    // a bare Debian has no more than its essential packages: no /bin/kill, say
    for line in text.lines() {
        let Some((_, command)) = line.split_once('=').filter(|(key, _)| key.starts_with("Exec")) else { continue };
        let program = command.split_whitespace().next().unwrap_or_default();
        assert!(["/usr/bin/corstap", "/bin/sh"].contains(&program), "{line}");
    }
}
