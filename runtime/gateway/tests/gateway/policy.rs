//! A small policy built by hand, so that the gateway needs no compiler in its tests: agents may GET over the connection,
//! a POST needs one member of `dba`, and nothing else is allowed.

use hpol_bundle::bundle::{self, Bundle, Provenance};
use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
use hpol_bundle::policy::{
    Condition, Connection, Effect, Group, GroupId, Policy, Predicate, Rule, Source, Test,
};
use hpol_bundle::program::lower::lower;
use hpol_bundle::signature::SigningKey;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use crate::process::CONNECTION;

/// The bundle file.
pub(crate) fn bundle(sequence: u64, signer: &SigningKey) -> Vec<u8> {
    bundle_of(policy(), sequence, signer)
}

/// The bundle file of `policy`.
pub(crate) fn bundle_of(policy: Policy, sequence: u64, signer: &SigningKey) -> Vec<u8> {
    let vocabulary = Vocabulary::builtin();
    let bundle = Bundle {
        program: lower(&policy, vocabulary).unwrap(),
        policy,
        vocabulary: vocabulary.clone(),
        provenance: Provenance {
            sequence,
            ..Provenance::default()
        },
    };
    bundle::encode(&bundle, signer).unwrap()
}

fn policy() -> Policy {
    let on = || test("connection.name", Predicate::In(vec![CONNECTION.into()]));
    let method = |method: &str| test("http.method", Predicate::In(vec![method.into()]));
    let group = |name: &str| test("subject.groups", Predicate::HasAny(vec![name.into()]));
    Policy {
        connections: vec![Connection {
            name: "shop.crm".to_owned(),
            protocol: Protocol::Http,
            target: CONNECTION.to_owned(),
            observe: false,
        }],
        groups: vec![Group {
            name: "shop.dbas".to_owned(),
            condition: group("dba"),
        }],
        classes: Vec::new(),
        rules: vec![
            rule(
                "change",
                vec![on(), method("POST")],
                Effect::RequireApproval {
                    quorum: 1,
                    group: GroupId(0),
                    within_seconds: 600,
                    stands_seconds: None,
                },
            ),
            rule(
                "read",
                vec![on(), method("GET"), group("agents")],
                Effect::ALLOW,
            ),
        ],
        exceptions: vec![],
        responsibilities: vec![],
    }
}

/// The policy, with at most so many GETs of one subject in an hour.
pub(crate) fn reads_an_hour(limit: i64) -> Policy {
    let get = || test("http.method", Predicate::In(vec!["GET".into()]));
    let too_many = HistoryTest {
        history: History {
            measure: Measure::Count,
            filter: get(),
            window_seconds: 3600,
            scope: Scope::Subject,
            own: Own::Counts,
        },
        at_least: limit + 1,
        at_most: i64::MAX,
    };
    let mut policy = policy();
    policy.rules.push(rule(
        "budget",
        vec![get(), Condition::History(Box::new(too_many))],
        Effect::Block {
            message: String::new(),
            terminates: false,
        },
    ));
    policy
}

fn rule(name: &str, conditions: Vec<Condition>, effect: Effect) -> Rule {
    Rule {
        name: format!("shop.{name}"),
        title: name.to_owned(),
        because: String::new(),
        claims: Vec::new(),
        condition: Condition::All(conditions),
        effect,
        observe: false,
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
