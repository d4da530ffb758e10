//! The texts that diagnostics point into, with an index of their lines, so that thousands of diagnostics in one file do not
//! each read it from its beginning.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::Place;
use super::finding::PlacedEdit;
use crate::sources::SourceFile;
use crate::visible;

/// The files of a policy, by name.
#[derive(Debug)]
pub(crate) struct Texts<'a> {
    texts: BTreeMap<&'a str, (&'a str, Arc<Text>)>,
}

/// A text as it is shown.
#[derive(Debug, Default)]
pub(super) struct Text {
    name: String,
    /// Where it stands, from the current folder.
    path: String,
    /// Of the same length as the file, without what hides.
    shown: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(files: &'a [SourceFile]) -> Texts<'a> {
        let text = |file: &'a SourceFile| {
            let text = Arc::new(Text {
                path: file.relative(),
                ..Text::new(&file.name, &file.text)
            });
            (file.name.as_str(), (file.text.as_str(), text))
        };
        Texts {
            texts: files.iter().map(text).collect(),
        }
    }

    /// The place of a byte range in a file.
    pub(super) fn place(&self, file: &str, range: Range<usize>) -> Place {
        let position = |offset| {
            let found = self.texts.get(file);
            found.map_or((1, 1), |(text, index)| index.position(text, offset))
        };
        let (line, column) = position(range.start);
        let (end_line, end_column) = position(range.end);
        Place {
            file: file.to_owned(),
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// A change of a file, with its place.
    pub(super) fn edit(&self, edit: &hpol_hir::Edit) -> PlacedEdit {
        PlacedEdit {
            place: self.place(&edit.file, edit.span.clone()),
            path: self.shown(&edit.file).path.clone(),
            text: edit.text.clone(),
        }
    }

    /// The text of a file as it is shown.
    pub(super) fn shown(&self, file: &str) -> Arc<Text> {
        self.texts
            .get(file)
            .map(|(_, text)| Arc::clone(text))
            .unwrap_or_default()
    }
}

impl Text {
    fn new(name: &str, text: &str) -> Text {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Text {
            name: visible::line(name),
            path: String::new(),
            shown: visible::same_length(text),
            lines: std::iter::once(0)
                .chain(breaks.map(|(place, _)| place + 1))
                .collect(),
        }
    }

    /// Where it stands, from the current folder.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Index of the line that `offset` stands on.
    fn line(&self, offset: usize) -> usize {
        self.lines
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    }

    /// Where the line of an index begins; the end of the text for those that are not there.
    fn start(&self, line: usize) -> usize {
        self.lines.get(line).copied().unwrap_or(self.shown.len())
    }

    /// Line and column of a byte offset into `text`, which this was made of, from 1.
    fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = if text.is_char_boundary(offset) {
            offset
        } else {
            text.len()
        };
        let line = self.line(offset);
        let before = text.get(self.start(line)..offset).unwrap_or_default();
        (line + 1, before.chars().count() + 1)
    }
}

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // The lines around the span and one more to each side are all that is looked at.
        let first = self
            .line(span.offset())
            .saturating_sub(lines_before.saturating_add(1));
        let last = self
            .line(span.offset().saturating_add(span.len()))
            .saturating_add(lines_after.saturating_add(2));
        let start = self.start(first);
        let window = self
            .shown
            .get(start..self.start(last))
            .ok_or(MietteError::OutOfBounds)?;
        let within = SourceSpan::from((span.offset().saturating_sub(start), span.len()));
        let found = window.read_span(&within, lines_before, lines_after)?;
        let (offset, length) = (found.span().offset(), found.span().len());
        let data = window
            .as_bytes()
            .get(offset..)
            .and_then(|rest| rest.get(..length))
            .ok_or(MietteError::OutOfBounds)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            data,
            (start + offset, length).into(),
            first + found.line(),
            found.column(),
            found.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use miette::NamedSource;

    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a\nüb c\n";
        let index = Text::new("f", text);
        for (offset, place) in [(0, (1, 1)), (4, (2, 2)), (8, (3, 1)), (99, (3, 1))] {
            assert_eq!(index.position(text, offset), place);
        }
    }

    /// The excerpt is what reading the file from its beginning gives.
    #[test]
    fn excerpts_are_those_of_the_whole_text() {
        let text = "package p\n\nrule a {\n  when x\n  allow\n}\n\nrule b { allow }\nlast";
        let index = Text::new("f", text);
        let whole = NamedSource::new("f", text.to_owned());
        let mut compared = 0;
        for offset in 0..text.len() {
            for length in 0..=(text.len() - offset) {
                for context in 0..3 {
                    let span = SourceSpan::from((offset, length));
                    let read = |source: &dyn SourceCode| {
                        let found = source.read_span(&span, context, context).ok()?;
                        let (data, name) = (found.data().to_vec(), found.name().map(str::to_owned));
                        Some((data, *found.span(), found.line(), found.column(), name))
                    };
                    assert_eq!(read(&index), read(&whole), "{span:?} {context}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 1_000);
    }
}
