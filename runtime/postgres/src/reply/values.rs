//! Hiding in the values of a result, whatever their type and format. A value that could not hold what would replace it
//! (a number, a date, a row) becomes NULL. Arrays are hidden element by element (`array`), JSON documents in `json`.

mod array;
mod json;

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use hpol_operation::sql::Catalogue;
use hpol_session::masking::{MaskRun, Masked, Slot};

use super::columns::Treatment;
use crate::codec::Malformed;
use crate::codec::backend::ColumnDescription;
use crate::codec::body::Body;

/// How the bytes of a column's values are to be read. Type oids are fixed in PostgreSQL's `pg_type.dat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Text, the same in both formats; any text may stand in its place.
    Text,
    /// A JSON document as text: findings inside may be replaced, the whole may not.
    Json,
    /// Binary jsonb: a version byte, then the document.
    Jsonb,
    /// bytea in text format: `\x` and hexadecimal digits.
    HexBytes,
    /// bytea in binary format: any bytes may stand in its place.
    Bytes,
    /// A binary integer.
    Integer,
    /// Binary numeric.
    Numeric,
    /// A binary array of elements of one type.
    Array,
    /// An array of texts in text format.
    TextArray,
    /// A binary row, each value with its type.
    Record,
    /// A binary network address.
    Address,
    /// Any other type: searched as it is written, NULL if anything is found.
    Other,
}

const BYTEA: u32 = 17;
const JSON: u32 = 114;
const JSONB: u32 = 3802;
const NUMERIC: u32 = 1700;
const RECORD: u32 = 2249;
/// inet, cidr.
const ADDRESSES: [u32; 2] = [869, 650];
/// int8, int2, int4, oid.
const INTEGERS: [u32; 4] = [20, 21, 23, 26];
/// name, text, xml, unknown, bpchar, varchar.
const TEXTS: [u32; 6] = [19, 25, 142, 705, 1042, 1043];
/// Arrays of texts: text, bpchar, varchar, name, xml.
const TEXT_ARRAYS: [u32; 5] = [1009, 1014, 1015, 1003, 143];
/// Arrays of the types above and of other built-in types that hold text or digits: int2, int4, text, bpchar, varchar, int8,
/// json, name, xml, bytea, numeric, jsonb, record, inet, cidr.
const ARRAYS: [u32; 15] = [
    1005, 1007, 1009, 1014, 1015, 1016, 199, 1003, 143, 1001, 1231, 3807, 2287, 1041, 651,
];

impl Shape {
    /// The shape of a column's values. What a type is made of tells, so a domain is read as its base type is, also in arrays.
    pub(crate) fn of(column: &ColumnDescription, catalogue: &Catalogue) -> Shape {
        match (catalogue.base_type(column.type_oid), column.binary) {
            (oid, _) if TEXTS.contains(&oid) => Shape::Text,
            (JSON, _) | (JSONB, false) => Shape::Json,
            (JSONB, true) => Shape::Jsonb,
            (BYTEA, false) => Shape::HexBytes,
            (BYTEA, true) => Shape::Bytes,
            (oid, true) if INTEGERS.contains(&oid) => Shape::Integer,
            (NUMERIC, true) => Shape::Numeric,
            (RECORD, true) => Shape::Record,
            (oid, true) if ADDRESSES.contains(&oid) => Shape::Address,
            (oid, true) if ARRAYS.contains(&oid) => Shape::Array,
            (oid, false) if TEXT_ARRAYS.contains(&oid) => Shape::TextArray,
            _ => Shape::Other,
        }
    }
}

/// Room for what takes the place of values, kept from one to the next so that a value costs no allocation.
#[derive(Debug)]
pub(crate) struct Room {
    /// What the types inside values are known by.
    catalogue: Arc<Catalogue>,
    /// What stands in place of the value.
    out: Vec<u8>,
    /// The value in another form: its digits, its bytes, an element of it.
    form: Vec<u8>,
    /// What stands in place of an element.
    element: Vec<u8>,
}

/// Room for what takes the place of an element.
struct ElementRoom<'a> {
    out: &'a mut Vec<u8>,
    form: &'a mut Vec<u8>,
}

