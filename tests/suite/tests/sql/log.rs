//! What the log tells of sessions and statements, and what it keeps to itself.

use hpol_support::records::eventually;

use crate::{agent, records, world};

#[test]
fn u_10_a_session_has_its_beginning_and_its_end() {
    let world = world();
    agent(
        &world,
        "short-stay",
        &[
            "SELECT count(*) FROM orders",
            "SELECT count(*) FROM customers",
        ],
    );
    eventually(&world.gateway, "the end of the session", |records| {
        let opened = records
            .events("session_opened")
            .find(|record| record["subject"]["id"] == "short-stay")?;
        let closed = records
            .events("session_closed")
            .find(|record| record["session"] == opened["session"])?;
        assert_eq!(closed["operations"], 2);
        assert_eq!(opened["connection"]["kind"], "postgres");
        assert!(!opened["bundle"].as_str().unwrap().is_empty());
        Some(())
    })
    .unwrap();
}

#[test]
fn u_08_no_value_and_no_credential_stands_in_log_or_output() {
    let world = world();
    let token = world
        .gateway
        .token("canary", &["autonomous-agents"])
        .unwrap();
    let sql = "SELECT id FROM customers WHERE name = 'canary-9b1f' OR id = 918273645";
    world.psql(&token).unwrap().run(&[sql]).unwrap();
    let log = serde_json::to_string(&records(&world).0).unwrap();
    let output = std::fs::read_to_string(world.gateway.folder().join("gateway.log")).unwrap();
    let signature = token.rsplit_once('.').unwrap().1;
    for secret in [
        "canary-9b1f",
        "918273645",
        signature,
        world.postgres.password(),
    ] {
        assert!(!log.contains(secret), "{secret} is in the audit log");
        assert!(
            !output.contains(secret),
            "{secret} is in the gateway's output"
        );
    }
}

#[test]
fn u_12_a_long_statement_is_cut_in_the_log_and_its_commitment_is_to_the_whole() {
    let world = world();
    let long = |last: &str| {
        let list = vec!["1"; 60_000].join(", ");
        format!("SELECT count(*) FROM orders WHERE id IN ({list}, {last})")
    };
    // A command line holds 128 KiB at most, so the statements come as a script.
    let token = world
        .gateway
        .token("wordy", &["autonomous-agents"])
        .unwrap();
    let script = format!("{};\n{};\n", long("2"), long("3"));
    let psql = world.psql(&token).unwrap().spawn_script(&script).unwrap();
    let printed = psql.finish().unwrap();
    assert_eq!(printed.out, "2\n2\n", "{}", printed.err);
    let records = records(&world);
    let decisions = records.decisions("wordy");
    assert_eq!(decisions.len(), 2);
    for (decision, last) in decisions.iter().zip(["2", "3"]) {
        let masked = decision["masked"].as_str().unwrap();
        assert!(masked.len() < 20_000, "{}", masked.len());
        assert!(masked.ends_with("bytes in all]"), "{masked}");
        for asked in ["2", "3"] {
            let file = world.gateway.folder().join("asked.sql");
            std::fs::write(&file, format!("{};", long(asked))).unwrap();
            let against = ["--sql", file.to_str().unwrap()];
            let same = world
                .gateway
                .is_decision_of(&decision["sequence"], &against)
                .unwrap();
            assert_eq!(same, asked == last, "the commitment is to the whole text");
        }
    }
}

#[test]
fn b_11_a_denial_does_not_tell_what_there_is() {
    let world = world();
    let told: Vec<String> = ["payments", "no_such_table"]
        .iter()
        .map(|table| {
            let sql = format!("SELECT id FROM {table}");
            let printed = agent(&world, "explorer", &[&sql]);
            let first = printed.err.lines().next().unwrap();
            first.to_owned()
        })
        .collect();
    assert_eq!(told[0], told[1]);
    assert!(told[0].contains("42501"), "{}", told[0]);
}
