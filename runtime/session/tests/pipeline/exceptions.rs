//! Exceptions: they lift a rule until their end by the door's clock, and the record names them.

use hpol_bundle::policy::{
    Condition, Effect, Exception, Group, GroupId, Policy, Predicate, RuleId, Source,
};
use hpol_evidence::record::ExceptionRecord;
use hpol_ports::policy::test;
use hpol_session::approvals::State;

use super::*;
use crate::world::policy;

/// The first second behind the last day of the exception.
const END: i64 = 1_000;

fn world() -> World {
    let whole = policy();
    let is_no_drop = |rule: &hpol_bundle::policy::Rule| rule.name == "shop.no_drop";
    let no_drop = whole.rules.iter().position(is_no_drop).unwrap();
    let mut rules = whole.rules.clone();
    rules.push(hpol_ports::policy::rule(
        "drop",
        test("sql.verbs", Predicate::HasAny(vec!["drop".into()])),
        hpol_bundle::policy::Effect::ALLOW,
    ));
    World::with_policy(Policy {
        rules,
        exceptions: vec![Exception {
            name: "shop.nightly".to_owned(),
            rule: RuleId(u32::try_from(no_drop).unwrap()),
            condition: Condition::All(vec![
                test("subject.id", Predicate::In(vec!["svc-archive".into()])),
                test("time.now", Predicate::Between(i64::MIN, END - 1)),
            ]),
            because: "the archive".to_owned(),
            owner: "data-platform".to_owned(),
            until: "2027-01-15".to_owned(),
            source: Source::default(),
        }],
        ..whole
    })
}

#[tokio::test]
async fn an_exception_lifts_its_rule_until_its_end_and_is_recorded() {
    let world = world();
    world.clock.set_second(END - 1);
    let session = world.session("svc-archive", &["agents"]).await;
    drop(permit(session.request(sql("drop"), (), &Masks(true)).await));
    let record = world.decision();
    assert_eq!(record.rules, ["shop.drop"]);
    let named = ExceptionRecord {
        exception: "shop.nightly".to_owned(),
        rule: "shop.no_drop".to_owned(),
        owner: "data-platform".to_owned(),
        until: "2027-01-15".to_owned(),
    };
    assert_eq!(record.exceptions, [named]);
    // The same session, and no other bundle.
    world.clock.set_second(END);
    let refusal = refusal(session.request(sql("drop"), (), &Masks(true)).await);
    assert_eq!(refusal.rules, ["shop.no_drop"]);
    assert_eq!(world.decision().exceptions, []);
}

#[tokio::test]
async fn an_exception_is_for_whom_it_says() {
    let world = world();
    world.clock.set_second(END - 1);
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(session.request(sql("drop"), (), &Masks(true)).await);
    assert_eq!(refusal.rules, ["shop.no_drop"]);
    assert_eq!(world.decision().exceptions, []);
}

/// Two rules require approval, and an exception lifts the second until its end.
fn two_approvals() -> Policy {
    let whole = policy();
    let update = || test("sql.verbs", Predicate::HasAny(vec!["update".into()]));
    let approved = |name: &str, group| {
        let effect = Effect::RequireApproval {
            quorum: 1,
            group,
            within_seconds: 900,
            stands_seconds: None,
        };
        hpol_ports::policy::rule(name, update(), effect)
    };
    let security = Group {
        name: "shop.security".to_owned(),
        condition: hpol_ports::policy::member("security"),
    };
    Policy {
        groups: vec![hpol_ports::policy::dbas(), security],
        rules: vec![
            approved("write", GroupId(0)),
            approved("reviewed", GroupId(1)),
        ],
        exceptions: vec![Exception {
            name: "shop.nightly".to_owned(),
            rule: RuleId(1),
            condition: test("time.now", Predicate::Between(i64::MIN, END - 1)),
            because: "the archive".to_owned(),
            owner: "data-platform".to_owned(),
            until: "2027-01-15".to_owned(),
            source: Source::default(),
        }],
        ..whole
    }
}

#[tokio::test]
async fn what_nobody_was_asked_for_is_not_approved_when_an_exception_ends_meanwhile() {
    for (second, permitted) in [(END - 1, true), (END, false)] {
        let world = World::with_policy(two_approvals());
        world.clock.set_second(END - 1);
        let session = world.session("svc-archive", &[]).await;
        let hold = held(&session).await;
        let dana = principal("dana", &["dba"]);
        let vote = world.door.vote(&dana, hold.id(), Vote::Approve, "");
        vote.await.unwrap();
        world.clock.set_second(second);
        let outcome = hold.wait(&Masks(true)).await;
        if permitted {
            drop(permit(outcome));
            continue;
        }
        let refused = refusal(outcome);
        assert_eq!(refused.kind, RefusalKind::ApprovalVoid);
        assert!(refused.reason.ends_with("more has to be approved now"));
        assert_eq!(world.store.only().state, State::Withdrawn);
        // Asked again, both are asked.
        let needs = held(&session).await.notice();
        assert!(needs.contains("shop.write") && needs.contains("shop.reviewed"));
    }
}
