//! Payment card numbers, in one piece or in the groups that are printed on cards. Source: ISO/IEC 7812-1 for the check
//! digit; the issuers' published prefixes.

use crate::input::{Input, More};

const SHORTEST: usize = 13;
const LONGEST: usize = 19;
/// Lengths of the groups that cards are printed with, longest first where one begins another.
const GROUPINGS: [&[usize]; 6] = [
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4],
    &[4, 4, 4, 1],
    &[4, 6, 5],
    &[4, 6, 4],
];

/// Where the number that begins at `start` ends.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    let fraction = input.before(start, 1) == Some(b'.')
        && input
            .before(start, 2)
            .is_some_and(|byte| byte.is_ascii_digit());
    if !input.begins_word(start) || fraction {
        return Ok(None);
    }
    let first = input.digits(start, LONGEST + 1)?;
    if (SHORTEST..=LONGEST).contains(&first) {
        let end = start + first;
        let valid =
            input.ends_word(end)? && is_card(input.bytes().get(start..end).unwrap_or_default());
        return Ok(valid.then_some(end));
    }
    if first == 4 {
        grouped(input, start)
    } else {
        Ok(None)
    }
}

fn grouped(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    let Some(separator @ (b' ' | b'-')) = input.at(start + 4)? else {
        return Ok(None);
    };
    let continued = separator == b'-' && !input.begins_number(start);
    if continued {
        return Ok(None);
    }
    for grouping in GROUPINGS {
        if let Some(end) = with_grouping(input, start, separator, grouping)? {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

fn with_grouping(
    input: &Input<'_>,
    start: usize,
    separator: u8,
    grouping: &[usize],
) -> Result<Option<usize>, More> {
    let mut end = start;
    for (index, length) in grouping.iter().enumerate() {
        if index > 0 {
            if input.at(end)? != Some(separator) {
                return Ok(None);
            }
            end += 1;
        }
        if input.digits(end, length + 1)? != *length {
            return Ok(None);
        }
        end += length;
    }
    let mut digits = [0_u8; LONGEST];
    let mut length = 0;
    let numerals = input.bytes().get(start..end).unwrap_or_default().iter();
    for (slot, digit) in digits
        .iter_mut()
        .zip(numerals.filter(|byte| byte.is_ascii_digit()))
    {
        *slot = *digit;
        length += 1;
    }
    let valid = input.ends_word(end)? && is_card(digits.get(..length).unwrap_or_default());
    Ok(valid.then_some(end))
}

fn is_card(digits: &[u8]) -> bool {
    is_issued(digits) && has_check_digit(digits)
}

/// Whether an issuer uses this prefix with this length.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(4).fold(0_u32, |number, digit| {
        number * 10 + u32::from(digit.wrapping_sub(b'0'))
    });
    match prefix {
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        2221..=2720 | 5100..=5599 | 2200..=2204 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => matches!(digits.len(), 14 | 16 | 19),
        6011 | 6440..=6599 | 3528..=3589 | 6200..=6299 => matches!(digits.len(), 16 | 19),
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => digits.len() >= SHORTEST,
        _ => false,
    }
}

fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            match index % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}
