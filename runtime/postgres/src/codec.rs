//! Frames of the PostgreSQL wire protocol: splits bytes into [`Frame`]s and checks every length before anything is
//! buffered for it. Knows nothing of what a message means; see [`body`] for fields and `states` for order.
//! Source: PostgreSQL manual, "Message Formats".

pub(crate) mod backend;
pub(crate) mod body;
pub(crate) mod encode;
pub(crate) mod frontend;
pub(crate) mod login;
pub(crate) mod startup;

use bytes::{Bytes, BytesMut};

/// Tag and length of a message after the startup packet.
pub(crate) const HEADER_BYTES: usize = 5;

/// The bytes of a length field, which counts itself.
const LENGTH_BYTES: usize = 4;

/// One message. Holds the very bytes that came in, so what was judged is what is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    tag: u8,
    raw: Bytes,
}

impl Frame {
    /// The type byte.
    pub(crate) fn tag(&self) -> u8 {
        self.tag
    }

    /// What follows the header.
    pub(crate) fn body(&self) -> &[u8] {
        self.raw.get(HEADER_BYTES..).unwrap_or_default()
    }

    /// The whole message with its header.
    pub(crate) fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The whole message, to be kept.
    pub(crate) fn into_raw(self) -> Bytes {
        self.raw
    }
}

/// Why bytes are not a message that may come here. The fault is the peer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The type byte has no meaning in this direction and state.
    #[error("message type {} is not accepted here", shown(*tag))]
    Tag { tag: u8 },
    /// The length does not even cover itself.
    #[error("message type {} has the impossible length {length}", shown(*tag))]
    Length { tag: u8, length: u32 },
    /// Longer than this kind of message may be.
    #[error("message type {} of {length} bytes is longer than the limit of {limit}", shown(*tag))]
    TooLong {
        tag: u8,
        length: usize,
        limit: usize,
    },
    /// The fields do not fill the message exactly.
    #[error("message is malformed: {what}")]
    Body { what: &'static str },
}

/// A type byte for a message to people: the letter where it is one.
fn shown(tag: u8) -> String {
    if tag.is_ascii_graphic() {
        format!("`{}`", char::from(tag))
    } else {
        format!("0x{tag:02x}")
    }
}

/// Which messages may come, and how long the body of each may be: `None` refuses the type.
pub(crate) type BodyLimit = fn(u8) -> Option<usize>;

/// Takes the next message off `inbox`; `None` when it is not complete yet.
///
/// The length is judged as soon as it can be read, so no peer makes us wait for, or keep, more than its limit.
///
/// # Errors
/// [`Malformed`]; the connection cannot be used any further, since where the next message begins is not known.
pub(crate) fn split(inbox: &mut BytesMut, limit: BodyLimit) -> Result<Option<Frame>, Malformed> {
    let Some(tag) = inbox.first().copied() else {
        return Ok(None);
    };
    let allowed = limit(tag).ok_or(Malformed::Tag { tag })?;
    let Some(length) = inbox
        .get(1..HEADER_BYTES)
        .and_then(|field| <[u8; LENGTH_BYTES]>::try_from(field).ok())
    else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(length);
    let body = usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_sub(LENGTH_BYTES))
        .ok_or(Malformed::Length { tag, length })?;
    if body > allowed {
        return Err(Malformed::TooLong {
            tag,
            length: body,
            limit: allowed,
        });
    }
    let whole = HEADER_BYTES + body;
    if inbox.len() < whole {
        return Ok(None);
    }
    Ok(Some(Frame {
        tag,
        raw: inbox.split_to(whole).freeze(),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(tag: u8) -> Option<usize> {
        match tag {
            b'Q' | b'D' => Some(64),
            b'X' => Some(0),
            _ => None,
        }
    }

    fn all(inbox: &mut BytesMut) -> Result<Vec<Frame>, Malformed> {
        let mut frames = Vec::new();
        while let Some(frame) = split(inbox, limit)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn splits_exactly() {
        let mut inbox = BytesMut::from(&b"Q\0\0\0\x06hiX\0\0\0\x04D\0\0"[..]);
        let frames = all(&mut inbox).unwrap();
        assert_eq!(
            frames
                .iter()
                .map(|frame| (frame.tag(), frame.body()))
                .collect::<Vec<_>>(),
            [(b'Q', &b"hi"[..]), (b'X', &b""[..])]
        );
        assert_eq!(&inbox[..], b"D\0\0");
    }

    #[test]
    fn refuses_by_length_before_the_body_is_there() {
        for (bytes, expected) in [
            (
                &b"Q\0\0\0\x03"[..],
                Malformed::Length {
                    tag: b'Q',
                    length: 3,
                },
            ),
            (
                &b"Q\0\0\0\0"[..],
                Malformed::Length {
                    tag: b'Q',
                    length: 0,
                },
            ),
            (
                &b"Q\x7f\xff\xff\xff"[..],
                Malformed::TooLong {
                    tag: b'Q',
                    length: 0x7fff_fffb,
                    limit: 64,
                },
            ),
            (
                &b"Q\xff\xff\xff\xff"[..],
                Malformed::TooLong {
                    tag: b'Q',
                    length: 0xffff_fffb,
                    limit: 64,
                },
            ),
            (
                &b"X\0\0\0\x05"[..],
                Malformed::TooLong {
                    tag: b'X',
                    length: 1,
                    limit: 0,
                },
            ),
            (&b"\0"[..], Malformed::Tag { tag: 0 }),
            (&b"F"[..], Malformed::Tag { tag: b'F' }),
        ] {
            assert_eq!(split(&mut BytesMut::from(bytes), limit), Err(expected));
        }
    }

    proptest! {
        #[test]
        fn where_bytes_are_cut_does_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..80) {
            let mut whole = BytesMut::from(&bytes[..]);
            let expected = all(&mut whole);
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut inbox = BytesMut::from(first);
            let mut found = all(&mut inbox);
            if let Ok(frames) = &mut found {
                inbox.extend_from_slice(second);
                match all(&mut inbox) {
                    Ok(more) => frames.extend(more),
                    Err(error) => found = Err(error),
                }
            }
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn well_formed_frames_come_back(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..8)) {
            let mut inbox = BytesMut::new();
            for body in &bodies {
                inbox.extend_from_slice(b"D");
                inbox.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
                inbox.extend_from_slice(body);
            }
            let frames = all(&mut inbox).unwrap();
            prop_assert_eq!(frames.iter().map(Frame::body).collect::<Vec<_>>(), bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert!(inbox.is_empty());
        }
    }
}
