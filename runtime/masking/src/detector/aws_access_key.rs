//! Ids of AWS access keys: a prefix that names the kind of key and 16 characters of base32. The secret that belongs to
//! one looks like any 40 characters of base64 and is not detected. Source: AWS IAM user guide, "Unique identifiers".

use crate::input::{Input, More};

/// Long-term keys, temporary keys, bearer tokens and context-specific credentials.
const PREFIXES: [&[u8]; 4] = [b"AKIA", b"ASIA", b"ABIA", b"ACCA"];
const LENGTH: usize = 20;

/// Where the id that begins at `start` ends.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    if !input.begins_word(start) {
        return Ok(None);
    }
    let mut prefixed = false;
    for prefix in PREFIXES {
        prefixed = prefixed || input.starts_with(start, prefix)?;
    }
    let base32 = |byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
    let valid = prefixed
        && input.run(start, LENGTH, base32)? == LENGTH
        && input.ends_word(start + LENGTH)?;
    Ok(valid.then_some(start + LENGTH))
}
