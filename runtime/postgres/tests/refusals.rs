//! A refusal on the wire: one error, the transaction where a server's own error would leave it, and a usable session.

mod world;

use insta::assert_snapshot;
use world::World;
use world::client::{Client, bind, describe, execute, message, parse, query, run, sync, text};

#[tokio::test(flavor = "multi_thread")]
async fn simple_extended_and_in_a_transaction() {
    let world = World::start().await;
    let mut client = world.login().await;

    assert_snapshot!(client.query("DROP TABLE orders").await, @r#"
    E ERROR / 42501 / blocked by shop.no_drop: reason of no_drop / open a ticket
    Z I
    "#);
    // All statements of one text are one operation.
    assert_snapshot!(client.query("SELECT 1; DROP TABLE orders").await, @r#"
    E ERROR / 42501 / blocked by shop.no_drop: reason of no_drop / open a ticket
    Z I
    "#);
    assert_snapshot!(client.query("SELECT count(*) FROM orders").await, @r#"
    T 1 columns
    D 5
    C SELECT 1
    Z I
    "#);

    // In a transaction the refusal fails it, as an error of the server's own would.
    assert_snapshot!(client.query("BEGIN").await, @r#"
    C BEGIN
    Z T
    "#);
    assert_snapshot!(client.query("DROP TABLE orders").await, @r#"
    E ERROR / 42501 / blocked by shop.no_drop: reason of no_drop / open a ticket
    Z E
    "#);
    assert_snapshot!(client.query("SELECT 1").await, @r#"
    E ERROR / 25P02 / current transaction is aborted, commands ignored until end of transaction block
    Z E
    "#);
    assert_snapshot!(client.query("ROLLBACK").await, @r#"
    C ROLLBACK
    Z I
    "#);

    // Everything up to Sync is skipped, and what came before in the segment is undone.
    let pipeline = [
        run("INSERT INTO orders VALUES (6, 1, 9, 'new')"),
        run("DROP TABLE orders"),
        sync(),
    ];
    client.send(&pipeline.concat()).await;
    let mut lines = client.lines(1).await;
    let select = [
        parse("", "SELECT count(*) FROM orders"),
        bind("", "", &[], 0),
        describe(b'P', ""),
        execute("", 0),
        sync(),
    ];
    lines = format!("{lines}\n{}", client.ask(&select.concat()).await);
    assert_snapshot!(lines, @r#"
    1
    2
    C INSERT 0 1
    E ERROR / 42501 / blocked by shop.no_drop: reason of no_drop / open a ticket
    Z I
    1
    2
    T 1 columns
    D 5
    C SELECT 1
    Z I
    "#);
    assert_eq!(
        world
            .server
            .execute("demo", "SELECT count(*) FROM orders")
            .unwrap(),
        "5"
    );
    let mut words = world.log.words();
    words.sort();
    assert_snapshot!(words.join("\n"), @r#"
    Completed  rows 0
    Completed  rows 0
    Completed  rows 1
    Completed  rows 1
    Completed  rows 1
    Failed 25P02 rows 0
    allow by shop.agents_work: BEGIN
    allow by shop.agents_work: INSERT INTO orders VALUES (?, ?, ?, ?)
    allow by shop.agents_work: ROLLBACK
    allow by shop.agents_work: SELECT ?
    allow by shop.agents_work: SELECT count(*) FROM orders
    allow by shop.agents_work: SELECT count(*) FROM orders
    block by shop.no_drop: DROP TABLE orders
    block by shop.no_drop: DROP TABLE orders
    block by shop.no_drop: DROP TABLE orders
    block by shop.no_drop: SELECT ?; DROP TABLE orders
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_carried_is_refused_by_name() {
    let world = World::start().await;
    let mut client = world.login().await;
    let texts = [
        "SELEC 1",
        "SET ROLE postgres",
        "SET search_path = evil",
        "SET client_encoding = 'SJIS'",
        "RESET ROLE",
        "RESET search_path",
        "PREPARE TRANSACTION 'x'",
        "COPY orders TO '/srv/x'",
    ];
    let mut lines = vec![client.told(&texts).await];
    // FunctionCall, then something the session survives it with.
    lines.push(client.ask(&message(b'F', &[0; 10])).await);
    lines.push(client.query("SELECT 1").await);
    // Unknown statements and portals fail like the server's.
    lines.push(
        client
            .ask(&[bind("", "nope", &[], 0), execute("", 0), sync()].concat())
            .await,
    );
    lines.push(client.ask(&[execute("nope", 0), sync()].concat()).await);
    lines.push(
        client
            .ask(&[parse("hpol_gateway", "SELECT 1"), sync()].concat())
            .await,
    );
    assert_snapshot!(lines.join("\n"), @r#"
    SELEC 1
        E ERROR / 42601 / syntax error at or near "SELEC"
        Z I
    SET ROLE postgres
        E ERROR / 0A000 / changing the role of the session is not supported: it belongs to the gateway
        Z I
    SET search_path = evil
        E ERROR / 0A000 / changing search_path is not supported: write names with their schema
        Z I
    SET client_encoding = 'SJIS'
        E ERROR / 0A000 / changing how text is read is not supported: the session is in UTF-8 with standard strings
        Z I
    RESET ROLE
        E ERROR / 0A000 / changing the role of the session is not supported: it belongs to the gateway
        Z I
    RESET search_path
        C RESET
        Z I
    PREPARE TRANSACTION 'x'
        E ERROR / 0A000 / two-phase commit is not supported by this version
        Z I
    COPY orders TO '/srv/x'
        E ERROR / 0A000 / copy to a file of the database server is refused
        Z I
    E ERROR / 0A000 / the FunctionCall message is not supported; call the function in a SELECT
    Z I
    T 1 columns
    D 1
    C SELECT 1
    Z I
    E ERROR / 26000 / prepared statement "nope" does not exist
    Z I
    E ERROR / 34000 / portal "nope" does not exist
    Z I
    E ERROR / 42939 / names that begin with `hpol_gateway` are the gateway's own
    Z I
    "#);
    // A message that only servers send ends the session.
    client.send(&message(b'Z', b"I")).await;
    assert_snapshot!(client.lines(1).await, @r#"
    E FATAL / 08P01 / message type `Z` is not accepted here
    (closed)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_13_logins_that_do_not_come_through() {
    let world = World::with(|settings| settings.danger_plaintext_clients = true).await;
    let mut lines = Vec::new();
    for parameters in [
        &[
            ("user", "u"),
            ("database", "orders"),
            ("options", "-c role=postgres"),
        ][..],
        &[
            ("user", "u"),
            ("database", "orders"),
            ("replication", "database"),
        ],
        &[("database", "orders")],
    ] {
        lines.push(
            Client::connect(world.address, parameters)
                .await
                .lines(1)
                .await,
        );
    }
    // Which databases there are is told to those with a token only.
    for (database, token) in [
        ("orders", "forged"),
        ("postgres", "forged"),
        ("postgres", "agent"),
    ] {
        let parameters = [("user", "agent"), ("database", database)];
        let mut client = Client::connect(world.address, &parameters).await;
        client.send(&message(b'p', &text(token))).await;
        lines.push(client.lines(1).await);
    }
    // A query before login.
    let mut client =
        Client::connect(world.address, &[("user", "agent"), ("database", "orders")]).await;
    client.send(&query("SELECT 1")).await;
    lines.push(client.lines(1).await);
    assert_snapshot!(lines.join("\n"), @r#"
    E FATAL / 0A000 / startup parameter `role` is not accepted / leave it out: the role in the database belongs to the gateway
    (closed)
    E FATAL / 0A000 / startup parameter `replication` is not accepted / replication connections do not go through the gateway
    (closed)
    E FATAL / 28000 / no user name in the startup packet
    (closed)
    R 3
    E FATAL / 28P01 / authentication failed / send a valid access token as the password
    (closed)
    R 3
    E FATAL / 28P01 / authentication failed / send a valid access token as the password
    (closed)
    R 3
    E FATAL / 3D000 / database `postgres` is not offered by connection `orders-prod` / offered are: orders
    (closed)
    R 3
    E FATAL / 08P01 / password expected: message type `Q` is not accepted here
    (closed)
    "#);
    assert_snapshot!(world.log.words().join("\n"), @r#"
    refused: startup parameter `role` is not accepted
    refused: startup parameter `replication` is not accepted
    refused: no user name in the startup packet
    refused: token not accepted: the signature is not valid
    refused: token not accepted: the signature is not valid
    refused: database `postgres` is not offered by connection `orders-prod`
    refused: password expected: message type `Q` is not accepted here
    "#);
}
