//! Operations that wait for a person: asked by psql and curl, answered by real `hpol approvals` processes, with every step
//! in the log. The policy stands in `policies/approvals`.

mod binding;
mod over_http;
mod persons;
mod standing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_support::approvals;
use hpol_support::curl;
use hpol_support::gateway::Deployment;
use hpol_support::psql::Waiting;
use hpol_support::records::{Records, controls, eventually, strings};
use hpol_support::world::{Shared, World};
use serde_json::Value;

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD
        .get(|| {
            World::start_with(Deployment {
                policy: policy(),
                plaintext_clients: true,
                ..Deployment::default()
            })
        })
        .unwrap()
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/approvals")
}

fn agent(world: &World, name: &str) -> String {
    world.gateway.token(name, &["autonomous-agents"]).unwrap()
}

fn dba(world: &World, name: &str) -> String {
    world.gateway.token(name, &["dba"]).unwrap()
}

/// A psql that has been told that its statement waits, and the id of the approval.
fn ask(world: &World, token: &str, texts: &[&str]) -> (Waiting, String) {
    let mut psql = world.psql(token).unwrap().spawn(texts).unwrap();
    let notice = psql.await_line("waiting for approval").unwrap();
    assert!(notice.starts_with("NOTICE:  "), "{notice}");
    let (_, rest) = notice.split_once("waiting for approval ").unwrap();
    let (id, _) = rest.split_once(' ').unwrap();
    (psql, id.to_owned())
}

/// Runs `hpol approvals` and returns its exit code, output and error output.
fn hpol(world: &World, token: &str, arguments: &[&str]) -> (i32, String, String) {
    let printed = approvals::run(&world.gateway, token, arguments).unwrap();
    (printed.code, printed.out, printed.err)
}

fn vote(world: &World, token: &str, verb: &str, id: &str) -> (i32, String, String) {
    let printed = approvals::vote(&world.gateway, token, verb, id).unwrap();
    (printed.code, printed.out, printed.err)
}

/// The requests that the holder of `token` sees of `requester`.
fn listed(world: &World, token: &str, requester: &str) -> Vec<Value> {
    approvals::listed(&world.gateway, token, requester).unwrap()
}

/// Waits until `requester` has a request, and returns it.
fn await_request(world: &World, token: &str, requester: &str) -> Value {
    approvals::await_request(&world.gateway, token, requester, || false).unwrap()
}

fn status(world: &World, id: u32) -> String {
    let sql = format!("SELECT status FROM orders WHERE id = {id}");
    world.postgres.execute("demo", &sql).unwrap()
}

/// The events of an approval, as words.
fn course(records: &Records, id: &str) -> Vec<String> {
    let events = records.approval(id).into_iter().map(|record| {
        let event = record["event"].as_str().unwrap();
        match event {
            "approval_vote" => format!(
                "{} {} {}",
                event,
                record["vote"].as_str().unwrap(),
                record["accepted"]
            ),
            "approval_closed" => format!("{} {}", event, record["state"].as_str().unwrap()),
            "decision" => format!("{} {}", event, record["verdict"].as_str().unwrap()),
            _ => event.to_owned(),
        }
    });
    events.collect()
}

fn records(world: &World) -> Records {
    Records::of(&world.gateway).unwrap()
}

