//! Hiding in the values of a result, whatever their type and format. A value that could not hold what would replace it
//! (a number, a date, a JSON document as a whole) becomes NULL.

use std::net::IpAddr;

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
/// Arrays of the types above and of other built-in types that hold text or digits: int2, int4, text, bpchar, varchar, int8,
/// json, name, xml, bytea, numeric, jsonb, record, inet, cidr.
const ARRAYS: [u32; 15] = [
    1005, 1007, 1009, 1014, 1015, 1016, 199, 1003, 143, 1001, 1231, 3807, 2287, 1041, 651,
];

impl Shape {
    pub(crate) fn of(column: &ColumnDescription) -> Shape {
        match (column.type_oid, column.binary) {
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
            _ => Shape::Other,
        }
    }
}

/// Hides in one value; what replaces it is appended to `out` for [`Masked::Changed`].
pub(crate) fn hide(
    treatment: Treatment,
    value: &[u8],
    run: &mut MaskRun,
    out: &mut Vec<u8>,
) -> Masked {
    match treatment {
        Treatment::Unaccounted => Masked::Null,
        Treatment::Classified(slot, shape) => classified(slot, shape, value, run, out),
        Treatment::Search(shape) => search(shape, value, run, out),
    }
}

fn classified(
    slot: Slot,
    shape: Shape,
    value: &[u8],
    run: &mut MaskRun,
    out: &mut Vec<u8>,
) -> Masked {
    match shape {
        Shape::Text => run.value(slot, value, out),
        Shape::Json
        | Shape::Jsonb
        | Shape::HexBytes
        | Shape::Bytes
        | Shape::Integer
        | Shape::Numeric
        | Shape::Array
        | Shape::Record
        | Shape::Address
        | Shape::Other => {
            run.count_null(slot);
            Masked::Null
        }
    }
}

fn search(shape: Shape, value: &[u8], run: &mut MaskRun, out: &mut Vec<u8>) -> Masked {
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
        Shape::HexBytes => hex_bytes(value, run, out),
        Shape::Integer => or_null(integer(value).as_bytes(), run),
        Shape::Numeric => match numeric(value) {
            Some(digits) => or_null(digits.as_bytes(), run),
            None => Masked::Null,
        },
        Shape::Array => elements(value, run).unwrap_or(Masked::Null),
        Shape::Record => fields(value, run).unwrap_or(Masked::Null),
        Shape::Address => match address(value) {
            Some(address) => or_null(address.to_string().as_bytes(), run),
            None => Masked::Null,
        },
        Shape::Other => or_null(value, run),
    }
}

/// NULL if anything is found.
fn or_null(text: &[u8], run: &mut MaskRun) -> Masked {
    match run.text(text, &mut Vec::new()) {
        Masked::Unchanged => Masked::Unchanged,
        Masked::Changed | Masked::Null => Masked::Null,
    }
}

fn hex_bytes(value: &[u8], run: &mut MaskRun, out: &mut Vec<u8>) -> Masked {
    // In the other output form of bytea (`escape`), printable bytes stand for themselves.
    let Some(digits) = value.strip_prefix(b"\\x") else {
        return run.text(value, out);
    };
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    let Some(bytes) = bytes else {
        return Masked::Null;
    };
    let mut hidden = Vec::new();
    let masked = run.text(&bytes, &mut hidden);
    if masked == Masked::Changed {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        out.extend_from_slice(b"\\x");
        out.extend(
            hidden
                .iter()
                .flat_map(|byte| [byte >> 4, byte & 15])
                .filter_map(|nibble| DIGITS.get(usize::from(nibble))),
        );
    }
    masked
}

fn integer(value: &[u8]) -> String {
    match value.len() {
        2 => value
            .try_into()
            .map(i16::from_be_bytes)
            .map(|number| number.to_string())
            .unwrap_or_default(),
        4 => value
            .try_into()
            .map(i32::from_be_bytes)
            .map(|number| number.to_string())
            .unwrap_or_default(),
        _ => value
            .try_into()
            .map(i64::from_be_bytes)
            .map(|number| number.to_string())
            .unwrap_or_default(),
    }
}

