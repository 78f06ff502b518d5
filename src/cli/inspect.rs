//! `corstap inspect`: every HTTP message, judged by nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::args::{Color, Format, InspectArgs, Moment};
use super::follow::Follow;
use super::keys::Keys;
use super::output::{Output, colours};
use super::replay::{outcome_of, reads_live, tell_passed_over};
use super::{Outcome, tell};
use crate::capture::merge::Feed;
use crate::engine::Engine;
use crate::http::head::Name;
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::packet::{SECOND, Time};
use crate::record::{Finding, Message, MessageRecord, Sink, Transaction};
use crate::report::coverage::{connections_text, packets_text};
use crate::report::jsonl::JsonLines;
use crate::report::layout::day;
use crate::report::messages;
use crate::report::text::Paint;
use crate::report::{Summary, shown_bytes};

/// Connections whose unanswered requests are remembered, so that filters on a request hold for its answer.
const STREAMS_MAX: usize = 65_536;
/// Unanswered requests remembered of one connection.
const REQUESTS_MAX: usize = 64;

struct Messages<'a> {
    args: &'a InspectArgs,
    out: Output,
    lines: Option<JsonLines>,
    paint: Paint,
    day: Option<i64>,
    /// The day of the message listed last.
    listed_day: Option<String>,
    /// By connection: requests that wait for their answer.
    waiting: BTreeMap<u64, VecDeque<Waiting>>,
    listed: u64,
}

/// A request that waits for its answer.
struct Waiting {
    /// Its answer is wanted, as far as the request tells.
    wanted: bool,
    /// Held back until its answer's status is known.
    held: Option<MessageRecord>,
}

impl Sink for Messages<'_> {
    fn transaction(&mut self, _: &Arc<Transaction>) {}
    fn finding(&mut self, _: &Finding) {}
    fn message(&mut self, m: &MessageRecord) {
        let held = self.args.status.is_some();
        match &m.message {
            Message::Request(_) => {
                let wanted = self.wants_request(m);
                if wanted && !held {
                    self.list(m);
                }
                if self.waiting.len() >= STREAMS_MAX && !self.waiting.contains_key(&m.stream) {
                    self.waiting.pop_first();
                }
                let queue = self.waiting.entry(m.stream).or_default();
                if queue.len() >= REQUESTS_MAX {
                    queue.pop_front();
                }
                queue.push_back(Waiting { wanted, held: (wanted && held).then(|| m.clone()) });
            }
            Message::Response { response, .. } => {
                let interim = response.status < 200 && response.status != 101;
                let status_wanted = self.args.status.is_none_or(|s| s.takes(response.status));
                let Some(queue) = self.waiting.get_mut(&m.stream) else {
                    // Its request was not captured: only a filter that needs none can want it.
                    if self.args.host.is_none() && self.args.path.is_none() && status_wanted && self.wants_any(m) {
                        self.list(m);
                    }
                    return;
                };
                let (wanted, request) = if interim {
                    (queue.front().is_some_and(|w| w.wanted), None)
                } else {
                    let answered = queue.pop_front();
                    if queue.is_empty() {
                        self.waiting.remove(&m.stream);
                    }
                    answered.map_or((false, None), |w| (w.wanted, w.held))
                };
                if wanted && status_wanted {
                    if let Some(request) = request {
                        self.list(&request);
                    }
                    self.list(m);
                }
            }
        }
    }
}

