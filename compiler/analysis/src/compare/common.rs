//! Two policies that bring facts of their own (claims, schedules), over one vocabulary.

use hpol_bundle::policy::history::{HistoryTest, Measure};
use hpol_bundle::policy::{Condition, Policy};
use hpol_bundle::vocabulary::{Derived, FactId, Vocabulary};

/// Two policies over one vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// The one before.
    pub before: Policy,
    /// The one after.
    pub after: Policy,
    /// The facts of both. A schedule that has other times after is two; behind the name of each stands whose it is.
    pub vocabulary: Vocabulary,
}

/// Why two policies have no vocabulary in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// The facts that policies do not bring themselves are others.
    #[error("the two policies read facts of different vocabularies, and cannot be compared")]
    Vocabulary,
    /// A claim is a text in one of them and a list in the other, or there are more facts than a vocabulary holds.
    #[error(
        "the two policies read claims or schedules that one policy could not read together, and cannot be compared"
    )]
    Own,
}

/// Brings two policies, each with its vocabulary, to one.
///
/// # Errors
/// Vocabularies that differ in more than the policies' own facts, or own facts that do not go together.
pub fn common(
    before: (Policy, &Vocabulary),
    after: (Policy, &Vocabulary),
) -> Result<Common, Unlike> {
    let base = before.1.base();
    if base != after.1.base() {
        return Err(Unlike::Vocabulary);
    }
    let of_before = Own::of(before.1, after.1, "before");
    let of_after = Own::of(after.1, before.1, "after");
    let all = of_before.0.iter().chain(&of_after.0);
    let vocabulary = base.with(all.map(|(_, derived)| derived.clone()));
    Ok(Common {
        before: of_before.place(before.0, &vocabulary)?,
        after: of_after.place(after.0, &vocabulary)?,
        vocabulary,
    })
}

/// A policy's own facts, by the ids they have in its vocabulary.
struct Own(Vec<(FactId, Derived)>);

impl Own {
    fn of(vocabulary: &Vocabulary, other: &Vocabulary, whose: &str) -> Own {
        let called = |derived: &Derived| {
            let mut derived = derived.clone();
            let is_other = |other: &Derived| match (&derived, other) {
                (Derived::During(own), Derived::During(other)) => {
                    own.name == other.name && own != other
                }
                _ => false,
            };
            let changed = other.derived().any(|(_, other)| is_other(other));
            if let (true, Derived::During(schedule)) = (changed, &mut derived) {
                schedule.name = format!("{} ({whose})", schedule.name);
            }
            derived
        };
        let own = vocabulary.derived();
        Own(own.map(|(id, derived)| (id, called(derived))).collect())
    }

    /// `policy` with the ids that its facts have in `vocabulary`.
    fn place(&self, policy: Policy, vocabulary: &Vocabulary) -> Result<Policy, Unlike> {
        let place = |(id, derived): &(FactId, Derived)| {
            let mut all = vocabulary.derived();
            let (place, _) = all.find(|(_, other)| *other == derived)?;
            Some((*id, place))
        };
        let places: Option<Vec<_>> = self.0.iter().map(place).collect();
        let places = places.ok_or(Unlike::Own)?;
        let in_place = |id: FactId| {
            let place = places.iter().find(|(from, _)| *from == id);
            place.map_or(id, |(_, to)| *to)
        };
        policy.try_map(|mut condition| {
            rename(&mut condition, &in_place);
            Ok(condition)
        })
    }
}

fn rename(condition: &mut Condition, id: &impl Fn(FactId) -> FactId) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter_mut().for_each(|part| rename(part, id));
        }
        Condition::Not(inner) => rename(inner, id),
        Condition::Test(test) => test.fact = id(test.fact),
        Condition::History(test) => {
            let HistoryTest { history, .. } = &mut **test;
            history.measure = match history.measure {
                Measure::Count => Measure::Count,
                Measure::Sum(fact) => Measure::Sum(id(fact)),
                Measure::Distinct(fact) => Measure::Distinct(id(fact)),
            };
            rename(&mut history.filter, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use hpol_bundle::policy::{Effect, Predicate, Rule, Source, Test};
    use hpol_bundle::schedule::{Offset, Schedule, Times};

    use super::*;
    use crate::compare::{Relation, compare};
    use crate::search::Budget;

    fn office(to_hour: u16) -> Derived {
        Derived::During(Schedule {
            name: "demo.office".into(),
            zone: "UTC".into(),
            offsets: vec![Offset {
                from: 0,
                seconds: 0,
            }],
            until: 4_000_000_000,
            times: vec![Times {
                days: 0b1_1111,
                from_minute: 9 * 60,
                to_minute: to_hour * 60,
            }],
        })
    }

    fn claim(set: bool) -> Derived {
        let name = "team".into();
        Derived::Claim { name, set }
    }

    /// A policy that allows what all of `own` say.
    fn policy(own: &[Derived]) -> (Policy, Vocabulary) {
        let vocabulary = Vocabulary::builtin().with(own.to_vec());
        let says = |(fact, derived): (FactId, &Derived)| {
            let predicate = match derived {
                Derived::Claim { set: true, .. } => Predicate::HasAny(vec!["red".into()]),
                Derived::Claim { .. } => Predicate::In(vec!["red".into()]),
                Derived::During(_) => Predicate::IsTrue,
            };
            Condition::Test(Test {
                fact,
                default: None,
                predicate,
            })
        };
        let rule = Rule {
            name: "demo.allowed".into(),
            title: String::new(),
            because: String::new(),
            claims: vec![],
            condition: Condition::All(vocabulary.derived().map(says).collect()),
            effect: Effect::ALLOW,
            observe: false,
            source: Source::default(),
        };
        let rules = vec![rule];
        let policy = Policy {
            rules,
            ..Policy::default()
        };
        (policy, vocabulary)
    }

    fn relation(before: &[Derived], after: &[Derived]) -> Result<Relation, Unlike> {
        let (before, after) = (policy(before), policy(after));
        let common = common((before.0, &before.1), (after.0, &after.1))?;
        let budget = Budget::default();
        let compared = compare(&common.before, &common.after, &common.vocabulary, budget).unwrap();
        let on = compared.connections.first();
        Ok(on.map_or(Relation::Equivalent, |on| on.relation))
    }

    #[test]
    fn facts_of_either_policy_are_facts_of_both() {
        let relations = [
            relation(&[claim(false)], &[claim(false)]),
            relation(&[], &[claim(false)]),
            relation(&[claim(false), office(17)], &[office(17)]),
            // What lies in office hours lies in longer ones.
            relation(&[office(17)], &[office(18)]),
            relation(&[office(18)], &[claim(true), office(17)]),
            relation(&[claim(true)], &[office(17)]),
        ];
        assert_eq!(
            relations,
            [
                Ok(Relation::Equivalent),
                Ok(Relation::Tighter),
                Ok(Relation::Looser),
                Ok(Relation::Looser),
                Ok(Relation::Tighter),
                Ok(Relation::Incomparable),
            ]
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        assert_eq!(relation(&[claim(true)], &[claim(false)]), Err(Unlike::Own));
        let mut other = policy(&[]);
        other.1 = Vocabulary::parse(
            "[[fact]]\nname = \"a.b\"\ntype = \"bool\"\nphase = \"operation\"\ndoc = \"\"\nexample = \"\"",
        )
        .unwrap();
        let own = policy(&[]);
        let refused = common((own.0, &own.1), (other.0, &other.1));
        assert_eq!(refused, Err(Unlike::Vocabulary));
    }
}
