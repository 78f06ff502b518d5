//! `corstap run`: capture, judge, record, serve, and stop in good order.
//!
//! The capturing thread is the engine's thread: it polls the rings, judges, and hands records on without ever waiting. The
//! store's writer, the pages and the talk on standard error each have a thread of their own.

mod clock;
pub mod events;
pub mod journal;
mod keys;
mod notify;
mod privileges;
mod reload;
mod teller;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::capture::live::{Change, Live, LiveError, LiveOptions};
use crate::config::ConfigError;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::metrics::{Metrics, Published, Recorder, Snapshot};
use crate::options::EngineOptions;
use crate::packet::{Packet, SECOND, Time};
use crate::record::{Checklist, Finding, Sink, Transaction, TransactionId, Verdict};
use crate::store::{OpenError, Retention, RunKind, RunTotals, Store, StoreOptions, wall_clock};
use crate::web::{self, Access, Pages, Recent, Token, TokenError, Waiting};
use clock::Clock;
use events::{EventTarget, Events};
use journal::{Level, Line, tell};
use notify::{Notify, Status, Watchdog};
use reload::Reload;
use teller::{Notes, Teller};

/// How often the capturing thread looks up from the rings when they are silent.
const LOOK_UP: Duration = Duration::from_millis(100);
/// How often it notes its totals in the database.
const NOTE_TOTALS: Duration = Duration::from_secs(10);
/// After a signal, everything must have ended by then.
const STOP_MAX: Duration = Duration::from_secs(9);
/// How often the service manager is told how it fares.
const SAY_STATUS: Duration = Duration::from_secs(5);
/// Lines for standard error that wait.
const LINES_MAX: usize = 1024;

/// What to run.
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// Interfaces, filter, buffer.
    pub live: LiveOptions,
    /// The database; none records nothing.
    pub db: Option<PathBuf>,
    /// What is deleted from it.
    pub retention: Retention,
    /// Where pages and metrics are served.
    pub listen: SocketAddr,
    /// A file with the token that opens the pages beyond loopback.
    pub token_file: Option<PathBuf>,
    /// Names that the pages may be opened by.
    pub hosts: Vec<String>,
    /// Where each refusal and finding goes as a line.
    pub events: Option<EventTarget>,
    /// Secrets of TLS connections, followed as they are written.
    pub key_log: Option<PathBuf>,
    /// Whom to become once interfaces and port are open.
    pub user: Option<String>,
    /// What the engine is told.
    pub engine: EngineOptions,
}

/// Why it cannot begin, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// An interface.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The address of the pages.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// What was to be given up.
    #[error("{0}")]
    Privileges(String),
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// While working.
    #[error("{0}")]
    Failed(String),
}

impl DaemonError {
    /// Whether the same command may do well later. If not, it was bad usage, and the shipped unit does not try again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            DaemonError::Live(error) => matches!(error, LiveError::Other { .. }),
            DaemonError::Database(error) => error.may_pass(),
            // At boot an address may be on its way.
            DaemonError::Listen { source, .. } => source.kind() == std::io::ErrorKind::AddrNotAvailable,
            DaemonError::Privileges(_) | DaemonError::Token(_) => false,
            DaemonError::Failed(_) => true,
        }
    }
}

