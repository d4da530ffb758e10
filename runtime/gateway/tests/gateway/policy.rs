//! A small policy built by hand, so that the gateway needs no compiler in its tests: agents may GET over the connection,
//! a POST needs one member of `dba`, and nothing else is allowed.

use hpol_bundle::bundle::{self, Bundle, Provenance};
use hpol_bundle::policy::{
    Condition, Connection, Effect, Group, GroupId, Policy, Predicate, Rule, Source, Test,
};
use hpol_bundle::program::lower::lower;
use hpol_bundle::signature::SigningKey;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use crate::process::CONNECTION;

/// The bundle file.
pub(crate) fn bundle(sequence: u64, signer: &SigningKey) -> Vec<u8> {
    let policy = policy();
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
