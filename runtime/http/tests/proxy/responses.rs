//! What comes back: masked while it streams, withheld where that cannot be done, and ended only once it is recorded.

use bytes::Bytes;
use hpol_ports::log::Failing;

use crate::world::{self, World};

#[tokio::test]
async fn json_is_masked_through_escapes_and_stays_json() {
    let (world, mut client) = World::with_client().await;
    let response = client
        .ask(
            "GET /pii/json",
            "Range: bytes=0-5\r\nIf-None-Match: \"1\"\r\n",
            "",
        )
        .await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.body,
        r#"{"ssn":"***-**-4320","card":"************1111","mail":"***"}"#
    );
    assert_eq!(response.header("x-owner"), Some("***"));
    assert_eq!(
        (response.header("etag"), response.header("content-length")),
        (None, Some("60"))
    );
    let seen = world.upstream.seen().concat();
    assert!(
        !seen.contains("range") && !seen.contains("if-none-match"),
        "{seen}"
    );
    let words = world.recorded("outcome").await;
    assert_eq!(
        words.last().unwrap(),
        "outcome Completed 200 2 shop.numbers 2 shop.pii.email"
    );
}

#[tokio::test]
async fn h_15_the_head_of_a_masked_body_tells_nothing_of_it() {
    let (_world, mut client) = World::with_client().await;
    let response = client.ask("HEAD /pii/json", "", "").await;
    assert_eq!(
        (
            response.status,
            response.header("etag"),
            response.header("content-length")
        ),
        (200, None, None)
    );
    let response = client.ask("HEAD /plain", "", "").await;
    assert_eq!(response.status, 200);
    assert!(response.header("content-length").is_some());
}

#[tokio::test]
async fn h_10_what_cannot_be_masked_is_withheld() {
    let (world, mut client) = World::with_client().await;
    for path in [
        "/pii/gzip",
        "/pii/zip",
        "/pii/utf-16",
        "/pii/part",
        "/pii/nul",
        "/pii/zeros",
        "/crm/broken",
        "/crm/html",
    ] {
        let response = client.ask(&format!("GET {path}"), "", "").await;
        assert_eq!(response.status, 502, "{path}");
        assert!(
            response.body.contains("urn:hpol:problem:withheld"),
            "{}",
            response.body
        );
    }
    assert_eq!(
        world
            .log
            .words()
            .iter()
            .filter(|word| word.starts_with("outcome Failed"))
            .count(),
        8
    );
    let image = client.ask("GET /pii/image", "", "").await;
    assert_eq!((image.status, image.body.as_str()), (200, "\0PNG\0"));
}

#[tokio::test]
async fn values_are_hidden_where_they_stand_in_json() {
    let (world, mut client) = World::with_client().await;
    let response = client.ask("GET /crm/json", "", "").await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.body,
        "{ \"customer\": {\"name\":\"G**** ******\", \"ssn\":\"***-**-4320\"},\r\n\"list\":[{\"name\":\"***\"},{\"name\":\"I**\"}] ,\"name\":\"Uwe\"}"
    );
    assert_eq!(
        world.recorded("outcome").await.last().unwrap(),
        "outcome Completed 200 1 shop.numbers 3 shop.pii.name"
    );
    assert_eq!(client.ask("GET /crm/empty", "", "").await.status, 404);
    let long = client.ask("GET /crm/long", "", "").await;
    assert!(long.complete && long.body.ends_with("0,{\"name\":1}]"));
}

#[tokio::test]
async fn h_13_json_that_ends_early_has_no_proper_end() {
    let (world, mut client) = World::with_client().await;
    let response = client.ask("GET /crm/cut", "", "").await;
    assert_eq!((response.status, response.complete), (200, false));
    let words = world.recorded("outcome").await;
    assert!(
        words.contains(&"outcome Failed 200".to_owned()),
        "{words:?}"
    );
}

#[tokio::test]
async fn h_11_a_secret_across_chunks_is_masked_while_it_streams() {
    let (world, mut client) = World::with_client().await;
    client
        .send(&world::request("GET /pii/stream", "", ""))
        .await;
    for chunk in ["data: one\n\n", "data: 987-65", "-4320\n\n"] {
        world
            .upstream
            .feed
            .send(Bytes::from_static(chunk.as_bytes()))
            .await
            .unwrap();
    }
    client.arrives("***-**-4320\n").await;
    assert!(
        !world
            .log
            .words()
            .iter()
            .any(|word| word.starts_with("outcome"))
    );
    world.upstream.feed.send(Bytes::new()).await.unwrap();
    let response = client.response(false).await;
    assert_eq!(
        (response.body.as_str(), response.complete),
        ("data: one\n\ndata: ***-**-4320\n\n", true)
    );
    assert_eq!(
        world.recorded("outcome").await.last().unwrap(),
        "outcome Completed 200 1 shop.numbers"
    );
}

#[tokio::test]
async fn the_end_is_withheld_while_it_cannot_be_recorded() {
    let world = World::new().await;
    world.log.fail(Failing::Outcomes);
    let mut client = world.client().await;
    for path in ["/plain", "/pii/text", "/none"] {
        let response = client.ask(&format!("GET {path}"), "", "").await;
        assert_eq!(response.status, 503, "{path}");
        assert!(
            response.body.contains("urn:hpol:problem:audit-log"),
            "{}",
            response.body
        );
    }
    let mut streaming = world.client().await;
    streaming.send(&world::request("GET /stream", "", "")).await;
    world
        .upstream
        .feed
        .send(Bytes::from_static(b"one"))
        .await
        .unwrap();
    streaming.arrives("one").await;
    world.upstream.feed.send(Bytes::new()).await.unwrap();
    let response = streaming.response(false).await;
    assert_eq!((response.body.as_str(), response.complete), ("one", false));
    world.log.fail(Failing::Everything);
    let response = client.ask("GET /plain", "", "").await;
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(world.upstream.seen().len(), 4);
}

#[tokio::test]
async fn responses_lose_what_is_not_the_clients() {
    let (world, mut client) = World::with_client().await;
    let response = client.ask("GET /hop", "", "").await;
    assert_eq!(response.status, 200);
    for gone in ["x-private", "keep-alive", "alt-svc", "x-leak"] {
        assert_eq!(response.header(gone), None, "{gone}");
    }
    assert_ne!(response.header("hpol-operation"), Some("spoofed"));
    assert_eq!(response.header("location"), Some("/next"));
    assert_eq!(client.ask("GET /fault", "", "").await.status, 500);
    assert_eq!(client.ask("GET /none", "", "").await.status, 204);
    let words = world.recorded("outcome Completed 204").await;
    assert!(words.contains(&"outcome Failed 500".to_owned()));
}

#[tokio::test]
async fn h_18_an_upstream_that_echoes_does_not_give_its_credential_away() {
    let (_world, mut client) = World::with_client().await;
    let response = client.ask("GET /echo", "", "").await;
    assert!(response.complete);
    assert!(
        response
            .body
            .contains("authorization: Bearer ***************\n"),
        "{}",
        response.body
    );
}
