//! A connection in observe: verdicts are recorded and not enforced, obligations are carried out.

use hpol_bundle::policy::Policy;
use hpol_session::refusal::RefusalKind;

use super::*;
use crate::world::policy;

fn observing() -> World {
    let mut policy: Policy = policy();
    for connection in &mut policy.connections {
        connection.observe = true;
    }
    World::with_policy(policy)
}

#[tokio::test]
async fn what_would_be_blocked_or_held_goes_ahead_and_is_recorded() {
    let world = observing();
    let session = world.session("agent-7", &["agents"]).await;
    for (verb, verdict, rule) in [
        ("drop", "block", "shop.no_drop"),
        ("update", "require_approval", "shop.write"),
        ("grant", "block", "default_deny"),
    ] {
        drop(permit(session.request(sql(verb), (), &Masks(true)).await));
        let record = world.decision();
        assert_eq!(record.verdict, "allow", "{verb}");
        assert_eq!(record.rules, ["observe"], "{verb}");
        let would = record.would.unwrap();
        assert_eq!(
            (would.verdict.as_str(), would.rules),
            (verdict, vec![rule.to_owned()])
        );
        // What was not enforced is evidence of nothing but itself.
        assert!(
            record
                .controls
                .iter()
                .all(|control| control.rule == "gateway")
        );
    }
}

#[tokio::test]
async fn what_rules_allow_is_recorded_as_ever() {
    let world = observing();
    let session = world.session("agent-7", &["agents"]).await;
    drop(permit(
        session.request(sql("select"), (), &Masks(true)).await,
    ));
    let record = world.decision();
    assert_eq!(
        (record.rules, record.would),
        (vec!["shop.read".to_owned()], None)
    );
}

#[tokio::test]
async fn masks_hold_and_what_cannot_be_masked_is_refused() {
    let world = observing();
    // No rule allows strangers to read, and the mask is for everybody.
    let session = world.session("stranger", &[]).await;
    let permit = permit(session.request(sql("select"), (), &Masks(true)).await);
    assert!(!permit.masking().is_empty());
    drop(permit);
    assert_eq!(world.decision().obligations, ["shop.hide_ssn"]);
    let refusal = refusal(session.request(sql("select"), (), &Masks(false)).await);
    assert_eq!(refusal.kind, RefusalKind::CannotMask);
    assert_eq!(world.decision().verdict, "block");
}

#[tokio::test]
async fn a_connection_that_is_enforced_somewhere_is_enforced() {
    let mut policy = policy();
    let mut again = policy.connections[0].clone();
    again.name = "other.orders_db".to_owned();
    again.observe = true;
    policy.connections.push(again);
    let world = World::with_policy(policy);
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(session.request(sql("drop"), (), &Masks(true)).await);
    assert_eq!(refusal.rules, ["shop.no_drop"]);
}
