//! Header compression of HTTP/2 (RFC 7541), as far as a reader needs it.
//!
//! Own code, since of the libraries that decode it some panic on a byte and one builds its Huffman tables anew for each string.
//! Beyond them it goes on where the connection was joined midway: fields that refer to what was not seen are left out and told.

use std::collections::VecDeque;

use super::huffman;

/// Bytes that a table may hold, as RFC 7541 § 4.1 counts them, though its owner may ask for more: browsers ask for as much.
pub(super) const TABLE_BYTES_MAX: usize = 64 * 1024;
const TABLE_BYTES: usize = 4096;
/// What an entry costs beside its text.
const ENTRY_BYTES: usize = 32;
/// Bytes of what came before that each byte of a header block may stand for, as an average: one byte writes a whole field again, however
/// long it is. A browser's request with four kilobytes of cookies, all written before, comes to half of that.
const AGAIN_EACH: usize = 128;
/// So many a connection may begin with, and so many it may save up.
const AGAIN_FIRST: usize = 64 * 1024;
const AGAIN_MAX: usize = 1 << 20;
/// Places of entries that nobody uses, beyond which they are given back.
const SPARE_MAX: usize = 64;
/// Octets of an integer; more would be beyond 32 bits.
const INTEGER_BYTES_MAX: usize = 5;

/// A block that is not of this grammar, or refers to what cannot be: nothing behind it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// What a block has that cannot be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Fields that refer to what was not seen.
    pub missing: bool,
    /// Fields that came before, of a block that refers to more than it may.
    pub too_long: bool,
}

/// Room to write a name and a value in: one is enough for all connections.
#[derive(Debug, Default)]
pub(in crate::http) struct Strings {
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Name and value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// A field that came before.
#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    /// None: its name was not seen, only its value.
    name_bytes: Option<usize>,
}

impl Entry {
    fn cost(&self) -> usize {
        self.text.len() + ENTRY_BYTES
    }

    fn parts(&self) -> Option<Pair<'_>> {
        self.text.split_at_checked(self.name_bytes?)
    }
}

/// The fields that one direction may refer to.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
    /// Nothing was missed since the connection began.
    complete: bool,
    /// Bytes of what came before that may be written again.
    again: usize,
}

impl Table {
    /// Of a connection that begins, or is joined midway.
    pub(super) fn new(complete: bool) -> Self {
        let bytes_max = if complete { TABLE_BYTES } else { TABLE_BYTES_MAX };
        Table { entries: VecDeque::new(), bytes: 0, bytes_max, complete, again: AGAIN_FIRST }
    }

    /// Bytes held, as charged: their text, and all places of entries.
    pub(super) fn held_bytes(&self) -> usize {
        const { assert!(size_of::<Entry>() == ENTRY_BYTES) };
        self.bytes + (self.entries.capacity() - self.entries.len()) * ENTRY_BYTES
    }

    /// A block was missed, or its bytes must make room.
    pub(super) fn forget(&mut self) {
        *self = Table { again: self.again, ..Table::new(false) };
    }

