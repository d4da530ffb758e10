//! Frames of a segment: length, CRC-32C, kind, payload. The checksum finds accidents; the Merkle tree finds intent.

use crate::canonical::RECORD_BYTES;

/// Bytes before the payload: length (u32, little end first), CRC-32C of kind and payload (u32), kind (u8).
pub(crate) const HEADER: usize = 9;
/// Most bytes of a payload.
pub(crate) const PAYLOAD_BYTES: usize = RECORD_BYTES;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The canonical JSON of one record.
    Record = 1,
    /// The number of bytes of the frames that were written together and follow.
    Batch = 2,
    /// What a segment begins with.
    Segment = 3,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A frame with a true checksum, and the bytes after it.
    Whole {
        kind: Kind,
        payload: &'a [u8],
        rest: &'a [u8],
    },
    /// Nothing was written here: zeros, or the end.
    Empty,
    /// No frame.
    Bad(BadFrame),
}

/// What is wrong with the bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The bytes end before the frame does.
    #[error("the frame is cut off")]
    CutOff,
    /// The length is more than a record can have.
    #[error("the frame's length is impossible")]
    Length,
    /// The checksum does not fit the bytes.
    #[error("the frame's checksum is wrong")]
    Checksum,
    /// A kind that is not known, or not expected there.
    #[error("the frame is of a kind that does not belong there")]
    Kind,
}

/// Appends a frame to `bytes`.
pub(crate) fn write(kind: Kind, payload: &[u8], bytes: &mut Vec<u8>) {
    // Callers hold payloads to `PAYLOAD_BYTES`; a longer one would be refused by every reader.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&checksum(kind as u8, payload).to_le_bytes());
    bytes.push(kind as u8);
    bytes.extend_from_slice(payload);
}

/// Leaves room for a header, which [`end`] fills when the payload stands after it; where the frame begins.
pub(crate) fn begin(bytes: &mut Vec<u8>) -> usize {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; HEADER]);
    start
}

/// Ends the frame that begins at `start`: what was appended since is its payload, which it returns.
pub(crate) fn end(kind: Kind, start: usize, bytes: &mut [u8]) -> &[u8] {
    let Some((header, payload)) = bytes
        .get_mut(start..)
        .and_then(|frame| frame.split_first_chunk_mut::<HEADER>())
    else {
        return &[];
    };
    // As in `write`.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let [l0, l1, l2, l3] = length.to_le_bytes();
    let [c0, c1, c2, c3] = checksum(kind as u8, payload).to_le_bytes();
    *header = [l0, l1, l2, l3, c0, c1, c2, c3, kind as u8];
    payload
}

/// Reads the frame at the beginning of `bytes`.
pub(crate) fn read(bytes: &[u8]) -> Frame<'_> {
    let Some((header, after)) = bytes.split_first_chunk::<HEADER>() else {
        return if bytes.iter().all(|byte| *byte == 0) {
            Frame::Empty
        } else {
            Frame::Bad(BadFrame::CutOff)
        };
    };
    if *header == [0; HEADER] {
        return Frame::Empty;
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = *header;
    let Some(length) = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3]))
        .ok()
        .filter(|length| *length <= PAYLOAD_BYTES)
    else {
        return Frame::Bad(BadFrame::Length);
    };
    let Some((payload, rest)) = after.split_at_checked(length) else {
        return Frame::Bad(BadFrame::CutOff);
    };
    if checksum(kind, payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Frame::Bad(BadFrame::Checksum);
    }
    match kind {
        1 => Frame::Whole {
            kind: Kind::Record,
            payload,
            rest,
        },
        2 => Frame::Whole {
            kind: Kind::Batch,
            payload,
            rest,
        },
        3 => Frame::Whole {
            kind: Kind::Segment,
            payload,
            rest,
        },
        _ => Frame::Bad(BadFrame::Kind),
    }
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back_and_any_flipped_bit_is_seen() {
        let mut bytes = Vec::new();
        write(Kind::Record, b"{}", &mut bytes);
        bytes.extend_from_slice(b"rest");
        assert_eq!(
            read(&bytes),
            Frame::Whole {
                kind: Kind::Record,
                payload: b"{}",
                rest: b"rest"
            }
        );
        for bit in 0..(HEADER + 2) * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(read(&flipped), Frame::Bad(_)), "bit {bit}");
        }
        for end in 1..HEADER + 2 {
            assert!(
                matches!(read(&bytes[..end]), Frame::Bad(BadFrame::CutOff)),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_frame_written_in_place_is_the_same() {
        let (mut whole, mut in_place) = (b"before".to_vec(), b"before".to_vec());
        write(Kind::Record, b"{\"a\":1}", &mut whole);
        let start = begin(&mut in_place);
        in_place.extend_from_slice(b"{\"a\":1}");
        assert_eq!(end(Kind::Record, start, &mut in_place), b"{\"a\":1}");
        assert_eq!(in_place, whole);
    }

    #[test]
    fn zeros_and_the_end_are_empty() {
        assert_eq!(read(&[]), Frame::Empty);
        assert_eq!(read(&[0; 4]), Frame::Empty);
        assert_eq!(read(&[0; 100]), Frame::Empty);
    }
}
