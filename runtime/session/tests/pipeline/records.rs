//! What a record says and what it must not: no literals, no claims that nobody earned, always an end.

use std::time::Duration;

use hpol_evidence::canonical;
use hpol_session::refusal::NotAccepted;

use super::*;

/// Lets `asked` wait for the log from its record `silent_from` on, and then goes away.
pub(super) async fn abandon<T>(world: &World, silent_from: usize, asked: impl Future<Output = T>) {
    world.log.fall_silent(silent_from);
    let answer = tokio::time::timeout(Duration::from_millis(1), asked).await;
    assert!(answer.is_err(), "answered before the record was durable");
}

#[tokio::test]
async fn u_08_what_was_not_understood_is_recorded_without_what_it_quotes() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    for (why, recorded) in [
        (
            r#"syntax error at or near "'987-65-4320'""#,
            r#"syntax error at or near "...""#,
        ),
        (
            r#"unterminated quoted string at or near "'a"b"#,
            r#"unterminated quoted string at or near "...""#,
        ),
        (r#"bad "x" and "987-65-4320" here"#, r#"bad "...""#),
        (
            "method `a`b` is not supported",
            "method `...` is not supported",
        ),
        ("`987-65-4320", "`...`"),
        (
            "method `987-65-4320` is not supported",
            "method `...` is not supported",
        ),
        ("statement nests too deeply", "statement nests too deeply"),
    ] {
        let not_understood = NotAccepted::NotUnderstood {
            why: why.to_owned(),
        };
        let refusal = session.refuse("(not read)", [1; 32], not_understood).await;
        assert_eq!(refusal.reason, why, "the client sees all of it");
        assert_eq!(world.decision().reason, recorded);
    }
}

#[tokio::test]
async fn an_allow_that_claims_no_control_is_not_recorded_as_a_default_denial() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    drop(permit(session.request(sql("show"), (), &Masks(true)).await));
    let record = world.decision();
    assert_eq!(
        (record.verdict.as_str(), record.rules),
        ("allow", vec!["shop.uncontrolled".to_owned()])
    );
    let rules: Vec<&str> = record
        .controls
        .iter()
        .map(|control| control.rule.as_str())
        .collect();
    assert_eq!(rules, ["gateway"; 3]);
}

#[tokio::test]
async fn a_mask_that_cannot_be_carried_out_credits_the_mask_rule_alone() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    refusal(session.request(sql("select"), (), &Masks(false)).await);
    let record = world.decision();
    assert_eq!(record.rules, ["shop.hide_ssn"]);
    assert!(
        record
            .controls
            .iter()
            .all(|control| control.rule != "shop.read")
    );
}

#[tokio::test]
async fn u_12_the_longest_hostile_statement_still_fits_a_record() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    for character in ["\u{1}", "\"", "\u{10ffff}", "x"] {
        let mut operation = sql("drop");
        operation.masked = character.repeat(1 << 20);
        refusal(session.request(operation, (), &Masks(true)).await);
        let why = NotAccepted::Unsupported {
            what: character.repeat(1 << 20),
        };
        session
            .refuse(&character.repeat(1 << 20), [1; 32], why)
            .await;
    }
    for event in world.log.events().iter() {
        let bytes = canonical::canonical(&serde_json::to_value(event).unwrap()).unwrap();
        assert!(bytes.len() < canonical::RECORD_BYTES / 2, "{}", bytes.len());
    }
}

#[tokio::test]
async fn an_outcome_can_be_recorded_whatever_the_upstream_says() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let (_, receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    let settlement = Settlement {
        code: "x".repeat(1 << 20),
        rows: u64::MAX,
        bytes: u64::MAX,
        ..settlement(OperationResult::Failed)
    };
    receipt.settle(settlement).await.unwrap();
    let events = world.log.events();
    let value = serde_json::to_value(events.last().unwrap()).unwrap();
    assert!(canonical::canonical(&value).unwrap().len() < canonical::RECORD_BYTES / 2);
}

#[tokio::test(start_paused = true)]
async fn u_10_who_leaves_while_the_intent_is_recorded_leaves_an_outcome() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let asked = session.request(sql("select"), (), &Masks(true));
    abandon(&world, 2, asked).await;
    let words = world.log.words();
    assert_eq!(
        words[1..],
        ["allow by shop.read", "outcome NotRun"].map(str::to_owned)
    );
}

#[tokio::test(start_paused = true)]
async fn u_10_who_leaves_while_the_session_is_recorded_leaves_its_end() {
    let world = World::new();
    let opening = world
        .door
        .open(principal("agent-7", &["agents"]), connection(), "c");
    abandon(&world, 1, opening).await;
    assert_eq!(world.log.words(), ["session_opened", "session_closed"]);
}

#[tokio::test]
async fn u_01_a_session_that_could_not_be_recorded_has_no_end() {
    let world = World::new();
    world.log.fail(Failing::Everything);
    let refused = world
        .door
        .open(principal("agent-7", &["agents"]), connection(), "c")
        .await
        .unwrap_err();
    assert_eq!(refused.kind, RefusalKind::EvidenceUnavailable);
    assert!(world.log.words().is_empty());
}

/// The door imports no table of mechanisms, so its own claims are held to the table here.
#[tokio::test]
async fn u_11_the_claims_of_the_gateway_stand_in_the_mechanism_table() {
    let world = World::new();
    let session = world.session("stranger", &[]).await;
    refusal(session.request(sql("select"), (), &Masks(true)).await);
    let table = include_str!("../../../../nist-mappings/data/mappings.tsv");
    let controls = world.decision().controls;
    assert_eq!(controls.len(), 6);
    for control in &*controls {
        let id = control.id.to_uppercase();
        let id = match id.split_once('.') {
            Some((parent, enhancement)) => format!("{parent}({enhancement})"),
            None => id,
        };
        let row = format!("\n{}\t{id}\t{}\t", control.mechanism, control.strength);
        assert!(table.contains(&row), "{row}");
    }
}
