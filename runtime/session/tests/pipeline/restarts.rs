//! What a restart leaves of history: it is measured again from the records, and what they may lack is not known.

use std::sync::Arc;

use hpol_bundle::policy::Policy;
use hpol_evidence::record::{Event, Record};
use hpol_ports::policy::in_force;
use hpol_session::policy::InForce;
use jiff::Timestamp;

use super::history::{begun, http, no_exfiltration, post, reads, reads_at_most};
use super::reloads::no_exfiltration_of_cards;
use crate::world::{Masks, World, sql};
use crate::{permit, refusal};

/// A door that begins with the log of `world`, as after a restart at `second`.
pub(crate) fn restarted(world: &World, policy: Policy, second: i64) -> World {
    restarted_by(world, in_force(policy, 1), second)
}

/// As [`restarted`], with `in_force` as the first policy.
pub(crate) fn restarted_by(world: &World, in_force: Arc<InForce>, second: i64) -> World {
    let events = world.log.events();
    let records = (0..).zip(events).map(|(sequence, event)| Record {
        sequence,
        ..record(100, event)
    });
    restarted_with(records, in_force, second)
}

/// A door that begins with `records` at `second`.
fn restarted_with(
    records: impl IntoIterator<Item = Record>,
    in_force: Arc<InForce>,
    second: i64,
) -> World {
    let fresh = World::without_policy();
    fresh.clock.set_second(second);
    let mut remembered = fresh.door.remember(&in_force);
    for record in records {
        remembered.note(&record);
    }
    let _ = remembered.finish(second * 1000);
    fresh.door.install(in_force);
    fresh
}

/// A record of what happened at `second`, somewhere in a log.
fn record(second: i64, event: Event) -> Record {
    Record {
        sequence: 1000,
        time: Timestamp::from_second(second).unwrap().to_string(),
        session: None,
        buffered: false,
        event,
    }
}

fn started() -> Event {
    Event::GatewayStarted {
        version: String::new(),
        config: String::new(),
    }
}

fn stopped() -> Event {
    Event::GatewayStopped {
        reason: String::new(),
    }
}

#[tokio::test]
async fn history_survives_a_restart() {
    let world = begun(reads_at_most(2));
    let session = world.session("agent-7", &[]).await;
    assert!(reads(&session).await);
    // In the middle of this one the gateway is killed.
    let ((), receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    let after = restarted(&world, reads_at_most(2), 200);
    std::mem::forget(receipt);
    let session = after.session("agent-7", &[]).await;
    assert!(!reads(&session).await);
    let other = after.session("agent-8", &[]).await;
    assert!(reads(&other).await);
    // The first one ended at second 100, the one that was cut off counts from the restart.
    after.clock.set_second(701);
    assert!(reads(&session).await);
    assert!(!reads(&session).await);
    after.clock.set_second(801);
    assert!(reads(&session).await);
}

/// Subjects of which nothing is left are forgotten when there are many; none of these is.
#[tokio::test]
async fn the_histories_of_many_subjects_survive_a_restart() {
    let world = begun(reads_at_most(1));
    let names: Vec<String> = (0..70).map(|number| format!("agent-{number}")).collect();
    for name in &names {
        assert!(reads(&world.session(name, &[]).await).await);
    }
    let after = restarted(&world, reads_at_most(1), 200);
    for name in &names {
        assert!(!reads(&after.session(name, &[]).await).await, "{name}");
    }
}

/// Where reading the log ends with an error, the windows still pass.
#[tokio::test]
async fn a_log_that_was_not_read_to_its_end_leaves_history_unknown_for_one_window() {
    let world = World::without_policy();
    let in_force = in_force(reads_at_most(1), 1);
    drop(world.door.remember(&in_force));
    world.door.install(in_force);
    let session = world.session("agent-7", &[]).await;
    assert!(!reads(&session).await);
    world.clock.set_second(600);
    assert!(reads(&session).await);
}

#[tokio::test]
async fn classes_and_rows_survive_a_restart() {
    let world = begun(no_exfiltration());
    let session = world.session("agent-7", &[]).await;
    assert!(reads(&session).await);
    let after = restarted(&world, no_exfiltration(), 200);
    let http_session = http(&after).await;
    let refused = refusal(http_session.request(post(), (), &Masks(true)).await);
    assert_eq!(refused.rules, ["shop.budget"]);
    after.clock.set_second(701);
    drop(permit(http_session.request(post(), (), &Masks(true)).await));
}

/// As after a reload: the bundle of then looked for other classes.
#[tokio::test]
async fn a_class_that_another_bundle_did_not_look_for_may_have_been_released() {
    let world = begun(no_exfiltration());
    assert!(reads(&world.session("agent-7", &[]).await).await);
    let after = restarted_by(&world, in_force(no_exfiltration_of_cards(), 2), 200);
    let http_session = http(&after).await;
    let refused = refusal(http_session.request(post(), (), &Masks(true)).await);
    assert_eq!(refused.rules, ["shop.budget"]);
    after.clock.set_second(701);
    drop(permit(http_session.request(post(), (), &Masks(true)).await));
}

/// Operations that a killed gateway left open have ended by the next start, however late another start is.
#[tokio::test]
async fn what_was_cut_off_ended_when_the_gateway_started_again() {
    let world = begun(reads_at_most(1));
    let session = world.session("agent-7", &[]).await;
    let before = world.log.events().len();
    let ((), receipt) = permit(session.request(sql("select"), (), &Masks(true)).await).forward();
    let let_through = world.log.events().split_off(before);
    std::mem::forget(receipt);
    let log = [(0, started())]
        .into_iter()
        .chain(let_through.into_iter().map(|event| (100, event)))
        .chain([(200, started()), (300, stopped()), (700, started())]);
    let log = log.map(|(second, event)| record(second, event));
    let after = restarted_with(log, in_force(reads_at_most(1), 1), 700);
    let session = after.session("agent-7", &[]).await;
    assert!(!reads(&session).await);
    after.clock.set_second(801);
    assert!(reads(&session).await);
}

/// Whether something is missing: a window from the start at second 200 on, of which second 601 is within.
#[tokio::test]
async fn what_a_killed_gateway_may_have_done_beside_what_was_read_is_unknown() {
    let buffered = |event| Record {
        buffered: true,
        ..record(100, event)
    };
    let loaded = || Event::ConfigurationLoaded {
        config: String::new(),
    };
    let at = |second, event| record(second, event);
    let first = Record {
        sequence: 0,
        ..record(200, started())
    };
    for (what, log, known) in [
        ("the log's first start", vec![first], true),
        (
            "read from the middle, killed",
            vec![at(200, started())],
            false,
        ),
        (
            "read from the middle, stopped",
            vec![at(100, stopped()), at(200, started())],
            true,
        ),
        (
            "read from its start, killed",
            vec![at(0, started()), at(100, loaded()), at(200, started())],
            true,
        ),
        (
            "records of reads were buffered, killed",
            vec![at(0, started()), buffered(loaded()), at(200, started())],
            false,
        ),
        (
            "records of reads were buffered, stopped",
            vec![
                at(0, started()),
                buffered(loaded()),
                at(150, stopped()),
                at(200, started()),
            ],
            true,
        ),
    ] {
        let after = restarted_with(log, in_force(reads_at_most(1), 1), 601);
        let session = after.session("agent-7", &[]).await;
        assert_eq!(reads(&session).await, known, "{what}");
        after.clock.set_second(1202);
        assert!(reads(&session).await, "{what}");
    }
}
