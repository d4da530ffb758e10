//! Canonical JSON (RFC 8785) of records: the bytes that are hashed, sealed and verified. Refuses what has no single
//! form everywhere (floats, integers beyond 2^53 - 1). Knows nothing of what a record means.

pub(crate) mod encode;

use serde_json::{Map, Value};

/// Most bytes of a record's canonical form. A tlog-tiles entry holds 65,535; this leaves room for framing and for the
/// larger forms that exports make of it.
pub const RECORD_BYTES: usize = 48 * 1024;

/// Largest integer that RFC 8785 (through I-JSON, RFC 7493 section 2.2) lets every reader see alike.
pub const INTEGER_LIMIT: u64 = (1 << 53) - 1;

/// Why a value has no canonical form here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Canonicalise {
    /// A number with a fraction or exponent.
    #[error("records hold no floating point numbers, found `{0}`")]
    Float(String),
    /// An integer that some readers would round.
    #[error("integer `{0}` is beyond 2^53 - 1, which not every JSON reader can hold")]
    LargeInteger(String),
    /// A member's name that no record has.
    #[error("member name `{0}` is not of letters, digits and `_`")]
    Name(String),
    /// A shape of data that no record has.
    #[error("records do not hold {0}")]
    Shape(&'static str),
    /// A value that does not serialise to a JSON object.
    #[error("a record is a JSON object")]
    NotAnObject,
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but written otherwise than RFC 8785 says.
    #[error("JSON is not in canonical form")]
    NotCanonical,
}

/// The canonical form of `value`: keys sorted by UTF-16 code units, no white space, control characters escaped. No raw
/// byte below 0x20 is ever in it, so a record cannot break a line, a terminal or a frame.
///
/// # Errors
/// Floats and integers beyond 2^53 - 1 are refused.
pub fn canonical(value: &Value) -> Result<Vec<u8>, Canonicalise> {
    let mut bytes = Vec::with_capacity(1024);
    write_value(value, &mut bytes)?;
    Ok(bytes)
}

/// The JSON value that `bytes` are the canonical form of.
///
/// # Errors
/// When they are not JSON, or any other spelling of it than the canonical one: duplicate keys, white space, other order.
pub fn parse(bytes: &[u8]) -> Result<Value, Canonicalise> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| Canonicalise::NotJson(error.to_string()))?;
    if canonical(&value)? == bytes {
        Ok(value)
    } else {
        Err(Canonicalise::NotCanonical)
    }
}

/// `text` fit for a terminal or a log line: control characters (also U+0080 to U+009F, which some terminals obey) and
/// characters that reorder text are shown as `\u{..}`. Canonical JSON escapes the first 32 only, as RFC 8785 demands.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || reorders(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Bidirectional controls and line separators (Unicode Standard Annex 9, section 2).
fn reorders(character: char) -> bool {
    matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn write_value(value: &Value, bytes: &mut Vec<u8>) -> Result<(), Canonicalise> {
    match value {
        Value::Null => bytes.extend_from_slice(b"null"),
        Value::Bool(true) => bytes.extend_from_slice(b"true"),
        Value::Bool(false) => bytes.extend_from_slice(b"false"),
        Value::Number(number) => write_integer(number, bytes)?,
        Value::String(text) => write_string(text, bytes),
        Value::Array(items) => write_array(items, bytes)?,
        Value::Object(members) => write_object(members, bytes)?,
    }
    Ok(())
}

fn write_integer(number: &serde_json::Number, bytes: &mut Vec<u8>) -> Result<(), Canonicalise> {
    let magnitude = match (number.as_u64(), number.as_i64()) {
        (Some(magnitude), _) => magnitude,
        (None, Some(negative)) => negative.unsigned_abs(),
        (None, None) => return Err(Canonicalise::Float(number.to_string())),
    };
    if magnitude > INTEGER_LIMIT {
        return Err(Canonicalise::LargeInteger(number.to_string()));
    }
    bytes.extend_from_slice(number.to_string().as_bytes());
    Ok(())
}

fn write_array(items: &[Value], bytes: &mut Vec<u8>) -> Result<(), Canonicalise> {
    bytes.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        write_value(item, bytes)?;
    }
    bytes.push(b']');
    Ok(())
}

