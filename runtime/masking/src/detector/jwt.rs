//! JSON web tokens in compact form: base64url parts joined by dots, the first of which is a JSON object (`eyJ` is `{"`).
//! Tokens have no bound on their length, so what follows the first bytes of the payload is a tail.

use super::{Extent, Tail, TailEnd};
use crate::input::{Input, More};

const SHORTEST_HEADER: usize = 12;
const LONGEST_HEADER: usize = 2048;
/// So much after the header makes it a token.
const PAYLOAD: usize = 8;

/// The token that begins at `start`: its header and the first of its payload, with a tail.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<Extent>, More> {
    if !input.begins_word(start) || !input.starts_with(start, b"eyJ")? {
        return Ok(None);
    }
    let header = input.run(start, LONGEST_HEADER + 1, is_base64url)?;
    if !(SHORTEST_HEADER..=LONGEST_HEADER).contains(&header)
        || input.at(start + header)? != Some(b'.')
    {
        return Ok(None);
    }
    let payload = start + header + 1;
    // The second part is empty in a JWE with a direct key.
    let long_enough =
        input.run(payload, PAYLOAD, |byte| is_base64url(byte) || byte == b'.')? == PAYLOAD;
    Ok(long_enough.then_some(Extent {
        end: payload + PAYLOAD,
        tail: Some(Tail::Jwt),
    }))
}

/// Where the token ends that goes on at `from`. A dot at the end belongs to the sentence.
pub(super) fn end(input: &Input<'_>, from: usize) -> TailEnd {
    let mut end = from;
    loop {
        let next = match input.at(end) {
            Ok(Some(b'.')) => input
                .is(end + 1, |byte| is_base64url(byte) || byte == b'.')
                .map(usize::from),
            Ok(Some(byte)) => Ok(usize::from(is_base64url(byte))),
            Ok(None) => Ok(0),
            Err(more) => Err(more),
        };
        match next {
            Ok(0) => return TailEnd::At(end),
            Ok(length) => end += length,
            Err(More) => return TailEnd::After(end),
        }
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
