//! Standard output: buffered, promptly flushed when somebody watches, quiet when nobody does any more.

use std::io::{self, IsTerminal, Write};

use super::args::Color;
use crate::report::text::{Paint, Screen};

/// Bytes that wait before they are written.
const WAITING_BYTES_MAX: usize = 32 * 1024;

/// Writes blocks of whole lines; remembers the first failure, since a sink cannot return one.
#[derive(Debug, Default)]
pub struct Output {
    waiting: Vec<u8>,
    failure: Option<io::Error>,
    prompt: bool,
}

impl Output {
    /// Nothing written yet. `prompt` writes each line at once: the input is a live stream.
    #[must_use]
    pub fn new(prompt: bool) -> Self {
        Output { prompt, ..Output::default() }
    }

    /// Whether somebody watches what comes.
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        self.prompt
    }

    /// Takes whole lines. Many at once are written without waiting for more.
    pub fn write(&mut self, lines: &[u8]) {
        if self.prompt || self.waiting.len() + lines.len() >= WAITING_BYTES_MAX {
            self.flush();
            self.write_now(lines);
        } else {
            self.waiting.extend_from_slice(lines);
        }
    }

    /// Writes what waits.
    pub fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.write_now(&waiting);
        self.waiting = waiting;
        self.waiting.clear();
    }

    fn write_now(&mut self, lines: &[u8]) {
        if self.failure.is_none() && !lines.is_empty() {
            let mut stdout = io::stdout().lock();
            self.failure = stdout.write_all(lines).and_then(|()| stdout.flush()).err();
        }
    }

    /// Whether writing has failed: there is no point in going on.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Writes the rest; tells the first failure.
    ///
    /// # Errors
    /// Standard output could not be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush();
        self.failure.map_or(Ok(()), Err)
    }
}

/// Whether standard output gets colour.
#[must_use]
pub fn colours(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
                && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
                && io::stdout().is_terminal()
        }
    }
}

/// Columns of text where standard output is no terminal: what a terminal, a chat and a diff still show whole.
const COLUMNS_DEFAULT: usize = 120;

/// The screen that standard output is.
#[must_use]
pub fn screen(color: Color) -> Screen {
    let stdout = io::stdout();
    let width = if stdout.is_terminal() {
        rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col))
    } else {
        0
    };
    let width = if width == 0 { COLUMNS_DEFAULT } else { width.clamp(60, 200) };
    Screen { paint: Paint { on: colours(color) }, width, dated: false }
}
