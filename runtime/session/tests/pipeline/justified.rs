//! Operations that need a justification: with one they go ahead and are flagged, without one they are told how to give it;
//! and who may review them.

use hpol_bundle::justification;
use hpol_bundle::policy::{Condition, Effect, Group, GroupId, Policy, Predicate, Rule};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_evidence::record::{DecisionRecord, Event};
use hpol_ports::policy::{dbas, in_force, member, rule, test};
use hpol_session::justified::ReviewRefused;
use hpol_session::ports::Durability;
use hpol_session::{Finding, Justification};

use super::*;

fn requires(name: &str, verb: &str, reviewers: u32) -> Rule {
    let (given, _) = Vocabulary::builtin().lookup(justification::FACT).unwrap();
    let effect = Effect::RequireJustification {
        reviewers: GroupId(reviewers),
        given,
    };
    let condition = test("sql.verbs", Predicate::HasAny(vec![verb.into()]));
    rule(name, condition, effect)
}

/// Reads and updates need a justification, which DBAs review; drops need one that auditors review.
fn policy() -> Policy {
    let auditors = Group {
        name: "shop.auditors".to_owned(),
        condition: member("auditor"),
    };
    Policy {
        groups: vec![dbas(), auditors],
        rules: vec![
            requires("read", "select", 0),
            requires("update", "update", 0),
            requires("drop", "drop", 1),
        ],
        ..crate::world::policy()
    }
}

fn given(text: &str) -> Option<Justification> {
    Some(Justification::read(text).unwrap())
}

/// The decisions on record, the last one first.
fn decisions(world: &World) -> Vec<DecisionRecord> {
    let events = world.log.events().into_iter().rev();
    let decisions = events.filter_map(|event| match event {
        Event::Decision(decision) => Some(*decision),
        _ => None,
    });
    decisions.collect()
}

#[tokio::test]
async fn with_a_justification_it_goes_ahead_and_the_record_is_flagged() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    session.justify(given("INC-4711: prod is down"));
    for verb in ["update", "select"] {
        let _permit = permit(session.request(sql(verb), (), &Masks(true)).await);
        assert_eq!(world.log.asked(), Some(Durability::Durable), "{verb}");
    }
    let update = &decisions(&world)[1];
    assert_eq!(
        (update.verdict.as_str(), &update.rules[0][..]),
        ("allow", "shop.update")
    );
    let flagged = update.justification.as_ref().unwrap();
    assert_eq!(flagged.text, "INC-4711: prod is down");
    assert_eq!(flagged.rules, ["shop.update"]);
    assert_eq!(flagged.reviewers, ["shop.dbas"]);
}

#[tokio::test]
async fn without_one_it_is_refused_and_told_how_to_give_it() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    let refused = refusal(session.request(sql("update"), (), &Masks(true)).await);
    assert_eq!(refused.rules, ["shop.update"]);
    assert!(
        refused.help.contains("hpol.justification="),
        "{}",
        refused.help
    );
    assert_eq!(decisions(&world)[0].justification, None);
    // One that was given is not kept for ever.
    session.justify(given("INC-1"));
    drop(permit(
        session.request(sql("update"), (), &Masks(true)).await,
    ));
    session.justify(None);
    refusal(session.request(sql("update"), (), &Masks(true)).await);
}

#[tokio::test]
async fn where_no_rule_asks_for_one_nothing_is_flagged() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    session.justify(given("INC-4711"));
    drop(permit(
        session.request(sql("select"), (), &Masks(true)).await,
    ));
    refusal(session.request(sql("drop"), (), &Masks(true)).await);
    let all = decisions(&world);
    assert!(all.iter().all(|decision| decision.justification.is_none()));
    let text = serde_json::to_string(&world.log.events()).unwrap();
    assert!(!text.contains("INC-4711"), "nobody asked for it");
}

