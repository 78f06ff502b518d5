//! A message head as the engine keeps it: one block of bytes, and where each field lies in it.

use std::sync::Arc;

use smallvec::SmallVec;

macro_rules! names {
    ($($(#[$meta:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// A field name that the engine knows. Everything else is [`Name::Other`], kept by name alone.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Name { $($(#[$meta])* $variant,)+ Other }

        impl Name {
            /// Every known name with its lower-case text.
            pub const KNOWN: &'static [(Name, &'static str)] = &[$((Name::$variant, $text)),+];

            /// The lower-case text; empty for [`Name::Other`].
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Name::$variant => $text,)+ Name::Other => "" }
            }
        }
    };
}

names! {
    Origin = "origin",
    Host = "host",
    AcRequestMethod = "access-control-request-method",
    AcRequestHeaders = "access-control-request-headers",
    AcRequestPrivateNetwork = "access-control-request-private-network",
    AcRequestLocalNetwork = "access-control-request-local-network",
    AcAllowOrigin = "access-control-allow-origin",
    AcAllowCredentials = "access-control-allow-credentials",
    AcAllowMethods = "access-control-allow-methods",
    AcAllowHeaders = "access-control-allow-headers",
    AcExposeHeaders = "access-control-expose-headers",
    AcMaxAge = "access-control-max-age",
    AcAllowPrivateNetwork = "access-control-allow-private-network",
    AcAllowLocalNetwork = "access-control-allow-local-network",
    AcAllowExternal = "access-control-allow-external",
    AcRequestExternal = "access-control-request-external",
    TimingAllowOrigin = "timing-allow-origin",
    CrossOriginResourcePolicy = "cross-origin-resource-policy",
    CrossOriginOpenerPolicy = "cross-origin-opener-policy",
    CrossOriginEmbedderPolicy = "cross-origin-embedder-policy",
    SecFetchMode = "sec-fetch-mode",
    SecFetchSite = "sec-fetch-site",
    SecFetchDest = "sec-fetch-dest",
    SecFetchUser = "sec-fetch-user",
    SecFetchStorageAccess = "sec-fetch-storage-access",
    SecChUa = "sec-ch-ua",
    SecWebSocketKey = "sec-websocket-key",
    SecPurpose = "sec-purpose",
    UserAgent = "user-agent",
    Accept = "accept",
    AcceptEncoding = "accept-encoding",
    AcceptLanguage = "accept-language",
    ContentLanguage = "content-language",
    Range = "range",
    Referer = "referer",
    UpgradeInsecureRequests = "upgrade-insecure-requests",
    IfNoneMatch = "if-none-match",
    IfModifiedSince = "if-modified-since",
    CacheControl = "cache-control",
    Pragma = "pragma",
    /// Presence, and digests of the cookies' names.
    Cookie = "cookie",
    /// Attributes only.
    SetCookie = "set-cookie",
    /// The scheme only.
    Authorization = "authorization",
    ProxyAuthorization = "proxy-authorization",
    /// Schemes only.
    WwwAuthenticate = "www-authenticate",
    Connection = "connection",
    Upgrade = "upgrade",
    ContentType = "content-type",
    ContentLength = "content-length",
    ContentEncoding = "content-encoding",
    TransferEncoding = "transfer-encoding",
    Te = "te",
    Trailer = "trailer",
    Expect = "expect",
    Date = "date",
    Forwarded = "forwarded",
    XForwardedFor = "x-forwarded-for",
    XForwardedProto = "x-forwarded-proto",
    XForwardedHost = "x-forwarded-host",
    XForwardedPort = "x-forwarded-port",
    XForwardedScheme = "x-forwarded-scheme",
    XScheme = "x-scheme",
    XForwardedSsl = "x-forwarded-ssl",
    FrontEndHttps = "front-end-https",
    XUrlScheme = "x-url-scheme",
    XRealIp = "x-real-ip",
    CfVisitor = "cf-visitor",
    CfConnectingIp = "cf-connecting-ip",
    CloudFrontForwardedProto = "cloudfront-forwarded-proto",
    TrueClientIp = "true-client-ip",
    /// A keyed digest of the value.
    Traceparent = "traceparent",
    /// A keyed digest of the value.
    XRequestId = "x-request-id",
    LastEventId = "last-event-id",
    XHttpMethod = "x-http-method",
    XHttpMethodOverride = "x-http-method-override",
    XMethodOverride = "x-method-override",
    Vary = "vary",
    Location = "location",
    Server = "server",
    Via = "via",
    Allow = "allow",
    XPoweredBy = "x-powered-by",
    Age = "age",
    XCache = "x-cache",
    XCacheStatus = "x-cache-status",
    CfCacheStatus = "cf-cache-status",
    CfRay = "cf-ray",
    XAmzCfId = "x-amz-cf-id",
    XAmznRequestId = "x-amzn-requestid",
    XAmznErrorType = "x-amzn-errortype",
    XVarnish = "x-varnish",
    XKongUpstreamLatency = "x-kong-upstream-latency",
    XKongProxyLatency = "x-kong-proxy-latency",
    XEnvoyUpstreamServiceTime = "x-envoy-upstream-service-time",
    Etag = "etag",
    LastModified = "last-modified",
    Expires = "expires",
    RetryAfter = "retry-after",
    StrictTransportSecurity = "strict-transport-security",
    KeepAlive = "keep-alive",
    CorsError = "cors-error",
    Refresh = "refresh",
}

