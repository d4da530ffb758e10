//! The door from outside: what is asked, what is answered, and what stands in the log each time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "pipeline/approvals.rs"]
mod approvals;
#[path = "pipeline/exceptions.rs"]
mod exceptions;
#[path = "pipeline/history.rs"]
mod history;
#[path = "pipeline/justified.rs"]
mod justified;
#[path = "pipeline/obligations.rs"]
mod obligations;
#[path = "pipeline/observed.rs"]
mod observed;
#[path = "pipeline/records.rs"]
mod records;
#[path = "pipeline/reloads.rs"]
mod reloads;
#[path = "pipeline/restarts.rs"]
mod restarts;
#[path = "pipeline/standing.rs"]
mod standing;
#[path = "pipeline/terminated.rs"]
mod terminated;
#[path = "pipeline/world.rs"]
mod world;

use hpol_ports::log::Failing;
use hpol_ports::principal;
use hpol_session::Vote;
use hpol_session::approvals::VoteRefused;
use hpol_session::history::Told;
use hpol_session::hold::Hold;
use hpol_session::masking::Masked;
use hpol_session::permit::Settlement;
use hpol_session::refusal::RefusalKind;
use hpol_session::session::{Outcome, Session};
use hpol_session::{OperationResult, permit::Permit};
use world::{Masks, World, connection, sql};

fn permit<P>(outcome: Outcome<P>) -> Permit<P> {
    match outcome {
        Outcome::Permit(permit) => permit,
        Outcome::Hold(_) => panic!("held"),
        Outcome::Refuse(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn refusal<P>(outcome: Outcome<P>) -> hpol_session::refusal::Refusal {
    match outcome {
        Outcome::Refuse(refusal) => refusal,
        Outcome::Hold(_) => panic!("held"),
        Outcome::Permit(_) => panic!("permitted"),
    }
}

async fn held(session: &Session) -> Box<Hold<&'static str>> {
    match session
        .request(sql("update"), "payload", &Masks(true))
        .await
    {
        Outcome::Hold(hold) => hold,
        Outcome::Permit(_) | Outcome::Refuse(_) => panic!("not held"),
    }
}

fn settlement(result: OperationResult) -> Settlement {
    Settlement {
        result,
        code: String::new(),
        rows: 1,
        counted: Some(1),
        bytes: 10,
        told: Told::Nothing,
        masked: None,
    }
}

#[tokio::test]
async fn an_allowed_read_is_forwarded_masked_and_settled() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let permit = permit(
        session
            .request(sql("select"), "payload", &Masks(true))
            .await,
    );
    let (payload, receipt) = permit.forward();
    assert_eq!(payload, "payload");
    let mut masker = receipt.masker();
    let mut out = Vec::new();
    assert_eq!(masker.text(b"ssn 987-65-4320", &mut out), Masked::Changed);
    assert_eq!(out, b"ssn ***-**-4320");
    receipt
        .settle(Settlement {
            masked: Some(masker),
            ..settlement(OperationResult::Completed)
        })
        .await
        .unwrap();
    let id = session.id().to_owned();
    session.close("done").await;
    let records = serde_json::to_string_pretty(&world.log.events()).unwrap();
    insta::assert_snapshot!(records.replace(&id, "SESSION"));
}

#[tokio::test]
async fn a_block_names_rule_reason_and_help_and_is_recorded() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(session.request(sql("drop"), (), &Masks(true)).await);
    assert_eq!(
        refusal.message(),
        "blocked by shop.no_drop: reason of no_drop"
    );
    assert_eq!(refusal.help, "open a ticket");
    assert_eq!(
        world.log.words(),
        ["session_opened", "block by shop.no_drop"]
    );
}

#[tokio::test]
async fn what_no_rule_allows_is_blocked_by_default_deny() {
    let world = World::new();
    let session = world.session("stranger", &[]).await;
    let refusal = refusal(session.request(sql("select"), (), &Masks(true)).await);
    assert_eq!(refusal.rules, ["default_deny"]);
    assert_eq!(
        world.log.words(),
        ["session_opened", "block by default_deny"]
    );
}

#[tokio::test]
async fn a_mask_that_cannot_be_carried_out_blocks() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(session.request(sql("select"), (), &Masks(false)).await);
    assert_eq!(refusal.kind, RefusalKind::CannotMask);
    assert_eq!(refusal.rules, ["shop.hide_ssn"]);
}

#[tokio::test]
async fn without_a_policy_no_session_opens() {
    let world = World::without_policy();
    let refused = world
        .door
        .open(principal("agent-7", &["agents"]), connection(), "c")
        .await
        .unwrap_err();
    assert_eq!(refused.kind, RefusalKind::NoPolicy);
    assert_eq!(world.log.words(), ["session_refused"]);
}

