//! curl through the gateway to a real HTTP service, by the policy package `orders`: the same door, the same records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_support::curl::curl;
use hpol_support::records::{Records, controls, eventually, strings};
use hpol_support::world::{Shared, World};

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD.get(|| World::start(&policy())).unwrap()
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/orders")
}

fn agent(world: &World, name: &str) -> String {
    world.gateway.token(name, &["autonomous-agents"]).unwrap()
}

fn records(world: &World) -> Records {
    Records::of(&world.gateway).unwrap()
}

/// How often the service saw a request to this path.
fn arrived(world: &World, path: &str) -> usize {
    let requests = world.upstream.requests().unwrap();
    requests
        .iter()
        .filter(|request| request["path"].as_str().unwrap().contains(path))
        .count()
}

#[test]
fn json_arrives_masked_and_is_recorded() {
    let world = world();
    let url = world.url("/customers/json-reader").unwrap();
    let answer = curl(Some(&agent(&world, "json-reader")), &[&url]).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let customer = answer.json().unwrap();
    assert_eq!(customer["ssn"], "***-**-4327");
    assert_eq!(
        customer["card"], "4111 1111 1111 1111",
        "no rule masks cards here"
    );
    assert_eq!(customer["city"], "Turin");

    let records = records(&world);
    let decision = records.decision("json-reader").unwrap();
    assert_eq!(decision["verdict"], "allow");
    assert_eq!(strings(&decision["rules"]), ["orders.read_crm"]);
    assert_eq!(strings(&decision["obligations"]), ["orders.hide_ssn"]);
    assert_eq!(decision["connection"]["name"], "crm-api");
    assert_eq!(decision["connection"]["kind"], "http");
    let operation = decision["operation"].as_str().unwrap();
    assert!(answer.headers.contains(operation), "{}", answer.headers);
    let outcome = records.outcome(decision).unwrap();
    assert_eq!(outcome["result"], "completed");
    assert_eq!(outcome["code"], "200");
    assert_eq!(outcome["masked"][0]["class"], "orders.pii.ssn");
    assert_eq!(outcome["masked"][0]["values"], 1);
    assert!(controls(outcome).unwrap().contains(&"si-19.4"));
}

#[test]
fn text_arrives_masked() {
    let world = world();
    let url = world.url("/notes/text-reader").unwrap();
    let answer = curl(Some(&agent(&world, "text-reader")), &[&url]).unwrap();
    assert_eq!(
        answer.body,
        "Call back on ***-**-4321, mail customer7@example.com\n"
    );
    let records = records(&world);
    let outcome = records.outcome(records.decision("text-reader").unwrap());
    assert_eq!(outcome.unwrap()["masked"][0]["values"], 1);
}

#[test]
fn a_blocked_post_is_a_problem_document_and_reaches_nothing() {
    let world = world();
    let url = world.url("/contacts/blocked-post").unwrap();
    let answer = curl(
        Some(&agent(&world, "poster")),
        &[
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            "{\"note\":\"hello\"}",
            &url,
        ],
    )
    .unwrap();
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(
        answer
            .headers
            .contains("content-type: application/problem+json")
    );
    let problem = answer.json().unwrap();
    assert_eq!(problem["status"], 403);
    assert_eq!(strings(&problem["rules"]), ["orders.no_writes_to_crm"]);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("What stands in the CRM reaches customers.")
    );
    assert_eq!(
        problem["help"],
        "Hand the change to a person: agents only read the CRM"
    );

    let records = records(&world);
    let decision = records.decision("poster").unwrap();
    assert_eq!(decision["verdict"], "block");
    assert_eq!(decision["operation"], problem["operation"]);
    assert_eq!(strings(&decision["rules"]), ["orders.no_writes_to_crm"]);
    let cited = controls(decision).unwrap();
    for id in ["ac-3", "cm-7"] {
        assert!(cited.contains(&id), "{id}: {cited:?}");
    }
    assert!(!decision.to_string().contains("hello"), "{decision}");
    assert!(records.outcome(decision).is_none());
    assert_eq!(arrived(&world, "blocked-post"), 0);
}

#[test]
fn what_no_rule_allows_is_blocked_by_default_deny() {
    let world = world();
    let token = world.gateway.token("stranger", &["sales"]).unwrap();
    let url = world.url("/customers/default-deny").unwrap();
    let answer = curl(Some(&token), &[&url]).unwrap();
    assert_eq!(answer.status, 403);
    assert_eq!(strings(&answer.json().unwrap()["rules"]), ["default_deny"]);
    let records = records(&world);
    assert_eq!(
        strings(&records.decision("stranger").unwrap()["rules"]),
        ["default_deny"]
    );
    assert_eq!(arrived(&world, "default-deny"), 0);
}

