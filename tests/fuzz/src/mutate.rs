//! Random changes to an input, for runs without coverage feedback. The same seed makes the same changes.

use fastrand::Rng;

/// Inputs do not grow beyond this.
pub const MOST_BYTES: usize = 64 << 10;

/// Numbers at the edges of what lengths and counts are read as.
const EDGES: [[u8; 4]; 8] = [
    [0, 0, 0, 0],
    [0, 0, 0, 1],
    [0, 0, 0, 4],
    [0, 0, 0x27, 0x10],
    [0x7f, 0xff, 0xff, 0xff],
    [0x80, 0, 0, 0],
    [0xff, 0xff, 0xff, 0xff],
    [0xff, 0xff, 0xff, 0xfb],
];

/// One of `seeds`, changed a few times.
#[must_use]
pub fn input(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = rng.choice(seeds).cloned().unwrap_or_default();
    for _ in 0..rng.usize(1..=6) {
        let other = rng.choice(seeds).map(Vec::as_slice).unwrap_or_default();
        change(&mut bytes, other, rng);
        bytes.truncate(MOST_BYTES);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    match rng.u8(..8) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, rng.u8(..)),
        2 => over(bytes, at, &[rng.u8(..)]),
        3 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        4 => over(
            bytes,
            at,
            rng.choice(EDGES).as_ref().map_or(&[], |edge| edge),
        ),
        5 => {
            let end = at.saturating_add(rng.usize(..64)).min(bytes.len());
            bytes.drain(at..end);
        }
        6 => {
            let part = part(bytes, rng).to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            let part = part(other, rng);
            bytes.splice(at..at, part.iter().copied());
        }
    }
}

/// Writes `what` over the bytes at `at`, as far as there are any.
fn over(bytes: &mut [u8], at: usize, what: &[u8]) {
    for (byte, new) in bytes.iter_mut().skip(at).zip(what) {
        *byte = *new;
    }
}

fn part<'a>(bytes: &'a [u8], rng: &mut Rng) -> &'a [u8] {
    let start = rng.usize(..=bytes.len());
    let end = start.saturating_add(rng.usize(..256)).min(bytes.len());
    bytes.get(start..end).unwrap_or_default()
}
