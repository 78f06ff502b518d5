//! SIGHUP: the configuration is read again, and taken as a whole or refused as a whole.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::DaemonOptions;
use super::journal::{Level, Line};
use crate::config::ConfigError;
use crate::metrics::Reloads;
use crate::options::EngineOptions;
use crate::store::{StoreStatus, wall_clock};

/// Reads the options again, and hands on what may change while it runs.
pub(super) struct Reload<F> {
    pub(super) running: DaemonOptions,
    pub(super) again: F,
    pub(super) engine: Sender<EngineOptions>,
    pub(super) store: Option<Arc<StoreStatus>>,
    pub(super) reloads: Arc<Reloads>,
}

impl<F: Fn() -> Result<DaemonOptions, ConfigError>> Reload<F> {
    /// What came of it, for a person.
    pub(super) fn reload(&mut self) -> Line {
        let new = match (self.again)() {
            Ok(new) => new,
            Err(error) => {
                self.reloads.on_reload(false, wall_clock());
                let text = format!("configuration refused, the one before stays in force: {error}");
                return Line::new(Level::Error, text);
            }
        };
        // The engine's thread takes one within a tenth of a second; a full channel means that it has not taken the last.
        if self.engine.try_send(new.engine.clone()).is_err() {
            self.reloads.on_reload(false, wall_clock());
            let text = "configuration not taken: the one before it is still being taken; try again";
            return Line::new(Level::Error, text);
        }
        if let Some(store) = &self.store {
            store.retain(new.retention);
        }
        self.reloads.on_reload(true, wall_clock());
        let waits = self.needs_restart(&new);
        self.running.engine = new.engine;
        self.running.retention = new.retention;
        if waits.is_empty() {
            Line::new(Level::Info, "configuration taken")
        } else {
            let text = format!("configuration taken; for a change of {} restart corstap", waits.join(", "));
            Line::new(Level::Notice, text)
        }
    }

    fn needs_restart(&self, new: &DaemonOptions) -> Vec<&'static str> {
        let (old, options) = (&self.running, new);
        [
            ("[capture] interfaces", old.live.interfaces != options.live.interfaces),
            ("[capture] filter", old.live.filter != options.live.filter),
            ("[capture] buffer_mib", old.live.buffer_mib != options.live.buffer_mib),
            ("[capture] snaplen", old.live.snaplen != options.live.snaplen),
            ("[capture] keylog", old.key_log != options.key_log),
            ("[store] db", old.db != options.db),
            ("[web] listen", old.listen != options.listen),
            ("[web] token_file", old.token_file != options.token_file),
            ("[web] hosts", old.hosts != options.hosts),
            ("[events] to", old.events != options.events),
            ("[process] user", old.user != options.user),
            ("sensor", old.engine.sensor != options.engine.sensor),
            ("scheme", old.engine.scheme != options.engine.scheme),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
