//! Clauses as cubes: for each fact that a clause reads, what it asks of the fact's value. Read from the tables of a program.

use hpol_bundle::program::{ClassIndex, Field, Plane, Shard, Values};

/// Classes that something keeps: those that are not named, if `others`, and the named ones otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kept {
    pub(crate) others: bool,
    /// Ascending; kept exactly if `others` are not.
    pub(crate) named: Vec<u32>,
}

impl Kept {
    pub(crate) const ALL: Kept = Kept {
        others: true,
        named: Vec::new(),
    };

    pub(crate) fn only(mut classes: Vec<u32>) -> Kept {
        classes.sort_unstable();
        Kept {
            others: false,
            named: classes,
        }
    }

    pub(crate) fn but(mut classes: Vec<u32>) -> Kept {
        classes.sort_unstable();
        Kept {
            others: true,
            named: classes,
        }
    }

    pub(crate) fn keeps(&self, class: u32) -> bool {
        self.named.binary_search(&class).is_ok() != self.others
    }

    fn is_all(&self) -> bool {
        self.others && self.named.is_empty()
    }
}

/// What is asked of one fact.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ask {
    /// The value has one of these classes.
    One(Kept),
    /// Of a set.
    Set(AskSet),
}

/// What is asked of a set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AskSet {
    /// Whether an unknown set will do.
    pub(crate) unknown: bool,
    /// Whether a missing one will.
    pub(crate) missing: bool,
    /// Whether any known one can.
    pub(crate) known: bool,
    /// Every element is one of these.
    pub(crate) every: Kept,
    /// For each: some element is one of these.
    pub(crate) some: Vec<Kept>,
}

/// A conjunction: all asks hold. Ascending by axis, one for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Cube {
    pub(crate) asks: Vec<(u32, Ask)>,
}

impl Cube {
    pub(crate) fn of(mut asks: Vec<(u32, Ask)>) -> Cube {
        asks.sort_by_key(|(axis, _)| *axis);
        Cube { asks }
    }

    pub(crate) fn ask(&self, axis: u32) -> Option<&Ask> {
        let found = self.asks.binary_search_by_key(&axis, |(axis, _)| *axis);
        Some(&self.asks.get(found.ok()?)?.1)
    }

    /// The last axis that it asks of.
    pub(crate) fn last(&self) -> Option<u32> {
        self.asks.last().map(|(axis, _)| *axis)
    }
}

/// What each clause of `shard` asks: position among `fields`, and ask.
pub(crate) fn clauses(shard: &Shard, fields: &[Field]) -> Vec<Vec<(usize, Ask)>> {
    let mut all: Vec<Vec<(usize, Ask)>> = vec![Vec::new(); shard.len()];
    for table in shard.tables() {
        let Some(field) = fields.get(table.field()) else {
            continue;
        };
        let planes = |plane: &Plane| planes(plane, &field.values, shard.len());
        let every = planes(table.every());
        let some: Vec<Vec<Row>> = table.some().iter().map(planes).collect();
        for ((bit, asks), every) in all.iter_mut().enumerate().zip(&every) {
            let some = some.iter().filter_map(|plane| plane.get(bit));
            let ask = if matches!(field.values, Values::Set(_)) {
                set(every, some).map(Ask::Set)
            } else {
                (!every.kept.is_all()).then(|| Ask::One(every.kept.clone()))
            };
            asks.extend(ask.map(|ask| (table.field(), ask)));
        }
    }
    all
}

/// What one plane keeps one clause for.
struct Row {
    kept: Kept,
    empty: bool,
}

impl Row {
    fn asks_nothing(&self) -> bool {
        self.kept.is_all() && self.empty
    }

    fn keeps(&self, class: ClassIndex) -> bool {
        self.kept.keeps(number(class))
    }

    /// The kept classes of elements.
    fn elements(&self) -> Kept {
        let first = number(ClassIndex::FIRST);
        let named = self.kept.named.iter().copied();
        Kept {
            others: self.kept.others,
            named: named.filter(|class| *class >= first).collect(),
        }
    }
}

fn set<'r>(every: &Row, some: impl Iterator<Item = &'r Row> + Clone) -> Option<AskSet> {
    let mut some = some.filter(|row| !row.asks_nothing()).peekable();
    if every.asks_nothing() && some.peek().is_none() {
        return None;
    }
    let some: Vec<&Row> = some.collect();
    let whole = |class| every.keeps(class) && some.iter().all(|row| row.keeps(class));
    Some(AskSet {
        unknown: whole(ClassIndex::UNKNOWN),
        missing: whole(ClassIndex::MISSING),
        known: every.empty,
        every: every.elements(),
        some: some
            .iter()
            .filter(|row| !row.empty)
            .map(|row| row.elements())
            .collect(),
    })
}

fn planes(plane: &Plane, values: &Values, clauses: usize) -> Vec<Row> {
    let bit = |words: &[u64], bit: usize| {
        words
            .get(bit / 64)
            .is_some_and(|word| word >> (bit % 64) & 1 == 1)
    };
    let empty = plane.empty().base;
    let base = plane.row(ClassIndex::FIRST).base;
    let mut rows: Vec<Row> = (0..clauses)
        .map(|clause| Row {
            kept: Kept {
                others: bit(base, clause),
                named: Vec::new(),
            },
            empty: bit(empty, clause),
        })
        .collect();
    for class in values.indices() {
        for difference in plane.row(class).differences {
            let word = difference.word as usize;
            let mut flipped = base.get(word).copied().unwrap_or(0) ^ difference.bits;
            while flipped != 0 {
                let clause = word * 64 + flipped.trailing_zeros() as usize;
                if let Some(row) = rows.get_mut(clause) {
                    row.kept.named.push(number(class));
                }
                flipped &= flipped - 1;
            }
        }
    }
    rows
}

/// A class as a number.
pub(crate) fn number(class: ClassIndex) -> u32 {
    // INVARIANT: classes are numbered with 32 bits.
    u32::try_from(class.index()).unwrap_or(u32::MAX)
}
