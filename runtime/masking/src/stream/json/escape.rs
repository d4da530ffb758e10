//! Escapes in JSON strings (RFC 8259, section 7), both ways.

/// What bytes that begin with `\` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// More bytes are needed.
    Unfinished,
    /// The first `length` bytes stand for a character. Half of a surrogate pair stands for U+FFFD.
    Character { character: char, length: usize },
    /// The first `length` bytes are not an escape and stand for themselves.
    Invalid { length: usize },
}

impl Escape {
    /// Reads the escape at the beginning of `bytes`, of which the first is `\`.
    pub(super) fn read(bytes: &[u8]) -> Escape {
        let character = match bytes.get(1) {
            None => return Escape::Unfinished,
            Some(b'u') => return unicode(bytes),
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(*letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) => return Escape::Invalid { length: 1 },
        };
        Escape::Character {
            character,
            length: 2,
        }
    }
}

fn unicode(bytes: &[u8]) -> Escape {
    let first = match unit(bytes) {
        Unit::Is(unit) => unit,
        Unit::Unfinished => return Escape::Unfinished,
        Unit::Invalid => return Escape::Invalid { length: 1 },
    };
    if let Some(character) = char::from_u32(first) {
        return Escape::Character {
            character,
            length: 6,
        };
    }
    let alone = Escape::Character {
        character: char::REPLACEMENT_CHARACTER,
        length: 6,
    };
    if first >= 0xdc00 {
        return alone;
    }
    match unit(bytes.get(6..).unwrap_or_default()) {
        Unit::Unfinished => Escape::Unfinished,
        Unit::Is(second @ 0xdc00..=0xdfff) => {
            let character = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Escape::Character {
                character: char::from_u32(character).unwrap_or(char::REPLACEMENT_CHARACTER),
                length: 12,
            }
        }
        Unit::Is(_) | Unit::Invalid => alone,
    }
}

/// `\u` and four hexadecimal digits.
enum Unit {
    Is(u32),
    Unfinished,
    Invalid,
}

fn unit(bytes: &[u8]) -> Unit {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(6).enumerate() {
        let digit = char::from(*byte).to_digit(16);
        match (index, byte, digit) {
            (0, b'\\', _) | (1, b'u', _) => {}
            (2.., _, Some(digit)) => value = value * 16 + digit,
            _ => return Unit::Invalid,
        }
    }
    if bytes.len() < 6 {
        Unit::Unfinished
    } else {
        Unit::Is(value)
    }
}

/// Appends decoded `text` as the inside of a string.
pub(crate) fn write(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(plain) = rest.iter().position(|byte| needs_escape(*byte)) {
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
        match rest.get(plain) {
            Some(b'"') => out.extend_from_slice(b"\\\""),
            Some(b'\\') => out.extend_from_slice(b"\\\\"),
            Some(b'\n') => out.extend_from_slice(b"\\n"),
            Some(b'\r') => out.extend_from_slice(b"\\r"),
            Some(b'\t') => out.extend_from_slice(b"\\t"),
            Some(control) => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
            None => {}
        }
        rest = rest.get(plain + 1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\')
}
