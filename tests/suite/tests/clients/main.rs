//! The clients that people use, each on the same walk through the gateway: what is allowed comes back masked, what is blocked
//! is the client's own exception, transactions, prepared statements, large results, a cancel, and an operation that waits for
//! a person. What a client sees is in its script under `python/`, `node/` and `java/`; what the log holds is here. The policy
//! stands in `policies/clients`.

mod dump;
mod programs;
mod rust;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use hpol_support::approvals;
use hpol_support::process::{Running, check};
use hpol_support::records::{Records, strings};
use hpol_support::world::{Shared, World};

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD
        .get(|| World::start(&suite().join("policies/clients")))
        .unwrap()
}

fn suite() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What `cargo xtask test` installed, by the variable that says where.
fn installed(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} is not set; run `cargo xtask test`"),
    }
}

/// A client that finds the gateway by libpq's variables: TLS with a verified certificate, the token as password.
fn client(world: &World, program: impl Into<OsString>, name: &str) -> Command {
    client_of(world, program, name, "autonomous-agents")
}

/// The same of another group.
fn client_of(world: &World, program: impl Into<OsString>, name: &str, group: &str) -> Command {
    let token = world.gateway.token(name, &[group]).unwrap();
    let port = world.gateway.port("orders-prod").unwrap();
    let mut command = Command::new(program.into());
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", port.to_string())
        .env("PGUSER", "whoever")
        .env("PGDATABASE", "demo")
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", world.gateway.certificate())
        .env("PGPASSWORD", token)
        .stdin(Stdio::null());
    command
}

/// Has `command` walk as `name`, on the row `id` of orders and payments, and a person agree to the one operation that waits.
fn walk(world: &World, name: &str, id: u32, command: &mut Command) {
    let mut running = Running::start(command.env("WALK_ID", id.to_string())).unwrap();
    let dba = world.gateway.token("agreeable", &["dba"]).unwrap();
    let request =
        approvals::await_request(&world.gateway, &dba, name, || !running.is_alive()).unwrap();
    let approval = request["id"].as_str().unwrap();
    let said = approvals::vote(&world.gateway, &dba, "approve", approval).unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(running.wait().unwrap(), "the walk of `{name}` failed");
    assert_walked(world, name, id);
}

/// What the log and the database hold of a walk.
fn assert_walked(world: &World, name: &str, id: u32) {
    let records = Records::of(&world.gateway).unwrap();
    let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut masked = 0;
    for decision in records.decisions(name) {
        let verdict = decision["verdict"].as_str().unwrap();
        *verdicts.entry(verdict).or_default() += 1;
        if verdict == "block" && strings(&decision["rules"]) == ["clients.no_schema"] {
            *verdicts.entry("schema").or_default() += 1;
        }
        // What waited is decided twice, and has one outcome.
        let outcome = records.outcome(decision);
        assert_eq!(outcome.is_some(), verdict != "block", "{decision}");
        let masks = outcome.and_then(|outcome| outcome["masked"].as_array());
        for mask in masks.into_iter().flatten() {
            assert_eq!(mask["class"], "clients.pii.ssn");
            masked += mask["values"].as_u64().unwrap();
        }
    }
    assert!(verdicts["schema"] >= 2, "{verdicts:?}");
    assert_eq!(verdicts["require_approval"], 1, "{verdicts:?}");
    assert!(masked >= 50_000, "{masked} values were masked");
    let now = |table: &str, column: &str| {
        let sql = format!("SELECT {column} FROM {table} WHERE id = {id}");
        world.postgres.execute("demo", &sql).unwrap()
    };
    assert_eq!(now("orders", "item"), name, "what was committed is there");
    assert_eq!(
        now("payments", "status"),
        name,
        "what was approved is there"
    );
}

/// A script of `python/` with the packages that the tests have installed.
fn python(world: &World, name: &str, script: &str) -> Command {
    let mut command = client(world, installed("HPOL_TEST_PYTHON"), name);
    command
        .arg("-B")
        .arg(script)
        .current_dir(suite().join("python"));
    command
}

#[test]
fn psycopg2() {
    let world = world();
    let mut command = python(&world, "psycopg2", "psycopg2_walk.py");
    walk(&world, "psycopg2", 11, &mut command);
}

#[test]
fn asyncpg() {
    let world = world();
    let mut command = python(&world, "asyncpg", "asyncpg_walk.py");
    walk(&world, "asyncpg", 12, &mut command);
}

#[test]
fn psycopg2_cursors_and_reset() {
    check(&mut python(
        &world(),
        "psycopg2-cursors",
        "psycopg2_cursors.py",
    ))
    .unwrap();
}

#[test]
fn asyncpg_resets_what_its_pool_hands_on() {
    check(&mut python(&world(), "asyncpg-pool", "asyncpg_pool.py")).unwrap();
}

#[test]
fn node_postgres_with_its_cursor_and_its_pool() {
    let world = world();
    let mut command = client(&world, "node", "pg");
    command
        .arg(suite().join("node/pg_walk.mjs"))
        .current_dir(installed("HPOL_TEST_NODE"));
    walk(&world, "pg", 13, &mut command);
}

#[test]
fn jdbc() {
    let world = world();
    let mut command = client(&world, "java", "jdbc");
    command
        .arg("-cp")
        .arg(installed("HPOL_TEST_JDBC"))
        .arg(suite().join("java/Walk.java"));
    walk(&world, "jdbc", 14, &mut command);
}
