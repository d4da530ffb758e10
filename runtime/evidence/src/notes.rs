//! The two files of checkpoints: all of them in order, each followed by an empty line, and the newest alone. What they
//! say of the records is for others.

use std::io;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, NOTE_BYTES, ReadCheckpoint};
use crate::files::{self, Files, LogFile};
use crate::key::AuditPublicKey;
use crate::log::LogFailure;

/// All checkpoints, oldest first.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// The newest checkpoint alone.
pub(crate) const CHECKPOINT: &str = "checkpoint";
const CHECKPOINT_NEW: &str = "checkpoint.new";
/// How far back the last whole note can begin: itself and the beginning of one that was being written.
const TAIL_BYTES: usize = 4 * NOTE_BYTES;
/// Most bytes of the file of all that are read: some two years of one each second.
const CHECKPOINTS_BYTES: usize = 1 << 34;

/// Writes a note at `end` of the file of all and makes it the newest, both durable; the new end.
pub(crate) fn append(
    files: &dyn Files,
    all: &mut dyn LogFile,
    end: u64,
    note: &str,
) -> Result<u64, LogFailure> {
    let failed = |file: &str| {
        let file = file.to_owned();
        move |error| LogFailure::Write {
            file,
            error: Arc::new(error),
        }
    };
    let unsynced = |file: &str| {
        let file = file.to_owned();
        move |error| LogFailure::Sync {
            file,
            error: Arc::new(error),
        }
    };
    let listed = format!("{note}\n");
    let new_end = end.saturating_add(wide(listed.len()));
    files::write_all(all, listed.as_bytes(), end).map_err(failed(CHECKPOINTS))?;
    // The remains of a note that was being written may be longer than this one.
    all.set_length(new_end).map_err(failed(CHECKPOINTS))?;
    all.sync().map_err(unsynced(CHECKPOINTS))?;
    let mut newest = files.create(CHECKPOINT_NEW).map_err(failed(CHECKPOINT))?;
    files::write_all(&mut *newest, note.as_bytes(), 0).map_err(failed(CHECKPOINT))?;
    newest.sync().map_err(unsynced(CHECKPOINT))?;
    files
        .rename(CHECKPOINT_NEW, CHECKPOINT)
        .map_err(failed(CHECKPOINT))?;
    files.sync_names().map_err(unsynced(CHECKPOINT))?;
    Ok(new_end)
}

/// The newest note, if there is one.
pub(crate) fn newest(files: &dyn Files) -> io::Result<Option<String>> {
    match files.read(CHECKPOINT) {
        Ok(file) => {
            let note = files::read_up_to(&*file, 0, NOTE_BYTES)?;
            Ok(Some(String::from_utf8_lossy(&note).into_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens whole notes of the file of all, which reach to its end. The last of them may be the remains of one that was
/// being written, with parts lost: then the newest is the one before it, because a note becomes the newest only when it
/// is durable among all.
///
/// # Errors
/// The index of the first other note that is not to be trusted, and why.
pub(crate) fn open_all<'a>(
    notes: impl ExactSizeIterator<Item = &'a str>,
    newest: Option<&Checkpoint>,
    key: &AuditPublicKey,
) -> Result<Vec<Checkpoint>, (usize, ReadCheckpoint)> {
    let count = notes.len();
    let mut opened = Vec::with_capacity(count);
    for (index, note) in notes.enumerate() {
        match Checkpoint::open(note, key) {
            Ok(checkpoint) => opened.push(checkpoint),
            Err(_) if index + 1 == count && opened.last() == newest => {}
            Err(why) => return Err((index, why)),
        }
    }
    Ok(opened)
}

/// The last whole notes of the file of all, each with where it ends.
pub(crate) fn last(files: &dyn Files) -> io::Result<Vec<(String, u64)>> {
    read(files, TAIL_BYTES)
}

/// All whole notes.
pub(crate) fn all(files: &dyn Files) -> io::Result<Vec<(String, u64)>> {
    read(files, CHECKPOINTS_BYTES)
}

/// The whole notes in the last `limit` bytes. What remains after them is one that was being written.
fn read(files: &dyn Files, limit: usize) -> io::Result<Vec<(String, u64)>> {
    let file = match files.read(CHECKPOINTS) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let start = file.length()?.saturating_sub(wide(limit));
    let bytes = files::read_up_to(&*file, start, limit)?;
    let begin = if start == 0 {
        Some(0)
    } else {
        next_note(&bytes)
    };
    let mut at = begin.unwrap_or(bytes.len());
    let mut notes = Vec::new();
    while let Some(length) = whole_note(bytes.get(at..).unwrap_or_default()) {
        let note = bytes.get(at..at + length - 1).unwrap_or_default();
        at += length;
        // Bytes that are no text are no note; opening it says so.
        notes.push((
            String::from_utf8_lossy(note).into_owned(),
            start.saturating_add(wide(at)),
        ));
    }
    Ok(notes)
}

/// Length of the whole note at the beginning, with the empty line after it: text, empty line, signatures, empty line.
fn whole_note(bytes: &[u8]) -> Option<usize> {
    let text = find_empty_line(bytes)?;
    let signatures = find_empty_line(bytes.get(text..)?)?;
    Some(text + signatures)
}

/// Where the first note begins of which nothing is cut off: after an empty line that a signature line precedes.
fn next_note(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let block = bytes.get(at..)?;
        let end = find_empty_line(block)?;
        let last_line = block.get(..end - 2)?.rsplit(|byte| *byte == b'\n').next()?;
        at += end;
        if last_line.starts_with("\u{2014} ".as_bytes()) {
            return Some(at);
        }
    }
}

fn find_empty_line(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map(|place| place + 2)
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
