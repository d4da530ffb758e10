//! The measurements and looks of all rules, each once, in an order that depends on nothing but what they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::history::{History, HistoryTest};
use crate::policy::{Condition, Policy, RuleId, Unread};

use super::normal::LookAtom;
use super::{first64, index32};
use crate::program::history::{HistoryId, HistoryKey, Look, LookId};
use crate::vocabulary::{FactId, Vocabulary};

/// What the rules of a policy ask of history.
pub(super) struct Histories<'p> {
    /// By what stands for each in [`key`]; the position is its id.
    known: BTreeMap<Vec<u8>, Known<'p>>,
    /// Ascending.
    pub(super) looks: Vec<Look>,
}

/// A measurement.
struct Known<'p> {
    id: HistoryId,
    history: &'p History,
    /// The first rule that asks for it.
    rule: RuleId,
}

impl<'p> Histories<'p> {
    /// Of `policy`, whose conditions have been checked.
    pub(super) fn of(policy: &'p Policy) -> Histories<'p> {
        let mut tests = Vec::new();
        for (rule, found) in (0..).map(RuleId).zip(&policy.rules) {
            collect(&found.condition, &mut |test| tests.push((rule, test)));
        }
        let mut known = BTreeMap::new();
        for (rule, HistoryTest { history, .. }) in &tests {
            known.entry(key(history)).or_insert(Known {
                id: HistoryId(0),
                history,
                rule: *rule,
            });
        }
        for (id, known) in (0..).map(HistoryId).zip(known.values_mut()) {
            known.id = id;
        }
        let mut histories = Histories {
            known,
            looks: Vec::new(),
        };
        let looks: BTreeSet<Look> = tests
            .iter()
            .flat_map(|(_, test)| [false, true].map(|negated| LookAtom { test, negated }))
            .filter_map(|atom| histories.of_atom(&atom))
            .collect();
        histories.looks = looks.into_iter().collect();
        histories
    }

    /// The filter of each, by ids, and the first rule that asks for it.
    pub(super) fn filters(&self) -> impl Iterator<Item = (RuleId, &'p Condition)> {
        let known = self.known.values();
        known.map(|known| (known.rule, &known.history.filter))
    }

    /// Each without its filter, by ids.
    pub(super) fn measured(&self) -> Vec<History<Unread>> {
        let known = self.known.values();
        known.map(|known| known.history.unread()).collect()
    }

    /// Each, by ids.
    pub(super) fn whole(self) -> Vec<&'p History> {
        let known = self.known.into_values();
        known.map(|known| known.history).collect()
    }

    /// What each is, by ids, with what the facts are that the policy brings itself: under another policy another one may
    /// stand under the same id.
    pub(super) fn keys(&self, vocabulary: &Vocabulary) -> Vec<HistoryKey> {
        let known = self.known.iter();
        let keys = known.map(|(bytes, known)| {
            let own = own_facts(known.history, vocabulary);
            HistoryKey(first64(&[bytes.as_slice(), &own].concat()))
        });
        keys.collect()
    }

    /// The look that `atom` is.
    pub(super) fn look(&self, atom: &LookAtom<'_>) -> Option<LookId> {
        let index = self.looks.binary_search(&self.of_atom(atom)?).ok()?;
        Some(LookId(index32(index)))
    }

    fn of_atom(&self, atom: &LookAtom<'_>) -> Option<Look> {
        let known = self.known.get(&key(&atom.test.history))?;
        Some(Look {
            history: known.id,
            at_least: atom.test.at_least,
            at_most: atom.test.at_most,
            inside: !atom.negated,
        })
    }
}

/// Equal for equal measurements only.
fn key(history: &History) -> Vec<u8> {
    // INVARIANT: a measurement holds nothing that postcard cannot write.
    postcard::to_stdvec(history).unwrap_or_default()
}

/// What stands for the facts of a policy's own that `history` reads; nothing where there are none.
fn own_facts(history: &History, vocabulary: &Vocabulary) -> Vec<u8> {
    let mut read: BTreeSet<FactId> = history.measure.fact().into_iter().collect();
    collect_facts(&history.filter, &mut read);
    let own = read.iter().filter_map(|id| vocabulary.fact(*id));
    let own = own.filter_map(|fact| fact.derived.as_ref());
    // INVARIANT: nothing in it that postcard cannot write.
    own.flat_map(|own| postcard::to_stdvec(own).unwrap_or_default())
        .collect()
}

fn collect_facts(condition: &Condition, facts: &mut BTreeSet<FactId>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| collect_facts(part, facts))
        }
        Condition::Not(inner) => collect_facts(inner, facts),
        Condition::Test(test) => {
            facts.insert(test.fact);
        }
        // INVARIANT: no filter has another one in it.
        Condition::History(_) => {}
    }
}

/// The filters of the tests of history in `condition`, which has been checked.
pub(super) fn filters_of(condition: &Condition) -> Vec<&Condition> {
    let mut filters = Vec::new();
    collect(condition, &mut |test| filters.push(&test.history.filter));
    filters
}

/// Calls `each` with the tests of history in `condition`.
fn collect<'p>(condition: &'p Condition, each: &mut impl FnMut(&'p HistoryTest)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| collect(part, each))
        }
        Condition::Not(inner) => collect(inner, each),
        Condition::Test(_) => {}
        Condition::History(test) => each(test),
    }
}
