//! Tells stretches in which no finding of any detector can begin, many bytes at a time: most of what people write has no
//! digit, no `@` and no `:` for dozens of bytes.

use crate::detector;
use crate::input::{Ahead, Input};

/// Bytes that are told at once.
pub(super) const BLOCK: usize = 64;

/// So far behind its first byte every finding but an e-mail address has a digit or a `:`, unless it begins with one of
/// [`begins_otherwise`]'s pairs. The most has an IPv6 address: four digits that may all be letters, then the colon.
const SIGN_WITHIN: usize = 5;

/// A block and what must be seen after it.
const SEEN: usize = BLOCK + SIGN_WITHIN;

/// Whether surely nothing begins in the block of bytes from `start` on, whatever follows. Blocks that are not all at hand
/// are not told. Positions must not go back while `ahead` is the same.
pub(super) fn is_quiet(input: &Input<'_>, start: usize, ahead: &mut Ahead) -> bool {
    let rest = input.bytes().get(start..).unwrap_or_default();
    let Some(seen) = rest.first_chunk::<SEEN>() else {
        return false;
    };
    // Without early ends, so that the compiler looks at sixteen bytes at a time.
    let signs = seen.iter().fold(false, |any, byte| {
        any | byte.is_ascii_digit() | (*byte == b':')
    });
    let pairs = seen
        .iter()
        .zip(seen.iter().skip(1))
        .fold(false, |any, (first, second)| {
            any | begins_otherwise(*first, *second)
        });
    !signs && !pairs && ahead.lacks_at_sign(input, start, BLOCK + detector::LONGEST_LOCAL + 1)
}

/// The first two bytes of a key id, a token and a private key, which need no digit.
fn begins_otherwise(first: u8, second: u8) -> bool {
    let aws = (first == b'A')
        & ((second == b'K') | (second == b'S') | (second == b'B') | (second == b'C'));
    let jwt = (first == b'e') & (second == b'y');
    let private_key = (first == b'-') & (second == b'-');
    aws | jwt | private_key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detector::Detector;

    proptest! {
        /// Where it is quiet no detector finds anything, nor waits for more.
        #[test]
        fn nothing_begins_where_it_is_quiet(
            text in "([a-f]{1,4}|[x-z ]{1,40}|AKIA|A|K|ey|J|-|--|@|:|::|\\+|\\(|7|DE|192\\.0\\.2\\.1|a@b\\.cd|\u{e9}){0,40}",
            complete in any::<bool>(),
        ) {
            let input = Input::part(text.as_bytes(), complete);
            let mut ahead = Ahead::default();
            for start in 0..text.len() {
                if is_quiet(&input, start, &mut ahead) {
                    for begin in start..start + BLOCK {
                        for detector in Detector::ALL {
                            prop_assert_eq!(detector.find(&input, begin), Ok(None), "{:?} at {}", detector, begin);
                        }
                    }
                }
            }
        }
    }
}
