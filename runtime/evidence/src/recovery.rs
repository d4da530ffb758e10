//! Opens a log for appending: finds the end of what is whole, cuts the remains of a batch that was being written, and
//! proves against the last checkpoint that nothing durable is gone. Anything else is a refusal to start.

use std::io;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, Origin, ReadCheckpoint};
use crate::files::{self, Files, LogFile};
use crate::key::AuditKey;
use crate::log::{LogFailure, LogOptions};
use crate::merkle::{CompactRange, leaf_hash};
use crate::notes::{self, CHECKPOINT, CHECKPOINTS};
use crate::segment;
use crate::walk::{self, ReadLog, Step, Tail, Walk};

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
    let mut former = options.former_key.take();
    let last = last_checkpoint(&*files, &options, former.as_ref())?;
    if last.as_ref().is_none_or(|last| !last.by_former) {
        former = None;
    }
    match (last, firsts.is_empty()) {
        (None, true) => begin(files, lock, options),
        (Some(last), true) if last.checkpoint.size == 0 => begin(files, lock, options),
        (Some(last), true) => Err(OpenLog::RecordsMissing {
            sealed: last.checkpoint.size,
            found: 0,
        }),
        (None, false) => Err(OpenLog::CheckpointMissing),
        (Some(last), false) => {
            let (mut state, recovery) = resume(files, lock, options, &firsts, &last)?;
            state.former = former;
            Ok((state, recovery))
        }
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
    firsts: &[u64],
    last: &Last,
) -> Result<(State, Recovery), OpenLog> {
    let sealed = last.checkpoint.size;
    let start = firsts
        .iter()
        .rev()
        .copied()
        .find(|first| *first <= sealed)
        .unwrap_or(0);
    let mut range = walk::range_before(&*files, start)?;
    let mut walk = Walk::from_segment(Arc::clone(&files), start);
    check_root(&range, &last.checkpoint)?;
    let tail = loop {
        match walk.step()? {
            Step::Records(records) => push_all(&mut range, &records, &last.checkpoint)?,
            Step::End(tail) => break tail,
        }
    };
    let cut = walk.remains()?;
    let Some((first, end)) = walk.place() else {
        return Err(OpenLog::RecordsMissing { sealed, found: 0 });
    };
    push_all(&mut range, &tail.unfinished, &last.checkpoint)?;
    if range.size() < sealed {
        let found = range.size();
        let missing = OpenLog::RecordsMissing { sealed, found };
        return Err(tail.torn.map_or(missing, OpenLog::Read));
    }
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
        former: None,
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

/// Makes the last segment end in zeros of its full size, all of it durable, and keeps the whole records of a cut batch.
fn mend(
    files: &dyn Files,
    first: u64,
    end: u64,
    cut: Option<&Tail>,
    segment_bytes: u64,
) -> Result<Segment, OpenLog> {
    let name = segment::name(first);
    let io = |error| io_error(&segment::name(first), error);
    let mut file = files.write(&name).map_err(io)?;
    let mut frames = Vec::new();
    for record in cut
        .map(|tail| tail.unfinished.as_slice())
        .unwrap_or_default()
    {
        crate::frame::write(crate::frame::Kind::Record, &record.bytes, &mut frames);
    }
    let length = file.length().map_err(io)?;
    let batch = if frames.is_empty() {
        Vec::new()
    } else {
        segment::batch(&frames)
    };
    let whole = end.saturating_add(u64::try_from(batch.len()).unwrap_or(u64::MAX));
    if cut.is_some() {
        // Zeros first: should this be interrupted, the same batch is cut again at the same place.
        zero(&mut *file, whole, length).map_err(io)?;
        file.sync().map_err(io)?;
        files::write_all(&mut *file, &batch, end).map_err(io)?;
    }
    let full = segment_bytes.max(length);
    zero(&mut *file, length, full).map_err(io)?;
    // Also where nothing was cut: what a crashed gateway left to the system may not be on disk yet.
    file.sync().map_err(io)?;
    Ok(Segment {
        name,
        file,
        end: whole,
        length: full,
    })
}

/// A segment that is being made: its name until it has its beginning.
const NEW: &str = "segment.new";

/// Takes the space of a segment.
pub(crate) fn allocate_segment(files: &dyn Files, bytes: u64) -> io::Result<Box<dyn LogFile>> {
    let mut file = files.create(NEW)?;
    zero(&mut *file, 0, bytes)?;
    file.sync()?;
    Ok(file)
}

/// Makes the segment that goes on after `range`, in the space taken for it or in new space of so many `bytes`.
pub(crate) fn new_segment(
    files: &dyn Files,
    range: &CompactRange,
    bytes: u64,
    allocated: Option<Box<dyn LogFile>>,
) -> Result<Segment, LogFailure> {
    let name = segment::name(range.size());
    let failed = |error| LogFailure::Write {
        file: segment::name(range.size()),
        error: Arc::new(error),
    };
    let unsynced = |error| LogFailure::Sync {
        file: segment::name(range.size()),
        error: Arc::new(error),
    };
    let header = segment::header(range);
    let end = u64::try_from(header.len()).unwrap_or(u64::MAX);
    let mut file = match allocated {
        Some(file) => file,
        None => {
            let mut file = files.create(NEW).map_err(failed)?;
            zero(&mut *file, end, bytes).map_err(failed)?;
            file
        }
    };
    files::write_all(&mut *file, &header, 0).map_err(failed)?;
    file.sync().map_err(unsynced)?;
    files.rename(NEW, &name).map_err(failed)?;
    files.sync_names().map_err(unsynced)?;
    Ok(Segment {
        name,
        file,
        end,
        length: bytes,
    })
}

/// Real zeros, not a hole: the space must be there before a record needs it.
fn zero(file: &mut dyn LogFile, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; 256 * 1024];
    let mut at = from;
    while at < to {
        let count = usize::try_from(to - at)
            .unwrap_or(usize::MAX)
            .min(zeros.len());
        files::write_all(file, zeros.get(..count).unwrap_or_default(), at)?;
        at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(())
}

struct Last {
    checkpoint: Checkpoint,
    /// Where it ends in the file of all checkpoints.
    end: u64,
    /// Whether only the key before this one signed it.
    by_former: bool,
}

fn last_checkpoint(
    files: &dyn Files,
    options: &LogOptions,
    former: Option<&AuditKey>,
) -> Result<Option<Last>, OpenLog> {
    let open = |note: &str| match (Checkpoint::open(note, &options.key.public()), former) {
        (Err(ReadCheckpoint::OtherKey { .. }), Some(former)) => {
            Checkpoint::open(note, &former.public()).map(|checkpoint| (checkpoint, true))
        }
        (opened, _) => opened.map(|checkpoint| (checkpoint, false)),
    };
    let newest_note = notes::newest(files).map_err(|error| io_error(CHECKPOINT, error))?;
    let newest = newest_note.as_deref().map(open).transpose()?;
    let newest_size = newest.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
    let mut listed = notes::last(files).map_err(|error| io_error(CHECKPOINTS, error))?;
    let last = match listed.pop() {
        None => None,
        Some((note, end)) => match (open(&note), listed.pop()) {
            (Ok(opened), _) => Some((opened, end)),
            // The last may be the remains of one that was being written, with parts lost: then the newest is the one
            // before it, because a note becomes the newest only when it is durable among all.
            (Err(_), Some((before, end))) if newest_note.as_ref() == Some(&before) => {
                Some((open(&before)?, end))
            }
            (Err(_), None) if newest_note.is_none() => None,
            (Err(why), _) => return Err(why.into()),
        },
    };
    let Some(((checkpoint, by_former), end)) = last else {
        return match newest {
            None => Ok(None),
            Some(_) => Err(OpenLog::CheckpointsCut {
                listed: 0,
                newest: newest_size,
            }),
        };
    };
    check_origin(&options.origin, &checkpoint.origin)?;
    if checkpoint.size < newest_size {
        return Err(OpenLog::CheckpointsCut {
            listed: checkpoint.size,
            newest: newest_size,
        });
    }
    Ok(Some(Last {
        checkpoint,
        end,
        by_former,
    }))
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
