//! psycopg 3 through the gateway: simple, extended and pipeline mode, COPY, cancel, streaming. What the client sees is in
//! the scripts under `python/`; what the log says of it is here. The policy stands in `policies/wide`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hpol_support::process::check;
use hpol_support::records::{Records, strings};
use hpol_support::world::{Shared, World};
use serde_json::Value;

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/wide");
    WORLD.get(|| World::start(&policy)).unwrap()
}

/// The Python that has psycopg.
fn python() -> PathBuf {
    let python = std::env::var_os("HPOL_TEST_PYTHON");
    python
        .expect("HPOL_TEST_PYTHON names no Python with psycopg; run `cargo xtask test`")
        .into()
}

/// Runs a script as an agent named after it and returns what the log holds of that agent.
fn run(world: &World, script: &str) -> Vec<(Value, Option<Value>)> {
    let token = world.gateway.token(script, &["autonomous-agents"]).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = Command::new(python());
    command
        .arg("-B")
        .arg(format!("{script}.py"))
        .current_dir(folder)
        .env("PGHOST", "127.0.0.1")
        .env(
            "PGPORT",
            world.gateway.port("orders-prod").unwrap().to_string(),
        )
        .env("PGUSER", "whoever")
        .env("PGDATABASE", "demo")
        .env("PGSSLMODE", "require")
        .env("PGPASSWORD", token);
    let output = check(&mut command).unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    let records = Records::of(&world.gateway).unwrap();
    let decisions = records.decisions(script);
    decisions
        .into_iter()
        .map(|decision| (decision.clone(), records.outcome(decision).cloned()))
        .collect()
}

/// The records of operations whose masked text has this in it.
fn about<'a>(
    records: &'a [(Value, Option<Value>)],
    text: &'a str,
) -> impl Iterator<Item = &'a (Value, Option<Value>)> {
    records
        .iter()
        .filter(move |(decision, _)| decision["masked"].as_str().unwrap().contains(text))
}

/// How many values of this class were masked in all.
fn masked(records: &[(Value, Option<Value>)], class: &str) -> u64 {
    let outcomes = records.iter().filter_map(|(_, outcome)| outcome.as_ref());
    outcomes
        .flat_map(|outcome| outcome["masked"].as_array().unwrap())
        .filter(|masked| masked["class"] == class)
        .map(|masked| masked["values"].as_u64().unwrap())
        .sum()
}

#[test]
fn the_simple_protocol() {
    let world = world();
    let records = run(&world, "simple");
    let drops: Vec<_> = about(&records, "DROP TABLE").collect();
    assert_eq!(drops.len(), 2);
    for (decision, outcome) in drops {
        assert_eq!(decision["verdict"], "block");
        assert_eq!(strings(&decision["rules"]), ["wide.no_schema"]);
        assert!(outcome.is_none());
    }
    assert_eq!(masked(&records, "wide.pii.ssn"), 3);
    assert!(
        !serde_json::to_string(&records)
            .unwrap()
            .contains("smuggled"),
        "values stay out of the log"
    );
}

#[test]
fn pg_20_21_41_the_extended_protocol_in_text_and_binary_and_prepared() {
    let world = world();
    let records = run(&world, "extended");
    assert!(
        records
            .iter()
            .all(|(decision, outcome)| (decision["verdict"] == "allow") == outcome.is_some()),
        "what went ahead has an outcome, and nothing else has"
    );
    let prepared: Vec<_> = about(&records, "SELECT ssn FROM customers WHERE id =").collect();
    assert_eq!(prepared.len(), 9, "each run is an operation of its own");
    let commitments: std::collections::BTreeSet<_> = prepared
        .iter()
        .map(|(decision, _)| decision["commitment"]["hash"].as_str().unwrap())
        .collect();
    assert_eq!(
        commitments.len(),
        9,
        "not even the two that are alike look alike"
    );
    assert_eq!(
        masked(&records, "wide.pii.card"),
        2,
        "in text and in binary"
    );
}

#[test]
fn pg_23_a_refusal_in_the_middle_of_a_pipeline() {
    let world = world();
    let records = run(&world, "pipeline");
    let [(drop, outcome)] = about(&records, "DROP TABLE").collect::<Vec<_>>()[..] else {
        panic!("the DROP was judged once")
    };
    assert_eq!(drop["verdict"], "block");
    assert!(outcome.is_none());
    assert_eq!(masked(&records, "wide.pii.ssn"), 39);
}

#[test]
fn pg_26_copy_in_and_out() {
    let world = world();
    let records = run(&world, "copy_both_ways");
    let [(_, Some(copied_in))] =
        about(&records, "COPY orders (id, customer_id, item").collect::<Vec<_>>()[..]
    else {
        panic!("the COPY went ahead once")
    };
    assert_eq!(copied_in["result"], "completed");
    let refused = |rule: &str| {
        records
            .iter()
            .filter(|(decision, _)| strings(&decision["rules"]).contains(&rule))
            .count()
    };
    assert_eq!(refused("wide.hide_ssn") + refused("wide.hide_cards"), 3);
    assert_eq!(refused("gateway"), 2, "programs and files of the server");
    let [(_, Some(given_up))] = about(&records, "COPY orders FROM STDIN").collect::<Vec<_>>()[..]
    else {
        panic!("the COPY that was given up was judged once")
    };
    assert_eq!(given_up["result"], "failed");
    assert_eq!(given_up["code"], "57014");
}

#[test]
fn pg_30_a_cancel_ends_the_statement_and_nothing_else() {
    let world = world();
    let records = run(&world, "cancel");
    let [(_, Some(outcome))] = about(&records, "generate_series").collect::<Vec<_>>()[..] else {
        panic!("the long statement went ahead once")
    };
    assert_eq!(outcome["result"], "failed");
    assert_eq!(outcome["code"], "57014");
}

#[test]
fn pg_34_a_name_is_judged_by_the_query_behind_it() {
    let world = world();
    let records = run(&world, "cursors");
    let refused = records
        .iter()
        .filter(|(decision, _)| strings(&decision["rules"]) == ["gateway"]);
    assert_eq!(refused.count(), 2, "what is not carried is refused by name");
}

#[test]
fn pg_50_a_large_result_streams() {
    let world = world();
    let records = run(&world, "stream");
    let outcome = records[0].1.as_ref().unwrap();
    assert_eq!(outcome["rows"], 200_000);
    assert_eq!(outcome["result"], "completed");
    assert_eq!(masked(&records, "wide.pii.ssn"), 400_000);
}

#[test]
fn pg_39_40_there_is_no_way_around_the_mask() {
    let world = world();
    run(&world, "disguises");
    let smuggled = world
        .postgres
        .execute("demo", "SELECT count(*) FROM orders WHERE item LIKE '987%'");
    assert_eq!(
        smuggled.unwrap(),
        "0",
        "no classified value moved to another table"
    );
}
