//! Arrays, hidden element by element, of any number of dimensions. What is not exactly as PostgreSQL writes arrays is an
//! error, and the caller hides it whole.
//! Source: PostgreSQL manual, "Arrays", and `array_send` for the binary form.

use hpol_session::masking::{MaskRun, Masked};

use super::{ElementRoom, Room, Shape, inner};
use crate::codec::Malformed;
use crate::codec::body::Body;

/// PostgreSQL's MAXDIM.
const MAX_DIMENSIONS: usize = 6;

const BROKEN: Malformed = Malformed::Body {
    what: "an array is not as the server writes them",
};

/// Hides in an array of texts in text format: `{a,"b c",NULL}`, with its bounds in front where they are not 1.
pub(super) fn text(
    value: &[u8],
    run: &mut MaskRun,
    room: &mut Room,
    mut hide: impl FnMut(&[u8], &mut Vec<u8>, &mut MaskRun) -> Masked,
) -> Result<Masked, Malformed> {
    let Room {
        out, form, element, ..
    } = room;
    let mut rest = value;
    if rest.first() == Some(&b'[') {
        let bounds = rest.iter().position(|byte| *byte == b'=').ok_or(BROKEN)?;
        let (bounds, after) = rest.split_at_checked(bounds + 1).ok_or(BROKEN)?;
        out.extend_from_slice(bounds);
        rest = after;
    }
    let mut changed = Masked::Unchanged;
    let mut depth = 0_usize;
    while let Some((byte, after)) = rest.split_first() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.checked_sub(1).ok_or(BROKEN)?,
            b',' => {}
            _ => {
                form.clear();
                let (length, quoted) = read_element(rest, form)?;
                let (spelled, after) = rest.split_at_checked(length).ok_or(BROKEN)?;
                rest = after;
                element.clear();
                let null = !quoted && spelled.eq_ignore_ascii_case(b"NULL");
                let masked = if null {
                    Masked::Unchanged
                } else {
                    hide(form, element, run)
                };
                match masked {
                    Masked::Unchanged => out.extend_from_slice(spelled),
                    Masked::Changed => write_element(element, out),
                    Masked::Null => out.extend_from_slice(b"NULL"),
                }
                if masked != Masked::Unchanged {
                    changed = Masked::Changed;
                }
                continue;
            }
        }
        if depth > MAX_DIMENSIONS || (depth == 0 && !after.is_empty()) {
            return Err(BROKEN);
        }
        out.push(*byte);
        rest = after;
    }
    if depth > 0 || value.is_empty() {
        return Err(BROKEN);
    }
    Ok(changed)
}

/// Reads the element at the start of `rest` into `form`; how many bytes it takes, and whether it is in quotes.
fn read_element(rest: &[u8], form: &mut Vec<u8>) -> Result<(usize, bool), Malformed> {
    let quoted = rest.first() == Some(&b'"');
    let mut at = usize::from(quoted);
    loop {
        let byte = rest.get(at).copied().ok_or(BROKEN)?;
        match byte {
            b'"' if quoted => return Ok((at + 1, true)),
            b'\\' => {
                form.push(rest.get(at + 1).copied().ok_or(BROKEN)?);
                at += 2;
                continue;
            }
            b',' | b'}' if !quoted => return Ok((at, false)),
            b'"' | b'{' if !quoted => return Err(BROKEN),
            _ => form.push(byte),
        }
        at += 1;
    }
}

fn write_element(element: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in element {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Hides in an array in binary format: dimensions, a flag for NULLs, the type of the elements, a length and a lower bound
/// for each dimension, then the elements.
pub(super) fn binary(
    value: &[u8],
    run: &mut MaskRun,
    room: &mut Room,
    mut hide: impl FnMut(Shape, &[u8], ElementRoom<'_>, &mut MaskRun) -> Masked,
) -> Result<Masked, Malformed> {
    let Room {
        catalogue,
        out,
        form,
        element,
    } = room;
    let mut body = Body::new(value);
    let dimensions = usize::try_from(body.i32()?).map_err(|_| BROKEN)?;
    if dimensions > MAX_DIMENSIONS {
        return Err(BROKEN);
    }
    let mut nulls = body.i32()? != 0;
    let type_oid = body.u32()?;
    let bounds = body.bytes(dimensions * 8)?;
    let shape = inner(type_oid, catalogue);
    for part in [value.get(..4), value.get(4..8)] {
        out.extend_from_slice(part.ok_or(BROKEN)?);
    }
    out.extend_from_slice(&type_oid.to_be_bytes());
    out.extend_from_slice(bounds);
    let mut changed = Masked::Unchanged;
    while body.remaining() > 0 {
        let Some(value) = body.value()? else {
            put(None, out)?;
            continue;
        };
        element.clear();
        let room = ElementRoom {
            out: &mut *element,
            form: &mut *form,
        };
        let masked = hide(shape, value, room, run);
        match masked {
            Masked::Unchanged => put(Some(value), out)?,
            Masked::Changed => put(Some(element), out)?,
            Masked::Null => {
                nulls = true;
                put(None, out)?;
            }
        }
        if masked != Masked::Unchanged {
            changed = Masked::Changed;
        }
    }
    if let Some(flag) = out.get_mut(4..8) {
        flag.copy_from_slice(&i32::from(nulls).to_be_bytes());
    }
    Ok(changed)
}

fn put(value: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Some(value) = value else {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        return Ok(());
    };
    let length = i32::try_from(value.len()).map_err(|_| BROKEN)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}
