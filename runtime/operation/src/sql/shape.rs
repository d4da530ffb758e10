//! The shape of a text: the text with its plain literals left out. Texts of one shape have the same tree but for the values
//! of their literals, so what is found in one without looking at those holds for all of them.
//!
//! Reads only what it is sure of, far less than PostgreSQL's scanner does: a text with comments, prefixed or continued
//! strings, dollar quotes or unusual numbers has no shape.

/// Marks in place of literals: bytes that no text with a shape holds. A literal's token type stays known, since the grammar
/// tells by it.
const INTEGER: u8 = 1;
const FLOAT: u8 = 2;
const STRING: u8 = 3;

/// Longest run of digits that is an integer to the grammar in any case: beyond 2^31 it is a float.
const INTEGER_DIGITS: usize = 9;

/// A text with its literals left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) text: String,
    /// Where each that was left out began, in order.
    pub(super) literals: Vec<usize>,
}

/// The shape of `sql`, where it is plain enough to have one.
pub(super) fn shape(sql: &str) -> Option<String> {
    leave_out(sql, |_| {})
}

/// The shape of `sql` with the places of its literals.
pub(super) fn shape_and_places(sql: &str) -> Option<Shape> {
    let mut literals = Vec::new();
    let text = leave_out(sql, |at| literals.push(at))?;
    Some(Shape { text, literals })
}

/// Where the literal is that the grammar says begins at `location`. It takes a minus into the number that follows, also
/// over brackets.
pub(super) fn literal_at(sql: &str, location: usize) -> Option<usize> {
    let bytes = sql.as_bytes();
    Some(match bytes.get(location)? {
        b'-' => run(bytes, location, |byte| {
            matches!(byte, b'-' | b'(') || byte.is_ascii_whitespace()
        }),
        _ => location,
    })
}

fn leave_out(sql: &str, mut literal: impl FnMut(usize)) -> Option<String> {
    let bytes = sql.as_bytes();
    // No parser takes it, wherever it stands.
    if memchr::memchr(0, bytes).is_some() {
        return None;
    }
    let mut shape = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let next = bytes.get(at + 1).copied();
        let end = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                let end = run(bytes, at, is_word);
                // E'..', B'..', N'..' and the like, and words that are not ASCII.
                if bytes
                    .get(end)
                    .is_some_and(|byte| *byte == b'\'' || !byte.is_ascii())
                {
                    return None;
                }
                end
            }
            b'0'..=b'9' => {
                let (mark, end) = number(bytes, at)?;
                shape.push(mark);
                literal(at);
                at = end;
                continue;
            }
            b'\'' => {
                let end = string(bytes, at)?;
                shape.push(STRING);
                literal(at);
                at = end;
                continue;
            }
            b'"' => quoted_name(bytes, at)?,
            b'$' => parameter(bytes, at)?,
            b'-' if next == Some(b'-') => return None,
            b'/' if next == Some(b'*') => return None,
            // U&'..' and U&"..", and a number that begins with its point.
            b'&' if matches!(next, Some(b'\'' | b'"')) => return None,
            b'.' if next.is_some_and(|next| next.is_ascii_digit()) => return None,
            b' ' | b'\t' | b'\n' | b'\r' | b'!'..=b'~' => at + 1,
            _ => return None,
        };
        shape.extend_from_slice(bytes.get(at..end)?);
        at = end;
    }
    String::from_utf8(shape).ok()
}

/// A number at `from`: its mark, and where it ends.
fn number(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let digits = |from: usize| {
        let end = run(bytes, from, |byte| byte.is_ascii_digit());
        (1..=INTEGER_DIGITS).contains(&(end - from)).then_some(end)
    };
    let whole = digits(from)?;
    let (mark, end) = match bytes.get(whole) {
        Some(b'.') => (FLOAT, digits(whole + 1)?),
        _ => (INTEGER, whole),
    };
    let goes_on = |byte: &u8| is_word(*byte) || *byte == b'.' || !byte.is_ascii();
    (!bytes.get(end).is_some_and(goes_on)).then_some((mark, end))
}

/// Where the string that begins at `from` ends. Backslashes are plain: sessions have standard_conforming_strings on.
fn string(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        at += memchr::memchr(b'\'', bytes.get(at..)?)? + 1;
        if bytes.get(at) != Some(&b'\'') {
            break;
        }
        at += 1;
    }
    // A string goes on in another one on a later line.
    let next = run(bytes, at, |byte| byte.is_ascii_whitespace());
    (bytes.get(next) != Some(&b'\'')).then_some(at)
}

/// Where the name in double quotes that begins at `from` ends. A doubled quote reads as two names, and is copied as well.
fn quoted_name(bytes: &[u8], from: usize) -> Option<usize> {
    let length = memchr::memchr(b'"', bytes.get(from + 1..)?)?;
    let end = from + 1 + length + 1;
    let name = bytes.get(from..end)?;
    (!name.iter().any(u8::is_ascii_control)).then_some(end)
}

/// Where the parameter that begins at `from` ends.
fn parameter(bytes: &[u8], from: usize) -> Option<usize> {
    let end = run(bytes, from + 1, |byte| byte.is_ascii_digit());
    let goes_on = bytes
        .get(end)
        .is_some_and(|byte| is_word(*byte) || !byte.is_ascii());
    (end > from + 1 && !goes_on).then_some(end)
}

fn run(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest.iter().position(|byte| !belongs(*byte));
    from + length.unwrap_or(rest.len())
}

/// A byte that may follow the first of a name.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

#[cfg(test)]
mod tests;
