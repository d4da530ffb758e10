//! Ed25519 keys (RFC 8032) that sign bundles, and the text files they are kept in. What is signed stands in
//! [`crate::bundle`]. Does no I/O: texts come from and go to the caller.

use std::fmt;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::digest;

/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

const SIGNING_LABEL: &str = "HPOL SIGNING KEY";
const PUBLIC_LABEL: &str = "HPOL PUBLIC KEY";
/// Bytes of a key file that are looked at; one holds about 120.
const MAX_TEXT_BYTES: usize = 4096;

/// Why a key could not be made, read or used. Never carries key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The lines around the key are not those of the expected kind of key.
    #[error("not a key file: expected `-----BEGIN {expected}-----`")]
    Label {
        /// The words that were expected between the dashes.
        expected: &'static str,
    },
    /// A public key was expected and the secret one was given.
    #[error("this is the signing key; give the public key, and keep this one secret")]
    SecretGiven,
    /// What stands between the lines is not 32 bytes in base64.
    #[error("the key is damaged: expected 32 bytes in base64")]
    Encoding,
    /// The system gave no random bytes, or the cryptographic library refused.
    #[error("the cryptographic library refused the operation")]
    Crypto,
}

/// The first 16 hexadecimal digits of the SHA-256 of a public key: enough to name it, never enough to trust it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KeyId::BYTES]);

impl KeyId {
    /// Bytes of an id in a bundle's header.
    pub const BYTES: usize = 8;

    /// The id with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KeyId::BYTES]) -> KeyId {
        KeyId(bytes)
    }

    /// The id as a bundle's header holds it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KeyId::BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digest::hex(&self.0))
    }
}

/// A key that verifies signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key's name in headers, logs and errors.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut id = [0; KeyId::BYTES];
        id.iter_mut()
            .zip(digest::sha256(&self.0))
            .for_each(|(to, from)| *to = from);
        KeyId(id)
    }

    /// Whether `signature` is this key's signature over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, signature)
            .is_ok()
    }

    /// The text of a public key file.
    #[must_use]
    pub fn to_text(&self) -> String {
        write_text(PUBLIC_LABEL, &BASE64.encode(&self.0))
    }

    /// Reads the text of a public key file.
    ///
    /// # Errors
    /// [`KeyFault::SecretGiven`] for a signing key's text; [`KeyFault::Label`] and [`KeyFault::Encoding`] for other texts.
    pub fn from_text(text: &str) -> Result<PublicKey, KeyFault> {
        if text.contains(SIGNING_LABEL) {
            return Err(KeyFault::SecretGiven);
        }
        Ok(PublicKey(*read_text(PUBLIC_LABEL, text)?))
    }
}

/// A key that signs. The secret is erased from memory when the key is dropped, and `Debug` does not show it.
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    public: PublicKey,
}

impl SigningKey {
    /// A new key from the system's random source.
    ///
    /// # Errors
    /// [`KeyFault::Crypto`] if the source fails.
    pub fn generate() -> Result<SigningKey, KeyFault> {
        let mut seed = Zeroizing::new([0; 32]);
        rand::fill(seed.as_mut()).map_err(|_| KeyFault::Crypto)?;
        SigningKey::from_seed(seed)
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs `message`. The same key and message give the same signature.
    ///
    /// # Errors
    /// [`KeyFault::Crypto`] if the cryptographic library fails.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], KeyFault> {
        let signature = self
            .pair()?
            .try_sign(message)
            .map_err(|_| KeyFault::Crypto)?;
        signature.as_ref().try_into().map_err(|_| KeyFault::Crypto)
    }

    /// The text of a signing key file. Whoever has it can sign policies.
    #[must_use]
    pub fn to_danger_text(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(BASE64.encode(self.seed.as_ref()));
        Zeroizing::new(write_text(SIGNING_LABEL, &seed))
    }

    /// Reads the text of a signing key file.
    ///
    /// # Errors
    /// [`KeyFault::Label`] and [`KeyFault::Encoding`] for other texts.
    pub fn from_text(text: &str) -> Result<SigningKey, KeyFault> {
        SigningKey::from_seed(read_text(SIGNING_LABEL, text)?)
    }

    fn from_seed(seed: Zeroizing<[u8; 32]>) -> Result<SigningKey, KeyFault> {
        let mut key = SigningKey {
            seed,
            public: PublicKey([0; 32]),
        };
        key.public = PublicKey(
            key.pair()?
                .public_key()
                .as_ref()
                .try_into()
                .map_err(|_| KeyFault::Crypto)?,
        );
        Ok(key)
    }

    /// Made anew for each use, so that the secret lives in one place that is erased.
    fn pair(&self) -> Result<Ed25519KeyPair, KeyFault> {
        Ed25519KeyPair::from_seed_unchecked(self.seed.as_ref()).map_err(|_| KeyFault::Crypto)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.public.id())
            .finish_non_exhaustive()
    }
}

fn write_text(label: &str, base64: &str) -> String {
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

fn read_text(label: &'static str, text: &str) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
    let text = text.get(..MAX_TEXT_BYTES).unwrap_or(text).trim();
    let body = text
        .strip_prefix(&format!("-----BEGIN {label}-----"))
        .and_then(|rest| rest.strip_suffix(&format!("-----END {label}-----")))
        .ok_or(KeyFault::Label { expected: label })?;
    let bytes = Zeroizing::new(
        BASE64
            .decode(body.trim().as_bytes())
            .map_err(|_| KeyFault::Encoding)?,
    );
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(KeyFault::Encoding);
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_verifies_only_its_own_signatures() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_text(&key.to_danger_text()).unwrap();
        let signature = again.sign(b"message").unwrap();
        let public = PublicKey::from_text(&key.public().to_text()).unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
        assert!(
            !SigningKey::generate()
                .unwrap()
                .public()
                .verifies(b"message", &signature)
        );
        assert_eq!(public.id(), again.public().id());
    }

    /// Test 1 of RFC 8032, section 7.1.
    #[test]
    fn rfc_8032_test_vector() {
        let hex = |text: &str| digest::from_hex(text).unwrap();
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let key = SigningKey::from_seed(Zeroizing::new(seed)).unwrap();
        assert_eq!(key.public(), PublicKey(public));
        assert!(
            digest::hex(&key.sign(b"").unwrap()).starts_with("e5564300c360ac729086e2cc806e828a")
        );
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let key = SigningKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert_eq!(
            shown,
            format!("SigningKey {{ id: {:?}, .. }}", key.public().id())
        );
    }

    #[test]
    fn other_texts_are_refused() {
        let key = SigningKey::generate().unwrap();
        let secret = key.to_danger_text();
        assert_eq!(PublicKey::from_text(&secret), Err(KeyFault::SecretGiven));
        let label = KeyFault::Label {
            expected: "HPOL SIGNING KEY",
        };
        assert_eq!(
            SigningKey::from_text(&key.public().to_text()).unwrap_err(),
            label
        );
        assert_eq!(SigningKey::from_text("").unwrap_err(), label);
        let short = "-----BEGIN HPOL SIGNING KEY-----\nAAAA\n-----END HPOL SIGNING KEY-----";
        assert_eq!(
            SigningKey::from_text(short).unwrap_err(),
            KeyFault::Encoding
        );
        let endless = secret.replace('\n', &"\n".repeat(MAX_TEXT_BYTES));
        assert_eq!(SigningKey::from_text(&endless).unwrap_err(), label);
    }
}