/// Runs until SIGTERM or SIGINT; a second SIGINT leaves at once with status 130. SIGHUP asks `again` for the options.
///
/// # Errors
/// It could not begin, or something was not recorded.
pub fn run(options: DaemonOptions, again: impl Fn() -> Result<DaemonOptions, ConfigError>) -> Result<(), DaemonError> {
    let (stop, hangup) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    on_signals(&stop, &hangup).map_err(|e| DaemonError::Failed(format!("cannot handle signals: {e}")))?;
    let notify = Notify::from_env();
    // A service takes what there is, and says what is missing; a person is told at once.
    let live = Live::open(LiveOptions { await_absent: notify.is_heard(), ..options.live.clone() })?;
    let listener =
        TcpListener::bind(options.listen).map_err(|source| DaemonError::Listen { address: options.listen, source })?;
    let address = listener.local_addr().unwrap_or(options.listen);
    let token = options.token_file.as_deref().map(Token::read).transpose()?;
    let access = Access::new(options.listen, token, options.hosts.clone());
    // No thread has begun until here: what is given up is given up for all that will.
    let events_file = options.events.as_ref().and_then(EventTarget::file);
    let folders = options.db.as_deref().into_iter().chain(events_file).map(privileges::folder_of);
    let folders: BTreeSet<PathBuf> = folders.collect();
    let privileges = privileges::drop_all(options.user.as_deref(), &folders).map_err(DaemonError::Privileges)?;
    let store = options.db.as_ref().map(|path| {
        // After a crash it is read as a whole first.
        notify.say(&format!("STATUS=opening {}", crate::report::shown(&path.display().to_string())));
        Store::open(&StoreOptions {
            path: path.clone(),
            sensor: options.engine.sensor.clone(),
            kind: RunKind::Live,
            source: options.live.interfaces.join(" "),
            retention: options.retention,
        })
    });
    let store = store.transpose()?;
    let status = store.as_ref().map(|s| Arc::clone(s.status()));
    let events = options.events.clone().map(Events::start).transpose();
    let events = events.map_err(|e| DaemonError::Failed(format!("cannot start the events thread: {e}")))?;
    let (recorder, metrics) = Metrics::new(&options.engine.site, status.clone());
    let metrics = metrics.with_database(options.db.as_deref());
    let metrics = metrics.with_events(events.as_ref().map(|e| Arc::clone(e.status())));
    let published = Arc::clone(metrics.published());
    let recent = Arc::new(Recent::default());
    let reloads = Arc::clone(metrics.reloads());
    let pages = Pages::new(metrics, status.clone(), Arc::clone(&recent), options.db.as_deref(), access);
    spawn("web", move || {
        if let Err(error) = web::run(listener, pages) {
            tracing::error!("the pages are gone: {error}");
        }
    })?;

    tell_start(&options, &live, address, &privileges);
    let (say, lines) = bounded(LINES_MAX);
    let taps = Taps {
        store,
        recorder,
        recent,
        waiting: Waiting::default(),
        events,
        teller: Teller::new(say.clone()),
        last: Time(i64::MIN),
    };
    let keys = keys::follow(options.key_log.as_deref(), say.clone())?;
    let (configure, configured) = bounded(1);
    let mut capture = Capture {
        live,
        watchdog: Watchdog::from_env(),
        configured,
        keys,
        engine: Engine::new(&Limits::default(), &options.engine),
        options: options.engine.clone(),
        clock: Clock::new(wall_clock(), Instant::now()),
        taps,
        published: Arc::clone(&published),
        say,
        first: None,
        last: None,
    };
    capture.publish();
    let stopping = Arc::clone(&stop);
    let capturing = spawn("capture", move || capture.run(&stopping))?;
    let mut reload = Reload { running: options, again, engine: configure, store: status.clone(), reloads };
    let mut status = Status::new(&notify, &published, status.as_deref());
    status.say(Duration::ZERO);
    notify.say("READY=1");
    talk(&lines, &published, &stop, &capturing, || {
        if hangup.swap(false, Ordering::Relaxed) {
            notify.say("RELOADING=1");
            reload.reload().say();
            notify.say("READY=1");
        }
        status.say(SAY_STATUS);
    });
    notify.say("STOPPING=1");
    finish(capturing, &lines)
}

/// Handlers that only set a flag; the second SIGINT ends the process from within the handler.
fn on_signals(stop: &Arc<AtomicBool>, hangup: &Arc<AtomicBool>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    // Armed by the flag that the first signal sets: order of registration matters.
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(stop))?;
    signal_hook::flag::register(SIGINT, Arc::clone(stop))?;
    signal_hook::flag::register(SIGTERM, Arc::clone(stop))?;
    signal_hook::flag::register(SIGHUP, Arc::clone(hangup))?;
    Ok(())
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, DaemonError> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map_err(|e| DaemonError::Failed(format!("cannot start the {name} thread: {e}")))
}

fn tell_start(options: &DaemonOptions, live: &Live, address: SocketAddr, privileges: &str) {
    let live_options = &options.live;
    let filter = live_options.filter.as_ref().map_or("no filter".into(), |f| format!("filter \"{f}\""));
    for state in live.states().filter(|state| state.trouble.is_none()) {
        let promiscuous = if state.name == "any" { "" } else { ", promiscuous" };
        let text = format!(
            "corstap {}  {} up, {}{promiscuous}, snaplen {}, buffer {} MiB, {filter}",
            env!("CARGO_PKG_VERSION"),
            state.name,
            state.link,
            live_options.snaplen,
            live_options.buffer_mib,
        );
        tell(Level::Info, &text);
    }
    tell(Level::Info, privileges);
    let db = match &options.db {
        Some(path) => format!("db {}", path.display()),
        None => "nothing is recorded (--db FILE)".into(),
    };
    let text = format!("metrics http://{address}/metrics · page http://{address}/ · {db} · times are UTC");
    tell(Level::Info, &text);
}