impl Name {
    /// The known name that `bytes` spells, without regard to case.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Name {
        recognise(bytes).0
    }

    /// How a name is written in one of the two ways that nearly all use; empty where that does not tell.
    fn written(self, spelling: Spelling) -> &'static [u8] {
        match spelling {
            Spelling::Usual => self.usual(),
            Spelling::Lower => self.text().as_bytes(),
            Spelling::Odd => b"",
        }
    }

    /// The text with a capital at each word's beginning; empty for [`Name::Other`].
    fn usual(self) -> &'static [u8] {
        USUAL.get(self as usize).and_then(|text| text.get(..self.text().len())).unwrap_or_default()
    }

    /// A field on which no verdict, cause or fix ever rests: neither recorded nor shown beside one.
    #[must_use]
    pub fn is_incidental(self) -> bool {
        matches!(
            self,
            Name::Accept
                | Name::AcceptEncoding
                | Name::AcceptLanguage
                | Name::Connection
                | Name::ContentEncoding
                | Name::ContentLanguage
                | Name::ContentLength
                | Name::Date
                | Name::Etag
                | Name::Expires
                | Name::IfModifiedSince
                | Name::IfNoneMatch
                | Name::KeepAlive
                | Name::LastModified
                | Name::Pragma
                | Name::Range
                | Name::SecChUa
                | Name::SecWebSocketKey
                | Name::StrictTransportSecurity
                | Name::Te
                | Name::Traceparent
                | Name::Trailer
                | Name::UpgradeInsecureRequests
                | Name::XRequestId
        )
    }
}

/// Longest known name, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// Open-addressing table over (length, first, last, middle byte), built at compile time.
const SLOTS: usize = 1024;
static TABLE: [u8; SLOTS] = build_table();

#[allow(clippy::cast_possible_truncation)] // names are at most NAME_BYTES_MAX long
const fn slot_of(name: &[u8]) -> usize {
    let n = name.len();
    // letters without regard to case; what else becomes equal is told apart by the comparison
    let (a, b, c, d) = (name[0] | 0x20, name[n - 1] | 0x20, name[n / 2] | 0x20, name[n / 3] | 0x20);
    let mix = (n as u32).wrapping_mul(0x9E37_79B1)
        ^ (a as u32).wrapping_mul(0x85EB_CA6B)
        ^ (b as u32).wrapping_mul(0xC2B2_AE35)
        ^ (c as u32).wrapping_mul(0x27D4_EB2F)
        ^ (d as u32).wrapping_mul(0x1656_67B1);
    (mix >> 12) as usize % SLOTS
}

