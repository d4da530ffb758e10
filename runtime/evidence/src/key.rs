//! The Ed25519 key that signs checkpoints, in the standard PEM forms (PKCS#8 private, SPKI public: RFC 8410) that
//! openssl reads and writes. Not the key that signs bundles.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use data_encoding::BASE64;
use zeroize::Zeroizing;

/// Most bytes of a key file; an Ed25519 key has about 120.
const KEY_FILE_BYTES: usize = 4096;
/// DER of an SPKI with an Ed25519 key, up to the 32 bytes of the key (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// Why a key could not be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadKey {
    /// Longer than any such key.
    #[error("key file has more than {KEY_FILE_BYTES} bytes")]
    TooLong,
    /// No PEM block with the label.
    #[error("no PEM block `{label}` in the key file")]
    NoBlock {
        /// The label looked for.
        label: &'static str,
    },
    /// The block is not base64.
    #[error("the PEM block is not base64")]
    NotBase64,
    /// The block holds something else than an Ed25519 key.
    #[error("not an Ed25519 key in PKCS#8 or SPKI form")]
    NotEd25519,
    /// The system gave no randomness.
    #[error("no key could be generated")]
    Generate,
}

/// The private key that signs checkpoints. `Debug` shows nothing of it.
pub struct AuditKey {
    pair: Ed25519KeyPair,
}

impl AuditKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, ReadKey> {
        Ok(Self {
            pair: Ed25519KeyPair::generate().map_err(|_| ReadKey::Generate)?,
        })
    }

    /// Reads PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// When there is no such key in `pem`.
    pub fn load(pem: &str) -> Result<Self, ReadKey> {
        let der = Zeroizing::new(pem_block(pem, PRIVATE_LABEL)?);
        Ok(Self {
            pair: Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
                .map_err(|_| ReadKey::NotEd25519)?,
        })
    }

    /// PKCS#8 PEM of the private key: to be written to a file that only the gateway reads.
    ///
    /// # Errors
    /// When the key cannot be encoded.
    pub fn private_pem(&self) -> Result<Zeroizing<String>, ReadKey> {
        let document = self.pair.to_pkcs8v1().map_err(|_| ReadKey::Generate)?;
        Ok(Zeroizing::new(pem(PRIVATE_LABEL, document.as_ref())))
    }

    /// The public half, which auditors get.
    #[must_use]
    pub fn public(&self) -> AuditPublicKey {
        let mut key = [0; 32];
        key.iter_mut()
            .zip(self.pair.public_key().as_ref())
            .for_each(|(to, from)| *to = *from);
        AuditPublicKey { key }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature
            .iter_mut()
            .zip(self.pair.sign(message).as_ref())
            .for_each(|(to, from)| *to = *from);
        signature
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditKey")
            .field("public", &self.public())
            .finish_non_exhaustive()
    }
}

/// The public key that checkpoints are verified with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPublicKey {
    key: [u8; 32],
}

impl AuditPublicKey {
    /// Reads SPKI PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// When there is no such key in `pem`.
    pub fn load(pem: &str) -> Result<Self, ReadKey> {
        let der = pem_block(pem, PUBLIC_LABEL)?;
        let key = der
            .strip_prefix(&SPKI_PREFIX)
            .and_then(|key| <[u8; 32]>::try_from(key).ok())
            .ok_or(ReadKey::NotEd25519)?;
        Ok(Self { key })
    }

    /// SPKI PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem(PUBLIC_LABEL, &[&SPKI_PREFIX[..], &self.key[..]].concat())
    }

    /// The key as records hold it: base64 of its 32 bytes.
    #[must_use]
    pub fn base64(&self) -> String {
        BASE64.encode(&self.key)
    }

    /// Reads what [`AuditPublicKey::base64`] wrote.
    ///
    /// # Errors
    /// When it is not base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, ReadKey> {
        let key = BASE64
            .decode(text.as_bytes())
            .map_err(|_| ReadKey::NotBase64)?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| ReadKey::NotEd25519)?;
        Ok(Self { key })
    }

    /// The 32 bytes of the key (RFC 8032).
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ParsedPublicKey::new(&ED25519, self.key)
            .is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    // One line: both forms are at most 64 characters of base64.
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        BASE64.encode(der)
    )
}

fn pem_block(text: &str, label: &'static str) -> Result<Vec<u8>, ReadKey> {
    if text.len() > KEY_FILE_BYTES {
        return Err(ReadKey::TooLong);
    }
    let body = text
        .split_once(&format!("-----BEGIN {label}-----"))
        .and_then(|(_, rest)| rest.split_once(&format!("-----END {label}-----")))
        .map(|(body, _)| body)
        .ok_or(ReadKey::NoBlock { label })?;
    let compact: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    BASE64
        .decode(compact.as_bytes())
        .map_err(|_| ReadKey::NotBase64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_pem_form() {
        let key = AuditKey::generate().unwrap();
        let again = AuditKey::load(&key.private_pem().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(
            AuditPublicKey::load(&key.public().pem()).unwrap(),
            key.public()
        );
        assert!(key.public().verifies(b"message", &again.sign(b"message")));
        assert!(!key.public().verifies(b"other", &again.sign(b"message")));
    }

    #[test]
    fn keys_of_openssl_are_read() {
        // RFC 8410 section 10.3 and 10.1: a private key and the public key that belongs to it.
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        let key = AuditKey::load(private).unwrap();
        assert_eq!(key.public(), AuditPublicKey::load(public).unwrap());
        assert_eq!(&**key.private_pem().unwrap(), private);
        assert_eq!(key.public().pem(), public);
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        let public = AuditKey::generate().unwrap().public().pem();
        assert_eq!(
            AuditKey::load(&public).unwrap_err(),
            ReadKey::NoBlock {
                label: "PRIVATE KEY"
            }
        );
        assert_eq!(
            AuditPublicKey::load(&public.replace("MCow", "MCox")).unwrap_err(),
            ReadKey::NotEd25519
        );
        assert_eq!(
            AuditPublicKey::load("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----")
                .unwrap_err(),
            ReadKey::NotBase64
        );
        assert_eq!(
            AuditKey::load(&"x".repeat(5000)).unwrap_err(),
            ReadKey::TooLong
        );
    }

    #[test]
    fn u_08_debug_shows_no_private_key() {
        let key = AuditKey::generate().unwrap();
        let pem = key.private_pem().unwrap();
        let secret = pem.lines().nth(1).unwrap();
        assert!(!format!("{key:?}").contains(&secret[20..40]));
    }
}
