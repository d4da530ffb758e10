//! Places as the protocol counts them: lines from 0, columns in UTF-16 code units (LSP 3.17, "Position").

use std::ops::Range;

use hpol_syntax::span::Span;

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Lines<'t> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(breaks.map(|(place, _)| place + 1))
            .collect();
        Lines { text, starts }
    }

    /// The place of a byte; of the character that it belongs to, and of the end where there is none.
    pub(crate) fn position(&self, offset: usize) -> lsp_types::Position {
        let offset = self.floor(offset);
        let line = self
            .starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .unwrap_or("")
            .encode_utf16()
            .count();
        lsp_types::Position::new(narrow(line), narrow(column))
    }

    /// The byte at a place; the end of the line or of the text where there is none.
    pub(crate) fn offset(&self, position: lsp_types::Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line).copied() else {
            return self.text.len();
        };
        let end = self
            .starts
            .get(line + 1)
            .copied()
            .unwrap_or(self.text.len());
        let text = self
            .text
            .get(start..end)
            .unwrap_or("")
            .trim_end_matches(['\n', '\r']);
        let mut units = position.character as usize;
        for (place, char) in text.char_indices() {
            if units < char.len_utf16() {
                return start + place;
            }
            units -= char.len_utf16();
        }
        start + text.len()
    }

    pub(crate) fn range(&self, bytes: Range<usize>) -> lsp_types::Range {
        lsp_types::Range::new(self.position(bytes.start), self.position(bytes.end))
    }

    pub(crate) fn span(&self, span: Span) -> lsp_types::Range {
        self.range(span.start as usize..span.end as usize)
    }

    pub(crate) fn bytes(&self, range: lsp_types::Range) -> Range<usize> {
        let (start, end) = (self.offset(range.start), self.offset(range.end));
        start..end.max(start)
    }

    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use lsp_types::Position;

    use super::*;

    #[test]
    fn columns_count_utf_16() {
        let lines = Lines::new("aü😀b\r\nx\n");
        for (offset, line, column) in [
            (0, 0, 0),
            (1, 0, 1),
            (3, 0, 2),
            (7, 0, 4),
            (8, 0, 5),
            (10, 1, 0),
            (12, 2, 0),
        ] {
            let position = Position::new(line, column);
            assert_eq!(lines.position(offset), position);
            assert_eq!(lines.offset(position), offset);
        }
        // Inside of a character, behind the line, behind the text.
        assert_eq!(lines.offset(Position::new(0, 3)), 3);
        assert_eq!(lines.offset(Position::new(0, 99)), 8);
        assert_eq!(lines.offset(Position::new(9, 0)), 12);
    }

    proptest::proptest! {
        #[test]
        fn every_place_goes_there_and_back(text: String, offset in 0_usize..200) {
            let lines = Lines::new(&text);
            let position = lines.position(offset);
            let back = lines.offset(position);
            assert!(text.is_char_boundary(back) && back <= text.len());
            // The end of a line is where its carriage return stands.
            assert_eq!(lines.offset(lines.position(back)), back);
        }
    }
}
