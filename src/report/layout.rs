//! Words and lines for a screen: counts, sizes, times, and text that fits a width.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::packet::{SECOND, Time};

/// `1 client`, `1,257 packets`.
#[must_use]
pub fn plural(n: u64, one: &str) -> String {
    let many = if one.ends_with('y') && !["ay", "ey", "oy", "uy"].iter().any(|end| one.ends_with(end)) {
        format!("{}ies", one.get(..one.len() - 1).unwrap_or_default())
    } else {
        format!("{one}s")
    };
    format!("{} {}", thousands(n), if n == 1 { one } else { &many })
}

/// The text with its first letter large.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

/// `1,257`
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 B`, `11.2 KB`, `3.0 GB`: powers of ten.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if n < 1000 {
        return format!("{n} B");
    }
    // In tenths of a unit, so that 999,960 bytes become 1.0 MB and not 1000.0 KB.
    let mut tenths = n / 100 + u64::from(n % 100 >= 50);
    for unit in UNITS {
        if tenths < 10_000 || unit == "TB" {
            return if tenths < 1000 {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            } else {
                format!("{} {unit}", tenths / 10 + u64::from(tenths % 10 >= 5))
            };
        }
        tenths = tenths / 1000 + u64::from(tenths % 1000 >= 500);
    }
    String::new()
}

/// `99.5 %`, rounded down so that only all is 100.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A duration: `35 ms`, `1.3 s`, `15 min 25 s`, `2 h 5 min`, `3 days 4 h`.
#[must_use]
pub fn duration(ns: i64) -> String {
    let ms = ns.max(0) / 1_000_000;
    let s = ms / 1000;
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{s}.{} s", ms % 1000 / 100),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..172_800 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} {} h", plural((s / 86_400).unsigned_abs(), "day"), s / 3600 % 24),
    }
}

/// The length of a bar: `30 s`, `5 min`, `1 h`, `7 days`.
#[must_use]
pub fn step(ns: i64) -> String {
    let s = ns / SECOND;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => format!("{} h", s / 3600),
        _ => plural(u64::try_from(s / 86_400).unwrap_or(0), "day"),
    }
}

/// `2026-11-23`
#[must_use]
pub fn day(time: Time) -> String {
    time.to_string().get(..10).unwrap_or_default().to_owned()
}

/// `08:44:10`
#[must_use]
pub fn clock(time: Time) -> String {
    time.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// `08:44:10.447123`
#[must_use]
pub fn clock_us(time: Time) -> String {
    time.to_string().get(11..26).unwrap_or_default().to_owned()
}

/// `08:44:10–08:52:31`, one time where both are within a second, with days where they lie on two.
#[must_use]
pub fn span(first: Time, last: Time) -> String {
    if day(first) != day(last) {
        format!("{} {}–{} {}", day(first), clock(first), day(last), clock(last))
    } else if first.0.div_euclid(SECOND) == last.0.div_euclid(SECOND) {
        clock(first)
    } else {
        format!("{}–{}", clock(first), clock(last))
    }
}

/// The same, with its day even where both lie on one: for what is told beside other days.
#[must_use]
pub fn dated_span(first: Time, last: Time) -> String {
    let told = span(first, last);
    if day(first) == day(last) { format!("{} {told}", day(first)) } else { told }
}

/// A text as one word of a POSIX shell's command line; none where it has what no command line shows.
#[must_use]
pub fn quoted(text: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | ':' | '=' | '@' | '%' | '+' | ',' | '-');
    if text.is_empty() || super::shown(text) != text {
        return None;
    }
    // what begins so would be taken for an option
    let text = if text.starts_with('-') && text != "-" { format!("./{text}") } else { text.to_owned() };
    Some(if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) })
}

/// Columns that a text takes on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text, cut to so many columns; an ellipsis tells that it was.
#[must_use]
pub fn fit(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_owned();
    }
    let mut out = String::with_capacity(columns_max);
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > columns_max {
            break;
        }
        used += wide;
        out.push(c);
    }
    out.push('…');
    out
}

/// The text, filled up with blanks to so many columns.
#[must_use]
pub fn pad(text: &str, to: usize) -> String {
    let mut out = text.to_owned();
    for _ in columns(text)..to {
        out.push(' ');
    }
    out
}

/// Breaks a text at its blanks into lines of at most `width` columns, indent included; what is longer than a line stays
/// whole. More lines than `lines_max` end in an ellipsis.
#[must_use]
pub fn wrap(text: &str, indent: usize, width: usize, lines_max: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} …"), room);
        }
    }
    let mut out = String::new();
    for line in lines {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|n| plural(n, "client")), ["1 client", "2 clients"]);
        assert_eq!([1, 2].map(|n| plural(n, "query")), ["1 query", "2 queries"]);
        assert_eq!([1, 2].map(|n| plural(n, "day")), ["1 day", "2 days"]);
        assert_eq!(
            [0, 999, 1000, 11_249, 492_328, 999_960, 3_000_000_000].map(bytes),
            ["0 B", "999 B", "1.0 KB", "11.2 KB", "492 KB", "1.0 MB", "3.0 GB"]
        );
        assert_eq!(bytes(u64::MAX), "18446744 TB");
        assert_eq!(
            (percent(1999, 2000), percent(5, 5), percent(0, 0)),
            ("99.9 %".into(), "100.0 %".into(), "0.0 %".into())
        );
    }

    #[test]
    fn durations_and_spans_take_the_unit_that_fits() {
        let told = [0, 35, 1_300, 59_999, 925_000, 7_500_000, 273_600_000].map(|ms| duration(ms * 1_000_000));
        assert_eq!(told, ["0 ms", "35 ms", "1.3 s", "59.9 s", "15 min 25 s", "2 h 5 min", "3 days 4 h"]);
        let at = |s: i64| Time(s * SECOND);
        assert_eq!(span(at(3_600), at(3_600)), "01:00:00");
        assert_eq!(span(at(3_600), at(3_601)), "01:00:00–01:00:01");
        assert_eq!(span(at(0), at(86_400)), "1970-01-01 00:00:00–1970-01-02 00:00:00");
        assert_eq!(dated_span(at(0), at(86_400)), span(at(0), at(86_400)));
        assert_eq!(dated_span(at(3_600), at(3_601)), "1970-01-01 01:00:00–01:00:01");
    }

    #[test]
    fn a_word_of_a_command_line_is_taken_as_it_is() {
        for (text, word) in [
            ("a/b-1.pcap", "a/b-1.pcap"),
            ("a b;c.pcap", "'a b;c.pcap'"),
            ("it's", "'it'\\''s'"),
            ("-x.pcap", "./-x.pcap"),
            ("Grüße.pcap", "Grüße.pcap"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(text).as_deref(), Some(word));
        }
        assert_eq!((quoted("a\u{1b}[31m"), quoted("")), (None, None));
    }

    #[test]
    fn text_fits_its_columns() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdefg", 6), "abcde…");
        assert_eq!(fit("日本語です", 6), "日本…");
        assert_eq!(wrap("one two three four five six", 2, 22, 9), "  one two three four\n  five six\n");
        assert_eq!(wrap("one two three four five six", 2, 22, 1), "  one two three four …\n");
        assert_eq!(pad("日本", 6), "日本  ");
    }
}
