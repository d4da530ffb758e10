//! What can be said of a rule by itself: whether its condition can hold, and whether parts of it always do.

use std::collections::BTreeSet;

use hpol_bundle::policy::{Condition, Effect, Policy, Predicate, Rule, RuleId, Test};
use hpol_bundle::program::Role;
use hpol_bundle::program::lower::{LowerError, lower};
use hpol_bundle::vocabulary::{FactId, Phase};

use crate::search::{Part, Question, Tags};

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

/// Parts that hold wherever the others do: without such a part the rule matches the same.
fn parts(subject: &Subject<'_>, id: RuleId, rule: &Rule, found: &mut Examination) {
    let Condition::All(parts) = &rule.condition else {
        return;
    };
    for (index, part) in parts.iter().enumerate() {
        if is_guard(subject, part) {
            continue;
        }
        match narrows(subject, rule, parts, index) {
            Ok(true) => {}
            Ok(false) => found.find(id, What::PartAlwaysTrue { part: index }, None),
            Err(why) => return found.give_up(Some(id), PARTS, &why),
        }
    }
}

/// Whether `rule` matches less because of the part of `index`: what it does says whether an unknown part matches.
fn narrows(
    subject: &Subject<'_>,
    rule: &Rule,
    parts: &[Condition],
    index: usize,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut others = parts.to_vec();
    others.remove(index);
    let less = Rule {
        condition: Condition::All(others),
        ..rule.clone()
    };
    let both = Policy {
        connections: subject.policy.connections.clone(),
        rules: vec![rule.clone(), less],
        ..Policy::default()
    };
    let program = lower(&both, subject.vocabulary).map_err(|error: LowerError| error.fault)?;
    let both = Subject::of(&both, &program, subject.vocabulary, subject.budget);
    for kind in &both.kinds {
        let roles: BTreeSet<Role> = kind.clauses.iter().map(|(clause, _)| clause.role).collect();
        for role in roles {
            let clauses = kind
                .clauses
                .iter()
                .filter(|(clause, _)| clause.role == role);
            let tagged = clauses.map(|(clause, cube)| match clause.rule() {
                RuleId(0) => (cube, Part::Tags(Beyond::WHOLE)),
                _ => (cube, Part::Tags(Beyond::LESS)),
            });
            let cubes: Vec<_> = tagged.collect();
            if kind.search(&cubes, &Beyond, subject.budget)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// An operation that the rule with less of its condition matches, and the whole one does not.
struct Beyond;

impl Beyond {
    const WHOLE: Tags = 1;
    const LESS: Tags = 2;
}

impl Question for Beyond {
    fn hopeless(&self, settled: Tags, open: &[Tags]) -> bool {
        let comes = |tags: Tags| settled & tags != 0 || open.contains(&tags);
        settled & Beyond::WHOLE != 0 || !comes(Beyond::LESS)
    }

    fn wanted(&self, tags: Tags) -> bool {
        tags == Beyond::LESS
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
                    && clause.role == Role::Allow
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
