//! The same bytes in other segments are the same messages; lost bytes are lost messages and counted gaps, never wrong pairs.

#[path = "segmentation/frames.rs"]
mod frames;

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};

use corstap::counters::Counters;
use corstap::decode::{Endpoint, FlowKey, Segment, Side, TcpFlags, TunnelId};
use corstap::http::head::Name;
use corstap::http::{HttpEvent, Mark};
use corstap::limits::Limits;
use corstap::options::EngineOptions;
use corstap::packet::{MILLISECOND, Order, SECOND, Time};
use corstap::stream::Streams;
use frames::multiplexed;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult, TestRunner};

/// What one side says at once: a message of number `n`, or a part of one.
#[derive(Debug, Clone)]
struct Said {
    client: bool,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Sent {
    client: bool,
    seq: u32,
    ack: u32,
    flags: u8,
    bytes: Vec<u8>,
}

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Framed {
    None,
    Counted,
    Chunked,
}

#[derive(Debug, Clone)]
struct Exchange {
    upload: Option<(Framed, usize)>,
    answer: Framed,
    answer_bytes: usize,
    interim: bool,
    head: bool,
    /// The body's text is a message itself.
    decoy: bool,
    /// Head and body are said at once: otherwise the body begins a segment of its own.
    joined: bool,
    /// The client waits for `100 Continue` before it sends its body.
    expects: bool,
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let framed = prop_oneof![Just(Framed::None), Just(Framed::Counted), Just(Framed::Chunked)];
    let upload = prop_oneof![2 => Just(None), 1 => (prop_oneof![Just(Framed::Counted), Just(Framed::Chunked)], 1..400_usize).prop_map(Some)];
    let odds = [0.1, 0.1, 0.3, 0.3, 0.2].map(prop::bool::weighted);
    (upload, framed, 0..600_usize, odds).prop_map(
        |(upload, answer, answer_bytes, [interim, head, decoy, joined, expects])| Exchange {
            upload,
            answer,
            answer_bytes,
            interim,
            head,
            decoy,
            joined,
            expects,
        },
    )
}

fn body(framed: Framed, bytes: usize, decoy: Option<&str>) -> Vec<u8> {
    let mut text: Vec<u8> =
        decoy.unwrap_or_default().bytes().cycle().take(if decoy.is_some() { bytes } else { 0 }).collect();
    text.resize(bytes, b'x');
    match framed {
        Framed::None => Vec::new(),
        Framed::Counted => text,
        Framed::Chunked => {
            let mut out = Vec::new();
            for chunk in text.chunks(100) {
                out.extend(format!("{:x};ext=\"y\"\r\n", chunk.len()).bytes());
                out.extend_from_slice(chunk);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\nTrailer: z\r\n\r\n");
            out
        }
    }
}

fn framing(framed: Framed, bytes: usize) -> String {
    match framed {
        Framed::None => String::new(),
        Framed::Counted => format!("Content-Length: {bytes}\r\n"),
        Framed::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
    }
}

const DECOY_REQUEST: &str = "GET /decoy HTTP/1.1\r\nHost: decoy.invalid\r\n\r\n";
const DECOY_RESPONSE: &str = "HTTP/1.1 299 Decoy\r\nEtag: decoy\r\nContent-Length: 0\r\n\r\n";

/// The request of number `n`, and its answer, which names it in its Etag.
fn say(n: usize, e: &Exchange) -> (Vec<Said>, Vec<Said>) {
    let method = if e.head {
        "HEAD"
    } else if e.upload.is_some() {
        "POST"
    } else {
        "GET"
    };
    let (up, up_bytes) = e.upload.filter(|_| !e.head).unwrap_or((Framed::None, 0));
    let head =
        format!("{method} /{n} HTTP/1.1\r\nHost: b.test\r\nOrigin: http://a.test\r\n{}\r\n", framing(up, up_bytes));
    let asked = said(true, head, body(up, up_bytes, e.decoy.then_some(DECOY_REQUEST)), e.joined);
    let (status, answer) = if e.answer == Framed::None { (204, Framed::None) } else { (200, e.answer) };
    let mut answered = Vec::new();
    if e.interim {
        answered.push(Said { client: false, bytes: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec() });
    }
    let fields = framing(answer, e.answer_bytes);
    let head = format!("HTTP/1.1 {status} X\r\nEtag: {n}\r\nAccess-Control-Allow-Origin: *\r\n{fields}\r\n");
    let text = if e.head { Vec::new() } else { body(answer, e.answer_bytes, e.decoy.then_some(DECOY_RESPONSE)) };
    answered.extend(said(false, head, text, e.joined));
    (asked, answered)
}

fn said(client: bool, head: String, body: Vec<u8>, joined: bool) -> Vec<Said> {
    let head = head.into_bytes();
    let parts = if joined { vec![[head, body].concat()] } else { vec![head, body] };
    parts.into_iter().map(|bytes| Said { client, bytes }).collect()
}

/// One request after the other.
fn one_by_one(exchanges: &[Exchange]) -> Vec<Said> {
    let said = exchanges.iter().enumerate().flat_map(|(n, e)| {
        let (mut asked, answered) = say(n, e);
        if e.expects && e.upload.is_some() && asked.len() > 1 {
            asked.insert(1, Said { client: false, bytes: b"HTTP/1.1 100 Continue\r\n\r\n".to_vec() });
        }
        asked.into_iter().chain(answered)
    });
    said.filter(|s| !s.bytes.is_empty()).collect()
}

/// Requests without waiting, `ahead` of the answers at most.
fn pipelined(exchanges: &[Exchange], ahead: &[usize]) -> Vec<Said> {
    let mut said = Vec::new();
    let (mut asked, mut answered) = (0, 0);
    let mut ahead = ahead.iter().cycle();
    while answered < exchanges.len() {
        let burst = ahead.next().copied().unwrap_or(1);
        while asked < exchanges.len() && asked - answered < burst {
            said.extend(say(asked, &exchanges[asked]).0);
            asked += 1;
        }
        said.extend(say(answered, &exchanges[answered]).1);
        answered += 1;
    }
    said.retain(|s| !s.bytes.is_empty());
    said
}

/// Splits what is said at the given places (permille of each), with sequence numbers that wrap.
fn segments(said: &[Said], cuts: &[u16]) -> Vec<Sent> {
    let mut next = [u32::MAX - 300, u32::MAX - 900];
    let mut out = Vec::new();
    let mut sent = |client: bool, flags: u8, bytes: &[u8]| {
        let (me, peer) = if client { (0, 1) } else { (1, 0) };
        let (seq, ack) = (next[me], next[peer]);
        let takes = u32::from(flags & (TcpFlags::SYN | TcpFlags::FIN) != 0) + u32::try_from(bytes.len()).unwrap();
        next[me] = seq.wrapping_add(takes);
        out.push(Sent { client, seq, ack, flags, bytes: bytes.to_vec() });
    };
    sent(true, TcpFlags::SYN, b"");
    sent(false, TcpFlags::SYN | TcpFlags::ACK, b"");
    let mut cuts = cuts.iter().cycle();
    for s in said {
        let mut rest = s.bytes.as_slice();
        while !rest.is_empty() {
            let cut = cuts.next().map_or(rest.len(), |c| (rest.len() * usize::from(*c) / 1000).clamp(1, rest.len()));
            let (now, later) = rest.split_at(cut);
            sent(s.client, TcpFlags::ACK, now);
            rest = later;
        }
    }
    sent(true, TcpFlags::FIN | TcpFlags::ACK, b"");
    sent(false, TcpFlags::FIN | TcpFlags::ACK, b"");
    out
}

#[derive(Debug, Default, PartialEq, Clone)]
struct Outcome {
    /// By direction, in order: what each message is, its body's bytes and how that ended.
    requests: Vec<String>,
    responses: Vec<String>,
    /// Which answer was paired with which request.
    pairs: Vec<(String, String)>,
}

fn read(sent: &[Sent]) -> (Outcome, Counters) {
    let end = |n: u8, port| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)), port };
    let flow = FlowKey { low: end(1, 40000), high: end(2, 8080), tunnel: TunnelId(0) };
    let mut streams = Streams::new(&Limits::default(), &EngineOptions::default());
    let mut counters = Counters::default();
    let mut events = Vec::new();
    let mut mark = Mark { time: Time(0), order: Order(0) };
    for s in sent {
        mark = Mark { time: mark.time.plus(MILLISECOND), order: Order(mark.order.0 + 1) };
        let segment = Segment {
            flow,
            side: if s.client { Side::Low } else { Side::High },
            seq: s.seq,
            ack: (s.flags & TcpFlags::ACK != 0).then_some(s.ack),
            flags: TcpFlags(s.flags),
            payload: &s.bytes,
            cut: 0,
        };
        streams.on_segment(&segment, mark, &mut events, &mut counters);
    }
    for _ in 0..8 {
        mark.time = Time((mark.time.0 / SECOND + 1) * SECOND);
        streams.advance(mark, &mut events, &mut counters);
    }
    streams.finish(mark, &mut events, &mut counters);
    let mut outcome = Outcome::default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for event in &events {
        match event {
            HttpEvent::Request(r) => {
                outcome.requests.push(format!("{} {}", text(r.head.method()), text(r.head.target())));
            }
            HttpEvent::Interim(r) => outcome.responses.push(r.status.to_string()),
            HttpEvent::Response { request, response } => {
                let etag = response.head.first(Name::Etag).map(text).unwrap_or_default();
                outcome.responses.push(format!("{} {etag}", response.status));
                if let Some(request) = request {
                    outcome.pairs.push((text(request.head.target()), etag));
                }
            }
            HttpEvent::NoAnswer { .. } => {}
            HttpEvent::End { id, body_bytes, state, .. } => {
                let list = if id.request { &mut outcome.requests } else { &mut outcome.responses };
                list.push(format!("  {body_bytes} {state:?}"));
            }
        }
    }
    (outcome, counters)
}

