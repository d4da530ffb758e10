//! Conditions over history at the door: what counts, and from when.

use std::sync::Arc;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
use hpol_bundle::policy::{Column, Condition, DataClass, Effect, GroupId, Policy, Predicate, Rule};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_operation::Operation;
use hpol_ports::policy::{dbas, in_force, rule, test};
use hpol_ports::principal;
use hpol_session::history::Told;
use hpol_session::permit::Settlement;
use hpol_session::principal::Connection;
use hpol_session::session::{Outcome, Returns, Session};
use hpol_session::{OperationResult, Vote};

use super::restarts::restarted;
use crate::world::{self, Gives, Masks, World, sql};
use crate::{held, permit, refusal, settlement};

const WINDOW: u64 = 600;

fn verb(verb: &str) -> Condition {
    test("sql.verbs", Predicate::HasAny(vec![verb.into()]))
}

/// The number that `measure` gives over `filter` is `least` or greater.
pub(crate) fn at_least(least: i64, measure: Measure, filter: Condition, own: Own) -> Condition {
    Condition::History(Box::new(HistoryTest {
        history: History {
            measure,
            filter,
            window_seconds: WINDOW,
            scope: Scope::Subject,
            own,
        },
        at_least: least,
        at_most: i64::MAX,
    }))
}

pub(crate) fn block(name: &str, condition: Condition) -> Rule {
    let message = String::new();
    rule(
        name,
        condition,
        Effect::Block {
            message,
            terminates: false,
        },
    )
}

pub(crate) fn policy(rules: Vec<Rule>) -> Policy {
    Policy {
        groups: vec![dbas()],
        rules,
        ..Policy::default()
    }
}

/// At most `limit` reads in ten minutes.
pub(crate) fn reads_at_most(limit: i64) -> Policy {
    let many = at_least(limit + 1, Measure::Count, verb("select"), Own::Counts);
    policy(vec![
        block("budget", Condition::All(vec![verb("select"), many])),
        rule("read", Condition::All(vec![]), Effect::ALLOW),
    ])
}

/// A door with `policy` in force, and an empty log before.
pub(crate) fn begun(policy: Policy) -> World {
    restarted(&World::without_policy(), policy, 0)
}

