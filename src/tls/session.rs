//! One connection's records, in order, and the plaintext of those whose keys are known.
//!
//! Bytes go in by direction; records of both directions wait in one line, in the order in which they became whole, until their keys
//! are known. A hole inside a record costs that record. Behind a larger hole the next header is looked for, and what seems to be a
//! record is one if its tag verifies under one of the next numbers.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use memchr::memmem;

use super::cipher::{Opener, TAG_BYTES, updated};
use super::hello::{self, Messages, ServerHello};
use super::keys::{Keys, Secret, Secrets};
use super::suite::Suite;
use crate::counters::Counters;
use crate::decode::Side;

pub(super) const HEADER_BYTES: usize = 5;
/// RFC 5246 § 6.2.3; in TLS 1.3 256 above the plaintext.
const BODY_BYTES_MAX: usize = (1 << 14) + 2048;
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// Numbers that are tried behind a hole: more records than a hole of four megabytes of full ones hides.
const NUMBERS_MAX: u64 = 256;
/// What seems a record and verifies under none of them, before a direction is given up.
const TRIES_MAX: u8 = 8;
/// Records one after the other that do not verify, before a direction is given up.
const FAILURES_MAX: u8 = 3;
/// Bytes that a record in the line is charged beside its own.
const ITEM_BYTES: usize = 192;
/// What a session is charged from its beginning on: it, and what reads the plaintext.
pub const SESSION_BYTES: usize = 2048;
/// Places of the line that are kept while nothing waits in it.
const LINE_MAX: usize = 16;
/// A hole of which nothing tells how long it is in plaintext.
const UNKNOWN_BYTES: u64 = u64::MAX;

/// What a session gives next.
#[derive(Debug)]
pub enum Step<'s, M> {
    /// Application data.
    Plain {
        /// Its sender.
        side: Side,
        /// Where its record begins in the stream.
        seq: u32,
        /// The bytes.
        bytes: &'s [u8],
        /// What was said of the first byte of the record.
        first: M,
        /// What was said of its last.
        last: M,
    },
    /// Application data was lost.
    Gap {
        /// Its sender.
        side: Side,
        /// So many bytes, as far as that is known.
        bytes: u64,
        /// What was said where that became known.
        at: M,
    },
    /// The end that [`Session::on_end`] was told of: all before it was given.
    End {
        /// Whose.
        side: Side,
        /// What was said of it.
        at: M,
    },
    /// Nothing more for now.
    Idle,
}

/// What the hellos agreed on.
#[derive(Debug, Clone, Copy)]
struct Agreed {
    is_tls13: bool,
    suite: Suite,
    server_random: [u8; 32],
}

/// How far the handshake of one direction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Records are in the clear.
    Clear,
    /// TLS 1.2, behind ChangeCipherSpec.
    Sealed,
    /// TLS 1.3, behind ServerHello.
    Handshake,
    /// TLS 1.3, behind Finished.
    Application,
}

/// Data that a client sends before the server has answered (RFC 8446 § 2.3).
#[derive(Debug)]
enum Early {
    /// It is none, or over.
    None,
    /// Offered: the server has not said yet whether it takes it.
    Offered,
    /// The server takes it; number of the next record, and what opens it once that was made.
    Taken(u64, Option<Opener>),
    /// The server does not; records that do not verify are its rest.
    Refused,
}

#[derive(Debug)]
enum What {
    Record {
        header: [u8; HEADER_BYTES],
        /// The header again, and the body.
        bytes: Vec<u8>,
        /// It was found behind a hole that begins here.
        behind: Option<u32>,
    },
    /// A record with bytes missing.
    Broken {
        header: [u8; HEADER_BYTES],
    },
    /// No records from here on.
    Lost,
    End,
}

/// A record as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'b> {
    pub header: [u8; HEADER_BYTES],
    pub body: &'b [u8],
}

#[derive(Debug)]
struct Item<M> {
    side: Side,
    seq: u32,
    what: What,
    first: M,
    last: M,
}

impl<M> Item<M> {
    fn cost(&self) -> usize {
        ITEM_BYTES + if let What::Record { bytes, .. } = &self.what { bytes.capacity() } else { 0 }
    }
}

/// What all sessions use: the keys, and buffers of which one is enough for all.
#[derive(Debug)]
pub struct Tools {
    /// The secrets known.
    pub keys: Keys,
    /// Plaintext of the record that was opened last.
    scratch: Vec<u8>,
    /// A record's buffer that nobody uses.
    spare: Vec<u8>,
}

