//! The two files of checkpoints: all of them in order, each followed by an empty line, and the newest alone. What they
//! say of the records is for others.

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
/// Bytes of the file of all that are read at once.
const WINDOW_BYTES: usize = 16 * NOTE_BYTES;

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

/// The last whole notes of the file of all, each with where it ends.
pub(crate) fn last(files: &dyn Files) -> io::Result<Vec<(String, u64)>> {
    let Some(file) = all(files)? else {
        return Ok(Vec::new());
    };
    let start = file.length()?.saturating_sub(wide(TAIL_BYTES));
    let bytes = files::read_up_to(&*file, start, TAIL_BYTES)?;
    let begin = if start == 0 {
        Some(0)
    } else {
        next_note(&bytes)
    };
    let mut at = begin.unwrap_or(bytes.len());
    let mut notes = Vec::new();
    while let Some((note, length)) = whole_note(bytes.get(at..).unwrap_or_default()) {
        at += length;
        notes.push((note, start.saturating_add(wide(at))));
    }
    Ok(notes)
}

/// The file of all, if there is one.
fn all(files: &dyn Files) -> io::Result<Option<Box<dyn LogFile>>> {
    match files.read(CHECKPOINTS) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The whole notes that the file of all held when it was opened, oldest first. What remains after them is one that was
/// being written.
pub(crate) struct Notes {
    file: Option<Box<dyn LogFile>>,
    length: u64,
    /// Read and not given out yet, and where that begins in the file.
    window: Vec<u8>,
    start: u64,
}

impl Notes {
    pub(crate) fn open(files: &dyn Files) -> io::Result<Self> {
        let file = all(files)?;
        let length = file.as_ref().map_or(Ok(0), |file| file.length())?;
        Ok(Self {
            file,
            length,
            window: Vec::new(),
            start: 0,
        })
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<String>> {
        if let Some(note) = self.first() {
            return Ok(Some(note));
        }
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let left = usize::try_from(self.length.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.window = files::read_up_to(&**file, self.start, left.min(WINDOW_BYTES))?;
        Ok(self.first())
    }

    fn first(&mut self) -> Option<String> {
        let (note, length) = whole_note(&self.window)?;
        self.window.drain(..length);
        self.start = self.start.saturating_add(wide(length));
        Some(note)
    }
}

/// The whole note at the beginning, and its length with the empty line after it: text, empty line, signatures, empty line.
/// Bytes that are no text are no note; opening it says so.
fn whole_note(bytes: &[u8]) -> Option<(String, usize)> {
    let text = find_empty_line(bytes)?;
    let length = text + find_empty_line(bytes.get(text..)?)?;
    let note = bytes.get(..length - 1)?;
    Some((String::from_utf8_lossy(note).into_owned(), length))
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
