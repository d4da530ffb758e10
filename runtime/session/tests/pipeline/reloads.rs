//! History over facts that a policy brings itself, over restarts and over policies that follow one another.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use hpol_bundle::claims::{Claim, fact_name};
use hpol_bundle::facts::Value;
use hpol_bundle::policy::history::{Measure, Own};
use hpol_bundle::policy::{Column, Condition, DataClass, Effect, Policy, Predicate, Test};
use hpol_bundle::schedule::{Offset, Schedule, Times};
use hpol_bundle::vocabulary::{Derived, Protocol, Vocabulary, during};
use hpol_ports::policy::{in_force, in_force_with, rule, test};
use hpol_ports::{ManualClock, MemoryLog, MemoryStore, principal};
use hpol_session::OperationResult;
use hpol_session::claims::Claims;
use hpol_session::door::Door;
use hpol_session::policy::InForce;
use hpol_session::ports::Clock;
use hpol_session::session::Session;
use jiff::Timestamp;

use super::history::{at_least, block, http, no_exfiltration, policy, post, reads, reads_at_most};
use super::restarts::restarted_by;
use crate::world::{Masks, World, connection, sql};
use crate::{permit, refusal, settlement};

fn claim(name: &str) -> Derived {
    Derived::Claim {
        name: name.to_owned(),
        set: false,
    }
}

/// The schedule `shop.<name>` on the `days` of the first weeks there are.
fn schedule(name: &str, days: u8) -> Derived {
    Derived::During(Schedule {
        name: format!("shop.{name}"),
        zone: "UTC".to_owned(),
        offsets: vec![Offset {
            from: 0,
            seconds: 0,
        }],
        until: 1_000_000,
        times: vec![Times {
            days,
            from_minute: 0,
            to_minute: 1440,
        }],
    })
}

/// One operation in ten minutes for which the fact called `name` fulfils `predicate`.
fn one(derived: &[Derived], name: &str, predicate: Predicate, digest: u8) -> Arc<InForce> {
    let vocabulary = Vocabulary::builtin().with(derived.iter().cloned());
    let (fact, _) = vocabulary.lookup(name).unwrap();
    let filter = Condition::Test(Test {
        fact,
        default: match predicate {
            Predicate::In(_) => Some(Value::Text("".into())),
            _ => None,
        },
        predicate,
    });
    let seen = at_least(1, Measure::Count, filter, Own::Apart);
    let rules = vec![
        block("budget", seen),
        rule("all", Condition::All(vec![]), Effect::ALLOW),
    ];
    in_force_with(policy(rules), vocabulary, digest)
}

fn of_core(digest: u8, others: &[&str]) -> Arc<InForce> {
    let derived: Vec<Derived> = others.iter().chain([&"team"]).map(|c| claim(c)).collect();
    let predicate = Predicate::In(vec!["core".into()]);
    one(&derived, &fact_name("team"), predicate, digest)
}

fn in_office(digest: u8, others: &[&str]) -> Arc<InForce> {
    // It is Thursday all along.
    let others = others.iter().map(|name| schedule(name, 0b1));
    let derived: Vec<Derived> = others.chain([schedule("office", 0b1000)]).collect();
    one(&derived, &during("shop.office"), Predicate::IsTrue, digest)
}

/// A session whose token says that its subject is of `team`.
async fn of_team(world: &World, team: &str) -> Session {
    let team = Claim::Text(team.to_owned());
    let mut subject = principal("agent-7", &[]);
    subject.claims = Claims::new(BTreeMap::from([("team".to_owned(), team)]));
    let opened = world.door.open(subject, connection(), "127.0.0.1:1");
    opened.await.unwrap()
}

#[tokio::test]
async fn what_no_record_tells_may_have_counted_before_a_restart() {
    for made in [of_core, in_office] {
        let world = restarted_by(&World::without_policy(), made(1, &[]), 0);
        assert!(reads(&of_team(&world, "core").await).await);
        let after = restarted_by(&world, made(1, &[]), 200);
        assert!(!reads(&of_team(&after, "core").await).await);
        // It ended at second 100.
        after.clock.set_second(701);
        assert!(reads(&of_team(&after, "core").await).await);
    }
}

#[tokio::test]
async fn what_is_under_way_ends_by_the_facts_of_the_policy_then_in_force() {
    for (made, team, counts) in [
        (of_core as fn(u8, &[&str]) -> Arc<InForce>, "core", true),
        (of_core, "sales", false),
        (in_office, "core", true),
    ] {
        let world = World::without_policy();
        world.door.install(made(1, &["age"]));
        // Unknown until the window of a measurement has passed.
        world.clock.set_second(601);
        let session = of_team(&world, team).await;
        let ((), receipt) =
            permit(session.request(sql("select"), (), &Masks(true)).await).forward();
        // The same fact, where another one was.
        world.door.install(made(2, &[]));
        world.clock.set_second(901);
        let end = settlement(OperationResult::Completed);
        receipt.settle(end).await.unwrap();
        world.clock.set_second(1202);
        assert_eq!(!reads(&session).await, counts, "{team}");
    }
}

