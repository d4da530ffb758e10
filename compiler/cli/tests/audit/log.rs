//! A log that the production writer wrote, with every kind of thing that the screens tell apart.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hpol_evidence::checkpoint::Origin;
use hpol_evidence::key::AuditKey;
use hpol_evidence::log::{LogHandle, LogOptions};
use hpol_evidence::record::{
    Connection, ControlRecord, DecisionRecord, Event, LeftOut, MaskedRecord, OperationResult,
    OutcomeRecord, Subject, Vote,
};

fn subject() -> Subject {
    Subject {
        id: "agent-7".into(),
        issuer: "https://id.example".into(),
        groups: vec!["autonomous-agents".into()],
    }
}

fn connection() -> Connection {
    Connection {
        name: "orders-prod".into(),
        kind: "postgres".into(),
    }
}

fn claim(id: &str, strength: &str, mechanism: &str, rule: &str) -> ControlRecord {
    ControlRecord {
        id: id.into(),
        strength: strength.into(),
        mechanism: mechanism.into(),
        rule: rule.into(),
    }
}

pub(crate) fn decision(
    operation: &str,
    verdict: &str,
    rule: &str,
    masked: &str,
    approval: Option<&str>,
) -> Event {
    Event::Decision(Box::new(DecisionRecord {
        operation: operation.into(),
        subject: subject().into(),
        connection: connection().into(),
        masked: masked.into(),
        digest: "00ff".into(),
        commitment: None,
        verdict: verdict.into(),
        rules: vec![rule.into()],
        reason: "because".into(),
        limit: None,
        observed: Vec::new(),
        would: None,
        exceptions: Vec::new(),
        obligations: Vec::new(),
        unknown: Vec::new(),
        controls: [
            claim("ac-3", "implements", "M04", rule),
            claim("au-12", "implements", "M15", "gateway"),
        ]
        .into(),
        approval: approval.map(str::to_owned),
        stands_until: None,
        justification: None,
        ends_session: false,
        bundle: "ab12".into(),
        history: None,
        left_out: LeftOut::default(),
    }))
}

fn events() -> Vec<Event> {
    let outcome = OutcomeRecord {
        operation: "s1-1".into(),
        result: OperationResult::Completed,
        code: "SELECT 3".into(),
        rows: 3,
        bytes: 120,
        cut: true,
        masked: vec![MaskedRecord {
            class: "orders.pii.ssn".into(),
            rule: "orders.hide_ssn".into(),
            values: 3,
        }],
        controls: vec![
            claim("ac-6", "supports", "M23", "orders.few_rows"),
            claim("si-19.4", "implements", "M10", "orders.hide_ssn"),
        ],
        history: None,
        left_out: LeftOut::default(),
    };
    vec![
        Event::GatewayStarted {
            version: "0.1.0".into(),
            config: "cd34".into(),
        },
        Event::SessionOpened {
            subject: subject(),
            connection: connection(),
            client: "127.0.0.1:5000".into(),
            bundle: "ab12".into(),
        },
        decision(
            "s1-1",
            "allow",
            "orders.read_orders",
            "SELECT ssn FROM customers WHERE id = ?",
            None,
        ),
        Event::Outcome(Box::new(outcome)),
        decision(
            "s1-2",
            "block",
            "orders.destructive_sql",
            "DROP TABLE orders\u{1b}[2K",
            None,
        ),
        decision(
            "s1-3",
            "require_approval",
            "orders.writes",
            "UPDATE orders SET status = ? WHERE id = ?",
            None,
        ),
        Event::ApprovalVote {
            approval: "8f2c".into(),
            approver: Subject {
                id: "dana".into(),
                ..subject()
            },
            vote: Vote::Approve,
            reason: "CHG-1".into(),
            accepted: true,
            why: String::new(),
        },
        decision(
            "s1-3",
            "allow",
            "orders.writes",
            "UPDATE orders SET status = ? WHERE id = ?",
            Some("8f2c"),
        ),
        Event::SessionClosed {
            reason: "client left".into(),
            operations: 3,
        },
    ]
}

/// A closed log with every kind of thing that the screens tell apart; and its public key beside it.
pub(crate) fn log(folder: &Path) {
    let key = AuditKey::generate().unwrap();
    std::fs::write(folder.join("audit.pub"), key.public().pem()).unwrap();
    let mut options = LogOptions::new(Origin::new("gateway.example/hpol").unwrap(), key);
    options.clock = Arc::new(|| UNIX_EPOCH + Duration::from_secs(1_767_323_045));
    let (log, _) = LogHandle::open_directory(&folder.join("log"), options).unwrap();
    for event in events() {
        log.append_and_wait(Some("s1"), &event).unwrap();
    }
    log.close().unwrap();
}
