//! Lines on standard error: under journald each with its priority before it (sd-daemon(3)), so that `journalctl -p warning`
//! shows what an operator has to look after, and not every refusal.

use std::io::Write as _;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something was not done.
    Error,
    /// Something is not as it should be; work goes on.
    Warning,
    /// Worth a look some time.
    Notice,
    /// What happens.
    Info,
    /// For who looks for a mistake in corstap.
    Debug,
}

/// A line to be said.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) text: String,
}

impl Line {
    pub(super) fn new(level: Level, text: impl Into<String>) -> Self {
        Line { level, text: text.into() }
    }

    pub(super) fn say(&self) {
        tell(self.level, &self.text);
    }
}

/// Whether journald reads standard error.
#[must_use]
pub fn is_read() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}

/// What stands before a line of that level.
#[must_use]
pub fn prefix(level: Level) -> &'static str {
    match level {
        Level::Error => "<3>",
        Level::Warning => "<4>",
        Level::Notice => "<5>",
        Level::Info => "<6>",
        Level::Debug => "<7>",
    }
}

/// Says a line. Nobody is left to tell when that fails; work goes on.
pub fn tell(level: Level, text: &str) {
    let prefix = if is_read() { prefix(level) } else { "" };
    drop(std::io::stderr().write_all(format!("{prefix}{text}\n").as_bytes()));
}
