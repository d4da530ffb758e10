//! Makes a failing case smaller by leaving out one thing after the other, as long as it still fails.

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{Condition, Exception, Group, Policy, Predicate, Rule, RuleId, Test};
use hpol_bundle::vocabulary::Vocabulary;

use super::Case;

/// Steps at most; each leaves something out, so that this is only against a test that takes forever.
const MAX_STEPS: usize = 10_000;

pub(super) fn shrink(mut case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    for _ in 0..MAX_STEPS {
        match smaller(&case).into_iter().find(&fails) {
            Some(next) => case = next,
            None => break,
        }
    }
    case
}

/// All cases with one thing less.
fn smaller(case: &Case) -> Vec<Case> {
    let with_rules = |rules| Case {
        policy: Policy {
            rules,
            ..case.policy.clone()
        },
        facts: case.facts.clone(),
    };
    let rules = &case.policy.rules;
    let fewer = (0..).map(RuleId).take(rules.len());
    let fewer = fewer.map(|rule| without_rule(case, rule));
    let simpler = rules.iter().enumerate().flat_map(|(index, rule)| {
        simpler_conditions(&rule.condition)
            .into_iter()
            .map(move |condition| {
                with_rules(replace(
                    rules,
                    index,
                    Rule {
                        condition,
                        ..rule.clone()
                    },
                ))
            })
    });
    let forgotten = Vocabulary::builtin()
        .iter()
        .filter(|(_, fact)| fact.name != "connection.kind");
    let forgotten = forgotten.flat_map(|(id, _)| {
        simpler_facts(case.facts.fact(id))
            .into_iter()
            .map(move |fact| (id, fact))
    });
    let forgotten = forgotten.map(|(id, fact)| {
        let mut facts: Facts = case.facts.clone();
        facts.set(id, fact);
        Case {
            policy: case.policy.clone(),
            facts,
        }
    });
    fewer
        .chain(simpler)
        .chain(simpler_groups(case))
        .chain(simpler_exceptions(case))
        .chain(forgotten)
        .collect()
}

/// Without a rule and its exceptions; those of the rules behind it follow their rules.
fn without_rule(case: &Case, rule: RuleId) -> Case {
    let mut fewer = case.clone();
    let rules = (0..).map(RuleId).zip(&case.policy.rules);
    let kept = rules.filter(|(id, _)| *id != rule);
    fewer.policy.rules = kept.map(|(_, rule)| rule.clone()).collect();
    fewer.policy.exceptions.retain(|one| one.rule != rule);
    for exception in &mut fewer.policy.exceptions {
        let RuleId(index) = exception.rule;
        exception.rule = RuleId(index - u32::from(exception.rule > rule));
    }
    fewer
}

fn simpler_exceptions(case: &Case) -> Vec<Case> {
    let exceptions = &case.policy.exceptions;
    let with = |exceptions| {
        let mut simpler = case.clone();
        simpler.policy.exceptions = exceptions;
        simpler
    };
    let mut cases: Vec<Case> = without_one(exceptions).map(with).collect();
    for (index, exception) in exceptions.iter().enumerate() {
        for condition in simpler_conditions(&exception.condition) {
            let simpler = Exception {
                condition,
                ..exception.clone()
            };
            cases.push(with(replace(exceptions, index, simpler)));
        }
    }
    cases
}

/// Groups stay, since rules name them; their conditions become simpler.
fn simpler_groups(case: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, group) in case.policy.groups.iter().enumerate() {
        for condition in simpler_conditions(&group.condition) {
            let mut simpler = case.clone();
            let group = Group {
                condition,
                ..group.clone()
            };
            simpler.policy.groups = replace(&case.policy.groups, index, group);
            cases.push(simpler);
        }
    }
    cases
}

fn simpler_facts(fact: &Fact) -> Vec<Fact> {
    match fact {
        Fact::Missing => vec![],
        Fact::Known(Value::Set(elements)) => {
            let fewer = without_one(elements).map(|elements| Fact::Known(Value::Set(elements)));
            std::iter::once(Fact::Missing).chain(fewer).collect()
        }
        Fact::Unknown | Fact::Known(_) => vec![Fact::Missing],
    }
}

fn simpler_conditions(condition: &Condition) -> Vec<Condition> {
    match condition {
        Condition::All(parts) => simpler_parts(parts, Condition::All),
        Condition::Any(parts) => simpler_parts(parts, Condition::Any),
        Condition::Not(inner) => {
            let deeper = simpler_conditions(inner)
                .into_iter()
                .map(|inner| Condition::Not(Box::new(inner)));
            std::iter::once((**inner).clone()).chain(deeper).collect()
        }
        Condition::Test(test) => simpler_tests(test)
            .into_iter()
            .map(Condition::Test)
            .collect(),
        Condition::History(test) => simpler_conditions(&test.history.filter)
            .into_iter()
            .map(|filter| {
                let mut simpler = test.clone();
                simpler.history.filter = filter;
                Condition::History(simpler)
            })
            .collect(),
    }
}

fn simpler_parts(
    parts: &[Condition],
    whole: impl Fn(Vec<Condition>) -> Condition,
) -> Vec<Condition> {
    let alone = parts.iter().cloned();
    let fewer = without_one(parts).map(&whole);
    let deeper = parts.iter().enumerate().flat_map(|(index, part)| {
        simpler_conditions(part)
            .into_iter()
            .map(move |part| replace(parts, index, part))
    });
    alone.chain(fewer).chain(deeper.map(&whole)).collect()
}

fn simpler_tests(test: &Test) -> Vec<Test> {
    let no_default = test.default.is_some().then(|| Test {
        default: None,
        ..test.clone()
    });
    let predicates: Vec<Predicate> = match &test.predicate {
        Predicate::In(texts) => without_one(texts).map(Predicate::In).collect(),
        Predicate::HasAny(texts) => without_one(texts).map(Predicate::HasAny).collect(),
        Predicate::HasAll(texts) => without_one(texts).map(Predicate::HasAll).collect(),
        Predicate::Within(texts) => without_one(texts).map(Predicate::Within).collect(),
        Predicate::Present
        | Predicate::IsTrue
        | Predicate::StartsWith(_)
        | Predicate::Between(..) => vec![],
    };
    let predicates = predicates.into_iter().map(|predicate| Test {
        predicate,
        ..test.clone()
    });
    no_default.into_iter().chain(predicates).collect()
}

fn without_one<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    (0..items.len()).map(|skipped| {
        let kept = items
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != skipped);
        kept.map(|(_, item)| item.clone()).collect()
    })
}

fn replace<T: Clone>(items: &[T], index: usize, item: T) -> Vec<T> {
    let mut items = items.to_vec();
    if let Some(place) = items.get_mut(index) {
        *place = item;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{self, Random};

    /// Whatever is found, the smallest policy that blocks by a rule has one rule.
    #[test]
    fn a_case_shrinks_to_what_matters() {
        let blocks = |case: &Case| !crate::decide(&case.policy, &case.facts).block.is_empty();
        let mut random = Random::new(1);
        let case = std::iter::repeat_with(|| Case {
            policy: generate::policy(&mut random),
            facts: Facts::new(),
        })
        .find(|case| blocks(case) && case.policy.rules.len() > 1)
        .unwrap();
        let small = case.shrink(blocks);
        assert!(blocks(&small));
        assert_eq!(small.policy.rules.len(), 1);
    }
}
