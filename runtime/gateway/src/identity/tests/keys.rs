//! Keys that change, vanish and are asked for too often.

use std::time::Duration;

use hpol_session::ports::Authenticate;
use serde_json::json;

use super::merge;
use super::world::World;
use crate::identity::keys::Timing;

fn eager() -> Timing {
    Timing {
        spacing: Duration::ZERO,
        ..Timing::default()
    }
}

#[tokio::test]
async fn o_07_rotated_key_is_fetched_and_the_old_one_forgotten() {
    let world = World::new().await;
    let old = world.good();
    world.accepted(&old).await;
    world.rotate(None);
    world.accepted(&world.good()).await;
    assert_eq!(
        world.refused(&old).await,
        "token is signed by a key that the issuer does not publish"
    );
}

#[tokio::test]
async fn o_07_same_kid_with_a_new_key() {
    let world = World::new().await;
    let old = world.good();
    world.accepted(&old).await;
    let kid = world.header()["kid"].as_str().unwrap().to_owned();
    world.rotate(Some(&kid));
    world.accepted(&world.good()).await;
    assert_eq!(
        world.refused(&old).await,
        "signature of the token is not valid"
    );
}

#[tokio::test]
async fn o_07_outage_is_bridged_by_known_keys_only() {
    let world = World::with_timing(eager(), true).await;
    let known = world.good();
    world.accepted(&known).await;
    world.set_up(false);
    world.rotate(None);
    world.accepted(&known).await;
    let refused = world.authenticate(&world.good()).await.unwrap_err();
    assert!(refused.temporary, "{refused}");
    assert!(
        refused.why.starts_with("the issuer's keys are not known"),
        "{refused}"
    );
}

#[tokio::test]
async fn o_07_keys_grow_too_old_during_an_outage() {
    // No time at all: whatever was fetched is too old at once.
    let timing = Timing {
        longest_use: Duration::ZERO,
        ..eager()
    };
    let world = World::with_timing(timing, true).await;
    assert!(
        world
            .authenticate(&world.good())
            .await
            .unwrap_err()
            .temporary
    );
}

#[tokio::test]
async fn o_07_flood_of_unknown_keys_costs_the_issuer_little() {
    let timing = Timing {
        spacing: Duration::from_secs(3600),
        ..Timing::default()
    };
    let world = World::with_timing(timing, true).await;
    world.accepted(&world.good()).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..500 {
        let mut header = world.header();
        merge(&mut header, json!({ "kid": format!("unknown-{number}") }));
        let token = world.sign(&header, &world.claims());
        let identities = world.identities();
        clients.spawn(async move { identities.authenticate(&token).await });
    }
    while let Some(refused) = clients.join_next().await {
        assert!(refused.unwrap().is_err());
    }
    assert_eq!(world.fetches(), 1);
    world.accepted(&world.good()).await;
}

#[tokio::test]
async fn o_15_no_sessions_before_the_issuer_has_answered() {
    let world = World::with_timing(eager(), false).await;
    let refused = world.authenticate(&world.good()).await.unwrap_err();
    assert!(refused.temporary, "{refused}");
    world.set_up(true);
    world.accepted(&world.good()).await;
}

#[tokio::test]
async fn a_token_without_key_id_is_verified_by_the_only_key() {
    let world = World::new().await;
    let mut header = world.header();
    merge(&mut header, json!({ "kid": null }));
    world.accepted(&world.sign(&header, &world.claims())).await;
}