/// Only the messages, without their bodies.
fn heads(list: &[String]) -> Vec<&String> {
    list.iter().filter(|line| !line.starts_with(' ')).collect()
}

fn is_subsequence(part: &[&String], whole: &[&String]) -> bool {
    let mut rest = whole.iter();
    // A head that was cut may have lost the Etag that names it.
    let is_same = |p: &str, w: &str| p == w || p.ends_with(' ') && w.starts_with(p);
    part.iter().all(|p| rest.any(|w| is_same(p, w)))
}

/// The first `kept` segments are captured in any case.
fn check_loss(said: &[Said], cuts: &[u16], lost: &[u8], kept: usize) -> TestCaseResult {
    let whole = segments(said, cuts);
    let (reference, _) = read(&whole);
    let mut lost = lost.iter().cycle();
    let mut lost_bytes = 0;
    let captured: Vec<Sent> = whole
        .iter()
        .enumerate()
        .filter(|(n, s)| {
            let keep = s.bytes.is_empty() || *n < kept || lost.next().is_none_or(|l| *l > 0);
            lost_bytes += if keep { 0 } else { s.bytes.len() as u64 };
            keep
        })
        .map(|(_, s)| s.clone())
        .collect();
    let (outcome, counters) = read(&captured);
    for (part, whole) in [(&outcome.requests, &reference.requests), (&outcome.responses, &reference.responses)] {
        prop_assert!(is_subsequence(&heads(part), &heads(whole)), "{part:#?} of {whole:#?}");
    }
    for (target, etag) in &outcome.pairs {
        // A head that was cut by a gap may have lost its Etag.
        prop_assert!(etag.is_empty() || *target == format!("/{etag}"), "{target} was paired with the answer to {etag}");
    }
    prop_assert_eq!(counters.gap_bytes, lost_bytes);
    prop_assert_eq!(counters.gaps.total() > 0, lost_bytes > 0);
    Ok(())
}

