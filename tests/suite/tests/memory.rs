//! PG-50, D-05: what the gateway's memory does under a large result, a client that does not read, and sessions that only
//! wait. `HPOL_RESULT_MIB` sets how large the result is. Bounds are on memory, never on time.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hpol_support::gateway::Deployment;
use hpol_support::process::START_DEADLINE;
use hpol_support::wire::Wire;
use hpol_support::world::World;

/// What a result may add, however large it is.
const GROWTH_KIB: u64 = 16 * 1024;

/// Sessions that wait at a time; PostgreSQL takes a hundred.
const IDLE: u64 = 50;

/// What a session that waits may take. A program that is not optimised takes more than one that is.
const IDLE_KIB: u64 = if cfg!(debug_assertions) { 1_024 } else { 64 };

/// Bytes of a row of the large result.
const ROW: usize = 64 * 1024;

fn world(policy: &str) -> Arc<World> {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let deployment = Deployment {
        policy: policies.join(policy),
        plaintext_clients: true,
        ..Deployment::default()
    };
    Arc::new(World::start_with(deployment).unwrap())
}

/// A figure of the gateway's process, in KiB.
fn status(world: &World, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", world.gateway.id())).unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Lets the peak start again from what is in use now, and returns that.
fn forget_peak(world: &World) -> u64 {
    std::fs::write(format!("/proc/{}/clear_refs", world.gateway.id()), "5").unwrap();
    status(world, "VmHWM:")
}

fn rows(mib: usize) -> usize {
    mib * 1024 * 1024 / ROW
}

/// A result of this many rows, with a column that is masked beside a long one.
fn large(rows: usize) -> String {
    format!(
        "SELECT c.ssn, repeat('0123456789abcdef', {}) FROM generate_series(1, {rows}) n JOIN customers c ON c.id = 1 + n % 1000",
        ROW / 16
    )
}

fn count_rows(wire: &mut Wire) -> usize {
    let mut rows = 0;
    wire.until_ready(|tag, body| {
        assert_ne!(tag, b'E', "{}", String::from_utf8_lossy(body));
        if tag == b'D' {
            rows += 1;
            assert!(body[6..].starts_with(b"***-**-432"), "masked in every row");
        }
    })
    .unwrap();
    rows
}

#[test]
fn pg_50_a_large_result_does_not_grow_the_gateway() {
    let mib = match std::env::var("HPOL_RESULT_MIB") {
        Ok(number) => number.parse().expect("HPOL_RESULT_MIB is a number"),
        Err(_) => 32,
    };
    let world = world("clients");
    let mut wire = Wire::login(&world.gateway, "wide").unwrap();
    wire.query(&large(16)).unwrap();
    assert_eq!(count_rows(&mut wire), 16);
    let before = forget_peak(&world);
    wire.query(&large(rows(mib))).unwrap();
    assert_eq!(count_rows(&mut wire), rows(mib));
    let growth = status(&world, "VmHWM:") - before;
    println!("{mib} MiB went through with {growth} KiB more than {before} KiB");
    assert!(growth < GROWTH_KIB, "{growth} KiB");
}

#[test]
fn pg_50_a_client_that_does_not_read_holds_up_only_itself() {
    let world = world("clients");
    let mut slow = Wire::login(&world.gateway, "slow").unwrap();
    let mut other = Wire::login(&world.gateway, "other").unwrap();
    other.query(&large(16)).unwrap();
    count_rows(&mut other);
    let before = forget_peak(&world);
    slow.query(&large(rows(32))).unwrap();
    // Whoever sends to the slow client waits for it, up to the server.
    let deadline = Instant::now() + START_DEADLINE;
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'";
    while world.postgres.execute("demo", waits).unwrap() != "1" {
        assert!(Instant::now() < deadline, "the server never had to wait");
        std::thread::sleep(Duration::from_millis(50));
    }
    other.query(&large(16)).unwrap();
    assert_eq!(count_rows(&mut other), 16);
    let growth = status(&world, "VmHWM:") - before;
    assert!(growth < GROWTH_KIB, "{growth} KiB");
    // It gets everything once it reads.
    assert_eq!(count_rows(&mut slow), rows(32));
}

#[test]
fn sessions_that_wait_take_little() {
    let world = world("clients");
    let open = |number: u64| {
        let mut wire = Wire::login(&world.gateway, &format!("idle-{number}")).unwrap();
        wire.query("SELECT ssn FROM customers WHERE id = 1")
            .unwrap();
        assert_eq!(count_rows(&mut wire), 1);
        wire
    };
    // What is set up once is there.
    let first: Vec<Wire> = (0..10).map(open).collect();
    let before = status(&world, "VmRSS:");
    let sessions: Vec<Wire> = (10..10 + IDLE).map(open).collect();
    // The allocator may have given back meanwhile what setting up took.
    let each = status(&world, "VmRSS:").saturating_sub(before) / IDLE;
    println!("{each} KiB for each of {IDLE} sessions that wait");
    assert!(each < IDLE_KIB, "{each} KiB");
    drop((first, sessions));
}
