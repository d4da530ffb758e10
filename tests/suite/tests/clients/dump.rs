//! pg_dump, whose dumps tell of a database as they would without a gateway, but for the values that are hidden. The policy
//! stands in `policies/dump`.

use std::process::Command;

use hpol_support::postgres::{GATEWAY_USER, find_bin};
use hpol_support::process::check;
use hpol_support::world::World;

use crate::{client_of, suite};

/// A world of its own: nobody changes what is dumped.
fn world() -> World {
    let world = World::start(&suite().join("policies/dump")).unwrap();
    world
        .postgres
        .load("demo", &suite().join("data/dump.sql"))
        .unwrap();
    world
}

fn through_gateway(world: &World) -> Command {
    let program = find_bin().unwrap().join("pg_dump");
    client_of(world, program, "dumper", "operators")
}

fn to_server(world: &World, program: &str, database: &str) -> Command {
    let mut command = Command::new(find_bin().unwrap().join(program));
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", world.postgres.port().to_string())
        .env("PGUSER", GATEWAY_USER)
        .env("PGPASSWORD", world.postgres.password())
        .env("PGDATABASE", database);
    command
}

/// What it prints, without the word that every dump makes up for itself.
fn printed(command: &mut Command) -> String {
    let dump = String::from_utf8(check(command).unwrap().stdout).unwrap();
    let lines = dump.lines();
    let lines =
        lines.filter(|line| !line.starts_with(r"\restrict") && !line.starts_with(r"\unrestrict"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// A dump as the server gives it without a gateway, with the search path that the gateway leaves.
fn unguarded(world: &World, arguments: &[&str]) -> String {
    printed(to_server(world, "pg_dump", "demo").args(arguments)).replace(
        "set_config('search_path', '', false)",
        "set_config('search_path', 'pg_catalog', false)",
    )
}

#[test]
fn pg_dump_tells_of_all_that_is_not_hidden() {
    let world = world();
    for arguments in [
        &["--schema-only"][..],
        &["--schema=stock"],
        &["--data-only", "--schema=stock"],
        &["--data-only", "--schema=stock", "--column-inserts"],
        &["--table=orders", "--rows-per-insert=100"],
    ] {
        let dump = printed(through_gateway(&world).args(arguments));
        assert_eq!(dump, unguarded(&world, arguments), "{arguments:?}");
    }
}
