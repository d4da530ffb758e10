//! The reference interpreter: the meaning of a policy, as short and plain as it can be written.
//!
//! Reads the typed tree directly, in three-valued logic. No graph, no classes, no tables; the engine is tested against it.

#![deny(missing_docs)]

#[cfg(feature = "generate")]
pub mod generate;
mod history;

use hpol_bundle::decision::{Decision, Excepted, Observed, Verdict, Would};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{
    Condition, Effect, ExceptionId, GroupId, Policy, Predicate, RuleId, Test,
};
use hpol_bundle::vocabulary::FactId;

pub use history::{Moment, Past, number};

/// Three-valued truth (Kleene's strong logic). The order makes `min` the AND and `max` the OR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not hold.
    False,
    /// It cannot be told.
    Unknown,
    /// It holds.
    True,
}

/// Decides one operation of which nothing is known before.
#[must_use]
pub fn decide(policy: &Policy, facts: &Facts) -> Decision {
    let own = Past {
        subject: "".into(),
        session: 0,
        ended_ms: None,
        facts: facts.clone(),
    };
    let moment = Moment {
        now_ms: 0,
        own: &own,
        past: &[],
    };
    decide_at(policy, facts, moment)
}

/// Decides one operation, given what came before. `facts` are those of session and operation.
#[must_use]
pub fn decide_at(policy: &Policy, facts: &Facts, moment: Moment<'_>) -> Decision {
    let mut decision = Decision::with_capacity(policy.rules.len());
    decision.unknown = facts.unknown();
    let mut granted = false;
    for (id, rule) in (0..).map(RuleId).zip(&policy.rules) {
        let matches = truth(&rule.condition, facts, Some(moment));
        // A rule matches where its condition holds, and none of its exceptions.
        let mut truth = matches;
        for (exception, holds) in exceptions(policy, id, facts) {
            truth = truth.min(not(holds));
            if holds == Truth::True && matches != Truth::False && !rule.observe {
                let rule = id;
                decision.excepted.push(Excepted { rule, exception });
            }
        }
        if rule.observe {
            decision
                .observed
                .extend(observed(id, &rule.effect, truth, facts));
            continue;
        }
        if rule.effect.row_limit().is_some() && truth != Truth::False {
            decision.limit.push(id);
        }
        match rule.effect {
            // Ignorance is not access: what restricts counts unless it is definitely false ...
            Effect::Block { .. } if truth != Truth::False => decision.block.push(id),
            Effect::Mask { .. } if truth != Truth::False => decision.mask.push(id),
            Effect::RequireApproval { .. } if truth != Truth::False => {
                decision.approve.push(id);
                granted |= truth == Truth::True;
            }
            // One of these two, where it is known whether a justification was given.
            Effect::RequireJustification { given, .. } => {
                let given = has(facts, given);
                if truth.min(not(given)) != Truth::False {
                    decision.block.push(id);
                }
                if truth.min(given) == Truth::True {
                    decision.allow.push(id);
                    granted = true;
                }
            }
            // ... and what grants counts only if it is definitely true.
            Effect::Allow { .. } if truth == Truth::True => {
                decision.allow.push(id);
                granted = true;
            }
            _ => {}
        }
    }
    decision.observed.sort_unstable();
    decision.verdict = if !decision.block.is_empty() || !granted {
        Verdict::Block
    } else if !decision.approve.is_empty() {
        Verdict::RequireApproval
    } else {
        Verdict::Allow
    };
    decision
}

/// Whether an optional fact is there.
fn has(facts: &Facts, fact: FactId) -> Truth {
    match facts.fact(fact) {
        Fact::Known(_) => Truth::True,
        Fact::Missing => Truth::False,
        Fact::Unknown => Truth::Unknown,
    }
}

/// The exceptions to `rule`, and whether they hold.
fn exceptions(
    policy: &Policy,
    rule: RuleId,
    facts: &Facts,
) -> impl Iterator<Item = (ExceptionId, Truth)> {
    let exceptions = (0..).map(ExceptionId).zip(&policy.exceptions);
    let of_rule = exceptions.filter(move |(_, exception)| exception.rule == rule);
    // History is for rules to ask.
    of_rule.map(|(id, exception)| (id, truth(&exception.condition, facts, None)))
}

