//! The walk through the structure of JSON: which value stands where, and which of them is hidden.

use hpol_bundle::policy::JsonStep;
use memchr::memchr2;

use super::places::Places;
use super::string::{BadString, Purpose, StringText};
use super::value::{is_number, write};
use super::{Document, NotJson};
use crate::masker::Masker;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A chunk on its way: what of it is undecided.
pub(super) struct Piece<'a> {
    chunk: &'a [u8],
    /// Where the walk is.
    at: usize,
    /// Up to here it was released or dropped.
    clear: usize,
    counts: &'a mut [u64],
}

impl<'a> Piece<'a> {
    pub(super) fn new(chunk: &'a [u8], counts: &'a mut [u64]) -> Piece<'a> {
        Piece {
            chunk,
            at: 0,
            clear: 0,
            counts,
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.chunk.get(self.at..).unwrap_or_default()
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.chunk.get(self.clear..self.at).unwrap_or_default());
        self.clear = self.at;
    }
}

/// Where the walk is, between chunks too.
#[derive(Debug)]
pub(super) struct Walk {
    place: Place,
    around: Places,
    /// Bytes of the longest name in a path.
    longest_name: usize,
    string: StringText,
    /// The number or literal that has begun.
    atom: Vec<u8>,
    hidden: Option<Hidden>,
    /// Bytes of chunks before this one.
    before: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the very beginning, after so many bytes of a byte order mark.
    Beginning(usize),
    /// Before a document.
    Between,
    /// Before a value.
    Value,
    /// Behind `[`.
    FirstElement,
    /// Behind `{`.
    FirstName,
    /// Behind the `,` of an object.
    Name,
    /// Behind a name.
    Colon,
    /// Behind a value in an object or array.
    Behind,
    InName,
    InNameEscape,
    InString,
    InStringEscape,
    /// In a number or literal.
    InAtom,
}

/// The value that is being hidden.
#[derive(Debug, Clone, Copy)]
struct Hidden {
    slot: usize,
    /// Containers around it.
    depth: usize,
}

impl Walk {
    pub(super) fn new(masker: &Masker) -> Walk {
        let steps = masker.entries().iter().flat_map(|entry| &entry.paths);
        let names = steps.flat_map(|path| &path.steps).map(|step| match step {
            JsonStep::Member(name) => name.len(),
            JsonStep::Any => 0,
        });
        Walk {
            place: Place::Beginning(0),
            around: Places::new(masker),
            longest_name: names.max().unwrap_or(0),
            string: StringText::default(),
            atom: Vec::new(),
            hidden: None,
            before: 0,
        }
    }

