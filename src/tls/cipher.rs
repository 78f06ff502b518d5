//! Keys out of secrets, and records opened by them (RFC 5246 § 5 and 6.3, RFC 8446 § 5.2 and 7).

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use super::keys::Secret;
use super::session::Raw;
use super::suite::{Aead, Hash, Suite};

/// Bytes of a tag: the same for all suites that are read.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes of the nonce that AES-GCM writes into each record of TLS 1.2 (RFC 5288 § 3).
const EXPLICIT_BYTES: usize = 8;

impl Aead {
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Aead::Aes128Gcm => &AES_128_GCM,
            Aead::Aes256Gcm => &AES_256_GCM,
            Aead::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        }
    }

    fn key_bytes(self) -> usize {
        match self {
            Aead::Aes128Gcm => 16,
            Aead::Aes256Gcm | Aead::ChaCha20Poly1305 => 32,
        }
    }
}

impl Hash {
    fn bytes(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }

    fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Hash::Sha256 => hkdf::HKDF_SHA256,
            Hash::Sha384 => hkdf::HKDF_SHA384,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
        }
    }
}

/// How the nonce is made of the record's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// TLS 1.2 with AES-GCM: half of it stands in the record.
    Explicit,
    /// TLS 1.2 with ChaCha20-Poly1305.
    Counted,
    /// TLS 1.3.
    Tls13,
}

/// Opens the records of one direction. Zeroes its key when it is dropped.
pub(super) struct Opener {
    aead: Aead,
    style: Style,
    key: Zeroizing<Box<[u8]>>,
    iv: Zeroizing<Box<[u8]>>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("aead", &self.aead).finish_non_exhaustive()
    }
}

impl Opener {
    /// For one direction of TLS 1.3, by its traffic secret.
    pub fn tls13(suite: Suite, secret: &Secret) -> Option<Self> {
        Some(Opener {
            aead: suite.aead,
            style: Style::Tls13,
            key: expand_label(suite.hash, secret.bytes(), b"key", suite.aead.key_bytes())?,
            iv: expand_label(suite.hash, secret.bytes(), b"iv", 12)?,
        })
    }

    /// For both directions of TLS 1.2, the client's first, by the master secret.
    pub fn tls12(suite: Suite, master: &Secret, client_random: &[u8; 32], server_random: &[u8; 32]) -> [Self; 2] {
        let (key_bytes, style, iv_bytes) = match suite.aead {
            Aead::Aes128Gcm | Aead::Aes256Gcm => (suite.aead.key_bytes(), Style::Explicit, 4),
            Aead::ChaCha20Poly1305 => (32, Style::Counted, 12),
        };
        let seed = [&b"key expansion"[..], server_random, client_random].concat();
        let block = prf(suite.hash, master.bytes(), &seed, 2 * (key_bytes + iv_bytes));
        let (keys, ivs) = block.split_at(2 * key_bytes);
        let (client_key, server_key) = keys.split_at(key_bytes);
        let (client_iv, server_iv) = ivs.split_at(iv_bytes);
        [(client_key, client_iv), (server_key, server_iv)].map(|(key, iv)| Opener {
            aead: suite.aead,
            style,
            key: Zeroizing::new(key.into()),
            iv: Zeroizing::new(iv.into()),
        })
    }

    /// Bytes of a record's body that are no plaintext; in TLS 1.3 the inner content type is one of them.
    pub fn overhead(&self) -> usize {
        match self.style {
            Style::Explicit => EXPLICIT_BYTES + TAG_BYTES,
            Style::Counted => TAG_BYTES,
            Style::Tls13 => TAG_BYTES + 1,
        }
    }

    /// Opens the record with this number: its content type and its plaintext, which lies in `scratch`. None where the tag says no.
    pub fn open<'s>(&self, number: u64, raw: Raw<'_>, scratch: &'s mut Vec<u8>) -> Option<(u8, &'s [u8])> {
        let Raw { header, body } = raw;
        let mut nonce = [0; 12];
        let sealed = match self.style {
            Style::Explicit => {
                let (explicit, sealed) = body.split_at_checked(EXPLICIT_BYTES)?;
                nonce.get_mut(..4)?.copy_from_slice(&self.iv);
                nonce.get_mut(4..)?.copy_from_slice(explicit);
                sealed
            }
            Style::Counted | Style::Tls13 => {
                nonce.get_mut(4..)?.copy_from_slice(&number.to_be_bytes());
                for (byte, iv) in nonce.iter_mut().zip(self.iv.iter()) {
                    *byte ^= iv;
                }
                body
            }
        };
        let [kind, major, minor, ..] = header;
        let plain_bytes = u16::try_from(sealed.len().checked_sub(TAG_BYTES)?).ok()?;
        let mut covered = [0; 13];
        let covered: &[u8] = if self.style == Style::Tls13 {
            &header
        } else {
            let [high, low] = plain_bytes.to_be_bytes();
            covered[..8].copy_from_slice(&number.to_be_bytes());
            covered[8..].copy_from_slice(&[kind, major, minor, high, low]);
            &covered
        };
        scratch.clear();
        scratch.extend_from_slice(sealed);
        let key = LessSafeKey::new(UnboundKey::new(self.aead.algorithm(), &self.key).ok()?);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = key.open_in_place(nonce, Aad::from(covered), scratch).ok()?;
        if self.style != Style::Tls13 {
            return Some((kind, plain));
        }
        // RFC 8446 § 5.4: zeros may follow the type.
        let end = plain.iter().rposition(|b| *b != 0)?;
        Some((*plain.get(end)?, plain.get(..end)?))
    }
}

/// The secret after a KeyUpdate (RFC 8446 § 7.2).
pub(super) fn updated(suite: Suite, secret: &Secret) -> Option<Secret> {
    expand_label(suite.hash, secret.bytes(), b"traffic upd", suite.hash.bytes()).map(Secret::from)
}

struct Bytes(usize);

impl hkdf::KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 § 7.1). None where a secret has not the length of its hash.
fn expand_label(hash: Hash, secret: &[u8], label: &[u8], bytes: usize) -> Option<Zeroizing<Box<[u8]>>> {
    if secret.len() != hash.bytes() {
        return None;
    }
    let [high, low] = u16::try_from(bytes).ok()?.to_be_bytes();
    let label_bytes = u8::try_from(6 + label.len()).ok()?;
    let info = [&[high, low, label_bytes], &b"tls13 "[..], label, &[0]];
    let mut out = Zeroizing::new(vec![0; bytes].into_boxed_slice());
    let prk = hkdf::Prk::new_less_safe(hash.hkdf(), secret);
    prk.expand(&info, Bytes(bytes)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// The pseudorandom function of TLS 1.2; `seed` begins with the label (RFC 5246 § 5).
fn prf(hash: Hash, secret: &[u8], seed: &[u8], bytes: usize) -> Zeroizing<Vec<u8>> {
    let key = hmac::Key::new(hash.hmac(), secret);
    let mut out = Zeroizing::new(Vec::with_capacity(bytes + hash.bytes()));
    let mut a = hmac::sign(&key, seed);
    while out.len() < bytes {
        let mut part = hmac::Context::with_key(&key);
        part.update(a.as_ref());
        part.update(seed);
        out.extend_from_slice(part.sign().as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    out.truncate(bytes);
    out
}
