//! What is kept of a head: the one place that decides which values are copied out of a packet.
//!
//! Secrets never are: a cookie is a digest of its name, `Set-Cookie` its attributes, `Authorization` its scheme. Fields that
//! nobody needs keep their name alone. A head keeps at most [`KEPT_BYTES_MAX`]; what does not fit makes it a cut head.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::grammar::{Expected, FieldLines, StartLine, goes_on, head_end, is_bare, is_token, trim_blanks};
use super::head::{Block, BlockBuilder, Head, Name, SameSite, SetCookie, Spelling, recognise};
use crate::limits::Limits;
use crate::memo::{Came, Memo};
use crate::options::EngineOptions;

/// Bytes kept of one head; together with the caps on waiting requests this bounds what heads can hold.
const KEPT_BYTES_MAX: usize = 32 * 1024;
/// Shown in place of a value that must not be kept.
const PRESENT: &[u8] = b"(present)";

/// Reads heads by the policy.
#[derive(Debug)]
pub struct Keep {
    policy: Policy,
    built: BlockBuilder,
    /// In requests and in answers.
    orders: [Box<Order>; 2],
    repeated: Repeated,
}

/// What is kept, with this process's key for digests.
#[derive(Debug)]
struct Policy {
    key: RandomState,
    all_headers: bool,
    fields_max: usize,
}

/// The fields of a head as kept, and what did not fit.
#[derive(Debug, Clone)]
pub struct Fields {
    block: Arc<Block>,
    left_out: LeftOut,
    /// The block is no other head's, and begins with what is kept of the first line.
    begins_with_start: bool,
}

/// Heads that came again, by what their fields were to the byte: clients and servers say the same time after time, and what was read
/// once is shared. Of their bytes, secrets among them, nothing is kept but a digest of 128 bits under keys of this process.
#[derive(Debug)]
struct Repeated {
    keys: [RandomState; 2],
    /// By the digest's first half: the second, and what was read.
    known: Memo<(u64, Fields)>,
    came: Came,
    /// Looks for requests and for answers that may be in vain.
    credit: [u16; 2],
    /// Heads that were not looked for since the last one that was.
    passed: [u8; 2],
}

/// Heads remembered; a power of two. One takes the place of another.
const REPEATED_MAX: usize = 1024;
/// Heads of which is known that they came; a power of two.
const CAME_MAX: usize = 4096;
/// Longer ones are not looked for: with [`REPEATED_MAX`] this bounds what is held.
const REPEATED_BYTES_MAX: usize = 2048;
/// To look for a head costs a third of what it costs to read one: each that is found is worth so many looks in vain.
const LOOKS_EACH: u16 = 2;
/// Looks in vain after which only now and then one is made; enough to fill the slots at first.
const LOOKS_MAX: u16 = 2048;
/// Heads from one such look to the next.
const SELDOM: u8 = 32;

impl Repeated {
    fn new() -> Self {
        Repeated {
            keys: [RandomState::default(), RandomState::default()],
            known: Memo::new(REPEATED_MAX),
            came: Came::new(CAME_MAX),
            credit: [LOOKS_MAX; 2],
            passed: [0; 2],
        }
    }

    /// Whether to look for the next head.
    #[inline]
    fn is_worth_it(&mut self, is_response: bool) -> bool {
        let passed = &mut self.passed[usize::from(is_response)];
        *passed += 1;
        let look = self.credit[usize::from(is_response)] > 0 || *passed >= SELDOM;
        if look {
            *passed = 0;
        }
        look
    }

    /// What was read of the same bytes, or their digest's first half.
    fn find(&mut self, is_response: bool, fields: &[u8]) -> Result<Fields, u64> {
        let [first, second] = &self.keys;
        let digest = first.hash_one((is_response, fields));
        let credit = &mut self.credit[usize::from(is_response)];
        match self.known.get(digest) {
            Some((rest, read)) if *rest == second.hash_one((is_response, fields)) => {
                *credit = credit.saturating_add(LOOKS_EACH).min(LOOKS_MAX);
                Ok(read.clone())
            }
            _ => {
                *credit = credit.saturating_sub(1);
                Err(digest)
            }
        }
    }

