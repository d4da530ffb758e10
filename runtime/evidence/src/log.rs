//! The log as its users see it: open, append, health, close. One thread owns the files (see `writer`); everybody else
//! holds a [`LogHandle`] and gets an answer through a callback.

mod prepared;
mod queue;
mod underway;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crate::canonical::{Canonicalise, RECORD_BYTES};
pub use crate::checkpoint::Reads;
use crate::checkpoint::{Checkpoint, Origin};
use crate::files::Files;
use crate::files::directory::Directory;
use crate::key::AuditKey;
use crate::record::Event;
pub use crate::recovery::{OpenLog, Recovery};
use crate::salt::{CreateSalt, Salt};
use crate::{recovery, segment};
use prepared::{Prepared, Waited, prepare};
use queue::{Append, Handles, Part, Shared, Waiter};
use underway::Step;

/// Records that may wait for the writer. A full queue means that the disk is behind; callers refuse their operation.
pub const QUEUE_RECORDS: usize = 8192;
/// Bytes that may wait for the writer.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// Records of what has happened already that may wait beside those: one for each session that can be open, and more.
pub const KEPT_RECORDS: usize = 4096;
/// Bytes of them.
pub const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Says what time it is. Records carry it; it decides nothing.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Told once what became of an append; on the writer's thread, so it must not block.
pub type Done = Box<dyn FnOnce(Result<Appended, LogUnavailable>) + Send>;

/// How a log is kept.
pub struct LogOptions {
    /// Name of the log, in its checkpoints.
    pub origin: Origin,
    /// Signs the checkpoints.
    pub key: AuditKey,
    /// The key that signed them before `key` did. Where the log's last checkpoint is still by that one, the log records the
    /// change and goes on with `key`; otherwise it is not used.
    pub former_key: Option<AuditKey>,
    /// The system's clock unless a test says otherwise.
    pub clock: Clock,
    /// A checkpoint is written this long after the first record that the last one does not cover. 1 s.
    pub checkpoint_every: Duration,
    /// A checkpoint is written after so many records at the latest. 10,000.
    pub checkpoint_records: u64,
    /// Size of a segment file, allocated in advance. 16 MiB; held between 160 KiB and 64 MiB.
    pub segment_bytes: u64,
    /// A record that nobody waits for is written this long after it came, at the latest, or with the next that somebody
    /// waits for. 5 ms.
    pub gather: Duration,
    /// Salts are made from a new file after so long, also within a segment. 24 h.
    pub salt_every: Duration,
    /// Space that the disk did not have is asked for again after so long, then after twice as long each time, up to 64 times
    /// as long. 1 s.
    pub space_every: Duration,
    /// What checkpoints say of the records of reads. Only says it: how each record is kept is up to who appends it.
    pub reads: Reads,
}

impl LogOptions {
    /// The options with their stated values.
    #[must_use]
    pub fn new(origin: Origin, key: AuditKey) -> Self {
        Self {
            origin,
            key,
            former_key: None,
            clock: Arc::new(SystemTime::now),
            checkpoint_every: Duration::from_secs(1),
            checkpoint_records: 10_000,
            segment_bytes: segment::DEFAULT_BYTES,
            gather: Duration::from_millis(5),
            salt_every: Duration::from_secs(24 * 60 * 60),
            space_every: Duration::from_secs(1),
            reads: Reads::Durable,
        }
    }
}

