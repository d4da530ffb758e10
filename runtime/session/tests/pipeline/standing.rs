//! Approvals that stand for a time: what they cover, what they do not, and when they end.

use hpol_bundle::facts::Fact;
use hpol_bundle::policy::history::{Measure, Own};
use hpol_bundle::policy::{Condition, Effect, GroupId, Policy, Predicate, Rule};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_evidence::record::{DecisionRecord, Event};
use hpol_ports::policy::{in_force, rule, test};
use hpol_session::principal::Connection;

use super::history::{at_least, block};
use super::*;

const HOUR: u64 = 3600;

fn verb(verb: &str) -> Condition {
    test("sql.verbs", Predicate::HasAny(vec![verb.into()]))
}

fn requires(name: &str, condition: Condition, stands_seconds: Option<u64>) -> Rule {
    let effect = Effect::RequireApproval {
        quorum: 1,
        group: GroupId(0),
        within_seconds: 900,
        stands_seconds,
    };
    rule(name, condition, effect)
}

/// Updates stand for an hour, inserts for half of one; deletes are approved one by one.
fn policy() -> Policy {
    let narrower = |name: &str| Condition::All(vec![verb(name), verb("update")]);
    Policy {
        rules: vec![
            requires("update", verb("update"), Some(HOUR)),
            requires("insert", verb("insert"), Some(HOUR / 2)),
            requires("delete", verb("delete"), None),
            rule(
                "no_drop",
                narrower("drop"),
                Effect::Block {
                    message: String::new(),
                    terminates: false,
                },
            ),
        ],
        ..crate::world::policy()
    }
}

/// An operation of these verbs.
fn of(verbs: &[&str]) -> hpol_operation::Operation {
    let mut operation = sql(verbs.first().unwrap());
    let (id, _) = Vocabulary::builtin().lookup("sql.verbs").unwrap();
    let verbs = verbs.iter().map(|verb| (*verb).into()).collect();
    let known = Fact::Known(hpol_bundle::facts::Value::Set(verbs));
    operation.facts.set(id, known);
    operation
}

/// Has `verbs` approved, and runs them; the approval's id.
async fn approved(world: &World, session: &Session, verbs: &[&str]) -> String {
    let Outcome::Hold(hold) = session.request(of(verbs), (), &Masks(true)).await else {
        panic!("not held");
    };
    let id = hold.id().to_owned();
    let dana = principal("dana", &["dba"]);
    let vote = world.door.vote(&dana, &id, Vote::Approve, "");
    vote.await.unwrap();
    let ((), receipt) = permit(hold.wait(&Masks(true)).await).forward();
    let end = settlement(OperationResult::Completed);
    receipt.settle(end).await.unwrap();
    id
}

/// Whether `verbs` go ahead at once; otherwise they were held.
async fn covered(session: &Session, verbs: &[&str]) -> bool {
    match session.request(of(verbs), (), &Masks(true)).await {
        Outcome::Permit(_) => true,
        Outcome::Hold(_) => false,
        Outcome::Refuse(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn last_decision(world: &World) -> DecisionRecord {
    let events = world.log.events().into_iter().rev();
    let decisions = events.filter_map(|event| match event {
        Event::Decision(decision) => Some(*decision),
        _ => None,
    });
    decisions.into_iter().next().unwrap()
}

#[tokio::test]
async fn an_approval_for_a_time_covers_what_its_rule_requires_and_every_record_names_it() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    let id = approved(&world, &session, &["update"]).await;
    assert!(covered(&session, &["update"]).await);
    let record = last_decision(&world);
    assert_eq!(record.verdict, "allow");
    assert_eq!(record.rules, ["shop.update"]);
    assert_eq!(record.approval, Some(id.clone()));
    assert_eq!(
        record.stands_until.as_deref(),
        Some("1970-01-01T01:00:00Z"),
        "from the vote on"
    );
    // In another session of the same subject, too.
    let other = world.session("agent-7", &["agents"]).await;
    assert!(covered(&other, &["update"]).await);
    let asked: Vec<String> = world
        .log
        .events()
        .iter()
        .filter_map(|event| event.requested_approval().map(str::to_owned))
        .collect();
    assert_eq!(asked, [id]);
}

#[tokio::test]
async fn the_records_of_the_request_say_for_how_long_it_stands() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    approved(&world, &session, &["update", "delete"]).await;
    let events = world.log.events();
    let asked = events.iter().find_map(|event| match event {
        Event::ApprovalRequested { stands, .. } => Some(stands.clone()),
        _ => None,
    });
    let asked = asked.unwrap();
    assert_eq!(asked.len(), 1, "the delete stands for itself alone");
    assert_eq!(
        (asked[0].rule.as_str(), asked[0].seconds),
        ("shop.update", HOUR)
    );
    let closed = events.iter().find_map(|event| match event {
        Event::ApprovalClosed { stands_until, .. } => Some(stands_until.clone()),
        _ => None,
    });
    assert_eq!(closed.flatten().as_deref(), Some("1970-01-01T01:00:00Z"));
    let request = world.store.only();
    let dana = principal("dana", &["dba"]);
    let view = world.door.approval(&dana, &request.id).await.unwrap();
    let stands: Vec<Option<u64>> = view.rules.iter().map(|rule| rule.stands_seconds).collect();
    assert_eq!(stands, [Some(HOUR), None]);
}

#[tokio::test]
async fn nobody_else_and_nowhere_else_and_no_other_rule_is_covered() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    approved(&world, &session, &["update"]).await;
    let other = world.session("agent-8", &["agents"]).await;
    assert!(!covered(&other, &["update"]).await);
    let mut impostor = principal("agent-7", &["agents"]);
    impostor.issuer = "https://other.example".to_owned();
    let elsewhere = Connection {
        name: "orders-staging".to_owned(),
        protocol: Protocol::Postgres,
    };
    for (who, on) in [
        (impostor, connection()),
        (principal("agent-7", &["agents"]), elsewhere),
    ] {
        let session = world.door.open(who, on, "127.0.0.1:1").await.unwrap();
        assert!(!covered(&session, &["update"]).await);
    }
    for verbs in [
        &["insert"][..],
        &["update", "insert"],
        &["update", "delete"],
    ] {
        assert!(!covered(&session, verbs).await, "{verbs:?}");
    }
}

