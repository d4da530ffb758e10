//! The `hpol-gateway` program as an operator runs it: started, asked, reloaded and stopped, with real sockets, a real
//! upstream and a real audit log.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod http;
mod policy;
mod process;

use std::thread;

use http::{Request, Upstream};
use process::{CONNECTION, CREDENTIAL, Folder, Gateway};
use serde_json::{Value, json};

fn token(gateway: &Gateway, subject: &str, groups: &str) -> String {
    let form = format!("grant_type=client_credentials&client_id={subject}&groups={groups}");
    let reply = Request::post("/token").form(&form).send(gateway.issuer());
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

fn ready(gateway: &Gateway) -> (u16, Value) {
    let reply = Request::get("/readyz").send(gateway.admin());
    (reply.status, reply.json())
}

#[test]
fn b_01_without_a_bundle_everything_is_denied_until_one_is_loaded() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    assert_eq!(Request::get("/healthz").send(gateway.admin()).status, 200);
    let (status, body) = ready(&gateway);
    assert_eq!((status, &body["bundle"]), (503, &Value::Null), "{body}");
    let denied = Request::get("/things")
        .bearer(&agent)
        .send(gateway.connection(CONNECTION));
    assert_eq!(denied.status, 503, "{}", denied.body);
    assert_eq!(upstream.requests(), 0);

    folder.write_bundle(5);
    gateway.hang_up();
    gateway.wait_for(|gateway| ready(gateway).0 == 200);
    assert_eq!(ready(&gateway).1["bundle"]["sequence"], 5);
    let allowed = Request::get("/things")
        .bearer(&agent)
        .send(gateway.connection(CONNECTION));
    assert_eq!((allowed.status, allowed.body.as_str()), (200, "thing"));

    gateway.terminate();
    let events = folder.events();
    for event in [
        "gateway_started",
        "bundle_refused",
        "session_refused",
        "bundle_loaded",
        "session_opened",
        "session_closed",
    ] {
        assert!(
            events.iter().any(|found| found == event),
            "{event} in {events:?}"
        );
    }
    assert_eq!(events.last().unwrap(), "gateway_stopped");
}

#[test]
fn b_01_b_02_a_refused_bundle_leaves_the_old_one_in_force_also_over_a_restart() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(5);
    let gateway = Gateway::start(&folder);
    assert_eq!(ready(&gateway).0, 200);
    let mut refusals = 0;
    let mut refuse = |gateway: &Gateway| {
        refusals += 1;
        gateway.hang_up();
        gateway.wait_for(|gateway| {
            gateway.metric("hpol_bundle_refusals_total") == Some(f64::from(refusals))
        });
        assert_eq!(ready(gateway).1["bundle"]["sequence"], 5);
    };
    folder.write_bundle(4);
    refuse(&gateway);
    folder.write_bundle_of_a_stranger(9);
    refuse(&gateway);
    folder.write_altered_bundle(9);
    refuse(&gateway);
    folder.remove_bundle();
    refuse(&gateway);
    gateway.terminate();

    folder.write_bundle(4);
    let again = Gateway::start(&folder);
    let (status, body) = ready(&again);
    assert_eq!(
        (status, &body["bundle"]),
        (503, &Value::Null),
        "an older bundle came back with a restart"
    );
    folder.write_bundle(6);
    again.hang_up();
    again.wait_for(|gateway| ready(gateway).0 == 200);
    again.terminate();
}

#[test]
fn approvals_are_voted_on_by_those_who_may() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    let owner = token(&gateway, "dana", "dba");
    let stranger = token(&gateway, "eve", "guests");
    let (address, asking) = (gateway.connection(CONNECTION), agent.clone());
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
fn a_reload_applies_all_of_a_configuration_or_nothing() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    let old_address = gateway.connection(CONNECTION);
    for (broken, refusals) in [
        ("[limits]\nclients = 0\n", 1.0),
        ("[connections.more]\nkind = \"http\"\n", 2.0),
    ] {
        folder.write_config(broken);
        gateway.hang_up();
        gateway.wait_for(|gateway| {
            gateway.metric("hpol_configuration_refusals_total") == Some(refusals)
        });
        assert_eq!(
            Request::get("/x").bearer(&agent).send(old_address).status,
            200
        );
    }

    let more = format!(
        "[connections.more]\nkind = \"http\"\nlisten = \"127.0.0.1:0\"\nallow_plaintext = true\nupstream = \"http://{}\"\n",
        upstream.address()
    );
    folder.write_config(&more);
    gateway.hang_up();
    gateway.wait_for(|gateway| gateway.addresses()["connections"]["more"].is_string());
    let more = Request::get("/x")
        .bearer(&agent)
        .send(gateway.connection("more"));
    assert_eq!(
        more.status, 403,
        "the policy knows nothing of the new connection: {}",
        more.body
    );
    assert_eq!(gateway.connection(CONNECTION), old_address);

    folder.write_config("");
    gateway.hang_up();
    gateway.wait_for(|gateway| gateway.addresses()["connections"]["more"].is_null());
    assert_eq!(
        Request::get("/x").bearer(&agent).send(old_address).status,
        200
    );
    gateway.terminate();
    let count = |event: &str| {
        folder
            .events()
            .iter()
            .filter(|found| *found == event)
            .count()
    };
    assert_eq!(
        (
            count("configuration_refused"),
            count("configuration_loaded")
        ),
        (2, 2)
    );
}

