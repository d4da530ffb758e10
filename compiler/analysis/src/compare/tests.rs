use std::collections::BTreeMap;

use hpol_bundle::policy::{Condition, Connection, Predicate, Source, Test};
use hpol_oracle::decide;
use hpol_oracle::generate::{self, Random};

use super::*;
use crate::trial::{self, upshot};

/// Operations that a pair of policies is tried on.
const SAMPLE: usize = 300;

/// A policy that is mostly the same: one rule less, one rule from elsewhere, another effect, or another condition.
fn edited(random: &mut Random, policy: &Policy) -> Policy {
    // Exceptions name rules by position, which edits change.
    let mut edited = policy.folding_exceptions();
    let other = generate::policy(random);
    let rules = edited.rules.len();
    let index = random.below(rules);
    let donor = random.pick(&other.rules).cloned();
    match (random.below(5), edited.rules.get_mut(index), donor) {
        (0, Some(_), _) => {
            edited.rules.remove(index);
        }
        (1, Some(rule), Some(donor)) => rule.effect = donor.effect,
        (2, Some(rule), Some(donor)) => rule.condition = donor.condition,
        (3, Some(rule), _) => rule.observe = !rule.observe,
        (_, _, Some(donor)) => edited.rules.push(donor),
        _ => {}
    }
    edited
}

#[test]
fn equivalent_is_what_the_oracle_finds_no_difference_in() {
    let vocabulary = Vocabulary::builtin();
    let mut relations: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in trial::seeds(150) {
        let mut random = Random::new(seed);
        let before = generate::policy(&mut random);
        let after = match random.below(3) {
            0 => generate::policy(&mut random),
            _ => edited(&mut random, &before),
        };
        let budget = Budget {
            states: 20_000,
            effort: 2_000_000,
        };
        let Ok(comparison) = compare(&before, &after, vocabulary, budget) else {
            continue;
        };
        for kind in Protocol::ALL {
            let on_kind = comparison.connections.iter().find(|on| on.kind == kind);
            let relation = on_kind.map_or(Relation::Equivalent, |on| on.relation);
            *relations.entry(relation.as_str()).or_default() += 1;
            for change in on_kind.into_iter().flat_map(|on| &on.changes) {
                confirm(seed, &before, &after, change);
            }
            for _ in 0..SAMPLE {
                let facts = trial::facts(&mut random, kind);
                let then = upshot(&before, &decide(&before, &facts));
                let now = upshot(&after, &decide(&after, &facts));
                if then == now {
                    continue;
                }
                let told = relation != Relation::Equivalent;
                assert!(
                    told,
                    "{seed}: {facts:?}\n{then:?}\n{now:?}\n{before:?}\n{after:?}"
                );
                told_truly(seed, on_kind.unwrap(), &before, &after, &facts);
            }
        }
    }
    assert!(relations.len() >= 5, "{relations:?}");
    let given_up = relations.get("not_analysed").copied().unwrap_or(0);
    assert!(given_up * 10 < relations["equivalent"], "{relations:?}");
}

/// The witness of each region shows the change.
fn confirm(seed: u64, before: &Policy, after: &Policy, change: &Change) {
    assert!(!change.regions.is_empty());
    for region in &change.regions {
        let facts = region.witness.all_facts();
        let then = decide(&region.witness.policy(before), &facts);
        let now = decide(&region.witness.policy(after), &facts);
        let then = outcome_of(before, after, false, None, &then, &change.output);
        let now = outcome_of(before, after, true, None, &now, &change.output);
        assert_ne!(then, now, "{seed}: {change:?}");
        assert_eq!(
            (&then, &now),
            (&change.before, &change.after),
            "{seed}: {region:?}"
        );
    }
}

/// Whatever differs is of a kind that is told, and goes the way that is told.
fn told_truly(
    seed: u64,
    on: &OnConnection,
    before: &Policy,
    after: &Policy,
    facts: &hpol_bundle::facts::Facts,
) {
    if on.relation == Relation::NotAnalysed {
        return;
    }
    let (then, now) = (decide(before, facts), decide(after, facts));
    let output = Output::Verdict;
    let then = outcome_of(before, after, false, None, &then, &output);
    let now = outcome_of(before, after, true, None, &now, &output);
    let is_told =
        |change: &Change| change.output == output && change.before == then && change.after == now;
    let told = then == now || on.changes.iter().any(is_told);
    assert!(told, "{seed}: {then:?} {now:?} {on:?}");
}

#[test]
fn a_policy_is_equivalent_to_itself_and_to_itself_in_another_order() {
    for seed in trial::seeds(60) {
        let policy = generate::policy(&mut Random::new(seed));
        let mut reversed = policy.folding_exceptions();
        reversed.rules.reverse();
        for other in [&policy, &reversed] {
            if let Ok(comparison) =
                compare(&policy, other, Vocabulary::builtin(), Budget::default())
            {
                assert_eq!(comparison.connections, [], "{seed}");
            }
        }
    }
}

/// A connection that is declared, and named by no condition, is like those that nobody names.
#[test]
fn what_no_condition_names_is_compared_too() {
    let connection = |target: &str| Connection {
        name: format!("p.{target}"),
        protocol: Protocol::Postgres,
        target: target.into(),
        observe: false,
    };
    let rule = |name: &str, condition| Rule {
        name: name.into(),
        title: String::new(),
        because: String::new(),
        claims: vec![],
        condition,
        effect: Effect::ALLOW,
        observe: false,
        source: Source::default(),
    };
    let (name, _) = Vocabulary::builtin().lookup("connection.name").unwrap();
    let on_orders = Condition::Test(Test {
        fact: name,
        default: None,
        predicate: Predicate::In(vec!["orders".into()]),
    });
    let everywhere = rule("everywhere", Condition::All(vec![]));
    let before = Policy {
        connections: vec![connection("crm"), connection("orders")],
        rules: vec![rule("orders", on_orders), everywhere],
        ..Policy::default()
    };
    let mut after = before.clone();
    after.rules.pop();
    let comparison = compare(&before, &after, Vocabulary::builtin(), Budget::default()).unwrap();
    let relations: Vec<_> = comparison
        .connections
        .iter()
        .map(|on| (on.kind, on.target.as_deref(), on.relation))
        .collect();
    assert_eq!(
        relations,
        [
            (Protocol::Postgres, Some("crm"), Relation::Tighter),
            (Protocol::Postgres, Some("orders"), Relation::Equivalent),
            (Protocol::Postgres, None, Relation::Tighter),
            (Protocol::Http, None, Relation::Tighter),
        ]
    );
}
