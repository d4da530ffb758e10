//! The serde serializer that builds a [`Tree`].

use serde::ser::{self, Serialize};

use super::{Literal, Node, Tree, Unsupported};

/// Builds the tree of whatever is serialised into it.
#[derive(Clone, Copy)]
pub(super) struct Serializer;

/// A message whose fields are being collected.
pub(super) struct Fields(Node);

/// A list whose elements are being collected.
pub(super) struct Items(Vec<Tree>);

impl ser::SerializeStruct for Fields {
    type Ok = Tree;
    type Error = Unsupported;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        let value = value.serialize(Serializer)?;
        if !value.is_default() {
            self.0.fields.push((name, value));
        }
        Ok(())
    }

    fn end(mut self) -> Result<Tree, Unsupported> {
        // `Node` is the protobuf's envelope around every kind of node.
        if self.0.kind == "Node" {
            return Ok(self.0.fields.pop().map_or(Tree::Absent, |(_, value)| value));
        }
        if self.0.kind == "AConst" {
            mark_literal(&mut self.0);
        }
        Ok(Tree::Node(self.0))
    }
}

/// The field that holds the value of a kind of literal whose value the text spells out, and what it is by default.
fn literal_field(kind: &str) -> Option<(&'static str, Tree)> {
    match kind {
        "Integer" => Some(("ival", Tree::Int(0))),
        "Float" => Some(("fval", Tree::Text(String::new()))),
        "String" => Some(("sval", Tree::Text(String::new()))),
        _ => None,
    }
}

fn mark_literal(constant: &mut Node) {
    let location = constant.int("location");
    // The grammar makes constants of its own too, which stand nowhere in the text.
    if location < 0 {
        return;
    }
    for (_, value) in &mut constant.fields {
        let Tree::Node(value) = value else { continue };
        let Some((field, default)) = literal_field(value.kind) else {
            continue;
        };
        let found = value.fields.iter().position(|(name, _)| *name == field);
        let spelled = found.map_or(default, |at| value.fields.swap_remove(at).1);
        value
            .fields
            .push((field, Tree::Literal(Literal::new(spelled, location))));
    }
}

impl ser::SerializeSeq for Items {
    type Ok = Tree;
    type Error = Unsupported;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unsupported> {
        self.0.push(value.serialize(Serializer)?);
        Ok(())
    }

    fn end(self) -> Result<Tree, Unsupported> {
        Ok(Tree::List(self.0))
    }
}

macro_rules! numbers {
    ($($method:ident: $ty:ty),* $(,)?) => {
        $(fn $method(self, value: $ty) -> Result<Tree, Unsupported> {
            i64::try_from(value).map(Tree::Int).map_err(|_| Unsupported)
        })*
    };
}

impl ser::Serializer for Serializer {
    type Ok = Tree;
    type Error = Unsupported;
    type SerializeSeq = Items;
    type SerializeTuple = ser::Impossible<Tree, Unsupported>;
    type SerializeTupleStruct = ser::Impossible<Tree, Unsupported>;
    type SerializeTupleVariant = ser::Impossible<Tree, Unsupported>;
    type SerializeMap = ser::Impossible<Tree, Unsupported>;
    type SerializeStruct = Fields;
    type SerializeStructVariant = ser::Impossible<Tree, Unsupported>;

    numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
    }

    fn serialize_bool(self, value: bool) -> Result<Tree, Unsupported> {
        Ok(Tree::Bool(value))
    }

    fn serialize_str(self, value: &str) -> Result<Tree, Unsupported> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn serialize_none(self) -> Result<Tree, Unsupported> {
        Ok(Tree::Absent)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Tree, Unsupported> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Tree, Unsupported> {
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Unsupported> {
        Ok(Items(Vec::with_capacity(length.unwrap_or(0))))
    }

    fn serialize_struct(self, kind: &'static str, _: usize) -> Result<Fields, Unsupported> {
        Ok(Fields(Node {
            kind,
            fields: Vec::new(),
        }))
    }

    fn serialize_f32(self, _: f32) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_f64(self, _: f64) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_char(self, _: char) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_unit(self) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Tree, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unsupported> {
        Err(Unsupported)
    }
}
