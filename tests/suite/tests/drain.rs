//! D-02: SIGTERM. What runs is finished and answered, who only waits is told, and the log ends in good order.

use std::path::Path;

use hpol_support::gateway::{Deployment, Gateway};
use hpol_support::postgres::PostgresServer;
use hpol_support::psql::Psql;
use hpol_support::records::{Records, eventually};
use hpol_support::world::demo_data;
use serde_json::Value;

/// Runs for a second or two, and counts to twelve million.
const LONG: &str = "SELECT count(*) FROM generate_series(1, 3000) a, generate_series(1, 4000) b";

#[test]
fn d_02_a_statement_that_runs_is_finished_before_the_gateway_ends() {
    let postgres = PostgresServer::start().unwrap();
    postgres.load("demo", &demo_data()).unwrap();
    let mut gateway = Gateway::start(&Deployment {
        policy: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/wide"),
        postgres: Some(&postgres),
        ..Deployment::default()
    })
    .unwrap();
    let port = gateway.port("orders-prod").unwrap();
    let busy = gateway.token("busy", &["autonomous-agents"]).unwrap();
    let idle = gateway.token("idle", &["autonomous-agents"]).unwrap();
    let busy = Psql::new(port, &busy).spawn(&[LONG]).unwrap();
    // One that asks now and then and is idle in between.
    let idle = Psql::new(port, &idle)
        .spawn_script("SELECT count(*) FROM orders \\watch 0.5\n")
        .unwrap();
    let decided = |records: &Records, who: &str| !records.decisions(who).is_empty();
    eventually(&gateway, "both at work", |records| {
        (decided(records, "busy") && decided(records, "idle")).then_some(())
    })
    .unwrap();
    assert!(gateway.stop().unwrap(), "it ends in good order");

    let busy = busy.finish().unwrap();
    assert_eq!(busy.out, "12000000\n", "{busy:?}");
    let idle = idle.finish().unwrap();
    assert!(
        idle.err.contains("57P01") && idle.err.contains("the gateway is shutting down"),
        "{idle:?}"
    );
    gateway.verify().unwrap();
    let records = Records::of(&gateway).unwrap();
    let last: &Value = records.0.last().unwrap();
    assert_eq!(last["event"], "gateway_stopped", "{last}");
    for opened in records.events("session_opened") {
        assert!(
            records
                .events("session_closed")
                .any(|closed| closed["session"] == opened["session"]),
            "{opened}"
        );
    }
    let outcome = records.outcome(records.decision("busy").unwrap()).unwrap();
    assert_eq!(outcome["result"], "completed");
}
