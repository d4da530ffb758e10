//! The walk through the structure of JSON: which value stands where, and which of them is hidden.

use hpol_bundle::policy::{JsonPath, JsonStep, Mask};
use memchr::memchr2;

use super::string::{BadString, Purpose, StringText};
use super::{Document, NotJson};
use crate::mask::REDACTED;
use crate::masker::{Masked, Masker, count};
use crate::stream;

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
    /// The objects and arrays around.
    around: Vec<Container>,
    /// Paths of which all steps so far lead here: those of the first container, then those of the second ...
    leading: Vec<PathId>,
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

/// A path, by its entry and its index there.
type PathId = (usize, usize);

#[derive(Debug, Clone, Copy)]
struct Container {
    is_object: bool,
    /// The paths that lead into it, in [`Walk::leading`].
    from: usize,
    to: usize,
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
        let entries = masker.entries().iter().enumerate();
        let leading: Vec<PathId> = entries
            .flat_map(|(entry, of)| (0..of.paths.len()).map(move |path| (entry, path)))
            .collect();
        let steps = masker.entries().iter().flat_map(|entry| &entry.paths);
        let names = steps.flat_map(|path| &path.steps).map(|step| match step {
            JsonStep::Member(name) => name.len(),
            JsonStep::Any => 0,
        });
        Walk {
            place: Place::Beginning(0),
            around: Vec::new(),
            leading,
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
        let in_object = self.around.last().is_some_and(|around| around.is_object);
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
        let around = self.around.last();
        let leads = around.is_some_and(|around| around.from < around.to);
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
        if self.around.last().is_some_and(|around| !around.is_object) {
            self.descend(masker, None);
        }
        let depth = self.around.len();
        let hidden = self
            .hidden
            .is_none()
            .then(|| self.reached(masker))
            .flatten();
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
                    self.forget();
                }
                let from = self.around.last().map_or(0, |around| around.to);
                let to = self.leading.len();
                self.around.push(Container {
                    is_object,
                    from,
                    to,
                });
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

    /// Notes the paths that lead to the value which begins, a member called `name` or an element.
    fn descend(&mut self, masker: &Masker, name: Option<&[u8]>) {
        self.forget();
        let Some(around) = self.around.last().copied() else {
            return;
        };
        let step = self.around.len() - 1;
        for index in around.from..around.to {
            let Some(id) = self.leading.get(index).copied() else {
                return;
            };
            let leads = match path(masker, id).and_then(|path| path.steps.get(step)) {
                Some(JsonStep::Any) => true,
                Some(JsonStep::Member(member)) => name == Some(member.as_bytes()),
                None => false,
            };
            if leads {
                self.leading.push(id);
            }
        }
    }

    /// Forgets the paths to the value that was last at this level.
    fn forget(&mut self) {
        if let Some(around) = self.around.last() {
            self.leading.truncate(around.to);
        }
    }

    /// The slot of the strictest path that ends at the value which begins.
    fn reached(&self, masker: &Masker) -> Option<usize> {
        let steps = self.around.len();
        let from = self.around.last()?.to;
        let ends = self
            .leading
            .get(from..)?
            .iter()
            .filter(|id| path(masker, **id).is_some_and(|path| path.steps.len() == steps));
        ends.map(|(entry, _)| *entry)
            .max_by_key(|entry| strictness(masker, *entry))
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
            self.descend(masker, string.text());
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
        self.forget();
        self.around.pop();
        if let Some(hidden) = self.hidden_here() {
            write(masker, hidden.slot, None, piece.counts, out);
        }
        self.end(piece, piece.at + 1);
    }

    /// The value that is being hidden, if it is the one that ends.
    fn hidden_here(&self) -> Option<Hidden> {
        self.hidden
            .filter(|hidden| hidden.depth == self.around.len())
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

fn path(masker: &Masker, (entry, path): PathId) -> Option<&JsonPath> {
    masker.entries().get(entry)?.paths.get(path)
}

fn strictness(masker: &Masker, slot: usize) -> (u8, u32) {
    let entry = masker.entries().get(slot);
    entry.map_or((u8::MAX, 0), |entry| entry.mask.strictness())
}

/// Appends what stands in place of a value, of which `text` is known unless it is hidden whole. Where a detector finds in
/// it what is hidden more strictly, so is the value.
fn write(masker: &Masker, slot: usize, text: Option<&[u8]>, counts: &mut [u64], out: &mut Vec<u8>) {
    let found = masker
        .findings(text.unwrap_or_default())
        .map(|(slot, _)| slot);
    let slot = found.fold(slot, |strictest, slot| {
        if strictness(masker, slot) > strictness(masker, strictest) {
            slot
        } else {
            strictest
        }
    });
    count(counts, slot);
    let mut hidden = Vec::new();
    let masked = match text {
        Some(text) => masker.value(slot, text, &mut hidden),
        None if is_null(masker, slot) => Masked::Null,
        None => Masked::Unchanged,
    };
    if masked == Masked::Null {
        out.extend_from_slice(b"null");
        return;
    }
    if masked == Masked::Unchanged {
        hidden.extend_from_slice(REDACTED.as_bytes());
    }
    out.push(b'"');
    stream::write_escaped(&hidden, out);
    out.push(b'"');
}

fn is_null(masker: &Masker, slot: usize) -> bool {
    let entry = masker.entries().get(slot);
    entry.is_some_and(|entry| entry.mask == Mask::Null)
}

/// RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = digits(unsigned);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => match digits(fraction) {
            ([], _) => return false,
            (_, rest) => rest,
        },
    };
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let unsigned = match exponent {
                [b'+' | b'-', unsigned @ ..] => unsigned,
                unsigned => unsigned,
            };
            matches!(digits(unsigned), ([_, ..], []))
        }
        _ => false,
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(length)
}
