//! Private keys in PEM form, with real or escaped line ends. From the begin marker on everything is hidden until the end
//! marker, or the end of the value where there is none. Source: RFC 7468, and RFC 9580 for the form of OpenPGP.

use memchr::memmem;

use super::{Extent, Tail, TailEnd};
use crate::input::{Input, More};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// `PRIVATE KEY` with what names the algorithm before it.
const LONGEST_LABEL: usize = 64;

/// The begin marker at `start`, with a tail.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<Extent>, More> {
    if !input.starts_with(start, BEGIN)? {
        return Ok(None);
    }
    Ok(label(input, start + BEGIN.len())?.map(|end| Extent {
        end,
        tail: Some(Tail::PrivateKey),
    }))
}

/// Where the key ends that goes on at `from`.
pub(super) fn end(input: &Input<'_>, from: usize) -> TailEnd {
    let mut search = from;
    loop {
        let rest = input.bytes().get(search..).unwrap_or_default();
        let Some(offset) = memmem::find(rest, END) else {
            return unfinished(input, search);
        };
        let marker = search + offset;
        match label(input, marker + END.len()) {
            Ok(Some(end)) => return TailEnd::At(end),
            Ok(None) => search = marker + END.len(),
            Err(More) => return TailEnd::After(marker),
        }
    }
}

/// No marker is at hand, but one may have begun.
fn unfinished(input: &Input<'_>, search: usize) -> TailEnd {
    let length = input.bytes().len();
    match input.at(length) {
        Ok(_) => TailEnd::At(length),
        Err(More) => TailEnd::After(length.saturating_sub(END.len() - 1).max(search)),
    }
}

/// Where the marker with the label at `from` ends, if the label is that of a private key.
fn label(input: &Input<'_>, from: usize) -> Result<Option<usize>, More> {
    let length = input.run(from, LONGEST_LABEL + 1, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
    })?;
    let text = input.bytes().get(from..from + length).unwrap_or_default();
    let private = text.ends_with(b"PRIVATE KEY") || text.ends_with(b"PRIVATE KEY BLOCK");
    let valid = length <= LONGEST_LABEL && private && input.starts_with(from + length, DASHES)?;
    Ok(valid.then_some(from + length + DASHES.len()))
}
