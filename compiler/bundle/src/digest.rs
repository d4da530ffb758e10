//! SHA-256 and hexadecimal, as digests are written in bundles, approvals and records.

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// SHA-256 of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.iter_mut()
        .zip(digest::digest(&digest::SHA256, bytes).as_ref())
        .for_each(|(to, from)| *to = *from);
    out
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// The digest that `text` writes in lower-case hexadecimal; `None` for anything else.
#[must_use]
pub fn from_hex(text: &str) -> Option<Digest> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-4 for a message of one block.
    #[test]
    fn abc_and_its_hexadecimal() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(b"abc")), text);
        assert_eq!(from_hex(text), Some(sha256(b"abc")));
        assert_eq!(from_hex(&text[1..]), None);
        assert_eq!(from_hex(&text.to_uppercase()), None);
    }
}
