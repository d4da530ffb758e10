//! What becomes of sessions when the audit log fails under them.

use crate::http::{KeptOpen, Request};
use crate::{Serving, ready, serving};

#[test]
fn u_03_open_sessions_end_once_the_log_has_failed() {
    let Serving {
        upstream,
        folder,
        gateway,
        address,
        agent,
    } = serving();
    let mut open = KeptOpen::to(address);
    assert!(open.get(&agent).starts_with("HTTP/1.1 200 "));
    assert_eq!(gateway.metric("hpol_sessions_open"), Some(1.0));

    folder.remove_audit_log();
    let ask = || Request::get("/x").bearer(&agent).send(address);
    gateway.wait_for(|_| ask().status == 503);
    assert!(open.closed(), "the open session ends");
    gateway.wait_for(|gateway| gateway.metric("hpol_sessions_open") == Some(0.0));
    let arrived = upstream.requests();
    let refused = ask();
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("audit log"), "{}", refused.body);
    assert_eq!(upstream.requests(), arrived);
    assert_eq!(ready(&gateway).1["audit_log"], "failed");
    gateway.terminate();
}
