//! A comparison for people: what hurts first.

use std::fmt::Write as _;

use super::vantage::Vantage;
use super::{Comparison, Group, GroupKey, Impact, Part, Side, Way, What};
use crate::http::head::Name;
use crate::report::text::Paint;
use crate::report::{shown, shown_bytes};

/// Groups that are written out. The rest is counted.
const SHOWN_MAX: usize = 100;

/// The whole of it.
#[must_use]
pub fn render(comparison: &Comparison<'_>, front: &Vantage, back: &Vantage, paint: Paint) -> String {
    let mut out = String::new();
    let totals = &comparison.totals;
    let refused = totals.refused_between + totals.refused_origin + totals.refused_unknown;
    let mixed_up = |(key, group): (&GroupKey, &Group)| {
        if key.what == What::ServedForOtherOrigin && key.side == Side::Origin { group.blocking } else { 0 }
    };
    let mixed_up: u64 = comparison.groups.iter().map(mixed_up).sum();
    let headline = match (comparison.groups.is_empty(), totals.refused_between + totals.maybe_refused) {
        (true, _) if totals.exchanges == 0 => "Nothing to compare: no CORS traffic on the client's side".to_owned(),
        (true, _) if totals.paired + totals.from_cache + totals.answered_between == 0 => {
            "Nothing to compare: none of the client's side's requests can be found on the origin's side".to_owned()
        }
        (true, _) => "Nothing between the two changes CORS".to_owned(),
        (false, 0) if mixed_up > 0 => format!(
            "A cache between the two gives pages what the server made for other ones, as its answers lack Vary: Origin: {mixed_up} answers refused because of it"
        ),
        (false, 0) => "Something between the two changes CORS; no browser refused an answer because of it".to_owned(),
        (false, n) => format!("Something between the two breaks CORS: {n} answers refused because of it"),
    };
    // Writing to a String does not fail.
    let _ = writeln!(out, "{}", paint.bold(&headline));
    let _ = writeln!(
        out,
        "{} exchanges in front: {} found behind, {} from a cache, {} answered in between{}{}{}",
        totals.exchanges,
        totals.paired,
        totals.from_cache,
        totals.answered_between,
        some(totals.not_covered, "outside the time of the other side"),
        some(totals.not_linked, "to servers of which the other side saw nothing"),
        some(totals.unanswered, "unanswered"),
    );
    if refused > 0 {
        let _ = writeln!(
            out,
            "{refused} answers refused: {} by what is in between, {} by what the server itself sent{}{}",
            totals.refused_between,
            totals.refused_origin,
            some(totals.refused_unknown, "by either"),
            some(totals.maybe_refused, "more by what is in between if they carried credentials"),
        );
    }
    let mut groups: Vec<(&GroupKey, &Group)> = comparison.groups.iter().collect();
    groups.sort_by(|(a, x), (b, y)| y.impact.cmp(&x.impact).then(y.count.cmp(&x.count)).then(a.cmp(b)));
    for (key, group) in groups.iter().take(SHOWN_MAX) {
        out.push('\n');
        one(&mut out, key, group, paint);
    }
    let hidden = groups.len().saturating_sub(SHOWN_MAX) as u64 + totals.groups_overflow;
    if hidden > 0 {
        let _ = writeln!(out, "\n{hidden} more differences: --format jsonl lists all that were kept");
    }
    trust(&mut out, comparison, front, back, paint);
    out
}