impl Room {
    pub(crate) fn new(catalogue: &Arc<Catalogue>) -> Room {
        Room {
            catalogue: Arc::clone(catalogue),
            out: Vec::new(),
            form: Vec::new(),
            element: Vec::new(),
        }
    }

    /// What stands in place of the value that was hidden last.
    pub(crate) fn hidden(&self) -> &[u8] {
        &self.out
    }
}

/// Hides in one value; for [`Masked::Changed`] what replaces it is in [`Room::hidden`].
pub(crate) fn hide(
    treatment: Treatment,
    value: &[u8],
    run: &mut MaskRun,
    room: &mut Room,
) -> Masked {
    room.out.clear();
    match treatment {
        Treatment::Unaccounted => Masked::Null,
        Treatment::Classified(slot, shape) => classified(slot, shape, value, run, room),
        Treatment::Search(shape) => search(shape, value, run, room),
    }
}

fn classified(
    slot: Slot,
    shape: Shape,
    value: &[u8],
    run: &mut MaskRun,
    room: &mut Room,
) -> Masked {
    let whole =
        |element: &[u8], out: &mut Vec<u8>, run: &mut MaskRun| run.value(slot, element, out);
    match shape {
        Shape::Text => run.value(slot, value, &mut room.out),
        Shape::Json => json::document(slot, value, run, &mut room.out),
        Shape::Jsonb => json::binary(slot, value, run, &mut room.out),
        Shape::TextArray => array::text(value, run, room, whole).unwrap_or_else(|_| {
            run.count_null(slot);
            Masked::Null
        }),
        Shape::Array => array::binary(value, run, room, |shape, element, room, run| match shape {
            Shape::Text => run.value(slot, element, room.out),
            _ => {
                run.count_null(slot);
                Masked::Null
            }
        })
        .unwrap_or_else(|_| {
            run.count_null(slot);
            Masked::Null
        }),
        Shape::HexBytes
        | Shape::Bytes
        | Shape::Integer
        | Shape::Numeric
        | Shape::Record
        | Shape::Address
        | Shape::Other => {
            run.count_null(slot);
            Masked::Null
        }
    }
}

fn search(shape: Shape, value: &[u8], run: &mut MaskRun, room: &mut Room) -> Masked {
    let Room { out, form, .. } = room;
    match shape {
        Shape::TextArray => {
            let searched =
                |element: &[u8], out: &mut Vec<u8>, run: &mut MaskRun| run.text(element, out);
            return array::text(value, run, room, searched).unwrap_or(Masked::Null);
        }
        Shape::Array => {
            return array::binary(value, run, room, element).unwrap_or(Masked::Null);
        }
        Shape::Record => return fields(value, run, room).unwrap_or(Masked::Null),
        Shape::HexBytes | Shape::Jsonb | Shape::Text | Shape::Json | Shape::Bytes => {}
        Shape::Integer | Shape::Numeric | Shape::Address | Shape::Other => {}
    }
    scalar(shape, value, run, out, form)
}

/// Hides in a value that has no values in it.
fn scalar(
    shape: Shape,
    value: &[u8],
    run: &mut MaskRun,
    out: &mut Vec<u8>,
    form: &mut Vec<u8>,
) -> Masked {
    form.clear();
    match shape {
        Shape::Text | Shape::Json | Shape::Bytes => run.text(value, out),
        Shape::Jsonb => match value.split_first() {
            Some((version, document)) => {
                let start = out.len();
                out.push(*version);
                let masked = run.text(document, out);
                if masked != Masked::Changed {
                    out.truncate(start);
                }
                masked
            }
            None => Masked::Unchanged,
        },
        Shape::HexBytes => hex_bytes(value, run, out, form),
        Shape::Integer => {
            integer(value, form);
            or_null(form, run, out)
        }
        Shape::Numeric => match numeric(value, form) {
            Some(()) => or_null(form, run, out),
            None => Masked::Null,
        },
        Shape::Address => match address(value) {
            Some(address) => {
                // Writing to a Vec does not fail.
                let _ = write!(form, "{address}");
                or_null(form, run, out)
            }
            None => Masked::Null,
        },
        Shape::Other => or_null(value, run, out),
        // Arrays and rows in others are not followed any deeper, and count as found.
        Shape::TextArray | Shape::Array | Shape::Record => Masked::Null,
    }
}

