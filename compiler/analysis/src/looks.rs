//! What clauses ask of history: each number that history gives is one more fact, cut where some clause cuts it.
//!
//! Numbers of different measurements are taken as independent, and each as known or wholly unknown: history is not gone into.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use hpol_bundle::facts::{Fact, Facts};
use hpol_bundle::policy::history::{History, HistoryTest};
use hpol_bundle::policy::{Condition, Policy, Predicate, Test};
use hpol_bundle::program::history::{HistoryId, Look};
use hpol_bundle::program::lower::histories;
use hpol_bundle::program::{Bounds, ClassIndex, Program, Values};
use hpol_bundle::vocabulary::{self, FactId, FactType, Phase, Protocol, Scalar, Vocabulary};

use crate::cube::{Ask, Kept, number};
use crate::examine::Witness;
use crate::sample::{self, Sample};
use crate::space::{Axis, UNKNOWN};
use crate::words;

/// A fact that no vocabulary has: it stands for a number that is not known.
const NOBODY_KNOWS: FactId = FactId(u16::MAX >> 4);

/// A number that history gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What is measured.
    pub history: History,
    /// The number; `None` where it is not known.
    pub number: Option<i64>,
}

/// The axes of all measurements.
pub(crate) struct Looks {
    places: BTreeMap<HistoryId, (u32, Bounds)>,
}

impl Looks {
    /// Adds the axes of what `program`, which is that of `policy`, measures.
    pub(crate) fn of<'a>(
        program: &Program,
        policy: &'a Policy,
        vocabulary: &Vocabulary,
        axes: &mut Vec<Axis<'a>>,
    ) -> Looks {
        let mut places = BTreeMap::new();
        for (id, history) in (0..).map(HistoryId).zip(histories(policy)) {
            let looks = program.looks().iter().filter(|look| look.history == id);
            let ends = |look: &Look| [Some(look.at_least), look.at_most.checked_add(1)];
            let bounds = Bounds::at(looks.flat_map(ends).flatten().collect());
            let Some(fact) = as_fact(history, vocabulary) else {
                continue;
            };
            let values = Values::Int(bounds.clone());
            let sample = |class| match class {
                ClassIndex::UNKNOWN => Some(Sample::Unknown),
                ClassIndex::MISSING => None,
                class => {
                    // None is below zero.
                    let sample = sample::of(&values, class, &fact, vocabulary, &|_| false);
                    sample.filter(|sample| !matches!(sample, Sample::Int(..0)))
                }
            };
            let samples = values.indices().map(sample).collect();
            if let Ok(place) = u32::try_from(axes.len()) {
                places.insert(id, (place, bounds));
                axes.push(Axis::of_history(history, fact, values, samples));
            }
        }
        Looks { places }
    }

    /// What the clause of bit `bit` asks.
    pub(crate) fn asks(&self, program: &Program, kind: Protocol, bit: usize) -> Vec<(u32, Ask)> {
        let mut asked: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let Some(shard) = program.shard(kind) else {
            return Vec::new();
        };
        let unknown_holds = shard
            .clause(bit)
            .is_some_and(|clause| clause.role.unknown_holds());
        for look in shard.looks(bit) {
            let look = program.looks().get(look.0 as usize);
            let place = look.and_then(|look| Some((look, self.places.get(&look.history)?)));
            let Some((look, (place, bounds))) = place else {
                continue;
            };
            let kept = kept(look, bounds, unknown_holds);
            match asked.entry(*place) {
                Entry::Vacant(vacant) => {
                    vacant.insert(kept);
                }
                Entry::Occupied(mut others) => {
                    others.get_mut().retain(|class| kept.contains(class))
                }
            }
        }
        let asks = asked.into_iter();
        let asks =
            asks.map(|(place, kept)| (place, Ask::One(Kept::only(kept.into_iter().collect()))));
        asks.collect()
    }
}

/// The classes for which a look holds.
fn kept(look: &Look, bounds: &Bounds, unknown_holds: bool) -> BTreeSet<u32> {
    let starts = bounds.starts();
    let first = (i64::MIN, number(ClassIndex::FIRST));
    let starts = starts.map(|(start, class)| (start, number(class)));
    let all = std::iter::once(first).chain(starts);
    let inside = |start: i64| (look.at_least..=look.at_most).contains(&start);
    let holds = all.filter(|(start, _)| inside(*start) == look.inside);
    let holds = holds.map(|(_, class)| class);
    holds.chain(unknown_holds.then_some(UNKNOWN)).collect()
}

/// A fact called like what is measured.
fn as_fact(history: &History, vocabulary: &Vocabulary) -> Option<vocabulary::Fact> {
    let (_, like) = vocabulary.iter().next()?;
    Some(vocabulary::Fact {
        name: words::of_history(history, vocabulary),
        ty: FactType::Scalar(Scalar::Int),
        phase: Phase::Operation,
        protocol: None,
        optional: false,
        ..like.clone()
    })
}

impl Witness {
    /// `policy` with what history gives in place of what asks for it; for an evaluator that knows no history. Together with
    /// [`Witness::all_facts`].
    #[must_use]
    pub fn policy(&self, policy: &Policy) -> Policy {
        let mut given = policy.clone();
        for rule in &mut given.rules {
            self.give(&mut rule.condition);
        }
        for exception in &mut given.exceptions {
            self.give(&mut exception.condition);
        }
        given
    }

    /// The facts, and one that is not known in place of numbers that are not.
    #[must_use]
    pub fn all_facts(&self) -> Facts {
        let mut facts = self.facts.clone();
        if !self.given.is_empty() {
            facts.set(NOBODY_KNOWS, Fact::Unknown);
        }
        facts
    }

    fn give(&self, condition: &mut Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter_mut().for_each(|part| self.give(part));
            }
            Condition::Not(inner) => self.give(inner),
            Condition::Test(_) => {}
            Condition::History(test) => *condition = self.answer(test),
        }
    }

    fn answer(&self, test: &HistoryTest) -> Condition {
        let given = self
            .given
            .iter()
            .find(|given| given.history == test.history);
        match given.and_then(|given| given.number) {
            Some(number) if (test.at_least..=test.at_most).contains(&number) => {
                Condition::All(Vec::new())
            }
            Some(_) => Condition::Any(Vec::new()),
            None => Condition::Test(Test {
                fact: NOBODY_KNOWS,
                default: None,
                predicate: Predicate::Present,
            }),
        }
    }
}
