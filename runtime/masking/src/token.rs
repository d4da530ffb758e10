//! Tokens in place of values: the same for the same value, and nothing else to whoever does not have the key.

use std::fmt;

use aws_lc_rs::hmac;

/// Bytes of a token's MAC that are kept. Of 2^48 different values two share a token with a chance of 1 in 2^33.
const KEPT_BYTES: usize = 16;

/// Stands before every token, so that readers know one.
const MARK: u8 = b'#';

/// The key that tokens are made with. Another key gives other tokens.
#[derive(Clone)]
pub struct MaskKey(hmac::Key);

/// A secret that is too short for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key has {found} bytes; at least {} are needed",
    MaskKey::MIN_BYTES
)]
pub struct WeakKey {
    /// Bytes that it has.
    pub found: usize,
}

impl MaskKey {
    /// Bytes that a secret has at least: as many as the hash gives (RFC 2104 section 3).
    pub const MIN_BYTES: usize = 32;

    /// Characters of a token: a mark and two letters for each byte of the MAC that is kept.
    pub const TOKEN_LENGTH: usize = 1 + 2 * KEPT_BYTES;

    /// A key for HMAC-SHA-256 made from `secret`, which is as hard to guess as it is random.
    ///
    /// # Errors
    /// If it is shorter than [`MaskKey::MIN_BYTES`].
    pub fn new(secret: &[u8]) -> Result<MaskKey, WeakKey> {
        if secret.len() < MaskKey::MIN_BYTES {
            return Err(WeakKey {
                found: secret.len(),
            });
        }
        Ok(MaskKey(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Appends the token of `value`. The same value of another data class has another one.
    ///
    /// The letters are `a` to `p`: without digits no detector takes a token for something that it looks for.
    pub(crate) fn write(&self, class: &str, value: &[u8], out: &mut Vec<u8>) {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(class.as_bytes());
        // No name of a class holds it.
        mac.update(&[0]);
        mac.update(value);
        out.push(MARK);
        for byte in mac.sign().as_ref().iter().take(KEPT_BYTES) {
            out.extend([byte >> 4, byte & 0xf].map(|half| b'a' + half));
        }
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: u8, class: &str, value: &[u8]) -> String {
        let mut out = Vec::new();
        let key = MaskKey::new(&[secret; 32]).unwrap();
        key.write(class, value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The letters spell the first half of HMAC-SHA-256 over class, NUL and value, as another implementation gives it.
    #[test]
    fn a_token_is_the_same_for_the_same_value() {
        let one = token(7, "shop.pii.ssn", b"987-65-4320");
        assert_eq!(one, "#dhalbnmbekjbcngefiblmpggfedjncck");
        assert_eq!(one, token(7, "shop.pii.ssn", b"987-65-4320"));
        assert_eq!(one.len(), MaskKey::TOKEN_LENGTH);
    }

    #[test]
    fn a_token_differs_with_value_class_and_key() {
        let one = token(7, "p.ssn", b"987-65-4320");
        for other in [
            token(7, "p.ssn", b"987-65-4321"),
            token(7, "p.card", b"987-65-4320"),
            token(8, "p.ssn", b"987-65-4320"),
            token(7, "p.ss", b"n987-65-4320"),
            token(7, "p.ssn", b""),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_short_secret_is_no_key_and_no_key_is_shown() {
        assert_eq!(MaskKey::new(&[7; 31]).unwrap_err(), WeakKey { found: 31 });
        let key = MaskKey::new(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "MaskKey(..)");
    }
}
