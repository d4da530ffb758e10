//! A stream of JSON: strings are decoded before they are looked through and encoded again afterwards, so that no escape
//! hides anything. It is no validator: structure passes through as it is.

pub(super) mod escape;

use memchr::memchr2;

use super::text::Text;
use crate::input::Input;
use crate::masker::{Masker, count};
use crate::scan::Step;
use escape::Escape;

/// More than any number or literal that a detector could match.
const LONGEST_ATOM: usize = 256;
/// Literals of JSON and of its common extensions, and the byte order mark.
const LITERALS: [&[u8]; 6] = [
    b"true",
    b"false",
    b"null",
    b"NaN",
    b"Infinity",
    b"\xef\xbb\xbf",
];

/// What is held between chunks.
#[derive(Debug, Default)]
pub(super) struct Json {
    place: Place,
    /// The number or literal that has begun, and the space behind it.
    atom: Vec<u8>,
    /// The escape that has begun.
    escape: Vec<u8>,
    /// The decoded string, or what is not JSON.
    text: Text,
    /// What `text` released, not encoded yet.
    released: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// Between values.
    #[default]
    Between,
    /// In a number or literal.
    Atom,
    /// In the space behind a number or literal.
    Gap,
    /// In a string.
    String,
    /// In an escape within a string.
    Escape,
    /// Behind something that is not JSON.
    NotJson,
}

impl Json {
    pub(super) fn push(
        &mut self,
        masker: &Masker,
        chunk: &[u8],
        counts: &mut [u64],
        out: &mut Vec<u8>,
    ) {
        let mut rest = chunk;
        while let Some((byte, after)) = rest.split_first() {
            rest = match self.place {
                Place::Between => {
                    self.between(*byte, out);
                    after
                }
                Place::Atom if is_space(*byte) => {
                    self.atom.push(*byte);
                    self.place = Place::Gap;
                    after
                }
                Place::Gap if is_space(*byte) && self.atom.len() < LONGEST_ATOM => {
                    self.atom.push(*byte);
                    after
                }
                Place::Atom | Place::Gap if ends_atom(*byte) => {
                    self.end_atom(masker, counts, out);
                    rest
                }
                Place::Atom => {
                    self.grow_atom(*byte, masker, counts, out);
                    after
                }
                // `4111 1111` is no JSON, and what is hidden in it must be seen whole.
                Place::Gap => {
                    self.leave(masker, counts, out);
                    rest
                }
                Place::String => self.string(rest, masker, counts, out),
                Place::Escape => {
                    self.grow_escape(*byte, masker, counts, out);
                    after
                }
                Place::NotJson => {
                    self.text.push(masker, rest, counts, out);
                    return;
                }
            };
        }
    }

    pub(super) fn finish(&mut self, masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        if matches!(self.place, Place::Atom | Place::Gap) {
            self.end_atom(masker, counts, out);
        }
        match self.place {
            Place::Between | Place::Atom | Place::Gap => {}
            Place::NotJson => self.text.finish(masker, counts, out),
            Place::String => self.end_string(masker, counts, out),
            Place::Escape => {
                let unfinished = std::mem::take(&mut self.escape);
                self.decoded(&unfinished, masker, counts, out);
                self.end_string(masker, counts, out);
            }
        }
        *self = Json::default();
    }

    fn between(&mut self, byte: u8, out: &mut Vec<u8>) {
        if is_delimiter(byte) {
            out.push(byte);
            if byte == b'"' {
                self.place = Place::String;
            }
        } else {
            self.atom.push(byte);
            self.place = Place::Atom;
        }
    }

    fn grow_atom(&mut self, byte: u8, masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        self.atom.push(byte);
        if self.atom.len() > LONGEST_ATOM {
            self.leave(masker, counts, out);
        }
    }

    fn end_atom(&mut self, masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        let space = self.atom.iter().rev().take_while(|byte| is_space(**byte));
        let (atom, space) = self.atom.split_at(self.atom.len() - space.count());
        let number = atom
            .iter()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
        if !number && !LITERALS.contains(&atom) {
            self.leave(masker, counts, out);
            return;
        }
        let input = Input::whole(atom);
        match masker.finder().next(&input, 0) {
            Step::Found(finding) if number => {
                count(counts, finding.slot);
                out.push(b'"');
                masker.write(&finding, &input, out);
                out.push(b'"');
            }
            _ => out.extend_from_slice(atom),
        }
        out.extend_from_slice(space);
        self.atom.clear();
        self.place = Place::Between;
    }

    /// It is not JSON after all.
    fn leave(&mut self, masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        self.place = Place::NotJson;
        self.text.push(masker, &self.atom, counts, out);
        self.atom.clear();
    }

    /// Takes what stands before the next quote or escape, and that byte; returns the rest.
    fn string<'a>(
        &mut self,
        bytes: &'a [u8],
        masker: &Masker,
        counts: &mut [u64],
        out: &mut Vec<u8>,
    ) -> &'a [u8] {
        let stop = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
        let (plain, rest) = bytes.split_at(stop);
        self.decoded(plain, masker, counts, out);
        let Some((stop, rest)) = rest.split_first() else {
            return rest;
        };
        if *stop == b'"' {
            self.end_string(masker, counts, out);
            out.push(b'"');
            self.place = Place::Between;
        } else {
            self.escape.push(*stop);
            self.place = Place::Escape;
        }
        rest
    }

    fn grow_escape(&mut self, byte: u8, masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        self.escape.push(byte);
        let escape = Escape::read(&self.escape);
        if escape == Escape::Unfinished {
            return;
        }
        let read = std::mem::take(&mut self.escape);
        self.place = Place::String;
        let rest = match escape {
            Escape::Unfinished => read.len(),
            Escape::Character { character, length } => {
                let mut utf8 = [0; 4];
                self.decoded(
                    character.encode_utf8(&mut utf8).as_bytes(),
                    masker,
                    counts,
                    out,
                );
                length
            }
            Escape::Invalid { length } => {
                self.decoded(read.get(..length).unwrap_or_default(), masker, counts, out);
                length
            }
        };
        self.push(masker, read.get(rest..).unwrap_or_default(), counts, out);
    }

    fn decoded(&mut self, bytes: &[u8], masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        self.text.push(masker, bytes, counts, &mut self.released);
        escape::write(&self.released, out);
        self.released.clear();
    }

    fn end_string(&mut self, masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        self.text.finish(masker, counts, &mut self.released);
        escape::write(&self.released, out);
        self.released.clear();
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A colon follows strings only: `2001:10::17` is an address.
fn ends_atom(byte: u8) -> bool {
    is_delimiter(byte) && byte != b':'
}

/// White space, structure, quotes, and the separator of RFC 7464.
fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b'\r' | b'{' | b'}' | b'[' | b']' | b':' | b',' | b'"' | 0x1e
    )
}
