//! The one thread that owns the files: drains the queue into a batch, writes it, syncs it, extends the tree, answers.
//! The sync is the batch window: what arrives meanwhile is the next batch. Any failure of the files ends the log.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use super::queue::{Append, Ending, Message, Prepared, Shared, Waiter, prepare};
use super::{Appended, Durability, LogFailure, LogUnavailable};
use crate::canonical;
use crate::checkpoint::Checkpoint;
use crate::frame::{self, Kind};
use crate::merkle::{Hash, leaf_hash};
use crate::record::Event;
use crate::recovery::{self, State};
use crate::{files, notes, segment};

/// From here on the disk counts as nearly full.
const NEARLY_FULL_PERCENT: u8 = 90;
/// Most characters of a failure in the record about it.
const REASON_CHARACTERS: usize = 512;

pub(super) struct Writer {
    state: State,
    messages: Receiver<Message>,
    shared: Arc<Shared>,
    /// When the next checkpoint is due; `None` while all is sealed.
    seal_at: Option<Instant>,
}

/// Who asked for a close and waits for the checkpoint.
type Closer = SyncSender<Checkpoint>;

/// Records that will be made durable together.
#[derive(Default)]
struct Batch {
    frames: Vec<u8>,
    leaves: Vec<Hash>,
    waiting: Vec<(Waiter, Durability)>,
}

impl Writer {
    pub(super) fn new(state: State, messages: Receiver<Message>, shared: Arc<Shared>) -> Self {
        let seal_at = (state.range.size() > state.sealed).then(Instant::now);
        Self {
            state,
            messages,
            shared,
            seal_at,
        }
    }

