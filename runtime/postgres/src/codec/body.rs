//! Reads the fields of a message's body in order and insists that they fill it exactly.

use super::Malformed;

/// A cursor over a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Body<'a> {
        Body { rest: bytes }
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Body {
            what: "it ends too early",
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Body {
            what: "it ends too early",
        })?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A count of things that follow: the protocol reads these 16 bits as unsigned.
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        self.array().map(u16::from_be_bytes).map(usize::from)
    }

    /// A text up to its NUL, which must be there.
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let end = self
            .rest
            .iter()
            .position(|byte| *byte == 0)
            .ok_or(Malformed::Body {
                what: "a text has no end",
            })?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        std::str::from_utf8(text).map_err(|_| Malformed::Body {
            what: "a text is not UTF-8",
        })
    }

    /// A value with its length in front; -1 is NULL.
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed::Body {
                    what: "a length is negative",
                })?;
                self.bytes(length).map(Some)
            }
        }
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The body must end here.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Body {
                what: "bytes follow its end",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_at_their_nul_inside_the_body() {
        let mut body = Body::new(b"abc\0rest");
        assert_eq!(body.text().unwrap(), "abc");
        assert!(body.text().is_err());
        assert!(Body::new(b"\xff\0").text().is_err());
        assert!(Body::new(b"a\0x").text().is_ok());
    }

    #[test]
    fn values_have_their_length() {
        assert_eq!(Body::new(b"\xff\xff\xff\xff").value().unwrap(), None);
        assert_eq!(
            Body::new(b"\0\0\0\x02hi").value().unwrap(),
            Some(&b"hi"[..])
        );
        assert!(Body::new(b"\xff\xff\xff\xfehi").value().is_err());
        assert!(Body::new(b"\0\0\0\x03hi").value().is_err());
    }
}