#[tokio::test]
async fn an_ended_token_is_refused_in_an_open_session() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    world.clock.set_second(3600);
    assert_eq!(
        refusal(session.request(sql("select"), (), &Masks(true)).await).kind,
        RefusalKind::TokenExpired
    );
}

#[tokio::test]
async fn two_approvers_release_the_operation_exactly_once() {
    let world = World::new();
    let session = world.session("agent-7", &["agents", "dba"]).await;
    let hold = held(&session).await;
    let id = hold.id().to_owned();
    let vote = |who: &'static str, groups: &'static [&'static str]| {
        let (door, id) = (world.door.clone(), id.clone());
        async move {
            door.vote(&principal(who, groups), &id, Vote::Approve, "ok")
                .await
        }
    };
    assert_eq!(
        vote("agent-7", &["dba"]).await.unwrap_err(),
        VoteRefused::OwnRequest
    );
    assert!(matches!(
        vote("guest", &["guests"]).await,
        Err(VoteRefused::NotEligible { .. })
    ));
    vote("dana", &["dba"]).await.unwrap();
    assert_eq!(
        vote("dana", &["dba"]).await.unwrap_err(),
        VoteRefused::AlreadyVoted
    );
    vote("eve", &["dba"]).await.unwrap();
    let (payload, receipt) = permit(hold.wait(&Masks(true)).await).forward();
    assert_eq!(payload, "payload");
    receipt
        .settle(settlement(OperationResult::Completed))
        .await
        .unwrap();
    assert!(matches!(
        vote("fred", &["dba"]).await,
        Err(VoteRefused::AlreadyDecided { .. })
    ));
    assert_eq!(
        world.log.words(),
        [
            "session_opened",
            "require_approval by shop.write",
            "approval_requested",
            "vote Approve false",
            "vote Approve false",
            "vote Approve true",
            "vote Approve false",
            "vote Approve true",
            "closed Approved",
            "allow by shop.write",
            "outcome Completed",
            "vote Approve false",
        ]
    );
}

#[tokio::test]
async fn one_rejection_refuses() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    world
        .door
        .vote(
            &principal("dana", &["dba"]),
            hold.id(),
            Vote::Reject,
            "not on Friday",
        )
        .await
        .unwrap();
    let refusal = refusal(hold.wait(&Masks(true)).await);
    assert_eq!(refusal.kind, RefusalKind::ApprovalRejected);
    assert!(
        refusal
            .reason
            .ends_with("was rejected by dana: not on Friday"),
        "{}",
        refusal.reason
    );
}

#[tokio::test(start_paused = true)]
async fn p_09_silence_refuses() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(held(&session).await.wait(&Masks(true)).await);
    assert_eq!(refusal.kind, RefusalKind::ApprovalExpired);
    assert_eq!(world.log.words().last().unwrap(), "closed Expired");
}

#[tokio::test]
async fn p_02_a_policy_change_voids_an_approval() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    for who in ["dana", "eve"] {
        world
            .door
            .vote(&principal(who, &["dba"]), hold.id(), Vote::Approve, "")
            .await
            .unwrap();
    }
    world.install(2);
    assert_eq!(
        refusal(hold.wait(&Masks(true)).await).kind,
        RefusalKind::ApprovalVoid
    );
}

#[tokio::test]
async fn p_11_a_requester_who_leaves_withdraws() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let hold = held(&session).await;
    let id = hold.id().to_owned();
    drop(hold);
    let late = world
        .door
        .vote(&principal("dana", &["dba"]), &id, Vote::Approve, "")
        .await;
    assert!(matches!(late, Err(VoteRefused::AlreadyDecided { .. })));
    assert!(world.log.words().contains(&"closed Withdrawn".to_owned()));
}

#[tokio::test]
async fn u_01_nothing_goes_ahead_when_the_log_cannot_be_written() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    let (_, receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    world.log.fail(Failing::Everything);
    let refused = receipt
        .settle(settlement(OperationResult::Completed))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, RefusalKind::EvidenceUnavailable);
    for verb in ["select", "update", "drop"] {
        let refused = refusal(session.request(sql(verb), (), &Masks(true)).await);
        assert_eq!(refused.kind, RefusalKind::EvidenceUnavailable, "{verb}");
    }
}

#[tokio::test]
async fn u_10_what_is_dropped_is_recorded() {
    let world = World::new();
    let session = world.session("agent-7", &["agents"]).await;
    drop(permit(
        session.request(sql("select"), (), &Masks(true)).await,
    ));
    drop(permit(session.request(sql("select"), (), &Masks(true)).await).forward());
    drop(session);
    let words = world.log.words();
    assert_eq!(
        words
            .iter()
            .filter(|word| *word == "outcome NotRun")
            .count(),
        1
    );
    assert_eq!(
        words
            .iter()
            .filter(|word| *word == "outcome Interrupted")
            .count(),
        1
    );
    assert_eq!(words.last().unwrap(), "session_closed");
}
