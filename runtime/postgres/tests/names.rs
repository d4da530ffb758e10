//! Statements and cursors that SQL makes, uses and drops by name, and commands that tidy a session up.

mod world;

use hpol_ports::policy::in_force;
use insta::assert_snapshot;
use world::World;
use world::client::{bind, close, describe, execute, parse, query, run, sync};
use world::policy::{policy, without_masks};

#[tokio::test(flavor = "multi_thread")]
async fn pg_34_execute_is_judged_by_the_prepared_query() {
    let world = World::start().await;
    let mut client = world.login().await;
    let texts = [
        "PREPARE show (int) AS SELECT id, ssn, note FROM customers WHERE id = $1",
        "EXECUTE show(1)",
        "EXPLAIN (COSTS off) EXECUTE show(1)",
        "CREATE TABLE copied AS EXECUTE show(1)",
        "PREPARE hidden AS SELECT substr(ssn, 1, 6) FROM customers",
        "EXECUTE hidden",
        "DEALLOCATE show",
        "EXECUTE show(1)",
        "PREPARE a AS SELECT 1; EXECUTE a; DEALLOCATE a; EXECUTE a",
        "EXECUTE a",
        "PREPARE a AS SELECT 1; SELECT 1/0; DEALLOCATE a",
        "EXECUTE a",
        "PREPARE a AS SELECT 2",
        "EXECUTE a",
        "DISCARD ALL",
        "EXECUTE a",
        "PREPARE hpol_gateway AS SELECT 1",
    ];
    assert_snapshot!(client.told(&texts).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_48_fetch_is_judged_by_the_declared_query() {
    let world = World::start().await;
    let mut client = world.login().await;
    let texts = [
        "FETCH 1 FROM c",
        "BEGIN",
        "DECLARE c SCROLL CURSOR FOR SELECT id, ssn, note FROM customers ORDER BY id",
        "FETCH 1 FROM c",
        "MOVE BACKWARD ALL IN c",
        "FETCH ALL FROM c",
        "DELETE FROM customers WHERE CURRENT OF c",
        "CLOSE c",
        "FETCH ALL FROM c",
        "ROLLBACK",
        "DECLARE h CURSOR WITH HOLD FOR TABLE customers",
        "DECLARE b BINARY CURSOR WITH HOLD FOR SELECT ssn FROM customers",
        "FETCH ALL FROM h",
        "FETCH 1 FROM b",
        "DECLARE x CURSOR WITH HOLD FOR SELECT upper(ssn) FROM customers",
        "CLOSE ALL",
        "FETCH ALL FROM h",
        "BEGIN; DECLARE t CURSOR FOR SELECT ssn FROM customers; FETCH 1 FROM t; COMMIT; FETCH 1 FROM t",
        "FETCH 1 FROM t",
    ];
    assert_snapshot!(client.told(&texts).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_34_both_ways_of_preparing_share_their_names() {
    let world = World::start().await;
    let mut client = world.login().await;
    let mut lines = Vec::new();
    // Prepared in SQL, bound by the protocol.
    lines.push(
        client
            .query("PREPARE s AS SELECT ssn FROM customers ORDER BY id LIMIT 1")
            .await,
    );
    let bound = [
        bind("", "s", &[], 0),
        describe(b'P', ""),
        execute("", 0),
        sync(),
    ];
    lines.push(client.ask(&bound.concat()).await);
    // Prepared by the protocol, executed and dropped in SQL.
    lines.push(
        client
            .ask(
                &[
                    parse("p", "SELECT ssn FROM customers WHERE id = $1"),
                    sync(),
                ]
                .concat(),
            )
            .await,
    );
    lines.push(client.query("EXECUTE p(1)").await);
    lines.push(
        client
            .ask(
                &[
                    parse("d", "DEALLOCATE p"),
                    bind("", "d", &[], 0),
                    execute("", 0),
                    sync(),
                ]
                .concat(),
            )
            .await,
    );
    lines.push(
        client
            .ask(&[bind("", "p", &["1"], 0), sync()].concat())
            .await,
    );
    // What a name means when a portal runs counts, not what it meant when that was bound.
    let swapped = [
        parse("e", "EXECUTE s"),
        bind("later", "e", &[], 0),
        close(b'S', "s"),
        parse("s", "SELECT 'other'"),
        execute("later", 0),
        sync(),
    ];
    lines.push(client.ask(&swapped.concat()).await);
    // All of it at once, without waiting.
    let pipeline = [
        run("PREPARE q AS SELECT ssn FROM customers WHERE id = 1"),
        run("EXECUTE q"),
        run("DEALLOCATE ALL"),
        bind("", "q", &[], 0),
        sync(),
    ];
    lines.push(client.ask(&pipeline.concat()).await);
    assert_snapshot!(lines.join("\n--\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_48_cursors_and_portals_share_their_names() {
    let world = World::start().await;
    let mut client = world.login().await;
    let mut lines = Vec::new();
    // A cursor declared with a parameter, fetched from in both ways.
    let declare = [
        run("BEGIN"),
        parse(
            "",
            "DECLARE c CURSOR FOR SELECT id, ssn FROM customers WHERE id <= $1 ORDER BY id",
        ),
        bind("", "", &["2"], 0),
        execute("", 0),
        parse("", "FETCH 1 FROM c"),
        bind("", "", &[], 0),
        describe(b'P', ""),
        execute("", 0),
        sync(),
    ];
    lines.push(client.ask(&declare.concat()).await);
    lines.push(client.ask(&[execute("c", 1), sync()].concat()).await);
    // A portal of the protocol, fetched from in SQL.
    lines.push(
        client
            .ask(
                &[
                    parse("s", "SELECT ssn FROM customers WHERE id = $1"),
                    bind("p", "s", &["1"], 0),
                    sync(),
                ]
                .concat(),
            )
            .await,
    );
    lines.push(client.query("FETCH ALL FROM p").await);
    lines.push(client.query("CLOSE p").await);
    lines.push(client.ask(&[execute("p", 0), sync()].concat()).await);
    lines.push(client.query("ROLLBACK").await);
    // A portal that would change something is judged by that.
    lines.push(client.query("BEGIN").await);
    lines.push(
        client
            .ask(
                &[
                    parse("", "SHOW search_path"),
                    bind("show", "", &[], 0),
                    sync(),
                ]
                .concat(),
            )
            .await,
    );
    lines.push(client.query("FETCH ALL FROM show").await);
    lines.push(client.query("ROLLBACK").await);
    assert_snapshot!(lines.join("\n--\n"));
    let words = world.log.words();
    let fetched = words
        .iter()
        .filter(|word| word.contains("FETCH") || word.contains("DECLARE"));
    assert_snapshot!(
        "pg_48_records",
        fetched.cloned().collect::<Vec<_>>().join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_what_tidies_a_session_up_keeps_what_the_gateway_has_fixed() {
    let world = World::start().await;
    world
        .server
        .execute(
            "demo",
            "CREATE SCHEMA evil AUTHORIZATION hpol_gateway; CREATE TABLE evil.orders (id int); \
             ALTER TABLE evil.orders OWNER TO hpol_gateway; CREATE ROLE other; GRANT other TO hpol_gateway",
        )
        .unwrap();
    let mut client = world.login().await;
    let texts = [
        "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
        "SELECT current_setting('search_path'), current_setting('row_security'), current_user",
        "SET work_mem = '1MB'",
        "RESET work_mem",
        "DISCARD ALL",
        "SELECT current_setting('search_path')",
        "DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP",
        "RESET ALL; SELECT count(*) FROM customers",
        "BEGIN; SAVEPOINT s",
        "RESET ALL",
        "SAVEPOINT t; SELECT 1/0",
        "ROLLBACK TO t; SELECT current_setting('search_path')",
        "ROLLBACK TO t",
        "SELECT current_setting('search_path')",
        "ROLLBACK",
        "SELECT current_setting('search_path')",
    ];
    let mut lines = vec![client.told(&texts).await];
    let pipeline = [
        run("DISCARD ALL"),
        run("SELECT current_setting('search_path')"),
        sync(),
    ];
    lines.push(client.ask(&pipeline.concat()).await);
    lines.push(client.query("SELECT current_setting('search_path')").await);
    client
        .send(
            &[
                query("RESET ALL"),
                query("SELECT current_setting('search_path')"),
            ]
            .concat(),
        )
        .await;
    lines.push(client.lines(2).await);
    assert_snapshot!(lines.join("\n--\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_34_statements_that_sql_drops_leave_room() {
    let world = World::start().await;
    let mut client = world.login().await;
    // More than a session may have at once.
    for hundred in 0..45 {
        let statements = (0..100).map(|number| parse(&format!("s{hundred}_{number}"), "SELECT 1"));
        let sent: Vec<Vec<u8>> = statements.flat_map(|parse| [parse, sync()]).collect();
        client.send(&sent.concat()).await;
        assert_eq!(
            client.lines(100).await,
            ["1\nZ I"; 100].join("\n"),
            "{hundred}"
        );
        let dropped = match hundred % 3 {
            0 => "DISCARD ALL",
            _ => "DEALLOCATE ALL",
        };
        assert_eq!(client.query(dropped).await, format!("C {dropped}\nZ I"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_43_notifications_reach_who_may_listen_and_hide_what_detectors_find() {
    let world = World::start().await;
    let (mut client, mut other) = (world.login().await, world.login().await);
    let mut lines = vec![
        client
            .told(&["LISTEN \"Wire\"", "LISTEN quiet", "UNLISTEN quiet"])
            .await,
    ];
    // Waits for its own end, so what it notifies is on its way to the other session.
    let notify =
        "NOTIFY quiet, 'nothing'; NOTIFY \"Wire\", 'plain'; NOTIFY \"Wire\", 'of 987-65-4321'";
    lines.push(other.query(notify).await);
    for _ in 0..2 {
        let (tag, body) = client.receive().await.unwrap();
        assert_eq!(tag, b'A');
        lines.push(String::from_utf8_lossy(&body[4..]).replace('\0', " / "));
    }
    lines.push(client.query("UNLISTEN *").await);
    lines.push(other.query("SELECT pg_notify('Wire', 'late')").await);
    lines.push(client.query("SELECT 1").await);
    assert_snapshot!(lines.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_43_names_in_one_text_are_counted_before_they_are_judged() {
    let world = World::start().await;
    let mut client = world.login().await;
    let channels = |count: usize| {
        (0..count)
            .map(|n| format!("LISTEN c{n};"))
            .collect::<String>()
    };
    for text in [channels(1025), "LISTEN a;".repeat(1025)] {
        let told = client.query(&text).await;
        let many = "E ERROR / 53400 / this session already has 1,024 channels to listen to; close some first\nZ I";
        assert_eq!(told, many);
    }
    // The same channel over and over is one.
    let told = client.query(&"LISTEN c0;".repeat(1000)).await;
    assert!(told.ends_with("C LISTEN\nZ I"), "{told}");
    let told = client.query(&channels(1024)).await;
    assert!(told.ends_with("C LISTEN\nZ I"), "{told}");
    assert!(client.query("LISTEN other").await.contains("/ 53400 /"));
    assert_eq!(client.query("LISTEN c7").await, "C LISTEN\nZ I");
    let prepares = |count: usize| {
        let texts = (0..count).map(|n| format!("PREPARE s{n} AS SELECT 1;"));
        texts.collect::<String>()
    };
    let told = client.query(&prepares(4097)).await;
    assert!(told.contains("/ 53400 /"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_48_a_cursor_of_an_unsure_catalogue_stays_so() {
    let world = World::start().await;
    world.door.install(in_force(without_masks(), 2));
    let mut client = world.login().await;
    let declared = [
        run("ALTER TABLE customers RENAME ssn TO plain"),
        run("DECLARE c CURSOR WITH HOLD FOR SELECT plain FROM customers ORDER BY id"),
        sync(),
    ];
    let told = client.ask(&declared.concat()).await;
    assert!(told.contains("C DECLARE CURSOR"), "{told}");
    world.door.install(in_force(policy(), 3));
    let told = client.query("FETCH 1 FROM c").await;
    assert!(told.contains("tables may have changed"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_24_no_name_is_looked_up_in_a_transaction_that_has_failed() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.query("BEGIN").await;
    assert_snapshot!(client.query("SELECT 1/0").await, @r#"
    E ERROR / 22012 / division by zero
    Z E
    "#);
    for sql in ["EXECUTE nobody", "FETCH nobody"] {
        let answer = client.query(sql).await;
        assert!(
            answer.starts_with("E ERROR / 25P02 /") && answer.ends_with("Z E"),
            "{sql}: {answer}"
        );
    }
    client.query("ROLLBACK").await;
    assert_snapshot!(client.query("EXECUTE nobody").await, @r#"
    E ERROR / 26000 / prepared statement "nobody" does not exist
    Z I
    "#);
}
