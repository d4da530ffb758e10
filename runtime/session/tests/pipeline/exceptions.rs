//! Exceptions: they lift a rule until their end by the door's clock, and the record names them.

use hpol_bundle::policy::{Condition, Exception, Policy, Predicate, RuleId, Source};
use hpol_evidence::record::{DecisionRecord, Event, ExceptionRecord};
use hpol_ports::policy::test;

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

fn last(world: &World) -> DecisionRecord {
    let events = world.log.events();
    let mut decisions = events.iter().rev().filter_map(|event| match event {
        Event::Decision(record) => Some(DecisionRecord::clone(record)),
        _ => None,
    });
    decisions.next().unwrap()
}

#[tokio::test]
async fn an_exception_lifts_its_rule_until_its_end_and_is_recorded() {
    let world = world();
    world.clock.set_second(END - 1);
    let session = world.session("svc-archive", &["agents"]).await;
    drop(permit(session.request(sql("drop"), (), &Masks(true)).await));
    let record = last(&world);
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
    assert_eq!(last(&world).exceptions, []);
}

#[tokio::test]
async fn an_exception_is_for_whom_it_says() {
    let world = world();
    world.clock.set_second(END - 1);
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(session.request(sql("drop"), (), &Masks(true)).await);
    assert_eq!(refusal.rules, ["shop.no_drop"]);
    assert_eq!(last(&world).exceptions, []);
}
