//! Operations that wait for a person: asked by psql and curl, answered by real `hpol approvals` processes, with every step
//! in the log. The policy stands in `policies/approvals`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hpol_support::curl;
use hpol_support::gateway::Deployment;
use hpol_support::process::START_DEADLINE;
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
    let mut command = world.gateway.hpol(token).unwrap();
    let output = command.arg("approvals").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn vote(world: &World, token: &str, verb: &str, id: &str) -> (i32, String, String) {
    hpol(world, token, &[verb, id, "--reason", "because of the test"])
}

/// The requests that the holder of `token` sees of `requester`.
fn listed(world: &World, token: &str, requester: &str) -> Vec<Value> {
    let (code, out, err) = hpol(world, token, &["list", "--json"]);
    assert_eq!(code, 0, "{err}");
    let list: Value = serde_json::from_str(&out).unwrap();
    let approvals = list["approvals"].as_array().unwrap();
    approvals
        .iter()
        .filter(|approval| approval["requester"]["id"] == requester)
        .cloned()
        .collect()
}

/// Waits until `requester` has a request, and returns it.
fn await_request(world: &World, token: &str, requester: &str) -> Value {
    let deadline = Instant::now() + START_DEADLINE;
    while Instant::now() < deadline {
        let pending = listed(world, token, requester)
            .into_iter()
            .find(|approval| approval["state"] == "pending");
        if let Some(pending) = pending {
            return pending;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("`{requester}` never asked for anything")
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
    assert_eq!(decisions[0]["digest"], request["digest"]);
    assert_eq!(decisions[1]["digest"], request["digest"]);
    assert_eq!(strings(&decisions[1]["rules"]), ["approvals.orders"]);
    assert!(controls(decisions[1]).unwrap().contains(&"ac-5"));
    assert_eq!(
        records.outcome(decisions[1]).unwrap()["result"],
        "completed"
    );
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
fn p_01_nobody_approves_their_own_request() {
    let world = world();
    let both = world
        .gateway
        .token("both", &["autonomous-agents", "dba"])
        .unwrap();
    let (psql, id) = ask(
        &world,
        &both,
        &["UPDATE orders SET status = 'own' WHERE id = 103"],
    );
    let (code, _, err) = vote(&world, &both, "approve", &id);
    assert_eq!(code, 1);
    assert!(
        err.contains("you asked for this operation yourself"),
        "{err}"
    );
    // Another token of the same person is the same person.
    let (code, _, _) = vote(&world, &dba(&world, "both"), "approve", &id);
    assert_eq!(code, 1);
    assert_ne!(status(&world, 103), "own");
    assert_eq!(vote(&world, &dba(&world, "another"), "approve", &id).0, 0);
    assert!(psql.finish().unwrap().success);
    assert_eq!(status(&world, 103), "own");
    assert_eq!(
        course(&records(&world), &id),
        [
            "approval_requested",
            "approval_vote approve false",
            "approval_vote approve false",
            "approval_vote approve true",
            "approval_closed approved",
            "decision allow",
        ]
    );
}

#[test]
fn only_those_whom_the_rule_names_see_and_decide() {
    let world = world();
    let (psql, id) = ask(
        &world,
        &agent(&world, "shy"),
        &["UPDATE orders SET status = 'shy' WHERE id = 104"],
    );
    let outsider = agent(&world, "outsider");
    assert!(listed(&world, &outsider, "shy").is_empty());
    for arguments in [
        vec!["show", &id],
        vec!["approve", &id, "--reason", "why not"],
        vec!["reject", &id, "--reason", "why not"],
    ] {
        let (code, out, err) = hpol(&world, &outsider, &arguments);
        assert_eq!(code, 1, "{arguments:?}: {err}");
        assert_eq!(out, "");
    }
    let (code, _, err) = hpol(&world, "not-a-token", &["list"]);
    assert_eq!(code, 1, "{err}");
    assert_eq!(vote(&world, &dba(&world, "insider"), "reject", &id).0, 0);
    assert!(!psql.finish().unwrap().success);
    assert_ne!(status(&world, 104), "shy");
}

#[test]
fn an_approval_is_used_once() {
    let world = world();
    let (asker, approver) = (agent(&world, "repeater"), dba(&world, "once"));
    let sql = "UPDATE orders SET quantity = quantity + 1 WHERE id = 105";
    let (mut psql, first) = ask(&world, &asker, &[sql, sql]);
    assert_eq!(vote(&world, &approver, "approve", &first).0, 0);
    // The very same statement waits again.
    let notice = psql.await_line("waiting for approval").unwrap();
    assert!(!notice.contains(&first), "{notice}");
    let second = await_request(&world, &approver, "repeater");
    assert_ne!(second["id"], *first);
    let second = second["id"].as_str().unwrap();
    assert_eq!(
        vote(&world, &approver, "approve", &first).0,
        1,
        "the first is spent"
    );
    assert_eq!(vote(&world, &approver, "reject", second).0, 0);
    let printed = psql.finish().unwrap();
    assert_eq!(printed.out, "UPDATE 1\n", "{printed:?}");
    let quantity = world
        .postgres
        .execute("demo", "SELECT quantity FROM orders WHERE id = 105");
    assert_eq!(quantity.unwrap(), "2");
}

#[test]
fn p_03_an_approval_is_for_one_of_two_that_are_alike() {
    let world = world();
    let (asker, approver) = (agent(&world, "twins"), dba(&world, "of-twins"));
    let sql = "UPDATE orders SET quantity = quantity + 100 WHERE id = 113";
    let (one, first) = ask(&world, &asker, &[sql]);
    let (other, second) = ask(&world, &asker, &[sql]);
    assert_ne!(first, second);
    assert_eq!(vote(&world, &approver, "approve", &first).0, 0);
    assert_eq!(one.finish().unwrap().out, "UPDATE 1\n");
    let still: Vec<_> = listed(&world, &approver, "twins")
        .into_iter()
        .filter(|approval| approval["state"] == "pending")
        .collect();
    assert_eq!(still.len(), 1);
    assert_eq!(still[0]["id"], *second);
    assert_eq!(vote(&world, &approver, "reject", &second).0, 0);
    assert!(!other.finish().unwrap().success);
    let quantity = world
        .postgres
        .execute("demo", "SELECT quantity FROM orders WHERE id = 113");
    assert_eq!(quantity.unwrap(), "104", "it ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn p_02_an_approval_is_for_the_parameters_too() {
    let world = world();
    let approver = dba(&world, "of-parameters");
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(world.gateway.port("orders-prod").unwrap())
        .user("whoever")
        .dbname("demo")
        .password(agent(&world, "binder"))
        .connect(tokio_postgres::NoTls)
        .await
        .unwrap();
    let driver = tokio::spawn(connection);
    let client = Arc::new(client);
    let sql = "UPDATE orders SET status = $1 WHERE id = $2";
    let statement = client.prepare(sql).await.unwrap();
    let mut digests = Vec::new();
    for (id, verb) in [(114, "approve"), (115, "reject")] {
        let (client, statement) = (Arc::clone(&client), statement.clone());
        let update = tokio::spawn(async move {
            client
                .execute(&statement, &[&format!("bound-{id}"), &id])
                .await
        });
        let request = await_request(&world, &approver, "binder");
        let exact = request["exact"].as_str().unwrap();
        assert!(
            exact.contains(sql)
                && exact.contains(&format!("as text \"bound-{id}\""))
                && exact.contains(&format!("as an integer {id}")),
            "the approver sees the parameters: {exact}"
        );
        digests.push(request["digest"].clone());
        let approval = request["id"].as_str().unwrap();
        assert_eq!(vote(&world, &approver, verb, approval).0, 0);
        assert_eq!(update.await.unwrap().is_ok(), verb == "approve");
    }
    assert_ne!(digests[0], digests[1]);
    assert_eq!(status(&world, 114), "bound-114");
    assert_ne!(status(&world, 115), "bound-115");
    drop(client);
    driver.await.unwrap().unwrap();
}

#[test]
fn p_04_a_requester_whose_token_ended_gets_nothing_anymore() {
    let world = world();
    let agents = ["autonomous-agents"];
    let short = world
        .gateway
        .token_with("fading", &agents, &["expires_in=1"])
        .unwrap();
    let (psql, id) = ask(
        &world,
        &short,
        &["UPDATE orders SET status = 'faded' WHERE id = 116"],
    );
    let deadline = Instant::now() + START_DEADLINE;
    while world
        .psql(&short)
        .unwrap()
        .run(&["SELECT count(*) FROM orders"])
        .unwrap()
        .success
    {
        assert!(Instant::now() < deadline, "the token never ends");
        std::thread::sleep(Duration::from_millis(500));
    }
    vote(&world, &dba(&world, "too-late"), "approve", &id);
    let printed = psql.finish().unwrap();
    assert!(!printed.success, "{printed:?}");
    assert_ne!(status(&world, 116), "faded");
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
fn p_06_two_means_two_persons() {
    let world = world();
    let (first, second) = (dba(&world, "first"), dba(&world, "second"));
    let (psql, id) = ask(
        &world,
        &agent(&world, "mover"),
        &["UPDATE customers SET city = 'Faro' WHERE id = 108"],
    );
    assert_eq!(vote(&world, &first, "approve", &id).0, 0);
    let (code, _, err) = vote(&world, &first, "approve", &id);
    assert_eq!(code, 1);
    assert!(err.contains("voted on this already"), "{err}");
    let city = || {
        let sql = "SELECT city FROM customers WHERE id = 108";
        world.postgres.execute("demo", sql).unwrap()
    };
    assert_ne!(city(), "Faro");
    assert_eq!(vote(&world, &second, "approve", &id).0, 0);
    assert!(psql.finish().unwrap().success);
    assert_eq!(city(), "Faro");
    let records = records(&world);
    let decision = records.decisions("mover")[1];
    assert!(
        controls(decision).unwrap().contains(&"ac-3.2"),
        "{decision}"
    );
}

#[test]
fn p_06_one_no_is_enough() {
    let world = world();
    let (psql, id) = ask(
        &world,
        &agent(&world, "half-approved"),
        &["UPDATE customers SET city = 'Nowhere' WHERE id = 109"],
    );
    assert_eq!(vote(&world, &dba(&world, "yes"), "approve", &id).0, 0);
    assert_eq!(vote(&world, &dba(&world, "no"), "reject", &id).0, 0);
    assert!(!psql.finish().unwrap().success);
    assert_eq!(
        course(&records(&world), &id).last().unwrap(),
        "approval_closed rejected"
    );
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

#[test]
fn in_a_transaction_the_approved_statement_is_part_of_it() {
    let world = world();
    let approver = dba(&world, "in-between");
    let (psql, id) = ask(
        &world,
        &agent(&world, "transactor"),
        &[
            "BEGIN",
            "UPDATE orders SET status = 'in-transaction' WHERE id = 111",
            "ROLLBACK",
        ],
    );
    assert_eq!(vote(&world, &approver, "approve", &id).0, 0);
    let printed = psql.finish().unwrap();
    assert_eq!(printed.out, "BEGIN\nUPDATE 1\nROLLBACK\n", "{printed:?}");
    assert_ne!(status(&world, 111), "in-transaction");
}

#[test]
fn p_07_an_approver_sees_what_is_there() {
    let world = world();
    let approver = dba(&world, "watchful");
    let sql = "UPDATE orders SET status = 'a\u{1b}[2Kb\u{202e}c' WHERE id = 112";
    let (psql, id) = ask(&world, &agent(&world, "trickster"), &[sql]);
    let (_, shown, _) = hpol(&world, &approver, &["show", &id]);
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown:?}"
    );
    assert!(shown.contains("WHERE id = 112"), "{shown}");
    assert_eq!(vote(&world, &approver, "reject", &id).0, 0);
    psql.finish().unwrap();
}

#[test]
fn over_http_an_approved_request_goes_through_as_it_was_judged() {
    let world = world();
    let approver = dba(&world, "http-approver");
    let token = agent(&world, "http-asker");
    let url = world.url("/contacts/approved").unwrap();
    let body = "{\"name\":\"Ada\"}";
    let post = ["-H", "Content-Type: application/json", "-d", body, &url];
    let waiting = curl::start(Some(&token), &post).unwrap();
    let request = await_request(&world, &approver, "http-asker");
    let exact = request["exact"].as_str().unwrap();
    for wanted in ["POST", "/contacts/approved", body] {
        assert!(exact.contains(wanted), "{wanted}: {exact}");
    }
    assert!(arrived(&world, "approved").is_empty());
    let id = request["id"].as_str().unwrap();
    assert_eq!(vote(&world, &approver, "approve", id).0, 0);
    let answer = curl::finish(waiting).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    let [request] = &arrived(&world, "approved")[..] else {
        panic!("it arrived once")
    };
    assert_eq!(request["body"], body);
    let records = records(&world);
    assert_eq!(
        course(&records, id),
        [
            "approval_requested",
            "approval_vote approve true",
            "approval_closed approved",
            "decision allow",
        ]
    );
    let decision = records.decisions("http-asker")[1];
    assert_eq!(records.outcome(decision).unwrap()["code"], "201");
}

#[test]
fn over_http_rejected_and_late_requests_reach_nothing() {
    let world = world();
    let approver = dba(&world, "http-rejecter");
    let url = world.url("/contacts/turned-down").unwrap();
    let waiting =
        curl::start(Some(&agent(&world, "http-rejected")), &["-X", "POST", &url]).unwrap();
    let request = await_request(&world, &approver, "http-rejected");
    let id = request["id"].as_str().unwrap();
    assert_eq!(vote(&world, &approver, "reject", id).0, 0);
    let answer = curl::finish(waiting).unwrap();
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(
        answer.json().unwrap()["detail"]
            .as_str()
            .unwrap()
            .contains("rejected by http-rejecter")
    );

    let url = world.url("/late/turned-down").unwrap();
    let token = agent(&world, "http-late");
    let answer = curl::curl(Some(&token), &["-X", "POST", &url]).unwrap();
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(
        answer.json().unwrap()["type"],
        "urn:hpol:problem:approval-expired"
    );
    assert!(arrived(&world, "turned-down").is_empty());
}

#[test]
fn over_http_a_client_that_leaves_withdraws() {
    let world = world();
    let approver = dba(&world, "http-patient");
    let url = world.url("/contacts/left").unwrap();
    let token = agent(&world, "http-leaver");
    let mut waiting = curl::start(Some(&token), &["-X", "POST", &url]).unwrap();
    let request = await_request(&world, &approver, "http-leaver");
    let id = request["id"].as_str().unwrap();
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    eventually(&world.gateway, "the withdrawal", |records| {
        (course(records, id) == ["approval_requested", "approval_closed withdrawn"]).then_some(())
    })
    .unwrap();
    assert_eq!(vote(&world, &approver, "approve", id).0, 1);
    assert!(arrived(&world, "/contacts/left").is_empty());
}

/// The requests to this path that the service saw.
fn arrived(world: &World, path: &str) -> Vec<Value> {
    let requests = world.upstream.requests().unwrap();
    requests
        .into_iter()
        .filter(|request| request["path"].as_str().unwrap().contains(path))
        .collect()
}
