//! The service manager's line (sd_notify(3)): ready, alive, reloading, stopping, and how it fares.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use crate::metrics::{Published, Snapshot};
use crate::record::Verdict;
use crate::report::layout::thousands;
use crate::store::StoreStatus;

/// Where the service manager listens; does nothing where there is none.
#[derive(Debug)]
pub(super) struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// As `NOTIFY_SOCKET` says: a path, or with `@` a name in the abstract namespace.
    pub(super) fn from_env() -> Self {
        let address = std::env::var_os("NOTIFY_SOCKET").and_then(|name| match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
            _ => SocketAddr::from_pathname(&name).ok(),
        });
        let socket = address.and_then(|address| {
            let socket = UnixDatagram::unbound().ok()?;
            // The capturing thread speaks, and must never wait.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address))
        });
        Notify(socket)
    }

    /// There is a service manager.
    pub(super) fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn say(&self, state: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!("the service manager does not hear {state}: {error}");
        }
    }
}

/// How it fares, in the line that `systemctl status` shows.
pub(super) struct Status<'a> {
    notify: &'a Notify,
    published: &'a Published,
    store: Option<&'a StoreStatus>,
    last: Instant,
    said: String,
}

impl<'a> Status<'a> {
    pub(super) fn new(notify: &'a Notify, published: &'a Published, store: Option<&'a StoreStatus>) -> Self {
        Status { notify, published, store, last: Instant::now(), said: String::new() }
    }

    /// Says it, if it is another than before and the last time is so long ago.
    pub(super) fn say(&mut self, after: Duration) {
        if !self.notify.is_heard() || self.last.elapsed() < after {
            return;
        }
        self.last = Instant::now();
        let now = status(&self.published.read(), self.store);
        if now != self.said {
            self.notify.say(&format!("STATUS={now}"));
            self.said = now;
        }
    }
}

fn status(now: &Snapshot, store: Option<&StoreStatus>) -> String {
    let interfaces = now.interfaces.iter().map(|i| match &i.trouble {
        None => format!("{} captured", i.name),
        Some(why) => format!("{} NOT captured: {why}", i.name),
    });
    let mut told: Vec<String> = interfaces.collect();
    let lost: u64 = now.interfaces.iter().map(|i| i.lost_kernel + i.lost_interface).sum();
    let refused = now.tallies.verdicts().get(Verdict::Blocked.id()).copied().unwrap_or(0);
    told.push(format!("{} packets, {} dropped", thousands(now.counters.packets), thousands(lost)));
    told.push(format!("{} requests refused", thousands(refused)));
    told.push(match store.map(StoreStatus::trouble) {
        None => "nothing is recorded".into(),
        Some(None) => "recording".into(),
        Some(Some(why)) => format!("NOT recording: {why}"),
    });
    // One line, whatever the name of an interface or a file is.
    crate::report::shown(&told.join(" · "))
}

/// Tells that the engine goes round, as often as the service manager wants to hear it.
#[derive(Debug)]
pub(super) struct Watchdog {
    notify: Notify,
    every: Option<Duration>,
    last: Instant,
}

impl Watchdog {
    /// As `WATCHDOG_USEC` says; silent when it is meant for another process.
    pub(super) fn from_env() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
        let every = number("WATCHDOG_USEC").filter(|_| ours).map(|us| Duration::from_micros(us / 3));
        Watchdog { notify: Notify::from_env(), every, last: Instant::now() }
    }

    pub(super) fn feed(&mut self) {
        if self.every.is_some_and(|every| self.last.elapsed() >= every) {
            self.last = Instant::now();
            self.notify.say("WATCHDOG=1");
        }
    }
}
