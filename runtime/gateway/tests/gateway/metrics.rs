//! What Prometheus reads.

use crate::http::{Request, Upstream};
use crate::process::{CONNECTION, Folder, Gateway};
use crate::token;

#[test]
fn decisions_sessions_log_and_bundle_are_counted() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(7);
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    for (method, status) in [("GET", 200), ("GET", 200), ("DELETE", 403)] {
        let reply = Request::new(method, "/things")
            .bearer(&agent)
            .send(gateway.connection(CONNECTION));
        assert_eq!(reply.status, status, "{}", reply.body);
    }
    gateway.wait_for(|gateway| gateway.metric("hpol_sessions_open") == Some(0.0));
    let page = Request::get("/metrics").send(gateway.admin()).body;
    for line in [
        "hpol_operations_total{protocol=\"http\",connection=\"crm\",verdict=\"allow\"} 2",
        "hpol_operations_total{protocol=\"http\",connection=\"crm\",verdict=\"block\"} 1",
        "hpol_decision_seconds_count{protocol=\"http\",verdict=\"allow\"} 2",
        "hpol_decision_seconds_bucket{protocol=\"http\",verdict=\"block\",le=\"+Inf\"} 1",
        "hpol_operations_ended_total{result=\"completed\"} 2",
        "hpol_evidence_state{state=\"failed\"} 0",
        "hpol_bundle_sequence 7",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    let log_state = gateway.metric("hpol_evidence_state");
    assert_eq!(log_state, Some(1.0), "it is in one state");
    let (started, loaded) = (
        gateway.metric("hpol_start_time_seconds").unwrap(),
        gateway.metric("hpol_bundle_loaded_time_seconds").unwrap(),
    );
    assert!(1e9 < started && started <= loaded, "{started} {loaded}");
    gateway.terminate();
}