fn one(out: &mut String, key: &GroupKey, group: &Group, paint: Paint) {
    let impact = match group.impact {
        Impact::Blocks => paint.alarm("BLOCKS"),
        Impact::MayBlock => paint.red("may block"),
        Impact::ChangesReason => paint.yellow("another reason"),
        Impact::Repairs => paint.green("repairs"),
        Impact::None => paint.dim("no effect on these verdicts"),
    };
    let what = match key.what {
        What::Stripped => "stripped",
        What::Added => "added",
        What::Changed => "changed",
        What::Doubled => "doubled",
        What::AnsweredItself => "answered by the box itself",
        What::ServedForOtherOrigin => "a cached answer made for another origin",
    };
    let field = match key.part {
        Part::Status => "status".to_owned(),
        Part::Field(name) => usual(name),
    };
    let _ = writeln!(out, "{} {}  {impact}", paint.bold(&shown(&key.method)), paint.bold(&shown(&key.endpoint)));
    let way = if key.way == Way::Request { " (of the request)" } else { "" };
    let _ = writeln!(out, "  {field}{way}: {what}, {} times, {}", group.count, group.confidence);
    let side = match key.side {
        Side::Between => {
            let says = group.box_says.as_deref().map(|s| format!(" ({})", shown(s))).unwrap_or_default();
            format!("what answers at {}{says}", key.server)
        }
        Side::Origin => "the server behind it".to_owned(),
        Side::Unknown => "not clear from these captures".to_owned(),
    };
    let _ = writeln!(out, "  whose doing   {side}");
    let absent = |value: &Option<String>, lacking: &str| value.as_deref().map_or_else(|| lacking.to_owned(), shown);
    let lacking = if key.what == What::AnsweredItself { "(never asked)" } else { "(none)" };
    let _ = writeln!(out, "  in front      {}", absent(&group.change.front, "(none)"));
    let _ = writeln!(out, "  behind        {}", absent(&group.change.back, lacking));
    let _ = writeln!(out, "  so            {}", shown(&group.change.note));
    if let Some(first) = group.evidence.first() {
        let id = |id: &Option<String>| id.clone().map(|id| format!(" {id}")).unwrap_or_default();
        let origin = first.origin.as_deref().map(|o| format!(" from {}", shown(o))).unwrap_or_default();
        let behind = first.back_time.map(|t| format!("; behind {t}{}", id(&first.back_id))).unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}",
            paint.dim(&format!(
                "first         {}{} {}{origin}{behind}",
                first.front_time,
                id(&first.front_id),
                shown(&first.path)
            ))
        );
    }
}

/// How far to trust it.
fn trust(out: &mut String, comparison: &Comparison<'_>, front: &Vantage, back: &Vantage, paint: Paint) {
    let totals = &comparison.totals;
    let mut notes = Vec::new();
    if totals.clock_ahead_ns != 0 {
        let by = totals.clock_ahead_ns.unsigned_abs() / 1_000_000;
        let way = if totals.clock_ahead_ns > 0 { "ahead of" } else { "behind" };
        notes.push(format!("the origin's side's clock is {by} ms {way} the client's: taken into account"));
    }
    for (name, side) in [("client's", front), ("origin's", back)] {
        if side.lossy {
            notes.push(format!("the {name} side lost packets: what is missing there may have been there"));
        }
        if side.left_out > 0 {
            notes.push(format!("{} exchanges of the {name} side were too many to hold", side.left_out));
        }
        if side.recorded {
            notes.push(format!("the {name} side is a database: only what was refused has its headers"));
        }
    }
    if totals.not_linked > 0 {
        let unlinked = "some servers' traffic is not in the origin's side at all: capture where they forward to";
        notes.push(unlinked.to_owned());
    }
    if !notes.is_empty() {
        out.push('\n');
        for note in notes {
            let _ = writeln!(out, "{}", paint.dim(&format!("note: {note}")));
        }
    }
}

fn some(count: u64, what: &str) -> String {
    if count == 0 { String::new() } else { format!(", {count} {what}") }
}

/// `access-control-allow-origin` as people write it.
fn usual(name: Name) -> String {
    let mut start = true;
    let bytes: Vec<u8> = name
        .text()
        .bytes()
        .map(|b| {
            let cased = if start { b.to_ascii_uppercase() } else { b };
            start = b == b'-';
            cased
        })
        .collect();
    shown_bytes(&bytes)
}
