//! What passes between the handles and the writer: messages, the state that both see, and the promise that every append
//! is answered once.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;

use serde_json::{Map, Value};

use super::{Appended, Done, Durability, LogFailure, LogUnavailable, QUEUE_BYTES};
use crate::canonical::{self, RECORD_BYTES};
use crate::checkpoint::Checkpoint;
use crate::record::Event;

/// Room for what the writer adds to a record: `sequence` and `time` with their names.
const STAMP_BYTES: usize = 80;

/// What the handles and the writer both see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) failure: OnceLock<LogFailure>,
    pub(super) closed: AtomicBool,
    pub(super) nearly_full: AtomicBool,
    queued_bytes: AtomicUsize,
}

impl Shared {
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

    pub(super) fn reserve(&self, bytes: usize) -> Result<(), LogUnavailable> {
        let fits = |queued: usize| queued.checked_add(bytes).filter(|sum| *sum <= QUEUE_BYTES);
        let reserved = self
            .queued_bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
        reserved.map(|_| ()).map_err(|_| LogUnavailable::Busy)
    }

    pub(super) fn release(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

pub(super) enum Message {
    Append(Append),
    Close(SyncSender<Checkpoint>),
}

impl Message {
    /// Drops the message without an answer, for a caller who has one already.
    pub(super) fn forget(self) {
        if let Self::Append(mut append) = self {
            append.waiter.done = None;
        }
    }
}

/// A record on its way to the writer.
pub(super) struct Append {
    pub(super) record: Prepared,
    pub(super) durability: Durability,
    pub(super) waiter: Waiter,
}

/// A record without sequence and time, known to have a canonical form that fits.
pub(super) struct Prepared {
    pub(super) members: Map<String, Value>,
    pub(super) bytes: usize,
}

pub(super) fn prepare(session: Option<&str>, event: &Event) -> Result<Prepared, LogUnavailable> {
    let mut members = canonical::object(event)?;
    if let Some(session) = session {
        members.insert("session".into(), Value::String(session.to_owned()));
    }
    let value = Value::Object(members);
    let bytes = canonical::canonical(&value)?.len() + STAMP_BYTES;
    match value {
        Value::Object(members) if bytes <= RECORD_BYTES => Ok(Prepared { members, bytes }),
        _ => Err(LogUnavailable::TooLarge { bytes }),
    }
}

/// Answers exactly once: when dropped unanswered, with the reason why the log ended.
pub(super) struct Waiter {
    pub(super) done: Option<Done>,
    pub(super) shared: Arc<Shared>,
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

impl Drop for Waiter {
    fn drop(&mut self) {
        let why = self.shared.unavailable();
        self.tell(Err(why));
    }
}

/// Says that the log has ended, should the writer end in a way that it should not.
pub(super) struct Ending(pub(super) Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.0.closed.load(Ordering::Acquire) {
            self.0.fail(&LogFailure::Stopped);
        }
    }
}
