//! What passes between the handles and the writer: records that wait, when the writer must wake for them, and the promise
//! that every append is answered once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::prepared::Prepared;
use super::underway::{Step, UnderWay};
use super::{
    Appended, Done, KEPT_BYTES, KEPT_RECORDS, LogFailure, LogUnavailable, QUEUE_BYTES,
    QUEUE_RECORDS,
};
use crate::checkpoint::Checkpoint;
use crate::salt::Salt;

/// So many records that nobody waits for are written without waiting for more.
const GATHERED: usize = 1024;

/// Who asked for a close and waits for the checkpoint.
pub(super) type Closer = SyncSender<Checkpoint>;

/// What the handles and the writer both see.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) failure: OnceLock<LogFailure>,
    pub(super) closed: AtomicBool,
    pub(super) nearly_full: AtomicBool,
    /// No space for another segment.
    pub(super) full: AtomicBool,
    /// Half of the open part of the queue is taken.
    pub(super) behind: AtomicBool,
    /// Commits the records that are prepared now.
    pub(super) salt: RwLock<Arc<Salt>>,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    /// How long a record that nobody waits for may be kept for others to join it.
    gather: Duration,
}

/// What the writer has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) appends: Vec<Append>,
    bytes: usize,
    /// How many of the appends somebody waits for.
    awaited: usize,
    /// When the first of those that nobody waits for is due.
    due: Option<Instant>,
    /// Until when those that somebody waits for may be kept for others to join them.
    joined_by: Option<Instant>,
    under_way: UnderWay,
    /// Records of what has happened already that could not be taken.
    pub(super) lost: u64,
    pub(super) closer: Option<Closer>,
    /// Nothing more comes: the log was closed, or nobody can append any more.
    pub(super) ended: bool,
    sleep: Sleep,
}

/// Whether the writer must be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sleep {
    #[default]
    Awake,
    /// For more to come before the first record is due.
    Gathering,
    /// For others to join those that somebody waits for.
    Joining,
    /// For anything.
    Idle,
}

/// Which part of the queue a record may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All but what is kept; a full one refuses.
    Open,
    /// Also what is kept for records of what has happened already; a full one counts.
    Kept,
}

impl Shared {
    pub(super) fn new(salt: Salt, gather: Duration) -> Self {
        Self {
            failure: OnceLock::new(),
            closed: AtomicBool::new(false),
            nearly_full: AtomicBool::new(false),
            full: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            salt: RwLock::new(Arc::new(salt)),
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            gather,
        }
    }

    pub(super) fn check(&self) -> Result<(), LogUnavailable> {
        let ended = self.failure.get().is_some() || self.closed.load(Ordering::Acquire);
        if ended {
            Err(self.unavailable())
        } else {
            Ok(())
        }
    }

    /// Why the log takes nothing, asked only once that is so.
    pub(super) fn unavailable(&self) -> LogUnavailable {
        match self.failure.get() {
            Some(failure) => LogUnavailable::Failed(failure.clone()),
            None if self.closed.load(Ordering::Acquire) => LogUnavailable::Closed,
            None => LogUnavailable::Failed(LogFailure::Stopped),
        }
    }

    /// Keeps the first reason: what follows from it is of no use to anybody.
    pub(super) fn fail(&self, failure: &LogFailure) {
        drop(self.failure.set(failure.clone()));
    }

