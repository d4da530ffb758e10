//! Approvals at their edges: what ends, ends once, everywhere, and for the operation it was asked for.

use std::time::Duration;

use hpol_bundle::claims::Claim;
use hpol_evidence::record::Event;
use hpol_operation::{Class, Operation};
use hpol_session::approvals::State;
use hpol_session::claims::Claims;
use hpol_session::ports::Durability;
use jiff::Timestamp;

use super::*;

async fn approve(world: &World, id: &str) {
    for who in ["dana", "eve"] {
        let approver = principal(who, &["dba"]);
        let vote = world.door.vote(&approver, id, Vote::Approve, "");
        vote.await.unwrap();
    }
}

fn closed(world: &World) -> Vec<String> {
    let words = world.log.words().into_iter();
    words.filter(|word| word.starts_with("closed")).collect()
}

#[tokio::test]
async fn u_08_debug_does_not_show_what_will_run() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    assert!(!format!("{hold:?}").contains("secret"));
    assert!(!format!("{:?}", world.store).contains("secret"));
    let dana = principal("dana", &["dba"]);
    let shown = world.door.approval(&dana, hold.id()).await;
    assert!(shown.unwrap().exact.contains("secret"));
}

#[tokio::test]
async fn p_02_a_vote_after_a_policy_change_says_so() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    world.install(2);
    let dana = principal("dana", &["dba"]);
    let late = world.door.vote(&dana, hold.id(), Vote::Approve, "").await;
    assert_eq!(late.unwrap_err(), VoteRefused::PolicyChanged);
}

#[tokio::test]
async fn p_05_a_vote_at_the_moment_of_expiry_does_not_count() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    world.clock.set_second(900);
    let dana = principal("dana", &["dba"]);
    let late = world.door.vote(&dana, hold.id(), Vote::Approve, "").await;
    assert!(matches!(late, Err(VoteRefused::AlreadyDecided { .. })));
}

#[tokio::test]
async fn p_05_an_approval_is_not_used_after_its_expiry() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    let id = hold.id().to_owned();
    approve(&world, &id).await;
    world.clock.set_second(900);
    let refused = refusal(hold.wait(&Masks(true)).await);
    assert_eq!(refused.kind, RefusalKind::ApprovalVoid);
    assert_eq!(world.store.only().state, State::Withdrawn);
    assert_eq!(closed(&world), ["closed Withdrawn"]);
}

/// An approval that stays open in the store counts against its bound for ever.
#[tokio::test]
async fn p_04_an_approved_operation_that_is_blocked_meanwhile_ends_its_approval() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    let id = hold.id().to_owned();
    approve(&world, &id).await;
    world.clock.set_second(3600);
    let refused = refusal(hold.wait(&Masks(true)).await);
    assert_eq!(refused.kind, RefusalKind::TokenExpired);
    assert_eq!(world.store.only().state, State::Withdrawn);
    let events = world.log.events();
    let operations: Vec<&str> = events.iter().filter_map(Event::operation).collect();
    assert!(
        operations.iter().all(|id| *id == refused.operation),
        "one operation, one id: {operations:?}"
    );
}

#[tokio::test]
async fn p_11_a_requester_who_leaves_an_approved_operation_ends_its_approval() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    let id = hold.id().to_owned();
    approve(&world, &id).await;
    drop(hold);
    assert_eq!(world.store.only().state, State::Withdrawn);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_whose_record_outlasts_the_deadline_stays_a_rejection() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    let dana = principal("dana", &["dba"]);
    let vote = world.door.vote(&dana, hold.id(), Vote::Reject, "no");
    vote.await.unwrap();
    world.log.fall_silent(1);
    let waiting = tokio::time::timeout(Duration::from_secs(3600), hold.wait(&Masks(true)));
    assert!(waiting.await.is_err(), "the end is not recorded yet");
    assert_eq!(closed(&world), ["closed Rejected"]);
}

#[tokio::test(start_paused = true)]
async fn p_11_who_leaves_while_the_request_is_recorded_withdraws_it() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let asked = session.request(sql("update"), (), &Masks(true));
    // The decision is durable; the log falls silent at the request for approval.
    records::abandon(&world, 3, asked).await;
    assert_eq!(
        world.log.words()[1..],
        [
            "require_approval by shop.write",
            "approval_requested",
            "closed Withdrawn"
        ]
        .map(str::to_owned)
    );
}

#[tokio::test]
async fn p_07_a_voters_words_cannot_steer_a_terminal() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    let dana = principal("dana", &["dba"]);
    let words = "no\u{1b}[2J\n\u{202e}way";
    let vote = world.door.vote(&dana, hold.id(), Vote::Reject, words);
    vote.await.unwrap();
    let refused = refusal(hold.wait(&Masks(true)).await);
    assert!(
        refused.reason.ends_with(r": no\u{1b}[2J\u{a}\u{202e}way"),
        "{}",
        refused.reason
    );
}

#[tokio::test]
async fn u_09_the_intent_of_an_approved_read_is_durable() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let read = Operation {
        class: Class::Read,
        ..sql("update")
    };
    let Outcome::Hold(hold) = session.request(read, (), &Masks(true)).await else {
        panic!("not held");
    };
    approve(&world, hold.id()).await;
    let _permit = permit(hold.wait(&Masks(true)).await);
    let asked = world.log.asked();
    assert_eq!(asked, Some(Durability::Durable));
}

#[tokio::test]
async fn the_notice_says_who_decides_and_until_when() {
    let world = World::new();
    world
        .clock
        .set(Timestamp::from_nanosecond(1_500_000_000).unwrap());
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    assert_eq!(hold.id().len(), 12);
    insta::assert_snapshot!(hold.notice().replace(hold.id(), "ID"), @"waiting for approval ID by 2 of shop.dbas (rule shop.write), until 1970-01-01T00:15:01Z");
}

#[tokio::test]
async fn of_a_vote_no_claims_are_kept() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    let mut dana = principal("dana", &["dba"]);
    let salary = ("salary".to_owned(), Claim::Text("90000".to_owned()));
    dana.claims = Claims::new([salary].into());
    let vote = world.door.vote(&dana, hold.id(), Vote::Approve, "");
    vote.await.unwrap();
    let votes = world.store.only().votes;
    let claims: Vec<String> = votes
        .iter()
        .filter(|cast| cast.approver.is_same_subject(&dana))
        .map(|cast| format!("{:?}", cast.approver.claims))
        .collect();
    assert_eq!(claims, ["{}"]);
}
