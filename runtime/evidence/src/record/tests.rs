//! Every event survives its canonical form, and `docs/audit-format.md` names just the fields that there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::canonical;

fn subject() -> Subject {
    Subject {
        id: "agent-7".into(),
        issuer: "https://issuer.example".into(),
        groups: vec!["agents".into()],
    }
}

fn connection() -> Connection {
    Connection {
        name: "orders_db".into(),
        kind: "postgres".into(),
    }
}

fn control() -> ControlRecord {
    ControlRecord {
        id: "ac-3".into(),
        strength: "implements".into(),
        mechanism: "M10".into(),
        rule: "no_drop".into(),
    }
}

fn facts() -> FactsRecord {
    let known = [
        ("result.bytes", FactValue::Int(12)),
        ("sql.filtered", FactValue::Bool(true)),
        ("sql.verbs", FactValue::Set(vec!["delete".into()])),
        ("http.method", FactValue::Text("GET".into())),
    ];
    FactsRecord {
        known: known
            .map(|(name, value)| KnownFact {
                fact: name.to_owned(),
                value,
            })
            .into(),
        missing: vec!["http.content_type".into()],
        unknown: vec!["sql.reads".into()],
    }
}

fn decision() -> DecisionRecord {
    DecisionRecord {
        operation: "op-1".into(),
        subject: subject().into(),
        connection: connection().into(),
        masked: "DROP TABLE t".into(),
        digest: String::new(),
        commitment: Some(Commitment {
            hash: "00".into(),
            salt: "33".into(),
        }),
        verdict: "block".into(),
        rules: vec!["no_drop".into()],
        reason: "ask a person".into(),
        limit: Some(100),
        observed: vec![ObservedRecord {
            rule: "no_drop".into(),
            would: "block".into(),
        }],
        would: Some(WouldRecord {
            verdict: "block".into(),
            rules: vec!["no_drop".into()],
        }),
        exceptions: vec![ExceptionRecord {
            exception: "nightly".into(),
            rule: "no_write".into(),
            owner: "data-platform".into(),
            until: "2027-03-31".into(),
        }],
        obligations: Vec::new(),
        unknown: Vec::new(),
        controls: [control()].into(),
        approval: Some("ap-1".into()),
        stands_until: Some("2026-11-22T11:00:00Z".into()),
        ends_session: true,
        justification: Some(JustificationRecord {
            text: "INC-4711".into(),
            rules: vec!["glass".into()],
            reviewers: vec!["dbas".into()],
        }),
        bundle: "11".into(),
        history: Some(facts()),
        left_out: everything_left_out(),
    }
}

fn everything_left_out() -> LeftOut {
    LeftOut {
        rules: 1,
        obligations: 2,
        observed: 3,
        masked: 4,
        controls: 5,
        exceptions: 6,
    }
}

fn outcome() -> OutcomeRecord {
    OutcomeRecord {
        operation: "op-1".into(),
        result: OperationResult::NotRun,
        code: "42501".into(),
        rows: 1,
        bytes: 2,
        cut: true,
        masked: vec![MaskedRecord {
            class: "ssn".into(),
            rule: "hide".into(),
            values: 3,
        }],
        controls: vec![control()],
        history: Some(facts()),
        left_out: everything_left_out(),
    }
}