    /// Keeps what was read, if the same came before.
    fn put(&mut self, digest: u64, is_response: bool, fields: &[u8], read: &Fields) {
        if self.came.is_back(digest) {
            self.known.put(digest, (self.keys[1].hash_one((is_response, fields)), read.clone()));
        }
    }
}

/// Which field last followed which, by the name before it, which may be [`Name::Other`], or none, and by its first byte: what is
/// expected need not be searched for.
type Order = [[Known; WAYS]];
/// First bytes told apart; a power of two.
const WAYS: usize = 4;
/// The place of what comes first in [`Order`].
const FIRST: usize = Name::KNOWN.len() + 1;

/// A field's name, as written and as read.
#[derive(Debug, Clone, Copy)]
struct Known {
    text: Expected,
    name: Name,
    spelling: Spelling,
    /// The value is kept as it is.
    is_plain: bool,
}

impl Known {
    const NONE: Known = Known { text: Expected::NOTHING, name: Name::Other, spelling: Spelling::Odd, is_plain: false };

    /// A name that was not expected, as much of it as is the name, and whether that would be known but for a blank.
    #[inline(never)]
    fn of(sent: &[u8], is_response: bool) -> (Known, &[u8], bool) {
        let is_exact = is_bare(sent);
        // servers read past the blank, and so does Chromium; other browsers pass over such a field
        let name_as_sent = if is_exact || is_response { sent } else { trim_blanks(sent) };
        let text = if is_exact { Expected::of(sent) } else { Expected::NOTHING };
        let (name, spelling) = recognise(name_as_sent);
        let hides = is_response && !is_exact && recognise(trim_blanks(sent)).0 != Name::Other;
        (Known { text, name, spelling, is_plain: is_plain(name) }, name_as_sent, hides)
    }
}

/// A head as kept, and what did not fit.
#[derive(Debug)]
pub struct Kept {
    /// The head.
    pub head: Head,
    /// Fields that matter were left out, for there were too many.
    pub too_many: bool,
    /// They would have been too long.
    pub too_long: bool,
    /// See [`Doubts`](super::Doubts).
    pub malformed: bool,
    /// The same.
    pub untidy: bool,
    /// A tab stands around a value.
    pub tabs: bool,
}

impl Fields {
    /// With their request's first line.
    #[must_use]
    pub fn of_request(self, method: &[u8], target: &[u8]) -> Kept {
        let Fields { block, left_out, begins_with_start } = self;
        let LeftOut { too_many, too_long, malformed, untidy, tabs } = left_out;
        let kept = kept_of(target);
        let head = if begins_with_start {
            Head::begun(method.len(), kept.len(), block)
        } else {
            Head::request(method, kept, block)
        };
        Kept { head, too_many, too_long: too_long || kept.len() < target.len(), malformed, untidy, tabs }
    }

    /// Of a response.
    #[must_use]
    pub fn of_response(self) -> Kept {
        let LeftOut { too_many, too_long, malformed, untidy, tabs } = self.left_out;
        Kept { head: Head::response(self.block), too_many, too_long, malformed, untidy, tabs }
    }
}

fn kept_of(target: &[u8]) -> &[u8] {
    target.get(..KEPT_BYTES_MAX).unwrap_or(target)
}

/// Bytes kept of a first line.
fn kept_before(line: &StartLine<'_>) -> usize {
    match line {
        StartLine::Request { method, target, .. } => method.len() + kept_of(target).len(),
        StartLine::Response { .. } => 0,
    }
}

