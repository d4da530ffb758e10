//! Fields of COPY in text format: a backslash before what would be taken for a delimiter or a line end.

use super::NOT_A_ROW;
use super::line::Spelling;
use crate::codec::Malformed;

/// How the fields of a row are told apart.
pub(super) struct Form<'a> {
    pub(super) delimiter: u8,
    pub(super) null: &'a [u8],
}

/// Characters that are written as a backslash and a letter. Source: `CopyAttributeOutText`.
const LETTERS: [(u8, u8); 6] = [
    (b'b', 8),
    (b't', b'\t'),
    (b'n', b'\n'),
    (b'v', 11),
    (b'f', 12),
    (b'r', b'\r'),
];

impl Spelling for Form<'_> {
    fn delimiter(&self) -> u8 {
        self.delimiter
    }

    fn null(&self) -> &[u8] {
        self.null
    }

    /// Where nothing stands for NULL, it stands for an empty value too.
    fn is_null(&self, spelled: &[u8]) -> bool {
        spelled == self.null && !spelled.is_empty()
    }

    fn read(&self, rest: &[u8], field: &mut Vec<u8>) -> Result<usize, Malformed> {
        let mut at = 0;
        while let Some(byte) = rest.get(at).copied() {
            if byte == self.delimiter {
                break;
            }
            at += 1;
            if byte != b'\\' {
                field.push(byte);
                continue;
            }
            let escaped = rest.get(at).copied().ok_or(NOT_A_ROW)?;
            let letter = LETTERS.iter().find(|(letter, _)| *letter == escaped);
            field.push(letter.map_or(escaped, |(_, byte)| *byte));
            at += 1;
        }
        Ok(at)
    }

    fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        for byte in value {
            let letter = LETTERS.iter().find(|(_, written)| written == byte);
            match letter {
                Some((letter, _)) => out.extend_from_slice(&[b'\\', *letter]),
                None if *byte == b'\\' || *byte == self.delimiter => {
                    out.extend_from_slice(&[b'\\', *byte]);
                }
                None => out.push(*byte),
            }
        }
    }
}