    /// Reads a block; `field` gets each name and value in order.
    pub(super) fn read(
        &mut self,
        mut block: &[u8],
        strings: &mut Strings,
        mut field: impl FnMut(&[u8], &[u8]),
    ) -> Result<LeftOut, Malformed> {
        let Strings { name, value } = strings;
        let mut left_out = LeftOut::default();
        self.again = (self.again + block.len() * AGAIN_EACH).min(AGAIN_MAX);
        while let Some(&first) = block.first() {
            if first & 0x80 != 0 {
                let index = integer(&mut block, 7)?;
                match self.get(index)? {
                    Some((name, value)) => match self.again.checked_sub(name.len() + value.len()) {
                        Some(again) => {
                            field(name, value);
                            self.again = again;
                        }
                        None => left_out.too_long = true,
                    },
                    None => left_out.missing = true,
                }
                continue;
            }
            if first & 0xe0 == 0x20 {
                let bytes = integer(&mut block, 5)?;
                self.resize(bytes);
                continue;
            }
            let is_kept = first & 0x40 != 0;
            let index = integer(&mut block, if is_kept { 6 } else { 4 })?;
            name.clear();
            value.clear();
            let is_named = if index == 0 {
                string(&mut block, name)?;
                true
            } else {
                let known = self.get(index)?;
                name.extend_from_slice(known.unwrap_or_default().0);
                let is_known = known.is_some();
                // Without it nobody knows what its entry takes of the table, and so what later fields refer to.
                self.again = self.again.checked_sub(name.len()).ok_or(Malformed)?;
                is_known
            };
            string(&mut block, value)?;
            if is_named {
                field(name, value);
            } else {
                left_out.missing = true;
            }
            if is_kept {
                if is_named {
                    mask(name, value);
                } else {
                    // whatever it is, it is not shown; only its place counts
                    value.fill(b'x');
                }
                let name_bytes = is_named.then_some(name.len());
                name.extend_from_slice(value);
                self.add(Entry { text: name.as_slice().into(), name_bytes });
            }
        }
        Ok(left_out)
    }

    /// The field with this number. `Ok(None)`: it was not seen.
    fn get(&self, index: usize) -> Result<Option<Pair<'_>>, Malformed> {
        let place = index.checked_sub(1).ok_or(Malformed)?;
        if let Some((name, value)) = STATIC.get(place) {
            return Ok(Some((name.as_bytes(), value.as_bytes())));
        }
        match self.entries.get(place - STATIC.len()) {
            Some(entry) => Ok(entry.parts()),
            None if self.complete => Err(Malformed),
            None => Ok(None),
        }
    }

    fn add(&mut self, entry: Entry) {
        self.bytes += entry.cost();
        self.entries.push_front(entry);
        self.shrink();
    }

    fn resize(&mut self, bytes: usize) {
        self.complete &= bytes <= TABLE_BYTES_MAX;
        self.bytes_max = bytes.min(TABLE_BYTES_MAX);
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.entries.pop_back()
        {
            self.bytes -= oldest.cost();
        }
        if self.entries.capacity() > SPARE_MAX.max(4 * self.entries.len()) {
            self.entries.shrink_to(2 * self.entries.len());
        }
    }
}

/// RFC 7541 § 5.1; the first octet has so many bits of it.
fn integer(block: &mut &[u8], bits: u32) -> Result<usize, Malformed> {
    let (&first, mut rest) = block.split_first().ok_or(Malformed)?;
    let most = (1_usize << bits) - 1;
    let mut n = usize::from(first) & most;
    if n == most {
        for at in 0.. {
            let (&next, behind) = rest.split_first().ok_or(Malformed)?;
            if at == INTEGER_BYTES_MAX {
                return Err(Malformed);
            }
            rest = behind;
            n += usize::from(next & 0x7f) << (7 * at);
            if next & 0x80 == 0 {
                break;
            }
        }
    }
    *block = rest;
    Ok(n)
}

/// RFC 7541 § 5.2.
fn string(block: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let is_coded = block.first().ok_or(Malformed)? & 0x80 != 0;
    let bytes = integer(block, 7)?;
    let (text, rest) = block.split_at_checked(bytes).ok_or(Malformed)?;
    *block = rest;
    if is_coded {
        huffman::decode(text, out).ok_or(Malformed)
    } else {
        out.extend_from_slice(text);
        Ok(())
    }
}

/// A table holds what may come again for as long as the connection lasts: of secrets it holds their length.
fn mask(name: &[u8], value: &mut [u8]) {
    match name {
        b"authorization" | b"proxy-authorization" => {
            value.iter_mut().skip_while(|b| **b != b' ').skip(1).for_each(|b| *b = b'x');
        }
        b"cookie" => value
            .split_mut(|b| *b == b';')
            .for_each(|pair| pair.iter_mut().skip_while(|b| **b != b'=').skip(1).for_each(|b| *b = b'x')),
        b"set-cookie" => {
            let pair = value.iter_mut().take_while(|b| **b != b';');
            pair.skip_while(|b| **b != b'=').skip(1).for_each(|b| *b = b'x');
        }
        _ => {}
    }
}

