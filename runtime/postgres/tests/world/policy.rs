//! The policy of the tests: agents may do most things, never DROP, and UPDATE only with a DBA's approval; the social
//! security numbers of customers are hidden but for four digits, wherever they stand.

use hpol_bundle::bundle::{Bundle, Provenance, Tests};
use hpol_bundle::policy::{
    ClassId, Column, Condition, Connection, DataClass, Effect, Group, GroupId, Mask, Policy,
    Predicate, Rule, Source, Test,
};
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

pub fn bundle() -> Bundle {
    let vocabulary = Vocabulary::builtin();
    let policy = policy();
    Bundle {
        program: lower(&policy, vocabulary).unwrap(),
        policy,
        vocabulary: vocabulary.clone(),
        provenance: Provenance {
            compiler_version: "test".to_owned(),
            sequence: 1,
            sources: Vec::new(),
            catalogue: "test".to_owned(),
            tests: Tests {
                passed: 0,
                failed: 0,
            },
        },
    }
}

fn policy() -> Policy {
    let verbs = |verbs: &[&str]| {
        let words = verbs.iter().map(|verb| (*verb).into()).collect();
        test("sql.verbs", Predicate::HasAny(words))
    };
    Policy {
        connections: vec![Connection {
            name: "shop.orders_db".to_owned(),
            protocol: Protocol::Postgres,
            target: "orders-prod".to_owned(),
        }],
        groups: vec![Group {
            name: "shop.dbas".to_owned(),
            condition: test("subject.groups", Predicate::HasAny(vec!["dba".into()])),
        }],
        classes: vec![DataClass {
            name: "shop.pii.ssn".to_owned(),
            columns: vec![Column {
                target: "orders-prod".to_owned(),
                schema: "public".to_owned(),
                table: "customers".to_owned(),
                column: "ssn".to_owned(),
            }],
            detectors: vec!["us_ssn".to_owned()],
        }],
        rules: vec![
            rule(
                "agents_work",
                test("subject.groups", Predicate::HasAny(vec!["agents".into()])),
                Effect::Allow,
            ),
            rule(
                "ask_for_update",
                verbs(&["update"]),
                Effect::RequireApproval {
                    quorum: 1,
                    group: GroupId(0),
                    within_seconds: 600,
                },
            ),
            rule(
                "hide_ssn",
                verbs(&["select", "copy", "insert", "delete", "explain"]),
                Effect::Mask {
                    class: ClassId(0),
                    mask: Mask::KeepLast(4),
                },
            ),
            rule(
                "no_drop",
                verbs(&["drop"]),
                Effect::Block {
                    message: "open a ticket".to_owned(),
                },
            ),
        ],
    }
}

fn rule(name: &str, condition: Condition, effect: Effect) -> Rule {
    Rule {
        name: format!("shop.{name}"),
        title: name.to_owned(),
        because: format!("reason of {name}"),
        claims: Vec::new(),
        condition,
        effect,
        source: Source::default(),
    }
}

fn test(fact: &str, predicate: Predicate) -> Condition {
    let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}