/// Hides in an element of a binary array.
fn element(shape: Shape, value: &[u8], room: ElementRoom<'_>, run: &mut MaskRun) -> Masked {
    scalar(shape, value, run, room.out, room.form)
}

/// NULL if anything is found.
fn or_null(text: &[u8], run: &mut MaskRun, out: &mut Vec<u8>) -> Masked {
    let start = out.len();
    let masked = run.text(text, out);
    out.truncate(start);
    match masked {
        Masked::Unchanged => Masked::Unchanged,
        Masked::Changed | Masked::Null => Masked::Null,
    }
}

fn hex_bytes(value: &[u8], run: &mut MaskRun, out: &mut Vec<u8>, form: &mut Vec<u8>) -> Masked {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // In the other output form of bytea (`escape`), printable bytes stand for themselves.
    let Some(digits) = value.strip_prefix(b"\\x") else {
        return run.text(value, out);
    };
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    for pair in digits.chunks(2) {
        let byte = match pair {
            [high, low] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        let Some((high, low)) = byte else {
            return Masked::Null;
        };
        form.push(high << 4 | low);
    }
    let start = out.len();
    let masked = run.text(form, out);
    if masked == Masked::Changed {
        form.clear();
        form.extend_from_slice(out.get(start..).unwrap_or_default());
        out.truncate(start);
        out.extend_from_slice(b"\\x");
        let nibbles = form.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        out.extend(nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble))));
    }
    masked
}

/// The decimal digits of a binary integer.
fn integer(value: &[u8], digits: &mut Vec<u8>) {
    let number = match value.len() {
        2 => value.try_into().map(i16::from_be_bytes).map(i64::from),
        4 => value.try_into().map(i32::from_be_bytes).map(i64::from),
        _ => value.try_into().map(i64::from_be_bytes),
    };
    if let Ok(number) = number {
        // Writing to a Vec does not fail.
        let _ = write!(digits, "{number}");
    }
}

/// The digits of a binary numeric before and after its point: groups of four from `weight` down.
fn numeric(value: &[u8], digits: &mut Vec<u8>) -> Option<()> {
    let mut body = Body::new(value);
    let groups = body.count().ok()?;
    let weight = body.i16().ok()?;
    let (_sign, scale) = (body.i16().ok()?, body.i16().ok()?);
    for index in 0..groups {
        let group = body.i16().ok()?;
        if digits.is_empty() {
            // What is in front counts for nothing.
            if group != 0 {
                write!(digits, "{group}").ok()?;
            }
        } else {
            write!(digits, "{group:04}").ok()?;
        }
        if i32::try_from(index).ok()? == i32::from(weight) && scale > 0 {
            digits.push(b'.');
        }
    }
    // Groups of zeros at the end are left out on the wire.
    let missing = (i64::from(weight) + 1).saturating_sub(i64::try_from(groups).ok()?);
    for _ in 0..missing.clamp(0, 32) {
        digits.extend_from_slice(b"0000");
    }
    Some(())
}

/// The address of a binary inet or cidr: family (2 or 3), bits, whether it is a cidr, length, bytes.
fn address(value: &[u8]) -> Option<IpAddr> {
    match value {
        [2, _, _, 4, bytes @ ..] => Some(<[u8; 4]>::try_from(bytes).ok()?.into()),
        [3, _, _, 16, bytes @ ..] => Some(<[u8; 16]>::try_from(bytes).ok()?.into()),
        _ => None,
    }
}

/// NULL if anything is found in a field: lengths in front of fields could hide where a finding begins.
fn fields(value: &[u8], run: &mut MaskRun, room: &mut Room) -> Result<Masked, Malformed> {
    let mut body = Body::new(value);
    body.i32()?;
    let mut masked = Masked::Unchanged;
    while body.remaining() > 0 {
        let shape = inner(body.u32()?, &room.catalogue);
        if let Some(value) = body.value()? {
            room.out.clear();
            if scalar(shape, value, run, &mut room.out, &mut room.form) != Masked::Unchanged {
                masked = Masked::Null;
            }
        }
    }
    Ok(masked)
}

