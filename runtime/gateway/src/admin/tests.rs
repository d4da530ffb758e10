//! Health, and the status of every refusal. Votes and tokens are tried with the whole program in `tests/`.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use hpol_evidence::record::Event;
use hpol_session::approvals::VoteRefused;
use http_body_util::BodyExt;
use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::clock::SystemClock;
use crate::config::ReadDurability;
use crate::evidence;
use crate::identity::Identities;

#[test]
fn every_refusal_of_a_vote_has_its_status() {
    let text = || "x".to_owned();
    for (refused, status) in [
        (VoteRefused::NotFound { id: text() }, 404),
        (VoteRefused::OwnRequest, 403),
        (VoteRefused::NotEligible { approvers: text() }, 403),
        (VoteRefused::AlreadyDecided { state: text() }, 409),
        (VoteRefused::AlreadyVoted, 409),
        (VoteRefused::PolicyChanged, 409),
        (VoteRefused::Unavailable { why: text() }, 503),
    ] {
        let reply = super::approvals::refusal(&refused);
        assert_eq!(reply.status(), status, "{refused}");
        assert_eq!(reply.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn u_01_a_failed_log_is_named_where_the_operator_looks() {
    let folder = tempfile::tempdir().unwrap();
    let (log, fails) = evidence::tests::log(folder.path(), ReadDurability::Durable);
    let log = Arc::new(log);
    let store = Arc::new(MemoryApprovals::new(1));
    let admin = Admin {
        door: Door::new(Arc::new(SystemClock), log.clone(), store.clone()),
        identities: Arc::new(Identities::start(&[], Arc::new(SystemClock)).unwrap()),
        log: Arc::clone(&log),
        log_folder: folder.path().to_owned(),
        approvals: store,
        metrics: PrometheusBuilder::new().build_recorder().handle(),
    };
    let (_, before) = ready(&admin).await;
    assert_eq!(before["audit_log"], "serving");
    fails.store(true, Ordering::SeqCst);
    log.record(Event::GatewayStopped {
        reason: String::new(),
    })
    .await
    .unwrap_err();
    let (status, after) = ready(&admin).await;
    assert_eq!(
        (status, &after["audit_log"]),
        (503, &serde_json::json!("failed"))
    );
    assert!(
        after["reasons"][1]
            .as_str()
            .unwrap()
            .contains("the disk is gone"),
        "{after}"
    );
    let alive = admin
        .answer(Request::get("/healthz").body(Bytes::new()).unwrap())
        .await;
    assert_eq!(alive.status(), 200);
}

async fn ready(admin: &Admin) -> (u16, serde_json::Value) {
    let reply = admin
        .answer(Request::get("/readyz").body(Bytes::new()).unwrap())
        .await;
    let status = reply.status().as_u16();
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}