#[test]
fn d_02_what_is_under_way_is_finished_before_the_gateway_ends() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    let address = gateway.connection(CONNECTION);
    let gate = upstream.hold();
    let under_way = thread::spawn(move || Request::get("/slow").bearer(&agent).send(address));
    gateway.wait_for(|_| upstream.requests() == 1);
    gateway.signal("TERM");
    gateway.wait_for(|_| std::net::TcpStream::connect(address).is_err());
    drop(gate);
    let reply = under_way.join().unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (200, "thing"));
    gateway.ended();
    let events = folder.events();
    assert_eq!(
        events[events.len() - 3..],
        ["outcome", "session_closed", "gateway_stopped"],
        "{events:?}"
    );
}

#[test]
fn pg_03_one_address_cannot_take_all_places() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    folder.write_config("[limits]\nclients_per_address = 3\n");
    let gateway = Gateway::start(&folder);
    let address = gateway.connection(CONNECTION);
    let mut idle: Vec<_> = (0..3)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    gateway.wait_for(|gateway| {
        let one_more = std::net::TcpStream::connect(address).unwrap();
        http::is_closed_by_peer(&one_more);
        gateway.metric("hpol_clients_refused_total").is_some()
    });
    idle.clear();
    let agent = token(&gateway, "agent-7", "agents");
    gateway.wait_for(|_| {
        Request::get("/x")
            .bearer(&agent)
            .try_send(address)
            .is_some_and(|reply| reply.status == 200)
    });
    gateway.terminate();
}

#[test]
fn d_01_without_descriptors_the_listener_waits_and_goes_on() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    let gateway = Gateway::start_with_descriptors(&folder, 48);
    let agent = token(&gateway, "agent-7", "agents");
    let address = gateway.connection(CONNECTION);
    let greedy: Vec<_> = (0..60)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    gateway.wait_for(|gateway| gateway.log().contains("a client could not be accepted"));
    drop(greedy);
    gateway.wait_for(|_| {
        let reply = Request::get("/x").bearer(&agent).try_send(address);
        reply.is_some_and(|reply| reply.status == 200)
    });
    gateway.terminate();
}

#[test]
fn wrong_configuration_and_missing_keys_have_their_exit_codes() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    let check =
        |folder: &Folder| process::run(&["check-config", "--dev", "--config", &folder.config()]);
    let (code, _, told) = check(&folder);
    assert_eq!(code, 2);
    assert!(told.contains("policy.bundle` cannot be read"), "{told}");
    folder.write_bundle(1);
    let (code, told, _) = check(&folder);
    assert_eq!(code, 0);
    assert!(told.contains("ok: 1 connections"), "{told}");
    folder.write_config("[limits]\nclient = 1\n");
    let (code, _, told) = check(&folder);
    assert_eq!(code, 2);
    assert!(
        told.contains("limits.client: unknown key `client`"),
        "{told}"
    );
    let (code, _, told) = process::run(&["run", "--config", &folder.config()]);
    assert_eq!(code, 2, "{told}");
    folder.write_config("");
    folder.remove_audit_key();
    let (code, _, told) = process::run(&["run", "--dev", "--config", &folder.config()]);
    assert_eq!(code, 1);
    assert!(told.contains("hpol-gateway keygen --audit FILE"), "{told}");
}

#[test]
fn u_08_h_18_secrets_are_nowhere_but_where_they_belong() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    let reply = Request::get("/things")
        .bearer(&agent)
        .send(gateway.connection(CONNECTION));
    assert_eq!(reply.status, 200);
    let signature = agent.rsplit('.').next().unwrap().to_owned();
    let head = upstream.last_head();
    assert!(head.contains(&format!("x-api-key: {CREDENTIAL}")), "{head}");
    assert!(!head.contains(&signature.to_lowercase()), "{head}");
    let denied = Request::new("DELETE", "/things")
        .bearer(&agent)
        .send(gateway.connection(CONNECTION));
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