#[test]
fn without_a_good_token_nothing_is_judged() {
    let world = world();
    let url = world.url("/customers/without-token").unwrap();
    let good = agent(&world, "forged");
    let (head, _) = good.rsplit_once('.').unwrap();
    for token in [
        None,
        Some("nonsense"),
        Some(head),
        Some(&format!("{head}.AAAA")[..]),
    ] {
        let answer = curl(token, &[&url]).unwrap();
        assert_eq!(answer.status, 401, "{token:?}: {answer:?}");
        assert!(answer.headers.contains("www-authenticate: bearer"));
        assert!(
            answer
                .headers
                .contains("content-type: application/problem+json")
        );
    }
    // Neither another scheme nor the query is a place for a token.
    let basic = curl(None, &["-u", "agent:secret", &url]).unwrap();
    assert_eq!(basic.status, 401);
    let in_query = curl(None, &[&format!("{url}?access_token={good}")]).unwrap();
    assert_eq!(in_query.status, 401);
    assert_eq!(arrived(&world, "without-token"), 0);
    let records = records(&world);
    assert!(records.decisions("forged").is_empty());
    assert!(
        records
            .events("session_refused")
            .filter(|record| record["connection"]["name"] == "crm-api")
            .count()
            >= 4
    );
}

#[test]
fn h_05_a_path_that_could_be_read_in_two_ways_is_refused() {
    let world = world();
    let token = agent(&world, "walker");
    for path in [
        "/customers/%2e%2e/admin",
        "/customers/../admin",
        "/customers/%2e%2e%2fadmin",
        "/customers/..%2fadmin",
        "/customers%5cadmin",
        "/customers//admin",
        "/customers/./admin",
        "/customers/%252e%252e/admin",
        "/customers/%00admin",
        "/customers/%c0%ae%c0%ae/admin",
    ] {
        let url = world.url(path).unwrap();
        let answer = curl(Some(&token), &["--path-as-is", &url]).unwrap();
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(
            answer
                .headers
                .contains("content-type: application/problem+json"),
            "{path}"
        );
    }
    assert_eq!(arrived(&world, "admin"), 0);
}

#[test]
fn h_16_methods_that_no_policy_knows_are_refused() {
    let world = world();
    let token = agent(&world, "methodist");
    let url = world.url("/customers/odd-method").unwrap();
    for method in ["TRACE", "BREW", "get", "PROPFIND"] {
        let answer = curl(Some(&token), &["-X", method, &url]).unwrap();
        assert_eq!(answer.status, 501, "{method}: {answer:?}");
    }
    assert_eq!(arrived(&world, "odd-method"), 0);
}

#[test]
fn h_07_headers_that_claim_another_identity_do_not_pass() {
    let world = world();
    let url = world.url("/customers/spoofed").unwrap();
    let token = agent(&world, "spoofer");
    let answer = curl(
        Some(&token),
        &[
            "-H",
            "X-Forwarded-For: 10.0.0.1",
            "-H",
            "X-Forwarded-Host: evil.example",
            "-H",
            "Forwarded: for=10.0.0.1",
            "-H",
            "X-HTTP-Method-Override: DELETE",
            "-H",
            "X-Original-URL: /admin",
            &url,
        ],
    )
    .unwrap();
    let requests = world.upstream.requests().unwrap();
    let arrived = requests
        .iter()
        .filter(|request| request["path"] == "/customers/spoofed");
    for request in arrived {
        let headers = request["headers"].to_string().to_lowercase();
        for spoofed in ["10.0.0.1", "evil.example", "delete", "/admin"] {
            assert!(!headers.contains(spoofed), "{spoofed}: {headers}");
        }
        assert!(
            !headers.contains(&token.to_lowercase()),
            "the token of the gateway's client is not for the service"
        );
    }
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn h_01_a_request_with_two_lengths_is_refused() {
    use std::io::{Read, Write};
    let world = world();
    let token = agent(&world, "smuggler");
    let address = world.gateway.address("crm-api").unwrap();
    for framing in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: +0",
        "Transfer-Encoding: chunked, identity",
    ] {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let request = format!(
            "GET /customers/outer HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n\
             0\r\n\r\nGET /customers/smuggled HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{framing}: {answer}"
        );
    }
    assert_eq!(arrived(&world, "outer"), 0);
    assert_eq!(arrived(&world, "smuggled"), 0);
}

#[test]
fn u_10_a_connection_has_its_beginning_and_its_end() {
    let world = world();
    let url = world.url("/customers/visitor").unwrap();
    curl(Some(&agent(&world, "visitor")), &[&url, &url]).unwrap();
    eventually(&world.gateway, "the end of the session", |records| {
        let opened = records
            .events("session_opened")
            .find(|record| record["subject"]["id"] == "visitor")?;
        let closed = records
            .events("session_closed")
            .find(|record| record["session"] == opened["session"])?;
        assert_eq!(closed["operations"], 2, "one session for one connection");
        Some(())
    })
    .unwrap();
}
