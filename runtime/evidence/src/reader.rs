//! Reads the records of a log directory, also while a gateway writes it. Checks frames, positions and form; whether the
//! records are those that were sealed is for `verify`.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::canonical;
use crate::files::Files;
use crate::files::directory::Directory;
use crate::record::{Event, Record};
use crate::walk::{self, Step, Walk};
pub use crate::walk::{ReadLog, Stored};

/// A log to read from.
#[derive(Debug, Clone)]
pub struct LogReader {
    files: Arc<dyn Files>,
}

impl LogReader {
    /// The log in the directory at `path`. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn open(path: &Path) -> Result<Self, ReadLog> {
        let io = |error: io::Error| ReadLog::Io {
            file: path.display().to_string(),
            error,
        };
        Ok(Self::over(Arc::new(Directory::open(path).map_err(io)?)))
    }

    /// The log in `files`.
    #[must_use]
    pub fn over(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    /// The records from position `from` on, in order. Where the log ends for now the iterator gives `None`; asked again
    /// later it goes on with what was written since.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn records(&self, from: u64) -> Result<Records, ReadLog> {
        let firsts = walk::segments(&*self.files)?;
        let start = firsts
            .into_iter()
            .rev()
            .find(|first| *first <= from)
            .unwrap_or(0);
        let walk = Walk::from_segment(Arc::clone(&self.files), start);
        Ok(Records {
            walk,
            from,
            waiting: VecDeque::new(),
            failed: false,
        })
    }

    /// The records from the beginning of a segment on, of which all before were written earlier than `time`.
    ///
    /// # Errors
    /// When the directory cannot be listed, or the first record of a segment cannot be read.
    pub fn records_since(&self, time: Timestamp) -> Result<Records, ReadLog> {
        let firsts = walk::segments(&*self.files)?;
        for first in firsts.into_iter().rev() {
            // The last segment can still be empty.
            let Some(read) = self.record(first)? else {
                continue;
            };
            let written = read.record.time.parse::<Timestamp>();
            if written.is_ok_and(|written| written < time) {
                return self.records(first);
            }
        }
        self.records(0)
    }

    /// The record at `sequence`, if the log is that long.
    ///
    /// # Errors
    /// When the log cannot be read to there.
    pub fn record(&self, sequence: u64) -> Result<Option<ReadRecord>, ReadLog> {
        self.records(sequence)?.next().transpose()
    }

    /// All records that name the operation with this id: its decisions, approval and outcome. Reads the whole log.
    ///
    /// # Errors
    /// When the log cannot be read to its end.
    pub fn operation(&self, id: &str) -> Result<Vec<ReadRecord>, ReadLog> {
        let named = |read: &Result<ReadRecord, ReadLog>| {
            read.as_ref()
                .map_or(true, |read| read.record.event.operation() == Some(id))
        };
        let mut found: Vec<ReadRecord> =
            self.records(0)?.filter(named).collect::<Result<_, _>>()?;
        let approvals: Vec<String> = found
            .iter()
            .filter_map(|read| read.record.event.requested_approval())
            .map(str::to_owned)
            .collect();
        if !approvals.is_empty() {
            let votes = |read: &Result<ReadRecord, ReadLog>| match read {
                Ok(read) => {
                    matches!(&read.record.event, Event::ApprovalVote { approval, .. } if approvals.contains(approval))
                }
                Err(_) => true,
            };
            found.extend(
                self.records(0)?
                    .filter(votes)
                    .collect::<Result<Vec<_>, _>>()?,
            );
            found.sort_by_key(|read| read.record.sequence);
        }
        Ok(found)
    }
}

/// A record and what it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRecord {
    /// The record.
    pub record: Record,
    /// Its bytes and place.
    pub stored: Stored,
}

/// Records in order. Ends for good after an error.
pub struct Records {
    walk: Walk,
    from: u64,
    waiting: VecDeque<Stored>,
    failed: bool,
}

