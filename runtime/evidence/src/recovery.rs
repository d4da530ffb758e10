//! Opens a log for appending: finds the end of what is whole, cuts the remains of a batch that was being written, and
//! proves against the last checkpoint that nothing durable is gone. Anything else is a refusal to start.

mod signer;
mod space;

use std::io;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, Origin, ReadCheckpoint};
use crate::files::{Files, LogFile};
use crate::key::AuditKey;
use crate::log::{LogFailure, LogOptions};
use crate::merkle::{CompactRange, leaf_hash};
use crate::notes::{self, CHECKPOINT, CHECKPOINTS};
use crate::segment;
use crate::walk::{self, ReadLog, Step, Walk};
use signer::{Announced, Last, Signer, last_checkpoint};
use space::mend;
pub(crate) use space::{allocate_segment, new_segment};

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenLog {
    /// Another process, or another handle of this one, writes it.
    #[error("audit log is in use by another writer")]
    InUse,
    /// The system refused.
    #[error("cannot use `{file}`: {error}")]
    Io {
        /// Name in the log directory.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The first writes failed.
    #[error("audit log cannot be written: {0}")]
    Write(#[from] LogFailure),
    /// Its records cannot be read to the end.
    #[error("audit log is not whole: {0}")]
    Read(#[from] ReadLog),
    /// The last checkpoint is not one that this gateway's key signed.
    #[error("last checkpoint is not to be trusted: {0}")]
    Checkpoint(#[from] ReadCheckpoint),
    /// It is another log's directory.
    #[error("audit log is of `{found}`, this gateway's is `{expected}`")]
    OtherOrigin {
        /// Origin in the options.
        expected: String,
        /// Origin in the checkpoint.
        found: String,
    },
    /// A record that the last checkpoint seals says that the log goes on with another key, which signed it too.
    #[error(
        "audit log is signed by key {to}, as a record says: sign with that one, or give it as the former key to change from it"
    )]
    KeyChanged {
        /// Id of that key.
        to: String,
    },
    /// There are segments and no checkpoint; the log writes one before its first segment.
    #[error("audit log has records and no checkpoint: `{CHECKPOINTS}` and `{CHECKPOINT}` are gone")]
    CheckpointMissing,
    /// The file of all checkpoints ends before the newest.
    #[error("`{CHECKPOINTS}` ends at size {listed}, but `{CHECKPOINT}` says {newest}")]
    CheckpointsCut {
        /// Size in the last of all.
        listed: u64,
        /// Size in the newest.
        newest: u64,
    },
    /// Sealed records are gone.
    #[error("audit log has {found} records, but its last checkpoint seals {sealed}")]
    RecordsMissing {
        /// Records that the checkpoint seals.
        sealed: u64,
        /// Whole records.
        found: u64,
    },
    /// Sealed records are not those that were sealed.
    #[error("the first {size} records are not those that the last checkpoint seals")]
    RootDiffers {
        /// Records that the checkpoint seals.
        size: u64,
    },
}

/// What was found when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Records in the log.
    pub records: u64,
    /// Of these, records that the last checkpoint did not cover yet.
    pub unsealed: u64,
    /// Whether the remains of a batch that was being written were cut off. None of its records had been acknowledged
    /// as durable.
    pub cut: bool,
}

/// All that the writer starts from.
pub(crate) struct State {
    pub(crate) files: Arc<dyn Files>,
    #[expect(dead_code, reason = "held until the writer ends")]
    pub(crate) lock: Box<dyn Send>,
    pub(crate) options: LogOptions,
    pub(crate) range: CompactRange,
    /// Size in the last checkpoint.
    pub(crate) sealed: u64,
    pub(crate) segment: Segment,
    pub(crate) checkpoints: Box<dyn LogFile>,
    pub(crate) checkpoints_end: u64,
    /// The key that signed until now, where another signs from now on.
    pub(crate) former: Option<AuditKey>,
    /// Whether a record says so: the next checkpoint is by both.
    pub(crate) announced: bool,
}

/// The segment that is written.
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) file: Box<dyn LogFile>,
    /// Where the next batch goes.
    pub(crate) end: u64,
    /// How long the file is.
    pub(crate) length: u64,
}

/// Opens a log for appending.
pub(crate) fn open(
    files: Arc<dyn Files>,
    mut options: LogOptions,
) -> Result<(State, Recovery), OpenLog> {
    options.segment_bytes = options
        .segment_bytes
        .clamp(segment::LEAST_BYTES, segment::MOST_BYTES);
    let lock = files.lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenLog::InUse,
        _ => OpenLog::Io {
            file: "lock".into(),
            error,
        },
    })?;
    let firsts = walk::segments(&*files)?;
    let former = options.former_key.take();
    let last = last_checkpoint(&*files, &options, former.as_ref())?;
    match (last, firsts.is_empty()) {
        (None, true) => begin(files, lock, options),
        (Some(last), true) if last.checkpoint.size == 0 => begin(files, lock, options),
        (Some(last), true) => Err(OpenLog::RecordsMissing {
            sealed: last.checkpoint.size,
            found: 0,
        }),
        (None, false) => Err(OpenLog::CheckpointMissing),
        (Some(last), false) => resume(files, lock, options, former, &firsts, &last),
    }
}

