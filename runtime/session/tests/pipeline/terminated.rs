//! Blocks that end the session: the refusal says so to the adapter, and the record to the auditor.

use hpol_bundle::policy::{Condition, Effect, Policy, Predicate};
use hpol_evidence::record::Event;
use hpol_ports::policy::{rule, test};

use super::*;

fn policy(observe: bool) -> Policy {
    let verb = |verb: &str| test("sql.verbs", Predicate::HasAny(vec![verb.into()]));
    let block = |terminates| Effect::Block {
        message: "this is looked into".to_owned(),
        terminates,
    };
    let mut policy = Policy {
        rules: vec![
            rule("all", Condition::All(vec![]), Effect::ALLOW),
            rule("no_drop", verb("drop"), block(true)),
            rule("no_drop_either", verb("drop"), block(false)),
            rule("no_update", verb("update"), block(false)),
        ],
        ..crate::world::policy()
    };
    for connection in &mut policy.connections {
        connection.observe = observe;
    }
    policy
}

/// Whether the last decision on record ends its session.
fn recorded(world: &World) -> bool {
    let events = world.log.events().into_iter().rev();
    let mut decisions = events.filter_map(|event| match event {
        Event::Decision(decision) => Some(decision.ends_session),
        _ => None,
    });
    decisions.next().unwrap()
}

#[tokio::test]
async fn one_rule_that_ends_the_session_is_enough() {
    let world = World::with_policy(policy(false));
    let session = world.session("agent-7", &["agents"]).await;
    for (verb, ends) in [("drop", true), ("update", false)] {
        let refused = refusal(session.request(sql(verb), (), &Masks(true)).await);
        assert_eq!((refused.ends_session, recorded(&world)), (ends, ends));
        let previewed = session.preview(&sql(verb), &Masks(true)).await;
        assert_eq!(previewed.unwrap_err().ends_session, ends);
    }
    drop(permit(
        session.request(sql("select"), (), &Masks(true)).await,
    ));
    assert!(!recorded(&world));
}

#[tokio::test]
async fn a_connection_in_observe_goes_on() {
    let world = World::with_policy(policy(true));
    let session = world.session("agent-7", &["agents"]).await;
    drop(permit(session.request(sql("drop"), (), &Masks(true)).await));
    assert!(!recorded(&world));
}

#[tokio::test]
async fn it_ends_also_where_the_log_does_not_take_the_block() {
    let world = World::with_policy(policy(false));
    let session = world.session("agent-7", &["agents"]).await;
    world.log.fail(Failing::Everything);
    for (verb, ends) in [("drop", true), ("update", false)] {
        let refused = refusal(session.request(sql(verb), (), &Masks(true)).await);
        assert_eq!(refused.kind, RefusalKind::EvidenceUnavailable);
        assert_eq!(refused.ends_session, ends);
    }
}
