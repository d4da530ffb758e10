//! The policy package `agents-with-memory` before real servers: what an agent did over one protocol decides what it may do
//! over the other, and what it has read, what it may still read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_support::curl::{Answer, curl};
use hpol_support::gateway::hpol;
use hpol_support::records::{Records, eventually, strings};
use hpol_support::world::{Shared, World};

static WORLD: Shared<World> = Shared::new();

/// Reads a column in clear that is personal data.
const PERSONAL: &str = "SELECT email FROM customers WHERE id = 7";

fn world() -> Arc<World> {
    WORLD.get(|| World::start(&policy())).unwrap()
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/agents-with-memory")
}

fn agent(world: &World, name: &str) -> String {
    world.gateway.token(name, &["autonomous-agents"]).unwrap()
}

fn post(world: &World, token: &str, path: &str) -> Answer {
    let url = world.url(path).unwrap();
    let json = "Content-Type: application/json";
    curl(Some(token), &["-X", "POST", "-H", json, "-d", "{}", &url]).unwrap()
}

/// How often the service saw a request to this path.
fn arrived(world: &World, path: &str) -> usize {
    let requests = world.upstream.requests().unwrap();
    requests
        .iter()
        .filter(|request| request["path"].as_str().unwrap().contains(path))
        .count()
}

#[test]
fn who_has_read_personal_data_posts_nothing() {
    let world = world();
    let token = agent(&world, "curious");
    let printed = world.psql(&token).unwrap();
    let printed = printed.run(&["SELECT id FROM customers WHERE id = 7"]);
    assert_eq!(printed.unwrap().out, "7\n");
    // What is in flight may release anything.
    wait_for_outcome(&world, "curious");
    post(&world, &token, "/notes/before");
    assert_eq!(arrived(&world, "/notes/before"), 1);

    let printed = world.psql(&token).unwrap().run(&[PERSONAL]).unwrap();
    assert_eq!(printed.out, "customer7@example.com\n");
    let answer = post(&world, &token, "/notes/after");
    assert_eq!(answer.status, 403, "{answer:?}");
    let problem = answer.json().unwrap();
    let rule = "agents.memory.nothing_out_after_personal_data";
    assert_eq!(strings(&problem["rules"]), [rule]);
    assert_eq!(arrived(&world, "/notes/after"), 0);
    let url = world.url("/notes/reading").unwrap();
    assert_eq!(curl(Some(&token), &[&url]).unwrap().status, 200);

    // What another subject has read is not what this one has read.
    post(&world, &agent(&world, "innocent"), "/notes/innocent");
    assert_eq!(arrived(&world, "/notes/innocent"), 1);
}

#[test]
fn the_rows_of_an_hour_are_counted() {
    let world = world();
    let token = agent(&world, "hungry");
    let page = "SELECT id FROM orders";
    let printed = world.psql(&token).unwrap().run(&[page; 6]).unwrap();
    assert_eq!(printed.out.lines().count(), 5_000);
    assert!(
        printed
            .err
            .contains("You have had your 5000 rows for this hour"),
        "{}",
        printed.err
    );
    // Another session is the same subject.
    let again = world.psql(&token).unwrap().run(&[page]).unwrap();
    assert_eq!(again.out, "");
    let records = Records::of(&world.gateway).unwrap();
    let verdicts: Vec<&str> = records
        .decisions("hungry")
        .into_iter()
        .filter_map(|decision| decision["verdict"].as_str())
        .collect();
    assert_eq!(
        verdicts,
        [
            "allow", "allow", "allow", "allow", "allow", "block", "block"
        ]
    );
}

/// What the gateway recorded is enough to say which rules decided, and for some of the others why not.
#[test]
fn a_recorded_decision_is_explained_by_the_bundle_that_made_it() {
    let world = world();
    let token = agent(&world, "explained");
    let page = "SELECT id FROM customers WHERE id = 7";
    let printed = world.psql(&token).unwrap().run(&[page]).unwrap();
    assert_eq!(printed.out, "7\n");
    wait_for_outcome(&world, "explained");
    let records = Records::of(&world.gateway).unwrap();
    let decision = records.decision("explained").unwrap();
    let operation = decision["operation"].as_str().unwrap();
    let folder = world.gateway.folder();
    let output = hpol()
        .unwrap()
        .args(["explain", operation, "--log"])
        .arg(world.gateway.log())
        .arg("--policy")
        .arg(folder.join("policy.hpolb"))
        .arg("--key")
        .arg(folder.join("policy.key.pub"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    for said in [
        "allowed by agents.memory.read_orders\n",
        "  agents.memory.read_orders decides (allow limit rows 1000, ",
        "sql.verbs = [select], sql.reads is not recorded",
        "  agents.memory.hide_ssn obliges (mask ",
        "connection.kind == http is false; saw connection.kind = postgres\n",
        "completed, 1 row",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
}

/// Waits until the one operation of the subject has ended.
fn wait_for_outcome(world: &World, subject: &str) {
    eventually(&world.gateway, "the outcome", |records| {
        let decision = records.decision(subject).ok()?;
        records.outcome(decision).map(|_| ())
    })
    .unwrap();
}
