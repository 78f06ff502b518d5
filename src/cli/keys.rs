//! `--keylog`: secrets of TLS connections for the engine, from a file that may grow meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use super::tell;
use crate::capture::keylog::KeyLog;
use crate::engine::Engine;

/// How often it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The key log, if there is to be one.
pub struct Keys {
    log: Option<KeyLog>,
    looked: Instant,
}

impl Keys {
    /// Gives the engine all that the file has. None, and told why, where it cannot be read.
    pub fn begin(path: Option<&Path>, engine: &mut Engine) -> Option<Self> {
        let mut log = path.map(KeyLog::new);
        if let Some(log) = &mut log
            && let Err(error) = log.read_all(|text| engine.add_keys(text))
        {
            tell(&format!("error: the key log {}: {error}", log.path().display()));
            return None;
        }
        Some(Keys { log, looked: Instant::now() })
    }

    /// Gives the engine what was written since, at most once a second: where packets come as they are captured.
    pub fn look(&mut self, engine: &mut Engine) {
        if let Some(log) = &mut self.log
            && self.looked.elapsed() >= LOOK_AGAIN
        {
            self.looked = Instant::now();
            // It was there at first: gone, it has no more to say.
            if let Ok(text) = log.read()
                && !text.is_empty()
            {
                engine.add_keys(&text);
            }
        }
    }
}
