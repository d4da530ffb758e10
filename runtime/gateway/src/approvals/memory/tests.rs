//! The store keeps what it is given, once, and tells who waits.

use hpol_session::Protocol;
use hpol_session::principal::{Connection, Principal};
use jiff::Timestamp;

use super::*;

fn approval(id: &str) -> Approval {
    Approval {
        id: id.to_owned(),
        version: 0,
        state: State::Pending,
        requester: Principal {
            id: "agent-7".to_owned(),
            issuer: "https://id.example.com".to_owned(),
            groups: Vec::new(),
            expires: Timestamp::MAX,
            claims: hpol_session::claims::Claims::default(),
        },
        connection: Connection {
            name: "orders".to_owned(),
            protocol: Protocol::Postgres,
        },
        operation: "op".to_owned(),
        exact: "UPDATE t SET a = 1".to_owned(),
        digest: "00".to_owned(),
        bundle: "00".to_owned(),
        rules: Vec::new(),
        votes: Vec::new(),
        requested: Timestamp::UNIX_EPOCH,
        expires: Timestamp::MAX,
    }
}

fn in_state(id: &str, version: u64, state: State) -> Approval {
    Approval {
        version,
        state,
        ..approval(id)
    }
}

#[tokio::test]
async fn p_03_of_two_updates_of_one_version_one_counts() {
    let store = MemoryApprovals::new(10);
    store.insert(approval("a")).await.unwrap();
    assert!(
        store
            .update(in_state("a", 0, State::Approved))
            .await
            .unwrap()
    );
    assert!(
        !store
            .update(in_state("a", 0, State::Rejected))
            .await
            .unwrap()
    );
    let kept = store.fetch("a").await.unwrap().unwrap();
    assert_eq!((kept.version, kept.state), (1, State::Approved));
    assert!(
        !store
            .update(in_state("unknown", 0, State::Approved))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn who_waits_is_told_of_a_change_also_of_one_before() {
    let store = std::sync::Arc::new(MemoryApprovals::new(10));
    store.insert(approval("a")).await.unwrap();
    let waiting = store.changed("a", 0);
    store
        .update(in_state("a", 0, State::Rejected))
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap().state, State::Rejected);
    assert_eq!(store.changed("a", 0).await.unwrap().version, 1);
    assert!(store.changed("unknown", 0).await.is_err());
}

#[tokio::test]
async fn p_11_only_an_open_approval_is_withdrawn() {
    let store = MemoryApprovals::new(10);
    for id in ["a", "b", "c"] {
        store.insert(approval(id)).await.unwrap();
    }
    store
        .update(in_state("c", 0, State::Approved))
        .await
        .unwrap();
    store
        .update(in_state("b", 0, State::Rejected))
        .await
        .unwrap();
    for id in ["a", "b", "c", "unknown"] {
        store.withdraw_detached(id);
    }
    for id in ["a", "c"] {
        assert_eq!(
            store.fetch(id).await.unwrap().unwrap().state,
            State::Withdrawn,
            "{id}"
        );
    }
    assert_eq!(store.pending(), 0);
    assert_eq!(
        store.fetch("b").await.unwrap().unwrap().state,
        State::Rejected
    );
}

#[tokio::test]
async fn pending_approvals_are_bounded_and_ended_ones_are_forgotten_oldest_first() {
    let store = MemoryApprovals::new(2);
    for id in ["a", "b"] {
        store.insert(approval(id)).await.unwrap();
    }
    let refused = store.insert(approval("c")).await.unwrap_err();
    assert_eq!(refused.why, "2 approvals are waiting already");
    store.withdraw_detached("a");
    assert!(
        store.insert(approval("b")).await.is_err(),
        "an id is used once"
    );
    for number in 0..MAX_ENDED + 50 {
        let id = format!("n{number}");
        store.insert(approval(&id)).await.unwrap();
        store.withdraw_detached(&id);
    }
    let all = store.list().await.unwrap();
    assert_eq!(all.first().unwrap().id, format!("n{}", MAX_ENDED + 49));
    assert!(all.len() <= MAX_ENDED + 2);
    assert!(store.fetch("a").await.unwrap().is_none());
    assert_eq!(
        store.fetch("b").await.unwrap().unwrap().state,
        State::Pending
    );
    assert_eq!(store.pending(), 1);
}

#[tokio::test]
async fn operations_of_ended_approvals_do_not_fill_memory() {
    let store = MemoryApprovals::new(10);
    store.insert(approval("waits")).await.unwrap();
    for number in 0..100 {
        let id = format!("n{number}");
        let large = Approval {
            exact: "x".repeat(1 << 20),
            ..approval(&id)
        };
        store.insert(large).await.unwrap();
        store.withdraw_detached(&id);
    }
    let all = store.list().await.unwrap();
    let bytes: usize = all.iter().map(|approval| approval.exact.len()).sum();
    assert!(bytes <= MAX_ENDED_BYTES + (1 << 21), "{bytes}");
    assert_eq!(all.first().unwrap().id, "n99");
    assert_eq!(all.last().unwrap().id, "waits");
}