impl Records {
    fn read(&mut self) -> Result<Option<ReadRecord>, ReadLog> {
        loop {
            while let Some(stored) = self.waiting.pop_front() {
                if stored.sequence >= self.from {
                    return decode(stored).map(Some);
                }
            }
            match self.walk.step()? {
                Step::Records(records) => self.waiting.extend(records),
                Step::End(_) => return Ok(None),
            }
        }
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Records")
            .field("from", &self.from)
            .field("next", &self.walk.next())
            .finish_non_exhaustive()
    }
}

impl Iterator for Records {
    type Item = Result<ReadRecord, ReadLog>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read().transpose();
        self.failed = matches!(read, Some(Err(_)));
        read
    }
}

/// Reads the record in `stored` and holds it to its canonical form and position.
pub(crate) fn decode(stored: Stored) -> Result<ReadRecord, ReadLog> {
    match parse(&stored) {
        Ok(record) => Ok(ReadRecord { record, stored }),
        Err(why) => Err(ReadLog::BadRecord {
            sequence: stored.sequence,
            segment: stored.segment,
            offset: stored.offset,
            why,
        }),
    }
}

fn parse(stored: &Stored) -> Result<Record, String> {
    let value = canonical::parse(&stored.bytes).map_err(|error| error.to_string())?;
    let record: Record = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if record.sequence == stored.sequence {
        Ok(record)
    } else {
        Err(format!("it says that it is record {}", record.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{Fixture, event};
    use crate::record::tests::events;

    #[test]
    fn a_reader_follows_a_live_log_through_segments() {
        let fixture = Fixture::new();
        let (log, _) = fixture.open();
        let reader = LogReader::over(Arc::new(fixture.files.clone()));
        let mut records = reader.records(0).unwrap();
        assert!(records.next().is_none());
        for number in 0..200 {
            log.append_and_wait(None, &event(number, 2000)).unwrap();
            assert_eq!(
                records.next().unwrap().unwrap().record.sequence,
                number as u64
            );
            assert!(records.next().is_none());
        }
        assert!(fixture.files.segments().len() > 2);
        log.close().unwrap();
        assert!(records.next().is_none());
    }

    #[test]
    fn reading_begins_at_any_position() {
        let fixture = Fixture::new();
        let (log, _) = fixture.open();
        for number in 0..150 {
            log.append_and_wait(None, &event(number, 2000)).unwrap();
        }
        log.close().unwrap();
        let reader = LogReader::over(Arc::new(fixture.files.clone()));
        for from in [0, 1, 49, 50, 51, 149] {
            let sequences = reader
                .records(from)
                .unwrap()
                .map(|read| read.unwrap().record.sequence);
            assert!(sequences.eq(from..150), "{from}");
            assert_eq!(reader.record(from).unwrap().unwrap().record.sequence, from);
        }
        assert!(reader.record(150).unwrap().is_none());
    }

    #[test]
    fn reading_begins_with_the_segment_that_holds_a_time() {
        let fixture = Fixture::new();
        let (log, _) = fixture.open();
        for number in 0..150 {
            log.append_and_wait(None, &event(number, 2000)).unwrap();
        }
        log.close().unwrap();
        let reader = LogReader::over(Arc::new(fixture.files.clone()));
        let first_of = |time| {
            let mut records = reader.records_since(time).unwrap();
            records.next().unwrap().unwrap().record.sequence
        };
        assert_eq!(first_of(Timestamp::MIN), 0);
        assert!(first_of(Timestamp::MAX) > 0);
        for sequence in [0, 60, 149] {
            let time = reader.record(sequence).unwrap().unwrap().record.time;
            let first = first_of(time.parse().unwrap());
            assert!(first <= sequence, "{first} of {sequence}");
        }
    }

    #[test]
    fn an_operation_is_shown_with_its_approval_and_votes() {
        let fixture = Fixture::new();
        let (log, _) = fixture.open();
        for event in events() {
            log.append_and_wait(None, &event).unwrap();
        }
        log.close().unwrap();
        let reader = LogReader::over(Arc::new(fixture.files.clone()));
        let sequences = |id| -> Vec<u64> {
            reader
                .operation(id)
                .unwrap()
                .iter()
                .map(|read| read.stored.sequence)
                .collect()
        };
        assert_eq!(sequences("op-1"), [7, 8, 9, 10, 11, 12]);
        assert_eq!(sequences("op-2"), [] as [u64; 0]);
    }
}
