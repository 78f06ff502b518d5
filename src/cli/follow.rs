//! `--follow`: a file that grows is read as it does, until a signal asks for the summary.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

use super::args::Reading;
use super::tell;
use crate::capture::merge::FeedOptions;

/// What to read, and until when.
pub struct Follow {
    stop: Option<Arc<AtomicBool>>,
}

impl Follow {
    /// As the flags say; a second signal ends the program at once. None, and told why, where the flags contradict each other.
    ///
    /// # Errors
    /// The signals cannot be had.
    pub fn new(reading: &Reading) -> anyhow::Result<Option<Self>> {
        if !reading.follow {
            return Ok(Some(Follow { stop: None }));
        }
        if reading.paths.iter().any(|p| p == Path::new("-")) {
            tell("error: --follow is for files: standard input is read as it comes anyway");
            return Ok(None);
        }
        let stop = Arc::new(AtomicBool::new(false));
        for (signal, status) in [(SIGINT, 130), (SIGTERM, 143)] {
            signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(&stop))?;
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Some(Follow { stop: Some(stop) }))
    }

    /// How the feed reads.
    pub fn feed_options(&self) -> FeedOptions {
        FeedOptions { follow: self.stop.clone() }
    }

    /// Results are wanted as they come.
    pub fn is_on(&self) -> bool {
        self.stop.is_some()
    }

    /// A signal asked for the summary.
    pub fn is_over(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}
