//! Segments: the files that hold the frames. Names, the header, and batches, which are what one sync made durable.
//! Layout: magic, a `Segment` frame (position of the first record and the Merkle subtrees before it), then batches, each
//! a `Batch` frame with its length and that many bytes of `Record` frames, then zeros.

use crate::frame::{self, BadFrame, Frame, Kind, PAYLOAD_BYTES};
use crate::merkle::{CompactRange, Hash};

/// Size of a segment unless the options say otherwise.
pub(crate) const DEFAULT_BYTES: u64 = 16 * 1024 * 1024;
/// Room for a header, one record of the largest size, and the reserve.
pub(crate) const LEAST_BYTES: u64 = 160 * 1024;
/// Readers look at the rest of a segment at once where it is damaged.
pub(crate) const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Most bytes of record frames in one batch: bounds what a reader must hold.
pub(crate) const BATCH_BYTES: usize = 1024 * 1024;
/// Bytes of a `Batch` frame.
pub(crate) const BATCH_HEADER: usize = frame::HEADER + 4;
/// The end of each segment, kept so that the failure to make the next one can still be recorded.
pub(crate) const RESERVE_BYTES: u64 = 8 * 1024;
/// Bytes of the largest header: magic, frame, position, and the subtrees of a tree of 2^64 - 1 leaves.
pub(crate) const HEADER_BYTES: usize = 8 + frame::HEADER + 8 + 64 * 32;
/// Bytes of the frame of the largest record.
pub(crate) const RECORD_FRAME: usize = frame::HEADER + PAYLOAD_BYTES;

const MAGIC: &[u8; 8] = b"hpollog1";

/// Name of the segment whose first record has position `first`.
pub(crate) fn name(first: u64) -> String {
    format!("segment-{first:020}.log")
}

/// The position in a segment's name; `None` for other files.
pub(crate) fn first(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// The bytes that a segment after the records of `range` begins with.
pub(crate) fn header(range: &CompactRange) -> Vec<u8> {
    let mut payload = range.size().to_le_bytes().to_vec();
    range
        .subtrees()
        .iter()
        .for_each(|subtree| payload.extend_from_slice(subtree));
    let mut bytes = MAGIC.to_vec();
    frame::write(Kind::Segment, &payload, &mut bytes);
    bytes
}

/// The range before a segment's first record, and the length of the header; `None` when these bytes are no header.
pub(crate) fn read_header(bytes: &[u8]) -> Option<(CompactRange, usize)> {
    let Frame::Whole {
        kind: Kind::Segment,
        payload,
        ..
    } = frame::read(bytes.strip_prefix(MAGIC)?)
    else {
        return None;
    };
    let (size, subtrees) = payload.split_first_chunk::<8>()?;
    let hashes: Option<Vec<Hash>> = subtrees
        .chunks(32)
        .map(|hash| Hash::try_from(hash).ok())
        .collect();
    let range = CompactRange::from_parts(u64::from_le_bytes(*size), hashes?)?;
    Some((range, MAGIC.len() + frame::HEADER + payload.len()))
}

/// Puts the `Batch` frame before record frames.
pub(crate) fn batch(frames: &[u8]) -> Vec<u8> {
    let mut bytes = header_of(frames.len());
    bytes.extend_from_slice(frames);
    bytes
}

/// Fills in the `Batch` frame of `batch`, whose first [`BATCH_HEADER`] bytes are room for it.
pub(crate) fn end_batch(batch: &mut [u8]) {
    let length = batch.len().saturating_sub(BATCH_HEADER);
    let header = header_of(length);
    batch
        .iter_mut()
        .zip(header)
        .for_each(|(to, from)| *to = from);
}

fn header_of(length: usize) -> Vec<u8> {
    // Callers hold batches to `BATCH_BYTES`.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(BATCH_HEADER);
    frame::write(Kind::Batch, &length.to_le_bytes(), &mut bytes);
    bytes
}

/// What stands where a batch should begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Batch<'a> {
    /// All of a batch.
    Whole(Records<'a>),
    /// Zeros, or the end.
    Empty,
    /// Part of a batch, or something else.
    Bad(BadBatch<'a>),
}

/// Record payloads with their places, relative to the batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Records<'a> {
    pub(crate) payloads: Vec<(usize, &'a [u8])>,
    /// Bytes from the beginning of the batch to the end of the last of these.
    pub(crate) end: usize,
}

/// A batch that is not whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadBatch<'a> {
    /// The records before the first bad frame.
    pub(crate) good: Records<'a>,
    /// Where the batch should end, when its header says so.
    pub(crate) should_end: Option<usize>,
    pub(crate) why: BadFrame,
}

/// Reads the batch at the beginning of `bytes`, which must reach to the batch's end or to the end of the file.
pub(crate) fn read_batch(bytes: &[u8]) -> Batch<'_> {
    let (payload, mut rest) = match frame::read(bytes) {
        Frame::Empty => return Batch::Empty,
        Frame::Bad(why) => {
            return Batch::Bad(BadBatch {
                good: Records::default(),
                should_end: None,
                why,
            });
        }
        Frame::Whole {
            kind: Kind::Batch,
            payload,
            rest,
        } => (payload, rest),
        Frame::Whole { .. } => {
            return Batch::Bad(BadBatch {
                good: Records::default(),
                should_end: None,
                why: BadFrame::Kind,
            });
        }
    };
    let Some(length) = batch_length(payload) else {
        return Batch::Bad(BadBatch {
            good: Records::default(),
            should_end: None,
            why: BadFrame::Length,
        });
    };
    let should_end = BATCH_HEADER + length;
    let mut good = Records {
        payloads: Vec::new(),
        end: BATCH_HEADER,
    };
    while good.end < should_end {
        let why = match frame::read(rest) {
            Frame::Whole {
                kind: Kind::Record,
                payload,
                rest: after,
            } if good.end + frame::HEADER + payload.len() <= should_end => {
                good.payloads.push((good.end, payload));
                good.end += frame::HEADER + payload.len();
                rest = after;
                continue;
            }
            Frame::Whole { .. } => BadFrame::Kind,
            Frame::Empty => BadFrame::CutOff,
            Frame::Bad(why) => why,
        };
        return Batch::Bad(BadBatch {
            good,
            should_end: Some(should_end),
            why,
        });
    }
    Batch::Whole(good)
}