#[tokio::test]
async fn a_block_beside_it_is_not_flagged() {
    let mut blocking = policy();
    let block = Effect::Block {
        message: "not now".to_owned(),
        terminates: false,
    };
    blocking
        .rules
        .push(rule("frozen", Condition::All(vec![]), block));
    let world = World::with_policy(blocking);
    let session = world.session("agent-7", &["agents"]).await;
    session.justify(given("INC-4711"));
    let refused = refusal(session.request(sql("update"), (), &Masks(true)).await);
    assert_eq!(
        (refused.rules, refused.help.as_str()),
        (vec!["shop.frozen".to_owned()], "not now")
    );
    assert_eq!(decisions(&world)[0].justification, None);
    // Without one, too: giving it would change nothing.
    session.justify(None);
    let refused = refusal(session.request(sql("update"), (), &Masks(true)).await);
    assert_eq!(refused.rules, ["shop.update", "shop.frozen"]);
    assert_eq!(refused.help, "not now");
}

#[tokio::test]
async fn only_reviewers_review_and_nobody_themselves() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents", "dba"]).await;
    session.justify(given("INC-4711"));
    drop(permit(
        session.request(sql("update"), (), &Masks(true)).await,
    ));
    let decided = decisions(&world).remove(0);
    let review = async |who: &str, groups: &[&str], reason: &str| {
        let who = principal(who, groups);
        let found = Finding::Unjustified;
        world.door.review(&who, 7, &decided, found, reason).await
    };
    for (groups, reviews) in [(["agents"], false), (["dba"], true), (["auditor"], true)] {
        let who = principal("eve", &groups);
        assert_eq!(world.door.is_reviewer(&who), reviews, "{groups:?}");
    }
    let not_found = Err(ReviewRefused::NotFound { sequence: 7 });
    assert_eq!(review("eve", &["agents"], "no").await, not_found);
    assert_eq!(review("eve", &["auditor"], "no").await, not_found);
    assert_eq!(
        review("agent-7", &["dba"], "fine").await,
        Err(ReviewRefused::OwnOperation)
    );
    assert_eq!(
        review("dana", &["dba"], " ").await,
        Err(ReviewRefused::NoReason)
    );
    let reviews = || {
        let events = world.log.events().into_iter();
        let reviews = events.filter(|event| matches!(event, Event::JustificationReviewed { .. }));
        reviews.collect::<Vec<_>>()
    };
    assert_eq!(reviews(), []);
    review("dana", &["dba"], "no such ticket").await.unwrap();
    let [
        Event::JustificationReviewed {
            reviewed,
            operation,
            reviewer,
            finding,
            reason,
        },
    ] = &reviews()[..]
    else {
        panic!("one review")
    };
    assert_eq!((*reviewed, operation), (7, &decided.operation));
    assert_eq!(reviewer.id, "dana");
    assert_eq!(
        (*finding, reason.as_str()),
        (Finding::Unjustified, "no such ticket")
    );
    assert_eq!(world.log.asked(), Some(Durability::Durable));
}

#[tokio::test]
async fn what_did_not_go_ahead_by_a_justification_is_not_reviewed() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    refusal(session.request(sql("update"), (), &Masks(true)).await);
    let blocked = decisions(&world).remove(0);
    session.justify(given("INC-4711"));
    drop(permit(
        session.request(sql("update"), (), &Masks(true)).await,
    ));
    let went_ahead = decisions(&world).remove(0);
    let dana = principal("dana", &["dba"]);
    let review = async |decided: &DecisionRecord| {
        let found = Finding::Justified;
        world.door.review(&dana, 3, decided, found, "fine").await
    };
    let not_found = Err(ReviewRefused::NotFound { sequence: 3 });
    assert_eq!(review(&blocked).await, not_found);
    assert_eq!(review(&went_ahead).await, Ok(()));
    // The rule that asked for it is gone: nobody can say who reviews.
    let without = Policy {
        rules: vec![],
        ..policy()
    };
    world.door.install(in_force(without, 2));
    assert_eq!(review(&went_ahead).await, not_found);
}
