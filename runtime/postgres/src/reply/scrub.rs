//! Errors and notices of a server while masks apply: their texts quote values of rows, so little of them is let through.

use bytes::{BufMut, BytesMut};
use hpol_session::masking::{MaskRun, Masked};

use crate::codec::backend::error_fields;
use crate::codec::{Frame, Malformed, encode};

/// Severity in both forms, code, the names of schema, table, column, type and constraint, and where in the server's own
/// source it arose. What is not here (detail, hint, context, internal query) can hold whole rows.
const KEPT: &[u8] = b"SVCstcdnFLR";

/// What takes the place of a message that cannot be shown.
const WITHHELD: &[u8] = b"message withheld: it holds masked data";

/// Class 23 of the error codes, integrity constraint violation: the server's own message names the constraint and leaves
/// the values to the detail.
const CONSTRAINT_CLASS: &str = "23";

/// Writes the message with what may remain of it.
pub(crate) fn scrubbed(
    out: &mut BytesMut,
    frame: &Frame,
    run: &mut MaskRun,
) -> Result<(), Malformed> {
    reduced(out, frame, |text| {
        let mut hidden = Vec::new();
        match run.text(text, &mut hidden) {
            Masked::Unchanged => text.to_vec(),
            Masked::Changed => hidden,
            Masked::Null => WITHHELD.to_vec(),
        }
    })
}

/// Whether an error is about a constraint.
pub(crate) fn is_constraint(sqlstate: &str) -> bool {
    sqlstate.starts_with(CONSTRAINT_CLASS)
}

/// Writes an error of what was put off to the end of a transaction, whose operations' outcomes are recorded: nothing can
/// be searched any more.
pub(crate) fn put_off(out: &mut BytesMut, frame: &Frame, sqlstate: &str) -> Result<(), Malformed> {
    reduced(out, frame, |text| {
        if is_constraint(sqlstate) {
            text.to_vec()
        } else {
            WITHHELD.to_vec()
        }
    })
}

/// Writes the fields that are kept, with what `message` makes of the message proper.
fn reduced(
    out: &mut BytesMut,
    frame: &Frame,
    mut message: impl FnMut(&[u8]) -> Vec<u8>,
) -> Result<(), Malformed> {
    let mut body = Vec::new();
    for (field, text) in error_fields(frame.body())? {
        let text = match field {
            b'M' => message(text),
            _ if KEPT.contains(&field) => text.to_vec(),
            _ => continue,
        };
        body.push(field);
        body.extend(text.iter().filter(|byte| **byte != 0));
        body.push(0);
    }
    encode::message(out, frame.tag(), |out| {
        out.extend_from_slice(&body);
        out.put_u8(0);
    });
    Ok(())
}
