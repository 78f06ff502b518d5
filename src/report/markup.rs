//! HTML in which nothing from the wire can be markup: literal parts are the program's own, all else is escaped.

use std::fmt::{Display, Write as _};

use super::shown;

/// A page as it is written.
#[derive(Debug, Default)]
pub struct Markup {
    text: String,
}

impl Markup {
    /// Markup of our own: only literals can be passed.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Any text: between tags, or in a quoted attribute.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in shown(text).chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                c => self.text.push(c),
            }
        }
        self
    }

    /// A number.
    pub fn number(&mut self, n: impl Copy + Into<Number>) -> &mut Self {
        match n.into() {
            Number::Count(n) => self.display(n),
            Number::Length(n) => self.display(format_args!("{n:.1}")),
        }
        self
    }

    fn display(&mut self, value: impl Display) {
        // Writing to a String does not fail.
        let _ = write!(self.text, "{value}");
    }

    /// `<tag>text</tag>`
    pub fn element(&mut self, open: &'static str, text: &str, close: &'static str) -> &mut Self {
        self.raw(open).text(text).raw(close)
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

/// What [`Markup::number`] writes.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// As it is.
    Count(u64),
    /// With one digit after the point.
    Length(f64),
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Number::Count(n)
    }
}

impl From<usize> for Number {
    fn from(n: usize) -> Self {
        Number::Count(n as u64)
    }
}

impl From<f64> for Number {
    fn from(n: f64) -> Self {
        Number::Length(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let mut m = Markup::default();
        m.raw("<p title=\"").text("\" onload='x'<b>&\u{202e}\u{0}").raw("\">");
        assert_eq!(m.finish(), "<p title=\"&quot; onload=&#39;x&#39;&lt;b&gt;&amp;\\u{202e}\\x00\">");
    }
}
