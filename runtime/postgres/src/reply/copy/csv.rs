//! Rows of COPY in CSV format: fields between delimiters, in quotes where they hold one.

use hpol_session::masking::Masked;

use super::{Hide, NOT_A_ROW, Written};
use crate::codec::Malformed;
use crate::reply::columns::Treatment;
use crate::reply::values::Room;

/// How the fields of a row are told apart.
pub(super) struct Form<'a> {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) escape: u8,
    pub(super) null: &'a [u8],
}

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
            .split_at_checked(read(rest, form, field)?)
            .ok_or(NOT_A_ROW)?;
        rest = after;
        // In quotes it is a text that is spelled like NULL.
        let masked = if spelled == form.null {
            Masked::Unchanged
        } else {
            hide(*treatment, field, room)
        };
        match masked {
            Masked::Unchanged => out.extend_from_slice(spelled),
            Masked::Changed => write(room.hidden(), form, out),
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
fn read(rest: &[u8], form: &Form<'_>, field: &mut Vec<u8>) -> Result<usize, Malformed> {
    field.clear();
    if rest.first() != Some(&form.quote) {
        let end = rest.iter().position(|byte| *byte == form.delimiter);
        let end = end.unwrap_or(rest.len());
        field.extend_from_slice(rest.get(..end).unwrap_or_default());
        return Ok(end);
    }
    let mut at = 1;
    loop {
        let byte = rest.get(at).copied().ok_or(NOT_A_ROW)?;
        let next = rest.get(at + 1).copied();
        let escaped = next.filter(|next| *next == form.quote || *next == form.escape);
        match escaped {
            Some(escaped) if byte == form.escape => {
                field.push(escaped);
                at += 2;
            }
            _ if byte == form.quote => return Ok(at + 1),
            _ => {
                field.push(byte);
                at += 1;
            }
        }
    }
}

/// Writes a field that reads as `value`.
pub(super) fn write(value: &[u8], form: &Form<'_>, out: &mut Vec<u8>) {
    out.push(form.quote);
    for byte in value {
        if *byte == form.quote || *byte == form.escape {
            out.push(form.escape);
        }
        out.push(*byte);
    }
    out.push(form.quote);
}
