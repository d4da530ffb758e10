//! The one thread that owns the files: takes what waits, writes it as one batch, syncs it, extends the tree, answers.
//! The sync is the batch window: what arrives meanwhile is the next batch, which waits a little for operations that are about
//! to end (`underway`). Any failure of the files ends the log.

mod space;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, UNIX_EPOCH};

use jiff::Timestamp;

use super::prepared::{Waited, prepare};
use super::queue::{Append, Closer, Ending, Shared, Waiter};
use super::underway::Step;
use super::{Appended, LogFailure};
use crate::checkpoint::{Checkpoint, key_name};
use crate::files::LogFile;
use crate::frame::{self, Kind};
use crate::merkle::{Hash, leaf_hash};
use crate::record::Event;
use crate::recovery::{self, State};
use crate::{files, notes, segment};
use space::Lacking;

/// Most characters of a failure in the record about it.
const REASON_CHARACTERS: usize = 512;

pub(super) struct Writer {
    state: State,
    shared: Arc<Shared>,
    /// Taken from the queue and not written yet.
    pending: VecDeque<Append>,
    closer: Option<Closer>,
    /// Nothing more comes.
    ended: bool,
    batch: Batch,
    /// When the next checkpoint is due; `None` while all is sealed.
    seal_at: Option<Instant>,
    /// The space of the next segment, taken before it is needed.
    spare: Option<Box<dyn LogFile>>,
    salted: Instant,
    /// How long the last sync took.
    sync: Duration,
    lacking: Lacking,
    /// The last time that was written, and its milliseconds since 1970.
    time: (u128, String),
}

/// Records that will be made durable together.
#[derive(Default)]
struct Batch {
    /// Room for the batch's own frame, then the frames of the records.
    bytes: Vec<u8>,
    leaves: Vec<Hash>,
    /// Who waits, and for which record.
    waiting: Vec<(u64, Waiter)>,
}

impl Writer {
    pub(super) fn new(state: State, shared: Arc<Shared>) -> Self {
        Self {
            seal_at: (state.range.size() > state.sealed).then(Instant::now),
            state,
            shared,
            pending: VecDeque::new(),
            closer: None,
            ended: false,
            batch: Batch::default(),
            spare: None,
            salted: Instant::now(),
            sync: Duration::ZERO,
            lacking: Lacking::default(),
            time: (u128::MAX, String::new()),
        }
    }

    pub(super) fn run(mut self) {
        let _ending = Ending(Arc::clone(&self.shared));
        let ended = self.change_key().and_then(|()| {
            loop {
                if self.turn()?.is_break() {
                    return self.finish();
                }
            }
        });
        if let Err(failure) = ended {
            self.shared.fail(&failure);
            self.record_failure(&failure);
        }
        // What is dropped with the writer, and then the queue, answers whoever still waits.
    }

    /// Records that another key signs from now on. The checkpoint that seals this, and none before it, has the signatures
    /// of both keys: whoever verifies knows the one, and sees by the other that the change was made.
    fn change_key(&mut self) -> Result<(), LogFailure> {
        let Some(former) = &self.state.former else {
            return Ok(());
        };
        let options = &self.state.options;
        let [from, to] = [former.public(), options.key.public()];
        let event = Event::KeyChanged {
            from: key_name(&options.origin, &from),
            to: key_name(&options.origin, &to),
            key: to.base64(),
        };
        if !self.state.announced {
            self.pending.extend(self.own(&event));
            self.write()?;
            self.state.announced = true;
        }
        self.seal()?;
        (self.state.former, self.state.announced) = (None, false);
        Ok(())
    }

