//! A JSON document that is hidden as a whole: what takes its place is a JSON document too.

use hpol_session::masking::{MaskRun, Masked, Slot};

/// What stands in place of a document of which the mask would leave marks of its structure.
const REDACTED: &[u8] = b"\"***\"";

/// Hides a document in text form; what replaces it is appended to `out`.
pub(super) fn document(slot: Slot, value: &[u8], run: &mut MaskRun, out: &mut Vec<u8>) -> Masked {
    let start = out.len();
    let masked = run.value(slot, value, out);
    if masked == Masked::Changed {
        make_string(out, start);
    }
    masked
}

/// Hides a binary jsonb: a version byte, then the document.
pub(super) fn binary(slot: Slot, value: &[u8], run: &mut MaskRun, out: &mut Vec<u8>) -> Masked {
    let Some((version, rest)) = value.split_first() else {
        run.count_null(slot);
        return Masked::Null;
    };
    let start = out.len();
    out.push(*version);
    let masked = document(slot, rest, run, out);
    if masked != Masked::Changed {
        out.truncate(start);
    }
    masked
}

/// Makes what stands in `out` from `start` on a JSON string. A mask may have kept the quotes of a string.
fn make_string(out: &mut Vec<u8>, start: usize) {
    let masked = out.get(start..).unwrap_or_default();
    let quoted = masked
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let is_plain = |text: &[u8]| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"*_.:@+- #".contains(byte);
        text.iter().all(plain)
    };
    match quoted {
        Some(text) if is_plain(text) => {}
        None if is_plain(masked) => {
            out.insert(start, b'"');
            out.push(b'"');
        }
        _ => {
            out.truncate(start);
            out.extend_from_slice(REDACTED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_a_json_string() {
        for (masked, expected) in [
            ("***", "\"***\""),
            ("\"***-**-4321\"", "\"***-**-4321\""),
            ("************1111", "\"************1111\""),
            (
                "#dhalbnmbekjbcngefiblmpggfedjncck",
                "\"#dhalbnmbekjbcngefiblmpggfedjncck\"",
            ),
            ("{\"***\": \"*****4321\"}", "\"***\""),
            ("\"a\\\"", "\"***\""),
            ("\"", "\"***\""),
        ] {
            let mut out = b"\x01".to_vec();
            out.extend_from_slice(masked.as_bytes());
            make_string(&mut out, 1);
            assert_eq!(out.get(1..), Some(expected.as_bytes()), "{masked}");
        }
    }
}
