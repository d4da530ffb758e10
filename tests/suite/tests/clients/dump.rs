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

#[test]
fn pg_26_a_dump_of_masked_columns_holds_no_value_of_them_and_can_be_restored() {
    let world = world();
    let dump = printed(&mut through_gateway(&world));
    let unguarded = unguarded(&world, &[]);
    assert!(
        unguarded.contains("987-65-4321"),
        "nothing had to be hidden"
    );
    let masked: String = unguarded
        .split_inclusive("987-65-432")
        .map(|part| part.replace("987-65-432", "***-**-432"))
        .collect();
    let differing: Vec<(&str, &str)> = dump
        .lines()
        .zip(masked.lines())
        .filter(|(left, right)| left != right)
        .collect();
    // What is left are the cards of payments.
    assert_eq!(dump.lines().count(), masked.lines().count());
    assert_eq!(differing.len(), 1000, "{:?}", differing.first());
    for (left, right) in differing {
        let (left, right): (Vec<&str>, Vec<&str>) =
            (left.split('\t').collect(), right.split('\t').collect());
        assert_eq!((left[2], left[4]), ("***", right[4]));
    }
    for (kind, name) in [("-Fc", "custom"), ("-Ft", "tar")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dump");
        check(through_gateway(&world).arg(kind).arg("-f").arg(&file)).unwrap();
        let sql = format!("CREATE DATABASE {name} OWNER {GATEWAY_USER}");
        world.postgres.execute("postgres", &sql).unwrap();
        let mut restore = to_server(&world, "pg_restore", name);
        check(restore.args(["--exit-on-error", "-d", name]).arg(&file)).unwrap();
        for (sql, wanted) in [
            (
                "SELECT count(*), min(left(ssn, 10)), max(left(ssn, 10)) FROM customers",
                "1000|***-**-432|***-**-432",
            ),
            ("SELECT DISTINCT card_number FROM payments", "***"),
            (
                "SELECT id, number, label, bytes, tags FROM stock.items WHERE id = 1",
                "1|7|tab\tline\nback\\slash\r|\\x00ff|{\"a b\",\"c\\\"d\",NULL}",
            ),
        ] {
            assert_eq!(world.postgres.execute(name, sql).unwrap(), wanted, "{sql}");
        }
    }
}
