//! The same approvals when the operation is an HTTP request.

use crate::*;

#[test]
fn over_http_an_approved_request_goes_through_as_it_was_judged() {
    let world = world();
    let approver = dba(&world, "http-approver");
    let token = agent(&world, "http-asker");
    let url = world.url("/contacts/approved").unwrap();
    let body = "{\"name\":\"Ada\"}";
    let post = ["-H", "Content-Type: application/json", "-d", body, &url];
    let waiting = curl::start(Some(&token), &post).unwrap();
    let request = await_request(&world, &approver, "http-asker");
    let exact = request["exact"].as_str().unwrap();
    for wanted in ["POST", "/contacts/approved", body] {
        assert!(exact.contains(wanted), "{wanted}: {exact}");
    }
    assert!(arrived(&world, "approved").is_empty());
    let id = request["id"].as_str().unwrap();
    assert_eq!(vote(&world, &approver, "approve", id).0, 0);
    let answer = curl::finish(waiting).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    let [request] = &arrived(&world, "approved")[..] else {
        panic!("it arrived once")
    };
    assert_eq!(request["body"], body);
    let records = records(&world);
    assert_eq!(
        course(&records, id),
        [
            "approval_requested",
            "approval_vote approve true",
            "approval_closed approved",
            "decision allow",
        ]
    );
    let decision = records.decisions("http-asker")[1];
    assert_eq!(records.outcome(decision).unwrap()["code"], "201");
}

#[test]
fn over_http_rejected_and_late_requests_reach_nothing() {
    let world = world();
    let approver = dba(&world, "http-rejecter");
    let url = world.url("/contacts/turned-down").unwrap();
    let waiting =
        curl::start(Some(&agent(&world, "http-rejected")), &["-X", "POST", &url]).unwrap();
    let request = await_request(&world, &approver, "http-rejected");
    let id = request["id"].as_str().unwrap();
    assert_eq!(vote(&world, &approver, "reject", id).0, 0);
    let answer = curl::finish(waiting).unwrap();
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(
        answer.json().unwrap()["detail"]
            .as_str()
            .unwrap()
            .contains("rejected by http-rejecter")
    );

    let url = world.url("/late/turned-down").unwrap();
    let token = agent(&world, "http-late");
    let answer = curl::curl(Some(&token), &["-X", "POST", &url]).unwrap();
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(
        answer.json().unwrap()["type"],
        "urn:hpol:problem:approval-expired"
    );
    assert!(arrived(&world, "turned-down").is_empty());
}

#[test]
fn over_http_a_client_that_leaves_withdraws() {
    let world = world();
    let approver = dba(&world, "http-patient");
    let url = world.url("/contacts/left").unwrap();
    let token = agent(&world, "http-leaver");
    let mut waiting = curl::start(Some(&token), &["-X", "POST", &url]).unwrap();
    let request = await_request(&world, &approver, "http-leaver");
    let id = request["id"].as_str().unwrap();
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    eventually(&world.gateway, "the withdrawal", |records| {
        (course(records, id) == ["approval_requested", "approval_closed withdrawn"]).then_some(())
    })
    .unwrap();
    assert_eq!(vote(&world, &approver, "approve", id).0, 1);
    assert!(arrived(&world, "/contacts/left").is_empty());
}

/// The requests to this path that the service saw.
pub(crate) fn arrived(world: &World, path: &str) -> Vec<Value> {
    let requests = world.upstream.requests().unwrap();
    requests
        .into_iter()
        .filter(|request| request["path"].as_str().unwrap().contains(path))
        .collect()
}