/// RFC 7541, Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: String = hex.split_whitespace().collect();
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    fn read(table: &mut Table, block: &[u8]) -> (Vec<String>, Result<bool, Malformed>) {
        let (fields, left_out) = read_some(table, block);
        (fields, left_out.map(|left_out| left_out.missing))
    }

    fn read_some(table: &mut Table, block: &[u8]) -> (Vec<String>, Result<LeftOut, Malformed>) {
        let mut fields = Vec::new();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let field = |name: &[u8], value: &[u8]| fields.push(format!("{}={}", text(name), text(value)));
        let left_out = table.read(block, &mut Strings::default(), field);
        (fields, left_out)
    }

    fn check(table: &mut Table, hex: &str, expected: &[&str], table_bytes: usize) {
        let (fields, missing) = read(table, &bytes(hex));
        assert_eq!((fields.iter().map(String::as_str).collect::<Vec<_>>(), missing), (expected.to_vec(), Ok(false)));
        assert_eq!(table.bytes, table_bytes);
    }

    #[test]
    fn requests_of_rfc_7541_appendix_c_4() {
        let mut table = Table::new(true);
        let [get, http, root, authority] = [":method=GET", ":scheme=http", ":path=/", ":authority=www.example.com"];
        check(&mut table, "828684418cf1e3c2e5f23a6ba0ab90f4ff", &[get, http, root, authority], 57);
        let no_cache = "cache-control=no-cache";
        check(&mut table, "828684be5886a8eb10649cbf", &[get, http, root, authority, no_cache], 110);
        check(
            &mut table,
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            &[get, ":scheme=https", ":path=/index.html", authority, "custom-key=custom-value"],
            164,
        );
    }

    #[test]
    fn answers_of_rfc_7541_appendix_c_6_push_each_other_out() {
        let mut table = Table::new(true);
        table.resize(256);
        let date = "date=Mon, 21 Oct 2013 20:13:21 GMT";
        let location = "location=https://www.example.com";
        check(
            &mut table,
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            &[":status=302", "cache-control=private", date, location],
            222,
        );
        check(&mut table, "4883640effc1c0bf", &[":status=307", "cache-control=private", date, location], 222);
        let (fields, _) = read(
            &mut table,
            &bytes(
                "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            ),
        );
        assert_eq!(fields[0], ":status=200");
        assert_eq!(fields[5], "set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        assert_eq!(table.bytes, 215);
        // what is held of it
        let (fields, _) = read(&mut table, &[0xbe]);
        assert_eq!(fields, ["set-cookie=foo=xxxxxxxxxxxxxxxxxxxxxxxxxxx; max-age=3600; version=1"]);
    }

    #[test]
    fn midway_what_was_not_seen_is_told_and_what_came_since_is_known() {
        let mut table = Table::new(false);
        // :method GET, an entry from before, and a new one
        assert_eq!(
            read(&mut table, &bytes("82 be 4003 782d61 0131")),
            (vec![":method=GET".into(), "x-a=1".into()], Ok(true))
        );
        assert_eq!(read(&mut table, &bytes("82 be bf")), (vec![":method=GET".into(), "x-a=1".into()], Ok(true)));
        // a new value for a name from before takes a place, too
        assert_eq!(read(&mut table, &bytes("7f00 0132")), (vec![], Ok(true)));
        assert_eq!(read(&mut table, &bytes("bf")), (vec!["x-a=1".into()], Ok(false)));
        assert_eq!(read(&mut table, &bytes("be")), (vec![], Ok(true)));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for hex in ["80", "be", "3f", "ff", "ffffffffffff00", "4003", "40 85 ff", "00 01 61 7f ffffffff0f", "40 0161"] {
            assert_eq!(read(&mut Table::new(true), &bytes(hex)).1, Err(Malformed), "{hex}");
        }
    }

    #[test]
    fn what_few_bytes_write_again_and_again_is_given_up() {
        let mut table = Table::new(true);
        assert_eq!(read(&mut table, &bytes("3fe1ff03 82")).1, Ok(false));
        // a name of 30,000 bytes, then fields of that name
        let mut block = vec![0x40, 0x7f];
        block.extend([0xb1, 0xe9, 0x01]);
        block.extend(vec![b'a'; 30_000]);
        block.push(0);
        assert_eq!(read(&mut table, &block).1, Ok(false));
        let again = [0x0f, 0x2f, 0x00];
        assert_eq!(read(&mut table, &again.repeat(30)).1, Ok(false));
        assert_eq!(read(&mut table, &again.repeat(40)).1, Err(Malformed));
    }

    #[test]
    fn what_few_bytes_refer_to_is_bounded_by_their_number() {
        let mut table = Table::new(true);
        let mut block = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
        block.extend(vec![b'v'; 4000]);
        assert_eq!(read(&mut table, &block), (vec![format!("a={}", "v".repeat(4000))], Ok(false)));
        let (mut all, mut cut) = (0, 0);
        for _ in 0..1000 {
            let (fields, left_out) = read_some(&mut table, &[0x82, 0xbe, 0xbe, 0xbe]);
            assert_eq!(fields[0], ":method=GET");
            all += fields.iter().map(String::len).sum::<usize>();
            let is_cut = fields.len() < 4;
            assert_eq!(left_out, Ok(LeftOut { missing: false, too_long: is_cut }));
            cut += usize::from(is_cut);
        }
        assert!((800_000..1_600_000).contains(&all) && cut > 800, "{all} bytes, {cut} blocks cut");
        // a browser with the same cookies each time, and a path of its own
        let mut block = vec![0x82, 0xbe, 0x04, 30];
        block.extend([b'/'; 30]);
        for _ in 0..10_000 {
            assert_eq!(read_some(&mut table, &block).1, Ok(LeftOut::default()));
        }
    }

    #[test]
    fn a_table_that_was_emptied_holds_nothing() {
        let mut table = Table::new(true);
        let block = [&bytes("3fe1ff03")[..], &[0x40, 0, 0].repeat(2000)].concat();
        assert_eq!(read(&mut table, &block).1, Ok(false));
        assert!(table.held_bytes() >= 64_000);
        assert_eq!(read(&mut table, &[0x20]).1, Ok(false));
        assert_eq!((table.held_bytes(), table.entries.capacity()), (0, 0));
    }

    #[test]
    fn secrets_are_held_by_their_length() {
        for (name, value, held) in [
            ("authorization", "Bearer abc.def", "Bearer xxxxxxx"),
            ("cookie", "sid=abc; b=c=d", "sid=xxx; b=xxx"),
            ("set-cookie", "sid=abc; Max-Age=0", "sid=xxx; Max-Age=0"),
            ("accept", "a=b", "a=b"),
        ] {
            let mut bytes = value.as_bytes().to_vec();
            mask(name.as_bytes(), &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), held);
        }
    }

    #[test]
    fn a_table_stays_below_its_cap() {
        let mut table = Table::new(true);
        // an update to 2^24 bytes
        assert_eq!(read(&mut table, &bytes("3fe1ffff07")).1, Ok(false));
        for i in 0..3000_u16 {
            let mut block = vec![0x40, 2];
            block.extend(i.to_be_bytes().map(|b| b % 26 + b'a'));
            block.extend([0x40 + 0x20, 0]);
            block.truncate(4);
            block.push(100);
            block.extend([b'v'; 100]);
            assert_eq!(read(&mut table, &block).1, Ok(false));
            assert!(table.bytes <= TABLE_BYTES_MAX);
        }
        // its owner's table may hold what this one gave up
        assert_eq!(read(&mut table, &bytes("ff ff 10")).1, Ok(true));
    }
}