/// A new log. The checkpoint of no records comes first: from the first segment on, one must be there.
fn begin(
    files: Arc<dyn Files>,
    lock: Box<dyn Send>,
    options: LogOptions,
) -> Result<(State, Recovery), OpenLog> {
    let range = CompactRange::default();
    let checkpoint = Checkpoint {
        origin: options.origin.clone(),
        size: 0,
        root: range.root(),
        reads: options.reads,
    };
    let mut checkpoints = files
        .create(CHECKPOINTS)
        .map_err(|error| io_error(CHECKPOINTS, error))?;
    let checkpoints_end = notes::append(
        &*files,
        &mut *checkpoints,
        0,
        &checkpoint.sign(&options.key),
    )?;
    let segment = new_segment(&*files, &range, options.segment_bytes, None)?;
    let state = State {
        files,
        lock,
        options,
        range,
        sealed: 0,
        segment,
        checkpoints,
        checkpoints_end,
        former: None,
        announced: false,
    };
    Ok((
        state,
        Recovery {
            records: 0,
            unsealed: 0,
            cut: false,
        },
    ))
}

fn resume(
    files: Arc<dyn Files>,
    lock: Box<dyn Send>,
    options: LogOptions,
    former: Option<AuditKey>,
    firsts: &[u64],
    last: &Last,
) -> Result<(State, Recovery), OpenLog> {
    let sealed = last.checkpoint.size;
    let start = firsts
        .iter()
        .rev()
        .copied()
        .find(|first| *first < sealed || (*first == sealed && !last.is_by_two()))
        .unwrap_or(0);
    let mut range = walk::range_before(&*files, start)?;
    let mut walk = Walk::from_segment(Arc::clone(&files), start);
    let mut announced = Announced::new(last);
    check_root(&range, &last.checkpoint)?;
    let tail = loop {
        match walk.step()? {
            Step::Records(records) => {
                records.iter().for_each(|record| announced.hear(record));
                push_all(&mut range, &records, &last.checkpoint)?;
            }
            Step::End(tail) => break tail,
        }
    };
    let cut = walk.remains()?;
    let Some((first, end)) = walk.place() else {
        return Err(OpenLog::RecordsMissing { sealed, found: 0 });
    };
    let unfinished = &tail.unfinished;
    unfinished.iter().for_each(|record| announced.hear(record));
    push_all(&mut range, unfinished, &last.checkpoint)?;
    if range.size() < sealed {
        let found = range.size();
        let missing = OpenLog::RecordsMissing { sealed, found };
        return Err(tail.torn.map_or(missing, OpenLog::Read));
    }
    let Signer { former, announced } = announced.signer(&options, former)?;
    let segment = mend(
        &*files,
        first,
        end,
        cut.then_some(&tail),
        options.segment_bytes,
    )?;
    let checkpoints = files
        .write(CHECKPOINTS)
        .map_err(|error| io_error(CHECKPOINTS, error))?;
    let recovery = Recovery {
        records: range.size(),
        unsealed: range.size() - sealed,
        cut,
    };
    let state = State {
        files,
        lock,
        options,
        range,
        sealed,
        segment,
        checkpoints,
        checkpoints_end: last.end,
        former,
        announced,
    };
    Ok((state, recovery))
}

fn push_all(
    range: &mut CompactRange,
    records: &[walk::Stored],
    checkpoint: &Checkpoint,
) -> Result<(), OpenLog> {
    for record in records {
        range.push(leaf_hash(&record.bytes));
        check_root(range, checkpoint)?;
    }
    Ok(())
}

fn check_root(range: &CompactRange, checkpoint: &Checkpoint) -> Result<(), OpenLog> {
    if range.size() == checkpoint.size && range.root() != checkpoint.root {
        return Err(OpenLog::RootDiffers {
            size: checkpoint.size,
        });
    }
    Ok(())
}

fn check_origin(expected: &Origin, found: &Origin) -> Result<(), OpenLog> {
    if expected == found {
        return Ok(());
    }
    Err(OpenLog::OtherOrigin {
        expected: expected.as_str().to_owned(),
        found: found.as_str().to_owned(),
    })
}

fn io_error(file: &str, error: io::Error) -> OpenLog {
    OpenLog::Io {
        file: file.to_owned(),
        error,
    }
}
