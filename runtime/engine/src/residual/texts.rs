//! From texts to rows: the constants of one fact, one behind the other in one piece of memory.

use std::cmp::Ordering;

use super::Row;

/// The constants of one fact and their rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    bytes: Box<[u8]>,
    /// Ascending by text.
    equal: Box<[Entry]>,
    /// Ascending by text.
    prefixes: Box<[Entry]>,
    /// The row of all other texts.
    other: Row,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The first bytes as a number, zeros behind, which orders as texts do: most comparisons end here.
    head: u64,
    start: u32,
    end: u32,
    row: Row,
    /// Of a prefix: one more than the position of the longest other prefix that it starts with; 0 where there is none.
    parent: u32,
}

impl Texts {
    /// Bytes of the constants.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.bytes) + size_of_val(&*self.equal) + size_of_val(&*self.prefixes)
    }

    /// The row of `value`: its own, or that of its longest prefix.
    pub(super) fn row(&self, value: &str) -> Row {
        let value = value.as_bytes();
        let head = head(value);
        let found = self
            .equal
            .binary_search_by(|entry| self.order(entry, head, value));
        match found.ok().and_then(|index| self.equal.get(index)) {
            Some(entry) => entry.row,
            None => self.row_by_prefix(head, value),
        }
    }

    /// The longest prefix is the last one that does not follow `value`, or one of its parents.
    fn row_by_prefix(&self, head: u64, value: &[u8]) -> Row {
        let mut next = self
            .prefixes
            .partition_point(|entry| self.order(entry, head, value) != Ordering::Greater);
        while let Some(prefix) = next
            .checked_sub(1)
            .and_then(|index| self.prefixes.get(index))
        {
            if value.starts_with(self.text(prefix)) {
                return prefix.row;
            }
            // INVARIANT: parents stand before what starts with them, so that this ends.
            next = prefix.parent as usize;
        }
        self.other
    }

    fn order(&self, entry: &Entry, head: u64, value: &[u8]) -> Ordering {
        let heads = entry.head.cmp(&head);
        heads.then_with(|| self.text(entry).cmp(value))
    }

    fn text(&self, entry: &Entry) -> &[u8] {
        let range = entry.start as usize..entry.end as usize;
        self.bytes.get(range).unwrap_or_default()
    }
}

fn head(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first
                .iter_mut()
                .zip(text)
                .for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(first)
        }
    }
}

/// Texts while they are collected; each kind must be added in ascending order.
pub(super) struct TextsBuilder {
    bytes: Vec<u8>,
    equal: Vec<Entry>,
    prefixes: Vec<Entry>,
    /// Positions of the prefixes that the last one starts with, and of itself.
    open: Vec<usize>,
    other: Row,
}

impl TextsBuilder {
    /// Of a fact whose other texts have the row `other`.
    pub(super) fn new(other: Row) -> TextsBuilder {
        TextsBuilder {
            bytes: Vec::new(),
            equal: Vec::new(),
            prefixes: Vec::new(),
            open: Vec::new(),
            other,
        }
    }

    /// Adds `text`, if it has another row than its longest prefix, whose row is `by_prefix`.
    pub(super) fn equal(&mut self, text: &str, row: Row, by_prefix: Row) {
        if row != by_prefix {
            let entry = self.entry(text, row, 0);
            self.equal.push(entry);
        }
    }

    /// Adds `text`, if it has another row than the longest prefix that it starts with.
    pub(super) fn prefix(&mut self, text: &str, row: Row) {
        // What lies between a prefix and a text in order starts with that prefix too, so that those which end here
        // are not needed again.
        while let Some(entry) = self.open.last().and_then(|last| self.prefixes.get(*last)) {
            if text.as_bytes().starts_with(self.text(entry)) {
                break;
            }
            self.open.pop();
        }
        let parent = self.open.last().and_then(|last| self.prefixes.get(*last));
        if row == parent.map_or(self.other, |parent| parent.row) {
            return;
        }
        let parent = self.open.last().map_or(0, |last| last.saturating_add(1));
        let entry = self.entry(text, row, u32::try_from(parent).unwrap_or(0));
        self.open.push(self.prefixes.len());
        self.prefixes.push(entry);
    }

    pub(super) fn finish(self) -> Texts {
        Texts {
            bytes: self.bytes.into(),
            equal: self.equal.into(),
            prefixes: self.prefixes.into(),
            other: self.other,
        }
    }

    fn text(&self, entry: &Entry) -> &[u8] {
        let range = entry.start as usize..entry.end as usize;
        self.bytes.get(range).unwrap_or_default()
    }

    fn entry(&mut self, text: &str, row: Row, parent: u32) -> Entry {
        // INVARIANT: the texts of a bundle have fewer than 2^32 bytes.
        let place = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let start = place(&self.bytes);
        self.bytes.extend_from_slice(text.as_bytes());
        Entry {
            head: head(text.as_bytes()),
            start,
            end: place(&self.bytes),
            row,
            parent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `prefixes` are their positions from 10 on, those of `equal` from 20 on; 0 is any other text's.
    fn texts(prefixes: &[&str], equal: &[&str]) -> Texts {
        let mut builder = TextsBuilder::new(0);
        for (row, prefix) in (10..).zip(prefixes) {
            builder.prefix(prefix, row);
        }
        for (row, text) in (20..).zip(equal) {
            builder.equal(text, row, 0);
        }
        builder.finish()
    }

    #[test]
    fn the_longest_prefix_decides_and_an_equal_text_before_it() {
        let texts = texts(
            &["/a", "/a/long/prefix/1", "/a/long/prefix/12", "/b"],
            &["/a\0", "/a/long/prefix"],
        );
        for (value, row) in [
            ("", 0),
            ("/", 0),
            ("/a", 10),
            ("/a\0", 20),
            ("/a/long/prefix", 21),
            ("/a/long/prefix/0", 10),
            ("/a/long/prefix/1", 11),
            ("/a/long/prefix/11", 11),
            ("/a/long/prefix/12x", 12),
            ("/a/long/prefix/2", 10),
            ("/az", 10),
            ("/bz", 13),
            ("/c", 0),
        ] {
            assert_eq!(texts.row(value), row, "{value:?}");
        }
    }

    #[test]
    fn constants_that_change_nothing_are_left_out() {
        let mut builder = TextsBuilder::new(7);
        for (prefix, row) in [
            ("a", 7),
            ("ab", 8),
            ("abc", 8),
            ("abcd", 7),
            ("abd", 8),
            ("b", 7),
        ] {
            builder.prefix(prefix, row);
        }
        builder.equal("abx", 8, 8);
        let texts = builder.finish();
        assert_eq!((texts.prefixes.len(), texts.equal.len()), (2, 0));
        let rows = ["a", "ab", "abcc", "abcde", "abdx", "b"].map(|value| texts.row(value));
        assert_eq!(rows, [7, 8, 8, 7, 8, 7]);
    }
}
