//! Random policies whose rules ask what happened before.

use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
use hpol_bundle::policy::{Condition, Policy};
use hpol_bundle::vocabulary::{FactId, FactType, Phase, Scalar, Vocabulary};
use hpol_oracle::generate::{self, Random};

/// The policy with tests of history beside, and instead of, some of its conditions.
pub(crate) fn with_history(random: &mut Random, mut policy: Policy) -> Policy {
    // Few measurements, so that rules share them.
    let histories: Vec<History> = (0..=random.below(3)).map(|_| history(random)).collect();
    for rule in &mut policy.rules {
        rule.condition = without_results(rule.condition.clone());
        if random.one_in(3) {
            continue;
        }
        let test = |random: &mut Random| {
            let at_least = random.below(4) as i64;
            let test = Condition::History(Box::new(HistoryTest {
                history: random.pick(&histories).unwrap().clone(),
                at_least,
                at_most: *random.pick(&[at_least, at_least + 2, i64::MAX]).unwrap(),
            }));
            match random.one_in(3) {
                true => Condition::Not(Box::new(test)),
                false => test,
            }
        };
        let mut parts = vec![test(random)];
        if random.one_in(2) {
            parts.push(rule.condition.clone());
        }
        if random.one_in(3) {
            parts.push(test(random));
        }
        rule.condition = match random.one_in(3) {
            true => Condition::Any(parts),
            false => Condition::All(parts),
        };
    }
    for group in &mut policy.groups {
        group.condition = without_results(group.condition.clone());
    }
    policy
}

fn history(random: &mut Random) -> History {
    let of_type = |random: &mut Random, fits: fn(&FactType) -> bool| -> FactId {
        let facts = Vocabulary::builtin()
            .iter()
            .filter(|(_, fact)| fits(&fact.ty));
        *random
            .pick(&facts.map(|(id, _)| id).collect::<Vec<_>>())
            .unwrap()
    };
    let measure = match random.below(4) {
        0 => Measure::Sum(of_type(random, |ty| *ty == FactType::Scalar(Scalar::Int))),
        1 => Measure::Distinct(of_type(random, |ty| {
            matches!(
                ty,
                FactType::Set(_) | FactType::Scalar(Scalar::String | Scalar::Name)
            )
        })),
        _ => Measure::Count,
    };
    let filter = generate::policy(random).rules.pop();
    let filter = filter.map_or(Condition::All(vec![]), |rule| rule.condition);
    let filter = without_history(filter);
    History {
        measure,
        filter: match random.one_in(2) {
            true => Condition::Any(vec![filter, anything(random)]),
            false => filter,
        },
        window_seconds: *random.pick(&[1, 2, 5, 60]).unwrap(),
        scope: *random.pick(&[Scope::Subject, Scope::Session]).unwrap(),
        own: *random.pick(&[Own::Counts, Own::Apart]).unwrap(),
    }
}

fn anything(random: &mut Random) -> Condition {
    match random.one_in(2) {
        true => Condition::All(vec![]),
        false => Condition::Any(vec![]),
    }
}

/// `condition` with what is about results left out, which rules cannot read.
fn without_results(condition: Condition) -> Condition {
    replace(condition, &|condition| match condition {
        Condition::Test(test) => Vocabulary::builtin()
            .fact(test.fact)
            .is_some_and(|fact| fact.phase == Phase::Result),
        _ => false,
    })
}

fn without_history(condition: Condition) -> Condition {
    replace(condition, &|condition| {
        matches!(condition, Condition::History(_))
    })
}

fn replace(condition: Condition, which: &dyn Fn(&Condition) -> bool) -> Condition {
    if which(&condition) {
        return Condition::All(vec![]);
    }
    let all = |parts: Vec<Condition>| parts.into_iter().map(|part| replace(part, which)).collect();
    match condition {
        Condition::All(parts) => Condition::All(all(parts)),
        Condition::Any(parts) => Condition::Any(all(parts)),
        Condition::Not(inner) => Condition::Not(Box::new(replace(*inner, which))),
        Condition::Test(_) | Condition::History(_) => condition,
    }
}