fn exchanges() -> impl Strategy<Value = Vec<Exchange>> {
    prop::collection::vec(exchange(), 1..8)
}

/// `CORSTAP_SEEDS=300` makes it so many.
fn over_seeds<S: Strategy>(strategy: &S, property: impl Fn(S::Value) -> TestCaseResult) {
    let seeds = std::env::var("CORSTAP_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    for seed in 0..seeds {
        let rng_seed = RngSeed::Fixed(seed);
        let config = ProptestConfig { cases: 60, failure_persistence: None, rng_seed, ..ProptestConfig::default() };
        if let Err(why) = TestRunner::new(config).run(strategy, &property) {
            panic!("seed {seed}: {why}");
        }
    }
}

/// How many requests are sent ahead of their answers, by turns.
fn ahead(most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..=most, 1..4)
}

fn cuts(least: u16) -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(prop_oneof![Just(1000_u16), least..1001_u16], 1..40)
}

fn losses() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..8_u8, 1..80)
}

#[test]
fn any_split_gives_the_same_messages() {
    over_seeds(&(exchanges(), ahead(4), cuts(0)), |(exchanges, ahead, cuts)| {
        let said = pipelined(&exchanges, &ahead);
        let (reference, _) = read(&segments(&said, &[1000]));
        prop_assert_eq!(heads(&reference.requests).len(), exchanges.len());
        prop_assert_eq!(reference.pairs.len(), exchanges.len());
        let (split, counters) = read(&segments(&said, &cuts));
        prop_assert_eq!(&split, &reference);
        prop_assert_eq!(counters.gaps.total(), 0);
        let (single, _) = read(&segments(&said, &[0]));
        prop_assert_eq!(&single, &reference);
        Ok(())
    });
}