#[tokio::test]
async fn what_began_before_it_was_measured_may_be_anything_until_it_ends() {
    let all = rule("all", Condition::All(vec![]), Effect::ALLOW);
    let world = World::with_policy(policy(vec![all]));
    let session = world.session("agent-7", &[]).await;
    let ((), receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    world.door.install(in_force(reads_at_most(1), 2));
    world.clock.set_second(601);
    assert!(!reads(&session).await, "it is in flight");
    let end = settlement(OperationResult::Completed);
    receipt.settle(end).await.unwrap();
    assert!(!reads(&session).await, "it has ended just now");
    world.clock.set_second(1202);
    // Another limit on what is measured already.
    let ((), receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    world.door.install(in_force(reads_at_most(2), 3));
    assert!(reads(&session).await);
    drop(receipt);
}

/// A clock during whose next look something else happens.
#[derive(Default)]
struct Interrupted {
    hands: ManualClock,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hands.fmt(f)
    }
}

impl Clock for Interrupted {
    fn now(&self) -> Timestamp {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(happens) = meanwhile {
            happens();
        }
        self.hands.now()
    }
}

#[tokio::test]
async fn what_ends_while_a_policy_comes_into_force_counts_for_it() {
    let clock = Arc::new(Interrupted::default());
    let store = Arc::new(MemoryStore::default());
    let door = Door::new(clock.clone(), Arc::new(MemoryLog::new(|_| None)), store);
    let all = rule("all", Condition::All(vec![]), Effect::ALLOW);
    door.install(in_force(policy(vec![all]), 1));
    let opened = door.open(principal("agent-7", &[]), connection(), "127.0.0.1:1");
    let session = opened.await.unwrap();
    let ((), receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    let (reloaded, hands) = (Arc::clone(&door), Arc::clone(&clock));
    *clock.meanwhile.lock().unwrap() = Some(Box::new(move || {
        reloaded.install(in_force(reads_at_most(1), 2));
        hands.hands.set_second(100);
    }));
    let end = settlement(OperationResult::Completed);
    receipt.settle(end).await.unwrap();
    clock.hands.set_second(601);
    assert!(!reads(&session).await, "it ended at second 100");
    clock.hands.set_second(701);
    assert!(reads(&session).await);
}

/// As [`no_exfiltration`], of card numbers.
pub(crate) fn no_exfiltration_of_cards() -> Policy {
    let ssn = no_exfiltration();
    let is_card = |column: &Column| Column {
        column: "card".to_owned(),
        ..column.clone()
    };
    let columns = ssn.classes.iter().flat_map(|class| &class.columns);
    let card = DataClass {
        name: "shop.pii.card".to_owned(),
        columns: columns.map(is_card).collect(),
        json: vec![],
        detectors: vec![],
    };
    let released = Predicate::HasAny(vec![card.name.as_str().into()]);
    let seen = test("result.classes", released);
    let kind = Predicate::In(vec![Protocol::Http.as_str().into()]);
    let posted = Condition::All(vec![
        test("connection.kind", kind),
        at_least(1, Measure::Count, seen, Own::Apart),
    ]);
    Policy {
        classes: ssn.classes.into_iter().chain([card]).collect(),
        ..policy(vec![
            block("budget", posted),
            rule("all", Condition::All(vec![]), Effect::ALLOW),
        ])
    }
}

#[tokio::test]
async fn a_class_that_nobody_looked_for_may_have_been_released() {
    let world = World::with_policy(no_exfiltration());
    let (session, http) = (world.session("agent-7", &[]).await, http(&world).await);
    let ((), receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    world.door.install(in_force(no_exfiltration_of_cards(), 2));
    world.clock.set_second(300);
    let end = settlement(OperationResult::Completed);
    receipt.settle(end).await.unwrap();
    world.clock.set_second(601);
    let refused = refusal(http.request(post(), (), &Masks(true)).await);
    assert_eq!(refused.rules, ["shop.budget"]);
    world.clock.set_second(901);
    drop(permit(http.request(post(), (), &Masks(true)).await));
}

#[tokio::test]
async fn another_claim_in_the_same_place_is_measured_anew() {
    let of = |name, digest| {
        let predicate = Predicate::In(vec!["core".into()]);
        one(&[claim(name)], &fact_name(name), predicate, digest)
    };
    let world = World::without_policy();
    world.door.install(of("unit", 1));
    world.clock.set_second(601);
    let session = of_team(&world, "core").await;
    assert!(reads(&session).await, "its token has no unit");
    world.door.install(of("team", 2));
    let session = of_team(&world, "core").await;
    assert!(!reads(&session).await, "it may have been of this team");
}
