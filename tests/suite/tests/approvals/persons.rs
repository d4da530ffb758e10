//! Who may decide, how many of them, and for whom.

use std::time::{Duration, Instant};

use hpol_support::process::START_DEADLINE;

use crate::*;

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