impl Keep {
    /// A policy with a fresh key.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Keep {
            policy: Policy {
                key: RandomState::default(),
                all_headers: options.all_headers,
                fields_max: usize::from(limits.fields_max),
            },
            built: BlockBuilder::default(),
            orders: [(); 2].map(|()| vec![[Known::NONE; WAYS]; FIRST + 1].into()),
            repeated: Repeated::new(),
        }
    }

    /// The fields behind a first line, and how many bytes they take with the blank line; nothing when that is not there.
    #[inline]
    #[must_use]
    pub fn whole(&mut self, line: &StartLine<'_>, rest: &[u8]) -> Option<(Fields, usize)> {
        let is_response = matches!(line, StartLine::Response { .. });
        if self.repeated.is_worth_it(is_response) {
            let end = head_end(rest)?;
            return Some((self.fields(line, rest.get(..end)?), end));
        }
        if let StartLine::Request { method, target, .. } = line {
            self.built.start(method, kept_of(target));
        }
        let (read, end) = self.read(kept_before(line), is_response, rest);
        let Some(end) = end else {
            self.built.clear();
            return None;
        };
        Some((Fields { begins_with_start: !is_response, ..self.finished(read) }, end))
    }

    /// The fields behind a first line, as far as their lines are complete.
    #[must_use]
    pub fn fields(&mut self, line: &StartLine<'_>, fields: &[u8]) -> Fields {
        let is_response = matches!(line, StartLine::Response { .. });
        let before = kept_before(line);
        let may_repeat = before <= KEPT_BYTES_MAX / 2 && fields.len() <= REPEATED_BYTES_MAX;
        let found = may_repeat.then(|| self.repeated.find(is_response, fields));
        if let Some(Ok(known)) = found {
            return known;
        }
        let (read, _) = self.read(before, is_response, fields);
        let read = self.finished(read);
        if let Some(Err(digest)) = found {
            self.repeated.put(digest, is_response, fields, &read);
        }
        read
    }

    fn finished(&mut self, left_out: LeftOut) -> Fields {
        Fields { block: self.built.finish(), left_out, begins_with_start: false }
    }

    /// Reads fields into what is built; `bytes` are kept before them. Tells where the head ends, if it does.
    fn read(&mut self, bytes: usize, is_response: bool, fields: &[u8]) -> (LeftOut, Option<usize>) {
        let Keep { policy, built, orders, .. } = self;
        let order = &mut orders[usize::from(is_response)];
        let mut room =
            Room { fields_max: policy.fields_max / 2, known: 0, others: 0, bytes, left_out: LeftOut::default() };
        let bytes_of_fields = fields;
        let mut fields = FieldLines::new(fields);
        let mut unfolded = Vec::new();
        let mut before = FIRST;
        let mut first_byte = fields.first_byte();
        loop {
            let next = &mut order[before][usize::from(first_byte) % WAYS];
            let Some(field) = fields.next_expecting(&next.text) else { break };
            let mut sent = field.name;
            if !field.as_expected {
                let hides;
                (*next, sent, hides) = Known::of(sent, is_response);
                room.left_out.malformed |= hides;
            }
            let Known { name, spelling, is_plain, .. } = *next;
            before = name as usize;
            first_byte = field.next;
            let mut value = field.value;
            if goes_on(first_byte) {
                fields.unfold(value, &mut unfolded);
                (value, first_byte) = (&unfolded, fields.first_byte());
            }
            if !is_plain {
                policy.field(built, &mut room, sent, (name, spelling), value);
            } else if room.takes(false, true, sent.len() + value.len()) {
                built.field(sent, name, spelling, value, false);
            }
        }
        let end = fields.end();
        let crs;
        (room.left_out.untidy, room.left_out.tabs, crs) = fields.oddities();
        room.left_out.malformed |= crs;
        let head = end.map_or(Some(bytes_of_fields), |end| bytes_of_fields.get(..end));
        room.left_out.malformed |= is_response && head.is_some_and(|head| memchr::memchr(0, head).is_some());
        (room.left_out, end)
    }
}

/// What of a head there was no room for, and what is odd about it.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // each stands by itself
struct LeftOut {
    too_many: bool,
    too_long: bool,
    malformed: bool,
    untidy: bool,
    tabs: bool,
}

