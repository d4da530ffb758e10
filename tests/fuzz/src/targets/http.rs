//! The HTTP adapter as a whole: what a client sends, from its first byte to the door, which refuses everything.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hpol_http::{HttpConnection, Limits, Upstream, serve};
use hpol_ports::{ManualClock, MemoryLog, MemoryStore, principal};
use hpol_session::door::Door;
use hpol_session::ports::{Authenticate, AuthenticationRefused, Pending};
use hpol_session::principal::Principal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::Target;

/// The bytes of a client connection.
pub(crate) const ADAPTER: Target = Target {
    name: "http_adapter",
    run,
    seeds,
    short: 3_000,
};

/// Far longer than any input takes.
const HANGS: Duration = Duration::from_secs(20);

/// A connection whose client has said all it will ends, and nothing but responses came back.
fn run(bytes: &[u8]) {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().enable_all().build().unwrap());
    let answered = RUNTIME.block_on(async { timeout(HANGS, converse(bytes)).await });
    let answered = answered.unwrap_or_else(|_| panic!("the connection does not end"));
    let plausible = answered.is_empty() || answered.starts_with(b"HTTP/1.");
    assert!(plausible, "{:?}", String::from_utf8_lossy(&answered));
}

async fn converse(bytes: &[u8]) -> Vec<u8> {
    let (mut client, served) = tokio::io::duplex(1 << 20);
    let door = Door::new(
        Arc::new(ManualClock::default()),
        Arc::new(MemoryLog::new(|_| None)),
        Arc::new(MemoryStore::default()),
    );
    let config = Arc::new(HttpConnection {
        name: "crm-prod".to_owned(),
        upstream: Upstream::new("http://127.0.0.1:9", None).unwrap(),
        limits: Limits {
            body_bytes: 1_000,
            ..Limits::DEFAULT
        },
    });
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let identity = Arc::new(Anybody);
    let serving = serve(
        served,
        address,
        config,
        door,
        identity,
        None,
        std::future::pending(),
    );
    let mut answered = Vec::new();
    let talking = async {
        // It may hang up before it has read everything.
        drop(client.write_all(bytes).await);
        drop(client.shutdown().await);
        client.read_to_end(&mut answered).await.unwrap();
    };
    tokio::join!(serving, talking);
    answered
}

/// Accepts any token.
#[derive(Debug)]
struct Anybody;

impl Authenticate for Anybody {
    fn authenticate<'a>(
        &'a self,
        _: &'a str,
    ) -> Pending<'a, Result<Principal, AuthenticationRefused>> {
        Box::pin(async { Ok(principal("agent-7", &["agents"])) })
    }
}

fn seeds() -> Vec<Vec<u8>> {
    [
        "GET /v1/customers?id=7 HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer t\r\n\r\n",
        "POST /v1/notes HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer t\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"a\": 1}GET / HTTP/1.1\r\nHost: crm\r\n\r\n",
        "PUT /v1/notes/1 HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: crm\r\nConnection: close, x-a\r\nX-A: 1\r\nExpect: 100-continue\r\n\r\n",
        "GET http://crm/a HTTP/1.0\r\nHost: crm\r\nAuthorization: Bearer t\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
