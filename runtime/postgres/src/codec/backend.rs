//! Messages of servers: which types there are, how long they may be, and the fields that the gateway reads.

use super::Malformed;
use super::body::Body;

pub(crate) const AUTHENTICATION: u8 = b'R';
pub(crate) const BACKEND_KEY_DATA: u8 = b'K';
pub(crate) const PARAMETER_STATUS: u8 = b'S';
pub(crate) const READY_FOR_QUERY: u8 = b'Z';
pub(crate) const ERROR_RESPONSE: u8 = b'E';
pub(crate) const NOTICE_RESPONSE: u8 = b'N';
pub(crate) const NOTIFICATION: u8 = b'A';
pub(crate) const ROW_DESCRIPTION: u8 = b'T';
pub(crate) const DATA_ROW: u8 = b'D';
pub(crate) const COMMAND_COMPLETE: u8 = b'C';
pub(crate) const EMPTY_QUERY: u8 = b'I';
pub(crate) const PARSE_COMPLETE: u8 = b'1';
pub(crate) const BIND_COMPLETE: u8 = b'2';
pub(crate) const CLOSE_COMPLETE: u8 = b'3';
pub(crate) const PARAMETER_DESCRIPTION: u8 = b't';
pub(crate) const NO_DATA: u8 = b'n';
pub(crate) const PORTAL_SUSPENDED: u8 = b's';
pub(crate) const COPY_IN: u8 = b'G';
pub(crate) const COPY_OUT: u8 = b'H';
pub(crate) const COPY_DATA: u8 = b'd';
pub(crate) const COPY_DONE: u8 = b'c';
pub(crate) const NEGOTIATE_VERSION: u8 = b'v';

/// One row is held whole while it is masked. A wider row ends the session with a message.
const ROW_BYTES: usize = 64 << 20;

/// Descriptions of at most 1,664 columns, errors that quote a statement.
const DESCRIPTION_BYTES: usize = 4 << 20;

/// Key data, settings, statuses, tags.
const SMALL_BYTES: usize = 64 << 10;

/// Limits for an upstream, before and after login.
pub(crate) fn limit(tag: u8) -> Option<usize> {
    match tag {
        DATA_ROW | COPY_DATA => Some(ROW_BYTES),
        ROW_DESCRIPTION | PARAMETER_DESCRIPTION | ERROR_RESPONSE | NOTICE_RESPONSE => {
            Some(DESCRIPTION_BYTES)
        }
        AUTHENTICATION | BACKEND_KEY_DATA | PARAMETER_STATUS | NOTIFICATION | COMMAND_COMPLETE
        | COPY_IN | COPY_OUT | NEGOTIATE_VERSION => Some(SMALL_BYTES),
        READY_FOR_QUERY => Some(1),
        EMPTY_QUERY | PARSE_COMPLETE | BIND_COMPLETE | CLOSE_COMPLETE | NO_DATA
        | PORTAL_SUSPENDED | COPY_DONE => Some(0),
        _ => None,
    }
}

/// Where a session stands with its transaction, as ReadyForQuery tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionStatus {
    Idle,
    Open,
    Failed,
}

impl TransactionStatus {
    pub(crate) fn decode(body: &[u8]) -> Result<TransactionStatus, Malformed> {
        match body {
            b"I" => Ok(TransactionStatus::Idle),
            b"T" => Ok(TransactionStatus::Open),
            b"E" => Ok(TransactionStatus::Failed),
            _ => Err(Malformed::Body {
                what: "its transaction status is unknown",
            }),
        }
    }
}

/// One column of a RowDescription, as far as masking needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColumnDescription {
    /// Oid of the table it is a column of; 0 for an expression.
    pub(crate) table: u32,
    /// Its attribute number in that table.
    pub(crate) attnum: i16,
    /// Oid of its type; a domain is described by its base type.
    pub(crate) type_oid: u32,
    /// Whether values come in binary format.
    pub(crate) binary: bool,
}

pub(crate) fn row_description(body: &[u8]) -> Result<Vec<ColumnDescription>, Malformed> {
    let mut body = Body::new(body);
    let count = body.count()?;
    let columns = (0..count)
        .map(|_| column(&mut body))
        .collect::<Result<_, _>>()?;
    body.end()?;
    Ok(columns)
}

fn column(body: &mut Body<'_>) -> Result<ColumnDescription, Malformed> {
    body.text()?;
    let (table, attnum, type_oid) = (body.u32()?, body.i16()?, body.u32()?);
    body.i16()?;
    body.i32()?;
    let binary = match body.i16()? {
        0 => false,
        1 => true,
        _ => {
            return Err(Malformed::Body {
                what: "a format is neither text nor binary",
            });
        }
    };
    Ok(ColumnDescription {
        table,
        attnum,
        type_oid,
        binary,
    })
}

/// The values of a DataRow.
pub(crate) fn data_row(body: &[u8]) -> Result<Vec<Option<&[u8]>>, Malformed> {
    let mut body = Body::new(body);
    let count = body.count()?;
    let values = (0..count).map(|_| body.value()).collect::<Result<_, _>>()?;
    body.end()?;
    Ok(values)
}

