//! Detectors over a body that arrives in chunks. Where the chunks are cut makes no difference, and no more is held than
//! the longest finding whose end is not known yet; keys and tokens are hidden as they come.

mod json;
mod text;

use std::sync::Arc;

use crate::masker::Masker;
use json::Json;
pub(crate) use json::escape::write as write_escaped;
use text::Text;

/// What a stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// Any bytes; they are read as UTF-8 where that matters.
    Text,
    /// JSON (RFC 8259), or several documents after one another. Escapes are seen through and the document stays valid: what
    /// is hidden in a string is hidden there, and a number that is hidden becomes a string. From where it turns out not
    /// to be JSON, it is read as text.
    Json,
}

/// Hides findings in a body. There is no NULL within a body: a mask that makes values NULL hides the finding whole.
#[derive(Debug)]
pub struct Stream {
    masker: Arc<Masker>,
    state: State,
}

#[derive(Debug)]
enum State {
    Text(Text),
    Json(Box<Json>),
}

impl Stream {
    /// A stream at its beginning.
    #[must_use]
    pub fn new(masker: Arc<Masker>, kind: StreamKind) -> Stream {
        let state = match kind {
            StreamKind::Text => State::Text(Text::default()),
            StreamKind::Json => State::Json(Box::default()),
        };
        Stream { masker, state }
    }

    /// Takes `chunk`, appends what can be released to `out`, and adds findings to `counts`, which is indexed by slot.
    pub fn push(&mut self, chunk: &[u8], counts: &mut [u64], out: &mut Vec<u8>) {
        match &mut self.state {
            State::Text(text) => text.push(&self.masker, chunk, counts, out),
            State::Json(json) => json.push(&self.masker, chunk, counts, out),
        }
    }

    /// Releases the rest; the stream is at its beginning again.
    pub fn finish(&mut self, counts: &mut [u64], out: &mut Vec<u8>) {
        match &mut self.state {
            State::Text(text) => text.finish(&self.masker, counts, out),
            State::Json(json) => json.finish(&self.masker, counts, out),
        }
    }
}

#[cfg(test)]
mod tests;
