//! The report for eyes: the answer first, then evidence, then how far to trust it.

use super::Summary;
use crate::record::Transaction;

/// Colours, where they are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paint {
    /// Escape sequences are written.
    pub on: bool,
}

macro_rules! colours {
    ($($name:ident = $code:literal),+) => {
        $(/// The text in that style.
        #[must_use]
        pub fn $name(self, text: &str) -> String {
            if self.on { format!(concat!("\x1b[", $code, "m{}\x1b[0m"), text) } else { text.to_owned() }
        })+
    };
}

impl Paint {
    colours!(bold = "1", dim = "2", red = "31", green = "32", yellow = "33", cyan = "36", alarm = "1;31");
}

/// What a replay found, gathered for one page.
#[derive(Debug)]
pub struct Report {}

impl Report {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(_paint: Paint) -> Self {
        Report {}
    }

    /// Takes a transaction; tells whether it opens a group of its own among the blocked ones.
    pub fn on_transaction(&mut self, _t: &Transaction) -> bool {
        false
    }

    /// One line for a transaction.
    #[must_use]
    pub fn one_line(&self, t: &Transaction) -> String {
        format!("{} {} {}\n", t.time, t.verdict, t.detail)
    }

    /// A blocked or undecided transaction with the headers of both legs.
    #[must_use]
    pub fn side_by_side(&self, _t: &Transaction) -> String {
        String::new()
    }

    /// The whole report.
    #[must_use]
    pub fn finish(self, s: &Summary) -> String {
        format!("{} blocked of {}\n", s.count(crate::record::Verdict::Blocked), s.judged())
    }
}

/// One line on why there is nothing to judge, where that is so.
#[must_use]
pub fn diagnosis(s: &Summary) -> Option<String> {
    (s.counters.packets == 0).then(|| "no packets".to_owned())
}