impl Tools {
    /// With these keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Tools { keys, scratch: Vec::new(), spare: Vec::new() }
    }
}

/// One direction.
#[derive(Debug)]
struct Half<M> {
    /// The record that is not whole yet: what is here of its header and body.
    partial: Vec<u8>,
    /// Bytes of it that went by, missing ones too.
    passed: usize,
    is_broken: bool,
    /// Where it begins, and what was said of that.
    start: u32,
    first: Option<M>,
    /// The next header is looked for behind a hole that begins here.
    seeking: Option<u32>,
    /// The record was found so.
    behind: Option<u32>,
    /// What stood where a header must stand is none.
    is_unframed: bool,
    /// Nothing more is read.
    is_over: bool,

    stage: Stage,
    /// Finished was the last record of this stage.
    is_finished: bool,
    opener: Option<Opener>,
    /// Of the next record.
    number: u64,
    messages: Messages,
    /// The secret in use in TLS 1.3's last stage.
    secret: Option<Secret>,
    /// Nobody knows which number the next record has: the hole began here.
    unsure: Option<u32>,
    tries: u8,
    failures: u8,
}

impl<M> Half<M> {
    fn new() -> Self {
        Half {
            partial: Vec::new(),
            passed: 0,
            is_broken: false,
            start: 0,
            first: None,
            seeking: None,
            behind: None,
            is_unframed: false,
            is_over: false,
            stage: Stage::Clear,
            is_finished: false,
            opener: None,
            number: 0,
            messages: Messages::default(),
            secret: None,
            unsure: None,
            tries: 0,
            failures: 0,
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.is_finished = false;
        self.opener = None;
        self.secret = None;
        self.number = 0;
        self.messages = Messages::default();
    }

    /// Bytes of the record in progress once its header is here.
    fn needed(&self) -> Option<usize> {
        let header = self.partial.first_chunk::<HEADER_BYTES>()?;
        (self.passed >= HEADER_BYTES).then(|| HEADER_BYTES + body_bytes(*header))
    }

    /// Looks for the next header, behind a hole that begins here. Gives the buffer back.
    fn seek(&mut self, from: u32) -> Vec<u8> {
        self.passed = 0;
        self.is_broken = false;
        self.behind = None;
        self.seeking = Some(from);
        std::mem::take(&mut self.partial)
    }
}

/// What taking a record came to.
enum Taken {
    /// Its keys are not known yet.
    Waits,
    Nothing,
    /// Plaintext: so many bytes of the scratch buffer.
    Plain(usize),
    Gap(u64),
    /// Plaintext behind a gap.
    Behind(u64, usize),
}

/// How the whole connection is to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Open,
    Counted,
}

/// A connection that begins with a ClientHello.
#[derive(Debug)]
pub struct Session<M> {
    client: Side,
    client_random: Option<[u8; 32]>,
    agreed: Option<Agreed>,
    halves: [Half<M>; 2],
    early: Early,
    /// Records of early data, until the server has said whether it takes them.
    early_records: VecDeque<Item<M>>,
    line: VecDeque<Item<M>>,
    /// Charged for both, for records that are not whole, and for the session itself.
    held: usize,
    /// Plaintext in the scratch buffer that a gap was told before.
    ready: Option<(Item<M>, usize)>,
    waits: bool,
    outcome: Outcome,
    /// Bytes taken while it is not known whether they can be read.
    unread_bytes: u64,
}

fn body_bytes([_, _, _, high, low]: [u8; HEADER_BYTES]) -> usize {
    usize::from(u16::from_be_bytes([high, low]))
}

fn is_header(header: [u8; HEADER_BYTES]) -> bool {
    let [kind, major, minor, ..] = header;
    matches!(kind, 20..=24) && major == 3 && minor <= 4 && body_bytes(header) <= BODY_BYTES_MAX
}

/// Whether what begins here may be a client's first record.
#[must_use]
fn may_be_hello(bytes: &[u8]) -> bool {
    bytes.first() == Some(&HANDSHAKE) && bytes.get(HEADER_BYTES).is_none_or(|kind| *kind == hello::CLIENT_HELLO)
}

