//! Fields of COPY in CSV format: in quotes where they hold a delimiter, a quote or a line end.

use super::NOT_A_ROW;
use super::line::Spelling;
use crate::codec::Malformed;

/// How the fields of a row are told apart.
pub(super) struct Form<'a> {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) escape: u8,
    pub(super) null: &'a [u8],
}

impl Spelling for Form<'_> {
    fn delimiter(&self) -> u8 {
        self.delimiter
    }

    fn null(&self) -> &[u8] {
        self.null
    }

    /// In quotes it is a text that is spelled like NULL.
    fn is_null(&self, spelled: &[u8]) -> bool {
        spelled == self.null
    }

    fn read(&self, rest: &[u8], field: &mut Vec<u8>) -> Result<usize, Malformed> {
        if rest.first() != Some(&self.quote) {
            let end = rest.iter().position(|byte| *byte == self.delimiter);
            let end = end.unwrap_or(rest.len());
            field.extend_from_slice(rest.get(..end).unwrap_or_default());
            return Ok(end);
        }
        let mut at = 1;
        loop {
            let byte = rest.get(at).copied().ok_or(NOT_A_ROW)?;
            let next = rest.get(at + 1).copied();
            let escaped = next.filter(|next| *next == self.quote || *next == self.escape);
            match escaped {
                Some(escaped) if byte == self.escape => {
                    field.push(escaped);
                    at += 2;
                }
                _ if byte == self.quote => return Ok(at + 1),
                _ => {
                    field.push(byte);
                    at += 1;
                }
            }
        }
    }

    fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        out.push(self.quote);
        for byte in value {
            if *byte == self.quote || *byte == self.escape {
                out.push(self.escape);
            }
            out.push(*byte);
        }
        out.push(self.quote);
    }
}
