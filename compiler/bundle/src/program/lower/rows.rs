//! For which classes an atom holds, and the planes of bits made from that.

use std::collections::BTreeSet;

use crate::policy::Predicate;

use super::index32;
use super::normal::{Ask, Atom};
use crate::program::{Bounds, ClassIndex, Difference, Plane, Texts, Values};

/// How an atom that is unknown counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As false: only what is definitely true counts.
    Must,
    /// As true: all that is not definitely false counts.
    May,
}

/// The classes for which something holds: as the first value class, or the opposite for those in `others`.
#[derive(Debug, Clone)]
pub(super) struct Holds {
    first: bool,
    others: BTreeSet<ClassIndex>,
    /// Whether it holds for a set without elements; means nothing for a single value.
    empty: bool,
}

impl Holds {
    /// The classes among `values` for which `atom` holds.
    pub(super) fn of(atom: &Atom<'_>, form: Form, values: &Values) -> Holds {
        let mut holds = match atom.ask {
            Ask::Whole { negated } => {
                Holds::of_predicate(&atom.test.predicate, values).negate(negated)
            }
            Ask::Every { members, inside } => Holds::only(members, values, true).negate(!inside),
            Ask::Some { members, inside } => Holds::only(members, values, false).negate(!inside),
        };
        if let Ask::Every { .. } | Ask::Some { .. } = atom.ask {
            holds.empty = matches!(atom.ask, Ask::Every { .. });
        }
        let unknown = form == Form::May;
        holds.set(ClassIndex::UNKNOWN, unknown);
        let missing = match (&atom.test.predicate, &atom.test.default, atom.ask) {
            (Predicate::Present, _, Ask::Whole { negated }) => negated,
            (_, Some(default), _) => atom.holds(default),
            (_, None, _) => unknown,
        };
        holds.set(ClassIndex::MISSING, missing);
        holds
    }

    /// Both hold.
    pub(super) fn and(&self, other: &Holds) -> Holds {
        let mut both = Holds {
            first: self.first && other.first,
            others: BTreeSet::new(),
            empty: self.empty && other.empty,
        };
        for class in self.others.union(&other.others) {
            both.set(*class, self.get(*class) && other.get(*class));
        }
        both
    }

    fn get(&self, class: ClassIndex) -> bool {
        self.first != self.others.contains(&class)
    }

    fn set(&mut self, class: ClassIndex, holds: bool) {
        if holds == self.first {
            self.others.remove(&class);
        } else {
            self.others.insert(class);
        }
    }

    fn negate(mut self, negated: bool) -> Holds {
        self.first ^= negated;
        self.empty ^= negated;
        self
    }

    /// For the values in `members` only.
    fn only(members: &[Box<str>], values: &Values, empty: bool) -> Holds {
        let texts = match values {
            Values::Text(texts) | Values::Set(texts) => texts,
            Values::Bool | Values::Int(_) => {
                return Holds {
                    first: false,
                    others: BTreeSet::new(),
                    empty,
                };
            }
        };
        Holds {
            first: false,
            others: members.iter().map(|member| texts.class(member)).collect(),
            empty,
        }
    }

    fn of_predicate(predicate: &Predicate, values: &Values) -> Holds {
        let others = match (predicate, values) {
            (Predicate::In(members), _) => return Holds::only(members, values, false),
            (Predicate::Present, _) => {
                return Holds {
                    first: true,
                    others: BTreeSet::new(),
                    empty: true,
                };
            }
            (Predicate::IsTrue, _) => BTreeSet::from([Values::of_bool(true)]),
            (Predicate::StartsWith(prefix), Values::Text(texts)) => starting_with(texts, prefix),
            (Predicate::Between(low, high), Values::Int(bounds)) => {
                return between(bounds, *low, *high);
            }
            _ => BTreeSet::new(),
        };
        Holds {
            first: false,
            others,
            empty: false,
        }
    }
}

/// The classes whose texts all start with `prefix`.
fn starting_with(texts: &Texts, prefix: &str) -> BTreeSet<ClassIndex> {
    let starts = |text: &str| text.starts_with(prefix);
    let equal_from = texts.equal.partition_point(|text| text.as_ref() < prefix);
    let equal = texts
        .equal
        .iter()
        .enumerate()
        .skip(equal_from)
        .take_while(|(_, text)| starts(text));
    let longer_from = texts
        .prefixes
        .partition_point(|longer| longer.text.as_ref() < prefix);
    let longer = texts
        .prefixes
        .iter()
        .enumerate()
        .skip(longer_from)
        .take_while(|(_, longer)| starts(&longer.text));
    equal
        .map(|(index, _)| texts.equal_class(index))
        .chain(longer.map(|(index, _)| texts.prefix_class(index)))
        .collect()
}

/// The classes of the numbers from `low` to `high`. Both ends are bounds, so that no class lies across one.
fn between(bounds: &Bounds, low: i64, high: i64) -> Holds {
    let mut holds = Holds {
        first: false,
        others: BTreeSet::new(),
        empty: false,
    };
    if low <= high {
        let (first, last) = (bounds.class(low), bounds.class(high));
        holds.others = (first.0..=last.0).map(ClassIndex).collect();
    }
    holds
}

/// A plane while it is made. A clause that asks nothing is kept by all classes.
pub(super) struct PlaneOfBits {
    empty: Vec<u64>,
    base: Vec<u64>,
    /// Which bits of which classes are not as in the base.
    flips: BTreeSet<(ClassIndex, usize)>,
}

impl PlaneOfBits {
    /// A plane of `clauses` bits that ask nothing.
    pub(super) fn new(clauses: usize) -> PlaneOfBits {
        let word = |index: usize| match clauses.saturating_sub(index * 64) {
            short @ 0..64 => (1 << short) - 1,
            _ => u64::MAX,
        };
        let words: Vec<u64> = (0..clauses.div_ceil(64)).map(word).collect();
        PlaneOfBits {
            empty: words.clone(),
            base: words,
            flips: BTreeSet::new(),
        }
    }

    /// Makes clause `bit` ask what `holds` says.
    pub(super) fn ask(&mut self, bit: usize, holds: &Holds) {
        clear_unless(holds.empty, &mut self.empty, bit);
        clear_unless(holds.first, &mut self.base, bit);
        self.flips
            .extend(holds.others.iter().map(|class| (*class, bit)));
    }

    /// The plane, for a field of `classes` classes.
    pub(super) fn finish(self, classes: usize) -> Plane {
        let mut ends = Vec::with_capacity(classes);
        let mut differences: Vec<Difference> = Vec::new();
        let mut flips = self.flips.into_iter().peekable();
        for class in 0..classes {
            let start = differences.len();
            while let Some((_, bit)) = flips.next_if(|(of, _)| of.index() == class) {
                let (word, mask) = (bit / 64, 1_u64 << (bit % 64));
                match differences
                    .get_mut(start..)
                    .and_then(<[Difference]>::last_mut)
                {
                    Some(last) if last.word as usize == word => last.bits ^= mask,
                    _ => {
                        let base = self.base.get(word).copied().unwrap_or(0);
                        differences.push(Difference {
                            word: index32(word),
                            bits: base ^ mask,
                        });
                    }
                }
            }
            ends.push(index32(differences.len()));
        }
        Plane {
            empty: self.empty,
            base: self.base,
            ends,
            differences,
        }
    }
}

fn clear_unless(holds: bool, words: &mut [u64], bit: usize) {
    if let (false, Some(word)) = (holds, words.get_mut(bit / 64)) {
        *word &= !(1 << (bit % 64));
    }
}