    pub(super) fn salt(&self) -> Arc<Salt> {
        Arc::clone(&self.salt.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change_salt(&self, salt: Salt) {
        *self.salt.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(salt);
    }

    /// Gives a record to the writer. A refused one is not answered: who gave it is told here.
    pub(super) fn push(&self, append: Append, part: Part) -> Result<(), LogUnavailable> {
        let (records, bytes) = match part {
            Part::Open => (QUEUE_RECORDS, QUEUE_BYTES),
            Part::Kept => (QUEUE_RECORDS + KEPT_RECORDS, QUEUE_BYTES + KEPT_BYTES),
        };
        let mut waiting = self.lock();
        waiting.under_way.leaves(append.step);
        if waiting.ended {
            drop(waiting);
            append.forget();
            let failed = self.failure.get().cloned().map(LogUnavailable::Failed);
            return Err(failed.unwrap_or(LogUnavailable::Closed));
        }
        let sum = waiting.bytes.saturating_add(append.record.bytes());
        if waiting.appends.len() >= records || sum > bytes {
            if part == Part::Kept {
                waiting.lost = waiting.lost.saturating_add(1);
            }
            drop(waiting);
            append.forget();
            return Err(LogUnavailable::Busy);
        }
        waiting.bytes = sum;
        let awaited = append.waiter.is_some();
        waiting.under_way.joins(append.step, awaited);
        if awaited {
            waiting.awaited += 1;
            if waiting.joined_by.is_none() {
                waiting.joined_by = Some(Instant::now() + waiting.under_way.patience());
            }
        } else if waiting.due.is_none() {
            waiting.due = Some(Instant::now() + self.gather);
        }
        waiting.appends.push(append);
        if waiting.appends.len() >= QUEUE_RECORDS / 2 || sum >= QUEUE_BYTES / 2 {
            self.behind.store(true, Ordering::Relaxed);
        }
        let wake = match waiting.sleep {
            Sleep::Awake => false,
            Sleep::Joining => waiting.is_pressing(),
            Sleep::Gathering => waiting.awaited > 0 || waiting.is_pressing(),
            Sleep::Idle => true,
        };
        self.wake(waiting, wake);
        Ok(())
    }

    /// Takes note of the end of an operation that has no record.
    pub(super) fn leaves(&self, step: Step) {
        self.lock().under_way.leaves(step);
    }

    /// Counts a record of what has happened already that could not be taken.
    pub(super) fn lose(&self) {
        let mut waiting = self.lock();
        waiting.lost = waiting.lost.saturating_add(1);
        let wake = waiting.sleep != Sleep::Awake;
        self.wake(waiting, wake);
    }

    /// Ends the queue: what is in it is still written. A second closer is dropped, and so is told nothing.
    pub(super) fn end(&self, closer: Option<Closer>) {
        let mut waiting = self.lock();
        if !waiting.ended {
            waiting.closer = closer;
        }
        waiting.ended = true;
        self.wake(waiting, true);
    }

    /// Waits until something must be done, at the latest until `until`, and takes what there is. The last sync took
    /// `sync`.
    pub(super) fn take(&self, until: Option<Instant>, sync: Duration) -> Waiting {
        let mut waiting = self.lock();
        waiting.under_way.syncs_take(sync);
        loop {
            let next = [waiting.due, waiting.joined_by, until];
            let next = next.into_iter().flatten().min();
            let now = next.map(|_| Instant::now());
            if waiting.is_pressing() || next.is_some_and(|next| now.is_some_and(|now| next <= now))
            {
                self.behind.store(false, Ordering::Relaxed);
                return waiting.take();
            }
            waiting.sleep = match (waiting.appends.is_empty(), waiting.awaited) {
                (true, _) => Sleep::Idle,
                (false, 0) => Sleep::Gathering,
                (false, _) => Sleep::Joining,
            };
            waiting = match (next, now) {
                (Some(next), Some(now)) => {
                    let left = next.saturating_duration_since(now);
                    let woken = self.arrived.wait_timeout(waiting, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                _ => self
                    .arrived
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer once for all that comes until it is awake.
    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>, wake: bool) {
        if wake {
            waiting.sleep = Sleep::Awake;
        }
        drop(waiting);
        if wake {
            self.arrived.notify_one();
        }
    }
}

impl Waiting {
    /// Whether what there is has to be written now.
    fn is_pressing(&self) -> bool {
        let joined = self.awaited > 0 && self.awaited >= self.under_way.others();
        joined || self.ended || self.lost > 0 || self.appends.len() >= GATHERED
    }

    fn take(&mut self) -> Waiting {
        let (ended, under_way) = (self.ended, self.under_way.after_all_are_taken());
        let taken = std::mem::take(self);
        (self.ended, self.under_way) = (ended, under_way);
        taken
    }
}

/// A record on its way to the writer.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) record: Prepared,
    pub(super) step: Step,
    /// `None` where nobody waits.
    pub(super) waiter: Option<Waiter>,
}

impl Append {
    /// Drops it without an answer, for a caller who has one already.
    fn forget(mut self) {
        if let Some(waiter) = &mut self.waiter {
            waiter.done = None;
        }
    }
}

/// Answers exactly once: when dropped unanswered, with the reason why the log ended.
pub(super) struct Waiter {
    done: Option<Done>,
    shared: Arc<Shared>,
}

impl Waiter {
    pub(super) fn new(done: Done, shared: Arc<Shared>) -> Self {
        Self {
            done: Some(done),
            shared,
        }
    }

    pub(super) fn answer(mut self, result: Result<Appended, LogUnavailable>) {
        self.tell(result);
    }

    fn tell(&mut self, result: Result<Appended, LogUnavailable>) {
        if let Some(done) = self.done.take() {
            // A caller that panics must not take the log with it.
            drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(
                || done(result),
            )));
        }
    }
}

impl std::fmt::Debug for Waiter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Waiter")
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.done.is_some() {
            let why = self.shared.unavailable();
            self.tell(Err(why));
        }
    }
}

/// Held by the handles together: when the last is gone, the writer ends.
#[derive(Debug)]
pub(super) struct Handles(pub(super) Arc<Shared>);

impl Drop for Handles {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

/// Says that the log has ended, should the writer end in a way that it should not, and answers who still waits.
pub(super) struct Ending(pub(super) Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.0.closed.load(Ordering::Acquire) {
            self.0.fail(&LogFailure::Stopped);
        }
        self.0.end(None);
        drop(self.0.take(None, Duration::ZERO));
    }
}

#[cfg(test)]
mod tests {
    use super::super::prepared::{Waited, prepare};
    use super::super::tests::event;
    use super::*;
    use crate::files::memory::MemoryFiles;

    #[test]
    fn an_end_waits_for_those_that_are_under_way_until_as_many_wait_as_are_not_there() {
        let hour = Duration::from_secs(3600);
        let salt = Salt::create(&MemoryFiles::default()).unwrap();
        let shared = Arc::new(Shared::new(salt, hour));
        shared.lock().under_way.syncs_take(hour);
        let push = |step: Step| {
            let record = prepare(None, &event(0, 0), Waited::Yes, &shared.salt()).unwrap();
            let waiter =
                (step == Step::Ends).then(|| Waiter::new(Box::new(|_| {}), Arc::clone(&shared)));
            let append = Append {
                record,
                step,
                waiter,
            };
            shared.push(append, Part::Open).unwrap();
            shared.lock().is_pressing()
        };
        let steps = [Step::Begins, Step::Begins, Step::Begins, Step::Ends];
        assert_eq!(steps.map(push), [false; 4]);
        assert!(push(Step::Ends));
        let taken = shared.take(None, hour);
        assert_eq!((taken.appends.len(), taken.awaited), (5, 2));
        // One more is under way, and nobody else.
        assert!(push(Step::Ends));
    }
}
