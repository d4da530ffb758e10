//! Telephone numbers: international with `+` and a country code (E.164, with the usual separators), and the forms of
//! North America with three groups. Ten digits without separators are too common to be taken for one.

use crate::input::{Input, More};

/// E.164: with the country code.
const LONGEST: usize = 15;
const SHORTEST: usize = 8;
/// Without separators fewer digits are more likely a number with a sign.
const SHORTEST_COMPACT: usize = 10;
/// Most digits of a number, country code included, where a plan is well known: what follows is another number.
const PLANS: [(&[u8], usize); 16] = [
    (b"1", 11),
    (b"7", 11),
    (b"20", 12),
    (b"27", 11),
    (b"31", 11),
    (b"32", 11),
    (b"33", 11),
    (b"34", 11),
    (b"39", 13),
    (b"41", 11),
    (b"44", 12),
    (b"48", 11),
    (b"49", 13),
    (b"61", 11),
    (b"81", 12),
    (b"91", 12),
];

/// Where the number that begins at `start` ends.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    match input.at(start)? {
        Some(b'+') if input.begins_word(start) => international(input, start),
        Some(b'(') if input.begins_number(start) => in_parentheses(input, start),
        Some(b'0'..=b'9') => in_groups(input, start),
        _ => Ok(None),
    }
}

/// `+49 30 9749 9346`, `+1-646-689-6337`, `+442079938383`.
fn international(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    let mut digits = Digits::default();
    let mut groups = 0;
    let mut next = start + 1;
    let mut end = next;
    loop {
        let open = groups > 0 && input.at(next)? == Some(b'(');
        let from = next + usize::from(open);
        let length = input.digits(from, LONGEST + 1)?;
        let closed = open && input.at(from + length)? == Some(b')');
        let grown = digits.with(input.bytes().get(from..from + length).unwrap_or_default());
        let after = from + length + usize::from(closed);
        let Some(grown) =
            grown.filter(|grown| length > 0 && open == closed && grown.length <= grown.most())
        else {
            break;
        };
        // `+49 30 1234567 10:30`: the last group is a time.
        if !input.ends_word(after)? || input.at(after)? == Some(b':') {
            break;
        }
        digits = grown;
        groups += 1;
        end = after;
        let separator = input.is(end, |byte| matches!(byte, b' ' | b'-' | b'.' | b'/'))?;
        if !separator && !closed && input.at(end)? != Some(b'(') {
            break;
        }
        next = end + usize::from(separator);
    }
    let shortest = if groups == 1 {
        SHORTEST_COMPACT
    } else {
        SHORTEST
    };
    let valid = digits.length >= shortest && digits.is_assigned() && input.ends_word(end)?;
    Ok(valid.then_some(end))
}

/// `(617) 837-2844`.
fn in_parentheses(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    if input.digits(start + 1, 4)? != 3 || input.at(start + 4)? != Some(b')') {
        return Ok(None);
    }
    let gap = usize::from(input.is(start + 5, |byte| matches!(byte, b' ' | b'-' | b'.'))?);
    let exchange = start + 5 + gap;
    let shape = input.digits(exchange, 4)? == 3
        && input.is(exchange + 3, |byte| matches!(byte, b' ' | b'-' | b'.'))?
        && input.digits(exchange + 4, 5)? == 4;
    if !shape {
        return Ok(None);
    }
    let end = exchange + 8;
    let valid = is_north_american(input, start + 1, exchange) && input.ends_number(end)?;
    Ok(valid.then_some(end))
}

/// `646-292-6211`, `305.769.2928`, `1-646-292-6211`.
fn in_groups(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    if !input.begins_number(start) {
        return Ok(None);
    }
    let trunk = input.at(start)? == Some(b'1') && input.is(start + 1, is_separator)?;
    let area = start + if trunk { 2 } else { 0 };
    if input.digits(area, 4)? != 3 {
        return Ok(None);
    }
    let Some(separator) = input.at(area + 3)?.filter(|byte| is_separator(*byte)) else {
        return Ok(None);
    };
    let shape = (!trunk || input.at(start + 1)? == Some(separator))
        && input.digits(area + 4, 4)? == 3
        && input.at(area + 7)? == Some(separator)
        && input.digits(area + 8, 5)? == 4;
    if !shape || !is_north_american(input, area, area + 4) {
        return Ok(None);
    }
    let end = area + 12;
    let row = separator == b' '
        && ((input.before(start, 1) == Some(b' ')
            && input
                .before(start, 2)
                .is_some_and(|byte| byte.is_ascii_digit()))
            || (input.at(end)? == Some(b' ')
                && input.is(end + 1, |byte| byte.is_ascii_digit())?));
    let valid = !row && input.ends_number(end)?;
    Ok(valid.then_some(end))
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.')
}

/// Area and exchange codes begin with 2 to 9 in the North American plan.
fn is_north_american(input: &Input<'_>, area: usize, exchange: usize) -> bool {
    input.number(area, 1) >= 2 && input.number(exchange, 1) >= 2
}

/// The digits of an international number.
#[derive(Debug, Clone, Copy, Default)]
struct Digits {
    digits: [u8; LONGEST],
    length: usize,
}

impl Digits {
    /// These digits and `more`; `None` if they are too many.
    fn with(mut self, more: &[u8]) -> Option<Digits> {
        let end = self.length + more.len();
        self.digits.get_mut(self.length..end)?.copy_from_slice(more);
        self.length = end;
        Some(self)
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }

    /// How many digits a number of this country has at most.
    fn most(&self) -> usize {
        let plan = PLANS
            .iter()
            .find(|(code, _)| self.digits().starts_with(code));
        plan.map_or(LONGEST, |(_, most)| *most)
    }

    /// Whether the number can exist: no country code begins with 0, and North American numbers have one length.
    fn is_assigned(&self) -> bool {
        match self.digits() {
            [b'0', ..] => false,
            [b'1', area, _, _, exchange, ..] => {
                self.length == 11 && *area >= b'2' && *exchange >= b'2'
            }
            _ => true,
        }
    }
}
