//! Findings in random policies, held against the reference interpreter.

use hpol_bundle::decision::Decision;
use hpol_bundle::policy::{Condition, Effect, Rule};
use hpol_bundle::program::lower::lower;
use hpol_oracle::decide;
use hpol_oracle::generate::{self, Random};

use super::small;
use crate::examine::*;
use crate::trial::{self, upshot};

/// Operations that each finding is held against.
const SAMPLE: usize = 60;

fn without(policy: &Policy, id: RuleId) -> Policy {
    let mut policy = policy.clone();
    // Out of the way, so that the ids of the others stay.
    policy.rules[id.0 as usize].condition = Condition::Any(vec![]);
    policy
}

fn alone(policy: &Policy, condition: Condition) -> Policy {
    let mut policy = policy.clone();
    policy.rules.truncate(1);
    policy.rules[0] = Rule {
        condition,
        effect: Effect::ALLOW,
        observe: false,
        ..policy.rules[0].clone()
    };
    policy
}

/// The rule and nothing beside it.
fn only(policy: &Policy, id: RuleId) -> Policy {
    let mut only = policy.clone();
    only.rules = vec![policy.rules[id.0 as usize].clone()];
    only
}

fn matches(decision: &Decision, id: RuleId) -> bool {
    let lists = [
        &decision.block,
        &decision.approve,
        &decision.allow,
        &decision.mask,
        &decision.limit,
    ];
    lists.iter().any(|list| list.contains(&id))
        || decision.observed.iter().any(|observed| observed.rule == id)
}

/// What the reference interpreter says of a finding on an operation: nothing against it, and for a witness that it shows it.
fn holds_on(policy: &Policy, finding: &Finding, facts: &Facts, witness: bool) -> bool {
    let id = finding.rule;
    let decision = decide(policy, facts);
    let matched = matches(&decision, id);
    let unchanged =
        || upshot(policy, &decision) == upshot(policy, &decide(&without(policy, id), facts));
    let condition = policy.rules[id.0 as usize].condition.clone();
    let is_true = |condition| !decide(&alone(policy, condition), facts).allow.is_empty();
    match &finding.what {
        What::Unreachable => !matched,
        What::Contradictory => !is_true(condition),
        What::PartAlwaysTrue { part } => {
            let Condition::All(mut parts) = condition else {
                panic!("a part of what has none");
            };
            parts.remove(*part);
            let whole = decide(&only(policy, id), facts);
            let mut less = only(policy, id);
            less.rules[0].condition = Condition::All(parts);
            whole == decide(&less, facts)
        }
        What::Shadowed { .. } | What::Redundant { .. } | What::DeniedAnyway => {
            unchanged() && (matched || !witness)
        }
        What::ApprovalDefeated { by } => match witness {
            true => matched && decision.block == *by,
            false => !matched || !decision.block.is_empty(),
        },
        What::DifferentApprovers { other } => {
            let both = decision.approve.contains(&id) && decision.approve.contains(other);
            !witness || (both && decision.block.is_empty())
        }
        What::ConflictingMasks { other, .. } => {
            let both = decision.mask.contains(&id) && decision.mask.contains(other);
            !witness || (both && decision.block.is_empty())
        }
        What::RequesterMayApprove { group } => {
            !witness || (is_true(condition) && hpol_oracle::is_member(policy, *group, facts))
        }
        What::AllowsEveryone | What::AllowsEverything => !witness || decision.allow.contains(&id),
        What::ControlWithoutEffect { .. } => true,
    }
}

#[test]
fn the_oracle_agrees_with_every_finding_on_random_policies() {
    let mut found = std::collections::BTreeMap::<String, usize>::new();
    let mut given_up = 0;
    for seed in trial::seeds(120) {
        let mut random = Random::new(seed);
        let policy = generate::policy(&mut random);
        let Ok(examination) = examine(&policy, Vocabulary::builtin(), small()) else {
            continue;
        };
        // What is said of a rule is said of it with its exceptions.
        let policy = policy.folding_exceptions();
        given_up += examination.not_analysed.len();
        let sample: Vec<Facts> = (0..SAMPLE)
            .map(|_| {
                let kind = *random.pick(&Protocol::ALL).unwrap();
                trial::facts(&mut random, kind)
            })
            .collect();
        for finding in &examination.findings {
            let word = format!("{:?}", finding.what);
            *found
                .entry(word.split(' ').next().unwrap().to_owned())
                .or_default() += 1;
            if let Some(witness) = &finding.witness {
                let policy = witness.policy(&policy);
                let shows = holds_on(&policy, finding, &witness.all_facts(), true);
                assert!(shows, "{seed}: {finding:?}\n{policy:?}");
            }
            for facts in &sample {
                let holds = holds_on(&policy, finding, facts, false);
                assert!(holds, "{seed}: {finding:?}\n{facts:?}\n{policy:#?}");
            }
        }
    }
    let kinds = found.len();
    assert!(kinds >= 11, "{found:?}");
    assert!(
        given_up < found.values().sum::<usize>(),
        "{given_up} {found:?}"
    );
}

#[test]
fn a_rule_that_is_not_found_to_change_nothing_changes_something() {
    let mut changing = 0;
    for seed in trial::seeds(100) {
        let policy = generate::policy(&mut Random::new(seed)).folding_exceptions();
        let Ok(program) = lower(&policy, Vocabulary::builtin()) else {
            continue;
        };
        let subject = Subject::of(&policy, &program, Vocabulary::builtin(), small());
        for (id, rule) in (0..).map(RuleId).zip(&policy.rules) {
            if let (false, Ok(Some(witness))) =
                (rule.observe, effect::changes_something(&subject, id, rule))
            {
                let (policy, facts) = (witness.policy(&policy), witness.all_facts());
                let with = upshot(&policy, &decide(&policy, &facts));
                let less = without(&policy, id);
                let without = upshot(&less, &decide(&less, &facts));
                assert_ne!(with, without, "{seed} {id:?} {witness:?}");
                changing += 1;
            }
        }
    }
    assert!(changing > 100, "{changing}");
}
