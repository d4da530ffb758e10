//! Messages of clients: which types there are, how long they may be, and their fields.

use super::Malformed;
use super::body::Body;

pub(crate) const QUERY: u8 = b'Q';
pub(crate) const PARSE: u8 = b'P';
pub(crate) const BIND: u8 = b'B';
pub(crate) const EXECUTE: u8 = b'E';
pub(crate) const DESCRIBE: u8 = b'D';
pub(crate) const CLOSE: u8 = b'C';
pub(crate) const FLUSH: u8 = b'H';
pub(crate) const SYNC: u8 = b'S';
pub(crate) const TERMINATE: u8 = b'X';
pub(crate) const COPY_DATA: u8 = b'd';
pub(crate) const COPY_DONE: u8 = b'c';
pub(crate) const COPY_FAIL: u8 = b'f';
pub(crate) const FUNCTION_CALL: u8 = b'F';
pub(crate) const PASSWORD: u8 = b'p';

/// A password message may carry a token with many groups, and nothing larger.
pub(crate) const PASSWORD_BYTES: usize = 64 * 1024;

/// Room for the longest text that is analysed (1 MiB), its name and its parameter types; what is longer is refused by the
/// analyser with a message, so the frame limit is a little wider.
const STATEMENT_BYTES: usize = (1 << 20) + (256 << 10);

/// Parameters are held in memory until they are judged, and shown to approvers.
const BIND_BYTES: usize = 16 << 20;

/// One row of COPY data; clients send far smaller pieces.
const COPY_DATA_BYTES: usize = 16 << 20;

/// A name (63 bytes in PostgreSQL), a number, a reason of COPY failure.
const SMALL_BYTES: usize = 4 * 1024;

/// Limits after login.
pub(crate) fn session_limit(tag: u8) -> Option<usize> {
    match tag {
        QUERY | PARSE => Some(STATEMENT_BYTES),
        BIND => Some(BIND_BYTES),
        COPY_DATA => Some(COPY_DATA_BYTES),
        EXECUTE | DESCRIBE | CLOSE | COPY_FAIL => Some(SMALL_BYTES),
        // Refused by name, so it has to come through in one piece.
        FUNCTION_CALL => Some(BIND_BYTES),
        FLUSH | SYNC | TERMINATE | COPY_DONE => Some(0),
        _ => None,
    }
}

/// Limits while a password is awaited.
pub(crate) fn password_limit(tag: u8) -> Option<usize> {
    match tag {
        PASSWORD => Some(PASSWORD_BYTES),
        TERMINATE => Some(0),
        _ => None,
    }
}

/// The one text of Query and of PasswordMessage.
pub(crate) fn single_text(body: &[u8]) -> Result<&str, Malformed> {
    let mut body = Body::new(body);
    let text = body.text()?;
    body.end()?;
    Ok(text)
}

/// Parse.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parse<'a> {
    pub(crate) statement: &'a str,
    pub(crate) text: &'a str,
    pub(crate) parameter_types: Vec<u32>,
}

impl<'a> Parse<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Parse<'a>, Malformed> {
        let mut body = Body::new(body);
        let (statement, text) = (body.text()?, body.text()?);
        let count = body.count()?;
        let parameter_types = (0..count).map(|_| body.u32()).collect::<Result<_, _>>()?;
        body.end()?;
        Ok(Parse {
            statement,
            text,
            parameter_types,
        })
    }
}

/// Bind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bind<'a> {
    pub(crate) portal: &'a str,
    pub(crate) statement: &'a str,
    /// None, one for all, or one each; 0 is text and 1 is binary.
    pub(crate) parameter_formats: Vec<i16>,
    pub(crate) parameters: Vec<Option<&'a [u8]>>,
    pub(crate) result_formats: Vec<i16>,
}

impl<'a> Bind<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Bind<'a>, Malformed> {
        let mut body = Body::new(body);
        let (portal, statement) = (body.text()?, body.text()?);
        let parameter_formats = formats(&mut body)?;
        let count = body.count()?;
        let parameters = (0..count)
            .map(|_| body.value())
            .collect::<Result<Vec<_>, _>>()?;
        let result_formats = formats(&mut body)?;
        body.end()?;
        if parameter_formats.len() > 1 && parameter_formats.len() != parameters.len() {
            return Err(Malformed::Body {
                what: "its parameter formats do not fit its parameters",
            });
        }
        Ok(Bind {
            portal,
            statement,
            parameter_formats,
            parameters,
            result_formats,
        })
    }

    /// Whether parameter `index` is in binary format.
    pub(crate) fn is_binary(&self, index: usize) -> bool {
        let format = match self.parameter_formats.as_slice() {
            [] => 0,
            [one] => *one,
            each => each.get(index).copied().unwrap_or(0),
        };
        format == 1
    }
}

fn formats(body: &mut Body<'_>) -> Result<Vec<i16>, Malformed> {
    let count = body.count()?;
    (0..count)
        .map(|_| match body.i16()? {
            code @ (0 | 1) => Ok(code),
            _ => Err(Malformed::Body {
                what: "a format is neither text nor binary",
            }),
        })
        .collect()
}

/// What Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Statement(&'a str),
    Portal(&'a str),
}

impl<'a> Target<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Target<'a>, Malformed> {
        let mut body = Body::new(body);
        let (kind, name) = (body.u8()?, body.text()?);
        body.end()?;
        match kind {
            b'S' => Ok(Target::Statement(name)),
            b'P' => Ok(Target::Portal(name)),
            _ => Err(Malformed::Body {
                what: "it names neither a statement nor a portal",
            }),
        }
    }
}

/// Execute: the portal, and the most rows to return (0 for all).
pub(crate) fn execute(body: &[u8]) -> Result<(&str, i32), Malformed> {
    let mut body = Body::new(body);
    let (portal, rows) = (body.text()?, body.i32()?);
    body.end()?;
    Ok((portal, rows))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parse_has_its_three_parts_and_nothing_more() {
        let parse = Parse::decode(b"s1\0select $1\0\0\x01\0\0\0\x19").unwrap();
        assert_eq!(
            parse,
            Parse {
                statement: "s1",
                text: "select $1",
                parameter_types: vec![25]
            }
        );
        assert!(Parse::decode(b"s1\0select 1\0\0\0x").is_err());
        assert!(Parse::decode(b"s1\0select 1\0\0\x02\0\0\0\x19").is_err());
    }

    #[test]
    fn bind_formats_fit_its_parameters() {
        let bind =
            Bind::decode(b"\0s1\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0").unwrap();
        assert_eq!(bind.parameters, [Some(&b"a"[..]), None]);
        assert!(bind.is_binary(1));
        assert!(Bind::decode(b"\0s1\0\0\x02\0\x01\0\0\0\x01\0\0\0\x01a\0\0").is_err());
        assert!(Bind::decode(b"\0s1\0\0\x01\0\x02\0\0\0\0").is_err());
    }

    #[test]
    fn a_query_with_an_inner_nul_is_refused() {
        assert_eq!(single_text(b"select 1\0").unwrap(), "select 1");
        assert!(single_text(b"select 1\0drop table t\0").is_err());
        assert!(single_text(b"select 1").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = single_text(&bytes);
            let _ = Parse::decode(&bytes);
            let _ = Bind::decode(&bytes);
            let _ = Target::decode(&bytes);
            let _ = execute(&bytes);
        }
    }
}