#[test]
fn an_approved_statement_runs_and_the_log_tells_its_course() {
    let world = world();
    let (asker, approver) = (agent(&world, "asker"), dba(&world, "approver"));
    let sql = "UPDATE orders SET status = 'approved-1' WHERE id = 101";
    let (psql, id) = ask(&world, &asker, &[sql]);
    assert_ne!(status(&world, 101), "approved-1", "nothing runs before");
    let [request] = &listed(&world, &approver, "asker")[..] else {
        panic!("one request")
    };
    assert_eq!(request["id"], *id);
    assert_eq!(request["state"], "pending");
    assert_eq!(request["exact"], sql);
    assert_eq!(request["rules"][0]["name"], "approvals.orders");

    let (code, shown, _) = hpol(&world, &approver, &["show", &id]);
    assert_eq!(code, 0);
    for wanted in [sql, "asker", "approvals.orders", "A person answers for it."] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let (code, _, err) = vote(&world, &approver, "approve", &id);
    assert_eq!(code, 0, "{err}");
    let printed = psql.finish().unwrap();
    assert!(
        printed.success && printed.out == "UPDATE 1\n",
        "{printed:?}"
    );
    assert_eq!(status(&world, 101), "approved-1");

    let records = records(&world);
    assert_eq!(
        course(&records, &id),
        [
            "approval_requested",
            "approval_vote approve true",
            "approval_closed approved",
            "decision allow",
        ]
    );
    let decisions = records.decisions("asker");
    let verdicts: Vec<&str> = decisions
        .iter()
        .map(|decision| decision["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["require_approval", "allow"]);
    assert_eq!(decisions[0]["operation"], decisions[1]["operation"]);
    let digest = request["digest"].as_str().unwrap();
    for decision in &decisions {
        let of = |digest: &str| {
            world
                .gateway
                .is_decision_of(&decision["sequence"], &["--digest", digest])
                .unwrap()
        };
        assert!(of(digest), "what was approved is what was recorded");
        assert!(!of(&"0".repeat(64)));
        assert!(!decision.to_string().contains(digest));
    }
    assert_eq!(strings(&decisions[1]["rules"]), ["approvals.orders"]);
    assert!(controls(decisions[1]).unwrap().contains(&"ac-5"));
    let outcome = records.outcome(decisions[1]).unwrap();
    assert_eq!(outcome["result"], "completed");
    assert_eq!(outcome["rows"], 1, "the row that was changed");
    let vote = records
        .approval(&id)
        .into_iter()
        .find(|record| record["event"] == "approval_vote")
        .unwrap();
    assert_eq!(vote["approver"]["id"], "approver");
    assert_eq!(vote["reason"], "because of the test");
}

#[test]
fn a_rejected_statement_does_not_run() {
    let world = world();
    let approver = dba(&world, "rejecter");
    let (psql, id) = ask(
        &world,
        &agent(&world, "rejected"),
        &["UPDATE orders SET status = 'rejected' WHERE id = 102"],
    );
    assert_eq!(vote(&world, &approver, "reject", &id).0, 0);
    let printed = psql.finish().unwrap();
    assert!(!printed.success);
    for wanted in [
        "ERROR:  42501: ",
        "rejected by rejecter",
        "because of the test",
    ] {
        assert!(printed.err.contains(wanted), "{wanted}: {}", printed.err);
    }
    assert_ne!(status(&world, 102), "rejected");
    let records = records(&world);
    assert_eq!(
        course(&records, &id),
        [
            "approval_requested",
            "approval_vote reject true",
            "approval_closed rejected"
        ]
    );
    // Once decided it stays decided.
    let (code, _, err) = vote(&world, &approver, "approve", &id);
    assert_eq!(code, 1, "{err}");
}

#[test]
fn p_09_silence_is_a_no() {
    let world = world();
    let (psql, id) = ask(
        &world,
        &agent(&world, "unheard"),
        &["UPDATE payments SET status = 'silent' WHERE id = 1"],
    );
    let printed = psql.finish().unwrap();
    assert!(
        printed.err.contains("ERROR:  42501: ") && printed.err.contains("was not decided in time"),
        "{printed:?}"
    );
    let silent = world.postgres.execute(
        "demo",
        "SELECT count(*) FROM payments WHERE status = 'silent'",
    );
    assert_eq!(silent.unwrap(), "0");
    assert_eq!(
        course(&records(&world), &id),
        ["approval_requested", "approval_closed expired"]
    );
    // P-05: a vote after the end changes nothing.
    let (code, _, err) = vote(&world, &dba(&world, "late-voter"), "approve", &id);
    assert_eq!(code, 1, "{err}");
}

#[test]
fn p_11_a_requester_who_leaves_withdraws() {
    let world = world();
    let approver = dba(&world, "patient");
    let (psql, id) = ask(
        &world,
        &agent(&world, "leaver"),
        &["UPDATE orders SET status = 'left' WHERE id = 106"],
    );
    psql.kill().unwrap();
    eventually(&world.gateway, "the withdrawal", |records| {
        (course(records, &id) == ["approval_requested", "approval_closed withdrawn"]).then_some(())
    })
    .unwrap();
    assert_eq!(vote(&world, &approver, "approve", &id).0, 1);
    assert_ne!(status(&world, 106), "left");
}

#[test]
fn p_11_a_cancel_withdraws() {
    let world = world();
    let approver = dba(&world, "cancelled-on");
    let (psql, id) = ask(
        &world,
        &agent(&world, "canceller"),
        &["UPDATE orders SET status = 'cancelled' WHERE id = 107"],
    );
    psql.interrupt().unwrap();
    let printed = psql.finish().unwrap();
    assert!(printed.err.contains("ERROR:  57014: "), "{printed:?}");
    assert_eq!(
        course(&records(&world), &id),
        ["approval_requested", "approval_closed withdrawn"]
    );
    assert_eq!(vote(&world, &approver, "approve", &id).0, 1);
    assert_ne!(status(&world, 107), "cancelled");
}

#[test]
fn a_block_is_never_approved_away() {
    let world = world();
    let psql = world.psql(&agent(&world, "deleter")).unwrap();
    let printed = psql.run(&["DELETE FROM orders WHERE id = 110"]).unwrap();
    assert!(
        printed.err.contains("approvals.nothing_is_deleted"),
        "{printed:?}"
    );
    assert!(listed(&world, &dba(&world, "unasked"), "deleter").is_empty());
    let records = records(&world);
    assert_eq!(
        strings(&records.decision("deleter").unwrap()["rules"]),
        ["approvals.nothing_is_deleted"]
    );
}
