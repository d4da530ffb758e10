//! The policy of the tests: agents may do most things, never DROP, and UPDATE only with a DBA's approval; the social
//! security numbers of customers are hidden but for four digits, wherever they stand.

use hpol_bundle::policy::{
    ClassId, Column, Connection, DataClass, Effect, GroupId, Mask, Policy, Predicate,
};
use hpol_bundle::vocabulary::Protocol;
use hpol_ports::policy::{dbas, member, rule, test};

pub fn policy() -> Policy {
    let verbs = |verbs: &[&str]| {
        let words = verbs.iter().map(|verb| (*verb).into()).collect();
        test("sql.verbs", Predicate::HasAny(words))
    };
    Policy {
        connections: vec![Connection {
            name: "shop.orders_db".to_owned(),
            protocol: Protocol::Postgres,
            target: "orders-prod".to_owned(),
            observe: false,
        }],
        groups: vec![dbas()],
        classes: vec![DataClass {
            name: "shop.pii.ssn".to_owned(),
            columns: vec![Column {
                target: "orders-prod".to_owned(),
                schema: "public".to_owned(),
                table: "customers".to_owned(),
                column: "ssn".to_owned(),
            }],
            json: vec![],
            detectors: vec!["us_ssn".to_owned()],
        }],
        rules: vec![
            rule("agents_work", member("agents"), Effect::ALLOW),
            rule(
                "ask_for_update",
                verbs(&["update"]),
                Effect::RequireApproval {
                    quorum: 1,
                    group: GroupId(0),
                    within_seconds: 600,
                    stands_seconds: None,
                },
            ),
            rule(
                "hide_ssn",
                verbs(&["select", "copy", "insert", "delete", "explain", "listen"]),
                Effect::Mask {
                    class: ClassId(0),
                    mask: Mask::KeepLast(4),
                },
            ),
            rule(
                "few_of_a_series",
                test(
                    "sql.functions",
                    Predicate::HasAny(["pg_catalog.generate_series".into()].into()),
                ),
                Effect::Limit { rows: 3 },
            ),
            rule(
                "no_drop",
                verbs(&["drop"]),
                Effect::Block {
                    message: "open a ticket".to_owned(),
                    terminates: false,
                },
            ),
        ],
        exceptions: vec![],
        responsibilities: vec![],
    }
}

/// The same policy, where nothing is hidden.
pub fn without_masks() -> Policy {
    let mut policy = policy();
    policy.rules.retain(|rule| rule.name != "shop.hide_ssn");
    policy
}
