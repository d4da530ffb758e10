//! What a client may ask for in its startup packet, and what it gets.

mod world;

use insta::assert_snapshot;
use world::client::{Client, message, text};
use world::{Gate, World};

/// Logs in with more parameters; the client, or what it was told.
async fn log_in(gate: &Gate, parameters: &[(&str, &str)]) -> Result<Client, String> {
    let given = [&[("user", "whoever"), ("database", "orders")], parameters].concat();
    let mut client = Client::connect(gate.address, &given).await;
    client.send(&message(b'p', &text("agent"))).await;
    let lines = client.lines(1).await;
    match lines.lines().find(|line| line.starts_with('E')) {
        Some(told) => Err(told.to_owned()),
        None => Ok(client),
    }
}

/// What the server says that the settings `names` are.
async fn shown(client: &mut Client, names: &[&str]) -> String {
    let mut values = Vec::new();
    for name in names {
        let answer = client
            .query(&format!("SELECT current_setting('{name}')"))
            .await;
        let value = answer.lines().find_map(|line| line.strip_prefix("D "));
        values.push(format!("{name} = {}", value.unwrap_or(&answer)));
    }
    values.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_11_what_is_allowed_takes_effect() {
    let world = World::start().await;
    let asked = [
        (
            "options",
            "-c geqo=off --statement-timeout=5s -cTimeZone=Asia/Tokyo -c IntervalStyle=iso_8601",
        ),
        ("lock_timeout", "250"),
        ("timezone", "Europe/Berlin"),
        ("datestyle", "ISO, DMY"),
        ("extra_float_digits", "3"),
        ("application_name", "report\u{1b}[31m"),
        ("client_encoding", "'utf-8'"),
        ("search_path", "\"$user\", public"),
    ];
    let mut client = log_in(&world, &asked).await.unwrap();
    let names = [
        "geqo",
        "statement_timeout",
        "lock_timeout",
        "TimeZone",
        "IntervalStyle",
        "DateStyle",
        "extra_float_digits",
        "application_name",
        "client_encoding",
        "row_security",
        "search_path",
    ];
    assert_snapshot!(shown(&mut client, &names).await, @r#"
    geqo = off
    statement_timeout = 5s
    lock_timeout = 250ms
    TimeZone = Europe/Berlin
    IntervalStyle = iso_8601
    DateStyle = ISO, DMY
    extra_float_digits = 3
    application_name = report?[31m
    client_encoding = UTF8
    row_security = on
    search_path = public, pg_temp
    "#);
    assert_snapshot!(client.query("SELECT pg_sleep(0), count(*) FROM orders").await, @r#"
    T 2 columns
    D  | 5
    C SELECT 1
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_11_time_limits_of_the_role_can_only_be_made_stricter() {
    let world = World::start().await;
    let set = "ALTER ROLE hpol_gateway SET statement_timeout = '10s'; ALTER ROLE hpol_gateway SET lock_timeout = '1s'";
    world.server.execute("demo", set).unwrap();
    for (asked, expected) in [
        ("0", "10s"),
        ("1h", "10s"),
        ("10001", "10s"),
        ("9s", "9s"),
        ("1us", "1ms"),
    ] {
        let mut client = log_in(&world, &[("statement_timeout", asked)])
            .await
            .unwrap();
        let names = ["statement_timeout", "lock_timeout"];
        // Whoever has a millisecond may not be able to ask.
        if asked != "1us" {
            let shown = shown(&mut client, &names).await;
            assert_eq!(
                shown,
                format!("statement_timeout = {expected}\nlock_timeout = 1s")
            );
        }
    }
    let told = log_in(&world, &[("transaction_timeout", "5s")]).await.err();
    let newer: u32 = world
        .server
        .execute("demo", "SHOW server_version_num")
        .unwrap()
        .parse()
        .unwrap();
    if newer < 170_000 {
        assert_eq!(
            told.as_deref(),
            Some(
                "E FATAL / 0A000 / the upstream has no setting `transaction_timeout` / leave it out"
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_11_a_search_path_is_made_of_the_schemas_of_the_role() {
    let world = World::start().await;
    let sql = "CREATE SCHEMA evil; CREATE TABLE evil.customers (ssn text); GRANT ALL ON SCHEMA evil TO hpol_gateway; \
         GRANT ALL ON evil.customers TO hpol_gateway; CREATE SCHEMA \"My Shop\" AUTHORIZATION hpol_gateway; \
         CREATE TABLE \"My Shop\".customers (ssn text); GRANT ALL ON \"My Shop\".customers TO hpol_gateway; \
         ALTER ROLE hpol_gateway SET search_path = public, \"My Shop\"";
    world.server.execute("demo", sql).unwrap();
    for (asked, path) in [
        (None, "public, \"My Shop\", pg_temp"),
        (Some("\"My Shop\", public"), "\"My Shop\", public, pg_temp"),
        (Some("public"), "public, pg_temp"),
        (Some(""), "pg_temp"),
    ] {
        let asked: Vec<(&str, &str)> = asked.iter().map(|path| ("search_path", *path)).collect();
        let mut client = log_in(&world, &asked).await.unwrap();
        assert_eq!(
            shown(&mut client, &["search_path"]).await,
            format!("search_path = {path}")
        );
    }
    for path in [
        "evil",
        "public, evil",
        "pg_temp, public",
        "public, pg_catalog",
        "demo",
    ] {
        for asked in [
            ("search_path", path.to_owned()),
            (
                "options",
                format!("-csearch_path={}", path.replace(' ', "\\ ")),
            ),
        ] {
            let told = log_in(&world, &[(asked.0, &asked.1)]).await.err().unwrap();
            assert!(
                told.contains("is not in the search path of the gateway's role"),
                "{path}: {told}"
            );
        }
    }
    // What is classified stays so, whatever is chosen.
    let mut client = log_in(&world, &[("search_path", "public")]).await.unwrap();
    assert_snapshot!(client.query("SELECT ssn FROM customers").await, @r#"
    T 1 columns
    D ***-**-4320
    D NULL
    C SELECT 2
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_take_is_the_clients_fault() {
    let world = World::start().await;
    let told = log_in(&world, &[("TimeZone", "Nowhere/Else")]).await.err();
    assert_snapshot!(told.unwrap(), @"E FATAL / 22023 / the upstream does not accept the value of a startup parameter / correct one of: TimeZone");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_10_11_what_is_dangerous_is_refused_before_a_token_is_asked_for() {
    let world = World::start().await;
    let mut told = Vec::new();
    for (name, value) in [
        ("role", "postgres"),
        ("replication", "database"),
        ("session_preload_libraries", "evil"),
        ("options", "-c role=postgres"),
        ("options", "-c session_replication_role=replica"),
        ("options", "--x=y"),
        ("options", "-D /etc"),
        ("row_security", "off"),
        ("client_encoding", "SJIS"),
        ("nonsense", "1"),
    ] {
        let given = [("user", "whoever"), ("database", "orders"), (name, value)];
        let mut client = Client::connect(world.address, &given).await;
        told.push(client.lines(1).await);
    }
    assert_snapshot!(told.join("\n"), @r#"
    E FATAL / 0A000 / startup parameter `role` is not accepted / leave it out: the role in the database belongs to the gateway
    (closed)
    E FATAL / 0A000 / startup parameter `replication` is not accepted / replication connections do not go through the gateway
    (closed)
    E FATAL / 0A000 / startup parameter `session_preload_libraries` is not accepted / leave it out: what the server checks and loads is decided by its operator
    (closed)
    E FATAL / 0A000 / startup parameter `role` is not accepted / leave it out: the role in the database belongs to the gateway
    (closed)
    E FATAL / 0A000 / startup parameter `session_replication_role` is not accepted / leave it out: what the server checks and loads is decided by its operator
    (closed)
    E FATAL / 0A000 / startup parameter `x` is not accepted / leave it out, or use SET after login where the policy allows it
    (closed)
    E FATAL / 0A000 / `-D` in startup parameter `options` is not accepted / write settings as `-c name=value`
    (closed)
    E FATAL / 22023 / startup parameter `row_security` has a value that is not accepted / leave it out, or choose another value
    (closed)
    E FATAL / 0A000 / client_encoding `SJIS` is not accepted / use UTF8 (PGCLIENTENCODING=UTF8)
    (closed)
    E FATAL / 0A000 / startup parameter `nonsense` is not accepted / leave it out, or use SET after login where the policy allows it
    (closed)
    "#);
    assert_eq!(world.log.words().len(), 10);
}