/// One of each.
pub(crate) fn events() -> Vec<Event> {
    vec![
        Event::GatewayStarted {
            version: "0.1.0".into(),
            config: "22".into(),
        },
        Event::GatewayStopped {
            reason: "SIGTERM".into(),
        },
        Event::BundleLoaded {
            bundle: "11".into(),
            policy_sequence: 4,
            signer: "key".into(),
        },
        Event::BundleRefused {
            reason: "unsigned".into(),
        },
        Event::SessionOpened {
            subject: subject(),
            connection: connection(),
            client: "127.0.0.1:9".into(),
            bundle: "11".into(),
        },
        Event::SessionRefused {
            connection: None,
            client: "127.0.0.1:9".into(),
            reason: "token expired".into(),
        },
        Event::SessionClosed {
            reason: "client left".into(),
            operations: 3,
        },
        Event::Decision(Box::new(decision())),
        Event::ApprovalRequested {
            operation: "op-1".into(),
            approval: "ap-1".into(),
            rules: vec!["ask".into()],
            stands: vec![StandsRecord {
                rule: "ask".into(),
                seconds: 3600,
            }],
            expires: "2026-01-01T00:00:00.000Z".into(),
        },
        Event::ApprovalVote {
            approval: "ap-1".into(),
            approver: subject(),
            vote: Vote::Approve,
            reason: "fine".into(),
            accepted: false,
            why: "own request".into(),
        },
        Event::ApprovalClosed {
            approval: "ap-1".into(),
            operation: "op-1".into(),
            state: ApprovalEnd::Expired,
            stands_until: Some("2026-01-01T01:00:00.000Z".into()),
        },
        Event::JustificationReviewed {
            reviewed: 17,
            operation: "op-1".into(),
            reviewer: subject(),
            finding: Finding::Unjustified,
            reason: "no such ticket".into(),
        },
        Event::Outcome(Box::new(outcome())),
        Event::ConfigurationLoaded {
            config: "00".into(),
        },
        Event::ConfigurationRefused {
            reason: "unknown key".into(),
        },
        Event::LogFailed {
            reason: "no space".into(),
        },
        Event::SessionsRefused {
            count: 5,
            by_address: 4,
            addresses: vec!["192.0.2.1".into()],
            distinct: Some(2),
            since: "2026-01-01T00:00:00.000Z".into(),
        },
        Event::RecordsLost { count: 3 },
        Event::KeyChanged {
            from: "00000000".into(),
            to: "11111111".into(),
            key: "AA==".into(),
        },
    ]
}

#[test]
fn every_event_survives_its_canonical_form() {
    for (event, sequence) in events().into_iter().zip(0..) {
        let record = Record {
            sequence,
            time: "2026-01-01T00:00:00.000Z".into(),
            session: Some("s-1".into()),
            buffered: sequence % 2 == 0,
            event,
        };
        let value = serde_json::to_value(&record).unwrap();
        let bytes = canonical::canonical(&value).unwrap();
        let again: Record = serde_json::from_value(canonical::parse(&bytes).unwrap()).unwrap();
        assert_eq!(again, record);
    }
}

#[test]
fn a_field_that_a_later_version_adds_is_let_be() {
    let text =
        r#"{"colour":"blue","event":"gateway_stopped","reason":"x","sequence":0,"time":"t"}"#;
    let record: Record = serde_json::from_str(text).unwrap();
    assert_eq!(record.event, Event::GatewayStopped { reason: "x".into() });
}

#[test]
fn the_page_for_auditors_names_the_events_and_their_fields() {
    let page = include_str!("../../../../docs/audit-format.md");
    let documented = documented(page);
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events() {
        let Value::Object(members) = serde_json::to_value(&event).unwrap() else {
            panic!("no object")
        };
        let name = members["event"].as_str().unwrap().to_owned();
        written.insert(
            name,
            members
                .keys()
                .filter(|key| *key != "event")
                .cloned()
                .collect(),
        );
    }
    for (name, value) in [
        ("subject", serde_json::to_value(subject())),
        ("connection", serde_json::to_value(connection())),
        ("control", serde_json::to_value(control())),
        ("masked value", serde_json::to_value(&outcome().masked[0])),
        (
            "observed rule",
            serde_json::to_value(&decision().observed[0]),
        ),
        (
            "standing rule",
            serde_json::to_value(StandsRecord {
                rule: "ask".into(),
                seconds: 3600,
            }),
        ),
        (
            "justification",
            serde_json::to_value(decision().justification),
        ),
        ("would", serde_json::to_value(decision().would)),
        ("exception", serde_json::to_value(&decision().exceptions[0])),
        ("left out", serde_json::to_value(everything_left_out())),
        ("facts", serde_json::to_value(facts())),
        ("known fact", serde_json::to_value(&facts().known[0])),
        ("commitment", serde_json::to_value(decision().commitment)),
    ] {
        let Ok(Value::Object(members)) = value else {
            panic!("no object")
        };
        written.insert(name.into(), members.keys().cloned().collect());
    }
    assert_eq!(documented, written);
}

/// The rows `| \`event\` | \`field\` | ... |` of the page.
fn documented(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row
            .split('|')
            .skip(1)
            .map(|cell| cell.trim().trim_matches('`').to_owned());
        let (Some(event), Some(field)) = (cells.next(), cells.next()) else {
            continue;
        };
        documented.entry(event).or_default().insert(field);
    }
    documented
}
