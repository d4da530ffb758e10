//! The `hpol-gateway` program as an operator runs it: started, asked, reloaded and stopped, with real sockets, a real
//! upstream and a real audit log.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod admin;
mod bundles;
mod history;
mod http;
mod log;
mod metrics;
mod operation;
mod policy;
mod process;

use std::net::SocketAddr;

use http::{Request, Upstream};
use process::{CONNECTION, Folder, Gateway};
use serde_json::Value;

/// A gateway with a bundle before an upstream.
struct Serving {
    upstream: Upstream,
    folder: Folder,
    gateway: Gateway,
    /// Where its connection listens.
    address: SocketAddr,
    /// The token of an agent, who may read.
    agent: String,
}

fn serving() -> Serving {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    let gateway = Gateway::start(&folder);
    Serving {
        address: gateway.connection(CONNECTION),
        agent: token(&gateway, "agent-7", "agents"),
        upstream,
        folder,
        gateway,
    }
}

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
