//! What is kept of a head: the one place that decides which values are copied out of a packet.
//!
//! Secrets never are: a cookie is a digest of its name, `Set-Cookie` its attributes, `Authorization` its scheme. Fields that
//! nobody needs keep their name alone. A head keeps at most [`KEPT_BYTES_MAX`]; what does not fit makes it a cut head.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::grammar::{FieldLines, is_bare, is_token, trim_blanks};
use super::head::{Block, BlockBuilder, Head, Name, SameSite, SetCookie, Spelling, recognise};
use crate::index::folded;
use crate::limits::Limits;
use crate::options::EngineOptions;

/// Bytes kept of one head; together with the caps on waiting requests this bounds what heads can hold.
const KEPT_BYTES_MAX: usize = 32 * 1024;
/// Shown in place of a value that must not be kept.
const PRESENT: &[u8] = b"(present)";

/// The policy, with this process's key for digests.
#[derive(Debug)]
pub struct Keep {
    key: RandomState,
    all_headers: bool,
    fields_max: usize,
    built: BlockBuilder,
    /// Which field last followed which, in requests and in answers: what is expected need not be searched for.
    followed: [Order; 2],
    repeated: Repeated,
}

/// The fields of a head as kept, and what did not fit.
#[derive(Debug, Clone)]
struct Fields {
    block: Arc<Block>,
    too_many: bool,
    too_long: bool,
}

/// Heads that came again, by what their fields were to the byte: clients and servers say the same time after time, and what was read
/// once is shared. Of their bytes, secrets among them, nothing is kept but a digest of 128 bits under keys of this process.
#[derive(Debug)]
struct Repeated {
    keys: [RandomState; 2],
    slots: Box<[Option<Slot>]>,
    /// A part of the digest of each that came last: what comes once only takes nobody's slot.
    came: Box<[u32]>,
}

#[derive(Debug, Clone)]
struct Slot {
    digest: [u64; 2],
    fields: Fields,
}

/// Heads remembered; a power of two. One takes the place of another.
const REPEATED_MAX: usize = 1024;
/// Heads of which is known that they came; a power of two.
const CAME_MAX: usize = 4096;
/// Longer ones are not looked for: with [`REPEATED_MAX`] this bounds what is held.
const REPEATED_BYTES_MAX: usize = 2048;

impl Repeated {
    fn new() -> Self {
        Repeated {
            keys: [RandomState::default(), RandomState::default()],
            slots: vec![None; REPEATED_MAX].into(),
            came: vec![0; CAME_MAX].into(),
        }
    }

    /// What was read of the same bytes, or their digest's first half.
    fn find(&self, is_response: bool, fields: &[u8]) -> Result<Fields, u64> {
        let [first, second] = &self.keys;
        let digest = first.hash_one((is_response, fields));
        let slot = self.slots.get(place(digest, REPEATED_MAX)).and_then(Option::as_ref);
        match slot.filter(|slot| slot.digest[0] == digest) {
            Some(slot) if slot.digest[1] == second.hash_one((is_response, fields)) => Ok(slot.fields.clone()),
            _ => Err(digest),
        }
    }