impl<M: Copy> Session<M> {
    /// A session of the client on this side, if what it sends first may be a ClientHello.
    #[must_use]
    pub fn begin(client: Side, bytes: &[u8]) -> Option<Self> {
        may_be_hello(bytes).then(|| Session {
            client,
            client_random: None,
            agreed: None,
            halves: [Half::new(), Half::new()],
            early: Early::None,
            early_records: VecDeque::new(),
            line: VecDeque::new(),
            held: SESSION_BYTES,
            ready: None,
            waits: false,
            outcome: Outcome::Open,
            unread_bytes: 0,
        })
    }

    /// Bytes that are held now, as charged.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held + self.halves.iter().map(|half| half.messages.held_bytes()).sum::<usize>()
    }

    /// Records wait for their keys.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Nothing more is read in this direction.
    #[must_use]
    pub fn is_over(&self, side: Side) -> bool {
        self.halves[side.index()].is_over
    }

    /// The next bytes of a direction.
    pub fn on_bytes(
        &mut self,
        side: Side,
        mut seq: u32,
        mut bytes: &[u8],
        place: M,
        tools: &mut Tools,
        counters: &mut Counters,
    ) {
        if self.halves[side.index()].is_over {
            counters.tls_bytes += bytes.len() as u64;
        } else if self.outcome == Outcome::Open {
            self.unread_bytes += bytes.len() as u64;
        }
        while !bytes.is_empty() {
            let half = &mut self.halves[side.index()];
            if half.is_over || half.is_unframed {
                return;
            }
            if let Some(from) = half.seeking {
                let Some(at) = find_record(bytes) else { return };
                half.seeking = None;
                half.behind = Some(from);
                (seq, bytes) = advanced(seq, bytes, at);
            }
            if half.passed == 0 {
                half.start = seq;
                half.first = Some(place);
                half.partial = std::mem::take(&mut tools.spare);
                self.held += half.partial.capacity();
            }
            let needed = half.needed().unwrap_or(HEADER_BYTES);
            let take = (needed - half.passed).min(bytes.len());
            if !half.is_broken {
                let before = half.partial.capacity();
                half.partial.extend_from_slice(bytes.get(..take).unwrap_or_default());
                self.held += half.partial.capacity() - before;
            }
            half.passed += take;
            (seq, bytes) = advanced(seq, bytes, take);
            if half.passed == HEADER_BYTES && half.partial.first_chunk().is_some_and(|header| !is_header(*header)) {
                half.is_unframed = true;
                self.push(side, What::Lost, place);
                return;
            }
            if half.needed() == Some(half.passed) {
                self.end_record(side, place, tools);
            }
        }
    }

    /// Bytes of a direction will not come; the first of them would stand at `seq`.
    pub fn on_gap(&mut self, side: Side, seq: u32, bytes: u64, place: M, tools: &mut Tools) {
        let half = &mut self.halves[side.index()];
        if half.is_over || half.is_unframed || half.seeking.is_some() {
            return;
        }
        if let Some(needed) = half.needed()
            && bytes <= (needed - half.passed) as u64
        {
            half.passed += usize::try_from(bytes).unwrap_or(0);
            half.is_broken = true;
            if half.passed == needed {
                self.end_record(side, place, tools);
            }
            return;
        }
        let from = if half.passed > 0 { half.start } else { seq };
        self.held -= half.seek(from).capacity();
    }

    /// Its sender ended this direction.
    pub fn on_end(&mut self, side: Side, place: M) {
        self.push(side, What::End, place);
    }

    /// The record in progress is whole.
    fn end_record(&mut self, side: Side, last: M, tools: &mut Tools) {
        let half = &mut self.halves[side.index()];
        let mut bytes = std::mem::take(&mut half.partial);
        self.held -= bytes.capacity();
        half.passed = 0;
        let behind = half.behind.take();
        let is_broken = std::mem::take(&mut half.is_broken);
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>().copied() else { return };
        let what = if is_broken {
            bytes.clear();
            tools.spare = bytes;
            What::Broken { header }
        } else {
            What::Record { header, bytes, behind }
        };
        self.push(side, what, last);
    }

    fn push(&mut self, side: Side, what: What, last: M) {
        let half = &mut self.halves[side.index()];
        let first = half.first.take().unwrap_or(last);
        let item = Item { side, seq: half.start, what, first, last };
        self.held += item.cost();
        self.line.push_back(item);
    }

    /// What comes next, as far as keys are known. To be asked until there is nothing more.
    pub fn next<'t>(&mut self, tools: &'t mut Tools, counters: &mut Counters) -> Step<'t, M> {
        if let Some((item, bytes)) = self.ready.take() {
            return plain(item, bytes, tools);
        }
        self.waits = false;
        while let Some(item) = self.line.pop_front() {
            self.held -= item.cost();
            let Item { side, last, .. } = item;
            let taken = match &item.what {
                What::End => return Step::End { side, at: last },
                What::Lost => {
                    self.lose(side, counters);
                    Taken::Gap(UNKNOWN_BYTES)
                }
                What::Broken { header } => self.take_broken(&item, *header, counters),
                What::Record { .. } if self.halves[side.index()].is_over => Taken::Nothing,
                What::Record { header, bytes, behind } => {
                    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
                    self.take_record(&item, Raw { header: *header, body }, *behind, tools, counters)
                }
            };
            match taken {
                Taken::Waits => {
                    self.held += item.cost();
                    self.line.push_front(item);
                    self.waits = true;
                    return Step::Idle;
                }
                Taken::Nothing => {
                    if matches!(self.early, Early::Offered) && self.is_early(&item) {
                        self.held += item.cost();
                        self.early_records.push_back(item);
                    } else {
                        reuse(item, tools);
                    }
                }
                Taken::Plain(bytes) => return plain(item, bytes, tools),
                Taken::Gap(bytes) => return Step::Gap { side, bytes, at: last },
                Taken::Behind(gap, bytes) => {
                    self.ready = Some((item, bytes));
                    return Step::Gap { side, bytes: gap, at: last };
                }
            }
        }
        // What waits is charged by its number: of those that waited no place is kept.
        for items in [&mut self.line, &mut self.early_records] {
            if items.is_empty() && items.capacity() > LINE_MAX {
                *items = VecDeque::new();
            }
        }
        Step::Idle
    }

    fn is_early(&self, item: &Item<M>) -> bool {
        let is_data = matches!(item.what, What::Record { header: [APPLICATION_DATA, ..], .. });
        is_data && item.side == self.client && self.halves[item.side.index()].stage != Stage::Application
    }

    /// Gives up what waits: nobody will say its keys. `is_cap` says that it had to make room.
    pub fn give_up(&mut self, is_cap: bool, counters: &mut Counters) {
        let waiting = if self.waits { (self.line.len() + self.early_records.len()) as u64 } else { 0 };
        *if is_cap { &mut counters.tls_records_lost.cap } else { &mut counters.tls_records_lost.no_key } += waiting;
        self.stop(counters);
    }

    /// Nobody wants to know more.
    pub fn stop(&mut self, counters: &mut Counters) {
        self.conclude(counters);
        self.line.clear();
        self.early_records.clear();
        self.waits = false;
        self.held = 0;
        for half in &mut self.halves {
            *half = Half { is_over: true, ..Half::new() };
        }
    }

    /// Counts the connection, if it was not yet.
    fn conclude(&mut self, counters: &mut Counters) {
        if self.outcome == Outcome::Counted {
            return;
        }
        self.outcome = Outcome::Counted;
        counters.tls_bytes += std::mem::take(&mut self.unread_bytes);
        let failed = self.halves.iter().any(|half| half.failures > 0 || half.tries > 0);
        let is_sealed = self.waits || self.halves.iter().any(|half| half.stage != Stage::Clear);
        let outcomes = &mut counters.tls_connections;
        if failed {
            outcomes.not_verified += 1;
        } else if self.agreed.is_none() || self.client_random.is_none() {
            outcomes.no_hello += 1;
        } else if is_sealed {
            outcomes.no_key += 1;
        }
    }

    /// A record verified.
    fn verified(&mut self, counters: &mut Counters) {
        if self.outcome == Outcome::Open {
            self.outcome = Outcome::Counted;
            self.unread_bytes = 0;
            counters.tls_connections.decrypted += 1;
        }
    }

    fn lose(&mut self, side: Side, counters: &mut Counters) {
        let half = &mut self.halves[side.index()];
        self.held -= std::mem::take(&mut half.partial).capacity();
        half.is_over = true;
        if self.halves.iter().all(|half| half.is_over) {
            self.conclude(counters);
        }
    }

    fn take_broken(&mut self, item: &Item<M>, header: [u8; HEADER_BYTES], counters: &mut Counters) -> Taken {
        let half = &mut self.halves[item.side.index()];
        counters.tls_records_lost.gap += 1;
        if half.stage == Stage::Clear && header[0] != APPLICATION_DATA {
            half.messages.lose();
            return Taken::Nothing;
        }
        half.number += 1;
        match half.stage {
            Stage::Handshake => {
                // It may have been Finished, or the first one behind that.
                half.messages.lose();
                half.unsure.get_or_insert(item.seq);
                Taken::Nothing
            }
            Stage::Sealed if header[0] != APPLICATION_DATA => Taken::Nothing,
            Stage::Clear | Stage::Sealed | Stage::Application => {
                half.messages = Messages::default();
                // Without a key nothing was given yet that would need to know.
                let overhead = half.opener.as_ref().map_or(0, Opener::overhead);
                Taken::Gap(body_bytes(header).saturating_sub(overhead) as u64)
            }
        }
    }

    fn take_record(
        &mut self,
        item: &Item<M>,
        raw: Raw<'_>,
        behind: Option<u32>,
        tools: &mut Tools,
        counters: &mut Counters,
    ) -> Taken {
        let side = item.side;
        let half = &mut self.halves[side.index()];
        if behind.is_some() {
            half.unsure = behind;
        }
        if half.stage == Stage::Clear {
            match (raw.header[0], self.agreed) {
                (HANDSHAKE, _) if half.unsure.is_none() => return self.take_hellos(side, raw.body, counters),
                (CHANGE_CIPHER_SPEC, Some(Agreed { is_tls13: false, .. })) => {
                    half.enter(Stage::Sealed);
                    return Taken::Nothing;
                }
                // Its ChangeCipherSpec was lost.
                (APPLICATION_DATA, Some(Agreed { is_tls13: false, .. })) => {
                    half.enter(Stage::Sealed);
                    half.unsure.get_or_insert(item.seq);
                }
                // Without a ServerHello nobody can read it; it may be early data.
                _ => return Taken::Nothing,
            }
        }
        let (Some(agreed), Some(random)) = (self.agreed, self.client_random) else { return Taken::Nothing };
        let Tools { keys, scratch, .. } = tools;
        if agreed.is_tls13 {
            if raw.header[0] != APPLICATION_DATA {
                return Taken::Nothing; // for middle boxes
            }
            if half.stage == Stage::Application {
                return self.take_application(item, raw, agreed, scratch, counters);
            }
            let Some(secrets) = keys.of(&random) else { return Taken::Waits };
            return self.take_handshake(item, raw, agreed, secrets, scratch, counters);
        }
        if half.opener.is_none() {
            let Some(master) = keys.of(&random).and_then(|s| s.master.as_ref()) else { return Taken::Waits };
            let [client, server] = Opener::tls12(agreed.suite, master, &random, &agreed.server_random);
            half.opener = Some(if self.client == side { client } else { server });
        }
        let Some(opener) = &half.opener else { return Taken::Waits };
        let numbers = half.number..=half.number + skipped_max(half.unsure, item.seq);
        match open_any(opener, numbers, raw, scratch) {
            Some((number, kind, bytes)) => self.opened(item, number, kind, bytes, scratch, counters),
            None => self.failed(item, raw.header, counters),
        }
    }

    /// Handshake messages in the clear.
    fn take_hellos(&mut self, side: Side, mut bytes: &[u8], counters: &mut Counters) -> Taken {
        let is_client = self.client == side;
        loop {
            let messages = &mut self.halves[side.index()].messages;
            let (client_hello, server_hello) = match messages.next(&mut bytes) {
                Some((hello::CLIENT_HELLO, body)) if is_client => {
                    (hello::client_random(body).map(|random| (random, hello::offers_early_data(body))), None)
                }
                Some((hello::SERVER_HELLO, body)) if !is_client => (None, ServerHello::read(body)),
                Some(_) => continue,
                None => return Taken::Nothing,
            };
            if let Some((random, offers)) = client_hello {
                self.client_random = Some(random);
                self.early = if offers { Early::Offered } else { Early::None };
            }
            if let Some(server_hello) = server_hello {
                self.on_server_hello(server_hello, counters);
            }
        }
    }

    fn on_server_hello(&mut self, hello: ServerHello, counters: &mut Counters) {
        if hello.is_retry() {
            self.decide_early(false);
            return;
        }
        let is_tls13 = hello.version == 0x0304;
        let suite = match hello.version {
            0x0304 => Suite::of_tls13(hello.suite),
            0x0303 if !hello.is_compressed => Suite::of_tls12(hello.suite),
            _ => None,
        };
        let Some(suite) = suite else {
            if self.outcome == Outcome::Open {
                self.outcome = Outcome::Counted;
                counters.tls_bytes += std::mem::take(&mut self.unread_bytes);
                counters.on_unreadable_suite(hello.suite);
            }
            self.give_up(false, counters);
            return;
        };
        self.agreed = Some(Agreed { is_tls13, suite, server_random: hello.random });
        if is_tls13 {
            for half in &mut self.halves {
                half.enter(Stage::Handshake);
            }
        } else {
            self.decide_early(false);
        }
    }

    /// The server said whether it takes early data.
    fn decide_early(&mut self, takes: bool) {
        if !matches!(self.early, Early::Offered) {
            return;
        }
        self.early = if takes { Early::Taken(0, None) } else { Early::Refused };
        while let Some(item) = self.early_records.pop_back() {
            if takes {
                self.line.push_front(item);
            } else {
                self.held -= item.cost();
            }
        }
    }

    /// A record of TLS 1.3 between ServerHello and Finished.
    fn take_handshake(
        &mut self,
        item: &Item<M>,
        raw: Raw<'_>,
        agreed: Agreed,
        secrets: &Secrets,
        scratch: &mut Vec<u8>,
        counters: &mut Counters,
    ) -> Taken {
        let side = item.side;
        let is_client = self.client == side;
        let role = usize::from(!is_client);
        if is_client && matches!(self.early, Early::Offered) {
            return Taken::Nothing; // kept as early data
        }
        if is_client && let Early::Taken(number, opener) = &mut self.early {
            if opener.is_none() {
                *opener = secrets.early.as_ref().and_then(|secret| Opener::tls13(agreed.suite, secret));
            }
            let opened = opener.as_ref().and_then(|opener| opener.open(*number, raw, scratch));
            *number += 1;
            if let Some((kind, plain)) = opened {
                let bytes = plain.len();
                match kind {
                    HANDSHAKE if plain.first() == Some(&hello::END_OF_EARLY_DATA) => self.early = Early::None,
                    APPLICATION_DATA => {
                        self.verified(counters);
                        return Taken::Plain(bytes);
                    }
                    _ => {}
                }
                self.verified(counters);
                return Taken::Nothing;
            }
        }
        let half = &mut self.halves[side.index()];
        if half.opener.is_none() {
            half.opener = secrets.handshake[role].as_ref().and_then(|secret| Opener::tls13(agreed.suite, secret));
        }
        let skipped_max = skipped_max(half.unsure, item.seq);
        if let Some(opener) = half.opener.as_ref().filter(|_| !half.is_finished) {
            let numbers = half.number..=half.number + skipped_max;
            if let Some((number, kind, bytes)) = open_any(opener, numbers, raw, scratch) {
                if is_client {
                    self.early = Early::None;
                }
                return self.opened(item, number, kind, bytes, scratch, counters);
            }
        }
        // Finished, or what begins with it, was lost or cannot be read.
        let Some(secret) = &secrets.application[role] else {
            let is_known = half.opener.is_some() && !half.is_finished;
            return if is_known { self.failed(item, raw.header, counters) } else { Taken::Waits };
        };
        let opened = Opener::tls13(agreed.suite, secret)
            .and_then(|opener| Some((open_any(&opener, 0..=skipped_max, raw, scratch)?, opener)));
        let Some(((number, kind, bytes), opener)) = opened else {
            let is_expected = half.opener.is_none() || is_client && !matches!(self.early, Early::None);
            return if is_expected && half.unsure.is_none() {
                Taken::Nothing
            } else {
                self.failed(item, raw.header, counters)
            };
        };
        self.enter_application(side, opener, secret.copy());
        self.opened(item, number, kind, bytes, scratch, counters)
    }

    fn enter_application(&mut self, side: Side, opener: Opener, secret: Secret) {
        let half = &mut self.halves[side.index()];
        half.enter(Stage::Application);
        (half.opener, half.secret) = (Some(opener), Some(secret));
        if self.client == side {
            self.early = Early::None;
        } else {
            // It said so in a record that could not be read.
            self.decide_early(true);
        }
    }

    /// A record of TLS 1.3 behind Finished.
    fn take_application(
        &mut self,
        item: &Item<M>,
        raw: Raw<'_>,
        agreed: Agreed,
        scratch: &mut Vec<u8>,
        counters: &mut Counters,
    ) -> Taken {
        let half = &mut self.halves[item.side.index()];
        let Some(opener) = &half.opener else { return self.failed(item, raw.header, counters) };
        let skipped_max = skipped_max(half.unsure, item.seq);
        let numbers = half.number..=half.number + skipped_max;
        if let Some((number, kind, bytes)) = open_any(opener, numbers, raw, scratch) {
            return self.opened(item, number, kind, bytes, scratch, counters);
        }
        // A KeyUpdate may have been lost.
        if half.unsure.is_some()
            && let Some(secret) = half.secret.as_ref().and_then(|secret| updated(agreed.suite, secret))
            && let Some(opener) = Opener::tls13(agreed.suite, &secret)
            && let Some((number, kind, bytes)) = open_any(&opener, 0..=skipped_max, raw, scratch)
        {
            (half.opener, half.secret) = (Some(opener), Some(secret));
            // How many records of the old key were lost, nothing tells.
            half.number = number;
            return match self.opened(item, number, kind, bytes, scratch, counters) {
                Taken::Plain(bytes) => Taken::Behind(UNKNOWN_BYTES, bytes),
                other => other,
            };
        }
        self.failed(item, raw.header, counters)
    }

    /// A record verified under this number; its plaintext lies in the scratch buffer.
    fn opened(
        &mut self,
        item: &Item<M>,
        number: u64,
        kind: u8,
        bytes: usize,
        scratch: &[u8],
        counters: &mut Counters,
    ) -> Taken {
        self.verified(counters);
        let side = item.side;
        let half = &mut self.halves[side.index()];
        let missed = number - half.number;
        half.number = number + 1;
        half.failures = 0;
        let hole = half.unsure.take();
        if hole.is_some() {
            half.messages = Messages::default();
            counters.tls_records_lost.gap += missed;
        }
        // What the first numbers seal in TLS 1.2 is Finished.
        let is_data_missed = missed > u64::from(half.stage == Stage::Sealed && number <= 1);
        let gap = hole.filter(|_| is_data_missed && half.stage != Stage::Handshake).map(|from| {
            let lost = u64::from(item.seq.wrapping_sub(from));
            let overhead = half.opener.as_ref().map_or(0, Opener::overhead) + HEADER_BYTES;
            lost.saturating_sub(missed.saturating_mul(overhead as u64))
        });
        match (kind, half.stage) {
            (APPLICATION_DATA, Stage::Sealed | Stage::Application) => {
                return gap.map_or(Taken::Plain(bytes), |gap| Taken::Behind(gap, bytes));
            }
            (CHANGE_CIPHER_SPEC, Stage::Sealed) => half.enter(Stage::Sealed),
            (HANDSHAKE, _) => self.take_sealed_messages(side, scratch.get(..bytes).unwrap_or_default(), counters),
            _ => {}
        }
        gap.map_or(Taken::Nothing, Taken::Gap)
    }

    /// Handshake messages that were sealed.
    fn take_sealed_messages(&mut self, side: Side, mut bytes: &[u8], counters: &mut Counters) {
        if self.halves[side.index()].stage == Stage::Sealed {
            self.take_hellos(side, bytes, counters); // they negotiate anew
            return;
        }
        while let Some((kind, body)) = self.halves[side.index()].messages.next(&mut bytes) {
            match kind {
                hello::ENCRYPTED_EXTENSIONS => {
                    let takes = hello::takes_early_data(body);
                    self.decide_early(takes);
                }
                hello::FINISHED => self.halves[side.index()].is_finished = true,
                // RFC 8446 § 5.1: it ends its record.
                hello::KEY_UPDATE => {
                    self.on_key_update(side);
                    self.halves[side.index()].messages = Messages::default();
                    return;
                }
                _ => {}
            }
        }
    }

    fn on_key_update(&mut self, side: Side) {
        let Some(agreed) = self.agreed else { return };
        let half = &mut self.halves[side.index()];
        if let Some(secret) = half.secret.as_ref().and_then(|secret| updated(agreed.suite, secret)) {
            half.opener = Opener::tls13(agreed.suite, &secret);
            half.secret = Some(secret);
            half.number = 0;
        }
    }

    /// A record's tag says no under all keys that it may have.
    fn failed(&mut self, item: &Item<M>, header: [u8; HEADER_BYTES], counters: &mut Counters) -> Taken {
        let half = &mut self.halves[item.side.index()];
        counters.tls_records_lost.not_verified += 1;
        if let Some(from) = half.unsure {
            half.tries += 1;
            if half.tries >= TRIES_MAX {
                self.lose(item.side, counters);
                return Taken::Gap(UNKNOWN_BYTES);
            }
            if half.seeking.is_none() {
                self.held -= half.seek(from).capacity();
            }
            return Taken::Nothing;
        }
        half.failures += 1;
        half.number += 1;
        if half.failures >= FAILURES_MAX {
            self.lose(item.side, counters);
            return Taken::Gap(UNKNOWN_BYTES);
        }
        let overhead = half.opener.as_ref().map_or(0, Opener::overhead);
        Taken::Gap(body_bytes(header).saturating_sub(overhead) as u64)
    }
}

