//! Walks the batches of a log from segment to segment, for recovery, reading and verification alike. Counts positions;
//! does not look into records.

use std::io;
use std::sync::Arc;

use crate::files::{self, Files, LogFile};
use crate::frame::{self, BadFrame};
use crate::merkle::CompactRange;
use crate::segment::{self, Batch};

/// Bytes read at once: more than the largest batch.
const WINDOW: usize = 2 * 1024 * 1024;

/// Why a log cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadLog {
    /// The system refused.
    #[error("cannot read `{file}`: {error}")]
    Io {
        /// Name in the log directory.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The file's beginning is not a segment's.
    #[error("`{segment}` does not begin as a segment with that name does")]
    BadSegment {
        /// Name of the file.
        segment: String,
    },
    /// Bytes that were durable have changed.
    #[error("record {sequence} is damaged: {why} (`{segment}`, byte {offset})")]
    Damaged {
        /// Position of the record that should be there.
        sequence: u64,
        /// Name of the file.
        segment: String,
        /// Where the bad frame is, from the beginning of the file.
        offset: u64,
        /// What is wrong.
        why: BadFrame,
    },
    /// A segment does not go on where the one before it ended.
    #[error("record {expected} is missing: the next segment begins with record {found}")]
    Gap {
        /// Position that should come next.
        expected: u64,
        /// Position that comes next.
        found: u64,
    },
    /// A record is not what the log writes.
    #[error(
        "record {sequence} is not canonical or has another position in it (`{segment}`, byte {offset}): {why}"
    )]
    BadRecord {
        /// Position of the record.
        sequence: u64,
        /// Name of the file.
        segment: String,
        /// Where its frame is, from the beginning of the file.
        offset: u64,
        /// What is wrong.
        why: String,
    },
}

/// A record's bytes and where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Position in the log.
    pub sequence: u64,
    /// Name of the file.
    pub segment: String,
    /// Where its frame begins, from the beginning of the file.
    pub offset: u64,
    /// Canonical JSON.
    pub bytes: Vec<u8>,
}

/// Where the walk stands.
#[derive(Debug)]
pub(crate) enum Step {
    /// A batch.
    Records(Vec<Stored>),
    /// Nothing more yet.
    End(Tail),
}

/// The end of what is whole.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// The records before the first bad frame of a batch that was being written; empty where all is whole.
    pub(crate) unfinished: Vec<Stored>,
    /// The first bad frame, if there is one. Damage, should a checkpoint cover it.
    pub(crate) torn: Option<ReadLog>,
}

/// A place in a log.
pub(crate) struct Walk {
    files: Arc<dyn Files>,
    place: Option<Place>,
    next: u64,
}

impl Walk {
    /// At the beginning of the segment whose first record is `start`, which need not be there yet.
    pub(crate) fn from_segment(files: Arc<dyn Files>, start: u64) -> Self {
        Self {
            files,
            place: None,
            next: start,
        }
    }

    /// Position of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Position of the first record of the segment, and the byte where the next batch is or will be.
    pub(crate) fn place(&self) -> Option<(u64, u64)> {
        self.place.as_ref().map(|place| (place.first, place.offset))
    }