#[tokio::test]
async fn of_several_rules_one_approval_has_to_cover_all() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    approved(&world, &session, &["update"]).await;
    approved(&world, &session, &["insert"]).await;
    assert!(!covered(&session, &["update", "insert"]).await);
    approved(&world, &session, &["update", "insert"]).await;
    assert!(covered(&session, &["update", "insert"]).await);
    let record = last_decision(&world);
    // The time of the insert is the shorter one.
    assert_eq!(record.stands_until.as_deref(), Some("1970-01-01T00:30:00Z"));
    world.clock.set_second(1800);
    assert!(!covered(&session, &["update", "insert"]).await);
    assert!(covered(&session, &["update"]).await);
}

#[tokio::test]
async fn what_was_approved_without_a_time_stands_for_nothing() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    approved(&world, &session, &["delete"]).await;
    assert!(!covered(&session, &["delete"]).await);
    approved(&world, &session, &["update", "delete"]).await;
    assert!(!covered(&session, &["update", "delete"]).await);
    assert!(covered(&session, &["update"]).await);
}

#[tokio::test]
async fn the_time_runs_from_the_vote_and_ends_with_its_last_second() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    let Outcome::Hold(hold) = session.request(of(&["insert"]), (), &Masks(true)).await else {
        panic!("not held");
    };
    let dana = principal("dana", &["dba"]);
    let vote = world.door.vote(&dana, hold.id(), Vote::Approve, "");
    vote.await.unwrap();
    world.clock.set_second(600);
    drop(permit(hold.wait(&Masks(true)).await));
    let later = world.session("agent-7", &["agents"]).await;
    world.clock.set_second(1799);
    assert!(covered(&later, &["insert"]).await);
    world.clock.set_second(1800);
    assert!(!covered(&later, &["insert"]).await);
}

#[tokio::test]
async fn a_reload_ends_it_also_one_of_the_same_policy() {
    for digest in [1, 2] {
        let world = World::with_policy(policy());
        let session = world.session("agent-7", &["agents"]).await;
        approved(&world, &session, &["update"]).await;
        assert!(covered(&session, &["update"]).await);
        world.door.install(in_force(policy(), digest));
        assert!(!covered(&session, &["update"]).await);
    }
}

#[tokio::test]
async fn a_request_that_was_withdrawn_or_rejected_stands_for_nothing() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    let dana = principal("dana", &["dba"]);
    for vote in [Vote::Approve, Vote::Reject] {
        let Outcome::Hold(hold) = session.request(of(&["update"]), (), &Masks(true)).await else {
            panic!("not held");
        };
        let cast = world.door.vote(&dana, hold.id(), vote, "");
        cast.await.unwrap();
        drop(hold);
    }
    assert!(!covered(&session, &["update"]).await);
}

#[tokio::test]
async fn a_block_holds_and_what_is_unknown_is_asked_for() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    approved(&world, &session, &["update"]).await;
    let outcome = session.request(of(&["update", "drop"]), (), &Masks(true));
    assert_eq!(refusal(outcome.await).rules, ["shop.no_drop"]);
    let mut unknown = of(&["update"]);
    let (filtered, _) = Vocabulary::builtin().lookup("sql.filtered").unwrap();
    unknown.facts.set(filtered, Fact::Unknown);
    let outcome = session.request(unknown, (), &Masks(true)).await;
    assert!(matches!(outcome, Outcome::Hold(_)));
}

/// Two that are asked for at once count for each other as what is allowed does.
#[tokio::test]
async fn what_is_covered_counts_from_the_moment_it_is_judged() {
    let third = at_least(3, Measure::Count, verb("update"), Own::Counts);
    let rules = vec![
        block("budget", third),
        requires("update", verb("update"), Some(HOUR)),
    ];
    let world = World::with_policy(super::history::policy(rules));
    world.clock.set_second(601);
    let session = world.session("agent-7", &["agents"]).await;
    approved(&world, &session, &["update"]).await;
    let second = permit(session.request(sql("update"), (), &Masks(true)).await);
    let outcome = session.request(sql("update"), (), &Masks(true)).await;
    assert_eq!(refusal(outcome).rules, ["shop.budget"]);
    drop(second);
    assert!(covered(&session, &["update"]).await);
}

#[tokio::test]
async fn what_is_covered_is_masked_like_anything_else() {
    let world = World::with_policy(policy());
    let session = world.session("agent-7", &["agents"]).await;
    let hide = crate::world::policy().rules.swap_remove(0);
    let mut rules = policy().rules;
    rules.push(hide);
    world
        .door
        .install(in_force(Policy { rules, ..policy() }, 1));
    approved(&world, &session, &["select", "update"]).await;
    let both = || of(&["select", "update"]);
    let covered = permit(session.request(both(), (), &Masks(true)).await);
    assert!(!covered.masking().is_empty());
    let refused = refusal(session.request(both(), (), &Masks(false)).await);
    assert_eq!(refused.kind, RefusalKind::CannotMask);
}