fn advanced(seq: u32, bytes: &[u8], by: usize) -> (u32, &[u8]) {
    (seq.wrapping_add(u32::try_from(by).unwrap_or(0)), bytes.get(by..).unwrap_or_default())
}

/// Where something that looks like a whole header of application data begins.
fn find_record(bytes: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, &[APPLICATION_DATA, 3, 3]).find(|at| {
        let header = bytes.get(*at..).and_then(<[u8]>::first_chunk::<HEADER_BYTES>);
        header.is_some_and(|header| (TAG_BYTES..=BODY_BYTES_MAX).contains(&body_bytes(*header)))
    })
}

/// So many records at most lie in the hole before this place.
fn skipped_max(hole: Option<u32>, seq: u32) -> u64 {
    let records = |from: u32| u64::from(seq.wrapping_sub(from)) / (HEADER_BYTES + TAG_BYTES + 1) as u64 + 2;
    hole.map_or(0, |from| records(from).min(NUMBERS_MAX))
}

/// Opens a record under the first of these numbers that fits: that number, its content type, and how long its plaintext is.
fn open_any(
    opener: &Opener,
    mut numbers: RangeInclusive<u64>,
    raw: Raw<'_>,
    scratch: &mut Vec<u8>,
) -> Option<(u64, u8, usize)> {
    numbers.find_map(|number| {
        let (kind, plain) = opener.open(number, raw, scratch)?;
        Some((number, kind, plain.len()))
    })
}

