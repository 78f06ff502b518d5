//! How far a long replay is: a bar on standard error, where that is a terminal.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::capture::file::Packing;
use crate::capture::merge::{Feed, FileReport};
use crate::report::layout::thousands;

/// Packets between two looks at the clock.
const PACKETS: u64 = 8192;
/// What ends sooner shows no bar.
const QUIET: Duration = Duration::from_millis(700);

/// A bar that appears when a replay takes long.
pub struct Progress {
    begin: Instant,
    packets: u64,
    bar: Option<ProgressBar>,
    wanted: bool,
}

impl Progress {
    /// A bar, unless results are shown on this terminal while they come (`busy`) or nobody sees standard error.
    pub fn new(busy: bool) -> Self {
        let wanted = std::io::stderr().is_terminal() && !(busy && std::io::stdout().is_terminal());
        Progress { begin: Instant::now(), packets: 0, bar: None, wanted }
    }

    /// One more packet was taken.
    pub fn on_packet(&mut self) -> bool {
        self.packets += 1;
        self.wanted && self.packets.is_multiple_of(PACKETS)
    }

    /// Draws how far it is, where [`Progress::on_packet`] said so.
    pub fn draw(&mut self, feed: &Feed) {
        if self.begin.elapsed() < QUIET {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| bar(feed.files()));
        bar.set_position(feed.bytes_read());
        bar.set_message(format!("{} packets", thousands(self.packets)));
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Of packed files and streams the end is not known: a count without a bar.
fn bar(files: &[FileReport]) -> ProgressBar {
    let sizes: Option<Vec<u64>> = files
        .iter()
        .map(|f| {
            let plain = matches!(f.packing, Packing::Plain);
            std::fs::metadata(&f.path).ok().filter(|m| plain && m.is_file()).map(|m| m.len())
        })
        .collect();
    let (bar, template) = match sizes {
        Some(sizes) => (ProgressBar::new(sizes.iter().sum()), "{wide_bar} {percent:>3} %  {msg}  {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {bytes} read"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
