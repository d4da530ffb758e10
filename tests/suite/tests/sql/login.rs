//! Who gets a session: tokens, databases, TLS, startup parameters, cancel keys.

use hpol_support::records::eventually;

use crate::{agent, records, world};

#[test]
fn a_bad_token_is_refused_and_recorded() {
    let world = world();
    let good = world
        .gateway
        .token("tampered-with", &["autonomous-agents"])
        .unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    for bad in ["", "not-a-token", head, &format!("{head}.{flipped}")] {
        let printed = world.psql(bad).unwrap().run(&["SELECT 1"]).unwrap();
        assert!(!printed.success, "{printed:?}");
        assert_eq!(printed.out, "");
        assert!(!printed.err.contains(head), "the token is not shown back");
    }
    eventually(&world.gateway, "the refused tampered token", |records| {
        records
            .events("session_refused")
            .any(|record| {
                record["connection"]["name"] == "orders-prod"
                    && record["reason"].as_str().unwrap().contains("signature")
            })
            .then_some(())
    })
    .unwrap();
    let records = records(&world);
    assert!(
        records
            .events("session_opened")
            .all(|record| record["subject"]["id"] != "tampered-with")
    );
    assert!(
        !serde_json::to_string(&records.0).unwrap().contains(head),
        "no token stands in the log"
    );
}

#[test]
fn pg_09_another_database_is_not_offered() {
    let world = world();
    let token = world
        .gateway
        .token("wanderer", &["autonomous-agents"])
        .unwrap();
    for database in ["postgres", "template1", "DEMO", "demo\u{1b}[31m"] {
        let psql = world.psql(&token).unwrap().env("PGDATABASE", database);
        let printed = psql.run(&["SELECT 1"]).unwrap();
        assert!(
            printed.err.contains("is not offered by connection"),
            "{database}: {printed:?}"
        );
        assert!(!printed.err.contains('\u{1b}'), "{printed:?}");
    }
    let records = records(&world);
    let refused = records.events("session_refused").filter(|record| {
        record["reason"]
            .as_str()
            .unwrap()
            .contains("is not offered")
    });
    assert_eq!(refused.count(), 4);
}

#[test]
fn without_tls_no_token_is_asked_for() {
    let world = world();
    let token = world
        .gateway
        .token("plain", &["autonomous-agents"])
        .unwrap();
    let psql = world.psql(&token).unwrap().env("PGSSLMODE", "disable");
    let printed = psql.run(&["SELECT 1"]).unwrap();
    assert!(
        !printed.success && printed.err.to_lowercase().contains("tls"),
        "{printed:?}"
    );
    let records = records(&world);
    assert!(
        records
            .events("session_opened")
            .all(|record| record["subject"]["id"] != "plain")
    );
    assert!(records.events("session_refused").any(|record| {
        record["reason"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("tls")
    }));
}

#[test]
fn pg_10_11_startup_parameters_that_act_before_any_statement_are_refused() {
    let world = world();
    let token = world
        .gateway
        .token("starter", &["autonomous-agents"])
        .unwrap();
    for (options, told) in [
        ("-c role=postgres", "startup parameter `role`"),
        (
            "--session-replication-role=replica",
            "startup parameter `session_replication_role`",
        ),
        (
            "-csearch_path=evil",
            "schema `evil` is not in the search path",
        ),
        ("-d5", "`-d5` in startup parameter `options`"),
    ] {
        let psql = world.psql(&token).unwrap().env("PGOPTIONS", options);
        let printed = psql.run(&["SELECT 1"]).unwrap();
        assert!(printed.err.contains(told), "{options}: {printed:?}");
    }
    let token = world.gateway.token("tuner", &["dba"]).unwrap();
    let options = "-c statement_timeout=7s -c geqo=off -c search_path=public";
    let psql = world.psql(&token).unwrap().env("PGOPTIONS", options);
    let printed = psql
        .run(&["SELECT current_setting('statement_timeout'), current_setting('geqo')"])
        .unwrap();
    assert_eq!(printed.out, "7s|off\n", "{printed:?}");
    for replication in ["database", "true", "1"] {
        let database = format!("dbname=demo replication={replication}");
        let psql = world.psql(&token).unwrap();
        let psql = psql.env("PGDATABASE", "demo");
        let printed = psql
            .arguments(&["-d", &database])
            .run(&["SELECT 1"])
            .unwrap();
        assert!(
            printed.err.contains("startup parameter `replication`"),
            "{replication}: {printed:?}"
        );
    }
}

#[test]
fn pg_29_a_cancel_request_with_a_guessed_key_does_nothing() {
    use std::io::{Read, Write};
    let world = world();
    let address = world.gateway.address("orders-prod").unwrap();
    for process in [0_i32, 1, i32::MAX] {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let mut packet = Vec::new();
        packet.extend_from_slice(&16_i32.to_be_bytes());
        packet.extend_from_slice(&80_877_102_i32.to_be_bytes());
        packet.extend_from_slice(&process.to_be_bytes());
        packet.extend_from_slice(&0_i32.to_be_bytes());
        stream.write_all(&packet).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"", "a cancel request is never answered");
    }
    let printed = agent(&world, "survivor", &["SELECT count(*) FROM orders"]);
    assert_eq!(printed.out, "1000\n");
}