/// Whether a bad batch at the beginning of `bytes`, which reach to the end of the segment, is one that was being written
/// when the machine stopped: then nothing can come after it, since a batch is written only when the one before it is
/// durable. Otherwise durable bytes have changed.
pub(crate) fn is_torn(bytes: &[u8], should_end: Option<usize>) -> bool {
    match should_end {
        Some(end) => bytes
            .get(end..)
            .unwrap_or_default()
            .iter()
            .all(|byte| *byte == 0),
        None => !(1..bytes.len()).any(|start| bytes.get(start..).is_some_and(begins_batch)),
    }
}

/// Cannot be true inside a record: canonical JSON has no zero bytes.
fn begins_batch(bytes: &[u8]) -> bool {
    let plausible = bytes.starts_with(&[4, 0, 0, 0]) && bytes.get(8) == Some(&(Kind::Batch as u8));
    plausible
        && matches!(
            frame::read(bytes),
            Frame::Whole {
                kind: Kind::Batch,
                ..
            }
        )
}

fn batch_length(payload: &[u8]) -> Option<usize> {
    let length = usize::try_from(u32::from_le_bytes(payload.try_into().ok()?)).ok()?;
    (1..=BATCH_BYTES).contains(&length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut frames = Vec::new();
        frame::write(Kind::Record, b"{\"a\":1}", &mut frames);
        frame::write(Kind::Record, b"{}", &mut frames);
        batch(&frames)
    }

    #[test]
    fn names_tell_the_first_position() {
        assert_eq!(first(&name(42)), Some(42));
        for other in [
            "segment-42.log",
            "segment-+0000000000000000042.log",
            "checkpoint",
            "segment.new",
        ] {
            assert_eq!(first(other), None, "{other}");
        }
    }

    #[test]
    fn a_header_survives_and_its_subtrees_must_fit_its_size() {
        let mut range = CompactRange::default();
        (0..7_u8).for_each(|leaf| range.push([leaf; 32]));
        let bytes = header(&range);
        assert_eq!(read_header(&bytes), Some((range, bytes.len())));
        let mut payload = 8_u64.to_le_bytes().to_vec();
        payload.extend([0; 64]);
        let mut wrong = MAGIC.to_vec();
        frame::write(Kind::Segment, &payload, &mut wrong);
        assert_eq!(read_header(&wrong), None);
    }

    #[test]
    fn a_batch_is_whole_or_keeps_its_good_beginning() {
        let bytes = sample();
        let Batch::Whole(records) = read_batch(&bytes) else {
            panic!("not whole")
        };
        assert_eq!(records.payloads.len(), 2);
        assert_eq!(records.end, bytes.len());
        let Batch::Bad(bad) = read_batch(&bytes[..bytes.len() - 1]) else {
            panic!("not bad")
        };
        assert_eq!(
            (bad.good.payloads.len(), bad.should_end),
            (1, Some(bytes.len()))
        );
    }

    #[test]
    fn a_bad_batch_with_a_batch_after_it_is_not_torn() {
        let mut bytes = sample();
        let end = bytes.len();
        bytes.extend(sample());
        bytes.extend([0; 50]);
        assert!(!is_torn(&bytes, Some(end)));
        assert!(!is_torn(&bytes, None));
        bytes.truncate(end);
        bytes.extend([0; 50]);
        assert!(is_torn(&bytes, Some(end)));
        assert!(is_torn(&bytes, None));
    }
}