    pub(super) fn run(mut self) {
        let _ending = Ending(Arc::clone(&self.shared));
        let ended = loop {
            match self.turn() {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(closer)) => break self.finish(closer),
                Err(failure) => break Err(failure),
            }
        };
        if let Err(failure) = ended {
            self.shared.fail(&failure);
            self.record_failure(&failure);
        }
        // Dropping the queue answers whoever still waits in it.
    }

    /// Waits for a message or for the time of a checkpoint, and does what is due.
    fn turn(&mut self) -> Result<ControlFlow<Option<Closer>>, LogFailure> {
        let message = match self.seal_at {
            None => self
                .messages
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => self
                .messages
                .recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        let closing = match message {
            Ok(Message::Append(append)) => self.write(append)?,
            Ok(Message::Close(closer)) => return Ok(ControlFlow::Break(Some(closer))),
            Err(RecvTimeoutError::Disconnected) => return Ok(ControlFlow::Break(None)),
            Err(RecvTimeoutError::Timeout) => None,
        };
        let unsealed = self.state.range.size().saturating_sub(self.state.sealed);
        if self.seal_at.is_some_and(|due| due <= Instant::now())
            || unsealed >= self.state.options.checkpoint_records
        {
            self.seal()?;
        }
        Ok(closing.map_or(ControlFlow::Continue(()), |closer| {
            ControlFlow::Break(Some(closer))
        }))
    }

    /// Writes `append` and what else waits as one batch. The answer is a request to close that came among them.
    fn write(&mut self, append: Append) -> Result<Option<Closer>, LogFailure> {
        // Before `append` is dropped and its waiter told why.
        self.make_room()
            .inspect_err(|failure| self.shared.fail(failure))?;
        let room = usize::try_from(self.room())
            .unwrap_or(usize::MAX)
            .min(segment::BATCH_BYTES);
        let mut batch = Batch::default();
        let mut closing = None;
        self.stamp(append, &mut batch);
        while batch.frames.len() + segment::RECORD_FRAME <= room {
            match self.messages.try_recv() {
                Ok(Message::Append(append)) => self.stamp(append, &mut batch),
                Ok(Message::Close(closer)) => {
                    closing = Some(closer);
                    break;
                }
                Err(_) => break,
            }
        }
        self.commit(batch)?;
        Ok(closing)
    }

    /// Gives a record its position and time and adds its frame to the batch.
    fn stamp(&self, append: Append, batch: &mut Batch) {
        let Append {
            record: Prepared { mut members, bytes },
            durability,
            waiter,
        } = append;
        self.shared.release(bytes);
        let sequence = self
            .state
            .range
            .size()
            .saturating_add(count(batch.leaves.len()));
        members.insert("sequence".into(), sequence.into());
        members.insert("time".into(), self.time().into());
        match canonical::canonical(&Value::Object(members)) {
            Ok(payload) => {
                frame::write(Kind::Record, &payload, &mut batch.frames);
                batch.leaves.push(leaf_hash(&payload));
                batch.waiting.push((waiter, durability));
            }
            Err(why) => waiter.answer(Err(LogUnavailable::NotCanonical(why))),
        }
    }

    fn commit(&mut self, batch: Batch) -> Result<(), LogFailure> {
        if batch.frames.is_empty() {
            return Ok(());
        }
        let segment = &mut self.state.segment;
        let bytes = segment::batch(&batch.frames);
        files::write_all(&mut *segment.file, &bytes, segment.end)
            .map_err(|error| LogFailure::Write {
                file: segment.name.clone(),
                error: Arc::new(error),
            })
            .inspect_err(|failure| self.shared.fail(failure))?;
        let numbered = (self.state.range.size()..).zip(batch.waiting);
        let (buffered, durable): (Vec<_>, Vec<_>) =
            numbered.partition(|(_, (_, durability))| *durability == Durability::Buffered);
        answer(buffered);
        segment
            .file
            .sync()
            .map_err(|error| LogFailure::Sync {
                file: segment.name.clone(),
                error: Arc::new(error),
            })
            .inspect_err(|failure| self.shared.fail(failure))?;
        segment.end = segment.end.saturating_add(count(bytes.len()));
        batch
            .leaves
            .into_iter()
            .for_each(|leaf| self.state.range.push(leaf));
        self.seal_at
            .get_or_insert_with(|| Instant::now() + self.state.options.checkpoint_every);
        answer(durable);
        Ok(())
    }

    /// Bytes of record frames that the segment still takes.
    fn room(&self) -> u64 {
        let segment = &self.state.segment;
        let kept = segment::RESERVE_BYTES + count(segment::BATCH_HEADER);
        segment
            .length
            .saturating_sub(segment.end)
            .saturating_sub(kept)
    }

    /// Goes on to a new segment when the largest record might not fit. The old one is sealed first, so that recovery
    /// need not look back beyond the last segment.
    fn make_room(&mut self) -> Result<(), LogFailure> {
        if self.room() >= count(segment::RECORD_FRAME) {
            return Ok(());
        }
        self.seal()?;
        let next = recovery::new_segment(
            &*self.state.files,
            &self.state.range,
            self.state.options.segment_bytes,
        )?;
        let mut full = std::mem::replace(&mut self.state.segment, next);
        let failed = |error| LogFailure::Write {
            file: full.name.clone(),
            error: Arc::new(error),
        };
        full.file.set_length(full.end).map_err(failed)?;
        self.state.files.protect(&full.name).map_err(failed)
    }

    fn seal(&mut self) -> Result<Checkpoint, LogFailure> {
        let State {
            files,
            options,
            range,
            checkpoints,
            sealed,
            checkpoints_end,
            ..
        } = &mut self.state;
        let checkpoint = Checkpoint {
            origin: options.origin.clone(),
            size: range.size(),
            root: range.root(),
        };
        if checkpoint.size > *sealed {
            let note = checkpoint.sign(&options.key);
            *checkpoints_end =
                notes::append(&**files, &mut **checkpoints, *checkpoints_end, &note)?;
            *sealed = checkpoint.size;
        }
        self.seal_at = None;
        // A disk that cannot say how full it is will say so when it is written.
        if let Ok(percent) = self.state.files.used_percent() {
            self.shared
                .nearly_full
                .store(percent >= NEARLY_FULL_PERCENT, Ordering::Relaxed);
        }
        Ok(checkpoint)
    }

    /// Writes what came before the close, and seals.
    fn finish(&mut self, closer: Option<Closer>) -> Result<(), LogFailure> {
        self.shared.closed.store(true, Ordering::Release);
        while let Ok(message) = self.messages.try_recv() {
            if let Message::Append(append) = message {
                self.write(append)?;
            }
        }
        let checkpoint = self.seal()?;
        if let Some(closer) = closer {
            drop(closer.send(checkpoint));
        }
        Ok(())
    }

    /// Puts the failure on record where the segment itself still works: in the reserve at its end. After a failed write
    /// or sync of the segment nothing more is written to it.
    fn record_failure(&mut self, failure: &LogFailure) {
        let (LogFailure::Write { file, .. } | LogFailure::Sync { file, .. }) = failure else {
            return;
        };
        if *file == self.state.segment.name {
            return;
        }
        let reason = failure
            .to_string()
            .chars()
            .take(REASON_CHARACTERS)
            .collect();
        let Ok(record) = prepare(None, &Event::LogFailed { reason }) else {
            return;
        };
        if self.shared.reserve(record.bytes).is_err() {
            return;
        }
        let waiter = Waiter {
            done: None,
            shared: Arc::clone(&self.shared),
        };
        let mut batch = Batch::default();
        self.stamp(
            Append {
                record,
                durability: Durability::Durable,
                waiter,
            },
            &mut batch,
        );
        // Should this fail too, the reason is still in the answers and in the gateway's health.
        drop(self.commit(batch));
    }

    fn time(&self) -> String {
        // A clock out of jiff's range (years -9999 to 9999) is as wrong as 1970.
        let now =
            Timestamp::try_from((self.state.options.clock)()).unwrap_or(Timestamp::UNIX_EPOCH);
        now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }
}

fn answer(waiting: Vec<(u64, (Waiter, Durability))>) {
    for (sequence, (waiter, _)) in waiting {
        waiter.answer(Ok(Appended { sequence }));
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
