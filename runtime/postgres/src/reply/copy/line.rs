//! A row of COPY in text or CSV format: a line of fields between delimiters. How a field is spelled is the format's.

use hpol_session::masking::Masked;

use super::{Hide, NOT_A_ROW, Written};
use crate::codec::Malformed;
use crate::reply::columns::Treatment;
use crate::reply::values::Room;

/// How the fields of a line are spelled.
pub(super) trait Spelling {
    /// Stands between fields.
    fn delimiter(&self) -> u8;

    /// Stands for NULL.
    fn null(&self) -> &[u8];

    /// Whether a field that is spelled like this can only be NULL.
    fn is_null(&self, spelled: &[u8]) -> bool;

    /// Reads the field at the start of `rest` into `field`, which is empty; how many bytes it takes.
    fn read(&self, rest: &[u8], field: &mut Vec<u8>) -> Result<usize, Malformed>;

    /// Writes a field that reads as `value`.
    fn write(&self, value: &[u8], out: &mut Vec<u8>);
}

/// Writes a row, with its line end.
pub(super) fn row(
    row: &[u8],
    spelling: &impl Spelling,
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
            rest = rest
                .strip_prefix(&[spelling.delimiter()])
                .ok_or(NOT_A_ROW)?;
            out.push(spelling.delimiter());
        }
        field.clear();
        let length = spelling.read(rest, field)?;
        let (spelled, after) = rest.split_at_checked(length).ok_or(NOT_A_ROW)?;
        rest = after;
        let masked = if spelling.is_null(spelled) {
            Masked::Unchanged
        } else {
            hide(*treatment, field, room)
        };
        match masked {
            Masked::Unchanged => out.extend_from_slice(spelled),
            Masked::Changed => spelling.write(room.hidden(), out),
            Masked::Null => out.extend_from_slice(spelling.null()),
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
