//! What can be said of a rule by itself: whether its condition can hold, and whether parts of it always do.

use hpol_bundle::policy::{Condition, Effect, Policy, Predicate, Rule, RuleId, Test};
use hpol_bundle::program::lower::{LowerError, lower};
use hpol_bundle::vocabulary::{FactId, Phase};

use crate::search::Part;

use super::{Examination, First, Subject, What, Witness};

const CAN_HOLD: &str = "whether its condition can hold";
const PARTS: &str = "whether parts of its condition always hold";

pub(super) fn examine(subject: &Subject<'_>, id: RuleId, rule: &Rule, found: &mut Examination) {
    if !matches(subject, id, found) {
        return;
    }
    match can_hold(subject, rule, rule.condition.clone()) {
        Ok(Some(_)) => {}
        Ok(None) => return found.find(id, What::Contradictory, None),
        Err(why) => return found.give_up(Some(id), CAN_HOLD, &why),
    }
    parts(subject, id, rule, found);
    if matches!(rule.effect, Effect::Allow { .. }) && !rule.observe {
        breadth(subject, id, found);
    }
}

/// Whether some operation matches; a finding where none does.
fn matches(subject: &Subject<'_>, id: RuleId, found: &mut Examination) -> bool {
    for kind in &subject.kinds {
        let clauses = kind
            .clauses
            .iter()
            .filter(|(clause, _)| clause.rule() == id);
        let cubes: Vec<_> = clauses.map(|(_, cube)| (cube, Part::Tags(1))).collect();
        match kind.search(&cubes, &First(true), subject.budget) {
            Ok(None) => {}
            Ok(Some(_)) => return true,
            Err(why) => {
                found.give_up(Some(id), "whether any operation matches", &why);
                return true;
            }
        }
    }
    found.find(id, What::Unreachable, None);
    false
}

/// An operation for which `condition`, which is about what `rule` does, is true.
pub(super) fn can_hold(
    subject: &Subject<'_>,
    rule: &Rule,
    condition: Condition,
) -> Result<Option<Witness>, Box<dyn std::error::Error>> {
    let alone = only(subject.policy, rule, condition);
    let program = lower(&alone, subject.vocabulary).map_err(|error: LowerError| error.fault)?;
    let alone = Subject::of(&alone, &program, subject.vocabulary, subject.budget);
    for kind in &alone.kinds {
        let cubes: Vec<_> = kind
            .clauses
            .iter()
            .map(|(_, cube)| (cube, Part::Tags(1)))
            .collect();
        if let Some(found) = kind.search(&cubes, &First(true), subject.budget)? {
            return Ok(Some(kind.witness(&found.point)));
        }
    }
    Ok(None)
}

/// A policy of one rule, which matches exactly where `condition` is true.
fn only(policy: &Policy, rule: &Rule, condition: Condition) -> Policy {
    Policy {
        connections: policy.connections.clone(),
        rules: vec![Rule {
            condition,
            effect: Effect::ALLOW,
            observe: false,
            ..rule.clone()
        }],
        ..Policy::default()
    }
}

/// Parts that hold wherever the others do.
fn parts(subject: &Subject<'_>, id: RuleId, rule: &Rule, found: &mut Examination) {
    let Condition::All(parts) = &rule.condition else {
        return;
    };
    for (index, part) in parts.iter().enumerate() {
        if is_guard(subject, part) {
            continue;
        }
        let others = parts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        let mut all: Vec<Condition> = others.map(|(_, part)| part.clone()).collect();
        all.push(Condition::Not(Box::new(part.clone())));
        match can_hold(subject, rule, Condition::All(all)) {
            Ok(Some(_)) => {}
            Ok(None) => found.find(id, What::PartAlwaysTrue { part: index }, None),
            Err(why) => return found.give_up(Some(id), PARTS, &why),
        }
    }
}

/// Whether a part is there for another reason than to exclude: it says what else may be read, or which protocol is meant.
fn is_guard(subject: &Subject<'_>, part: &Condition) -> bool {
    let is_kind = |fact: FactId| {
        let fact = subject.vocabulary.fact(fact);
        fact.is_some_and(|fact| fact.name == "connection.kind")
    };
    match part {
        Condition::Test(Test {
            fact, predicate, ..
        }) => *predicate == Predicate::Present || is_kind(*fact),
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().all(|part| is_guard(subject, part))
        }
        Condition::Not(inner) => is_guard(subject, inner),
        Condition::History(_) => false,
    }
}

/// Whether a rule that allows asks neither who nor what.
fn breadth(subject: &Subject<'_>, id: RuleId, found: &mut Examination) {
    for what in [What::AllowsEveryone, What::AllowsEverything] {
        let everyone = what == What::AllowsEveryone;
        let shown = subject.kinds.iter().find_map(|kind| {
            let asks = |axis: u32| {
                let axis = kind.space.axes.get(axis as usize);
                axis.is_some_and(|axis| match everyone {
                    true => axis.fact.name.starts_with("subject."),
                    false => axis.fact.phase == Phase::Operation,
                })
            };
            let cube = kind.clauses.iter().find(|(clause, cube)| {
                clause.rule() == id
                    && clause.role == hpol_bundle::program::Role::Allow
                    && !cube.asks.iter().any(|(axis, _)| asks(*axis))
            });
            let (_, cube) = cube?;
            let found = kind.search(&[(cube, Part::Tags(1))], &First(true), subject.budget);
            Some(kind.witness(&found.ok()??.point))
        });
        if let Some(witness) = shown {
            found.find(id, what, Some(witness));
        }
    }
}
