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

/// Writes the message with what may remain of it.
pub(crate) fn scrubbed(
    out: &mut BytesMut,
    frame: &Frame,
    run: &mut MaskRun,
) -> Result<(), Malformed> {
    let mut body = Vec::new();
    for (field, text) in error_fields(frame.body())? {
        let mut hidden = Vec::new();
        let text = match field {
            b'M' => match run.text(text, &mut hidden) {
                Masked::Unchanged => text,
                Masked::Changed => &hidden,
                Masked::Null => WITHHELD,
            },
            _ if KEPT.contains(&field) => text,
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
