//! TLS 1.2 and 1.3, read with the keys that an endpoint wrote down (`SSLKEYLOGFILE`, decryption secrets of pcapng).
//!
//! A [`Session`] takes one connection's bytes in order and gives the plaintext of its records, each verified by its tag; records
//! whose keys are not known yet wait under caps. It reads AEAD suites (AES-GCM, ChaCha20-Poly1305) and names the others.
//! Secrets zero themselves when they are dropped, and no text shows them. What a cipher makes of a key lives for one record, on
//! the stack.

mod cipher;
mod hello;
mod keys;
mod session;
mod suite;

pub use keys::Keys;
pub use session::{SESSION_BYTES, Session, Step, Tools};
pub use suite::name as suite_name;
