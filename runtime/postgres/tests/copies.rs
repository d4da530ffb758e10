//! COPY both ways: masked in every format, and counted as the server counts its rows.

mod world;

use hpol_ports::policy::in_force;
use insta::assert_snapshot;
use world::World;
use world::client::{message, query, run, sync};
use world::policy::{policy, without_masks};

#[tokio::test(flavor = "multi_thread")]
async fn copy_goes_both_ways() {
    let world = World::start().await;
    let mut client = world.login().await;
    assert_snapshot!(client.query("COPY (SELECT 1, 'see 987-65-4320') TO STDOUT").await, @r#"
    H
    d 1	see ***-**-4320
    c
    C COPY 1
    Z I
    "#);

    client.send(&query("COPY orders FROM STDIN")).await;
    assert_snapshot!(client.line().await, @"G");
    let rows = [message(b'd', b"7\t1\t3.50\tcopied\n"), message(b'c', b"")];
    assert_snapshot!(client.ask(&rows.concat()).await, @r#"
    C COPY 1
    Z I
    "#);

    // In the extended protocol, with the Sync sent before the answer is there.
    let early = [run("COPY orders FROM STDIN"), sync()];
    client.send(&early.concat()).await;
    let mut lines = vec![
        client.line().await,
        client.line().await,
        client.line().await,
    ];
    let rows = [
        message(b'd', b"8\t1\t3.50\tcopied\n"),
        message(b'c', b""),
        sync(),
    ];
    lines.push(client.ask(&rows.concat()).await);
    assert_snapshot!(lines.join("\n"), @r#"
    1
    2
    G
    C COPY 1
    Z I
    "#);

    // Bad rows: the error ends the COPY, and what is left of it is ignored.
    client.send(&query("COPY orders FROM STDIN")).await;
    assert_snapshot!(client.line().await, @"G");
    let rows = [message(b'd', b"not a number\n"), message(b'c', b"")];
    assert_snapshot!(client.ask(&rows.concat()).await, @r#"
    E ERROR / 22P02 / invalid input syntax for type integer: "not a number"
    Z I
    "#);
    assert_snapshot!(client.query("SELECT id FROM orders WHERE status = 'copied' ORDER BY id").await, @r#"
    T 1 columns
    D 7
    D 8
    C SELECT 2
    Z I
    "#);

    // Two in one text, with all rows sent ahead.
    let twice = [
        query("COPY orders FROM STDIN; COPY orders FROM STDIN"),
        message(b'd', b"11\t1\t3.50\tone\n"),
        message(b'c', b""),
        message(b'd', b"12\t1\t3.50\ttwo\n"),
        message(b'c', b""),
    ];
    assert_snapshot!(client.ask(&twice.concat()).await, @r#"
    G
    C COPY 1
    G
    C COPY 1
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_26_what_a_copy_gives_out_is_masked_in_every_format() {
    let world = World::start().await;
    let mut client = world.login().await;
    client
        .query("INSERT INTO customers VALUES (9, E'tab\tcomma, \"quote\"', '987-65-4329', E'two\nlines with 987-65-4321')")
        .await;
    let texts = [
        "COPY customers TO STDOUT",
        "COPY customers (note, ssn) TO STDOUT (DELIMITER '|', NULL '', HEADER)",
        "COPY customers TO STDOUT CSV HEADER",
        "COPY customers TO STDOUT (FORMAT csv, QUOTE '''', ESCAPE '#', FORCE_QUOTE *, NULL '-')",
        "COPY (SELECT c.ssn AS x, c.*, o.id FROM customers c JOIN orders o ON o.id = c.id WHERE o.id = 1) TO STDOUT",
        "COPY (SELECT ssn, 'see 987-65-4320', id FROM customers ORDER BY id) TO STDOUT CSV",
        "COPY (SELECT id, ssn FROM customers TABLESAMPLE SYSTEM (100)) TO STDOUT",
        "COPY (SELECT * FROM customers c TABLESAMPLE BERNOULLI (100)) TO STDOUT CSV",
        "COPY (SELECT id, ssn FROM customers) TO STDOUT (FORMAT csv, NULL '987-65-4320')",
        "COPY (SELECT ssn, id FROM customers ORDER BY id) TO STDOUT (FORMAT binary)",
        "COPY orders (id) TO STDOUT (FORMAT binary)",
        "COPY (SELECT id, note FROM customers WHERE id > 100) TO STDOUT BINARY",
    ];
    assert_snapshot!(client.told(&texts).await);
    let extended = [run("COPY customers (ssn) TO STDOUT"), sync()];
    assert_snapshot!(client.ask(&extended.concat()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_header_nor_an_end_is_counted_as_a_row() {
    let world = World::start().await;
    let policies = [(false, without_masks()), (true, policy())];
    for (epoch, (masked, policy)) in (2..).zip(policies) {
        world.door.install(in_force(policy, epoch));
        let mut client = world.login().await;
        for form in ["TEXT, HEADER", "CSV, HEADER", "CSV", "BINARY"] {
            client
                .query(&format!("COPY orders (id) TO STDOUT (FORMAT {form})"))
                .await;
            let outcome = world.log.words().pop().unwrap();
            assert_eq!(outcome, "Completed  rows 5", "{form}, masked: {masked}");
        }
    }
}