const fn build_table() -> [u8; SLOTS] {
    let mut table = [u8::MAX; SLOTS];
    let mut i = 0;
    while i < Name::KNOWN.len() {
        let name = Name::KNOWN[i].1.as_bytes();
        assert!(name.len() <= NAME_BYTES_MAX && i < u8::MAX as usize);
        let mut s = slot_of(name);
        while table[s] != u8::MAX {
            s = (s + 1) % SLOTS;
        }
        #[allow(clippy::cast_possible_truncation)] // asserted above
        {
            table[s] = i as u8;
        }
        i += 1;
    }
    table
}

/// Every known name as most write it: each word with a capital.
static USUAL: [[u8; NAME_BYTES_MAX]; Name::KNOWN.len()] = {
    let mut all = [[0; NAME_BYTES_MAX]; Name::KNOWN.len()];
    let mut i = 0;
    while i < Name::KNOWN.len() {
        assert!(Name::KNOWN[i].0 as usize == i);
        let name = Name::KNOWN[i].1.as_bytes();
        let mut start = true;
        let mut at = 0;
        while at < name.len() {
            all[i][at] = if start { name[at].to_ascii_uppercase() } else { name[at] };
            start = name[at] == b'-';
            at += 1;
        }
        i += 1;
    }
    all
};

/// The known name, and how it was written.
pub(super) fn recognise(bytes: &[u8]) -> (Name, Spelling) {
    if bytes.is_empty() || bytes.len() > NAME_BYTES_MAX {
        return (Name::Other, spelling(bytes));
    }
    let mut s = slot_of(bytes);
    loop {
        let at = usize::from(TABLE[s]);
        let (Some((name, text)), Some(usual)) = (Name::KNOWN.get(at), USUAL.get(at)) else {
            return (Name::Other, spelling(bytes));
        };
        if text.len() == bytes.len() {
            // nearly all are spelled in one of two ways
            if usual.get(..bytes.len()) == Some(bytes) {
                return (*name, Spelling::Usual);
            } else if text.as_bytes() == bytes {
                return (*name, Spelling::Lower);
            } else if text.as_bytes().eq_ignore_ascii_case(bytes) {
                return (*name, Spelling::Odd);
            }
        }
        s = (s + 1) % SLOTS;
    }
}

/// How a field's name was spelled on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// All lower case, as HTTP/2 fronts and some proxies write.
    Lower,
    /// Each word with a capital (`Access-Control-Allow-Origin`).
    Usual,
    /// Anything else.
    Odd,
}

/// One field of a head: where its name and kept value lie.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Which field.
    pub name: Name,
    /// How it was written.
    pub spelling: Spelling,
    /// The value was left out (a secret, or a field that nobody needs): `value` is then what may be shown of it.
    pub withheld: bool,
    /// 0 where name and spelling say it all; else the name lies before the value.
    name_len: u16,
    value_at: u16,
    value_len: u16,
}

impl Field {
    /// Its name as written is one of the two usual spellings of a known name.
    #[must_use]
    pub fn is_plainly_named(&self) -> bool {
        self.name_len == 0
    }

    /// Name, spelling and whether its value is withheld, as a number.
    #[must_use]
    pub fn kind(&self) -> u64 {
        u64::from(self.name as u8) << 8 | u64::from(self.spelling as u8) << 1 | u64::from(self.withheld)
    }
}

/// What a `Set-Cookie` field says, without the cookie's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetCookie {
    /// Digest of the name under this process's key.
    pub name: u64,
    /// The `SameSite` attribute.
    pub same_site: SameSite,
    /// `Secure` present.
    pub secure: bool,
    /// `HttpOnly` present.
    pub http_only: bool,
    /// It removes the cookie: `Max-Age` of 0 or less, or `Expires` in 1970.
    pub removes: bool,
    /// The name looks like a session or token.
    pub session_like: bool,
}

/// `SameSite` of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// No such attribute, or not one of the three: browsers take Lax.
    Unset,
    /// Strict.
    Strict,
    /// Lax.
    Lax,
    /// None.
    None,
}

