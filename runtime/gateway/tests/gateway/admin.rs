//! The admin API and the embedded issuer, over real sockets.

use std::thread;

use serde_json::json;

use crate::http::{Request, Upstream};
use crate::process::{CREDENTIAL, Folder, Gateway};
use crate::{Serving, serving, token};

#[test]
fn approvals_are_voted_on_by_those_who_may() {
    let Serving {
        upstream,
        folder,
        gateway,
        address,
        agent,
    } = serving();
    let owner = token(&gateway, "dana", "dba");
    let stranger = token(&gateway, "eve", "guests");
    let asking = agent.clone();
    let waiting = thread::spawn(move || {
        Request::post("/things")
            .bearer(&asking)
            .json(&json!({ "new": 1 }))
            .send(address)
    });
    let list = |token: &str| {
        let reply = Request::get("/api/v1/approvals")
            .bearer(token)
            .send(gateway.admin());
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()["approvals"].as_array().unwrap().clone()
    };
    gateway.wait_for(|_| list(&owner).len() == 1);
    let shown = &list(&owner)[0];
    assert_eq!(
        (&shown["state"], &shown["requester"]["id"]),
        (&json!("pending"), &json!("agent-7"))
    );
    assert_eq!(shown["rules"][0]["approvers"], "shop.dbas");
    assert!(
        shown["exact"].as_str().unwrap().contains("\"new\":1"),
        "{shown}"
    );
    assert_eq!(list(&agent).len(), 1);
    assert!(list(&stranger).is_empty());
    assert_eq!(gateway.metric("hpol_approvals_pending"), Some(1.0));

    let path = format!("/api/v1/approvals/{}", shown["id"].as_str().unwrap());
    let approve = |token: &str| {
        let reason = json!({ "reason": "agreed in the morning" });
        Request::post(&format!("{path}/approve"))
            .bearer(token)
            .json(&reason)
            .send(gateway.admin())
    };
    assert_eq!(
        Request::get(&path)
            .bearer(&stranger)
            .send(gateway.admin())
            .status,
        404
    );
    assert_eq!(
        Request::get(&path)
            .bearer(&owner)
            .send(gateway.admin())
            .json(),
        *shown
    );
    let own = approve(&agent);
    assert_eq!(
        (own.status, own.content_type.as_str()),
        (403, "application/problem+json"),
        "{}",
        own.body
    );
    assert_eq!(approve(&stranger).status, 403);
    assert_eq!(upstream.requests(), 0);
    let approved = approve(&owner);
    assert_eq!(
        (approved.status, &approved.json()["state"]),
        (200, &json!("approved")),
        "{}",
        approved.body
    );
    assert_eq!(waiting.join().unwrap().status, 200);
    assert_eq!(upstream.requests(), 1);
    assert_eq!(approve(&owner).status, 409);
    gateway.terminate();
    let events = folder.events();
    assert_eq!(
        events
            .iter()
            .filter(|event| *event == "approval_vote")
            .count(),
        4,
        "{events:?}"
    );
}

#[test]
fn the_admin_api_refuses_in_its_own_form() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    let approvals = "/api/v1/approvals";
    for (request, status) in [
        (Request::get(approvals), 401),
        (Request::get(approvals).bearer("not-a-token"), 401),
        (
            Request::get(approvals).bearer(&agent.replace('.', "x")),
            401,
        ),
        (Request::get("/api/v1/approvals/none").bearer(&agent), 404),
        (
            Request::post("/api/v1/approvals/none/approve").bearer(&agent),
            404,
        ),
        (
            Request::post("/api/v1/approvals/none/approve")
                .bearer(&agent)
                .json(&json!({ "why": 1 })),
            400,
        ),
        (Request::post("/api/v1/approvals/none").bearer(&agent), 405),
        (
            Request::post("/api/v1/approvals/none/undo").bearer(&agent),
            404,
        ),
        (Request::post("/healthz"), 405),
        (Request::get("/"), 404),
        (
            Request::post("/api/v1/approvals/none/approve")
                .bearer(&agent)
                .json(&json!("x".repeat(100_000))),
            413,
        ),
    ] {
        let reply = request.send(gateway.admin());
        assert_eq!(reply.status, status, "{}", reply.body);
        assert_eq!(
            (reply.content_type.as_str(), &reply.json()["status"]),
            ("application/problem+json", &json!(status))
        );
    }
    gateway.terminate();
    let refused = folder
        .events()
        .iter()
        .filter(|event| *event == "session_refused")
        .count();
    assert_eq!(refused, 2, "each token that was refused is on record");
}

#[test]
fn u_08_h_18_secrets_are_nowhere_but_where_they_belong() {
    let Serving {
        upstream,
        folder,
        gateway,
        address,
        agent,
    } = serving();
    let reply = Request::get("/things").bearer(&agent).send(address);
    assert_eq!(reply.status, 200);
    let signature = agent.rsplit('.').next().unwrap().to_owned();
    let head = upstream.last_head();
    assert!(head.contains(&format!("x-api-key: {CREDENTIAL}")), "{head}");
    assert!(!head.contains(&signature.to_lowercase()), "{head}");
    let denied = Request::new("DELETE", "/things")
        .bearer(&agent)
        .send(address);
    assert_eq!(denied.status, 403);
    let shown = gateway.process_list_entry();
    gateway.terminate();
    let written = folder.written();
    let written = String::from_utf8_lossy(&written);
    assert!(written.contains("agent-7"));
    for secret in [CREDENTIAL, &signature] {
        assert!(
            !written.contains(secret)
                && !reply.body.contains(secret)
                && !denied.body.contains(secret)
        );
        assert!(!shown.contains(secret));
    }
}

#[test]
fn a_browser_cannot_reach_the_embedded_issuer_by_another_name() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    let gateway = Gateway::start(&folder);
    let rebound = Request::get("/jwks")
        .host("evil.example.com")
        .send(gateway.issuer());
    assert_eq!(rebound.status, 421);
    for (form, error) in [
        ("client_id=a", "invalid_request"),
        ("grant_type=password&client_id=a", "unsupported_grant_type"),
        ("grant_type=client_credentials", "invalid_client"),
        (
            "grant_type=client_credentials&client_id=a&client_id=b",
            "invalid_request",
        ),
    ] {
        let reply = Request::post("/token").form(form).send(gateway.issuer());
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!(error)));
    }
    gateway.terminate();
}
