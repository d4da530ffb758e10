//! The two files of checkpoints: all of them in order, each followed by an empty line, and the newest alone. Does not
//! judge signatures.

use std::io;
use std::sync::Arc;

use crate::checkpoint::NOTE_BYTES;
use crate::files::{self, Files, LogFile};
use crate::log::LogFailure;

/// All checkpoints, oldest first.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// The newest checkpoint alone.
pub(crate) const CHECKPOINT: &str = "checkpoint";
const CHECKPOINT_NEW: &str = "checkpoint.new";
/// How far back the last whole note can begin: itself and the beginning of one that was being written.
const TAIL_BYTES: usize = 4 * NOTE_BYTES;

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
    let new_end = end.saturating_add(u64::try_from(listed.len()).unwrap_or(u64::MAX));
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
        Ok(file) => Ok(Some(lossless(files::read_up_to(&*file, 0, NOTE_BYTES)?)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The last whole note of the file of all, and where it ends.
pub(crate) fn last(files: &dyn Files) -> io::Result<Option<(String, u64)>> {
    let file = match files.read(CHECKPOINTS) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let start = file
        .length()?
        .saturating_sub(u64::try_from(TAIL_BYTES).unwrap_or(u64::MAX));
    let bytes = files::read_up_to(&*file, start, TAIL_BYTES)?;
    let mut found = None;
    // Every start of a note that is in the window is tried; the last one that is whole stands.
    let mut at = if start == 0 {
        0
    } else {
        next_note(&bytes, 0).unwrap_or(bytes.len())
    };
    while let Some(length) = whole_note(bytes.get(at..).unwrap_or_default()) {
        let note = bytes.get(at..at + length - 1).unwrap_or_default().to_vec();
        at += length;
        found = Some((
            lossless(note)?,
            start.saturating_add(u64::try_from(at).unwrap_or(u64::MAX)),
        ));
    }
    Ok(found)
}

/// Splits the bytes of the file of all into whole notes; what remains is one that was being written.
pub(crate) fn split(bytes: &[u8]) -> io::Result<(Vec<String>, &[u8])> {
    let (mut notes, mut rest) = (Vec::new(), bytes);
    while let Some(length) = whole_note(rest) {
        let (note, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        notes.push(lossless(
            note.get(..length - 1).unwrap_or_default().to_vec(),
        )?);
        rest = after;
    }
    Ok((notes, rest))
}

/// Length of the whole note at the beginning, with the empty line after it: text, empty line, signatures, empty line.
fn whole_note(bytes: &[u8]) -> Option<usize> {
    let text = find_empty_line(bytes)?;
    let signatures = find_empty_line(bytes.get(text..)?)?;
    Some(text + signatures)
}

/// Where a note begins after `from`: after an empty line that a signature line precedes.
fn next_note(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
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

fn lossless(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}