/// The digits of a binary numeric before and after its point: groups of four from `weight` down.
fn numeric(value: &[u8]) -> Option<String> {
    let mut body = Body::new(value);
    let groups = body.count().ok()?;
    let weight = body.i16().ok()?;
    let (_sign, scale) = (body.i16().ok()?, body.i16().ok()?);
    let mut digits = String::new();
    for index in 0..groups {
        digits.push_str(&format!("{:04}", body.i16().ok()?));
        if i32::try_from(index).ok()? == i32::from(weight) && scale > 0 {
            digits.push('.');
        }
    }
    // Groups of zeros at the end are left out on the wire.
    let missing = (i64::from(weight) + 1).saturating_sub(i64::try_from(groups).ok()?);
    for _ in 0..missing.clamp(0, 32) {
        digits.push_str("0000");
    }
    Some(digits.trim_start_matches('0').to_owned())
}

/// The address of a binary inet or cidr: family (2 or 3), bits, whether it is a cidr, length, bytes.
fn address(value: &[u8]) -> Option<IpAddr> {
    match value {
        [2, _, _, 4, bytes @ ..] => Some(<[u8; 4]>::try_from(bytes).ok()?.into()),
        [3, _, _, 16, bytes @ ..] => Some(<[u8; 16]>::try_from(bytes).ok()?.into()),
        _ => None,
    }
}

/// NULL if anything is found in an element: lengths in front of elements could hide where a finding begins.
fn elements(value: &[u8], run: &mut MaskRun) -> Result<Masked, Malformed> {
    let mut body = Body::new(value);
    let dimensions = usize::try_from(body.i32()?).unwrap_or(usize::MAX);
    body.i32()?;
    let shape = inner(body.u32()?);
    // PostgreSQL's MAXDIM is 6; a count and a lower bound each.
    for _ in 0..dimensions.min(7) {
        body.i32()?;
        body.i32()?;
    }
    let mut masked = Masked::Unchanged;
    while body.remaining() > 0 {
        if has_finding(shape, body.value()?, run) {
            masked = Masked::Null;
        }
    }
    Ok(masked)
}

/// NULL if anything is found in a field, for the same reason.
fn fields(value: &[u8], run: &mut MaskRun) -> Result<Masked, Malformed> {
    let mut body = Body::new(value);
    body.i32()?;
    let mut masked = Masked::Unchanged;
    while body.remaining() > 0 {
        let shape = inner(body.u32()?);
        if has_finding(shape, body.value()?, run) {
            masked = Masked::Null;
        }
    }
    Ok(masked)
}

fn inner(type_oid: u32) -> Shape {
    Shape::of(&ColumnDescription {
        table: 0,
        attnum: 0,
        type_oid,
        binary: true,
    })
}

/// Arrays and rows in others are not followed any deeper, and count as found.
fn has_finding(shape: Shape, value: Option<&[u8]>, run: &mut MaskRun) -> bool {
    value.is_some_and(|value| {
        matches!(shape, Shape::Array | Shape::Record)
            || search(shape, value, run, &mut Vec::new()) != Masked::Unchanged
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(type_oid: u32, binary: bool) -> Shape {
        Shape::of(&ColumnDescription {
            table: 0,
            attnum: 0,
            type_oid,
            binary,
        })
    }

    #[test]
    fn shapes_follow_type_and_format() {
        assert_eq!(shape(25, true), Shape::Text);
        assert_eq!(shape(20, true), Shape::Integer);
        assert_eq!(shape(20, false), Shape::Other);
        assert_eq!(shape(3802, true), Shape::Jsonb);
        assert_eq!(shape(1009, true), Shape::Array);
        assert_eq!(shape(2249, true), Shape::Record);
        assert_eq!(shape(869, true), Shape::Address);
        assert_eq!(shape(90_000, true), Shape::Other);
    }

    #[test]
    fn a_binary_numeric_has_the_digits_of_its_value() {
        // 4111111111111111 as PostgreSQL sends it.
        let value = b"\0\x04\0\x03\0\0\0\0\x10\x0f\x04\x57\x04\x57\x04\x57";
        assert_eq!(numeric(value).as_deref(), Some("4111111111111111"));
        // 12.5: two groups, one before the point.
        assert_eq!(
            numeric(b"\0\x02\0\0\0\0\0\x01\0\x0c\x13\x88").as_deref(),
            Some("12.5000")
        );
        // 100000000: the zero groups are left out.
        assert_eq!(
            numeric(b"\0\x01\0\x02\0\0\0\0\0\x01").as_deref(),
            Some("100000000")
        );
        assert_eq!(numeric(b"\0\x04\0"), None);
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
        assert_eq!(integer(&7_i16.to_be_bytes()), "7");
        assert_eq!(integer(&(-7_i32).to_be_bytes()), "-7");
        assert_eq!(
            integer(&4_111_111_111_111_111_i64.to_be_bytes()),
            "4111111111111111"
        );
        assert_eq!(integer(b"odd"), "");
    }
}
