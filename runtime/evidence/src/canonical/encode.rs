//! Canonical JSON straight from what serialises, without a tree in between: members are written as they come and put in
//! order when their object ends. Gives the bytes that [`super::canonical`] gives of the same value.

use std::fmt::Display;
use std::ops::Range;

use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

use super::{Canonicalise, INTEGER_LIMIT, write_string};

/// Writes values into `bytes`.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    pub(crate) bytes: Vec<u8>,
    /// The members of objects that have not ended, innermost last.
    members: Vec<Member>,
    /// An object's members in order, before they replace those that were written.
    ordered: Vec<u8>,
    /// Whether the next object keeps its members apart.
    apart: bool,
}

/// A member as it stands in the bytes: `"name":value`.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    start: usize,
    name_end: usize,
    end: usize,
}

impl Member {
    /// Where its name is, without quotation marks.
    pub(crate) fn name(&self) -> Range<usize> {
        self.start + 1..self.name_end
    }

    /// Where all of it is.
    pub(crate) fn place(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// What an encoder that is used again keeps at most: the largest record, and its members.
const KEPT_BYTES: usize = super::RECORD_BYTES;

impl Encoder {
    /// Forgets what was written, also what was given up on, but not the room for it.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.members.clear();
        self.ordered.clear();
        self.apart = false;
        self.bytes.shrink_to(KEPT_BYTES);
        self.ordered.shrink_to(KEPT_BYTES);
    }

    /// Takes back the room of what [`Encoder::members`] gave.
    pub(crate) fn take_back(&mut self, members: Vec<Member>) {
        self.members = members;
    }

    /// The members of the object that `value` is, as they come.
    ///
    /// # Errors
    /// When it is no object, or has no canonical form.
    pub(crate) fn members(&mut self, value: &impl Serialize) -> Result<Vec<Member>, Canonicalise> {
        self.apart = true;
        value.serialize(&mut *self)?;
        if self.apart {
            return Err(Canonicalise::NotAnObject);
        }
        Ok(std::mem::take(&mut self.members))
    }

    /// Writes one more member.
    ///
    /// # Errors
    /// When `value` has no canonical form.
    pub(crate) fn member(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Member, Canonicalise> {
        // Then the order of bytes is that of UTF-16 code units (RFC 8785 section 3.2.3), and nothing is escaped.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !name.bytes().all(plain) {
            return Err(Canonicalise::Name(name.to_owned()));
        }
        let start = self.bytes.len();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(name.as_bytes());
        let name_end = self.bytes.len();
        self.bytes.extend_from_slice(b"\":");
        value.serialize(&mut *self)?;
        Ok(Member {
            start,
            name_end,
            end: self.bytes.len(),
        })
    }

    fn object(&mut self) -> Object<'_> {
        Object {
            apart: std::mem::take(&mut self.apart),
            first: self.members.len(),
            start: self.bytes.len(),
            encoder: self,
            name: String::new(),
        }
    }

    fn integer(&mut self, negative: bool, magnitude: u64) -> Result<(), Canonicalise> {
        let sign = if negative { "-" } else { "" };
        if magnitude > INTEGER_LIMIT {
            return Err(Canonicalise::LargeInteger(format!("{sign}{magnitude}")));
        }
        self.bytes.extend_from_slice(sign.as_bytes());
        write_decimal(magnitude, &mut self.bytes);
        Ok(())
    }
}

/// Appends `value` in decimal digits.
pub(crate) fn write_decimal(mut value: u64, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    loop {
        let digit = u8::try_from(value % 10).unwrap_or_default();
        bytes.push(b'0' + digit);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    bytes.get_mut(start..).unwrap_or_default().reverse();
}

/// An object that is being written.
pub(crate) struct Object<'a> {
    encoder: &'a mut Encoder,
    apart: bool,
    /// Its first member among those of the encoder.
    first: usize,
    /// Where it begins.
    start: usize,
    /// Of the next member of a map.
    name: String,
}