    /// Waits for records or for the time of a checkpoint, and does what is due.
    fn turn(&mut self) -> Result<ControlFlow<()>, LogFailure> {
        if self.pending.is_empty() && !self.ended {
            self.take();
        }
        if !self.pending.is_empty() {
            self.write()?;
        }
        let unsealed = self.state.range.size().saturating_sub(self.state.sealed);
        if self.seal_at.is_some_and(|due| due <= Instant::now())
            || unsealed >= self.state.options.checkpoint_records
        {
            self.seal()?;
        }
        self.take_space()?;
        if self.ended && self.pending.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn take(&mut self) {
        let again = self.lacking.again.map(|(due, _)| due);
        let until = [self.seal_at, again].into_iter().flatten().min();
        let taken = self.shared.take(until, self.sync);
        self.ended = taken.ended;
        self.closer = taken.closer;
        self.pending.extend(taken.appends);
        if taken.lost > 0 {
            let lost = Event::RecordsLost { count: taken.lost };
            self.pending.extend(self.own(&lost));
        }
    }

    /// A record of the log's own.
    fn own(&self, event: &Event) -> Option<Append> {
        let record = prepare(None, event, Waited::Yes, &self.shared.salt()).ok()?;
        Some(Append {
            record,
            step: Step::Other,
            waiter: None,
        })
    }

    /// Writes as much of what is pending as one batch may hold.
    fn write(&mut self) -> Result<(), LogFailure> {
        // Before anything is dropped and its waiter told why.
        self.make_room()
            .and_then(|()| self.renew_salt())
            .inspect_err(|failure| self.shared.fail(failure))?;
        let room = usize::try_from(self.room())
            .unwrap_or(usize::MAX)
            .min(segment::BATCH_BYTES);
        let mut batch = std::mem::take(&mut self.batch);
        batch.bytes.resize(segment::BATCH_HEADER, 0);
        while batch.bytes.len() - segment::BATCH_HEADER + segment::RECORD_FRAME <= room {
            let Some(append) = self.pending.pop_front() else {
                break;
            };
            self.stamp(append, &mut batch);
        }
        self.commit(&mut batch)?;
        batch.bytes.clear();
        batch.leaves.clear();
        self.batch = batch;
        Ok(())
    }

    /// Gives a record its position and time and adds its frame to the batch.
    fn stamp(&mut self, append: Append, batch: &mut Batch) {
        let Append { record, waiter, .. } = append;
        let sequence = self
            .state
            .range
            .size()
            .saturating_add(count(batch.leaves.len()));
        let start = frame::begin(&mut batch.bytes);
        self.tell_time();
        record.write(sequence, &self.time.1, &mut batch.bytes);
        let payload = frame::end(Kind::Record, start, &mut batch.bytes);
        batch.leaves.push(leaf_hash(payload));
        batch
            .waiting
            .extend(waiter.map(|waiter| (sequence, waiter)));
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), LogFailure> {
        if batch.leaves.is_empty() {
            return Ok(());
        }
        let segment = &mut self.state.segment;
        segment::end_batch(&mut batch.bytes);
        files::write_all(&mut *segment.file, &batch.bytes, segment.end)
            .map_err(|error| LogFailure::Write {
                file: segment.name.clone(),
                error: Arc::new(error),
            })
            .inspect_err(|failure| self.shared.fail(failure))?;
        let started = Instant::now();
        segment
            .file
            .sync()
            .map_err(|error| LogFailure::Sync {
                file: segment.name.clone(),
                error: Arc::new(error),
            })
            .inspect_err(|failure| self.shared.fail(failure))?;
        self.sync = started.elapsed();
        segment.end = segment.end.saturating_add(count(batch.bytes.len()));
        for leaf in &batch.leaves {
            self.state.range.push(*leaf);
        }
        self.seal_at
            .get_or_insert_with(|| Instant::now() + self.state.options.checkpoint_every);
        for (sequence, waiter) in batch.waiting.drain(..) {
            waiter.answer(Ok(Appended { sequence }));
        }
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
        let State {
            files,
            range,
            options,
            ..
        } = &self.state;
        let spare = self.spare.take();
        let next = recovery::new_segment(&**files, range, options.segment_bytes, spare)?;
        let mut full = std::mem::replace(&mut self.state.segment, next);
        let failed = |error| LogFailure::Write {
            file: full.name.clone(),
            error: Arc::new(error),
        };
        full.file.set_length(full.end).map_err(failed)?;
        self.state.files.protect(&full.name).map_err(failed)?;
        self.lacking.segment = false;
        self.change_salt()?;
        self.tell_lacking();
        Ok(())
    }

    fn seal(&mut self) -> Result<Checkpoint, LogFailure> {
        let State {
            files,
            options,
            range,
            checkpoints,
            sealed,
            checkpoints_end,
            former,
            announced,
            ..
        } = &mut self.state;
        let checkpoint = Checkpoint {
            origin: options.origin.clone(),
            size: range.size(),
            root: range.root(),
            reads: options.reads,
        };
        if checkpoint.size > *sealed {
            let note = match former {
                None => checkpoint.sign(&options.key),
                Some(former) if *announced => checkpoint.sign_with(&[former, &options.key]),
                Some(former) => checkpoint.sign(former),
            };
            *checkpoints_end =
                notes::append(&**files, &mut **checkpoints, *checkpoints_end, &note)?;
            *sealed = checkpoint.size;
        }
        self.seal_at = None;
        self.look_at_disk();
        self.prepare_segment();
        Ok(checkpoint)
    }

    /// All is written; seals it.
    fn finish(&mut self) -> Result<(), LogFailure> {
        let checkpoint = self.seal()?;
        self.shared.closed.store(true, Ordering::Release);
        if let Some(closer) = self.closer.take() {
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
        // Where the next segment has its name already, what comes after this one's records would be in two places.
        let next = segment::name(self.state.range.size());
        let begun = next != self.state.segment.name && self.state.files.read(&next).is_ok();
        if *file == self.state.segment.name || begun {
            return;
        }
        let reason = failure
            .to_string()
            .chars()
            .take(REASON_CHARACTERS)
            .collect();
        let Some(append) = self.own(&Event::LogFailed { reason }) else {
            return;
        };
        let mut batch = Batch::default();
        batch.bytes.resize(segment::BATCH_HEADER, 0);
        self.stamp(append, &mut batch);
        // Should this fail too, the reason is still in the answers and in the gateway's health.
        drop(self.commit(&mut batch));
    }

    /// Looks at the clock, and formats the time only when it is another.
    fn tell_time(&mut self) {
        let now = (self.state.options.clock)();
        let milliseconds = now
            .duration_since(UNIX_EPOCH)
            .map_or(u128::MAX, |since| since.as_millis());
        if milliseconds != self.time.0 || milliseconds == u128::MAX {
            // A clock out of jiff's range (years -9999 to 9999) is as wrong as 1970.
            let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
            self.time = (
                milliseconds,
                now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            );
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
