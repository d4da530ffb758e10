//! What is sent before the answers to what came earlier: names, refusals and rows of COPY must mean to the gateway what
//! they mean to the server.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod world;

use insta::assert_snapshot;
use world::World;
use world::client::{bind, close, execute, message, parse, query, run, sync};

const UPDATE: &str = "UPDATE orders SET status = 'paid' WHERE id = 1";

/// The status of the order that [`UPDATE`] changes.
fn status(world: &World) -> String {
    let select = "SELECT status FROM orders WHERE id = 1";
    world.server.execute("demo", select).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_20_a_parse_that_may_fail_before_a_sync_names_nothing_behind_it() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.ask(&[parse("s", UPDATE), sync()].concat()).await;
    // The name is taken, so the server keeps the UPDATE under it.
    let pipeline = [
        parse("s", "SELECT 1"),
        sync(),
        bind("", "s", &[], 0),
        execute("", 0),
        sync(),
    ];
    assert_snapshot!(client.ask(&pipeline.concat()).await, @r#"
    E ERROR / 42P05 / prepared statement "s" already exists
    Z I
    "#);
    let line = client.line().await;
    assert!(
        line.starts_with("N NOTICE / 01000 / waiting for approval"),
        "{line}"
    );
    assert_eq!(status(&world), "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_20_names_that_the_server_would_cut_are_refused() {
    let world = World::start().await;
    let mut client = world.login().await;
    let name = "n".repeat(63);
    let (one, two) = (format!("{name}1"), format!("{name}2"));
    // The server cuts all of these to one name.
    for message in [
        parse(&one, "SELECT 1"),
        close(b'S', &two),
        parse(&two, UPDATE),
        bind(&one, "", &[], 0),
    ] {
        assert_eq!(
            client.ask(&[message, sync()].concat()).await,
            "E ERROR / 42622 / a name of a statement or portal is longer than 63 bytes\nZ I"
        );
    }
    let ran = client
        .ask(&[bind("", &one, &[], 0), execute("", 0), sync()].concat())
        .await;
    assert!(ran.contains("26000"), "{ran}");
    assert_eq!(status(&world), "open");
    let whole = [
        parse(&name, "SELECT 1"),
        bind(&name, &name, &[], 0),
        execute(&name, 0),
        sync(),
    ];
    assert_snapshot!(client.ask(&whole.concat()).await, @r"
    1
    2
    D 1
    C SELECT 1
    Z I
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_26_a_sync_among_the_rows_of_a_copy_answers_nothing_else() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.send(&query("COPY orders FROM STDIN")).await;
    assert_snapshot!(client.line().await, @"G");
    // The server fails at the row, before it reads the Sync.
    let pipeline = [
        message(b'd', b"not a number\n"),
        sync(),
        message(b'c', b""),
        query("SELECT 1"),
        query("SELECT 2"),
    ];
    client.send(&pipeline.concat()).await;
    assert_snapshot!(client.lines(3).await, @r#"
    E ERROR / 22P02 / invalid input syntax for type integer: "not a number"
    Z I
    T 1 columns
    D 1
    C SELECT 1
    Z I
    T 1 columns
    D 2
    C SELECT 1
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_23_what_waits_for_approval_ends_with_the_segment_that_failed() {
    let world = World::start().await;
    let mut client = world.login().await;
    let pipeline = [
        run("UPDATE orders SET nothing = 'paid' WHERE id = 1"),
        sync(),
    ];
    client.send(&pipeline.concat()).await;
    let line = client.line().await;
    assert!(
        line.starts_with("N NOTICE / 01000 / waiting for approval"),
        "{line}"
    );
    // The server skips what was waiting.
    assert_snapshot!(client.lines(1).await, @r#"
    E ERROR / 42703 / column "nothing" of relation "orders" does not exist
    Z I
    "#);
    world.log.until("closed Withdrawn").await;
    assert_snapshot!(client.query("SELECT 1").await, @r"
    T 1 columns
    D 1
    C SELECT 1
    Z I
    ");
}
