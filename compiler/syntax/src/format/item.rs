//! One item: its head, its clauses in columns, its conditions and lists broken where a line is too narrow for them.

use super::align::Pads;
use super::layout::{Chain, Layout};
use super::pieces::Piece;
use super::write::{Gap, Writer};
use super::{INDENT, WIDTH};

/// Words before an opening parenthesis that is not part of a call or a control.
const APART: &[&str] = &[
    "and", "or", "not", "who", "when", "unless", "except", "where", "has", "of", "to", "in",
    "within", "by", "on",
];
/// Words before a list.
const LISTED: &[&str] = &[
    "in", "any", "all", "within", "groups", "on", "of", "to", "has", "labels", "claims",
];

pub(super) fn write(writer: &mut Writer, pieces: &[Piece<'_>], layout: &Layout, pads: Pads) {
    let is_clause = |piece: &Piece<'_>| layout.clauses.binary_search(&piece.start).is_ok();
    let mut item = ItemWriter {
        writer,
        pieces,
        layout,
        pads,
        next_chain: 0,
        clause_body: None,
    };
    let first = pieces.iter().position(is_clause);
    let braces = first.is_some() || pieces.last().is_some_and(|last| last.text == "}");
    if !braces {
        return item.line(pieces.len());
    }
    let open = pieces
        .iter()
        .position(|piece| piece.text == "{")
        .unwrap_or(0);
    item.sequence(0, open + 1, 2 * INDENT);
    let close = pieces.len().saturating_sub(1);
    let width = item.clause_width();
    let mut start = open + 1;
    while start < close {
        let rest = pieces.get(start + 1..close).unwrap_or(&[]);
        let end = rest
            .iter()
            .position(is_clause)
            .map_or(close, |next| start + 1 + next);
        item.clause(start, end, width, start == open + 1);
        start = end;
    }
    item.close(close, open + 1 == close);
}

struct ItemWriter<'w, 'p, 't> {
    writer: &'w mut Writer,
    pieces: &'p [Piece<'t>],
    layout: &'p Layout,
    pads: Pads,
    /// The first chain that has not been begun; they come outer before inner.
    next_chain: usize,
    /// The piece behind the first word of a clause; a condition that begins there has its operators to the left.
    clause_body: Option<usize>,
}

