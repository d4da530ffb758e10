//! JSON documents in which values must be hidden by where they stand. What is hidden by how it looks, in strings and
//! numbers anywhere, is left to the detectors' [`Stream`] behind it.

mod places;
mod string;
mod value;
mod walk;

use std::sync::Arc;

use crate::masker::Masker;
use crate::stream::{Stream, StreamKind};
use walk::{Piece, Walk};

/// One JSON document (RFC 8259), or several after one another, each with a root of its own. Bytes outside hidden values
/// pass as they are; what is hidden becomes a string, or `null` where the mask says so. Where chunks are cut makes no
/// difference, and no more of a value is held than [`Document::LONGEST_VALUE`].
///
/// A name is compared with its escapes resolved, and of several members with one name each is hidden. Whatever is not
/// JSON by the letter, or could be read in two ways, is an error: others would read it differently, and find what is
/// hidden here.
#[derive(Debug)]
pub struct Document {
    masker: Arc<Masker>,
    walk: Walk,
    /// Where there are detectors.
    looked_through: Option<Stream>,
    walked: Vec<u8>,
    failed: Option<NotJson>,
}

/// Why a body cannot be read as JSON. Bytes that were released before are fine; nothing more may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// Something that may not stand there.
    #[error("it is not JSON after {at} bytes")]
    Syntax {
        /// Bytes that are known to be fine. More of a string may be.
        at: u64,
    },
    /// The last document has no end.
    #[error("its JSON has no end")]
    Unfinished,
    /// Objects and arrays within one another.
    #[error("its JSON is nested deeper than {} levels", Document::DEEPEST)]
    TooDeep,
    /// A number with too many digits.
    #[error("it has a number of more than {} characters", Document::LONGEST_NUMBER)]
    TooLong,
    /// A member's name with half a surrogate pair or U+0000, which readers drop, cut at or replace.
    #[error("it has a member whose name has more than one reading")]
    Ambiguous,
}

impl Document {
    /// Objects and arrays within one another.
    pub const DEEPEST: usize = 128;
    /// Bytes of a value at a path; one that is longer is hidden whole, whatever the mask.
    pub const LONGEST_VALUE: usize = 64 << 10;
    /// Characters of a number.
    pub const LONGEST_NUMBER: usize = 1024;

    /// A body at its beginning.
    #[must_use]
    pub fn new(masker: Arc<Masker>) -> Document {
        let looked_through = masker
            .has_detectors()
            .then(|| Stream::new(Arc::clone(&masker), StreamKind::Json));
        Document {
            walk: Walk::new(&masker),
            masker,
            looked_through,
            walked: Vec::new(),
            failed: None,
        }
    }

    /// Takes `chunk`, appends what can be released to `out`, and adds what was hidden to `counts`, which is indexed by slot.
    ///
    /// # Errors
    /// If it is not JSON; then what this call appended must not be released, and every later call fails alike.
    pub fn push(
        &mut self,
        chunk: &[u8],
        counts: &mut [u64],
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let mut piece = Piece::new(chunk, counts);
        let walked = match &mut self.looked_through {
            None => self.walk.push(&self.masker, &mut piece, out),
            Some(_) => self.walk.push(&self.masker, &mut piece, &mut self.walked),
        };
        self.failed = walked.err();
        if let Some(stream) = &mut self.looked_through {
            stream.push(&self.walked, counts, out);
            self.walked.clear();
        }
        walked
    }

    /// Releases the rest.
    ///
    /// # Errors
    /// If it is not JSON, or a document has begun and not ended.
    pub fn finish(&mut self, counts: &mut [u64], out: &mut Vec<u8>) -> Result<(), NotJson> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        // A number ends where something follows it.
        let in_atom = self.walk.is_in_atom();
        if in_atom {
            self.push(b" ", counts, out)?;
        }
        if !self.walk.is_between() {
            self.failed = Some(NotJson::Unfinished);
            return Err(NotJson::Unfinished);
        }
        if let Some(stream) = &mut self.looked_through {
            stream.finish(counts, out);
        }
        if in_atom && out.ends_with(b" ") {
            out.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
