//! Rows of COPY TO STDOUT: split into their fields, which are hidden as the columns of a result are. The forms are those of
//! the PostgreSQL manual, "COPY", File Formats. Which columns a COPY gives out is told by its text and the catalogue.

mod csv;
mod line;
mod text;

use std::sync::Arc;

use hpol_operation::sql::CopyFormat;
use hpol_session::masking::{MaskRun, Masked};

use super::columns::{Masks, Treatment};
use super::values::{self, Room};
use crate::codec::Malformed;
use crate::codec::body::Body;
use crate::facts::Reading;

/// What begins the rows in binary format.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// How the rows of a COPY are read.
#[derive(Debug)]
pub(super) struct CopyRows {
    format: CopyFormat,
    columns: Option<Arc<[Treatment]>>,
    stage: Stage,
    /// A field without what it is spelled with.
    field: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What stands before the rows is still to come.
    Head,
    Rows,
    Ended,
}

/// A part of a CopyData message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut<'a> {
    /// What stands before or behind the rows.
    Frame(&'a [u8]),
    /// One row.
    Row(&'a [u8]),
}

/// How a row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Same,
    Changed,
}

impl<'a> Cut<'a> {
    pub(super) fn bytes(&self) -> &'a [u8] {
        match self {
            Cut::Frame(bytes) | Cut::Row(bytes) => bytes,
        }
    }
}

const NOT_A_ROW: Malformed = Malformed::Body {
    what: "a row of a COPY is not as the server writes them",
};

impl CopyRows {
    /// For a COPY TO STDOUT that was understood.
    pub(super) fn of(reading: &Reading, masks: &Masks) -> Option<CopyRows> {
        let copied = reading.analysis.copied(&reading.catalogue)?;
        let binary = copied.format == CopyFormat::Binary;
        let stage = match copied.format {
            CopyFormat::Binary
            | CopyFormat::Text { header: true, .. }
            | CopyFormat::Csv { header: true, .. } => Stage::Head,
            CopyFormat::Text { .. } | CopyFormat::Csv { .. } => Stage::Rows,
        };
        let columns = copied.columns.as_deref();
        Some(CopyRows {
            columns: columns.map(|columns| masks.of_copied(columns, binary)),
            format: copied.format,
            stage,
            field: Vec::new(),
        })
    }

    /// Whether the server's answer is what was expected.
    pub(super) fn fits(&self, binary: bool, columns: usize, hides: bool) -> bool {
        let known = match &self.columns {
            Some(known) => known.len() == columns,
            None => !hides,
        };
        known && binary == (self.format == CopyFormat::Binary)
    }

    /// Whether anything can be hidden in its rows.
    pub(super) fn knows_columns(&self) -> bool {
        self.columns.is_some()
    }

    /// The rows of a message.
    pub(super) fn rows<'a>(&mut self, body: &'a [u8]) -> Result<Vec<Cut<'a>>, Malformed> {
        match (&self.format, self.stage) {
            (CopyFormat::Binary, _) => self.tuples(body),
            (_, Stage::Head) => {
                self.stage = Stage::Rows;
                Ok(vec![Cut::Frame(body)])
            }
            (_, Stage::Rows | Stage::Ended) => Ok(vec![Cut::Row(body)]),
        }
    }

    /// Signature, flags and extension; then tuples, each with the number of its fields; then -1.
    fn tuples<'a>(&mut self, body: &'a [u8]) -> Result<Vec<Cut<'a>>, Malformed> {
        let mut rest = Body::new(body);
        let mut parts = Vec::new();
        let mut from = 0;
        let mut part = |rest: &Body<'_>| {
            let to = body.len().saturating_sub(rest.remaining());
            let bytes = body.get(from..to).unwrap_or_default();
            from = to;
            bytes
        };
        if self.stage == Stage::Head {
            // Flags tell of fields that are not known here.
            if rest.bytes(SIGNATURE.len())? != SIGNATURE || rest.i32()? != 0 {
                return Err(NOT_A_ROW);
            }
            let extension = usize::try_from(rest.i32()?).map_err(|_| NOT_A_ROW)?;
            rest.bytes(extension)?;
            self.stage = Stage::Rows;
            parts.push(Cut::Frame(part(&rest)));
        }
        while rest.remaining() > 0 {
            if self.stage == Stage::Ended {
                return Err(NOT_A_ROW);
            }
            match rest.i16()? {
                -1 => {
                    self.stage = Stage::Ended;
                    parts.push(Cut::Frame(part(&rest)));
                }
                ..-1 => return Err(NOT_A_ROW),
                fields => {
                    for _ in 0..fields {
                        rest.value()?;
                    }
                    parts.push(Cut::Row(part(&rest)));
                }
            }
        }
        Ok(parts)
    }

    /// Writes a row, hidden where it must be.
    pub(super) fn row(
        &mut self,
        row: &[u8],
        run: &mut MaskRun,
        room: &mut Room,
        out: &mut Vec<u8>,
    ) -> Result<Written, Malformed> {
        let Some(columns) = self.columns.as_deref() else {
            return Err(NOT_A_ROW);
        };
        let mut hide = |treatment: Treatment, value: &[u8], room: &mut Room| {
            values::hide(treatment, value, run, room)
        };
        match &self.format {
            CopyFormat::Text {
                delimiter, null, ..
            } => {
                let form = text::Form {
                    delimiter: *delimiter,
                    null,
                };
                line::row(row, &form, columns, &mut self.field, room, &mut hide, out)
            }
            CopyFormat::Csv {
                delimiter,
                quote,
                escape,
                null,
                ..
            } => {
                let form = csv::Form {
                    delimiter: *delimiter,
                    quote: *quote,
                    escape: *escape,
                    null,
                };
                line::row(row, &form, columns, &mut self.field, room, &mut hide, out)
            }
            CopyFormat::Binary => tuple(row, columns, room, &mut hide, out),
        }
    }
}

/// Hides in one value; what takes its place is in the room.
type Hide<'a> = dyn FnMut(Treatment, &[u8], &mut Room) -> Masked + 'a;

/// Writes a tuple in binary format.
fn tuple(
    row: &[u8],
    columns: &[Treatment],
    room: &mut Room,
    hide: &mut Hide<'_>,
    out: &mut Vec<u8>,
) -> Result<Written, Malformed> {
    let mut rest = Body::new(row);
    let count = rest.i16()?;
    if usize::try_from(count).ok() != Some(columns.len()) {
        return Err(NOT_A_ROW);
    }
    out.extend_from_slice(&count.to_be_bytes());
    let mut written = Written::Same;
    for treatment in columns {
        let value = rest.value()?;
        let masked = value.map(|value| hide(*treatment, value, room));
        let value = match masked {
            Some(Masked::Changed) => Some(room.hidden()),
            Some(Masked::Null) => None,
            Some(Masked::Unchanged) | None => value,
        };
        if !matches!(masked, Some(Masked::Unchanged) | None) {
            written = Written::Changed;
        }
        // A length that does not fit cannot come from a bounded message; NULL shows nothing.
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(-1));
        out.extend_from_slice(&length.to_be_bytes());
        if length >= 0 {
            out.extend_from_slice(value.unwrap_or_default());
        }
    }
    rest.end()?;
    Ok(written)
}

#[cfg(test)]
mod tests;
