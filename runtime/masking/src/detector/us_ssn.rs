//! US social security numbers: `123-45-6789` and `123 45 6789`. Nine digits without separators are too common to be taken
//! for one. Source: Social Security Administration, number structure; areas from 900 on are taken too, since taxpayer
//! numbers (ITIN) live there.

use crate::input::{Input, More};

const LENGTH: usize = 11;

/// Where the number that begins at `start` ends.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    if !input.begins_number(start) || input.digits(start, 4)? != 3 {
        return Ok(None);
    }
    let Some(separator @ (b'-' | b' ')) = input.at(start + 3)? else {
        return Ok(None);
    };
    let shape = input.digits(start + 4, 3)? == 2
        && input.at(start + 6)? == Some(separator)
        && input.digits(start + 7, 5)? == 4;
    if !shape || !stands_alone(input, start, separator)? {
        return Ok(None);
    }
    let (area, group, serial) = (
        input.number(start, 3),
        input.number(start + 4, 2),
        input.number(start + 7, 4),
    );
    let issued = area != 0 && area != 666 && group != 0 && serial != 0;
    Ok(issued.then_some(start + LENGTH))
}

/// Whether the number is not a part of a longer row of numbers.
fn stands_alone(input: &Input<'_>, start: usize, separator: u8) -> Result<bool, More> {
    let end = start + LENGTH;
    if !input.ends_number(end)? {
        return Ok(false);
    }
    if separator == b'-' {
        return Ok(true);
    }
    let before = input.before(start, 1) == Some(b' ')
        && input
            .before(start, 2)
            .is_some_and(|byte| byte.is_ascii_digit());
    let after = input.at(end)? == Some(b' ') && input.is(end + 1, |byte| byte.is_ascii_digit())?;
    Ok(!before && !after)
}
