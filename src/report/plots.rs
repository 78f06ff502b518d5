//! Plots as inline SVG: no script, colours from the page's own style, each with words for those who do not see it.

use super::layout::{clock, day, plural};
use super::markup::Markup;
use super::problems::{Problem, Timeline};

/// Problems with a colour of their own; the others share one.
pub const COLOURS: usize = 6;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 40.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 8.0;

/// The class that gives a problem its colour.
#[must_use]
pub fn colour(nth: usize) -> &'static str {
    ["c0", "c1", "c2", "c3", "c4", "c5"].get(nth).copied().unwrap_or("cx")
}

/// Refusals over time, a stack of problems in each bar.
#[allow(clippy::cast_precision_loss, reason = "lengths on a screen")]
pub fn timeline(m: &mut Markup, problems: &[Problem], timeline: Timeline, names: &[String]) {
    let mut layers: Vec<Vec<u64>> = Vec::new();
    for (nth, problem) in problems.iter().enumerate() {
        if nth <= COLOURS {
            layers.push(vec![0; timeline.bars]);
        }
        if let Some(layer) = layers.last_mut() {
            for (sum, n) in layer.iter_mut().zip(&problem.bars) {
                *sum += n;
            }
        }
    }
    let heights: Vec<u64> = (0..timeline.bars).map(|bar| layers.iter().filter_map(|l| l.get(bar)).sum()).collect();
    let top = round_up(heights.iter().copied().max().unwrap_or(0));
    let plot = HEIGHT - TOP - BOTTOM;
    let step = (WIDTH - LEFT) / timeline.bars.max(1) as f64;
    m.raw(
        "<svg class=\"plot\" role=\"img\" aria-labelledby=\"timeline-title timeline-words\" viewBox=\"0 0 960 180\">",
    );
    m.raw("<title id=\"timeline-title\">Refusals over time</title><desc id=\"timeline-words\">");
    let highest = heights.iter().enumerate().max_by_key(|(nth, n)| (**n, std::cmp::Reverse(*nth)));
    if let Some((bar, n)) = highest {
        m.text(&format!(
            "From {} to {}; the highest bar, at {}, has {}. The table below has all numbers.",
            timeline.told(0),
            timeline.told(timeline.bars),
            timeline.told(bar),
            plural(*n, "refusal")
        ));
    }
    m.raw("</desc>");
    for (value, y) in [(0, TOP + plot), (top / 2, TOP + plot / 2.0), (top, TOP)] {
        if value == 0 && y < TOP + plot {
            continue;
        }
        m.raw("<line class=\"grid\" x1=\"40\" x2=\"960\" y1=\"").number(y).raw("\" y2=\"").number(y).raw("\"/>");
        m.raw("<text class=\"tick\" text-anchor=\"end\" x=\"34\" y=\"")
            .number(y + 4.0)
            .raw("\">")
            .number(value)
            .raw("</text>");
    }
    for bar in 0..timeline.bars {
        let x = LEFT + step * bar as f64;
        let mut y = TOP + plot;
        for (nth, layer) in layers.iter().enumerate() {
            let n = layer.get(bar).copied().unwrap_or(0);
            if n == 0 {
                continue;
            }
            let height = plot * n as f64 / top.max(1) as f64;
            y -= height;
            m.raw("<rect class=\"").raw(colour(nth)).raw("\" x=\"").number(x + 0.5).raw("\" y=\"").number(y);
            m.raw("\" width=\"").number((step - 1.0).max(1.0)).raw("\" height=\"").number(height).raw("\"><title>");
            let name = names.get(nth).map_or("others", |name| if nth < COLOURS { name } else { "others" });
            m.text(&format!("{} {}: {n}", timeline.told(bar), name)).raw("</title></rect>");
        }
    }
    ticks(m, timeline, step);
    m.raw("</svg>");
}

/// Times below the bars: six at most.
#[allow(clippy::cast_precision_loss, reason = "lengths on a screen")]
fn ticks(m: &mut Markup, timeline: Timeline, step: f64) {
    let every = timeline.bars.div_ceil(6).max(1);
    let long = day(timeline.time(0)) != day(timeline.time(timeline.bars));
    for bar in (0..timeline.bars).step_by(every) {
        let x = LEFT + step * bar as f64;
        let time = timeline.time(bar);
        let label = if long {
            let (date, time) = (day(time), clock(time));
            format!("{} {}", date.get(5..).unwrap_or_default(), time.get(..5).unwrap_or_default())
        } else {
            clock(time)
        };
        m.raw("<line class=\"grid\" y1=\"158\" y2=\"162\" x1=\"").number(x).raw("\" x2=\"").number(x).raw("\"/>");
        m.raw("<text class=\"tick\" y=\"175\" x=\"").number(x).raw("\">").text(&label).raw("</text>");
    }
}

/// The next round number that is even, so that its half is a whole number, too.
fn round_up(n: u64) -> u64 {
    let mut scale = 1_u64;
    loop {
        for step in [2, 4, 6, 8, 10, 12, 16] {
            let top = scale.saturating_mul(step);
            if top >= n {
                return top;
            }
        }
        scale = scale.saturating_mul(10);
        if scale == u64::MAX {
            return n;
        }
    }
}

/// A bar of what was refused, what stays open and what passed, for a row of a table.
#[allow(clippy::cast_precision_loss, reason = "lengths on a screen")]
pub fn shares(m: &mut Markup, blocked: u64, undecided: u64, allowed: u64) {
    let all = (blocked + undecided + allowed).max(1) as f64;
    m.raw("<svg class=\"share\" aria-hidden=\"true\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\">");
    let mut x = 0.0;
    for (class, n) in [("bad", blocked), ("open", undecided), ("good", allowed)] {
        let width = 100.0 * n as f64 / all;
        if n > 0 {
            m.raw("<rect class=\"")
                .raw(class)
                .raw("\" height=\"8\" x=\"")
                .number(x)
                .raw("\" width=\"")
                .number(width.max(0.5));
            m.raw("\"/>");
        }
        x += width;
    }
    m.raw("</svg>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        assert_eq!([0, 1, 2, 3, 5, 7, 11, 13, 25, 61, 4001].map(round_up), [2, 2, 2, 4, 6, 8, 12, 16, 40, 80, 6000]);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }
}
