//! The text that is written: columns, line ends, and comments where they stood.

use super::pieces::{Comment, Piece};

/// What stands before a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    None,
    Space,
    /// A new line; with an empty one before it where `blank` allows it and the author has one.
    Line {
        indent: usize,
        blank: bool,
    },
}

#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    column: usize,
    /// The next piece begins a line in this column.
    break_at: Option<usize>,
}

impl Writer {
    /// The column in which the next character stands, from 0.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// The column in which the next piece begins.
    pub(super) fn next_column(&self, gap: usize) -> usize {
        self.break_at.unwrap_or(self.column + gap)
    }

    pub(super) fn pad(&mut self, blanks: usize) {
        self.write(&" ".repeat(blanks));
    }

    /// Begins a new line before the next piece, whatever its gap.
    pub(super) fn break_next(&mut self, indent: usize) {
        self.break_at = Some(indent);
    }

    /// Writes a piece with its comments; those on lines of their own stand in column `indent`.
    pub(super) fn place(&mut self, piece: &Piece<'_>, gap: Gap, indent: usize) {
        let (mut gap, blank) = match (self.break_at.take(), gap) {
            (Some(indent), _) => (
                Gap::Line {
                    indent,
                    blank: false,
                },
                false,
            ),
            (None, Gap::Line { blank, .. }) => (gap, blank),
            (None, _) => (gap, false),
        };
        let mut blank = blank;
        for comment in &piece.comments {
            self.comment(comment, indent, blank);
            blank = matches!(gap, Gap::Line { blank: true, .. });
            if let Gap::None | Gap::Space = gap {
                gap = Gap::Line {
                    indent,
                    blank: false,
                };
            }
        }
        match gap {
            Gap::None => {}
            Gap::Space => self.write(" "),
            Gap::Line { indent, blank } => self.line(indent, blank && piece.blank),
        }
        self.write(piece.text);
    }

    /// Writes the first piece of an item, whose comments [`Writer::between_items`] has written.
    pub(super) fn begin_item(&mut self, piece: &Piece<'_>) {
        self.write(piece.text);
    }

    fn comment(&mut self, comment: &Comment<'_>, indent: usize, blank: bool) {
        if comment.trailing && !self.out.is_empty() {
            self.trim();
            self.write(" ");
        } else {
            self.line(indent, blank && comment.blank);
        }
        self.write(comment.text);
    }

    /// Leaves the place between two items; `apart` asks for an empty line.
    pub(super) fn between_items(&mut self, first: &Piece<'_>, apart: bool) {
        let comments = &first.comments;
        let own = comments
            .iter()
            .filter(|comment| !comment.trailing || self.out.is_empty());
        let has_blank = first.blank || own.clone().any(|comment| comment.blank);
        let mut missing = apart && !has_blank;
        for comment in comments {
            if comment.trailing && !self.out.is_empty() {
                self.comment(comment, 0, false);
            } else {
                self.line(0, comment.blank || missing);
                missing = false;
                self.write(comment.text);
            }
        }
        self.line(0, first.blank || missing);
    }

    /// The comments behind the last item.
    pub(super) fn end(&mut self, comments: &[Comment<'_>]) {
        for comment in comments {
            self.comment(comment, 0, true);
        }
    }

    pub(super) fn comma(&mut self) {
        self.write(",");
    }

    pub(super) fn finish(mut self) -> String {
        self.trim();
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn line(&mut self, indent: usize, blank: bool) {
        self.trim();
        if !self.out.is_empty() {
            self.out.push('\n');
            if blank {
                self.out.push('\n');
            }
        }
        self.column = 0;
        self.write(&" ".repeat(indent));
    }

    fn trim(&mut self) {
        let length = self.out.trim_end_matches([' ', '\t']).len();
        self.out.truncate(length);
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }
}