/// What of a head there is room for, and was taken.
#[derive(Debug)]
struct Room {
    /// Of either kind: names that nobody knows never take the room of those that decide.
    fields_max: usize,
    known: usize,
    others: usize,
    bytes: usize,
    left_out: LeftOut,
}

impl Room {
    /// Whether a field of so many bytes is kept; one that `matters` is missed where it is not.
    #[inline]
    fn takes(&mut self, is_other: bool, matters: bool, bytes: usize) -> bool {
        let count = if is_other { &mut self.others } else { &mut self.known };
        *count += 1;
        if *count > self.fields_max {
            self.left_out.too_many |= matters;
            return false;
        }
        if self.bytes + bytes > KEPT_BYTES_MAX {
            self.left_out.too_long |= matters;
            return false;
        }
        self.bytes += bytes;
        true
    }
}

/// The value of such a field is kept as it is, whatever the options.
fn is_plain(name: Name) -> bool {
    !matches!(
        name,
        Name::Cookie
            | Name::SetCookie
            | Name::Authorization
            | Name::ProxyAuthorization
            | Name::WwwAuthenticate
            | Name::SecWebSocketKey
            | Name::Traceparent
            | Name::XRequestId
            | Name::Referer
            | Name::Other
    )
}

impl Policy {
    /// A field of which not all is kept.
    #[inline(never)]
    fn field(
        &self,
        built: &mut BlockBuilder,
        room: &mut Room,
        sent: &[u8],
        (name, spelling): (Name, Spelling),
        value: &[u8],
    ) {
        let is_other = name == Name::Other;
        let keeps_value = match name {
            Name::Cookie | Name::SecWebSocketKey | Name::Traceparent | Name::XRequestId => false,
            Name::Other => self.all_headers && !is_secret_name(sent),
            _ => true,
        };
        let bytes = sent.len() + if keeps_value { value.len() } else { 0 };
        if !room.takes(is_other, !is_other || self.all_headers, bytes) {
            return;
        }
        let mut put = |value: &[u8], withheld: bool| built.field(sent, name, spelling, value, withheld);
        match name {
            Name::Cookie => {
                put(PRESENT, true);
                for pair in value.split(|&b| b == b';').take(64) {
                    let cookie = trim_blanks(pair.split(|&b| b == b'=').next().unwrap_or_default());
                    if !cookie.is_empty() {
                        built.cookie_name(self.key.hash_one(cookie));
                    }
                }
            }
            Name::SetCookie => {
                let (cookie, shown) = self.set_cookie(value);
                put(&shown, true);
                built.set_cookie(cookie);
            }
            Name::Authorization | Name::ProxyAuthorization => put(scheme(value), true),
            Name::WwwAuthenticate => put(&challenges(value), true),
            Name::SecWebSocketKey => put(PRESENT, true),
            Name::Traceparent | Name::XRequestId => {
                let digest = format!("{:016x}", self.key.hash_one(value));
                put(digest.as_bytes(), true);
            }
            Name::Referer => {
                let until = memchr::memchr2(b'?', b'#', value).unwrap_or(value.len());
                put(value.get(..until).unwrap_or_default(), false);
            }
            Name::Other if !self.all_headers => put(b"", true),
            Name::Other if is_secret_name(sent) => put(PRESENT, true),
            _ => put(value, false),
        }
    }

