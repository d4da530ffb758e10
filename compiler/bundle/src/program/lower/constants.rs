//! The constants that conditions compare with, and the classes they cut each fact into.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{Condition, Predicate, Test};
use crate::vocabulary::{FactId, FactType, Scalar, Vocabulary};

use super::index32;
use crate::program::classes::Prefix;
use crate::program::{Bounds, Field, Texts, Values};

/// The fields of all facts that `conditions` read, in the order of the facts.
pub(super) fn fields<'p>(
    conditions: impl Iterator<Item = &'p Condition>,
    vocabulary: &Vocabulary,
) -> Vec<Field> {
    let mut constants: BTreeMap<FactId, Constants<'p>> = BTreeMap::new();
    conditions.for_each(|condition| collect(condition, &mut constants));
    let field = |(id, constants): (FactId, Constants<'p>)| {
        let fact = vocabulary.fact(id)?;
        Some(Field {
            fact: id,
            phase: fact.phase,
            values: constants.values(&fact.ty),
        })
    };
    constants.into_iter().filter_map(field).collect()
}

#[derive(Default)]
struct Constants<'p> {
    equal: BTreeSet<&'p str>,
    prefixes: BTreeSet<&'p str>,
    bounds: BTreeSet<i64>,
}

fn collect<'p>(condition: &'p Condition, constants: &mut BTreeMap<FactId, Constants<'p>>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| collect(part, constants))
        }
        Condition::Not(inner) => collect(inner, constants),
        Condition::Test(test) => constants.entry(test.fact).or_default().add(test),
        Condition::History(test) => collect(&test.history.filter, constants),
    }
}

impl<'p> Constants<'p> {
    fn add(&mut self, test: &'p Test) {
        match &test.predicate {
            Predicate::Present | Predicate::IsTrue => {}
            Predicate::In(texts)
            | Predicate::HasAny(texts)
            | Predicate::HasAll(texts)
            | Predicate::Within(texts) => self.equal.extend(texts.iter().map(AsRef::as_ref)),
            Predicate::StartsWith(prefix) => {
                self.prefixes.insert(prefix);
            }
            Predicate::Between(low, high) => {
                self.bounds.insert(*low);
                self.bounds.extend(high.checked_add(1));
            }
        }
    }

    fn values(self, ty: &FactType) -> Values {
        match ty {
            FactType::Scalar(Scalar::Bool) => Values::Bool,
            FactType::Scalar(Scalar::Int) => Values::Int(Bounds(self.bounds.into_iter().collect())),
            FactType::Scalar(_) => Values::Text(self.texts()),
            FactType::Set(_) => Values::Set(self.texts()),
        }
    }

    fn texts(self) -> Texts {
        let equal = self.equal.into_iter().map(Box::from).collect();
        let mut prefixes: Vec<Prefix> = Vec::with_capacity(self.prefixes.len());
        for text in self.prefixes {
            prefixes.push(Prefix {
                text: text.into(),
                parent: parent(&prefixes, text),
            });
        }
        Texts { equal, prefixes }
    }
}

/// One more than the position of the longest of `before` that `text` starts with, 0 for none. They ascend, so that it
/// is the last one or one of its parents.
fn parent(before: &[Prefix], text: &str) -> u32 {
    let mut next = index32(before.len());
    while let Some(prefix) = next
        .checked_sub(1)
        .and_then(|index| before.get(index as usize))
    {
        if text.starts_with(prefix.text.as_ref()) {
            return next;
        }
        next = prefix.parent;
    }
    0
}