/// The fields of a head in order, reduced to what may be kept; shared by heads in which they are the same.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Box<[u8]>,
    /// A bit for each name that some field has: most questions are answered by it.
    present: u128,
    /// Nearly no head has more: they need no place of their own.
    fields: SmallVec<[Field; 14]>,
    cookie_names: SmallVec<[u64; 2]>,
    set_cookies: SmallVec<[SetCookie; 0]>,
}

/// A head: start line and fields.
#[derive(Debug, Default)]
pub struct Head {
    /// Method and target, where the block does not begin with them.
    start: Box<[u8]>,
    method_len: u32,
    /// Bytes of both that the block begins with.
    begun: u32,
    block: Arc<Block>,
}

impl Head {
    /// A request's head.
    #[must_use]
    pub(super) fn request(method: &[u8], target: &[u8], block: Arc<Block>) -> Self {
        let method_len = u32::try_from(method.len()).unwrap_or(u32::MAX);
        let mut start = Vec::with_capacity(method.len() + target.len());
        start.extend_from_slice(method);
        start.extend_from_slice(target);
        Head { start: start.into(), method_len, begun: 0, block }
    }

    /// A request's head whose block begins with method and target, of these lengths.
    #[must_use]
    pub(super) fn begun(method: usize, target: usize, block: Arc<Block>) -> Self {
        let len = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Head { start: Box::default(), method_len: len(method), begun: len(method + target), block }
    }

    /// A response's head.
    #[must_use]
    pub(super) fn response(block: Arc<Block>) -> Self {
        Head { start: Box::default(), method_len: 0, begun: 0, block }
    }

    /// The method's bytes (empty in a response).
    #[must_use]
    #[inline]
    pub fn method(&self) -> &[u8] {
        self.start().get(..self.method_len as usize).unwrap_or_default()
    }

    /// The request target as sent, with its query (empty in a response).
    #[must_use]
    #[inline]
    pub fn target(&self) -> &[u8] {
        self.start().get(self.method_len as usize..).unwrap_or_default()
    }

    #[inline]
    fn start(&self) -> &[u8] {
        if self.begun == 0 { &self.start } else { self.block.bytes.get(..self.begun as usize).unwrap_or_default() }
    }

    /// All fields in order.
    #[must_use]
    #[inline]
    pub fn fields(&self) -> &[Field] {
        &self.block.fields
    }

    /// Which names there are: a bit for each.
    #[must_use]
    pub fn names(&self) -> u128 {
        self.block.present
    }

    /// Digests of the names in `Cookie`, under this process's key; at most 32.
    #[must_use]
    pub fn cookie_names(&self) -> &[u64] {
        &self.block.cookie_names
    }

    /// The `Set-Cookie` fields; at most 32.
    #[must_use]
    pub fn set_cookies(&self) -> &[SetCookie] {
        &self.block.set_cookies
    }

    /// What other heads may share.
    #[cfg(test)]
    pub(super) fn shared(&self) -> Arc<Block> {
        self.block.clone()
    }