impl From<CreateSalt> for LogFailure {
    fn from(failure: CreateSalt) -> Self {
        match failure {
            CreateSalt::NoRandomness => Self::NoRandomness,
            CreateSalt::Write { file, error } => Self::Write {
                file,
                error: Arc::new(error),
            },
            CreateSalt::Sync { file, error } => Self::Sync {
                file,
                error: Arc::new(error),
            },
        }
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LogOptions")
            .field("origin", &self.origin)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A record that is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its position.
    pub sequence: u64,
}

/// Why a record was not taken. The operation that it stands for must be refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogUnavailable {
    /// Too much waits for the disk.
    #[error("audit log is behind: its queue is full")]
    Busy,
    /// The record has no canonical form.
    #[error("record cannot be written: {0}")]
    NotCanonical(#[from] Canonicalise),
    /// The record is larger than the log takes; its producer must shorten `masked`.
    #[error("record of {bytes} bytes is larger than the {RECORD_BYTES} that the audit log takes")]
    TooLarge {
        /// Its size in canonical form.
        bytes: usize,
    },
    /// The log has failed and takes nothing until it is opened again.
    #[error("audit log has failed: {0}")]
    Failed(LogFailure),
    /// The log was closed.
    #[error("audit log is closed")]
    Closed,
}

/// What ended a log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogFailure {
    /// A write, allocation or rename failed.
    #[error("cannot write `{file}`: {error}")]
    Write {
        /// Name in the log directory.
        file: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The system gave no randomness for a salt.
    #[error("no salt could be made: the system gave no randomness")]
    NoRandomness,
    /// A sync failed; what is on disk is not known, so it is not tried again.
    #[error("cannot make `{file}` durable: {error}")]
    Sync {
        /// Name in the log directory.
        file: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The writer's thread ended in a way that it should not.
    #[error("the writer stopped")]
    Stopped,
}

/// Whether the log takes records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Serving,
    /// It does; the disk is at 90 % or more.
    NearlyFull,
    /// It does, for what is left of the segment: there is no space for another. Nothing new should begin.
    Full,
    /// It does not, until it is opened again.
    Failed {
        /// Why.
        why: String,
    },
    /// It was closed.
    Closed,
}

/// A log that is open for appending. Clones are the same log.
#[derive(Debug, Clone)]
pub struct LogHandle {
    shared: Arc<Shared>,
    #[expect(dead_code, reason = "ends the writer with the last handle")]
    handles: Arc<Handles>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl LogHandle {
    /// Opens the log in `path`, which is made when it is not there, and recovers it.
    ///
    /// # Errors
    /// See [`OpenLog`]; the log is left as it was found.
    pub fn open_directory(path: &Path, options: LogOptions) -> Result<(Self, Recovery), OpenLog> {
        let directory = Directory::create(path).map_err(|error| OpenLog::Io {
            file: path.display().to_string(),
            error,
        })?;
        Self::open(Arc::new(directory), options)
    }

    /// Opens the log in `files` and recovers it.
    ///
    /// # Errors
    /// See [`OpenLog`]; the log is left as it was found.
    pub fn open(files: Arc<dyn Files>, options: LogOptions) -> Result<(Self, Recovery), OpenLog> {
        let gather = options.gather;
        let (state, recovery) = recovery::open(files, options)?;
        let salt = Salt::create(&*state.files).map_err(LogFailure::from)?;
        let shared = Arc::new(Shared::new(salt, gather));
        let writer = writer::Writer::new(state, Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("hpol-audit-log".into())
            .spawn(move || writer.run())
            .map_err(|error| OpenLog::Io {
                file: "writer thread".into(),
                error,
            })?;
        Ok((
            Self {
                handles: Arc::new(Handles(Arc::clone(&shared))),
                shared,
                thread: Arc::new(Mutex::new(Some(thread))),
            },
            recovery,
        ))
    }

    /// Gives a record to the log. `done` is called exactly once if and only if this returns `Ok`, on the writer's thread,
    /// when the record is on disk, so that a crash of the machine cannot take it back, or will never be. Never blocks.
    /// Records of one caller keep their order, through whichever of these functions they come.
    ///
    /// # Errors
    /// At once and without calling `done`: when the queue is full, the record too large, or the log failed or closed.
    pub fn append(
        &self,
        session: Option<&str>,
        event: &Event,
        done: Done,
    ) -> Result<(), LogUnavailable> {
        self.give(session, event, Waited::Yes, Part::Open, Some(done))
    }

    /// Gives a record to the log that is on disk before every record that is appended after it, and otherwise within
    /// [`LogOptions::gather`] and one sync. A crash of gateway or machine before that takes it back.
    ///
    /// # Errors
    /// As [`LogHandle::append`].
    pub fn append_in_order(
        &self,
        session: Option<&str>,
        event: &Event,
    ) -> Result<(), LogUnavailable> {
        self.give(session, event, Waited::Yes, Part::Open, None)
    }

    /// As [`LogHandle::append_in_order`], where something has an effect although its record is not on disk yet. The
    /// record says so.
    ///
    /// # Errors
    /// As [`LogHandle::append`].
    pub fn append_buffered(
        &self,
        session: Option<&str>,
        event: &Event,
    ) -> Result<(), LogUnavailable> {
        self.give(session, event, Waited::No, Part::Open, None)
    }

    /// Gives a record to the log of what has happened already and cannot be refused any more. Part of the queue is kept
    /// for these. Should that be full too, or the record be none that the log takes, the loss is counted, and the log says
    /// how many were lost where they would have been.
    ///
    /// # Errors
    /// As [`LogHandle::append`].
    pub fn append_detached(
        &self,
        session: Option<&str>,
        event: &Event,
    ) -> Result<(), LogUnavailable> {
        self.give(session, event, Waited::Yes, Part::Kept, None)
    }

    fn give(
        &self,
        session: Option<&str>,
        event: &Event,
        waited: Waited,
        part: Part,
        done: Option<Done>,
    ) -> Result<(), LogUnavailable> {
        let step = Step::of(event);
        let record = self.prepare(session, event, waited).inspect_err(|_| {
            self.shared.leaves(step);
            if part == Part::Kept {
                self.shared.lose();
            }
        })?;
        let waiter = done.map(|done| Waiter::new(done, Arc::clone(&self.shared)));
        let append = Append {
            record,
            step,
            waiter,
        };
        self.shared.push(append, part)
    }

    fn prepare(
        &self,
        session: Option<&str>,
        event: &Event,
        waited: Waited,
    ) -> Result<Prepared, LogUnavailable> {
        self.shared.check()?;
        prepare(session, event, waited, &self.shared.salt())
    }

    /// Gives a record to the log and waits until it is durable. For callers that may block.
    ///
    /// # Errors
    /// When it is not and will not be in the log.
    pub fn append_and_wait(
        &self,
        session: Option<&str>,
        event: &Event,
    ) -> Result<Appended, LogUnavailable> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let done = Box::new(move |result| drop(sender.send(result)));
        self.append(session, event, done)?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(self.shared.unavailable()))
    }

    /// Whether the log takes records.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.shared.check() {
            Err(LogUnavailable::Failed(failure)) => Health::Failed {
                why: failure.to_string(),
            },
            Err(_) => Health::Closed,
            Ok(()) if self.shared.full.load(Ordering::Relaxed) => Health::Full,
            Ok(()) if self.shared.nearly_full.load(Ordering::Relaxed) => Health::NearlyFull,
            Ok(()) => Health::Serving,
        }
    }

    /// Whether so much waits for the disk that who can wait should: soon there is room for nothing more.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared.behind.load(Ordering::Relaxed)
    }

    /// Writes what waits, seals it with a checkpoint, and ends the writer. Blocks, so not to be called by a [`Done`];
    /// appends from now on are refused.
    ///
    /// # Errors
    /// When the log failed before all was sealed, or was closed already.
    pub fn close(&self) -> Result<Checkpoint, LogUnavailable> {
        self.shared.check()?;
        let (sender, receiver) = mpsc::sync_channel(1);
        self.shared.end(Some(sender));
        let sealed = receiver.recv().map_err(|_| self.shared.unavailable());
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            return Err(LogUnavailable::Failed(LogFailure::Stopped));
        }
        sealed
    }
}
