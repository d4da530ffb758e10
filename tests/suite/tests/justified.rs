//! Break-glass from end to end: psql and curl give a justification, the log flags what went ahead by it, and reviewers find
//! and answer it with real `hpol reviews` processes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_support::curl::curl;
use hpol_support::psql::Printed;
use hpol_support::records::{Records, eventually};
use hpol_support::world::{Shared, World};
use serde_json::Value;

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD.get(|| World::start(&policy())).unwrap()
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/glass")
}

fn update(world: &World, token: &str, id: u32, options: &str) -> Printed {
    let sql = format!("UPDATE orders SET status = 'repaired' WHERE id = {id}");
    let psql = world.psql(token).unwrap().env("PGOPTIONS", options);
    psql.run(&[&sql]).unwrap()
}

fn records(world: &World) -> Records {
    Records::of(&world.gateway).unwrap()
}

/// Runs `hpol reviews` and returns its exit code, output and error output.
fn hpol(world: &World, token: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = world.gateway.hpol(token).unwrap();
    let output = command.arg("reviews").args(arguments).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// What nobody has reviewed yet of what `subject` did; `--all` for all of it.
fn listed(world: &World, subject: &str, all: &[&str]) -> Vec<Value> {
    let log = world.gateway.log();
    let arguments = [&["list", "--json", "--log", log.to_str().unwrap()], all].concat();
    let (_, out, err) = hpol(world, "none", &arguments);
    let list: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {err}"));
    let operations = list["operations"].as_array().unwrap().iter();
    let own = operations.filter(|one| one["subject"]["id"] == subject);
    own.cloned().collect()
}

fn record(world: &World, token: &str, sequence: &str, finding: &str) -> (i32, String, String) {
    let reason = ["--reason", "looked at INC-4711"];
    let arguments = [&["record", sequence, finding][..], &reason].concat();
    hpol(world, token, &arguments)
}

#[test]
fn with_a_justification_it_runs_at_once_and_is_reviewed_by_somebody_else() {
    let world = world();
    let anna = world.gateway.token("anna", &["oncall", "dba"]).unwrap();
    let printed = update(
        &world,
        &anna,
        201,
        "-c hpol.justification=INC-4711:\\ stuck",
    );
    assert_eq!(printed.out, "UPDATE 1\n", "{printed:?}");
    let records_ = records(&world);
    let decision = records_.decision("anna").unwrap();
    assert_eq!(decision["verdict"], "allow");
    assert_eq!(decision["justification"]["text"], "INC-4711: stuck");
    assert_eq!(decision["justification"]["reviewers"][0], "glass.dbas");

    let [open] = &listed(&world, "anna", &[])[..] else {
        panic!("one waits for a review")
    };
    let sequence = open["sequence"].to_string();
    // Neither who did it, nor somebody who reviews nothing.
    let (code, _, err) = record(&world, &anna, &sequence, "--justified");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("you did this yourself"), "{err}");
    let stranger = world.gateway.token("stranger", &["oncall"]).unwrap();
    let (code, _, err) = record(&world, &stranger, &sequence, "--justified");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("nothing at record"), "{err}");
    assert_eq!(listed(&world, "anna", &[]).len(), 1);

    let dana = world.gateway.token("dana", &["dba"]).unwrap();
    let (code, _, err) = record(&world, &dana, "0", "--justified");
    assert_eq!(code, 1, "the first record is no decision: {err}");
    let (code, out, err) = record(&world, &dana, &sequence, "--unjustified");
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, format!("record {sequence}: unjustified\n"));
    assert!(listed(&world, "anna", &[]).is_empty());
    let all = listed(&world, "anna", &["--all"]);
    assert_eq!(all[0]["review"]["reviewer"], "dana");
    assert_eq!(all[0]["review"]["finding"], "unjustified");
    let reviews = records(&world);
    let reviews: Vec<&Value> = reviews.events("justification_reviewed").collect();
    assert_eq!(reviews.len(), 1);
    assert_eq!(reviews[0]["operation"], decision["operation"]);
    assert_eq!(reviews[0]["reviewer"]["id"], "dana");
    world.gateway.verify().unwrap();
}

#[test]
fn without_one_psql_is_told_how_to_give_it() {
    let world = world();
    let token = world.gateway.token("hasty", &["oncall"]).unwrap();
    let printed = update(&world, &token, 202, "");
    assert!(!printed.success);
    assert!(
        printed.err.contains("blocked by glass.repair"),
        "{printed:?}"
    );
    assert!(
        printed.err.contains("PGOPTIONS=\"-c hpol.justification="),
        "{printed:?}"
    );
    assert!(listed(&world, "hasty", &["--all"]).is_empty());
    let long = format!("-c hpol.justification={}", "x".repeat(257));
    let printed = update(&world, &token, 202, &long);
    assert!(
        !printed.success && printed.err.contains("256 bytes"),
        "{printed:?}"
    );
}

#[test]
fn over_http_it_is_a_header_of_the_request_that_the_service_does_not_see() {
    let world = world();
    let token = world.gateway.token("caller", &["oncall"]).unwrap();
    let url = world.url("/contacts/glass").unwrap();
    let post = ["-X", "POST", "-d", "{}"];
    let refused = curl(Some(&token), &[&post[..], &[&url]].concat()).unwrap();
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.body.contains("Hpol-Justification"), "{refused:?}");
    let header = ["-H", "Hpol-Justification: INC-4711"];
    let with_reason = [&post[..], &header, &[&url]].concat();
    let answer = curl(Some(&token), &with_reason).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    let requests = world.upstream.requests().unwrap();
    let arrived: Vec<&Value> = requests
        .iter()
        .filter(|request| {
            request["path"]
                .as_str()
                .unwrap()
                .contains("/contacts/glass")
        })
        .collect();
    assert_eq!(arrived.len(), 1);
    let seen = arrived[0].to_string().to_lowercase();
    assert!(!seen.contains("inc-4711"), "{seen}");
    let twice = [&post[..], &header, &header, &[&url]].concat();
    assert_eq!(curl(Some(&token), &twice).unwrap().status, 400);
    assert_eq!(listed(&world, "caller", &[]).len(), 1);
}

#[test]
fn a_block_can_end_the_session() {
    let world = world();
    let token = world.gateway.token("dropper", &["oncall"]).unwrap();
    let psql = world.psql(&token).unwrap();
    let psql = psql.env("PGOPTIONS", "-c hpol.justification=INC-1");
    let read = "SELECT count(*) > 0 FROM orders";
    let printed = psql.run(&[read, "DROP TABLE payments", read]).unwrap();
    assert!(!printed.success, "{printed:?}");
    assert_eq!(printed.out, "t\n", "nothing runs behind it: {printed:?}");
    assert!(printed.err.contains("FATAL:  42501"), "{printed:?}");
    assert!(printed.err.contains("glass.no_drops"), "{printed:?}");
    let url = world.url("/contacts/1").unwrap();
    let answer = curl(Some(&token), &["-X", "DELETE", &url]).unwrap();
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.headers.contains("connection: close"), "{answer:?}");
    let closed = |records: &Records| {
        let sessions: Vec<&str> = records
            .decisions("dropper")
            .into_iter()
            .filter(|decision| decision["ends_session"] == true)
            .map(|decision| decision["session"].as_str().unwrap())
            .collect();
        let closed = records.events("session_closed");
        let closed = closed.filter(|one| sessions.contains(&one["session"].as_str().unwrap()));
        (sessions.len() == 2 && closed.count() == 2).then_some(())
    };
    eventually(&world.gateway, "both sessions end", closed).unwrap();
}
