//! U-01, U-03: the audit log cannot be written. Nothing goes ahead, client and operator are told why, and a restart goes on
//! from what is on disk. A limit on the size of files stands in for a full disk: it needs no rights and no mount.

use std::path::Path;
use std::process::Command;

use hpol_support::curl::curl;
use hpol_support::gateway::Deployment;
use hpol_support::process::check;
use hpol_support::records::{Records, eventually};
use hpol_support::world::World;

const COUNT: &str = "SELECT count(*) FROM orders";

#[test]
fn u_01_when_the_log_cannot_be_written_nothing_goes_ahead() {
    let mut world = World::start_with(Deployment {
        policy: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/wide"),
        // The signal that comes with the limit would end the gateway; a full disk sends none.
        through: &["env", "--ignore-signal=XFSZ"],
        ..Deployment::default()
    })
    .unwrap();
    let agent = world
        .gateway
        .token("agent-7", &["autonomous-agents"])
        .unwrap();
    let url = world.url("/customers/7").unwrap();
    assert_eq!(
        world.psql(&agent).unwrap().run(&[COUNT]).unwrap().out,
        "1000\n"
    );
    assert_eq!(curl(Some(&agent), &[&url]).unwrap().status, 200);
    let arrived = world.upstream.requests().unwrap().len();

    // An open session meets the full disk between two statements.
    let mut session = world
        .psql(&agent)
        .unwrap()
        .spawn_script(&format!("{COUNT} \\watch 0.2\n"))
        .unwrap();
    let limit = |bytes: &str| {
        check(
            Command::new("prlimit")
                .arg(format!("--pid={}", world.gateway.id()))
                .arg(format!("--fsize={bytes}:unlimited")),
        )
        .unwrap();
    };
    eventually(&world.gateway, "the open session", |records| {
        (records.decisions("agent-7").len() > 3).then_some(())
    })
    .unwrap();
    limit("1");
    let told = session.await_line("58000").unwrap();
    assert!(told.contains("audit log"), "{told}");
    drop(session);

    for sql in [
        COUNT,
        "UPDATE orders SET status = 'unrecorded' WHERE id = 1",
    ] {
        let printed = world.psql(&agent).unwrap().run(&[sql]).unwrap();
        assert!(
            !printed.success && printed.out.is_empty(),
            "{sql}: {printed:?}"
        );
        assert!(printed.err.contains("audit log"), "{sql}: {printed:?}");
    }
    let answer = curl(Some(&agent), &[&url]).unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(
        world.upstream.requests().unwrap().len(),
        arrived,
        "nothing reached the service"
    );
    let status = world
        .postgres
        .execute("demo", "SELECT status FROM orders WHERE id = 1");
    assert_ne!(status.unwrap(), "unrecorded");

    // The operator sees it at a glance.
    let health = curl(
        None,
        &[&format!("{}/readyz", world.gateway.admin().unwrap())],
    )
    .unwrap();
    assert_eq!(health.status, 503, "{health:?}");
    let ready = health.json().unwrap();
    assert_eq!(ready["ready"], false);
    assert!(ready["reasons"].to_string().contains("log"), "{ready}");

    limit("unlimited");
    world.gateway.kill().unwrap();
    world.gateway.restart().unwrap();
    world.gateway.verify().unwrap();
    let agent = world
        .gateway
        .token("agent-8", &["autonomous-agents"])
        .unwrap();
    assert_eq!(
        world.psql(&agent).unwrap().run(&[COUNT]).unwrap().out,
        "1000\n"
    );
    let records = Records::of(&world.gateway).unwrap();
    assert!(
        records
            .decisions("agent-7")
            .iter()
            .all(|decision| decision["masked"] != "UPDATE orders SET status = ? WHERE id = ?"),
        "what could not be recorded did not happen"
    );
    world.gateway.stop().unwrap();
    world.gateway.verify().unwrap();
}
