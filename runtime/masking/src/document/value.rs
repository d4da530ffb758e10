//! One value that is hidden: what stands in its place, and whether what looks like a number is one.

use hpol_bundle::policy::Mask;

use crate::mask::REDACTED;
use crate::masker::{Masked, Masker, count};
use crate::stream;

/// How strictly the class in `slot` is hidden.
pub(super) fn strictness(masker: &Masker, slot: usize) -> (u8, u32) {
    let entry = masker.entries().get(slot);
    entry.map_or((u8::MAX, 0), |entry| entry.mask.strictness())
}

/// Appends what stands in place of a value, of which `text` is known unless it is hidden whole. What
/// detectors find in it is hidden as [`Masker::value`] says.
pub(super) fn write(
    masker: &Masker,
    slot: usize,
    text: Option<&[u8]>,
    counts: &mut [u64],
    out: &mut Vec<u8>,
) {
    let mut hidden = Vec::new();
    let masked = match text {
        Some(text) => masker.value(slot, text, counts, &mut hidden),
        None => {
            count(counts, slot);
            match is_null(masker, slot) {
                true => Masked::Null,
                false => Masked::Unchanged,
            }
        }
    };
    if masked == Masked::Null {
        out.extend_from_slice(b"null");
        return;
    }
    if masked == Masked::Unchanged {
        hidden.extend_from_slice(REDACTED.as_bytes());
    }
    out.push(b'"');
    stream::write_escaped(&hidden, out);
    out.push(b'"');
}

fn is_null(masker: &Masker, slot: usize) -> bool {
    let entry = masker.entries().get(slot);
    entry.is_some_and(|entry| entry.mask == Mask::Null)
}

/// RFC 8259, section 6.
pub(super) fn is_number(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = digits(unsigned);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => match digits(fraction) {
            ([], _) => return false,
            (_, rest) => rest,
        },
    };
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let unsigned = match exponent {
                [b'+' | b'-', unsigned @ ..] => unsigned,
                unsigned => unsigned,
            };
            matches!(digits(unsigned), ([_, ..], []))
        }
        _ => false,
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(length)
}
