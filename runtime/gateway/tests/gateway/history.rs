//! History over restarts: what was let through before counts, however the gateway ended.

use std::net::SocketAddr;
use std::process;

use crate::http::{Request, Upstream};
use crate::process::{CONNECTION, Folder, Gateway};
use crate::{policy, token};

fn read(gateway: &Gateway, subject: &str) -> u16 {
    let agent = token(gateway, subject, "agents");
    let request = Request::get("/x").bearer(&agent);
    request.send(gateway.connection(CONNECTION)).status
}

#[test]
fn what_was_let_through_counts_after_a_stop_and_after_a_kill() {
    let upstream = Upstream::start();
    // An address of this process alone: no other run takes its port between two starts.
    let [.., high, low] = process::id().to_be_bytes();
    let issuer = SocketAddr::from(([127, 77, high, low], 7499));
    let folder = Folder::with_issuer(upstream.address(), issuer);
    folder.write_bundle_of(policy::reads_an_hour(2));
    let gateway = Gateway::start(&folder);
    assert_eq!(read(&gateway, "agent-7"), 200);
    gateway.terminate();
    let gateway = Gateway::start(&folder);
    assert_eq!(read(&gateway, "agent-7"), 200);
    // Killed.
    drop(gateway);
    let gateway = Gateway::start(&folder);
    assert_eq!(read(&gateway, "agent-7"), 403);
    assert_eq!(read(&gateway, "agent-8"), 200, "nothing is unknown");
    gateway.terminate();
}
