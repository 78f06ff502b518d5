//! Secrets by the connection they belong to, out of key logs in the format of NSS (`SSLKEYLOGFILE`).

use zeroize::Zeroizing;

use crate::counters::TlsSecrets;
use crate::limits::Limits;
use crate::lru::Lru;

/// Bytes of the longest secret: TLS 1.2's master secret, and those of SHA-384.
const SECRET_BYTES_MAX: usize = 48;

/// A secret. Zeroes itself when it is dropped; no text shows it.
pub(super) struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A second copy, which zeroes itself too.
    pub fn copy(&self) -> Self {
        Secret(self.0.clone())
    }

    fn of_hex(text: &[u8]) -> Option<Self> {
        let bytes = text.len() / 2;
        if !text.len().is_multiple_of(2) || !(1..=SECRET_BYTES_MAX).contains(&bytes) {
            return None;
        }
        let mut secret = Zeroizing::new(vec![0; bytes].into_boxed_slice());
        read_hex(text, &mut secret)?;
        Some(Secret(secret))
    }
}

impl From<Zeroizing<Box<[u8]>>> for Secret {
    fn from(bytes: Zeroizing<Box<[u8]>>) -> Self {
        Secret(bytes)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

fn read_hex(text: &[u8], out: &mut [u8]) -> Option<()> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    for (pair, byte) in text.chunks_exact(2).zip(out) {
        let [high, low] = pair else { return None };
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(())
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// TLS 1.2.
    pub master: Option<Secret>,
    /// TLS 1.3, the client's first.
    pub handshake: [Option<Secret>; 2],
    pub application: [Option<Secret>; 2],
    pub early: Option<Secret>,
}

/// All secrets known, by client random.
#[derive(Debug)]
pub struct Keys {
    known: Lru<[u8; 32], Secrets>,
    awaited: bool,
}

impl Keys {
    /// None yet; `awaited` says that some may come.
    #[must_use]
    pub fn new(limits: &Limits, awaited: bool) -> Self {
        Keys { known: Lru::new(limits.tls_keys_max), awaited }
    }

    /// There are some, or some may come: else nobody needs to look into TLS.
    #[must_use]
    pub fn are_used(&self) -> bool {
        self.awaited || !self.known.is_empty()
    }

    /// Takes whole lines of a key log. No line is ever told or kept as it is.
    pub fn add(&mut self, text: &[u8], counted: &mut TlsSecrets) {
        for line in text.split(|b| *b == b'\n') {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match self.add_line(line) {
                Some((taken, forgotten)) => {
                    counted.taken += taken;
                    counted.forgotten += forgotten;
                }
                None => counted.bad_line += 1,
            }
        }
    }

    /// One line: how many secrets it gave, and how many connections made room.
    fn add_line(&mut self, line: &[u8]) -> Option<(u64, u64)> {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (label, random, secret) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() {
            return None;
        }
        match label {
            b"CLIENT_RANDOM"
            | b"CLIENT_HANDSHAKE_TRAFFIC_SECRET"
            | b"SERVER_HANDSHAKE_TRAFFIC_SECRET"
            | b"CLIENT_TRAFFIC_SECRET_0"
            | b"SERVER_TRAFFIC_SECRET_0"
            | b"CLIENT_EARLY_TRAFFIC_SECRET" => {}
            // What HTTP has no use for: exporters, ECH, QUIC, the session tickets of old.
            _ if label.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_') => {
                return Some((0, 0));
            }
            _ => return None,
        }
        let mut of = [0; 32];
        if random.len() != 64 {
            return None;
        }
        read_hex(random, &mut of)?;
        let secret = Secret::of_hex(secret)?;
        let (secrets, evicted) = self.known.get_or_insert_with(of, Secrets::default);
        let [client_handshake, server_handshake] = &mut secrets.handshake;
        let [client, server] = &mut secrets.application;
        let place = match label {
            b"CLIENT_RANDOM" => &mut secrets.master,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => client_handshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => server_handshake,
            b"CLIENT_TRAFFIC_SECRET_0" => client,
            b"SERVER_TRAFFIC_SECRET_0" => server,
            _ => &mut secrets.early,
        };
        *place = Some(secret);
        Some((1, u64::from(evicted.is_some())))
    }

    /// What is known of the connection whose client sent this random.
    pub(super) fn of(&mut self, client_random: &[u8; 32]) -> Option<&Secrets> {
        self.known.get(client_random).map(|secrets| &*secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> (TlsSecrets, Keys) {
        let mut keys = Keys::new(&Limits::default(), false);
        let mut counted = TlsSecrets::default();
        keys.add(text.as_bytes(), &mut counted);
        (counted, keys)
    }

    #[test]
    fn lines_of_a_key_log_are_taken_and_bad_ones_counted() {
        let random = "01".repeat(32);
        let (long, longer) = ("ab".repeat(48), "ab".repeat(49));
        let (counted, mut keys) = taken(&format!(
            "# a comment\r\n\nCLIENT_RANDOM {random} {long}\r\nCLIENT_TRAFFIC_SECRET_0  {random}\t{}\n\
             EXPORTER_SECRET {random} 00\nRSA 0011 2233\n",
            "cd".repeat(32)
        ));
        assert_eq!(counted, TlsSecrets { taken: 2, ..TlsSecrets::default() });
        let secrets = keys.of(&[1; 32]).expect("known");
        assert_eq!(secrets.master.as_ref().map(|s| s.bytes().to_vec()), Some(vec![0xab; 48]));
        assert_eq!(secrets.application[0].as_ref().map(|s| s.bytes().len()), Some(32));
        assert!(secrets.early.is_none() && secrets.application[1].is_none());
        let shown = format!("{secrets:?}") + &format!("{keys:?}");
        assert!(!shown.contains("171, 171") && !shown.to_lowercase().contains("ab, ab"), "{shown}");
        for bad in [
            "CLIENT_RANDOM",
            &format!("CLIENT_RANDOM {random}"),
            &format!("CLIENT_RANDOM {random} {long} more"),
            &format!("CLIENT_RANDOM {random}00 {long}"),
            &format!("CLIENT_RANDOM {random} {longer}"),
            &format!("CLIENT_RANDOM {random} {long}a"),
            &format!("CLIENT_RANDOM {random} xy"),
            "<html> not a log",
            "\0\u{1}\u{2}",
        ] {
            assert_eq!(taken(bad).0, TlsSecrets { bad_line: 1, ..TlsSecrets::default() }, "{bad}");
        }
    }

    #[test]
    fn the_oldest_connection_makes_room() {
        let limits = Limits { tls_keys_max: 2, ..Limits::default() };
        let mut keys = Keys::new(&limits, false);
        assert!(!keys.are_used() && Keys::new(&limits, true).are_used());
        let mut counted = TlsSecrets::default();
        for n in 1..=3 {
            let line = format!("CLIENT_RANDOM {} aabb\n", format!("{n:02x}").repeat(32));
            keys.add(line.as_bytes(), &mut counted);
        }
        assert_eq!(counted, TlsSecrets { taken: 3, forgotten: 1, bad_line: 0 });
        assert_eq!([1, 2, 3].map(|n| keys.of(&[n; 32]).is_some()), [false, true, true]);
        assert!(keys.are_used());
    }
}
