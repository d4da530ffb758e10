//! Disjunctive normal form: a condition as alternatives, each a conjunction of atoms.
//!
//! Negations move to the tests, and tests of sets become questions to every element or to some element. Three-valued
//! logic allows all of it: De Morgan's and the distributive laws hold in it, and an atom that is unknown is unknown
//! with and without negation.

use std::slice;

use crate::facts::Value;
use crate::policy::history::HistoryTest;
use crate::policy::{Condition, Predicate, Test};
use crate::vocabulary::{FactId, Vocabulary};

use super::{Fault, MAX_CLAUSES, MAX_ELEMENTS};

/// Atoms that hold together, and looks at history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Conjunction<'p> {
    pub(super) atoms: Vec<Atom<'p>>,
    pub(super) looks: Vec<LookAtom<'p>>,
}

/// A question to history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LookAtom<'p> {
    pub(super) test: &'p HistoryTest,
    pub(super) negated: bool,
}

/// A question to one fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Atom<'p> {
    pub(super) test: &'p Test,
    pub(super) ask: Ask<'p>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask<'p> {
    /// The predicate of the test itself, or its opposite.
    Whole { negated: bool },
    /// Every element is (`inside`) or is not one of these.
    Every {
        members: &'p [Box<str>],
        inside: bool,
    },
    /// Some element is (`inside`) or is not one of these.
    Some {
        members: &'p [Box<str>],
        inside: bool,
    },
}

impl Atom<'_> {
    /// The fact that is asked.
    pub(super) fn fact(&self) -> FactId {
        self.test.fact
    }

    /// The answer for a value that is known. A value of another type answers no.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match (self.ask, value) {
            (Ask::Every { members, inside }, Value::Set(elements)) => elements
                .iter()
                .all(|element| members.contains(element) == inside),
            (Ask::Some { members, inside }, Value::Set(elements)) => elements
                .iter()
                .any(|element| members.contains(element) == inside),
            (Ask::Whole { negated }, value) => {
                predicate_holds(&self.test.predicate, value) != negated
            }
            _ => false,
        }
    }
}

fn predicate_holds(predicate: &Predicate, value: &Value) -> bool {
    match (predicate, value) {
        (Predicate::Present, _) => true,
        (Predicate::IsTrue, Value::Bool(value)) => *value,
        (Predicate::In(texts), Value::Text(value)) => texts.contains(value),
        (Predicate::StartsWith(prefix), Value::Text(value)) => value.starts_with(prefix.as_ref()),
        (Predicate::Between(low, high), Value::Int(value)) => (*low..=*high).contains(value),
        _ => false,
    }
}

/// The alternatives of `condition`, which has been checked.
pub(super) fn normalise<'p>(
    condition: &'p Condition,
    vocabulary: &Vocabulary,
) -> Result<Vec<Conjunction<'p>>, Fault> {
    let clauses = count(condition, false);
    if clauses > MAX_CLAUSES {
        return Err(Fault::TooManyClauses { clauses });
    }
    let mut alternatives: Vec<Conjunction<'p>> = Vec::with_capacity(clauses);
    for alternative in expand(condition, false) {
        check_elements(&alternative, vocabulary)?;
        if !alternatives.contains(&alternative) {
            alternatives.push(alternative);
        }
    }
    Ok(alternatives)
}

/// How many alternatives [`expand`] gives, without making them.
fn count(condition: &Condition, negated: bool) -> usize {
    match condition {
        Condition::All(parts) if !negated => product(parts, negated),
        Condition::Any(parts) if negated => product(parts, negated),
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().fold(0, |sum: usize, part| {
                sum.saturating_add(count(part, negated))
            })
        }
        Condition::Not(inner) => count(inner, !negated),
        Condition::Test(Test {
            predicate: Predicate::HasAll(members),
            ..
        }) if negated => members.len().max(1),
        Condition::Test(_) | Condition::History(_) => 1,
    }
}

/// Zero if one factor is, also where another is too large to count.
fn product(parts: &[Condition], negated: bool) -> usize {
    let counts = parts.iter().map(|part| count(part, negated));
    counts
        .reduce(|product, count| {
            if count == 0 {
                0
            } else {
                product.saturating_mul(count)
            }
        })
        .unwrap_or(1)
}