/// Says what there is to say until a signal comes or capture ends, and looks after `else_due` meanwhile.
fn talk<T>(
    lines: &Receiver<Line>,
    published: &Published,
    stop: &AtomicBool,
    capturing: &JoinHandle<T>,
    mut else_due: impl FnMut(),
) {
    let mut notes = Notes::new();
    while !stop.load(Ordering::Relaxed) && !capturing.is_finished() {
        else_due();
        match lines.recv_timeout(LOOK_UP) {
            Ok(line) => line.say(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        for note in notes.of(&published.read()) {
            note.say();
        }
    }
}

/// Waits for the end of capture and of the database, no longer than a service manager does.
fn finish(capturing: JoinHandle<Ended>, lines: &Receiver<Line>) -> Result<(), DaemonError> {
    let begun = Instant::now();
    while !capturing.is_finished() {
        if begun.elapsed() > STOP_MAX {
            return Err(DaemonError::Failed("capture did not stop in time".into()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let Ok(ended) = capturing.join() else {
        return Err(DaemonError::Failed("the capturing thread panicked; this is a bug".into()));
    };
    lines.try_iter().for_each(|line| line.say());
    let waiting = ended.store.as_ref().map_or(0, |s| s.status().queued());
    let totals = ended.totals;
    let (packets, lost) = (totals.counters.packets, totals.packets_lost);
    let recorded = ended.store.map(|store| store.finish(totals)).transpose();
    let kept = match &recorded {
        Ok(Some(r)) => format!(" · recorded {} rejections, {} lost", r.rejections, r.lost),
        Ok(None) | Err(_) => String::new(),
    };
    let text = format!(
        "stopping: drained {} packets, {waiting} records waited · {packets} packets, {lost} dropped, {} blocked, {} \
         findings{kept}",
        ended.drained, ended.blocked, ended.findings
    );
    tell(Level::Info, &text);
    recorded.map(|_| ()).map_err(|e| DaemonError::Failed(e.to_string()))
}

/// Everything that the capturing thread owns.
struct Capture {
    live: Live,
    watchdog: Watchdog,
    /// Options that were read again.
    configured: Receiver<EngineOptions>,
    keys: keys::Lines,
    options: EngineOptions,
    engine: Engine,
    clock: Clock,
    taps: Taps,
    published: Arc<Published>,
    say: Sender<Line>,
    first: Option<Time>,
    last: Option<Time>,
}

/// What is left when capture has ended.
struct Ended {
    store: Option<Store>,
    totals: RunTotals,
    drained: usize,
    blocked: u64,
    findings: u64,
}

impl Capture {
    fn run(mut self, stop: &AtomicBool) -> Ended {
        let (mut second, mut note) = (Instant::now(), Instant::now());
        let mut publish = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            if let Some(back) = self.clock.set_back(wall_clock(), Instant::now()) {
                self.begin_again(back);
            }
            self.add_keys();
            if self.take(LOOK_UP) == 0 {
                // Half a second behind the clock: what the ring may still hold is younger by far.
                self.engine.advance(wall_clock().plus(-SECOND / 2), &mut self.taps);
            }
            self.watchdog.feed();
            if publish.elapsed() >= LOOK_UP {
                publish = Instant::now();
                if let Ok(options) = self.configured.try_recv() {
                    self.engine.configure(&options);
                    self.options.clone_from(&options);
                    self.taps.recorder.configure(&options.site);
                }
                self.publish();
            }
            if second.elapsed() >= Duration::from_secs(1) {
                second = Instant::now();
                self.each_second();
            }
            if note.elapsed() >= NOTE_TOTALS {
                note = Instant::now();
                if let Some(store) = &self.taps.store {
                    store.note_totals(&self.totals());
                }
            }
        }
        self.stop()
    }

    /// The clock was set back: to the engine, whose time never does so, all would stand still until then.
    fn begin_again(&mut self, back: i64) {
        let (engine, taps) = (&mut self.engine, &mut self.taps);
        self.live.drain(|packet| engine.on_packet(packet, taps));
        engine.begin_again(&Limits::default(), &self.options, taps);
        (self.last, self.taps.last) = (None, Time(i64::MIN));
        let text = format!("the clock was set back by {} s: what was open is settled, rules begin anew", back / SECOND);
        drop(self.say.try_send(Line::new(Level::Warning, text)));
    }

    fn add_keys(&mut self) {
        while let Ok(lines) = self.keys.try_recv() {
            self.engine.add_keys(&lines);
        }
    }

    fn take(&mut self, wait: Duration) -> usize {
        let latest = self.clock.latest();
        let (engine, taps) = (&mut self.engine, &mut self.taps);
        let (first, last) = (&mut self.first, &mut self.last);
        let taken = self.live.take(wait, |packet| {
            let packet = Packet { time: packet.time.min(latest), ..*packet };
            first.get_or_insert(packet.time);
            *last = Some(packet.time);
            engine.on_packet(&packet, taps);
        });
        engine.flush(taps);
        taken
    }

    fn each_second(&mut self) {
        self.live.each_second();
        for change in self.live.changes() {
            let line = match change {
                Change::Lost(text) => Line::new(Level::Warning, text),
                Change::Back(text) => Line::new(Level::Notice, text),
            };
            // A full queue of lines means that nobody reads standard error: the counters tell the same.
            drop(self.say.try_send(line));
        }
        self.taps.teller.each_second();
    }

    fn publish(&mut self) {
        let counters = self.engine.counters().clone();
        let tallies = self.taps.recorder.tallies(self.taps.last.max(self.last.unwrap_or(Time(i64::MIN))));
        let interfaces = self.live.states().cloned().collect();
        self.published.publish(Snapshot { counters, tallies, interfaces });
        self.taps.recent.publish(&mut self.taps.waiting);
        self.taps.recent.publish_checklists(|| self.engine.checklists());
    }

    /// Takes what the rings hold, settles everything, and publishes for the last time.
    fn stop(mut self) -> Ended {
        let begun = Instant::now();
        let mut drained = 0;
        // A busy interface never runs empty: a second of it is enough.
        while begun.elapsed() < Duration::from_secs(1) {
            match self.take(Duration::from_millis(60)) {
                0 => break,
                more => drained += more,
            }
        }
        let (engine, taps) = (&mut self.engine, &mut self.taps);
        self.live.drain(|packet| engine.on_packet(packet, taps));
        engine.finish(taps);
        self.each_second();
        self.taps.teller.finish();
        self.publish();
        let totals = self.totals();
        let Taps { store, events, teller, .. } = self.taps;
        if let Some(events) = events {
            events.finish();
        }
        Ended { store, totals, drained, blocked: teller.blocked(), findings: teller.findings() }
    }

    fn totals(&self) -> RunTotals {
        RunTotals {
            counters: self.engine.counters().clone(),
            packets_lost: self.live.states().map(|i| i.lost_kernel + i.lost_interface).sum(),
            first_packet: self.first,
            last_packet: self.last,
        }
    }
}

/// Everybody who takes the engine's records.
struct Taps {
    store: Option<Store>,
    events: Option<Events>,
    recorder: Recorder,
    recent: Arc<Recent>,
    waiting: Waiting,
    teller: Teller,
    last: Time,
}

impl Sink for Taps {
    fn transaction(&mut self, t: &Arc<Transaction>) {
        self.last = self.last.max(t.time);
        self.recorder.on_transaction(t);
        if t.verdict == Verdict::Blocked {
            self.waiting.on_blocked(t);
            self.teller.on_blocked(t);
            if let Some(events) = &mut self.events {
                events.on_blocked(t);
            }
        }
        self.store.transaction(t);
    }

    fn cited(&mut self, id: TransactionId, to_come: bool) {
        self.store.cited(id, to_come);
    }

    fn bystander(&mut self, request: &Arc<Transaction>) {
        self.store.bystander(request);
    }

    fn finding(&mut self, finding: &Finding) {
        self.waiting.on_finding(finding);
        if self.recorder.on_finding(finding) {
            self.teller.on_finding(finding);
        }
        if let Some(events) = &mut self.events {
            events.on_finding(finding);
        }
        self.store.finding(finding);
    }

    fn checklist(&mut self, checklist: &Checklist) {
        self.store.checklist(checklist);
    }
}