    /// What a `Set-Cookie` says (RFC 6265 § 5.2), and that as text without the cookie's name and value.
    fn set_cookie(&self, value: &[u8]) -> (SetCookie, Vec<u8>) {
        let mut parts = value.split(|&b| b == b';');
        let pair = parts.next().unwrap_or_default();
        let name = trim_blanks(pair.split(|&b| b == b'=').next().unwrap_or_default());
        let mut cookie = SetCookie {
            name: self.key.hash_one(name),
            same_site: SameSite::Unset,
            secure: false,
            http_only: false,
            removes: false,
            session_like: is_session_name(name),
        };
        let mut shown = b"(withheld)".to_vec();
        for part in parts.take(32) {
            let mut halves = part.splitn(2, |&b| b == b'=');
            let attribute = trim_blanks(halves.next().unwrap_or_default()).to_ascii_lowercase();
            let setting = trim_blanks(halves.next().unwrap_or_default());
            let kept: &[u8] = match attribute.as_slice() {
                b"secure" => {
                    cookie.secure = true;
                    b"Secure"
                }
                b"httponly" => {
                    cookie.http_only = true;
                    b"HttpOnly"
                }
                b"partitioned" => b"Partitioned",
                b"samesite" => {
                    let (same_site, text): (SameSite, &[u8]) = match setting.to_ascii_lowercase().as_slice() {
                        b"none" => (SameSite::None, b"SameSite=None"),
                        b"lax" => (SameSite::Lax, b"SameSite=Lax"),
                        b"strict" => (SameSite::Strict, b"SameSite=Strict"),
                        _ => (SameSite::Unset, b"SameSite=?"),
                    };
                    cookie.same_site = same_site;
                    text
                }
                b"max-age" => {
                    let removes = setting == b"0" || setting.starts_with(b"-");
                    cookie.removes |= removes;
                    if removes { b"Max-Age=0" } else { b"Max-Age" }
                }
                b"expires" => {
                    let removes = setting.windows(4).any(|w| w == b"1970");
                    cookie.removes |= removes;
                    if removes { b"Expires=1970" } else { b"Expires" }
                }
                b"domain" => b"Domain",
                b"path" => b"Path",
                _ => continue,
            };
            shown.extend_from_slice(b"; ");
            shown.extend_from_slice(kept);
        }
        (cookie, shown)
    }
}

/// `Basic` of `Basic dXNlcjpwYXNz`; nothing when the value is no scheme at all but, say, a bare token.
fn scheme(value: &[u8]) -> &[u8] {
    let blank = value.iter().position(|&b| b == b' ');
    let word = value.get(..blank.unwrap_or(value.len())).unwrap_or_default();
    let known = [&b"basic"[..], b"digest", b"ntlm", b"negotiate", b"bearer"];
    let lone_token = blank.is_none() && !known.iter().any(|s| word.eq_ignore_ascii_case(s));
    if word.len() > 20 || lone_token || !word.iter().all(|&b| is_token(b)) { PRESENT } else { word }
}

/// The schemes of a `WWW-Authenticate` field: words that a parameter or a comma follows.
fn challenges(value: &[u8]) -> Vec<u8> {
    let mut shown: Vec<u8> = Vec::new();
    for part in value.split(|&b| b == b',').take(16) {
        let part = trim_blanks(part);
        let word = part.split(|&b| b == b' ').next().unwrap_or_default();
        if word.is_empty() || word.len() > 20 || !word.iter().all(|&b| is_token(b)) {
            continue; // `realm="x"` has `=` and quotes, which no scheme has
        }
        if !shown.is_empty() {
            shown.extend_from_slice(b", ");
        }
        shown.extend_from_slice(word);
    }
    shown
}

/// A name that says its value is a secret: of a session, a token or a key.
fn is_secret_name(name: &[u8]) -> bool {
    const MARKS: [&[u8]; 14] = [
        b"sess",
        b"token",
        b"auth",
        b"jwt",
        b"secret",
        b"passw",
        b"credential",
        b"api-key",
        b"apikey",
        b"api_key",
        b"cookie",
        b"signature",
        b"private",
        b"sid",
    ];
    let name = name.get(..64).unwrap_or(name).to_ascii_lowercase();
    MARKS.iter().any(|mark| name.windows(mark.len()).any(|w| w == *mark))
}

