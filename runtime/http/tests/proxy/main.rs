//! Requests through the proxy to a real server, with what the client gets and what the log says each time.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should fail where it stands"
)]

mod responses;
mod smuggling;
mod tls;
mod world;

use std::time::Duration;

use bytes::Bytes;
use hpol_http::Limits;
use hpol_ports::principal;
use hpol_session::Vote;
use world::{Served, World};

#[tokio::test]
async fn an_allowed_request_arrives_as_it_was_judged() {
    let (world, mut client) = World::with_client().await;
    let headers = "Content-Type: text/plain\r\nCookie: a=b\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=x\r\n\
        X-Original-URL: /admin\r\nX-HTTP-Method-Override: DELETE\r\nx_forwarded_for: 9\r\nAccept-Encoding: gzip\r\n\
        Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nX-Kept: yes\r\n";
    let response = client.ask("POST /orders?x=1", headers, "hello").await;
    assert_eq!(response.status, 200);
    assert!(response.header("hpol-operation").is_some());
    let seen = world
        .upstream
        .seen()
        .concat()
        .replace(&world.upstream.address.to_string(), "[upstream]");
    insta::assert_snapshot!(seen, @r"
    POST /orders?x=1
    accept-encoding: identity
    authorization: Bearer upstream-s3cret
    content-length: 5
    content-type: text/plain
    cookie: a=b
    host: [upstream]
    x-kept: yes

    hello
    ");
    drop(client);
    insta::assert_snapshot!(world.story("ended").await, @r"
    opened by agent-7
    allow by shop.write: POST http://[upstream]/orders?x=?
    outcome Completed 200
    ended after 1: connection closed
    ");
}

#[tokio::test]
async fn a_block_is_a_problem_document_and_nothing_is_forwarded() {
    let (world, mut client) = World::with_client().await;
    let response = client.ask("DELETE /orders/1", "", "").await;
    assert_eq!(response.status, 403);
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    let mut problem: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(
        problem["operation"].as_str(),
        response.header("hpol-operation")
    );
    problem["operation"] = "[operation]".into();
    insta::assert_json_snapshot!(problem, @r#"
    {
      "detail": "blocked by shop.no_delete: reason of no_delete",
      "help": "open a ticket",
      "operation": "[operation]",
      "rules": [
        "shop.no_delete"
      ],
      "status": 403,
      "title": "blocked by policy",
      "type": "urn:hpol:problem:policy"
    }
    "#);
    assert_eq!(client.ask("GET /orders", "", "").await.status, 200);
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn without_a_token_nobody_gets_in() {
    let world = World::new().await;
    for (authorization, challenge) in [
        ("", "bearer"),
        ("Authorization: Basic YTpi\r\n", "bearer"),
        ("Authorization: Bearer\r\n", "bearer"),
        (
            "Authorization: Bearer agent-7\r\nAuthorization: Bearer agent-8\r\n",
            "bearer",
        ),
        (
            "Authorization: Bearer forged\r\n",
            "bearer error=\"invalid_token\"",
        ),
    ] {
        let mut client = world.client().await;
        client
            .send(&format!(
                "GET /a HTTP/1.1\r\nHost: crm\r\n{authorization}\r\n"
            ))
            .await;
        let response = client.response(false).await;
        assert_eq!(
            (response.status, response.header("www-authenticate")),
            (401, Some(challenge))
        );
    }
    let mut client = world.client().await;
    client
        .send("GET /a HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer later-1\r\n\r\n")
        .await;
    assert_eq!(client.response(false).await.status, 503);
    assert!(world.upstream.seen().is_empty());
    assert!(
        world
            .log
            .words()
            .iter()
            .all(|word| word.starts_with("turned away: "))
    );
    assert_eq!(world.log.words().len(), 6);
}

#[tokio::test]
async fn each_token_has_its_own_session() {
    let (world, mut client) = World::with_client().await;
    for token in ["agent-1", "agent-1", "agent-2", "agent-1", "dba-1"] {
        client
            .send(&format!(
                "GET /a HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer {token}\r\n\r\n"
            ))
            .await;
        let expected = if token == "dba-1" { 403 } else { 200 };
        assert_eq!(client.response(false).await.status, expected, "{token}");
    }
    drop(client);
    insta::assert_snapshot!(world.story("ended after 1: connection closed").await, @r"
    opened by agent-1
    allow by shop.read: GET http://[upstream]/a
    outcome Completed 200
    allow by shop.read: GET http://[upstream]/a
    outcome Completed 200
    ended after 2: another token
    opened by agent-2
    allow by shop.read: GET http://[upstream]/a
    outcome Completed 200
    ended after 1: another token
    opened by agent-1
    allow by shop.read: GET http://[upstream]/a
    outcome Completed 200
    ended after 1: another token
    opened by dba-1
    block by default_deny: GET http://[upstream]/a
    ended after 1: connection closed
    ");
}

#[tokio::test]
async fn a_token_that_ends_is_no_longer_enough() {
    let (world, mut client) = World::with_client().await;
    assert_eq!(client.ask("GET /a", "", "").await.status, 200);
    world.clock.set_second(4000);
    assert_eq!(client.ask("GET /a", "", "").await.status, 401);
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn an_approval_lets_exactly_the_judged_bytes_through() {
    let (world, mut client) = World::with_client().await;
    client
        .send(&world::request("PUT /orders/1", "", "qty=5"))
        .await;
    world.recorded("approval_requested").await;
    assert!(world.upstream.seen().is_empty());
    let approval = world.store.only();
    let dba = principal("dba-1", &["dba"]);
    world
        .door
        .vote(&dba, &approval.id, Vote::Approve, "fine")
        .await
        .unwrap();
    let response = client.response(false).await;
    assert_eq!(response.status, 200);
    assert!(world.upstream.seen().concat().ends_with("qty=5"));
}

#[tokio::test]
async fn a_rejection_is_told_with_its_reason() {
    let (world, mut client) = World::with_client().await;
    client
        .send(&world::request("PUT /orders/1", "", "qty=5"))
        .await;
    world.recorded("approval_requested").await;
    let dba = principal("dba-1", &["dba"]);
    world
        .door
        .vote(&dba, &world.store.only().id, Vote::Reject, "not today")
        .await
        .unwrap();
    let response = client.response(false).await;
    assert_eq!(response.status, 403);
    assert!(response.body.contains("not today"), "{}", response.body);
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_withdraws_what_it_asked_for() {
    let (world, mut client) = World::with_client().await;
    client
        .send(&world::request("PUT /orders/1", "", "qty=5"))
        .await;
    world.recorded("approval_requested").await;
    drop(client);
    let words = world.recorded("ended").await;
    assert!(words.contains(&"closed Withdrawn".to_owned()), "{words:?}");
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_is_recorded() {
    let (world, mut client) = World::with_client().await;
    client.send(&world::request("GET /stream", "", "")).await;
    world
        .upstream
        .feed
        .send(Bytes::from_static(b"data: one\n\n"))
        .await
        .unwrap();
    client.arrives("one").await;
    drop(client);
    assert!(
        world
            .recorded("ended")
            .await
            .iter()
            .any(|word| word == "outcome Interrupted ")
    );
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let upstream = Served::start().await;
    let world = World::before(Limits::DEFAULT, upstream, "http://127.0.0.1:1").await;
    let mut client = world.client().await;
    let response = client.ask("GET /a", "", "").await;
    assert_eq!(response.status, 502);
    assert!(
        response.body.contains("urn:hpol:problem:unreachable"),
        "{}",
        response.body
    );
    assert_eq!(
        world.recorded("outcome").await.last().unwrap(),
        "outcome NotRun "
    );
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_gateway_timeout() {
    let limits = Limits {
        response_time: Duration::from_millis(50),
        ..Limits::DEFAULT
    };
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let world = World::before(limits, Served::start().await, &url).await;
    let mut client = world.client().await;
    assert_eq!(client.ask("POST /a", "", "x").await.status, 504);
    assert_eq!(
        world.recorded("outcome").await.last().unwrap(),
        "outcome Interrupted "
    );
}

#[tokio::test]
async fn a_shutdown_answers_what_is_at_hand_and_closes() {
    let (world, mut client) = World::with_client().await;
    client.send(&world::request("GET /stream", "", "")).await;
    world
        .upstream
        .feed
        .send(Bytes::from_static(b"one "))
        .await
        .unwrap();
    client.arrives("one").await;
    world.shutdown.send_replace(true);
    world
        .upstream
        .feed
        .send(Bytes::from_static(b"two"))
        .await
        .unwrap();
    world.upstream.feed.send(Bytes::new()).await.unwrap();
    let response = client.response(false).await;
    assert_eq!(
        (response.body.as_str(), response.complete),
        ("one two", true)
    );
    assert!(client.is_closed().await);
}