/// What a rule in observe would do, by the measure of one that is not.
fn observed(rule: RuleId, effect: &Effect, truth: Truth, facts: &Facts) -> Vec<Observed> {
    let would = match effect {
        Effect::RequireJustification { given, .. } => {
            let given = has(facts, *given);
            let blocks = truth.min(not(given)) != Truth::False;
            let grants = truth.min(given) == Truth::True;
            let both = [(Would::Block, blocks), (Would::Allow, grants)].into_iter();
            let would = both.filter(|(_, does)| *does).map(|(would, _)| would);
            return would.map(|would| Observed { would, rule }).collect();
        }
        Effect::Block { .. } => Would::Block,
        Effect::RequireApproval { .. } => Would::RequireApproval,
        Effect::Allow { .. } => Would::Allow,
        Effect::Mask { .. } => Would::Mask,
        Effect::Limit { .. } => Would::Limit,
    };
    let limits = effect.row_limit().is_some().then_some(Would::Limit);
    let mut all = match (would, truth) {
        (_, Truth::False) => return vec![],
        (Would::Allow, Truth::Unknown) => vec![],
        _ => vec![would],
    };
    all.extend(limits);
    all.dedup();
    all.into_iter()
        .map(|would| Observed { would, rule })
        .collect()
}

/// Whether a subject definitely belongs to a group.
#[must_use]
pub fn is_member(policy: &Policy, group: GroupId, facts: &Facts) -> bool {
    let group = policy.groups.get(group.0 as usize);
    group.is_some_and(|group| truth(&group.condition, facts, None) == Truth::True)
}

/// Whether a condition holds, for tools that explain decisions. Without a moment nothing is known of history.
#[must_use]
pub fn truth(condition: &Condition, facts: &Facts, moment: Option<Moment<'_>>) -> Truth {
    match condition {
        Condition::All(parts) => parts
            .iter()
            .map(|part| truth(part, facts, moment))
            .min()
            .unwrap_or(Truth::True),
        Condition::Any(parts) => parts
            .iter()
            .map(|part| truth(part, facts, moment))
            .max()
            .unwrap_or(Truth::False),
        Condition::Not(inner) => not(truth(inner, facts, moment)),
        Condition::Test(test) => truth_of_test(test, facts),
        Condition::History(test) => moment.map_or(Truth::Unknown, |moment| {
            history::truth_of_history(test, moment)
        }),
    }
}

fn not(truth: Truth) -> Truth {
    match truth {
        Truth::True => Truth::False,
        Truth::Unknown => Truth::Unknown,
        Truth::False => Truth::True,
    }
}

fn truth_of_test(test: &Test, facts: &Facts) -> Truth {
    match (facts.fact(test.fact), &test.predicate) {
        (Fact::Unknown, _) => Truth::Unknown,
        (Fact::Missing, Predicate::Present) => Truth::False,
        (Fact::Known(_), Predicate::Present) => Truth::True,
        (Fact::Known(value), predicate) => truth_of_predicate(predicate, value),
        (Fact::Missing, predicate) => test
            .default
            .as_ref()
            .map_or(Truth::Unknown, |value| truth_of_predicate(predicate, value)),
    }
}

fn truth_of_predicate(predicate: &Predicate, value: &Value) -> Truth {
    let holds = match (predicate, value) {
        (Predicate::IsTrue, Value::Bool(value)) => *value,
        (Predicate::In(texts), Value::Text(value)) => texts.contains(value),
        (Predicate::StartsWith(prefix), Value::Text(value)) => value.starts_with(prefix.as_ref()),
        (Predicate::Between(low, high), Value::Int(value)) => low <= value && value <= high,
        (Predicate::HasAny(texts), Value::Set(elements)) => {
            elements.iter().any(|element| texts.contains(element))
        }
        (Predicate::HasAll(texts), Value::Set(elements)) => {
            texts.iter().all(|text| elements.contains(text))
        }
        (Predicate::Within(texts), Value::Set(elements)) => {
            elements.iter().all(|element| texts.contains(element))
        }
        // The checker lets no such test through; a fact of another type than the vocabulary says is not known.
        _ => return Truth::Unknown,
    };
    if holds { Truth::True } else { Truth::False }
}

#[cfg(test)]
mod tests;