/// One read that is forwarded and settled; whether it was let through.
pub(crate) async fn reads(session: &Session) -> bool {
    match session.request(sql("select"), (), &Masks(true)).await {
        Outcome::Permit(permit) => {
            let ((), receipt) = permit.forward();
            let end = settlement(OperationResult::Completed);
            receipt.settle(end).await.unwrap();
            true
        }
        Outcome::Refuse(refusal) => {
            assert_eq!(refusal.rules, ["shop.budget"]);
            false
        }
        Outcome::Hold(_) => panic!("held"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_requests_at_a_time_ten_pass_a_limit_of_ten() {
    let world = begun(reads_at_most(10));
    let mut asked = Vec::new();
    for _ in 0..20 {
        // Sessions of their own, since the limit is the subject's.
        let session = Arc::new(world.session("agent-7", &[]).await);
        asked.push(tokio::spawn(async move {
            let outcome = session.request(sql("select"), (), &Masks(true)).await;
            // What is permitted stays in flight.
            matches!(&outcome, Outcome::Permit(_)).then_some((outcome, session))
        }));
    }
    let mut in_flight = Vec::new();
    for one in asked {
        in_flight.extend(one.await.unwrap());
    }
    assert_eq!(in_flight.len(), 10);
    let other = world.session("agent-8", &[]).await;
    assert!(
        reads(&other).await,
        "another subject has a budget of its own"
    );
    // What was permitted and never forwarded has not happened.
    in_flight.truncate(9);
    let session = world.session("agent-7", &[]).await;
    assert!(reads(&session).await);
    assert!(!reads(&session).await);
}

#[tokio::test]
async fn what_ended_counts_until_its_window_has_passed() {
    let world = begun(reads_at_most(2));
    let session = world.session("agent-7", &[]).await;
    assert!(reads(&session).await);
    world.clock.set_second(300);
    assert!(reads(&session).await);
    // A refused one is none.
    for _ in 0..3 {
        assert!(!reads(&session).await);
    }
    world.clock.set_second(600);
    assert!(!reads(&session).await);
    world.clock.set_second(601);
    assert!(reads(&session).await);
    assert!(!reads(&session).await);
}

#[tokio::test]
async fn rows_count_when_they_have_come_and_may_before() {
    let (rows, _) = Vocabulary::builtin().lookup("result.rows").unwrap();
    let many = at_least(2, Measure::Sum(rows), Condition::All(vec![]), Own::Apart);
    let world = begun(policy(vec![
        block("budget", many),
        rule("read", Condition::All(vec![]), Effect::ALLOW),
    ]));
    let session = world.session("agent-7", &[]).await;
    let outcome = session.request(sql("select"), (), &Masks(true)).await;
    let ((), receipt) = permit(outcome).forward();
    assert!(!reads(&session).await, "it may bring any number of rows");
    receipt
        .settle(settlement(OperationResult::Completed))
        .await
        .unwrap();
    assert!(reads(&session).await, "it brought one");
    assert!(!reads(&session).await);
    // Nobody said how many rows this one had brought when it was cut off.
    let other = world.session("agent-8", &[]).await;
    let ((), receipt) = permit(other.request(sql("select"), (), &Masks(true)).await).forward();
    drop(receipt);
    assert!(!reads(&other).await);
}

#[tokio::test]
async fn rows_that_nobody_counted_may_be_any_number() {
    let (rows, _) = Vocabulary::builtin().lookup("result.rows").unwrap();
    let many = at_least(9, Measure::Sum(rows), Condition::All(vec![]), Own::Apart);
    let world = begun(policy(vec![
        block("budget", many),
        rule("read", Condition::All(vec![]), Effect::ALLOW),
    ]));
    let session = world.session("agent-7", &[]).await;
    for (counted, passes) in [(Some(1), true), (None, false)] {
        let outcome = session.request(sql("select"), (), &Masks(true)).await;
        let ((), receipt) = permit(outcome).forward();
        let end = Settlement {
            counted,
            ..settlement(OperationResult::Completed)
        };
        receipt.settle(end).await.unwrap();
        assert_eq!(reads(&session).await, passes, "{counted:?}");
    }
}

/// An operation without rows or bytes released nothing, unless something else told of values; one that gives out other
/// columns only, nothing but by that.
#[tokio::test]
async fn values_in_an_error_are_released() {
    let world = begun(no_exfiltration());
    let (sql_session, http) = (world.session("agent-7", &[]).await, http(&world).await);
    let mut second = 0;
    for (returns, rows, told, passes) in [
        (Returns::InResult, 0, Told::Nothing, true),
        (Returns::InResult, 0, Told::Text, true),
        (Returns::InResult, 0, Told::Values, false),
        (Returns::InResult, 0, Told::Anything, false),
        (Returns::InResult, 1, Told::Nothing, false),
        (Returns::InMessages, 1, Told::Nothing, true),
        (Returns::InMessages, 0, Told::Values, false),
        (Returns::InMessages, 1, Told::Values, false),
        (Returns::Nowhere, 1, Told::Values, true),
    ] {
        let carrier = Gives(returns);
        let outcome = sql_session.request(sql("select"), (), &carrier).await;
        let ((), receipt) = permit(outcome).forward();
        let end = Settlement {
            rows,
            counted: Some(rows),
            bytes: rows,
            told,
            ..settlement(OperationResult::Completed)
        };
        receipt.settle(end).await.unwrap();
        let outcome = http.request(post(), (), &Masks(true)).await;
        let passed = matches!(outcome, Outcome::Permit(_));
        assert_eq!(passed, passes, "{returns:?} {rows} {told:?}");
        if !passes {
            second += 601;
            world.clock.set_second(second);
        }
    }
}

#[tokio::test]
async fn a_session_from_before_its_measurement_is_unknown_until_its_window_has_passed() {
    let mut measured = reads_at_most(1);
    let mut test = at_least(2, Measure::Count, verb("select"), Own::Counts);
    if let Condition::History(test) = &mut test {
        test.history.scope = Scope::Session;
    }
    measured.rules[0].condition = test;
    let world = begun(policy(vec![rule(
        "read",
        Condition::All(vec![]),
        Effect::ALLOW,
    )]));
    let old = world.session("agent-7", &[]).await;
    assert!(reads(&old).await);
    world.clock.set_second(10);
    world.door.install(in_force(measured, 2));
    assert!(!reads(&old).await);
    world.clock.set_second(11);
    let new = world.session("agent-7", &[]).await;
    assert!(reads(&new).await);
    assert!(!reads(&new).await);
    world.clock.set_second(610);
    assert!(reads(&old).await);
}

#[tokio::test]
async fn a_held_operation_counts_from_its_release() {
    let one = at_least(2, Measure::Count, verb("update"), Own::Counts);
    let world = begun(policy(vec![
        block("budget", one),
        rule(
            "write",
            verb("update"),
            Effect::RequireApproval {
                quorum: 1,
                group: GroupId(0),
                within_seconds: 900,
                stands_seconds: None,
            },
        ),
    ]));
    let session = world.session("agent-7", &[]).await;
    let (first, second) = (held(&session).await, held(&session).await);
    let dba = principal("carla", &["dba"]);
    for id in [first.id(), second.id()] {
        world.door.vote(&dba, id, Vote::Approve, "").await.unwrap();
    }
    let released = permit(first.wait(&Masks(true)).await);
    assert_eq!(
        refusal(second.wait(&Masks(true)).await).rules,
        ["shop.budget"]
    );
    drop(released);
}

/// Reads of `pii.ssn` over SQL, then writes over HTTP.
pub(crate) fn no_exfiltration() -> Policy {
    let classes = test(
        "result.classes",
        Predicate::HasAny(vec!["shop.pii.ssn".into()]),
    );
    let seen = at_least(1, Measure::Count, classes, Own::Apart);
    let kind = |kind: Protocol| test("connection.kind", Predicate::In(vec![kind.as_str().into()]));
    Policy {
        classes: vec![DataClass {
            name: "shop.pii.ssn".to_owned(),
            columns: vec![Column {
                target: "orders-prod".to_owned(),
                schema: "public".to_owned(),
                table: "customers".to_owned(),
                column: "ssn".to_owned(),
            }],
            json: vec![],
            detectors: vec![],
        }],
        ..policy(vec![
            block("budget", Condition::All(vec![kind(Protocol::Http), seen])),
            rule("all", Condition::All(vec![]), Effect::ALLOW),
        ])
    }
}

pub(crate) async fn http(world: &World) -> Session {
    let connection = Connection {
        name: "crm-api".to_owned(),
        protocol: Protocol::Http,
    };
    let subject = principal("agent-7", &[]);
    world
        .door
        .open(subject, connection, "127.0.0.1:1")
        .await
        .unwrap()
}

pub(crate) fn post() -> Operation {
    let mut facts = Facts::new();
    let (method, _) = Vocabulary::builtin().lookup("http.method").unwrap();
    facts.set(method, Fact::Known(Value::Text("POST".into())));
    Operation {
        protocol: Protocol::Http,
        facts,
        ..sql("post")
    }
}

#[tokio::test]
async fn what_was_read_over_sql_bars_what_is_posted_over_http() {
    let world = begun(no_exfiltration());
    let (sql_session, http) = (world.session("agent-7", &[]).await, http(&world).await);
    drop(permit(http.request(post(), (), &Masks(true)).await));
    assert!(reads(&sql_session).await);
    let refused = refusal(http.request(post(), (), &Masks(true)).await);
    assert_eq!(refused.rules, ["shop.budget"]);
    world.clock.set_second(601);
    drop(permit(http.request(post(), (), &Masks(true)).await));
}

#[tokio::test]
async fn what_is_measured_anew_is_unknown_until_its_window_has_passed() {
    let world = World::with_policy(policy(vec![rule(
        "read",
        Condition::All(vec![]),
        Effect::ALLOW,
    )]));
    let session = world.session("agent-7", &[]).await;
    assert!(reads(&session).await);
    world.door.install(in_force(reads_at_most(1), 2));
    assert!(!reads(&session).await);
    world.clock.set_second(600);
    assert!(reads(&session).await);
    // Another bundle with the same condition goes on counting.
    world.door.install(in_force(reads_at_most(1), 3));
    assert!(!reads(&session).await);
    world.door.install(in_force(reads_at_most(2), 4));
    assert!(reads(&session).await);
}

#[tokio::test]
async fn what_goes_ahead_only_since_its_connection_is_in_observe_counts() {
    let kind = |kind: &str| test("connection.kind", Predicate::In(vec![kind.into()]));
    let update = Condition::All(vec![kind("postgres"), verb("update")]);
    for effect in [
        Effect::Block {
            message: String::new(),
            terminates: false,
        },
        Effect::RequireApproval {
            quorum: 1,
            group: GroupId(0),
            within_seconds: 900,
            stands_seconds: None,
        },
    ] {
        let seen = at_least(1, Measure::Count, update.clone(), Own::Apart);
        let mut policy = policy(vec![
            rule("no_update", update.clone(), effect),
            block("budget", Condition::All(vec![kind("http"), seen])),
            rule("all", Condition::All(vec![]), Effect::ALLOW),
        ]);
        policy.connections = world::policy().connections;
        for connection in &mut policy.connections {
            connection.observe = true;
        }
        let world = begun(policy);
        let (session, http) = (world.session("agent-7", &[]).await, http(&world).await);
        // What is only prepared has not happened.
        let prepared = session.preview(&sql("update"), &Masks(true)).await;
        assert!(prepared.is_ok());
        drop(permit(http.request(post(), (), &Masks(true)).await));
        let outcome = session.request(sql("update"), (), &Masks(true)).await;
        let ((), receipt) = permit(outcome).forward();
        let refused = refusal(http.request(post(), (), &Masks(true)).await);
        assert_eq!(refused.rules, ["shop.budget"]);
        let end = settlement(OperationResult::Completed);
        receipt.settle(end).await.unwrap();
        let refused = refusal(http.request(post(), (), &Masks(true)).await);
        assert_eq!(refused.rules, ["shop.budget"]);
    }
}
