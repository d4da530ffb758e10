//! JSON-RPC messages with their length before them (LSP 3.17, "Base Protocol"). Knows no method.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Value, json};

use super::refusal::Refusal;

/// Largest message. A file may have 16 MiB and its text is escaped.
const MESSAGE_BYTES: u64 = 64 << 20;
/// Longest line of a header, and most lines.
const HEADER_BYTES: u64 = 4 << 10;
const HEADER_LINES: usize = 16;

/// A message of the client.
#[derive(Debug)]
pub(crate) enum Incoming {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// An answer to a request of the server.
    Answer,
    /// Something else, framed rightly.
    Malformed(Refusal),
}

/// Reads one message; none where the input ends.
///
/// # Errors
/// If the framing is broken, after which nothing that follows can be trusted.
pub(crate) fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let Some(length) = header(input)? else {
        return Ok(None);
    };
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body)?;
    if u64::try_from(body.len()).is_ok_and(|read| read < length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(understand(&body)))
}

/// Writes one message.
pub(crate) fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

/// The answer to the request `id`.
pub(crate) fn answer(id: &Value, result: Result<Value, Refusal>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(refusal) => {
            let error = json!({ "code": refusal.code(), "message": refusal.to_string() });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}

/// A notification of the server.
pub(crate) fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

/// A request of the server.
pub(crate) fn request(id: u64, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// The length that the header says.
fn header(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut length = None;
    for _ in 0..HEADER_LINES {
        let mut line = Vec::new();
        input.take(HEADER_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            return Err(broken("a line of a header does not end"));
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            let length = length.ok_or_else(|| broken("a header without `Content-Length`"))?;
            return Ok(Some(length));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            let value: u64 = value
                .trim()
                .parse()
                .map_err(|_| broken("a length that is no number"))?;
            if value > MESSAGE_BYTES {
                return Err(broken("a message that is too long"));
            }
            length = Some(value);
        }
    }
    Err(broken("a header with too many lines"))
}

fn understand(body: &[u8]) -> Incoming {
    let malformed = |why: String| Incoming::Malformed(Refusal::NotAMessage { why });
    let mut message: Value = match serde_json::from_slice(body) {
        Ok(message) => message,
        Err(fault) => return malformed(fault.to_string()),
    };
    let mut part = |name: &str| message.get_mut(name).map(Value::take);
    let (id, method, params) = (part("id"), part("method"), part("params"));
    match (id, method) {
        (Some(id @ (Value::String(_) | Value::Number(_))), Some(Value::String(method))) => {
            Incoming::Request {
                id,
                method,
                params: params.unwrap_or_default(),
            }
        }
        (None, Some(Value::String(method))) => Incoming::Notification {
            method,
            params: params.unwrap_or_default(),
        },
        (Some(_), None) => Incoming::Answer,
        _ => malformed("neither a request nor a notification nor an answer".to_owned()),
    }
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match read(&mut input) {
                Ok(Some(message)) => found.push(format!("{message:?}")),
                Ok(None) => return found,
                Err(fault) => {
                    found.push(fault.to_string());
                    return found;
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write(&mut bytes, &request(1, "a", json!({"x": "ü"}))).unwrap();
        write(&mut bytes, &notification("b", Value::Null)).unwrap();
        write(&mut bytes, &answer(&json!("7"), Err(Refusal::ShutDown))).unwrap();
        let found = all(&bytes);
        assert_eq!(found.len(), 3);
        assert!(found[0].starts_with("Request") && found[1].starts_with("Notification"));
        assert_eq!(found[2], "Answer");
    }

    #[test]
    fn broken_frames_end_the_reading_and_broken_messages_do_not() {
        let cases: [(&[u8], &str); 5] = [
            (
                b"Content-Length: 99999999999\r\n\r\n",
                "a message that is too long",
            ),
            (b"Content-Length: x\r\n\r\n", "a length that is no number"),
            (b"\r\n", "a header without `Content-Length`"),
            (b"Content-Length: 10\r\n\r\n{}", "unexpected end of file"),
            (b"Content-Length", "a line of a header does not end"),
        ];
        for (bytes, why) in cases {
            assert_eq!(all(bytes), [why]);
        }
        let found = all(b"Content-Length: 2\r\n\r\n[]Content-Length: 1\r\n\r\n{");
        assert!(
            found.iter().all(|message| message.starts_with("Malformed")),
            "{found:?}"
        );
        assert_eq!(found.len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            all(&bytes);
        }
    }
}