    /// Whether a document has ended, or none has begun.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.place, Place::Between | Place::Beginning(0))
    }

    /// Whether a number or literal has begun, which may be all of it.
    pub(super) fn is_in_atom(&self) -> bool {
        self.place == Place::InAtom
    }

    pub(super) fn push(
        &mut self,
        masker: &Masker,
        piece: &mut Piece<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        while let Some(byte) = piece.rest().first() {
            match self.place {
                Place::InString | Place::InName => self.string(masker, piece, out)?,
                Place::InStringEscape | Place::InNameEscape => {
                    self.escape(*byte).map_err(|bad| self.bad(bad, piece))?;
                    piece.at += 1;
                }
                Place::InAtom => self.atom(masker, *byte, piece, out)?,
                _ => {
                    self.structure(masker, *byte, piece, out)?;
                    piece.at += 1;
                }
            }
        }
        if self.hidden.is_none() {
            piece.release(out);
        }
        let length = u64::try_from(piece.chunk.len()).unwrap_or(u64::MAX);
        self.before = self.before.saturating_add(length);
        Ok(())
    }

    /// A byte outside strings, numbers and literals.
    fn structure(
        &mut self,
        masker: &Masker,
        byte: u8,
        piece: &mut Piece<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        if let Place::Beginning(read) = self.place {
            if BYTE_ORDER_MARK.get(read) == Some(&byte) {
                let whole = read + 1 == BYTE_ORDER_MARK.len();
                self.place = if whole {
                    Place::Between
                } else {
                    Place::Beginning(read + 1)
                };
                return Ok(());
            }
            if read > 0 {
                return Err(self.syntax(piece));
            }
            self.place = Place::Between;
        }
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(());
        }
        let in_object = self.around.in_object();
        match (self.place, byte) {
            // RFC 7464 has it before each document.
            (Place::Between, 0x1e) => {}
            (Place::FirstName, b'}') | (Place::FirstElement, b']') => {
                self.close(masker, piece, out);
            }
            (Place::Behind, b'}' | b']') if in_object == (byte == b'}') => {
                self.close(masker, piece, out);
            }
            (Place::Behind, b',') if in_object => self.place = Place::Name,
            (Place::Behind, b',') | (Place::Colon, b':') => self.place = Place::Value,
            (Place::FirstName | Place::Name, b'"') => self.begin_name(),
            (Place::Between | Place::Value | Place::FirstElement, _) => {
                self.begin(masker, byte, piece, out)?;
            }
            _ => return Err(self.syntax(piece)),
        }
        Ok(())
    }

    fn begin_name(&mut self) {
        let leads = self.around.is_led_into();
        let purpose = if leads { Purpose::Name } else { Purpose::Pass };
        self.string.begin(purpose, self.longest_name);
        self.place = Place::InName;
    }

    /// The first byte of a value.
    fn begin(
        &mut self,
        masker: &Masker,
        byte: u8,
        piece: &mut Piece<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        if self.around.in_array() {
            self.around.descend(masker, None);
        }
        let depth = self.around.depth();
        let hidden = match self.hidden {
            None => self.around.reached(masker),
            Some(_) => None,
        };
        if let Some(slot) = hidden {
            piece.release(out);
            self.hidden = Some(Hidden { slot, depth });
        }
        match byte {
            b'{' | b'[' => {
                if depth >= Document::DEEPEST {
                    return Err(NotJson::TooDeep);
                }
                let is_object = byte == b'{';
                // What is hidden whole needs no paths into it.
                if self.hidden.is_some() {
                    self.around.forget();
                }
                self.around.enter(is_object);
                self.place = if is_object {
                    Place::FirstName
                } else {
                    Place::FirstElement
                };
            }
            b'"' => {
                let purpose = if hidden.is_some() {
                    Purpose::Value
                } else {
                    Purpose::Pass
                };
                self.string.begin(purpose, Document::LONGEST_VALUE);
                self.place = Place::InString;
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.atom.clear();
                self.atom.push(byte);
                self.place = Place::InAtom;
            }
            _ => return Err(self.syntax(piece)),
        }
        Ok(())
    }

    /// Takes what stands before the next quote or escape, and that byte.
    fn string(
        &mut self,
        masker: &Masker,
        piece: &mut Piece<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        let rest = piece.rest();
        let stop = memchr2(b'"', b'\\', rest);
        let (plain, from_stop) = rest.split_at(stop.unwrap_or(rest.len()));
        let taken = self.string.plain(plain, stop.is_some());
        taken.map_err(|bad| self.bad(bad, piece))?;
        piece.at += plain.len();
        let Some(stop) = from_stop.first() else {
            return Ok(());
        };
        piece.at += 1;
        let in_name = self.place == Place::InName;
        if *stop == b'\\' {
            self.string.begin_escape();
            self.place = if in_name {
                Place::InNameEscape
            } else {
                Place::InStringEscape
            };
            return Ok(());
        }
        self.string.end().map_err(|bad| self.bad(bad, piece))?;
        if in_name {
            self.place = Place::Colon;
            let string = std::mem::take(&mut self.string);
            // A name that was cut is longer than any in a path.
            self.around.descend(masker, string.text());
            self.string = string;
            return Ok(());
        }
        if let Some(hidden) = self.hidden_here() {
            let text = self.string.text();
            write(masker, hidden.slot, text, piece.counts, out);
        }
        self.end(piece, piece.at);
        Ok(())
    }

    fn escape(&mut self, byte: u8) -> Result<(), BadString> {
        if self.string.escape(byte)? {
            self.place = match self.place {
                Place::InNameEscape => Place::InName,
                _ => Place::InString,
            };
        }
        Ok(())
    }

    /// A byte in or behind a number or literal. One behind it is not taken.
    fn atom(
        &mut self,
        masker: &Masker,
        byte: u8,
        piece: &mut Piece<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), NotJson> {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.') {
            if self.atom.len() >= Document::LONGEST_NUMBER {
                return Err(NotJson::TooLong);
            }
            self.atom.push(byte);
            piece.at += 1;
            return Ok(());
        }
        let is_literal = matches!(self.atom.as_slice(), b"true" | b"false" | b"null");
        let is_separator = matches!(
            byte,
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}' | 0x1e
        );
        if !is_separator || !(is_literal || is_number(&self.atom)) {
            return Err(self.syntax(piece));
        }
        if let Some(hidden) = self.hidden_here() {
            let text = (!is_literal).then_some(self.atom.as_slice());
            write(masker, hidden.slot, text, piece.counts, out);
        }
        self.end(piece, piece.at);
        Ok(())
    }

    /// The last byte of an object or array.
    fn close(&mut self, masker: &Masker, piece: &mut Piece<'_>, out: &mut Vec<u8>) {
        self.around.leave();
        if let Some(hidden) = self.hidden_here() {
            write(masker, hidden.slot, None, piece.counts, out);
        }
        self.end(piece, piece.at + 1);
    }

    /// The value that is being hidden, if it is the one that ends.
    fn hidden_here(&self) -> Option<Hidden> {
        self.hidden
            .filter(|hidden| hidden.depth == self.around.depth())
    }

    /// A value has ended before `end`.
    fn end(&mut self, piece: &mut Piece<'_>, end: usize) {
        if self.hidden_here().is_some() {
            self.hidden = None;
            piece.clear = end;
        }
        self.place = if self.around.is_empty() {
            Place::Between
        } else {
            Place::Behind
        };
    }

    fn bad(&self, bad: BadString, piece: &Piece<'_>) -> NotJson {
        match bad {
            BadString::Syntax => self.syntax(piece),
            BadString::Ambiguous => NotJson::Ambiguous,
        }
    }

    fn syntax(&self, piece: &Piece<'_>) -> NotJson {
        let at = u64::try_from(piece.at).unwrap_or(u64::MAX);
        NotJson::Syntax {
            at: self.before.saturating_add(at),
        }
    }
}