    /// Bytes of its text that are kept.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.start.len() + self.block.bytes.len()
    }

    /// Bytes that it takes of memory, as if it shared none with others.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.kept_bytes()
            + size_of_val(self.fields())
            + size_of_val(self.cookie_names())
            + size_of_val(self.set_cookies())
    }

    /// A field's name as written.
    #[must_use]
    pub fn name_of(&self, field: &Field) -> &[u8] {
        if field.is_plainly_named() {
            return field.name.written(field.spelling);
        }
        let end = usize::from(field.value_at);
        self.block.bytes.get(end.saturating_sub(usize::from(field.name_len))..end).unwrap_or_default()
    }

    /// A field's value as kept, trimmed of SP and HTAB.
    #[must_use]
    #[inline]
    pub fn value_of(&self, field: &Field) -> &[u8] {
        let at = usize::from(field.value_at);
        self.block.bytes.get(at..at + usize::from(field.value_len)).unwrap_or_default()
    }

    /// A field's value as it may be shown: the digests of this process mean nothing to a reader, and differ in the next.
    #[must_use]
    pub fn shown_of(&self, field: &Field) -> &[u8] {
        match field.name {
            Name::Traceparent | Name::XRequestId => b"(present)",
            _ => self.value_of(field),
        }
    }

    /// The values of each field of that name, in order.
    #[inline]
    pub fn all(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.of(name).map(|f| self.value_of(f))
    }

    /// The fields of that name, in order.
    #[inline]
    pub fn of(&self, name: Name) -> impl Iterator<Item = &Field> {
        let fields = if self.has(name) { &*self.block.fields } else { &[] };
        fields.iter().filter(move |f| f.name == name)
    }

    /// The value of the first field of that name.
    #[must_use]
    #[inline]
    pub fn first(&self, name: Name) -> Option<&[u8]> {
        self.of(name).next().map(|f| self.value_of(f))
    }

    /// Whether there is such a field, though its value may be withheld.
    #[must_use]
    #[inline]
    pub fn has(&self, name: Name) -> bool {
        self.block.present & bit(name) != 0
    }

    /// How many fields of that name there are.
    #[must_use]
    #[inline]
    pub fn count(&self, name: Name) -> usize {
        self.of(name).count()
    }

    /// Fetch § "get a header value": all values joined with `, `; borrowed when there is just one.
    #[must_use]
    pub fn joined(&self, name: Name) -> Option<std::borrow::Cow<'_, [u8]>> {
        let mut values = self.all(name);
        let first = values.next()?;
        let Some(second) = values.next() else { return Some(first.into()) };
        let mut joined = first.to_vec();
        for value in std::iter::once(second).chain(values) {
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value);
        }
        Some(joined.into())
    }
}

#[inline]
const fn bit(name: Name) -> u128 {
    assert!(Name::KNOWN.len() < 128);
    1 << name as u8
}

/// Builds a [`Head`]: start line first, then fields in order.
#[derive(Debug, Default)]
pub struct HeadBuilder {
    start: Box<[u8]>,
    method_len: u32,
    fields: BlockBuilder,
}

/// Builds a [`Block`]. What it builds in is kept from one to the next, so that each is allocated once and exactly.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    bytes: Vec<u8>,
    present: u128,
    fields: Vec<Field>,
    cookie_names: SmallVec<[u64; 2]>,
    set_cookies: SmallVec<[SetCookie; 0]>,
}

/// Bytes of one block: more than are kept of a head, whatever stands for what is withheld.
const BLOCK_BYTES_MAX: usize = u16::MAX as usize;

impl HeadBuilder {
    /// Begins a response's head.
    #[must_use]
    pub fn response() -> Self {
        Self::default()
    }

    /// Begins a request's head.
    #[must_use]
    pub fn request(method: &[u8], target: &[u8]) -> Self {
        let Head { start, method_len, .. } = Head::request(method, target, Arc::default());
        HeadBuilder { start, method_len, fields: BlockBuilder::default() }
    }

    /// Adds a field; `withheld` says that `value` stands for something that must not or need not be kept.
    pub fn field(&mut self, name_as_sent: &[u8], name: Name, value: &[u8], withheld: bool) {
        self.fields.field(name_as_sent, name, recognise(name_as_sent).1, value, withheld);
    }

    /// Adds a cookie name's digest.
    pub fn cookie_name(&mut self, digest: u64) {
        self.fields.cookie_name(digest);
    }

    /// Adds what a `Set-Cookie` says.
    pub fn set_cookie(&mut self, cookie: SetCookie) {
        self.fields.set_cookie(cookie);
    }

    /// The head.
    #[must_use]
    pub fn finish(mut self) -> Head {
        Head { start: self.start, method_len: self.method_len, begun: 0, block: self.fields.finish() }
    }
}

impl BlockBuilder {
    /// Begins with a request's method and target.
    pub fn start(&mut self, method: &[u8], target: &[u8]) {
        self.append(method);
        self.append(target);
    }