/// The shape of a value inside a binary one, by the type that stands before it.
fn inner(type_oid: u32, catalogue: &Catalogue) -> Shape {
    let column = ColumnDescription {
        table: 0,
        attnum: 0,
        type_oid,
        binary: true,
    };
    Shape::of(&column, catalogue)
}

#[cfg(test)]
mod tests {
    use hpol_operation::sql::CatalogueBuilder;

    use super::*;

    fn shape(type_oid: u32, binary: bool) -> Shape {
        let mut catalogue = CatalogueBuilder::new();
        catalogue.base_type(70_000, 25).base_type(70_001, 1009);
        let column = ColumnDescription {
            table: 0,
            attnum: 0,
            type_oid,
            binary,
        };
        Shape::of(&column, &catalogue.build())
    }

    #[test]
    fn shapes_follow_type_and_format() {
        assert_eq!(shape(25, true), Shape::Text);
        assert_eq!(shape(20, true), Shape::Integer);
        assert_eq!(shape(20, false), Shape::Other);
        assert_eq!(shape(3802, true), Shape::Jsonb);
        assert_eq!(shape(1009, true), Shape::Array);
        assert_eq!(shape(1009, false), Shape::TextArray);
        assert_eq!(shape(1007, false), Shape::Other);
        assert_eq!(shape(2249, true), Shape::Record);
        assert_eq!(shape(869, true), Shape::Address);
        assert_eq!(shape(90_000, true), Shape::Other);
        assert_eq!(shape(70_000, true), Shape::Text);
        assert_eq!(shape(70_001, true), Shape::Array);
        assert_eq!(shape(70_001, false), Shape::TextArray);
    }

    fn digits(value: &[u8]) -> Option<String> {
        let mut digits = Vec::new();
        numeric(value, &mut digits)?;
        String::from_utf8(digits).ok()
    }

    #[test]
    fn a_binary_numeric_has_the_digits_of_its_value() {
        // 4111111111111111 as PostgreSQL sends it.
        let value = b"\0\x04\0\x03\0\0\0\0\x10\x0f\x04\x57\x04\x57\x04\x57";
        assert_eq!(digits(value).as_deref(), Some("4111111111111111"));
        // 12.5: two groups, one before the point.
        assert_eq!(
            digits(b"\0\x02\0\0\0\0\0\x01\0\x0c\x13\x88").as_deref(),
            Some("12.5000")
        );
        // 100000000: the zero groups are left out.
        assert_eq!(
            digits(b"\0\x01\0\x02\0\0\0\0\0\x01").as_deref(),
            Some("100000000")
        );
        assert_eq!(digits(b"\0\x04\0"), None);
    }

    #[test]
    fn a_binary_address_is_read_whole_or_not_at_all() {
        let shown = |value: &[u8]| address(value).map(|address| address.to_string());
        assert_eq!(
            shown(b"\x02\x20\0\x04\xc0\0\x02\x07").as_deref(),
            Some("192.0.2.7")
        );
        let six = [&b"\x03\x80\0\x10\x20\x01\x0d\xb8"[..], &[0; 11], &[1]].concat();
        assert_eq!(shown(&six).as_deref(), Some("2001:db8::1"));
        assert_eq!(shown(b"\x02\x20\0\x04\xc0\0\x02"), None);
        assert_eq!(shown(b"\x04\x20\0\x04\xc0\0\x02\x07"), None);
    }

    #[test]
    fn integers_of_every_width_have_their_digits() {
        let shown = |value: &[u8]| {
            let mut digits = Vec::new();
            integer(value, &mut digits);
            String::from_utf8(digits).unwrap()
        };
        assert_eq!(shown(&7_i16.to_be_bytes()), "7");
        assert_eq!(shown(&(-7_i32).to_be_bytes()), "-7");
        assert_eq!(
            shown(&4_111_111_111_111_111_i64.to_be_bytes()),
            "4111111111111111"
        );
        assert_eq!(shown(b"odd"), "");
    }
}