fn write_object(members: &Map<String, Value>, bytes: &mut Vec<u8>) -> Result<(), Canonicalise> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    // RFC 8785 section 3.2.3: by UTF-16 code units, which differs from UTF-8 order beyond the basic plane.
    sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    bytes.push(b'{');
    for (index, (name, member)) in sorted.into_iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        write_string(name, bytes);
        bytes.push(b':');
        write_value(member, bytes)?;
    }
    bytes.push(b'}');
    Ok(())
}

/// RFC 8785 section 3.2.2.2. All that is escaped is one byte long, so the rest is copied in runs.
fn write_string(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    let mut rest = text.as_bytes();
    // Nearly no text needs it, and without leaving early many bytes are looked at in one go.
    if !rest.iter().fold(false, |any, byte| any | escaped(*byte)) {
        bytes.extend_from_slice(rest);
        bytes.push(b'"');
        return;
    }
    while let Some(place) = rest.iter().position(|byte| escaped(*byte)) {
        let (plain, from) = rest.split_at(place);
        bytes.extend_from_slice(plain);
        if let Some((byte, after)) = from.split_first() {
            write_escaped(*byte, bytes);
            rest = after;
        }
    }
    bytes.extend_from_slice(rest);
    bytes.push(b'"');
}

fn escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn write_escaped(byte: u8, bytes: &mut Vec<u8>) {
    let short = match byte {
        8 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        12 => b'f',
        b'\r' => b'r',
        control if control < b' ' => {
            bytes.extend_from_slice(format!("\\u{control:04x}").as_bytes());
            return;
        }
        character => character,
    };
    bytes.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical(value).unwrap()).unwrap()
    }

    #[test]
    fn keys_sort_by_utf16_code_units() {
        // The example of RFC 8785 section 3.2.3.
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis"
        });
        let order = [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O",
            "Euro Sign",
            "Emoji",
            "Hebrew Letter Dalet",
        ];
        let places: Vec<usize> = order
            .iter()
            .map(|name| text(&value).find(name).unwrap())
            .collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn floats_and_integers_that_readers_round_are_refused() {
        assert_eq!(
            canonical(&json!({"a": 1.5})),
            Err(Canonicalise::Float("1.5".into()))
        );
        assert_eq!(
            canonical(&json!([9_007_199_254_740_992_u64])),
            Err(Canonicalise::LargeInteger("9007199254740992".into()))
        );
        assert_eq!(
            text(&json!([
                9_007_199_254_740_991_u64,
                -9_007_199_254_740_991_i64
            ])),
            "[9007199254740991,-9007199254740991]"
        );
    }

    #[test]
    fn other_spellings_of_the_same_json_are_refused() {
        assert!(parse(br#"{"a":1,"b":[true,null]}"#).is_ok());
        for other in [
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a": 1}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":1}x"#,
            r#"{"a":1e0}"#,
        ] {
            assert!(parse(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn u_07_control_characters_cannot_leave_a_record() {
        let hostile = "x\"}\n{\"event\":\"gateway_stopped\"}\r\u{1b}[2J\u{0}\u{8}\u{9b}31m\u{202e}";
        let bytes = canonical(&json!({ "masked": hostile })).unwrap();
        assert!(bytes.iter().all(|byte| *byte >= 0x20));
        assert_eq!(parse(&bytes).unwrap()["masked"], hostile);
        insta::assert_snapshot!(printable(hostile), @r#"x"}\u{a}{"event":"gateway_stopped"}\u{d}\u{1b}[2J\u{0}\u{8}\u{9b}31m\u{202e}"#);
    }

    proptest! {
        #[test]
        fn any_text_survives_and_holds_no_raw_control_byte(name in any::<String>(), value in any::<String>()) {
            let value = json!({ name: value });
            let bytes = canonical(&value).unwrap();
            prop_assert!(bytes.iter().all(|byte| *byte >= 0x20));
            prop_assert_eq!(parse(&bytes).unwrap(), value);
        }
    }
}