#[test]
fn any_split_of_frames_gives_the_same_messages() {
    over_seeds(&(exchanges(), ahead(4), cuts(0)), |(exchanges, ahead, cuts)| {
        let said = multiplexed(&exchanges, &ahead);
        let (reference, _) = read(&segments(&said, &[1000]));
        prop_assert_eq!(heads(&reference.requests).len(), exchanges.len());
        prop_assert_eq!(reference.pairs.len(), exchanges.len());
        let bodies = |list: &[String], n| list.iter().filter(|line| **line == format!("  {n} Whole")).count();
        let uploads = exchanges.iter().filter_map(|e| e.upload.filter(|_| !e.head));
        for (_, bytes) in uploads {
            prop_assert!(bodies(&reference.requests, bytes) > 0);
        }
        let (split, counters) = read(&segments(&said, &cuts));
        prop_assert_eq!(&split, &reference);
        prop_assert_eq!((counters.gaps.total(), counters.http_errors.total()), (0, 0));
        let (single, _) = read(&segments(&said, &[0]));
        prop_assert_eq!(&single, &reference);
        Ok(())
    });
}

#[test]
fn order_copies_and_overlaps_change_nothing() {
    let moves = || prop::collection::vec((0..6_usize, 0..5_u8), 1..60);
    over_seeds(&(exchanges(), ahead(3), cuts(200), moves()), |(exchanges, ahead, cuts, moves)| {
        check_order(&pipelined(&exchanges, &ahead), &cuts, &moves)
    });
    over_seeds(&(exchanges(), ahead(3), cuts(200), moves()), |(exchanges, ahead, cuts, moves)| {
        check_order(&multiplexed(&exchanges, &ahead), &cuts, &moves)
    });
}

