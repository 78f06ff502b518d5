//! Cipher suites: what is needed to open records of those that can be read, and names of those that cannot.

/// How records are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

/// The hash that keys are derived by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

/// A suite that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    pub aead: Aead,
    pub hash: Hash,
}

impl Suite {
    /// The suite of TLS 1.3 with this number (RFC 8446 § B.4).
    pub fn of_tls13(id: u16) -> Option<Self> {
        let (aead, hash) = match id {
            0x1301 => (Aead::Aes128Gcm, Hash::Sha256),
            0x1302 => (Aead::Aes256Gcm, Hash::Sha384),
            0x1303 => (Aead::ChaCha20Poly1305, Hash::Sha256),
            _ => return None,
        };
        Some(Suite { aead, hash })
    }

    /// The suite of TLS 1.2 with this number, however its keys are exchanged (RFC 5288, 5289, 5487, 7905, 8442).
    pub fn of_tls12(id: u16) -> Option<Self> {
        let (aead, hash) = match id {
            0x009c | 0x009e | 0x00a0 | 0x00a2 | 0x00a4 | 0x00a6 | 0x00a8 | 0x00aa | 0x00ac => {
                (Aead::Aes128Gcm, Hash::Sha256)
            }
            0x009d | 0x009f | 0x00a1 | 0x00a3 | 0x00a5 | 0x00a7 | 0x00a9 | 0x00ab | 0x00ad => {
                (Aead::Aes256Gcm, Hash::Sha384)
            }
            0xc02b | 0xc02d | 0xc02f | 0xc031 | 0xd001 => (Aead::Aes128Gcm, Hash::Sha256),
            0xc02c | 0xc02e | 0xc030 | 0xc032 | 0xd002 => (Aead::Aes256Gcm, Hash::Sha384),
            0xcca8..=0xccae => (Aead::ChaCha20Poly1305, Hash::Sha256),
            _ => return None,
        };
        Some(Suite { aead, hash })
    }
}

/// The name of a suite that cannot be read, where it is one that servers still choose.
#[must_use]
pub fn name(id: u16) -> Option<&'static str> {
    Some(match id {
        0x0004 => "TLS_RSA_WITH_RC4_128_MD5",
        0x0005 => "TLS_RSA_WITH_RC4_128_SHA",
        0x000a => "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x0033 => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
        0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA",
        0x0039 => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        0x003c => "TLS_RSA_WITH_AES_128_CBC_SHA256",
        0x003d => "TLS_RSA_WITH_AES_256_CBC_SHA256",
        0x0041 => "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
        0x0067 => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
        0x006b => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
        0x0084 => "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA",
        0x1304 => "TLS_AES_128_CCM_SHA256",
        0x1305 => "TLS_AES_128_CCM_8_SHA256",
        0xc009 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        0xc00a => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xc011 => "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        0xc012 => "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        0xc023 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        0xc024 => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
        0xc027 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        0xc028 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        0xc09c => "TLS_RSA_WITH_AES_128_CCM",
        0xc09d => "TLS_RSA_WITH_AES_256_CCM",
        0xc0ac => "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        0xc0ad => "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
        0xc0ae => "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        0xc0af => "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
        _ => return None,
    })
}
