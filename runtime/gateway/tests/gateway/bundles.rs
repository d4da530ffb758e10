//! Bundles that are missing, old, foreign or altered.

use crate::http::{Request, Upstream};
use crate::process::{CONNECTION, Folder, Gateway};
use crate::{ready, token};
use serde_json::Value;

#[test]
fn b_01_without_a_bundle_everything_is_denied_until_one_is_loaded() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    let gateway = Gateway::start(&folder);
    let agent = token(&gateway, "agent-7", "agents");
    assert_eq!(Request::get("/healthz").send(gateway.admin()).status, 200);
    let (status, body) = ready(&gateway);
    assert_eq!((status, &body["bundle"]), (503, &Value::Null), "{body}");
    let denied = Request::get("/things")
        .bearer(&agent)
        .send(gateway.connection(CONNECTION));
    assert_eq!(denied.status, 503, "{}", denied.body);
    assert_eq!(upstream.requests(), 0);

    folder.write_bundle(5);
    gateway.hang_up();
    gateway.wait_for(|gateway| ready(gateway).0 == 200);
    assert_eq!(ready(&gateway).1["bundle"]["sequence"], 5);
    let allowed = Request::get("/things")
        .bearer(&agent)
        .send(gateway.connection(CONNECTION));
    assert_eq!((allowed.status, allowed.body.as_str()), (200, "thing"));

    gateway.terminate();
    let events = folder.events();
    for event in [
        "gateway_started",
        "bundle_refused",
        "session_refused",
        "bundle_loaded",
        "session_opened",
        "session_closed",
    ] {
        assert!(
            events.iter().any(|found| found == event),
            "{event} in {events:?}"
        );
    }
    assert_eq!(events.last().unwrap(), "gateway_stopped");
}

#[test]
fn b_01_b_02_a_refused_bundle_leaves_the_old_one_in_force_also_over_a_restart() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(5);
    let gateway = Gateway::start(&folder);
    assert_eq!(ready(&gateway).0, 200);
    let mut refusals = 0;
    let mut refuse = |gateway: &Gateway| {
        refusals += 1;
        gateway.hang_up();
        gateway.wait_for(|gateway| {
            gateway.metric("hpol_bundle_refusals_total") == Some(f64::from(refusals))
        });
        assert_eq!(ready(gateway).1["bundle"]["sequence"], 5);
    };
    folder.write_bundle(4);
    refuse(&gateway);
    folder.write_bundle_of_a_stranger(9);
    refuse(&gateway);
    folder.write_altered_bundle(9);
    refuse(&gateway);
    folder.remove_bundle();
    refuse(&gateway);
    gateway.terminate();

    folder.write_bundle(4);
    let again = Gateway::start(&folder);
    let (status, body) = ready(&again);
    assert_eq!(
        (status, &body["bundle"]),
        (503, &Value::Null),
        "an older bundle came back with a restart"
    );
    folder.write_bundle(6);
    again.hang_up();
    again.wait_for(|gateway| ready(gateway).0 == 200);
    again.terminate();
}
