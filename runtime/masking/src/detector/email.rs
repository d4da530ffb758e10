//! E-mail addresses: the dot-atom form of RFC 5321, without the rarer punctuation that in practice surrounds addresses
//! (`=`, `/`, `'`); letters beyond ASCII are taken (RFC 6531). Quoted local parts and address literals are not.

use crate::input::{Input, More};

/// RFC 5321 says 64; the bound here is on what is looked at, so it is wider.
pub(crate) const LONGEST_LOCAL: usize = 128;
const LONGEST_DOMAIN: usize = 253;

/// Where the address that begins at `start` ends.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    if !begins(input, start) {
        return Ok(None);
    }
    let local = input.run(start, LONGEST_LOCAL, is_local)?;
    let at = start + local;
    if input.at(at)? != Some(b'@') {
        return Ok(None);
    }
    domain(input, at + 1)
}

/// Letters, digits, and whatever is not ASCII.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn is_local(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'%')
}

fn begins(input: &Input<'_>, start: usize) -> bool {
    let inside = input.before(start, 1).is_some_and(|byte| !byte.is_ascii());
    input.begins_word(start) && !inside && !input.is_escape_letter(start)
}

/// The end of the longest domain at `from`: labels with dots between them, the last of which begins with a letter.
fn domain(input: &Input<'_>, from: usize) -> Result<Option<usize>, More> {
    let mut label = from;
    let mut end = None;
    loop {
        let length = input.run(label, LONGEST_DOMAIN, |byte| is_word(byte) || byte == b'-')?;
        let hyphens = input
            .bytes()
            .get(label..label + length)
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(|byte| **byte == b'-')
            .count();
        let top = label > from
            && length - hyphens >= 2
            && input.is(label, |byte| !byte.is_ascii_digit() && byte != b'-')?;
        let after = label + length;
        if top {
            end = Some(after - hyphens);
        }
        let goes_on = length > 0 && after - from < LONGEST_DOMAIN && input.at(after)? == Some(b'.');
        if !goes_on {
            return Ok(end);
        }
        label = after + 1;
    }
}