    /// Keeps what was read, if the same came before.
    fn put(&mut self, digest: u64, is_response: bool, fields: &[u8], read: &Fields) {
        let mark = folded(digest.rotate_left(20));
        let came = self.came.get_mut(place(digest >> 20, CAME_MAX)).map(|came| std::mem::replace(came, mark));
        if came == Some(mark)
            && let Some(slot) = self.slots.get_mut(place(digest, REPEATED_MAX))
        {
            let digest = [digest, self.keys[1].hash_one((is_response, fields))];
            *slot = Some(Slot { digest, fields: read.clone() });
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // fewer bits are meant
fn place(digest: u64, places: usize) -> usize {
    digest as usize % places
}

/// By the name before it, which may be [`Name::Other`], or none; how it was written.
type Order = [(Name, Spelling); FIRST + 1];
/// The place of what comes first in [`Order`].
const FIRST: usize = Name::KNOWN.len() + 1;

/// A head as kept, and what did not fit.
#[derive(Debug)]
pub struct Kept {
    /// The head.
    pub head: Head,
    /// Fields that matter were left out, for there were too many.
    pub too_many: bool,
    /// They would have been too long.
    pub too_long: bool,
}

impl Keep {
    /// A policy with a fresh key.
    #[must_use]
    pub fn new(limits: &Limits, options: &EngineOptions) -> Self {
        Keep {
            key: RandomState::default(),
            all_headers: options.all_headers,
            fields_max: usize::from(limits.fields_max),
            built: BlockBuilder::default(),
            repeated: Repeated::new(),
            followed: [[(Name::Other, Spelling::Odd); FIRST + 1]; 2],
        }
    }

    /// A request's head, from its first line's parts and the bytes after that line.
    #[must_use]
    pub fn request(&mut self, method: &[u8], target: &[u8], fields: &[u8]) -> Kept {
        let fits = target.len() <= KEPT_BYTES_MAX;
        let target = target.get(..KEPT_BYTES_MAX).unwrap_or(target);
        let Fields { block, too_many, too_long } = self.fields(method.len() + target.len(), false, fields);
        Kept { head: Head::request(method, target, block), too_many, too_long: too_long || !fits }
    }

    /// A response's head, from the bytes after its status line.
    #[must_use]
    pub fn response(&mut self, fields: &[u8]) -> Kept {
        let Fields { block, too_many, too_long } = self.fields(0, true, fields);
        Kept { head: Head::response(block), too_many, too_long }
    }

    /// Fields as kept. `before` are the bytes kept before them.
    fn fields(&mut self, before: usize, is_response: bool, fields: &[u8]) -> Fields {
        let may_repeat = before <= KEPT_BYTES_MAX / 2 && fields.len() <= REPEATED_BYTES_MAX;
        if !may_repeat {
            return self.read(before, is_response, fields);
        }
        match self.repeated.find(is_response, fields) {
            Ok(known) => known,
            Err(digest) => {
                let read = self.read(before, is_response, fields);
                self.repeated.put(digest, is_response, fields, &read);
                read
            }
        }
    }

    fn read(&mut self, mut bytes: usize, is_response: bool, fields: &[u8]) -> Fields {
        let (mut known, mut others) = (0, 0);
        let (mut too_many, mut too_long) = (false, false);
        let mut built = std::mem::take(&mut self.built);
        built.reserve(fields.len().min(KEPT_BYTES_MAX));
        let mut fields = FieldLines::new(fields);
        let mut before = FIRST;
        loop {
            let expected = self.followed[usize::from(is_response)][before];
            let Some((sent, value, as_expected)) = fields.next_expecting(expected.0.written(expected.1)) else { break };
            let mut name_as_sent = sent;
            let (name, spelling) = if as_expected {
                expected
            } else {
                if !is_response && !is_bare(sent) {
                    name_as_sent = trim_blanks(sent); // servers read past the blank; browsers pass over such a field
                }
                let found = recognise(name_as_sent);
                self.followed[usize::from(is_response)][before] = found;
                found
            };
            before = name as usize;
            let is_other = name == Name::Other;
            // Names that nobody knows never take the room of those that decide.
            let room = if is_other { &mut others } else { &mut known };
            if *room >= self.fields_max / 2 {
                too_many |= !is_other || self.all_headers;
                continue;
            }
            *room += 1;
            let size = name_as_sent.len() + if self.keeps_value(name, name_as_sent) { value.len() } else { 0 };
            if bytes + size > KEPT_BYTES_MAX {
                too_long |= !is_other || self.all_headers;
                continue;
            }
            bytes += size;
            self.field(&mut built, name_as_sent, name, spelling, &value);
        }
        let block = built.finish();
        self.built = built;
        Fields { block, too_many, too_long }
    }

    fn keeps_value(&self, name: Name, name_as_sent: &[u8]) -> bool {
        match name {
            Name::Cookie | Name::SecWebSocketKey | Name::Traceparent | Name::XRequestId => false,
            Name::Other => self.all_headers && !is_secret_name(name_as_sent),
            _ => true,
        }
    }

    #[inline]
    fn field(&self, built: &mut BlockBuilder, sent: &[u8], name: Name, spelling: Spelling, value: &[u8]) {
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
            session_like: is_secret_name(name),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(fields: &str) -> Head {
        let options = EngineOptions { all_headers: true, ..EngineOptions::default() };
        Keep::new(&Limits::default(), &options).request(b"GET", b"/", fields.as_bytes()).head
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
        let kept = keep.response(format!("{many}Vary: a\r\n\r\n").as_bytes());
        assert!(!kept.too_many && kept.head.has(Name::Vary));
        assert_eq!(kept.head.fields().len(), 5);
        let kept = keep.response("Vary: a\r\n".repeat(5).as_bytes());
        assert!(kept.too_many);
    }

    #[test]
    fn what_was_read_before_is_read_the_same_and_one_byte_makes_a_difference() {
        let mut keep = Keep::new(&Limits { fields_max: 4, ..Limits::default() }, &EngineOptions::default());
        let shown = |kept: &Kept| {
            let head = &kept.head;
            let fields =
                head.fields().iter().map(|f| (f.name, f.spelling, head.value_of(f).to_vec())).collect::<Vec<_>>();
            (fields, head.cookie_names().to_vec(), head.method().to_vec(), head.target().to_vec(), kept.too_many)
        };
        let fields = b"Host: a\r\nvary : b\r\nCookie: sid=1; c=2\r\n\r\n";
        let first = shown(&keep.request(b"GET", b"/a", fields));
        let _ = keep.request(b"GET", b"/a", fields);
        let again = keep.request(b"PUT", b"/b?c", fields);
        assert!(Arc::ptr_eq(&again.head.shared(), &keep.request(b"GET", b"/", fields).head.shared()));
        let again = shown(&again);
        assert_eq!((&again.0, &again.1, again.4), (&first.0, &first.1, true));
        assert_eq!((again.2.as_slice(), again.3.as_slice()), (&b"PUT"[..], &b"/b?c"[..]));
        // an answer is read by other rules, and each byte counts
        assert!(!keep.response(fields).head.has(Name::Vary));
        for at in 0..fields.len() {
            let mut other = fields.to_vec();
            other[at] ^= 1;
            let mut fresh = Keep::new(&Limits { fields_max: 4, ..Limits::default() }, &EngineOptions::default());
            let (read, by_itself) =
                (shown(&keep.request(b"GET", b"/a", &other)), shown(&fresh.request(b"GET", b"/a", &other)));
            assert_eq!((&read.0, read.1.len(), read.4), (&by_itself.0, by_itself.1.len(), by_itself.4), "{at}");
        }
    }

    #[test]
    fn a_blank_before_the_colon_hides_a_field_from_browsers_alone() {
        let mut keep = Keep::new(&Limits::default(), &EngineOptions::default());
        assert!(keep.request(b"GET", b"/", b"Host : a\r\n\r\n").head.has(Name::Host));
        assert!(!keep.response(b"Vary : a\r\n\r\n").head.has(Name::Vary));
    }
}
