//! Rows of COPY in text format: fields between delimiters, a backslash before what would be taken for one.

use hpol_session::masking::Masked;

use super::{Hide, NOT_A_ROW, Written};
use crate::codec::Malformed;
use crate::reply::columns::Treatment;
use crate::reply::values::Room;

/// How the fields of a row are told apart.
pub(super) struct Form<'a> {
    pub(super) delimiter: u8,
    pub(super) null: &'a [u8],
}

/// Characters that are written as a backslash and a letter. Source: `CopyAttributeOutText`.
const LETTERS: [(u8, u8); 6] = [
    (b'b', 8),
    (b't', b'\t'),
    (b'n', b'\n'),
    (b'v', 11),
    (b'f', 12),
    (b'r', b'\r'),
];

/// Writes a row, with its line end.
pub(super) fn row(
    row: &[u8],
    form: &Form<'_>,
    columns: &[Treatment],
    field: &mut Vec<u8>,
    room: &mut Room,
    hide: &mut Hide<'_>,
    out: &mut Vec<u8>,
) -> Result<Written, Malformed> {
    let mut rest = row.strip_suffix(b"\n").ok_or(NOT_A_ROW)?;
    let mut written = Written::Same;
    for (index, treatment) in columns.iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(&[form.delimiter]).ok_or(NOT_A_ROW)?;
            out.push(form.delimiter);
        }
        let (spelled, after) = rest
            .split_at_checked(read(rest, form.delimiter, field)?)
            .ok_or(NOT_A_ROW)?;
        rest = after;
        // Where nothing stands for NULL, it stands for an empty value too.
        let masked = if spelled == form.null && !spelled.is_empty() {
            Masked::Unchanged
        } else {
            hide(*treatment, field, room)
        };
        match masked {
            Masked::Unchanged => out.extend_from_slice(spelled),
            Masked::Changed => write(room.hidden(), form.delimiter, out),
            Masked::Null => out.extend_from_slice(form.null),
        }
        if masked != Masked::Unchanged {
            written = Written::Changed;
        }
    }
    if !rest.is_empty() {
        return Err(NOT_A_ROW);
    }
    out.push(b'\n');
    Ok(written)
}

/// Reads the field at the start of `rest` into `field`; how many bytes it takes.
fn read(rest: &[u8], delimiter: u8, field: &mut Vec<u8>) -> Result<usize, Malformed> {
    field.clear();
    let mut at = 0;
    while let Some(byte) = rest.get(at).copied() {
        if byte == delimiter {
            break;
        }
        at += 1;
        if byte != b'\\' {
            field.push(byte);
            continue;
        }
        let escaped = rest.get(at).copied().ok_or(NOT_A_ROW)?;
        let letter = LETTERS.iter().find(|(letter, _)| *letter == escaped);
        field.push(letter.map_or(escaped, |(_, byte)| *byte));
        at += 1;
    }
    Ok(at)
}

/// Writes a field that reads as `value`.
pub(super) fn write(value: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    for byte in value {
        let letter = LETTERS.iter().find(|(_, written)| written == byte);
        match letter {
            Some((letter, _)) => out.extend_from_slice(&[b'\\', *letter]),
            None if *byte == b'\\' || *byte == delimiter => {
                out.extend_from_slice(&[b'\\', *byte]);
            }
            None => out.push(*byte),
        }
    }
}
