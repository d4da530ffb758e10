//! Requests that two servers could read differently, on a raw socket: refused, and nothing of them reaches the upstream.

use std::time::Duration;

use crate::world::World;
use hpol_http::Limits;

const TOKEN: &str = "Host: crm\r\nAuthorization: Bearer agent-7\r\n";

/// Sends `bytes` and expects `status`, and a closed connection after it.
async fn refused(world: &World, bytes: String, status: u16) {
    let mut client = world.client().await;
    client.send(&bytes).await;
    let response = client.response(false).await;
    assert_eq!(response.status, status, "{bytes:?}");
    assert!(client.is_closed().await, "{bytes:?}");
}

#[tokio::test]
async fn h_01_ambiguous_framing_is_refused_and_the_connection_ends() {
    let world = World::new().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer agent-7\r\n\r\n";
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: +0\r\n\r\n",
        "Content-Length : 0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        "X: a\r\n Content-Length: 5\r\n\r\n",
        "X: a\nContent-Length: 5\r\n\r\n",
        "X: a\r\n\n",
    ] {
        refused(
            &world,
            format!("POST /a HTTP/1.1\r\n{TOKEN}{framing}{smuggled}"),
            400,
        )
        .await;
    }
    refused(
        &world,
        format!("POST /a HTTP/1.0\r\n{TOKEN}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        400,
    )
    .await;
    assert!(
        world.upstream.seen().is_empty(),
        "{:?}",
        world.upstream.seen()
    );
    assert!(
        world
            .log
            .words()
            .iter()
            .all(|word| word.starts_with("turned away: ")),
        "{:?}",
        world.log.words()
    );
}

#[tokio::test]
async fn h_09_ambiguous_chunks_are_refused_and_the_connection_ends() {
    let world = World::new().await;
    for chunks in [
        "5;x=y\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "0\r\nX: y\r\n\r\n",
    ] {
        refused(
            &world,
            format!("POST /a HTTP/1.1\r\n{TOKEN}Transfer-Encoding: chunked\r\n\r\n{chunks}"),
            400,
        )
        .await;
    }
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn h_01_chunks_go_on_with_one_length() {
    let (world, mut client) = World::with_client().await;
    client.send(&format!("POST /a HTTP/1.1\r\n{TOKEN}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n")).await;
    assert_eq!(client.response(false).await.status, 200);
    let seen = world.upstream.seen().concat();
    assert!(
        seen.contains("content-length: 8")
            && !seen.contains("transfer-encoding")
            && seen.ends_with("helloyou"),
        "{seen}"
    );
}

#[tokio::test]
async fn h_04_pipelined_requests_are_judged_one_by_one() {
    let (world, mut client) = World::with_client().await;
    let requests: String = ["GET /1", "DELETE /2", "GET /3"]
        .map(|line| crate::world::request(line, "", ""))
        .concat();
    client.send(&requests).await;
    for status in [200, 403, 200] {
        assert_eq!(client.response(false).await.status, status);
    }
    assert_eq!(world.upstream.seen().len(), 2);
}

#[tokio::test]
async fn h_04_a_client_that_waits_for_100_gets_it_only_with_a_token() {
    let (world, mut client) = World::with_client().await;
    let head = "POST /a HTTP/1.1\r\nHost: crm\r\nExpect: 100-continue\r\nContent-Length: 5\r\n";
    client
        .send(&format!("{head}Authorization: Bearer agent-7\r\n\r\n"))
        .await;
    client.arrives("100 Continue").await;
    client.send("hello").await;
    assert_eq!(client.response(false).await.status, 100);
    assert_eq!(client.response(false).await.status, 200);
    let mut client = world.client().await;
    client.send(&format!("{head}\r\n")).await;
    assert_eq!(client.response(false).await.status, 401);
}

#[tokio::test]
async fn h_05_paths_with_two_readings_are_refused() {
    let (world, mut client) = World::with_client().await;
    for path in [
        "/a/%2e%2e/b",
        "/a/../b",
        "/a%2fb",
        "/a%5cb",
        "/a%00b",
        "/a/./b",
        "/a%252fb",
    ] {
        let response = client.ask(&format!("GET {path}"), "", "").await;
        assert_eq!(response.status, 400, "{path}");
    }
    assert!(
        world.upstream.seen().is_empty(),
        "{:?}",
        world.upstream.seen()
    );
}

#[tokio::test]
async fn h_06_the_host_is_one_and_the_upstream_gets_its_own() {
    let world = World::new().await;
    let token = "Authorization: Bearer agent-7\r\n";
    for (line, hosts, status) in [
        ("GET /a", "", 400),
        ("GET /a", "Host: a\r\nHost: b\r\n", 400),
        ("GET /a", "Host: u@a\r\n", 400),
        ("GET /a", "Host: a b\r\n", 400),
        ("GET /a", "Host: \r\n", 400),
        ("GET http://b/a", "Host: a\r\n", 400),
        ("GET http://a/a", "Host: a\r\n", 200),
        ("GET /a", "Host: other.example.com\r\n", 200),
    ] {
        let mut client = world.client().await;
        client
            .send(&format!("{line} HTTP/1.1\r\n{hosts}{token}\r\n"))
            .await;
        assert_eq!(
            client.response(false).await.status,
            status,
            "{line} {hosts}"
        );
    }
    let host = format!("host: {}", world.upstream.address);
    assert!(
        world
            .upstream
            .seen()
            .iter()
            .all(|seen| seen.contains(&host))
    );
    assert_eq!(world.upstream.seen().len(), 2);
}

#[tokio::test]
async fn h_08_heads_and_bodies_are_bounded() {
    let world = World::new().await;
    let long = format!("X: {}\r\n", "a".repeat(5000));
    refused(&world, crate::world::request("GET /a", &long, ""), 431).await;
    refused(
        &world,
        crate::world::request("GET /a", &"X: a\r\n".repeat(40), ""),
        431,
    )
    .await;
    refused(
        &world,
        crate::world::request("POST /a", "", &"a".repeat(1001)),
        413,
    )
    .await;
    let chunks = format!("{}\r\n{}\r\n0\r\n\r\n", "3e9", "a".repeat(1001));
    refused(
        &world,
        format!("POST /a HTTP/1.1\r\n{TOKEN}Transfer-Encoding: chunked\r\n\r\n{chunks}"),
        413,
    )
    .await;
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn h_16_methods_and_upgrades_that_are_not_carried_are_refused() {
    let world = World::new().await;
    for (line, headers) in [
        ("TRACE /a", ""),
        ("CONNECT crm:443", ""),
        ("PROPFIND /a", ""),
        ("get /a", ""),
        ("GET /a", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
        ("GET /a", "Upgrade: h2c\r\n"),
    ] {
        let mut client = world.client().await;
        client.send(&crate::world::request(line, headers, "")).await;
        let response = client.response(false).await;
        assert!(
            matches!(response.status, 400 | 501),
            "{line} {headers} {}",
            response.status
        );
    }
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn h_23_slow_heads_and_bodies_are_cut_off() {
    let limits = Limits {
        head_time: Duration::from_millis(100),
        body_time: Duration::from_millis(100),
        ..Limits::DEFAULT
    };
    let world = World::with(limits).await;
    let mut client = world.client().await;
    client.send("GET /a HTTP/1.1\r\nHost:").await;
    assert!(client.is_closed().await);
    let mut client = world.client().await;
    client
        .send(&format!(
            "POST /a HTTP/1.1\r\n{TOKEN}Content-Length: 5\r\n\r\nhel"
        ))
        .await;
    assert_eq!(client.response(false).await.status, 408);
    assert!(client.is_closed().await);
}