#[test]
fn loss_among_frames_gives_a_part_and_no_wrong_pair() {
    over_seeds(&(exchanges(), ahead(4), cuts(0), losses()), |(exchanges, ahead, cuts, lost)| {
        check_loss(&multiplexed(&exchanges, &ahead), &cuts, &lost, 0)
    });
}

/// Heads that came whole name what they are, wherever the capture begins.
#[test]
fn frames_joined_midway_give_a_part_and_no_wrong_pair() {
    let seen = Cell::new(0);
    over_seeds(&(exchanges(), ahead(4), cuts(300), 1..60_usize), |(exchanges, ahead, cuts, missed)| {
        let said = multiplexed(&exchanges, &ahead);
        let whole = segments(&said, &cuts);
        let (reference, _) = read(&whole);
        let (outcome, _) = read(whole.get(missed..).unwrap_or_default());
        for (part, whole) in [(&outcome.requests, &reference.requests), (&outcome.responses, &reference.responses)] {
            prop_assert!(is_subsequence(&heads(part), &heads(whole)), "{part:#?} of {whole:#?}");
        }
        for (target, etag) in &outcome.pairs {
            prop_assert!(
                etag.is_empty() || *target == format!("/{etag}"),
                "{target} was paired with the answer to {etag}"
            );
        }
        seen.set(seen.get() + outcome.pairs.len());
        Ok(())
    });
    assert!(seen.get() > 100, "{} pairs were seen at all", seen.get());
}

fn check_order(said: &[Said], cuts: &[u16], moves: &[(usize, u8)]) -> TestCaseResult {
    let whole = segments(said, cuts);
    let (reference, _) = read(&whole);
    // The handshake stays first: without it nobody knows where a direction begins.
    let (shake, rest) = whole.split_at(2);
    let mut moves = moves.iter().cycle();
    let mut keyed: Vec<(usize, Sent)> = Vec::new();
    for (n, sent) in rest.iter().enumerate() {
        let (later, what) = *moves.next().unwrap();
        keyed.push((n + later, sent.clone()));
        match what {
            0 => keyed.push((n + later + 3, sent.clone())),
            // A copy that also has the bytes behind it.
            1 if sent.flags & TcpFlags::FIN == 0 => {
                let next = rest.get(n + 1).filter(|s| s.client == sent.client && s.flags & TcpFlags::FIN == 0);
                if let Some(next) = next {
                    let bytes = [sent.bytes.as_slice(), &next.bytes].concat();
                    keyed.push((n + later, Sent { bytes, ..sent.clone() }));
                }
            }
            _ => {}
        }
    }
    keyed.sort_by_key(|(key, _)| *key);
    let captured: Vec<Sent> = shake.iter().cloned().chain(keyed.into_iter().map(|(_, s)| s)).collect();
    let (outcome, counters) = read(&captured);
    prop_assert_eq!(outcome, reference);
    prop_assert_eq!((counters.gaps.total(), counters.conflicting_overlaps), (0, 0));
    Ok(())
}

#[test]
fn loss_among_one_by_one_gives_a_part_and_no_wrong_pair() {
    over_seeds(&(exchanges(), cuts(0), losses()), |(exchanges, cuts, lost)| {
        check_loss(&one_by_one(&exchanges), &cuts, &lost, 0)
    });
}

#[test]
fn loss_among_pipelined_gives_a_part_and_no_wrong_pair() {
    over_seeds(&(exchanges(), ahead(4), cuts(0), losses()), |(mut exchanges, ahead, cuts, lost)| {
        // That requests overlap is seen in the first two; were those lost, nothing would show it.
        let first = Exchange { upload: None, ..exchanges[0].clone() };
        exchanges.splice(0..0, [first.clone(), first]);
        let mut said = pipelined(&exchanges, &[&[2], ahead.as_slice()].concat());
        let second = said.remove(1);
        said[0].bytes.extend(second.bytes);
        check_loss(&said, &[&[1000], cuts.as_slice()].concat(), &lost, 3)
    });
}