/// A cookie whose name says that it holds a session or a token. What is hidden by its name (see [`is_secret_name`]) may be more:
/// `sidebar` and `cookie_consent` are no sessions, and tokens against forgery have to be readable.
fn is_session_name(name: &[u8]) -> bool {
    let name = name.get(..64).unwrap_or(name).to_ascii_lowercase();
    let has = |mark: &[u8]| crate::http::find_word(&name, mark).is_some();
    if has(b"csrf") || has(b"xsrf") {
        return false;
    }
    let says = |word: &[u8]| {
        let auth = word.ends_with(b"auth") || (word.starts_with(b"auth") && !word.starts_with(b"author"));
        auth || word == b"sess" || word.ends_with(b"sid")
    };
    [&b"session"[..], b"sessid", b"token", b"jwt", b"oauth", b"secret", b"credential", b"passw", b"apikey"]
        .iter()
        .any(|m| has(m))
        || name.split(|b| !b.is_ascii_alphanumeric()).any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_named_like_sessions_or_tokens() {
        for name in [
            "sid",
            "connect.sid",
            "PHPSESSID",
            "JSESSIONID",
            "ASP.NET_SessionId",
            "laravel_session",
            "__Host-session",
            "sess",
            "auth",
            ".ASPXAUTH",
            "authToken",
            "oauth2_proxy",
            "access_token",
            "refresh-token",
            "jwt",
        ] {
            assert!(is_session_name(name.as_bytes()), "{name}");
        }
        for name in [
            "theme",
            "sidebar_open",
            "cookie_consent",
            "assess",
            "author",
            "tokyo_tour",
            "csrftoken",
            "XSRF-TOKEN",
            "private_mode",
            "",
        ] {
            assert!(!is_session_name(name.as_bytes()), "{name}");
        }
    }

    fn kept(fields: &str) -> Head {
        let options = EngineOptions { all_headers: true, ..EngineOptions::default() };
        request(&mut Keep::new(&Limits::default(), &options), b"GET", b"/", fields.as_bytes()).head
    }

    fn request(keep: &mut Keep, method: &[u8], target: &[u8], fields: &[u8]) -> Kept {
        keep.fields(&StartLine::Request { method, target, minor: 1 }, fields).of_request(method, target)
    }

    const ANSWER: StartLine<'_> = StartLine::Response { status: 200, reason: b"OK", minor: 1, is_plain: true };

    fn response(keep: &mut Keep, fields: &[u8]) -> Kept {
        keep.fields(&ANSWER, fields).of_response()
    }

    type Shown = (Vec<(Name, Spelling, Vec<u8>, Vec<u8>)>, Vec<u64>, Vec<u8>, Vec<u8>, bool);

    fn shown(kept: &Kept) -> Shown {
        let head = &kept.head;
        let of = |f| (head.name_of(f).to_vec(), head.value_of(f).to_vec());
        let fields = head.fields().iter().map(|f| (f.name, f.spelling, of(f).0, of(f).1)).collect();
        (fields, head.cookie_names().to_vec(), head.method().to_vec(), head.target().to_vec(), kept.too_many)
    }

    #[test]
    fn no_secret_is_kept() {
        let head = kept(
            "Cookie: sid=CANARY1; b=CANARY2\r\nAuthorization: Basic CANARY3\r\nProxy-Authorization: CANARY4\r\n\
             Set-Cookie: CANARY5=CANARY6; Path=/CANARY7; SameSite=none; secure\r\nX-Api-Key: CANARY8\r\n\
             Referer: http://a.test/p?q=CANARY9\r\nTraceparent: CANARY0\r\nWWW-Authenticate: Basic realm=\"CANARYa\", Digest\r\n\r\n",
        );
        let all: Vec<String> = head
            .fields()
            .iter()
            .map(|f| format!("{:?}={}", f.name, String::from_utf8_lossy(head.value_of(f))))
            .collect();
        assert!(!all.concat().contains("CANARY"), "{all:?}");
        assert!(all.contains(&"Authorization=Basic".to_owned()), "{all:?}");
        assert!(all.contains(&"SetCookie=(withheld); Path; SameSite=None; Secure".to_owned()), "{all:?}");
        assert!(all.contains(&"WwwAuthenticate=Basic, Digest".to_owned()), "{all:?}");
        assert!(all.contains(&"Referer=http://a.test/p".to_owned()), "{all:?}");
        assert_eq!(head.cookie_names().len(), 2);
        assert!(head.set_cookies()[0].secure && head.set_cookies()[0].same_site == SameSite::None);
    }

    #[test]
    fn a_cookie_that_is_removed_is_told() {
        let head = kept("Set-Cookie: a=; Max-Age=0\r\nSet-Cookie: PHPSESSID=x; HttpOnly\r\n\r\n");
        assert!(head.set_cookies()[0].removes && !head.set_cookies()[0].session_like);
        assert!(
            !head.set_cookies()[1].removes && head.set_cookies()[1].session_like && head.set_cookies()[1].http_only
        );
    }

    #[test]
    fn unknown_names_do_not_take_the_room_of_known_ones() {
        let mut keep = Keep::new(&Limits { fields_max: 8, ..Limits::default() }, &EngineOptions::default());
        let many = "X-Other: v\r\n".repeat(9);
        let kept = response(&mut keep, format!("{many}Vary: a\r\n\r\n").as_bytes());
        assert!(!kept.too_many && kept.head.has(Name::Vary));
        assert_eq!(kept.head.fields().len(), 5);
        let kept = response(&mut keep, "Vary: a\r\n".repeat(5).as_bytes());
        assert!(kept.too_many);
    }

    #[test]
    fn what_was_read_before_is_read_the_same_and_one_byte_makes_a_difference() {
        let mut keep = Keep::new(&Limits { fields_max: 4, ..Limits::default() }, &EngineOptions::default());
        let fields = b"Host: a\r\nvary : b\r\nCookie: sid=1; c=2\r\n\r\n";
        let first = shown(&request(&mut keep, b"GET", b"/a", fields));
        let _ = request(&mut keep, b"GET", b"/a", fields);
        let again = request(&mut keep, b"PUT", b"/b?c", fields);
        assert!(Arc::ptr_eq(&again.head.shared(), &request(&mut keep, b"GET", b"/", fields).head.shared()));
        let again = shown(&again);
        assert_eq!((&again.0, &again.1, again.4), (&first.0, &first.1, true));
        assert_eq!((again.2.as_slice(), again.3.as_slice()), (&b"PUT"[..], &b"/b?c"[..]));
        // an answer is read by other rules, and each byte counts
        assert!(!response(&mut keep, fields).head.has(Name::Vary));
        for at in 0..fields.len() {
            let mut other = fields.to_vec();
            other[at] ^= 1;
            let mut fresh = Keep::new(&Limits { fields_max: 4, ..Limits::default() }, &EngineOptions::default());
            let (read, by_itself) =
                (shown(&request(&mut keep, b"GET", b"/a", &other)), shown(&request(&mut fresh, b"GET", b"/a", &other)));
            assert_eq!((&read.0, read.1.len(), read.4), (&by_itself.0, by_itself.1.len(), by_itself.4), "{at}");
        }
    }

    #[test]
    fn a_blank_before_the_colon_hides_a_field_from_browsers_alone() {
        let mut keep = Keep::new(&Limits::default(), &EngineOptions::default());
        assert!(request(&mut keep, b"GET", b"/", b"Host : a\r\n\r\n").head.has(Name::Host));
        assert!(!response(&mut keep, b"Vary : a\r\n\r\n").head.has(Name::Vary));
    }

    #[test]
    fn what_readers_differ_about_is_told() {
        for (fields, odd) in [
            (&b"Vary: a\r\nX : b\r\n\r\n"[..], [false; 3]),
            (b"Vary: a\r\nVary : b\r\n\r\n", [true, false, false]),
            (b"Vary: a\r\nX-Nul\0: b\r\n\r\n", [true, false, false]),
            (b"Vary: a\0\r\n\r\nbody\0", [true, false, false]),
            (b"Vary: a\r\n\r\nbody\0", [false; 3]),
            (b"Vary: a\r\r\n\r\n", [true, false, false]),
            (b"Vary: a\r\nno colon\r\n\r\n", [false, true, false]),
            (b": a\r\n\r\n", [false, true, false]),
            (b"Vary: a\r\n b\r\n\r\n", [false, true, false]),
            (b"Vary:\ta\r\n\r\n", [false, false, true]),
            (b"Vary: a \t \r\n\r\n", [false, false, true]),
            (b"Vary:  a\tb \r\n\r\n", [false; 3]),
        ] {
            let mut keep = Keep::new(&Limits::default(), &EngineOptions::default());
            // the third is known from before
            for _ in 0..3 {
                let read = keep.whole(&ANSWER, fields).expect("a blank line").0.of_response();
                assert_eq!([read.malformed, read.untidy, read.tabs], odd, "{}", fields.escape_ascii());
            }
        }
    }

    #[test]
    fn a_name_that_is_expected_is_read_as_one_that_is_not() {
        let fields =
            b"Host: a\r\nX-Odd-One: 1\r\nx-odd-One: 2\r\nVARY: b\r\nHost : c\r\nCookie: d=e\r\nCookie : f=g\r\n\r\n";
        for is_request in [true, false] {
            let options = EngineOptions { all_headers: true, ..EngineOptions::default() };
            let fresh = || Keep::new(&Limits::default(), &options);
            let read = |keep: &mut Keep, fields: &[u8]| {
                let kept = if is_request { request(keep, b"GET", b"/", fields) } else { response(keep, fields) };
                shown(&kept).0
            };
            // what came before tells what is expected: each line after each other one
            let lines: Vec<&[u8]> = fields.split_inclusive(|&b| b == b'\n').collect();
            let mut keep = fresh();
            for first in &lines {
                for second in &lines {
                    let text = [first, second, &b"\r\n"[..]].concat();
                    assert_eq!(read(&mut keep, &text), read(&mut fresh(), &text), "{}", text.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn a_head_is_read_the_same_whether_its_end_is_known_or_not() {
        let mut keep = Keep::new(&Limits::default(), &EngineOptions::default());
        for nth in 0..4 * usize::from(LOOKS_MAX) {
            let fields = format!("Server: a\r\nDate: {nth}\r\nVary: b\r\n\r\n");
            let bytes = [fields.as_bytes(), b"Via: body\r\n\r\n"].concat();
            let (read, end) = keep.whole(&ANSWER, &bytes).expect("a blank line");
            assert_eq!(end, fields.len());
            let date = read.of_response().head.first(Name::Date).map(<[u8]>::to_vec);
            assert_eq!(date, Some(nth.to_string().into_bytes()));
            assert!(keep.whole(&ANSWER, &bytes[..fields.len() - 1]).is_none());
            let asked = StartLine::Request { method: b"PUT", target: b"/a?b", minor: 1 };
            let fields = format!("hosT: {nth}\r\n\r\n");
            let (read, _) = keep.whole(&asked, fields.as_bytes()).expect("a blank line");
            let head = read.of_request(b"PUT", b"/a?b").head;
            let first = head.fields().first().map(|f| (head.name_of(f), head.value_of(f)));
            assert_eq!((head.method(), head.target()), (&b"PUT"[..], &b"/a?b"[..]));
            assert_eq!(first, Some((&b"hosT"[..], nth.to_string().as_bytes())));
            assert_eq!(head.kept_bytes(), "PUT/a?bhosT".len() + nth.to_string().len());
        }
        assert_eq!(keep.repeated.credit, [0; 2], "none came again");
        // and once they do, that is seen
        let bytes = b"Server: a\r\nDate: today\r\n\r\n";
        for _ in 0..20 * usize::from(SELDOM) {
            let _ = keep.whole(&ANSWER, bytes);
        }
        let blocks = [0, 1].map(|_| keep.whole(&ANSWER, bytes).map(|(read, _)| read.block));
        assert!(Arc::ptr_eq(blocks[0].as_ref().expect("read"), blocks[1].as_ref().expect("read")));
    }
}
