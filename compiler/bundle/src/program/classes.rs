//! Classes of values: the constants of all conditions on one fact cut its values into classes that no condition can
//! tell apart. Two more classes stand for a fact that is missing and one that is unknown.

use serde::{Deserialize, Serialize};

/// Index of a class within one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassIndex(pub(crate) u32);

impl ClassIndex {
    /// The fact could not be determined, or its value is not of its type.
    pub const UNKNOWN: ClassIndex = ClassIndex(0);
    /// The operation does not have the fact.
    pub const MISSING: ClassIndex = ClassIndex(1);
    /// The first class of values: `false`, the least numbers, or text that no condition mentions.
    pub const FIRST: ClassIndex = ClassIndex(2);

    /// The position of the class, for tables laid out by class.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The class `offset` places after the first class of values.
    pub(crate) fn value(offset: usize) -> ClassIndex {
        // INVARIANT: fields have fewer than 2^32 classes, since bundles are smaller than that.
        ClassIndex(
            u32::try_from(offset)
                .unwrap_or(u32::MAX)
                .saturating_add(Self::FIRST.0),
        )
    }
}

/// How the values of one fact fall into classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// `false`, then `true`.
    Bool,
    /// Numbers below the first bound, then from each bound on.
    Int(Bounds),
    /// One text.
    Text(Texts),
    /// A set of texts; the classes are those of its elements.
    Set(Texts),
}

impl Values {
    /// How many classes there are, with missing and unknown.
    #[must_use]
    pub fn classes(&self) -> usize {
        let values = match self {
            Values::Bool => 2,
            Values::Int(bounds) => bounds.0.len() + 1,
            Values::Text(texts) | Values::Set(texts) => {
                texts.equal.len() + texts.prefixes.len() + 1
            }
        };
        values + ClassIndex::FIRST.index()
    }

    /// All classes, in order.
    pub fn indices(&self) -> impl Iterator<Item = ClassIndex> + use<> {
        (0..self.classes())
            .filter_map(|index| u32::try_from(index).ok())
            .map(ClassIndex)
    }

    /// The class of a truth value.
    #[must_use]
    pub fn of_bool(value: bool) -> ClassIndex {
        ClassIndex::value(usize::from(value))
    }
}

/// Where the numbers of one fact are cut.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bounds(
    /// Ascending, no two alike.
    pub(crate) Vec<i64>,
);

impl Bounds {
    /// Cut at each of `starts`.
    #[must_use]
    pub fn at(mut starts: Vec<i64>) -> Bounds {
        starts.sort_unstable();
        starts.dedup();
        Bounds(starts)
    }

    /// Where each class but the first begins, and the class; ascending.
    pub fn starts(&self) -> impl ExactSizeIterator<Item = (i64, ClassIndex)> {
        let starts = self.0.iter().enumerate();
        starts.map(|(index, bound)| (*bound, ClassIndex::value(index + 1)))
    }

    /// The class of `value`.
    #[must_use]
    pub fn class(&self, value: i64) -> ClassIndex {
        ClassIndex::value(self.0.partition_point(|bound| *bound <= value))
    }
}

/// Classes of texts: one for each text that a condition compares with, one for each prefix that is the longest to
/// match, and one for all other texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Texts {
    /// Ascending, no two alike.
    pub(crate) equal: Vec<Box<str>>,
    /// Ascending, no two alike.
    pub(crate) prefixes: Vec<Prefix>,
}

/// A prefix that some condition asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prefix {
    pub(crate) text: Box<str>,
    /// One more than the index of the longest other prefix that this one starts with; 0 where there is none. Less than
    /// or equal to the own index, so that following it ends.
    pub(crate) parent: u32,
}

impl Texts {
    /// The texts that conditions compare with and their classes; ascending by text.
    pub fn equal(&self) -> impl ExactSizeIterator<Item = (&str, ClassIndex)> {
        let texts = self.equal.iter().enumerate();
        texts.map(|(index, text)| (text.as_ref(), self.equal_class(index)))
    }

    /// The prefixes that conditions ask for and their classes; ascending by text, so that what is a prefix of another
    /// comes before it.
    pub fn prefixes(&self) -> impl ExactSizeIterator<Item = (&str, ClassIndex)> {
        let prefixes = self.prefixes.iter().enumerate();
        prefixes.map(|(index, prefix)| (prefix.text.as_ref(), self.prefix_class(index)))
    }

    /// The class that `value` would have if no condition compared with it: that of its longest prefix.
    #[must_use]
    pub fn class_by_prefix(&self, value: &str) -> ClassIndex {
        self.prefix_class_of(value)
    }

    /// The class of `value`.
    #[must_use]
    pub fn class(&self, value: &str) -> ClassIndex {
        match self.equal.binary_search_by(|text| text.as_ref().cmp(value)) {
            Ok(index) => self.equal_class(index),
            Err(_) => self.prefix_class_of(value),
        }
    }

    pub(crate) fn equal_class(&self, index: usize) -> ClassIndex {
        ClassIndex::value(index + 1)
    }

    pub(crate) fn prefix_class(&self, index: usize) -> ClassIndex {
        ClassIndex::value(self.equal.len() + index + 1)
    }

    /// The longest prefix of `value` is among the last prefix that does not follow `value` and its parents: whatever
    /// stands between a prefix of a text and that text starts with the prefix.
    fn prefix_class_of(&self, value: &str) -> ClassIndex {
        let mut next = self
            .prefixes
            .partition_point(|prefix| prefix.text.as_ref() <= value);
        while let Some(index) = next.checked_sub(1) {
            match self.prefixes.get(index) {
                Some(prefix) if value.starts_with(prefix.text.as_ref()) => {
                    return self.prefix_class(index);
                }
                Some(prefix) => next = prefix.parent as usize,
                None => break,
            }
        }
        ClassIndex::FIRST
    }
}
