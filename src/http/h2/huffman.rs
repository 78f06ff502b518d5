//! The Huffman code of RFC 7541, Appendix B.
//!
//! It is canonical: among codes of one length, and from one length to the next, they go up in order of their symbols. So the
//! lengths tell all.

/// Bits of each octet's code, and of the end of the string.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const BITS_MAX: usize = 30;
const BITS_MIN: u32 = 5;
const END: u16 = 256;

/// What decoding needs, by the bits of a code.
struct Code {
    /// Codes of so many bits are below this, from the left of 32 bits.
    below: [u64; BITS_MAX + 1],
    /// The first code of so many bits.
    first: [u32; BITS_MAX + 1],
    /// Where its symbol stands.
    at: [u16; BITS_MAX + 1],
    /// In order of their codes.
    symbols: [u16; 257],
}

static CODE: Code = code();

#[allow(clippy::cast_possible_truncation)] // at most 257 symbols
const fn code() -> Code {
    let mut made =
        Code { below: [0; BITS_MAX + 1], first: [0; BITS_MAX + 1], at: [0; BITS_MAX + 1], symbols: [0; 257] };
    let (mut next, mut placed, mut bits) = (0_u32, 0, 1);
    while bits <= BITS_MAX {
        next <<= 1;
        made.first[bits] = next;
        made.at[bits] = placed as u16;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == bits {
                made.symbols[placed] = symbol as u16;
                placed += 1;
                next += 1;
            }
            symbol += 1;
        }
        made.below[bits] = (next as u64) << (32 - bits);
        bits += 1;
    }
    made
}

/// Appends what `coded` says. None: it is no such string (RFC 7541 § 5.2).
#[must_use]
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = coded.iter();
    // the next bits, from the left of 64
    let (mut window, mut held) = (0_u64, 0_u32);
    loop {
        while held <= 32 {
            let Some(byte) = rest.next() else { break };
            window |= u64::from(*byte) << (56 - held);
            held += 8;
        }
        // what follows the last code is the beginning of the longest one, all ones, of less than an octet
        if held < 8 && window >> (64 - u64::from(held.max(1))) == (1 << held.max(1)) - 1 || held == 0 {
            return Some(());
        }
        let next = window >> 32;
        let mut bits = BITS_MIN;
        while next >= CODE.below[bits as usize] {
            bits += 1;
            if bits as usize > BITS_MAX {
                return None;
            }
        }
        if bits > held {
            return None;
        }
        let nth = (next >> (32 - bits)) as u32 - CODE.first[bits as usize];
        let symbol = CODE.symbols[usize::from(CODE.at[bits as usize]) + nth as usize];
        if symbol == END {
            return None;
        }
        #[allow(clippy::cast_possible_truncation)] // below END
        out.push(symbol as u8);
        window <<= bits;
        held -= bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(hex: &str) -> Option<String> {
        let coded: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        let mut out = Vec::new();
        decode(&coded, &mut out).map(|()| out.iter().map(|b| char::from(*b)).collect())
    }

    #[test]
    fn strings_of_rfc_7541_appendix_c() {
        for (hex, text) in [
            ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
            ("a8eb10649cbf", "no-cache"),
            ("25a849e95ba97d7f", "custom-key"),
            ("25a849e95bb8e8b4bf", "custom-value"),
            ("6402", "302"),
            ("aec3771a4b", "private"),
            ("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"),
            ("640eff", "307"),
            ("9bd9ab", "gzip"),
            (
                "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
                "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ),
            ("", ""),
        ] {
            assert_eq!(decoded(hex).as_deref(), Some(text));
        }
    }

    #[test]
    fn each_octet_has_a_code_and_comes_back() {
        for octet in 0..=255_u8 {
            let bits = u32::from(LENGTHS[usize::from(octet)]);
            let at = CODE.symbols.iter().position(|s| *s == u16::from(octet)).unwrap();
            let code = CODE.first[bits as usize] + u32::try_from(at).unwrap() - u32::from(CODE.at[bits as usize]);
            let padded = (u64::from(code) << (64 - bits)) | (u64::MAX >> bits);
            let coded = &padded.to_be_bytes()[..bits.div_ceil(8) as usize];
            let mut out = Vec::new();
            assert_eq!((decode(coded, &mut out), out), (Some(()), vec![octet]), "{octet}");
        }
    }

    #[test]
    fn what_is_padded_otherwise_or_holds_the_end_is_refused() {
        // zeros behind a code, a whole octet of ones, the end of the string itself
        for hex in ["00", "f1e3c2e5f23a6ba0ab90f4ffff", "fffffffffc", "ffffffff"] {
            assert_eq!(decoded(hex), None, "{hex}");
        }
    }
}
