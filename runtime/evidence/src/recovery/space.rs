//! The space of segments: taken before a record needs it, and given back where it cannot be had whole. Knows nothing of
//! what the records are.

use std::io;
use std::sync::Arc;

use super::{OpenLog, Segment, io_error};
use crate::files::{self, Files, LogFile};
use crate::log::LogFailure;
use crate::merkle::CompactRange;
use crate::segment;
use crate::walk::Tail;

/// What is left of a disk when the space of a segment is taken: for checkpoints and salts, and for whoever else is there.
const LEFT_BYTES: u64 = 1024 * 1024;

/// Makes the last segment end in zeros of its full size, all of it durable, and keeps the whole records of a cut batch.
pub(super) fn mend(
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
    zero(&mut *file, length, full)
        .inspect_err(|_| give_back(&mut *file, length))
        .map_err(io)?;
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
    // Made first: what an earlier run left under this name is space too.
    let mut file = files.create(NEW)?;
    take(files, &mut *file, bytes)?;
    file.sync().inspect_err(|_| give_back(&mut *file, 0))?;
    Ok(file)
}

/// Takes all of the space or none: what a full disk has left is what checkpoints need.
fn take(files: &dyn Files, file: &mut dyn LogFile, bytes: u64) -> io::Result<()> {
    // A disk that cannot say what is free says so when it is written.
    if let Ok(free) = files.free_bytes()
        && free < bytes.saturating_add(LEFT_BYTES)
    {
        return Err(io::ErrorKind::StorageFull.into());
    }
    zero(file, 0, bytes).inspect_err(|_| give_back(file, 0))
}

/// After a failure that is told already.
fn give_back(file: &mut dyn LogFile, length: u64) {
    drop(file.set_length(length));
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
            take(files, &mut *file, bytes).map_err(failed)?;
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