    /// See [`HeadBuilder::field`]. A name's text is copied only where name and spelling do not give it.
    #[inline(always)]
    #[allow(clippy::inline_always)] // a call for each field costs a tenth of reading it
    pub fn field(&mut self, sent: &[u8], name: Name, spelling: Spelling, value: &[u8], withheld: bool) {
        let is_plain = name != Name::Other && spelling != Spelling::Odd;
        let name_len = if is_plain { 0 } else { self.append(sent) };
        let value_at = self.place();
        let value_len = self.append(value);
        self.present |= bit(name);
        self.fields.push(Field { name, spelling, withheld, name_len, value_at, value_len });
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // at most `BLOCK_BYTES_MAX`
    fn place(&self) -> u16 {
        self.bytes.len() as u16
    }

    /// Appends what there is room for, and says how much that was.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // at most `BLOCK_BYTES_MAX`
    fn append(&mut self, mut text: &[u8]) -> u16 {
        let room = BLOCK_BYTES_MAX - self.bytes.len();
        if text.len() > room {
            text = text.get(..room).unwrap_or_default();
        }
        self.bytes.extend_from_slice(text);
        text.len() as u16
    }

    /// Adds a cookie name's digest.
    pub fn cookie_name(&mut self, digest: u64) {
        if self.cookie_names.len() < 32 {
            self.cookie_names.push(digest);
        }
    }

    /// Adds what a `Set-Cookie` says.
    pub fn set_cookie(&mut self, cookie: SetCookie) {
        if self.set_cookies.len() < 32 {
            self.set_cookies.push(cookie);
        }
    }

    /// The block; nothing is left for the next.
    pub fn finish(&mut self) -> Arc<Block> {
        let block = Arc::new(Block {
            bytes: Box::from(self.bytes.as_slice()),
            present: self.present,
            fields: SmallVec::from_slice(&self.fields),
            cookie_names: std::mem::take(&mut self.cookie_names),
            set_cookies: std::mem::take(&mut self.set_cookies),
        });
        self.clear();
        block
    }

    /// Forgets what was added.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.present = 0;
        self.fields.clear();
        self.cookie_names.clear();
        self.set_cookies.clear();
    }
}

fn spelling(name: &[u8]) -> Spelling {
    if !name.iter().any(u8::is_ascii_uppercase) {
        return Spelling::Lower;
    }
    let mut start = true;
    for &b in name {
        if b.is_ascii_alphabetic() && b.is_ascii_uppercase() != start {
            return Spelling::Odd;
        }
        start = b == b'-';
    }
    Spelling::Usual
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (name, text) in Name::KNOWN {
            assert_eq!(Name::of(text.as_bytes()), *name);
            assert_eq!(Name::of(text.to_ascii_uppercase().as_bytes()), *name);
        }
        assert_eq!(Name::of(b"x-custom"), Name::Other);
        assert_eq!(Name::of(b""), Name::Other);
    }

    #[test]
    fn values_of_one_name_join_in_order() {
        assert!(size_of::<Field>() == 10 && size_of::<Block>() <= 240, "a block of its own size class");
        let mut built = HeadBuilder::request(b"GET", b"/a");
        built.field(b"Vary", Name::Vary, b"Origin", false);
        built.field(b"VARY", Name::Vary, b"", false);
        let head = built.finish();
        assert_eq!(head.method(), b"GET");
        assert_eq!(head.target(), b"/a");
        assert_eq!(head.joined(Name::Vary).as_deref(), Some(&b"Origin, "[..]));
        assert_eq!(head.fields()[1].spelling, Spelling::Odd);
        assert_eq!(head.count(Name::Vary), 2);
    }

    #[test]
    fn a_block_takes_no_more_than_its_places_can_tell() {
        let mut built = HeadBuilder::response();
        let long = vec![b'v'; 40_000];
        for name in [&b"X-A"[..], b"x-b", b"X-C"] {
            built.field(name, Name::Other, &long, false);
        }
        let head = built.finish();
        let lengths: Vec<_> = head.fields().iter().map(|f| (head.name_of(f).len(), head.value_of(f).len())).collect();
        assert_eq!(lengths, [(3, 40_000), (3, 65_535 - 40_006), (0, 0)]);
    }
}