/// The overall format of CopyInResponse and CopyOutResponse: whether it is binary; and how many columns there are.
pub(crate) fn copy_response(body: &[u8]) -> Result<(bool, usize), Malformed> {
    let mut body = Body::new(body);
    let overall = body.u8()?;
    let count = body.count()?;
    body.bytes(count * 2)?;
    body.end()?;
    match overall {
        0 => Ok((false, count)),
        1 => Ok((true, count)),
        _ => Err(Malformed::Body {
            what: "a format is neither text nor binary",
        }),
    }
}

/// A setting and its value.
pub(crate) fn parameter_status(body: &[u8]) -> Result<(&str, &str), Malformed> {
    let mut body = Body::new(body);
    let pair = (body.text()?, body.text()?);
    body.end()?;
    Ok(pair)
}

/// The process that notified, the channel and the payload of NotificationResponse.
pub(crate) fn notification(body: &[u8]) -> Result<(u32, &str, &str), Malformed> {
    let mut body = Body::new(body);
    let notification = (body.u32()?, body.text()?, body.text()?);
    body.end()?;
    Ok(notification)
}

/// The tag of CommandComplete.
pub(crate) fn command_tag(body: &[u8]) -> Result<&str, Malformed> {
    let mut body = Body::new(body);
    let tag = body.text()?;
    body.end()?;
    Ok(tag)
}

/// The rows that CommandComplete counts in its tag, as in `UPDATE 3`; 0 where it counts none.
pub(crate) fn counted(body: &[u8]) -> Result<u64, Malformed> {
    let tag = command_tag(body)?;
    let last = tag.rsplit(' ').next();
    Ok(last.and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// Process and secret of BackendKeyData in protocol 3.0.
pub(crate) fn backend_key(body: &[u8]) -> Result<(u32, u32), Malformed> {
    let mut body = Body::new(body);
    let key = (body.u32()?, body.u32()?);
    body.end()?;
    Ok(key)
}

/// The fields of ErrorResponse and NoticeResponse. Texts are kept as bytes: before the encoding is agreed on, a server
/// may write them in its own.
pub(crate) fn error_fields(body: &[u8]) -> Result<Vec<(u8, &[u8])>, Malformed> {
    let mut fields = Vec::new();
    let mut rest = body;
    loop {
        match rest {
            [0] => return Ok(fields),
            [0, ..] => {
                return Err(Malformed::Body {
                    what: "bytes follow its end",
                });
            }
            [field, text @ ..] => {
                let end = text
                    .iter()
                    .position(|byte| *byte == 0)
                    .ok_or(Malformed::Body {
                        what: "a text has no end",
                    })?;
                let (value, after) = text.split_at(end);
                fields.push((*field, value));
                rest = after.get(1..).unwrap_or_default();
            }
            [] => {
                return Err(Malformed::Body {
                    what: "its fields have no end",
                });
            }
        }
    }
}

/// The SQLSTATE of an error; `XX000` where there is none or it is not one, since it goes into records.
pub(crate) fn sqlstate(body: &[u8]) -> String {
    let code = error_fields(body)
        .ok()
        .and_then(|fields| fields.into_iter().find(|(field, _)| *field == b'C'));
    match code {
        Some((_, code)) if code.len() == 5 && code.iter().all(u8::is_ascii_alphanumeric) => {
            String::from_utf8_lossy(code).into_owned()
        }
        _ => "XX000".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_error_without_a_code_still_has_one() {
        assert_eq!(sqlstate(b"SERROR\0C42501\0Mno\0\0"), "42501");
        assert_eq!(sqlstate(b"SERROR\0Mno\0\0"), "XX000");
        assert_eq!(sqlstate(b"C4250\x1b\0\0"), "XX000");
        assert_eq!(sqlstate(b""), "XX000");
    }

    #[test]
    fn a_column_count_that_lies_is_refused() {
        assert!(row_description(b"\0\x02a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").is_err());
        assert!(data_row(b"\0\x01\0\0\0\x05abc").is_err());
        assert!(data_row(b"\0\x01\xff\xff\xff\xffrest").is_err());
        assert!(data_row(b"\xff\xff").is_err());
    }

    #[test]
    fn a_tag_ends_with_its_count() {
        for (tag, count) in [
            (&b"UPDATE 3\0"[..], 3),
            (b"INSERT 0 12\0", 12),
            (b"BEGIN\0", 0),
            (b"\0", 0),
        ] {
            assert_eq!(counted(tag), Ok(count));
        }
        assert!(counted(b"UPDATE 3").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = row_description(&bytes);
            let _ = data_row(&bytes);
            let _ = copy_response(&bytes);
            let _ = parameter_status(&bytes);
            let _ = backend_key(&bytes);
            let _ = counted(&bytes);
            let _ = notification(&bytes);
            let _ = error_fields(&bytes);
            let _ = sqlstate(&bytes);
        }
    }
}