impl ItemWriter<'_, '_, '_> {
    fn piece(&self, index: usize) -> Option<&Piece<'_>> {
        self.pieces.get(index)
    }

    fn text(&self, index: usize) -> &str {
        self.piece(index).map_or("", |piece| piece.text)
    }

    /// An item without clauses; the parts of a connection or a group stand in columns.
    fn line(&mut self, end: usize) {
        let columns = match (self.text(0), self.text(2)) {
            ("connection", "=") => 4,
            (_, "=") => 3,
            _ => 0,
        };
        for index in 0..end.min(columns) {
            self.put(index, INDENT);
            let width = match index {
                1 => self.pads.name,
                3 => self.pads.protocol,
                _ => 0,
            };
            self.writer
                .pad(width.saturating_sub(self.text(index).len()));
        }
        self.sequence(end.min(columns), end, INDENT);
    }

    /// The widest first word of the clauses, where they stand in one column.
    fn clause_width(&self) -> usize {
        match self.text(0) {
            "rule" => 0,
            "data" => "detector".len(),
            "test" => "expect".len(),
            _ => {
                let first = |place: &u32| {
                    let piece = self.pieces.iter().find(|piece| piece.start == *place);
                    piece.map_or(0, |piece| piece.text.len())
                };
                self.layout.clauses.iter().map(first).max().unwrap_or(0)
            }
        }
    }

    fn clause(&mut self, start: usize, end: usize, width: usize, first: bool) {
        let Some(piece) = self.pieces.get(start) else {
            return;
        };
        self.writer.place(
            piece,
            Gap::Line {
                indent: INDENT,
                blank: !first,
            },
            INDENT,
        );
        let width = match (width, piece.text) {
            (0, "satisfies" | "because") => "satisfies".len(),
            (0, _) => "block".len(),
            (width, _) => width,
        };
        if end > start + 1 {
            self.writer.pad(width.saturating_sub(piece.text.len()));
        }
        let column = self.writer.column() + 1;
        self.clause_body = Some(start + 1);
        self.sequence(start + 1, end, column);
    }

    fn close(&mut self, index: usize, empty: bool) {
        let Some(piece) = self.pieces.get(index) else {
            return;
        };
        let gap = match empty && piece.comments.is_empty() {
            true => Gap::None,
            false => Gap::Line {
                indent: 0,
                blank: false,
            },
        };
        self.writer.place(piece, gap, INDENT);
    }

    /// Writes pieces one behind the other; what is broken continues at `indent`.
    fn sequence(&mut self, start: usize, end: usize, indent: usize) {
        let mut index = start;
        while index < end {
            index = self.element(index, end, indent);
            if self.text(index.saturating_sub(1)) == "," && index < end {
                self.fill(index, end, indent);
            }
        }
    }

    /// After a comma: breaks the line where what stands before the next comma does not fit.
    fn fill(&mut self, start: usize, end: usize, indent: usize) {
        let stop = self.comma(start, end).map_or(end, |comma| comma + 1);
        let width = self.flat(start, stop);
        if self.writer.column() + 1 + width > WIDTH {
            self.writer.break_next(indent);
        }
    }

    /// The next comma that stands in no bracket.
    fn comma(&self, start: usize, end: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (start..end).find(|index| match self.text(*index) {
            "(" | "[" | "{" => {
                depth += 1;
                false
            }
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                false
            }
            text => text == "," && depth == 0,
        })
    }

    /// Writes the piece of this index, or the chain, list or bracket that begins there; says where it ends.
    fn element(&mut self, index: usize, end: usize, indent: usize) -> usize {
        let Some(piece) = self.piece(index) else {
            return end;
        };
        let layout = self.layout;
        if let Some(chain) = layout.chains.get(self.next_chain)
            && chain.start == piece.start
        {
            self.next_chain += 1;
            return self.chain(index, chain, indent);
        }
        match piece.text {
            "[" => self.list(index, end, indent),
            "(" => {
                let close = self.partner(index, end);
                self.put(index, indent);
                let column = self.writer.column();
                self.sequence(index + 1, close, column);
                self.put(close, column);
                close + 1
            }
            _ => {
                self.put(index, indent);
                index + 1
            }
        }
    }

    fn chain(&mut self, start: usize, chain: &Chain, indent: usize) -> usize {
        let end = self.pieces.partition_point(|piece| piece.start < chain.end);
        let broken = self.is_broken(start, end, chain);
        let gap = usize::from(self.gap(start) == Gap::Space);
        let column = self.writer.next_column(gap);
        let too_wide = column + self.flat(start, end) > WIDTH;
        // Of a clause the operators end where the operands begin; inside of something else they begin there.
        let outer = self.clause_body.take_if(|body| *body == start).is_some();
        let mut index = start;
        while index < end {
            let piece_start = self.piece(index).map_or(0, |piece| piece.start);
            if chain.operators.contains(&piece_start) {
                if broken || too_wide {
                    let width = self.text(index).len() + 1;
                    let place = if outer {
                        column.saturating_sub(width)
                    } else {
                        indent
                    };
                    self.writer.break_next(place);
                }
                self.put(index, indent);
                index += 1;
            } else {
                let inner = if outer { column } else { indent };
                index = self.element(index, end, inner);
            }
        }
        end
    }

    /// Whether the author begins a new line at an operator of the chain, or a comment does.
    fn is_broken(&self, start: usize, end: usize, chain: &Chain) -> bool {
        let operator = |index: usize| {
            self.piece(index)
                .is_some_and(|piece| chain.operators.contains(&piece.start))
        };
        (start + 1..end).any(|index| {
            let at = operator(index) || operator(index - 1);
            self.piece(index)
                .is_some_and(|piece| !piece.comments.is_empty() || at && piece.newline)
        })
    }

    fn list(&mut self, start: usize, end: usize, indent: usize) -> usize {
        let close = self.partner(start, end);
        let inside = self.pieces.get(start + 1..close + 1).unwrap_or(&[]);
        let comments = inside.iter().any(|piece| !piece.comments.is_empty());
        let chosen = inside.first().is_some_and(|first| first.newline) && close > start + 1;
        self.put(start, indent);
        let trailing = self.text(close.saturating_sub(1)) == ",";
        let last = if trailing { close - 1 } else { close };
        let flat = self.flat(start + 1, last) + 1;
        if !comments && !chosen && self.writer.column() + flat <= WIDTH
            || close == start + 1 && !comments
        {
            for index in start + 1..last {
                self.put(index, indent);
            }
            self.put(close, indent);
            return close + 1;
        }
        let inner = indent + 2;
        self.writer.break_next(inner);
        self.sequence(start + 1, close, inner);
        if !trailing && close > start + 1 {
            self.writer.comma();
        }
        let Some(piece) = self.pieces.get(close) else {
            return close + 1;
        };
        self.writer.place(
            piece,
            Gap::Line {
                indent,
                blank: false,
            },
            inner,
        );
        close + 1
    }

    /// The bracket that closes the one at `open`.
    fn partner(&self, open: usize, end: usize) -> usize {
        let mut depth = 0_usize;
        for index in open..end {
            match self.text(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        end.saturating_sub(1)
    }

    fn put(&mut self, index: usize, indent: usize) {
        let gap = self.gap(index);
        match self.pieces.get(index) {
            Some(piece) if index == 0 => self.writer.begin_item(piece),
            Some(piece) => self.writer.place(piece, gap, indent),
            None => {}
        }
    }

    /// What stands between the piece before and the one of this index, on one line.
    fn gap(&self, index: usize) -> Gap {
        let Some(before) = index.checked_sub(1).and_then(|before| self.piece(before)) else {
            return Gap::None;
        };
        let Some(piece) = self.piece(index) else {
            return Gap::None;
        };
        let none = match (before.text, piece.text) {
            (_, "," | ")" | "]") | ("(" | "[", _) => true,
            (word, "(") => {
                let number = word.starts_with(|char: char| char.is_ascii_digit());
                piece.glued
                    && !APART.contains(&word)
                    && !number
                    && !word.ends_with([',', '=', '<', '>'])
            }
            (word, "[") => {
                piece.glued && !LISTED.contains(&word) && !word.ends_with([',', '=', '<', '>'])
            }
            (_, text) => piece.glued && text.starts_with('.'),
        };
        if none { Gap::None } else { Gap::Space }
    }

    /// Columns of the pieces on one line, without the gap before the first.
    fn flat(&self, start: usize, end: usize) -> usize {
        (start..end)
            .filter(|index| {
                !(self.text(*index) == "," && matches!(self.text(index + 1), "]" | ")"))
            })
            .map(|index| {
                let gap = usize::from(index > start && self.gap(index) == Gap::Space);
                gap + self.text(index).chars().count()
            })
            .sum()
    }
}
