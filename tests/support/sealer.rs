//! Seals records under keys that are written down: for whoever wants to get behind the tags.

use corstap::decode::Side;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};

const RANDOM: [u8; 32] = *b"the client's random, as it comes";
const HANDSHAKE: u8 = 22;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

/// One direction.
struct Half {
    /// Of the stage it is in: none, handshake, application.
    secret: Option<Vec<u8>>,
    number: u64,
    stage: u8,
}

/// One connection's two ends. `which` is 1: TLS 1.2, 2: AES-256-GCM, 4: ChaCha20-Poly1305, 8: early data is offered, 16: and taken,
/// 32: the secrets of the handshake are not written down, 64: both sides stand behind Finished at once.
pub struct Sealer {
    which: u8,
    halves: [Half; 2],
}

/// A record in the clear.
pub fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[kind, 3, 3, high, low], body].concat()
}

impl Sealer {
    pub fn new(which: u8) -> Self {
        let halves = [0, 1].map(|_| Half { secret: None, number: 0, stage: 0 });
        Sealer { which, halves }
    }

    fn has(&self, bit: u8) -> bool {
        self.which & bit != 0
    }

    fn is_tls12(&self) -> bool {
        self.has(1)
    }

    fn algorithm(&self) -> &'static Algorithm {
        match self.which >> 1 & 3 {
            0 => &AES_128_GCM,
            1 => &AES_256_GCM,
            _ => &CHACHA20_POLY1305,
        }
    }

    fn is_long(&self) -> bool {
        self.algorithm() == &AES_256_GCM
    }

    fn suite(&self) -> u16 {
        match (self.is_tls12(), self.which >> 1 & 3) {
            (false, 0) => 0x1301,
            (false, 1) => 0x1302,
            (false, _) => 0x1303,
            (true, 0) => 0xc02f,
            (true, 1) => 0xc030,
            (true, _) => 0xcca8,
        }
    }

    fn secret_bytes(&self) -> usize {
        if self.is_long() { 48 } else { 32 }
    }

    fn secret(&self, stage: u8, side: Side) -> Vec<u8> {
        vec![stage * 16 + u8::try_from(side.index()).unwrap_or(0) + 1; self.secret_bytes()]
    }

    pub fn key_log(&self) -> String {
        let mut text = String::new();
        let mut line = |label: String, secret: &[u8]| {
            text.push_str(&label);
            for part in [&RANDOM[..], secret] {
                text.push(' ');
                text.extend(part.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|n| char::from_digit(n.into(), 16)));
            }
            text.push('\n');
        };
        if self.is_tls12() {
            line("CLIENT_RANDOM".to_owned(), &[7; 48]);
            return text;
        }
        for (side, name) in [(Side::Low, "CLIENT"), (Side::High, "SERVER")] {
            if !self.has(32) {
                line(format!("{name}_HANDSHAKE_TRAFFIC_SECRET"), &self.secret(1, side));
            }
            line(format!("{name}_TRAFFIC_SECRET_0"), &self.secret(2, side));
        }
        line("CLIENT_EARLY_TRAFFIC_SECRET".to_owned(), &self.secret(3, Side::Low));
        text
    }

    /// Both hellos and, where asked for, what stands before application data.
    pub fn hellos(&mut self) -> Vec<(Side, Vec<u8>)> {
        let message = |kind: u8, body: &[u8]| {
            let [_, high, middle, low] = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
            [&[kind, high, middle, low], body].concat()
        };
        let early: &[u8] = if self.has(8) { &[0, 42, 0, 0] } else { &[] };
        let length = u8::try_from(early.len()).unwrap_or(0);
        let client = [&[3, 3], &RANDOM[..], &[0, 0, 2, 0x13, 1, 1, 0, 0, length], early].concat();
        let [high, low] = self.suite().to_be_bytes();
        let version: &[u8] = if self.is_tls12() { &[0, 0] } else { &[0, 6, 0, 43, 0, 2, 3, 4] };
        let server = [&[3, 3], &[9; 32][..], &[0, high, low, 0], version].concat();
        let mut said = vec![(Side::Low, record(HANDSHAKE, &message(1, &client)))];
        let is_taken = self.has(8) && self.has(16);
        if is_taken {
            self.enter(Side::Low, 3);
            said.push((Side::Low, self.seal(Side::Low, 23, b"GET /early HTTP/1.1\r\nHost: b.test\r\n\r\n")));
        }
        said.push((Side::High, record(HANDSHAKE, &message(2, &server))));
        let [client, server] = [Side::Low, Side::High];
        if self.is_tls12() {
            for side in [client, server] {
                said.push((side, record(20, &[1])));
                self.enter(side, 2);
                if self.has(64) {
                    said.push((side, self.seal(side, HANDSHAKE, &message(FINISHED, &[0; 12]))));
                }
            }
            return said;
        }
        self.enter(server, 1);
        let extensions: &[u8] = if is_taken { &[0, 4, 0, 42, 0, 0] } else { &[0, 0] };
        said.push((server, self.seal(server, HANDSHAKE, &message(8, extensions))));
        if is_taken {
            said.push((client, self.seal(client, HANDSHAKE, &message(5, &[]))));
        }
        self.enter(client, 1);
        if self.has(64) {
            for side in [server, client] {
                said.push((side, self.seal(side, HANDSHAKE, &message(FINISHED, &[0; 32]))));
            }
        }
        said
    }

    fn enter(&mut self, side: Side, stage: u8) {
        let secret = if self.is_tls12() { Vec::new() } else { self.secret(stage, side) };
        self.halves[side.index()] = Half { secret: Some(secret), number: 0, stage };
    }

    /// A record's number is used up, and the record is not there.
    pub fn pass(&mut self, side: Side) {
        self.halves[side.index()].number += 1;
    }

    /// The next record. Behind Finished and KeyUpdate other keys are used.
    pub fn seal(&mut self, side: Side, kind: u8, plain: &[u8]) -> Vec<u8> {
        let (key, iv) = self.keys(side);
        let half = &mut self.halves[side.index()];
        let number = half.number;
        half.number += 1;
        let key = LessSafeKey::new(UnboundKey::new(self.algorithm(), &key).expect("a key of its length"));
        let mut nonce = [0; 12];
        let is_explicit = self.is_tls12() && iv.len() == 4;
        if is_explicit {
            nonce[..4].copy_from_slice(&iv);
            nonce[4..].copy_from_slice(&number.to_be_bytes());
        } else {
            nonce[4..].copy_from_slice(&number.to_be_bytes());
            nonce.iter_mut().zip(&iv).for_each(|(byte, iv)| *byte ^= iv);
        }
        let explicit = nonce;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let mut sealed = plain.to_vec();
        if self.is_tls12() {
            let [high, low] = u16::try_from(plain.len()).unwrap_or(0).to_be_bytes();
            let covered = [&number.to_be_bytes()[..], &[kind, 3, 3, high, low]].concat();
            key.seal_in_place_append_tag(nonce, Aad::from(covered), &mut sealed).expect("sealed");
            if is_explicit {
                sealed.splice(..0, explicit[4..].iter().copied());
            }
            if kind == 20 {
                self.enter(side, 2);
            }
            return record(kind, &sealed);
        }
        sealed.push(kind);
        let length = u16::try_from(sealed.len() + 16).unwrap_or(0).to_be_bytes();
        let header = [23, 3, 3, length[0], length[1]];
        key.seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).expect("sealed");
        let stage = self.halves[side.index()].stage;
        match (kind, plain.first()) {
            (HANDSHAKE, Some(&FINISHED)) if stage == 1 => self.enter(side, 2),
            (HANDSHAKE, Some(&KEY_UPDATE)) if stage == 2 => {
                let half = &mut self.halves[side.index()];
                let secret = half.secret.take().unwrap_or_default();
                let next = self.expand(&secret, b"traffic upd", secret.len());
                self.halves[side.index()] = Half { secret: Some(next), number: 0, stage };
            }
            _ => {}
        }
        record(23, &sealed)
    }

    fn keys(&self, side: Side) -> (Vec<u8>, Vec<u8>) {
        let key_bytes = self.algorithm().key_len();
        let Some(secret) = self.halves[side.index()].secret.as_ref().filter(|_| !self.is_tls12()) else {
            let iv_bytes = if self.algorithm() == &CHACHA20_POLY1305 { 12 } else { 4 };
            let block = self.prf(2 * (key_bytes + iv_bytes));
            let nth = side.index();
            let (keys, ivs) = block.split_at(2 * key_bytes);
            return (keys[nth * key_bytes..][..key_bytes].to_vec(), ivs[nth * iv_bytes..][..iv_bytes].to_vec());
        };
        (self.expand(secret, b"key", key_bytes), self.expand(secret, b"iv", 12))
    }

    fn expand(&self, secret: &[u8], label: &[u8], bytes: usize) -> Vec<u8> {
        struct Bytes(usize);
        impl hkdf::KeyType for Bytes {
            fn len(&self) -> usize {
                self.0
            }
        }
        let hash = if self.is_long() { hkdf::HKDF_SHA384 } else { hkdf::HKDF_SHA256 };
        let length = u8::try_from(bytes).expect("a key's length");
        let label_length = u8::try_from(6 + label.len()).expect("a label's length");
        let info = [&[0, length, label_length], &b"tls13 "[..], label, &[0]];
        let mut out = vec![0; bytes];
        let secret = hkdf::Prk::new_less_safe(hash, secret);
        secret.expand(&info, Bytes(bytes)).and_then(|okm| okm.fill(&mut out)).expect("expanded");
        out
    }

    fn prf(&self, bytes: usize) -> Vec<u8> {
        let hash = if self.is_long() { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 };
        let key = hmac::Key::new(hash, &[7; 48]);
        let seed = [&b"key expansion"[..], &[9; 32], &RANDOM].concat();
        let mut out = Vec::new();
        let mut a = hmac::sign(&key, &seed);
        while out.len() < bytes {
            out.extend_from_slice(hmac::sign(&key, &[a.as_ref(), &seed].concat()).as_ref());
            a = hmac::sign(&key, a.as_ref());
        }
        out.truncate(bytes);
        out
    }
}