fn expand(condition: &Condition, negated: bool) -> Vec<Conjunction<'_>> {
    match condition {
        Condition::All(parts) if !negated => multiply(parts, negated),
        Condition::Any(parts) if negated => multiply(parts, negated),
        Condition::All(parts) | Condition::Any(parts) => parts
            .iter()
            .flat_map(|part| expand(part, negated))
            .collect(),
        Condition::Not(inner) => expand(inner, !negated),
        Condition::Test(test) => expand_test(test, negated)
            .into_iter()
            .map(|atoms| Conjunction {
                atoms,
                looks: Vec::new(),
            })
            .collect(),
        Condition::History(test) => vec![Conjunction {
            atoms: Vec::new(),
            looks: vec![LookAtom { test, negated }],
        }],
    }
}

fn multiply(parts: &[Condition], negated: bool) -> Vec<Conjunction<'_>> {
    // A part that is never true makes the others irrelevant, however much they would expand to.
    if product(parts, negated) == 0 {
        return Vec::new();
    }
    parts.iter().map(|part| expand(part, negated)).fold(
        vec![Conjunction::default()],
        |left, right| {
            left.iter()
                .flat_map(|left| right.iter().map(|right| join(left, right)))
                .collect()
        },
    )
}

fn join<'p>(left: &Conjunction<'p>, right: &Conjunction<'p>) -> Conjunction<'p> {
    let mut both = left.clone();
    let atoms = right.atoms.iter();
    both.atoms
        .extend(atoms.filter(|atom| !left.atoms.contains(atom)));
    let looks = right.looks.iter();
    both.looks
        .extend(looks.filter(|look| !left.looks.contains(look)));
    both
}

fn expand_test(test: &Test, negated: bool) -> Vec<Vec<Atom<'_>>> {
    let atom = |ask| Atom { test, ask };
    match &test.predicate {
        Predicate::HasAny(members) if negated => vec![vec![atom(Ask::Every {
            members,
            inside: false,
        })]],
        Predicate::HasAny(members) => vec![vec![atom(Ask::Some {
            members,
            inside: true,
        })]],
        Predicate::Within(members) if negated => vec![vec![atom(Ask::Some {
            members,
            inside: false,
        })]],
        Predicate::Within(members) => vec![vec![atom(Ask::Every {
            members,
            inside: true,
        })]],
        // To have all of nothing is true of every set, but not of an unknown one.
        Predicate::HasAll(members) if members.is_empty() && negated => {
            vec![vec![atom(Ask::Some {
                members,
                inside: true,
            })]]
        }
        Predicate::HasAll(members) if members.is_empty() => vec![vec![atom(Ask::Every {
            members,
            inside: false,
        })]],
        Predicate::HasAll(members) if negated => {
            let without = |member| {
                vec![atom(Ask::Every {
                    members: slice::from_ref(member),
                    inside: false,
                })]
            };
            members.iter().map(without).collect()
        }
        Predicate::HasAll(members) => {
            let with = |member| {
                atom(Ask::Some {
                    members: slice::from_ref(member),
                    inside: true,
                })
            };
            vec![members.iter().map(with).collect()]
        }
        Predicate::Present
        | Predicate::IsTrue
        | Predicate::In(_)
        | Predicate::StartsWith(_)
        | Predicate::Between(..) => vec![vec![atom(Ask::Whole { negated })]],
    }
}

fn check_elements(alternative: &Conjunction<'_>, vocabulary: &Vocabulary) -> Result<(), Fault> {
    for (id, fact) in vocabulary.iter() {
        let asks_some =
            |atom: &&Atom<'_>| atom.fact() == id && matches!(atom.ask, Ask::Some { .. });
        let elements = alternative.atoms.iter().filter(asks_some).count();
        if elements > MAX_ELEMENTS {
            return Err(Fault::TooManyElements {
                fact: fact.name.clone(),
                elements,
            });
        }
    }
    Ok(())
}