fn plain<M: Copy>(item: Item<M>, bytes: usize, tools: &mut Tools) -> Step<'_, M> {
    let Item { side, seq, first, last, .. } = item;
    reuse(item, tools);
    Step::Plain { side, seq, bytes: tools.scratch.get(..bytes).unwrap_or_default(), first, last }
}

/// Keeps a record's buffer for the next one.
fn reuse<M>(item: Item<M>, tools: &mut Tools) {
    if let What::Record { mut bytes, .. } = item.what {
        bytes.clear();
        tools.spare = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3, high, low], body].concat()
    }

    fn read(session: &mut Session<()>, side: Side, bytes: &[u8], tools: &mut Tools) -> Counters {
        let mut counters = Counters::default();
        session.on_bytes(side, 0, bytes, (), tools, &mut counters);
        while !matches!(session.next(tools, &mut counters), Step::Idle) {}
        counters
    }

    #[test]
    fn what_a_hello_takes_is_charged_and_given_back() {
        let mut tools = Tools::new(Keys::new(&Limits::default(), true));
        let hello = [&[hello::CLIENT_HELLO, 0, 4, 0, 3, 3][..], &[7; 1022]].concat();
        let bytes: Vec<u8> = hello.iter().flat_map(|byte| record(HANDSHAKE, &[*byte])).collect();
        let mut session = Session::begin(Side::Low, &bytes).expect("a hello");
        let (most, last) = bytes.split_at(bytes.len() - 6);
        read(&mut session, Side::Low, most, &mut tools);
        assert!(session.held() >= SESSION_BYTES + 1000, "{} bytes", session.held());
        assert!(session.line.capacity() <= LINE_MAX, "room for {} records is kept", session.line.capacity());
        read(&mut session, Side::Low, last, &mut tools);
        assert_eq!(session.client_random, Some([7; 32]));
        assert_eq!(session.held(), SESSION_BYTES);
    }
}