impl Messages<'_> {
    fn wants_request(&mut self, m: &MessageRecord) -> bool {
        let Message::Request(request) = &m.message else { return false };
        let host_wanted = self.args.host.as_deref().is_none_or(|host| {
            let sent = shown_bytes(request.head.first(Name::Host).unwrap_or_default()).to_ascii_lowercase();
            let host = host.to_ascii_lowercase();
            sent == host || sent.rsplit_once(':').is_some_and(|(name, _)| name == host)
        });
        let path_wanted =
            self.args.path.as_deref().is_none_or(|part| shown_bytes(request.head.target()).contains(part));
        host_wanted && path_wanted && self.wants_any(m)
    }

    /// The filters that any message can meet by itself.
    fn wants_any(&mut self, m: &MessageRecord) -> bool {
        let (time, client) = match &m.message {
            Message::Request(request) => (request.first.time, request.client),
            Message::Response { response, client, .. } => (response.first.time, *client),
        };
        let day = *self.day.get_or_insert(time.0.div_euclid(86_400 * SECOND) * 86_400 * SECOND);
        let at = |moment: Moment| match moment {
            Moment::At(ns) => Time(ns),
            Moment::OfDay(ns) => Time(day.saturating_add(ns)),
        };
        self.args.stream.is_none_or(|s| s == m.stream)
            && self.args.client.is_none_or(|ip| ip == client.ip())
            && self.args.since.is_none_or(|m| time >= at(m))
            && self.args.until.is_none_or(|m| time < at(m))
    }

    fn list(&mut self, m: &MessageRecord) {
        self.listed += 1;
        let all = self.args.all_headers;
        if let Some(lines) = &mut self.lines {
            lines.message(m, all);
            self.out.write(lines.bytes());
            lines.clear();
            return;
        }
        let today = day(messages::time(m));
        let before = self.listed_day.replace(today.clone());
        if before.is_some_and(|before| before != today) {
            self.out.write(format!("{}\n", self.paint.bold(&today)).as_bytes());
        }
        if self.args.stream.is_some() || all {
            self.out.write(messages::with_headers(m, all, self.paint).as_bytes());
        } else {
            self.out.write(messages::line(m, self.paint).as_bytes());
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Standard output could not be written, or the signals that end `--follow` cannot be had.
pub fn run(args: &InspectArgs, color: Color) -> anyhow::Result<Outcome> {
    let Some(follow) = Follow::new(&args.reading)? else { return Ok(Outcome::Unusable) };
    let options = EngineOptions {
        scheme: args.reading.scheme.map(Into::into),
        messages: true,
        key_log: args.reading.keylog.is_some(),
        all_headers: args.all_headers,
        show_query: true,
        ..EngineOptions::default()
    };
    let is_live = follow.is_on() || reads_live(&args.reading.paths);
    let mut messages = Messages {
        args,
        out: Output::new(is_live),
        lines: (args.reading.format == Format::Jsonl).then(JsonLines::default),
        paint: Paint { on: colours(color) },
        day: None,
        listed_day: None,
        waiting: BTreeMap::new(),
        listed: 0,
    };
    let mut engine = Engine::new(&Limits::offline(), &options);
    let key_log = args.reading.keylog.as_deref();
    let Some(mut keys) = Keys::begin(key_log, &mut engine) else { return Ok(Outcome::Unusable) };
    let mut feed = Feed::open(&args.reading.paths, follow.feed_options());
    let mut summary = Summary::default();
    while let Some((packet, secrets)) = feed.next_with_secrets() {
        if !secrets.is_empty() {
            engine.add_keys(secrets);
        }
        summary.on_packet_time(packet.time);
        engine.on_packet(&packet, &mut messages);
        if is_live {
            keys.look(&mut engine);
            engine.flush(&mut messages);
        }
        if messages.out.has_failed() || follow.is_over() {
            break;
        }
    }
    engine.finish(&mut messages);
    let Messages { out, listed, .. } = messages;
    out.finish()?;
    summary.counters = engine.counters().clone();
    summary.on_files(feed.files());
    tell_passed_over(feed.passed_over());
    for input in &summary.inputs {
        if let Some(error) = &input.error {
            tell(&format!("error: {}: {error}", input.path));
        }
    }
    let is_text = args.reading.format == Format::Text && outcome_of(&summary) == Outcome::Done;
    if is_text && listed > 0 {
        let c = &summary.counters;
        tell(&format!("{}; {}", packets_text(c, summary.packets_lost), connections_text(c)));
    }
    if listed == 0 && args.reading.format == Format::Text && outcome_of(&summary) == Outcome::Done {
        let seen = summary.counters.requests + summary.counters.responses;
        match crate::report::coverage::diagnosis(&summary) {
            Some(why) if seen == 0 => tell(&why),
            _ => tell(&format!("none of {seen} HTTP messages matches")),
        }
    }
    Ok(outcome_of(&summary))
}
