//! Whether the detectors can read a response, and as what. What they find is `hpol_session`'s.

use hpol_session::masking::MaskRun;
use http::StatusCode;
use http::header::{self, HeaderMap};
use http::response::Parts;

/// How a body is read in which something must be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As text. Some has no zeros unless it is of another encoding than it says.
    Text { zeros: bool },
    /// As JSON, and as text where it is none.
    Json,
    /// As JSON and nothing else, since what must be hidden is known by where it stands.
    Document,
    /// It has none: values are known by where they stand in JSON, and this is something else.
    Empty,
}

/// Character sets in which ASCII is ASCII.
const CHARSETS: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];
const CHARSET_FAMILIES: [&str; 2] = ["iso-8859-", "windows-125"];

/// Media types whose content is packed or encoded, whatever is in it.
const PACKED: [&str; 14] = [
    "application/zip",
    "application/gzip",
    "application/x-gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/x-7z-compressed",
    "application/vnd.rar",
    "application/x-compress",
    "application/java-archive",
    "application/pdf",
    "application/epub+zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
];

/// How such contents begin, where the media type does not tell.
const BEGINNINGS: [(&[u8], &str); 10] = [
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zX", "xz"),
    (b"7z\xbc\xaf", "7z"),
    (b"%PDF", "PDF"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
];

/// Media types of which a zero byte is a proper part.
const BINARY: [&str; 4] = ["image/", "audio/", "video/", "font/"];

/// How the body of a response is read; `None` where nothing has to be hidden.
pub(super) fn reading(parts: &Parts, run: &MaskRun) -> Result<Option<Reading>, String> {
    if parts.status.is_informational() {
        return Err("it changes the protocol".to_owned());
    }
    for value in parts.headers.get_all(header::TRANSFER_ENCODING) {
        if !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("it has a transfer coding other than `chunked`".to_owned());
        }
    }
    if run.is_empty() {
        return Ok(None);
    }
    if parts.status == StatusCode::PARTIAL_CONTENT {
        return Err("it is a part of a body, which cannot be masked".to_owned());
    }
    for value in parts.headers.get_all(header::CONTENT_ENCODING) {
        if !value.as_bytes().eq_ignore_ascii_case(b"identity") {
            return Err(
                "it is compressed although that was not asked for, and cannot be masked".to_owned(),
            );
        }
    }
    let mut types = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let reading = match types.next() {
        None => Reading::Text { zeros: false },
        Some(value) => {
            let text = value.to_str().ok().filter(|_| types.next().is_none());
            of_type(text.ok_or_else(|| "its content type is not readable".to_owned())?)?
        }
    };
    Ok(Some(match (reading, run.has_json_paths()) {
        (reading, false) => reading,
        (Reading::Json, true) => Reading::Document,
        (_, true) => Reading::Empty,
    }))
}

/// Whether a body that begins like this can be read that way at all.
pub(super) fn readable(reading: Reading, beginning: &[u8]) -> Result<(), String> {
    if reading == Reading::Empty && !beginning.is_empty() {
        return Err("it is not JSON, and its values are masked by JSON paths".to_owned());
    }
    match BEGINNINGS
        .iter()
        .find(|(start, _)| beginning.starts_with(start))
    {
        Some((_, name)) => Err(format!("it is {name}, which cannot be masked")),
        None => Ok(()),
    }
}

pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value.is_some_and(|value| essence(value) == "text/event-stream")
}

fn of_type(content_type: &str) -> Result<Reading, String> {
    let essence = essence(content_type);
    if PACKED.contains(&essence.as_str()) || essence == "multipart/byteranges" {
        return Err(format!("it is {essence}, which cannot be masked"));
    }
    for parameter in content_type.split(';').skip(1) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.trim().eq_ignore_ascii_case("charset") && !is_ascii_compatible(value) {
            return Err("it has a character set that cannot be masked".to_owned());
        }
    }
    let json = essence.ends_with("/json")
        || essence.ends_with("+json")
        || matches!(
            essence.as_str(),
            "application/x-ndjson" | "application/jsonl" | "application/json-seq"
        );
    let zeros = essence == "application/octet-stream"
        || BINARY.iter().any(|family| essence.starts_with(family));
    Ok(if json {
        Reading::Json
    } else {
        Reading::Text { zeros }
    })
}

fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_ascii_compatible(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"').to_ascii_lowercase();
    CHARSETS.contains(&charset.as_str())
        || CHARSET_FAMILIES
            .iter()
            .any(|family| charset.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_json_and_the_rest_as_text() {
        for json in [
            "application/json",
            "Application/Problem+JSON; charset=UTF-8",
            "application/x-ndjson",
        ] {
            assert_eq!(of_type(json), Ok(Reading::Json), "{json}");
        }
        for (text, zeros) in [
            ("text/plain", false),
            ("text/html; charset=\"iso-8859-1\"", false),
            ("application/octet-stream", true),
            ("image/png", true),
            ("nonsense", false),
        ] {
            assert_eq!(of_type(text), Ok(Reading::Text { zeros }), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for refused in [
            "text/plain; charset=utf-16",
            "text/html; q=1; Charset = utf-7",
            "multipart/byteranges; boundary=x",
            "application/zip",
        ] {
            assert!(of_type(refused).is_err(), "{refused}");
        }
        let text = Reading::Text { zeros: false };
        assert!(readable(text, b"\x1f\x8b\x08\0").is_err());
        assert!(readable(text, b"\xff\xfe9\0").is_err());
        assert!(readable(text, b"{\"a\"").is_ok());
        assert!(readable(text, b"").is_ok());
        assert!(readable(Reading::Empty, b"").is_ok());
        assert!(readable(Reading::Empty, b"{").is_err());
    }
}
