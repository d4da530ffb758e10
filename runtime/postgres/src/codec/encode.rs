//! Writes the messages that the gateway itself says. Texts lose their NUL bytes, which would end them early and let what
//! follows be read as something else.

use bytes::{BufMut, BytesMut};

use super::{backend, frontend};

/// Appends a message; `fill` writes the body. A body too long for the length field is not written at all: no caller
/// makes one, since each is built from bounded parts.
pub(crate) fn message(out: &mut BytesMut, tag: u8, fill: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u8(tag);
    sized(out, start, 1, fill);
}

/// Appends a packet without a tag, as they are before login.
pub(crate) fn packet(out: &mut BytesMut, fill: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    sized(out, start, 0, fill);
}

/// Begins a message of which the body is written piece by piece; tells where it begins, for [`close`].
pub(crate) fn open(out: &mut BytesMut, tag: u8) -> usize {
    let start = out.len();
    out.put_u8(tag);
    out.put_u32(0);
    start
}

/// Ends the message that begins at `start`. One that is too long for its length field is taken back.
pub(crate) fn close(out: &mut BytesMut, start: usize) {
    measure(out, start, 1);
}

fn sized(out: &mut BytesMut, start: usize, before: usize, fill: impl FnOnce(&mut BytesMut)) {
    out.put_u32(0);
    fill(out);
    measure(out, start, before);
}

fn measure(out: &mut BytesMut, start: usize, before: usize) {
    let length = out.len().saturating_sub(start + before);
    match (
        i32::try_from(length),
        out.get_mut(start + before..start + before + 4),
    ) {
        (Ok(length), Some(field)) => field.copy_from_slice(&length.to_be_bytes()),
        _ => out.truncate(start),
    }
}

/// A text and its NUL.
pub(crate) fn text(out: &mut BytesMut, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.put_u8(0);
}

/// How bad an error is: `Fatal` ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Fatal,
    Notice,
}

/// Something the gateway tells the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) severity: Severity,
    pub(crate) sqlstate: &'static str,
    pub(crate) message: String,
    pub(crate) detail: String,
    pub(crate) hint: String,
}

impl Report {
    pub(crate) fn fatal(sqlstate: &'static str, message: impl Into<String>) -> Report {
        Report {
            severity: Severity::Fatal,
            sqlstate,
            message: message.into(),
            detail: String::new(),
            hint: String::new(),
        }
    }

    pub(crate) fn error(sqlstate: &'static str, message: impl Into<String>) -> Report {
        Report {
            severity: Severity::Error,
            ..Report::fatal(sqlstate, message)
        }
    }

    pub(crate) fn notice(message: impl Into<String>) -> Report {
        Report {
            severity: Severity::Notice,
            ..Report::fatal("01000", message)
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Report {
        Report {
            hint: hint.into(),
            ..self
        }
    }

    /// ErrorResponse, or NoticeResponse for a notice.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let (tag, word) = match self.severity {
            Severity::Error => (backend::ERROR_RESPONSE, "ERROR"),
            Severity::Fatal => (backend::ERROR_RESPONSE, "FATAL"),
            Severity::Notice => (backend::NOTICE_RESPONSE, "NOTICE"),
        };
        message(out, tag, |out| {
            // S is for people and may be translated, V is for programs (protocol 3.0 since 9.6).
            for (field, value) in [
                (b'S', word),
                (b'V', word),
                (b'C', self.sqlstate),
                (b'M', self.message.as_str()),
                (b'D', self.detail.as_str()),
                (b'H', self.hint.as_str()),
            ] {
                if !value.is_empty() {
                    out.put_u8(field);
                    text(out, value);
                }
            }
            out.put_u8(0);
        });
    }
}

pub(crate) fn parameter_status(out: &mut BytesMut, name: &str, value: &str) {
    message(out, backend::PARAMETER_STATUS, |out| {
        text(out, name);
        text(out, value);
    });
}

pub(crate) fn ready_for_query(out: &mut BytesMut, status: u8) {
    message(out, backend::READY_FOR_QUERY, |out| out.put_u8(status));
}

/// AuthenticationOk is 0, AuthenticationCleartextPassword is 3.
pub(crate) fn authentication(out: &mut BytesMut, kind: u32) {
    message(out, backend::AUTHENTICATION, |out| out.put_u32(kind));
}

pub(crate) fn query(out: &mut BytesMut, sql: &str) {
    message(out, frontend::QUERY, |out| text(out, sql));
}

pub(crate) fn execute(out: &mut BytesMut, portal: &str, rows: i32) {
    message(out, frontend::EXECUTE, |out| {
        text(out, portal);
        out.put_i32(rows);
    });
}

pub(crate) fn describe_portal(out: &mut BytesMut, portal: &str) {
    message(out, frontend::DESCRIBE, |out| {
        out.put_u8(b'P');
        text(out, portal);
    });
}

pub(crate) fn describe_statement(out: &mut BytesMut, statement: &str) {
    message(out, frontend::DESCRIBE, |out| {
        out.put_u8(b'S');
        text(out, statement);
    });
}

pub(crate) fn empty(out: &mut BytesMut, tag: u8) {
    message(out, tag, |_| ());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_message_whatever_its_texts_hold() {
        let mut out = BytesMut::new();
        Report::error("42501", "no\0Z\0\0\0\x05I")
            .with_hint("ask")
            .write(&mut out);
        let frame = super::super::split(&mut out, backend::limit)
            .unwrap()
            .unwrap();
        assert!(out.is_empty());
        let fields = backend::error_fields(frame.body()).unwrap();
        assert_eq!(
            fields.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
            b"SVCMH"
        );
        assert_eq!(backend::sqlstate(frame.body()), "42501");
    }
}
