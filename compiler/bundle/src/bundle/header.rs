//! The header of a bundle file, integers in little-endian order:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `HPOLBNDL` |
//! | 2 | format |
//! | 8 | length of the payload |
//! | 32 | SHA-256 of the payload |
//! | 8 | id of the key |
//! | 64 | Ed25519 signature over all of the above |

use crate::digest::Digest;
use crate::signature::{KeyFault, KeyId, SIGNATURE_BYTES, SigningKey};

use super::{FORMAT, LoadBundle, TrustedKeys};

const MAGIC: [u8; 8] = *b"HPOLBNDL";
const SIGNED_BYTES: usize = 8 + 2 + 8 + 32 + KeyId::BYTES;
const HEADER_BYTES: usize = SIGNED_BYTES + SIGNATURE_BYTES;

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the payload.
    pub(super) length: u64,
    /// Its SHA-256.
    pub(super) digest: Digest,
    /// Who signed.
    pub(super) key: KeyId,
}

impl Header {
    /// The bytes of the header, with the signature.
    pub(super) fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, KeyFault> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(self.key.as_bytes());
        let signature = key.sign(&bytes)?;
        bytes.extend_from_slice(&signature);
        Ok(bytes)
    }

    /// Splits a file into header and payload, and checks all that does not need the payload: that it is a bundle of a
    /// known format, that a trusted key signed the header, and that the payload has the signed length.
    pub(super) fn verify<'a>(
        file: &'a [u8],
        trusted: &TrustedKeys,
    ) -> Result<(Header, &'a [u8]), LoadBundle> {
        let (header, signature, payload) = Header::split(file)?;
        let key = trusted
            .find(header.key)
            .ok_or(LoadBundle::UnknownKey { key: header.key })?;
        let signed = file.get(..SIGNED_BYTES).ok_or(truncated(file))?;
        if !key.verifies(signed, signature) {
            return Err(LoadBundle::BadSignature { key: header.key });
        }
        header.check_length(payload)?;
        Ok((header, payload))
    }

    /// The same without a signature that holds: whoever wrote the file decides what is in it.
    pub(super) fn danger_unverified(file: &[u8]) -> Result<(Header, &[u8]), LoadBundle> {
        let (header, _, payload) = Header::split(file)?;
        header.check_length(payload)?;
        Ok((header, payload))
    }

    /// Header, signature and payload of a bundle of a known format.
    fn split(file: &[u8]) -> Result<(Header, &[u8; SIGNATURE_BYTES], &[u8]), LoadBundle> {
        let truncated = truncated(file);
        let rest = file.strip_prefix(&MAGIC).ok_or(LoadBundle::NotABundle)?;
        let (format, rest) = rest.split_first_chunk().ok_or(truncated.clone())?;
        match u16::from_le_bytes(*format) {
            FORMAT => {}
            found if found > FORMAT => return Err(LoadBundle::NewerFormat { found }),
            found @ 0 => return Err(LoadBundle::UnknownFormat { found }),
            found => return Err(LoadBundle::OlderFormat { found }),
        }
        let (length, rest) = rest.split_first_chunk().ok_or(truncated.clone())?;
        let (digest, rest) = rest.split_first_chunk().ok_or(truncated.clone())?;
        let (key, rest) = rest.split_first_chunk().ok_or(truncated.clone())?;
        let (signature, payload) = rest
            .split_first_chunk::<SIGNATURE_BYTES>()
            .ok_or(truncated)?;
        let header = Header {
            length: u64::from_le_bytes(*length),
            digest: *digest,
            key: KeyId::from_bytes(*key),
        };
        Ok((header, signature, payload))
    }

    fn check_length(&self, payload: &[u8]) -> Result<(), LoadBundle> {
        let expected = usize::try_from(self.length).unwrap_or(usize::MAX);
        if payload.len() > expected {
            return Err(LoadBundle::Altered);
        }
        if payload.len() < expected {
            let found = payload.len() + HEADER_BYTES;
            return Err(LoadBundle::Truncated {
                found,
                expected: expected.saturating_add(HEADER_BYTES),
            });
        }
        Ok(())
    }
}

fn truncated(file: &[u8]) -> LoadBundle {
    LoadBundle::Truncated {
        found: file.len(),
        expected: HEADER_BYTES,
    }
}
