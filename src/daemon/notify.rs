//! The service manager's line (sd_notify(3)): ready, alive, reloading, stopping.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

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

    pub(super) fn say(&self, state: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!("the service manager does not hear {state}: {error}");
        }
    }
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
