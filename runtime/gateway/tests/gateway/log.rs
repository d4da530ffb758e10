//! What becomes of sessions when the audit log fails under them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::http::Request;
use crate::{Serving, ready, serving};

/// Shorter than the gateway waits for a client that is slow with its next request.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn u_03_open_sessions_end_once_the_log_has_failed() {
    let Serving {
        upstream,
        folder,
        gateway,
        address,
        agent,
    } = serving();
    let mut open = TcpStream::connect(address).unwrap();
    open.set_read_timeout(Some(PATIENCE)).unwrap();
    let request =
        format!("GET /x HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {agent}\r\n\r\n");
    open.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"thing") {
        let mut byte = [0];
        open.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert_eq!(gateway.metric("hpol_sessions_open"), Some(1.0));

    folder.remove_audit_log();
    let ask = || Request::get("/x").bearer(&agent).send(address);
    gateway.wait_for(|_| ask().status == 503);
    assert_eq!(open.read(&mut [0]).unwrap(), 0, "the open session ends");
    gateway.wait_for(|gateway| gateway.metric("hpol_sessions_open") == Some(0.0));
    let arrived = upstream.requests();
    let refused = ask();
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("audit log"), "{}", refused.body);
    assert_eq!(upstream.requests(), arrived);
    assert_eq!(ready(&gateway).1["audit_log"], "failed");
    gateway.terminate();
}
