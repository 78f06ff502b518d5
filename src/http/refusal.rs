//! What the text of an answer says that refuses a request for CORS.
//!
//! Few libraries say so, each in its own words; of code by hand most does: "Not allowed by CORS", "Origin not allowed".

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{BodyStart, find_word};

/// How a body begins in which the CORS code says what it does not allow.
const BEGINNINGS: &[(&[u8], BodyStart)] = &[
    (b"Invalid CORS request", BodyStart::InvalidCorsRequest),
    (b"Disallowed CORS", BodyStart::DisallowedCors),
    (b"CORS preflight request failed: origin", BodyStart::OriginRefused),
    (b"CORS preflight request failed: request method", BodyStart::MethodRefused),
    (b"CORS preflight request failed: headers", BodyStart::HeadersRefused),
    // hapi's, with status 200
    (b"{\"message\":\"CORS error: Origin not allowed", BodyStart::OriginRefused),
    (b"{\"message\":\"CORS error: Some headers", BodyStart::HeadersRefused),
    (b"{\"message\":\"CORS is disabled", BodyStart::RouteRefused),
];

/// Bytes of a body that are searched for words.
const SEARCHED_MAX: usize = 512;

/// One of these is in every such text: most pages of errors have none, and are not searched further.
static SUBJECTS: LazyLock<[Finder<'_>; 5]> =
    LazyLock::new(|| [&b"cors"[..], b"origin", b"preflight", b"access-control", b"request"].map(Finder::new));

/// Words for a no.
const NOES: &[&[u8]] = &[
    b"not allow",
    b"not an allowed",
    b"n't allow",
    b"not permitted",
    b"not listed",
    b"not whitelisted",
    b"not accepted",
    b"not authorized",
    b"not authorised",
    b"not recognized",
    b"not valid",
    b"not in the",
    b"unauthorized",
    b"unknown",
    b"mismatch",
    b"prohibited",
    b"disallowed",
    b"forbidden",
    b"rejected",
    b"refused",
    b"denied",
    b"blocked",
    b"invalid",
];

/// The body of an answer begins with these.
pub(super) fn beginning(body: &[u8]) -> Option<BodyStart> {
    // nearly all bodies begin otherwise
    match body {
        [b'I' | b'D' | b'C', ..] => {}
        [b'{', rest @ ..] if rest.starts_with(b"\"message\":\"CORS") => {}
        _ => return None,
    }
    BEGINNINGS.iter().find(|(words, _)| body.starts_with(words)).map(|(_, what)| *what)
}

/// What the body of an answer that refuses says in words, or the reason in its first line: a piece of text between quotes, tags
/// or line ends names what is refused, and says no. A router's "method not allowed" speaks of no CORS, nor does a check against forged forms.
#[inline]
pub(super) fn in_words(status: u16, body: &[u8]) -> Option<BodyStart> {
    let may_refuse = matches!(status, 400 | 401 | 403 | 405 | 500) && !body.is_empty();
    if may_refuse { of_text(body) } else { None }
}

fn of_text(body: &[u8]) -> Option<BodyStart> {
    let searched = body.get(..SEARCHED_MAX).unwrap_or(body);
    let mut text = searched.to_ascii_lowercase();
    if !SUBJECTS.iter().any(|subject| subject.find(&text).is_some()) {
        return None;
    }
    // a code such as ORIGIN_NOT_ALLOWED; in lower case it is a name, origin_id
    for (at, around) in searched.windows(3).enumerate() {
        if matches!(around, [before, b'_', after] if before.is_ascii_uppercase() && after.is_ascii_uppercase()) {
            *text.get_mut(at + 1)? = b' ';
        }
    }
    // one word for what both name, so that neither is taken for the origin
    for (word, filler) in [(b"cross-origin", b"        cors"), (b"cross origin", b"        cors")] {
        while let Some(at) = find_word(&text, word) {
            text.get_mut(at..at + word.len())?.copy_from_slice(filler);
        }
    }
    text.split(|b| b"\"<>\r\n{}".contains(b)).find_map(of_piece)
}

fn of_piece(piece: &[u8]) -> Option<BodyStart> {
    let says = |word: &[u8]| find_word(piece, word).is_some();
    if piece.len() < b"bad cors".len() || says(b"csrf") || !NOES.iter().any(|no| says(no)) {
        return None;
    }
    let of_cors = names(piece, b"cors") || says(b"preflight") || says(b"access-control");
    let asked = |word: &[u8]| {
        let after = |before: &[u8]| {
            find_word(piece, before)
                .and_then(|at| piece.get(at + before.len()..))
                .is_some_and(|rest| rest.starts_with(word))
        };
        says(word) && (of_cors || after(b"request-") || after(b"requested ") || after(b"request "))
    };
    match (names(piece, b"origin") || names(piece, b"origins"), asked(b"method"), asked(b"header")) {
        (true, false, false) => Some(BodyStart::OriginRefused),
        (false, true, false) => Some(BodyStart::MethodRefused),
        (false, false, true) => Some(BodyStart::HeadersRefused),
        (false, false, false) if !of_cors => None,
        _ => Some(BodyStart::CorsRefused),
    }
}

/// Has this word, as one of its own.
fn names(piece: &[u8], word: &[u8]) -> bool {
    let apart = |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
    piece.windows(word.len()).enumerate().any(|(at, here)| {
        here == word && apart(at.checked_sub(1).and_then(|i| piece.get(i))) && apart(piece.get(at + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_it_is_for() {
        let of = |text: &str| in_words(403, text.as_bytes());
        for text in [
            "Origin is not allowed to make this request",
            "request-origin not allowed",
            "CORS request forbidden: origin not allowed",
            "{\"message\":\"CORS error: Origin not allowed\"}",
            "{\"error\":\"CORS: origin not allowed\"}",
            "<pre>Error: Origin http://app.one.test is not allowed<br> at x",
            "Invalid origin",
            "CORS Rejected - Invalid origin",
            "{\"message\":\"Forbidden\",\"type\":\"ORIGIN_NOT_ALLOWED\"}",
            "<pre>Error: The CORS policy for this site does not allow access from the specified Origin.<br>",
        ] {
            assert_eq!(of(text), Some(BodyStart::OriginRefused), "{text}");
        }
        for text in [
            "Requested method is not allowed",
            "request-method not allowed",
            "CORS request forbidden: request-method not allowed",
        ] {
            assert_eq!(of(text), Some(BodyStart::MethodRefused), "{text}");
        }
        for text in [
            "One or more request headers are not allowed",
            "request-headers not allowed",
            "CORS request forbidden: header not allowed",
            "{\"message\":\"CORS error: Some headers are not allowed\"}",
        ] {
            assert_eq!(of(text), Some(BodyStart::HeadersRefused), "{text}");
        }
        for text in ["Not allowed by CORS", "{\"error\":\"Cross-origin request blocked\"}", "preflight rejected"] {
            assert_eq!(of(text), Some(BodyStart::CorsRefused), "{text}");
        }
    }

    #[test]
    fn each_beginning_is_known_by_its_body() {
        for (words, what) in BEGINNINGS {
            assert_eq!(beginning(&[words, &b" and more"[..]].concat()), Some(*what));
            assert_eq!(beginning(&words[..words.len() - 1]), None);
        }
    }

    #[test]
    fn other_refusals_are_no_words_of_cors() {
        for text in [
            "Method Not Allowed",
            "{\"message\":\"The method is not allowed for the requested URL.\"}",
            "<h1>403 Forbidden</h1><hr>nginx",
            "{\"error\":\"Invalid authorization header\"}",
            "{\"errors\":{\"origin\":[\"is invalid\"]}}",
            "CSRF check: origin not allowed",
            "origin_id is invalid",
            "Access to the original is denied",
            "{\"message\":\"the scores are invalid\"}",
            "",
        ] {
            assert_eq!(in_words(403, text.as_bytes()), None, "{text}");
        }
        assert_eq!(in_words(422, b"The selected origin is invalid."), None);
        assert_eq!(in_words(200, b"Not allowed by CORS"), None);
    }

    #[test]
    fn only_the_beginning_of_a_body_is_searched() {
        let mut text = vec![b' '; SEARCHED_MAX];
        text.extend(b"Not allowed by CORS");
        assert_eq!(in_words(403, &text), None);
    }
}
