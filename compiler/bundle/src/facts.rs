//! The values of facts for one operation. Which facts there are stands in [`crate::vocabulary`].

use serde::{Deserialize, Serialize};

use crate::vocabulary::FactId;

/// A value of a fact. Names and enum words are text; the vocabulary says which words an enum has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A number.
    Int(i64),
    /// Text, a dotted name, or the word of an enum.
    Text(Box<str>),
    /// A set: order and repetition have no meaning.
    Set(Vec<Box<str>>),
}

/// What is known of one fact.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Fact {
    /// The operation does not have it.
    #[default]
    Missing,
    /// The extractor could not determine it. Never widens access.
    Unknown,
    /// It has this value.
    Known(Value),
}

/// The facts of one operation, by [`FactId`]. A fact nobody set is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    slots: Vec<Fact>,
}

impl Facts {
    /// No facts at all.
    #[must_use]
    pub fn new() -> Facts {
        Facts::default()
    }

    /// What is known of `id`.
    #[must_use]
    pub fn fact(&self, id: FactId) -> &Fact {
        self.slots.get(id.index()).unwrap_or(&Fact::Missing)
    }

    /// Sets `id`, replacing what was known.
    pub fn set(&mut self, id: FactId, fact: Fact) {
        if self.slots.len() <= id.index() {
            self.slots.resize(id.index() + 1, Fact::Missing);
        }
        if let Some(slot) = self.slots.get_mut(id.index()) {
            *slot = fact;
        }
    }

    /// Adds every fact of `other` that is not missing, replacing what was known.
    pub fn extend(&mut self, other: &Facts) {
        for (index, fact) in other.slots.iter().enumerate() {
            if let (Ok(index), false) = (u16::try_from(index), *fact == Fact::Missing) {
                self.set(FactId(index), fact.clone());
            }
        }
    }

    /// The facts that could not be determined.
    #[must_use]
    pub fn unknown(&self) -> FactSet {
        let mut set = FactSet::default();
        for (index, fact) in self.slots.iter().enumerate() {
            if let (Ok(index), Fact::Unknown) = (u16::try_from(index), fact) {
                set.insert(FactId(index));
            }
        }
        set
    }
}

/// A set of facts: a bit for each that a vocabulary can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FactSet(u128);

impl FactSet {
    /// Adds `id`; ids past the limit of a vocabulary are not representable and ignored.
    pub fn insert(&mut self, id: FactId) {
        self.0 |= 1_u128.checked_shl(u32::from(id.0)).unwrap_or(0);
    }

    /// Whether `id` is in the set.
    #[must_use]
    pub fn contains(self, id: FactId) -> bool {
        self.0 & 1_u128.checked_shl(u32::from(id.0)).unwrap_or(0) != 0
    }

    /// Whether no fact is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members of either.
    #[must_use]
    pub fn union(self, other: FactSet) -> FactSet {
        FactSet(self.0 | other.0)
    }

    /// The members, in order.
    pub fn iter(self) -> impl Iterator<Item = FactId> {
        (0..128).map(FactId).filter(move |id| self.contains(*id))
    }
}
