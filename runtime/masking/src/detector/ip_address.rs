//! IPv4 addresses in dotted decimal, and IPv6 addresses in the forms of RFC 4291.

use std::net::Ipv6Addr;

use crate::input::{Input, More};

/// `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const LONGEST_V6: usize = 45;
/// Digits between two colons.
pub(super) const LONGEST_GROUP: usize = 4;

/// Where the address that begins at `start` ends.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    if let Some(end) = v6(input, start)? {
        return Ok(Some(end));
    }
    v4(input, start)
}

fn v4(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    if !input.begins_number(start) {
        return Ok(None);
    }
    let mut end = start;
    for octet in 0..4 {
        if octet > 0 {
            if input.at(end)? != Some(b'.') {
                return Ok(None);
            }
            end += 1;
        }
        let length = input.digits(end, 4)?;
        let padded = length > 1 && input.at(end)? == Some(b'0');
        if !(1..=3).contains(&length) || padded || input.number(end, length) > 255 {
            return Ok(None);
        }
        end += length;
    }
    let alone = input.ends_word(end)?
        && !(input.at(end)? == Some(b'.') && input.is(end + 1, |byte| byte.is_ascii_digit())?);
    Ok(alone.then_some(end))
}

fn v6(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    let first = input.run(start, LONGEST_GROUP + 1, |byte| byte.is_ascii_hexdigit())?;
    if first > LONGEST_GROUP || input.at(start + first)? != Some(b':') || !begins(input, start) {
        return Ok(None);
    }
    let most = LONGEST_V6 + 2;
    let length = input.run(start, most, |byte| {
        byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
    })?;
    if length == most || !input.ends_word(start + length)? {
        return Ok(None);
    }
    let run = input.bytes().get(start..start + length).unwrap_or_default();
    // The punctuation of the sentence around it may follow: `from fe80::1.` and `fe80::1: up`.
    let ends = [length, length.saturating_sub(1)];
    let end = ends
        .into_iter()
        .find(|end| run.get(..*end).is_some_and(is_v6));
    Ok(end.map(|end| start + end))
}

/// Names joined by `::` occur in program text; an address has a digit.
fn is_v6(text: &[u8]) -> bool {
    let digit = text.iter().any(u8::is_ascii_digit);
    digit && std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// Whether the address begins here and not before: `addr:fe80::1` has a label in front, `1:2:fe80::1` has not.
fn begins(input: &Input<'_>, start: usize) -> bool {
    if !input.begins_word(start) {
        return false;
    }
    if input.before(start, 1) != Some(b':') {
        return true;
    }
    let group = (2..=6)
        .map_while(|distance| {
            input
                .before(start, distance)
                .filter(u8::is_ascii_alphanumeric)
        })
        .collect::<Label>();
    group.length > 4 || group.other
}

/// What stands before a colon: a group of an address has at most four hexadecimal digits.
#[derive(Default)]
struct Label {
    length: usize,
    other: bool,
}

impl FromIterator<u8> for Label {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Label {
        bytes
            .into_iter()
            .fold(Label::default(), |label, byte| Label {
                length: label.length + 1,
                other: label.other || !byte.is_ascii_hexdigit(),
            })
    }
}