impl Object<'_> {
    fn push(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Canonicalise> {
        let member = self.encoder.member(name, value)?;
        self.encoder.members.push(member);
        Ok(())
    }

    fn finish(self) {
        if self.apart {
            return;
        }
        let Encoder {
            bytes,
            members,
            ordered,
            ..
        } = self.encoder;
        let own = members.get_mut(self.first..).unwrap_or_default();
        let name = |member: &Member| bytes.get(member.name()).unwrap_or_default();
        own.sort_unstable_by(|left, right| name(left).cmp(name(right)));
        ordered.clear();
        for member in own {
            ordered.push(b',');
            ordered.extend_from_slice(bytes.get(member.place()).unwrap_or_default());
        }
        members.truncate(self.first);
        bytes.truncate(self.start);
        bytes.push(b'{');
        bytes.extend_from_slice(ordered.get(1..).unwrap_or_default());
        bytes.push(b'}');
    }
}

impl ser::SerializeStruct for Object<'_> {
    type Ok = ();
    type Error = Canonicalise;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Canonicalise> {
        self.push(name, value)
    }

    fn end(self) -> Result<(), Canonicalise> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Canonicalise;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Canonicalise> {
        let mut encoder = Encoder::default();
        name.serialize(&mut encoder)?;
        self.name = String::from_utf8_lossy(&encoder.bytes)
            .trim_matches('"')
            .to_owned();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Canonicalise> {
        let name = std::mem::take(&mut self.name);
        self.push(&name, value)
    }

    fn end(self) -> Result<(), Canonicalise> {
        self.finish();
        Ok(())
    }
}

/// A list that is being written.
pub(crate) struct List<'a> {
    encoder: &'a mut Encoder,
    empty: bool,
}

impl List<'_> {
    fn push(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Canonicalise> {
        if !std::mem::take(&mut self.empty) {
            self.encoder.bytes.push(b',');
        }
        value.serialize(&mut *self.encoder)
    }
}

impl ser::SerializeSeq for List<'_> {
    type Ok = ();
    type Error = Canonicalise;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Canonicalise> {
        self.push(value)
    }

    fn end(self) -> Result<(), Canonicalise> {
        self.encoder.bytes.push(b']');
        Ok(())
    }
}

impl ser::SerializeTuple for List<'_> {
    type Ok = ();
    type Error = Canonicalise;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Canonicalise> {
        self.push(value)
    }

    fn end(self) -> Result<(), Canonicalise> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::Error for Canonicalise {
    fn custom<T: Display>(message: T) -> Self {
        Self::NotJson(message.to_string())
    }
}

type Unused = Impossible<(), Canonicalise>;

fn unused<T>(what: &'static str) -> Result<T, Canonicalise> {
    Err(Canonicalise::Shape(what))
}

impl<'a> Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = Canonicalise;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = Unused;
    type SerializeTupleVariant = Unused;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Unused;

    fn serialize_bool(self, value: bool) -> Result<(), Canonicalise> {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.bytes.extend_from_slice(word);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Canonicalise> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i16(self, value: i16) -> Result<(), Canonicalise> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i32(self, value: i32) -> Result<(), Canonicalise> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Result<(), Canonicalise> {
        self.integer(value < 0, value.unsigned_abs())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Canonicalise> {
        self.serialize_u64(u64::from(value))
    }

    fn serialize_u16(self, value: u16) -> Result<(), Canonicalise> {
        self.serialize_u64(u64::from(value))
    }

    fn serialize_u32(self, value: u32) -> Result<(), Canonicalise> {
        self.serialize_u64(u64::from(value))
    }

    fn serialize_u64(self, value: u64) -> Result<(), Canonicalise> {
        self.integer(false, value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Canonicalise> {
        Err(Canonicalise::Float(value.to_string()))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Canonicalise> {
        Err(Canonicalise::Float(value.to_string()))
    }

    fn serialize_char(self, value: char) -> Result<(), Canonicalise> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Canonicalise> {
        write_string(value, &mut self.bytes);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Canonicalise> {
        unused("bytes")
    }

    fn serialize_none(self) -> Result<(), Canonicalise> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Canonicalise> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Canonicalise> {
        self.bytes.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Canonicalise> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Canonicalise> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Canonicalise> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Canonicalise> {
        unused("a variant around its content")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, Canonicalise> {
        self.bytes.push(b'[');
        Ok(List {
            encoder: self,
            empty: true,
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, Canonicalise> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Unused, Canonicalise> {
        unused("a tuple with a name")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Unused, Canonicalise> {
        unused("a variant around its content")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, Canonicalise> {
        Ok(self.object())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object<'a>, Canonicalise> {
        Ok(self.object())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Unused, Canonicalise> {
        unused("a variant around its content")
    }
}

#[cfg(test)]
mod tests;