    /// Goes on by one batch. After [`Step::End`] it may be asked again, for what was written since.
    pub(crate) fn step(&mut self) -> Result<Step, ReadLog> {
        loop {
            let Some(place) = &mut self.place else {
                if self.enter_first()? {
                    continue;
                }
                return Ok(Step::End(Tail::default()));
            };
            match place.read()? {
                Found::Whole { records, end } => {
                    let records = place.stored(self.next, records);
                    place.offset = place.offset.saturating_add(wide(end));
                    self.next = self.next.saturating_add(wide(records.len()));
                    return Ok(Step::Records(records));
                }
                // What a later segment says of this one holds only for bytes read after it was seen.
                Found::Empty | Found::Bad(_)
                    if place.later.is_none() && place.look_for_later(&*self.files)? => {}
                Found::Empty => match place.later {
                    Some(later) => self.enter_later(later)?,
                    None => return Ok(Step::End(Tail::default())),
                },
                Found::Bad(bad) => {
                    if let Some(step) = self.judge(bad)? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    /// At the end: whether anything but zeros follows. True only for the remains of a batch that was being written.
    pub(crate) fn remains(&self) -> Result<bool, ReadLog> {
        let Some(place) = &self.place else {
            return Ok(false);
        };
        let rest = place.rest()?;
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(false);
        }
        if segment::is_torn(&rest, None) || !matches!(segment::read_batch(&rest), Batch::Empty) {
            return Ok(true);
        }
        Err(place.damaged(self.next, 0, BadFrame::CutOff))
    }

    fn enter_first(&mut self) -> Result<bool, ReadLog> {
        let Some(first) = segments(&*self.files)?
            .into_iter()
            .find(|first| *first >= self.next)
        else {
            return Ok(false);
        };
        if first > self.next {
            return Err(ReadLog::Gap {
                expected: self.next,
                found: first,
            });
        }
        self.place = Some(Place::enter(&*self.files, first)?.0);
        Ok(true)
    }

    fn enter_later(&mut self, later: u64) -> Result<(), ReadLog> {
        if let Some(place) = &self.place
            && place.rest()?.iter().any(|byte| *byte != 0)
        {
            return Err(place.damaged(self.next, 0, BadFrame::CutOff));
        }
        if later != self.next {
            return Err(ReadLog::Gap {
                expected: self.next,
                found: later,
            });
        }
        self.place = Some(Place::enter(&*self.files, later)?.0);
        Ok(())
    }

    /// A bad batch ends the log if it was being written; `None` if it became whole meanwhile.
    fn judge(&mut self, bad: BadOwned) -> Result<Option<Step>, ReadLog> {
        let Some(place) = &mut self.place else {
            return Ok(None);
        };
        let sequence = self.next.saturating_add(wide(bad.good.len()));
        let damaged = place.damaged(sequence, bad.bad_at, bad.why);
        if place.later.is_none() {
            if segment::is_torn(&place.rest()?, bad.should_end) {
                let unfinished = place.stored(self.next, bad.good);
                let torn = Some(damaged);
                return Ok(Some(Step::End(Tail { unfinished, torn })));
            }
            // A live writer may have finished this batch and begun the next between two reads.
            if matches!(place.read()?, Found::Whole { .. }) {
                return Ok(None);
            }
        }
        Err(damaged)
    }
}

/// Positions of the first records of all segments, in order.
pub(crate) fn segments(files: &dyn Files) -> Result<Vec<u64>, ReadLog> {
    let names = files.names().map_err(|error| ReadLog::Io {
        file: ".".into(),
        error,
    })?;
    let mut firsts: Vec<u64> = names
        .iter()
        .filter_map(|name| segment::first(name))
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// The Merkle range that the header of a segment states.
pub(crate) fn range_before(files: &dyn Files, first: u64) -> Result<CompactRange, ReadLog> {
    Ok(Place::enter(files, first)?.1)
}

/// An open segment.
struct Place {
    first: u64,
    name: String,
    file: Box<dyn LogFile>,
    /// Where the next batch is or will be.
    offset: u64,
    window: Vec<u8>,
    window_start: u64,
    /// First position of the segment after this one, once one was seen: then this one does not grow.
    later: Option<u64>,
}

enum Found {
    Whole {
        records: Vec<(usize, Vec<u8>)>,
        end: usize,
    },
    Empty,
    Bad(BadOwned),
}

struct BadOwned {
    good: Vec<(usize, Vec<u8>)>,
    bad_at: usize,
    should_end: Option<usize>,
    why: BadFrame,
}

impl Place {
    fn enter(files: &dyn Files, first: u64) -> Result<(Self, CompactRange), ReadLog> {
        let name = segment::name(first);
        let io = |error| ReadLog::Io {
            file: segment::name(first),
            error,
        };
        let file = files.read(&name).map_err(io)?;
        let start = files::read_up_to(&*file, 0, segment::HEADER_BYTES).map_err(io)?;
        match segment::read_header(&start) {
            Some((range, header)) if range.size() == first => {
                let offset = wide(header);
                Ok((
                    Self {
                        first,
                        name,
                        file,
                        offset,
                        window: Vec::new(),
                        window_start: offset,
                        later: None,
                    },
                    range,
                ))
            }
            _ => Err(ReadLog::BadSegment { segment: name }),
        }
    }

    /// What stands at `offset`.
    fn read(&mut self) -> Result<Found, ReadLog> {
        let start =
            usize::try_from(self.offset.saturating_sub(self.window_start)).unwrap_or(usize::MAX);
        if let Batch::Whole(records) =
            segment::read_batch(self.window.get(start..).unwrap_or_default())
        {
            return Ok(Found::Whole {
                end: records.end,
                records: owned(&records.payloads),
            });
        }
        // Most looks at the end of a log find nothing: do not read a window of zeros for each.
        let peek = files::read_up_to(&*self.file, self.offset, frame::HEADER)
            .map_err(|error| self.io(error))?;
        if peek.iter().all(|byte| *byte == 0) {
            return Ok(Found::Empty);
        }
        self.window =
            files::read_up_to(&*self.file, self.offset, WINDOW).map_err(|error| self.io(error))?;
        self.window_start = self.offset;
        Ok(match segment::read_batch(&self.window) {
            Batch::Whole(records) => Found::Whole {
                end: records.end,
                records: owned(&records.payloads),
            },
            Batch::Empty => Found::Empty,
            Batch::Bad(bad) => Found::Bad(BadOwned {
                good: owned(&bad.good.payloads),
                bad_at: bad.good.end,
                should_end: bad.should_end,
                why: bad.why,
            }),
        })
    }

    /// From `offset` to the end of the file.
    fn rest(&self) -> Result<Vec<u8>, ReadLog> {
        let limit = usize::try_from(segment::MOST_BYTES).unwrap_or(usize::MAX);
        files::read_up_to(&*self.file, self.offset, limit).map_err(|error| self.io(error))
    }

    fn look_for_later(&mut self, files: &dyn Files) -> Result<bool, ReadLog> {
        self.later = segments(files)?
            .into_iter()
            .find(|first| *first > self.first);
        Ok(self.later.is_some())
    }

    fn stored(&self, sequence: u64, records: Vec<(usize, Vec<u8>)>) -> Vec<Stored> {
        let numbered = records.into_iter().zip(sequence..);
        numbered
            .map(|((place, bytes), sequence)| Stored {
                sequence,
                segment: self.name.clone(),
                offset: self.offset.saturating_add(wide(place)),
                bytes,
            })
            .collect()
    }

    fn damaged(&self, sequence: u64, at: usize, why: BadFrame) -> ReadLog {
        ReadLog::Damaged {
            sequence,
            segment: self.name.clone(),
            offset: self.offset.saturating_add(wide(at)),
            why,
        }
    }

    fn io(&self, error: io::Error) -> ReadLog {
        ReadLog::Io {
            file: self.name.clone(),
            error,
        }
    }
}

fn owned(payloads: &[(usize, &[u8])]) -> Vec<(usize, Vec<u8>)> {
    payloads
        .iter()
        .map(|(place, payload)| (*place, payload.to_vec()))
        .collect()
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
