//! What the gateway has fixed of a session stays, however a client resets settings and rolls back.

mod world;

use world::World;
use world::client::{Client, bind, execute, message, parse, run, sync, text};

/// A role with two schemas that both have customers, and a client that chose one of them.
async fn world() -> World {
    let world = World::start().await;
    let sql = "CREATE SCHEMA app AUTHORIZATION hpol_gateway; CREATE TABLE app.customers (id int, ssn text); \
         ALTER TABLE app.customers OWNER TO hpol_gateway; INSERT INTO app.customers VALUES (7, 'of app'); \
         ALTER ROLE hpol_gateway SET search_path = public, app";
    let made = world.server.execute("demo", sql);
    assert!(made.is_ok(), "{made:?}");
    world
}

async fn login(world: &World, parameters: &[(&str, &str)]) -> Client {
    let mut sent = vec![("user", "whoever"), ("database", "orders")];
    sent.extend_from_slice(parameters);
    let mut client = Client::connect(world.address, &sent).await;
    client.send(&message(b'p', &text("agent"))).await;
    client.lines(1).await;
    client
}

/// What the server reads now, in a transaction or not.
async fn read(client: &mut Client) -> String {
    let path = client.query("SHOW search_path").await;
    assert!(path.contains("D app, pg_temp"), "{path}");
    client.query("SELECT id FROM customers").await
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_what_is_set_again_in_a_transaction_survives_its_rollbacks() {
    let world = world().await;
    let attempts: [&[&str]; 7] = [
        &["BEGIN", "RESET ALL", "SAVEPOINT a", "ROLLBACK TO a"],
        &[
            "BEGIN",
            "SAVEPOINT a",
            "RESET ALL",
            "SELECT 1",
            "RELEASE a",
            "SELECT 1",
            "ROLLBACK",
        ],
        &[
            "BEGIN",
            "RESET ALL; SAVEPOINT a",
            "ROLLBACK TO a",
            "ROLLBACK",
        ],
        &["RESET ALL; COMMIT; BEGIN", "SELECT 1", "ROLLBACK"],
        &[
            "BEGIN; RESET ALL",
            "COMMIT AND CHAIN",
            "SELECT 1",
            "ROLLBACK",
        ],
        &[
            "BEGIN; RESET ALL",
            "COMMIT AND CHAIN",
            "SAVEPOINT a",
            "SELECT 1/0",
            "ROLLBACK TO a",
        ],
        &[
            "RESET ALL; COMMIT AND CHAIN",
            "SELECT 1",
            "ROLLBACK AND CHAIN",
        ],
    ];
    for texts in attempts {
        let mut client = login(&world, &[("search_path", "app")]).await;
        let mut told = Vec::new();
        for text in texts {
            told.push(client.query(text).await);
        }
        let rows = read(&mut client).await;
        assert!(rows.contains("D 7\n"), "{texts:?}: {told:?}\n{rows}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_a_reset_is_sent_apart_from_what_could_undo_what_follows() {
    let world = world().await;
    let mut client = login(&world, &[("search_path", "app")]).await;
    for text in [
        "RESET ALL; SAVEPOINT a",
        "RESET ALL; COMMIT; BEGIN",
        "RESET ALL; ROLLBACK AND CHAIN",
    ] {
        client.query("BEGIN").await;
        let told = client.query(text).await;
        assert!(told.contains("have to be sent apart"), "{text}: {told}");
        client.query("ROLLBACK").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_a_portal_runs_with_what_it_was_judged_by() {
    let world = world().await;
    let mut client = login(&world, &[("search_path", "app")]).await;
    client.query("BEGIN").await;
    let bound = [
        parse("", "CREATE TABLE app.mine AS SELECT id FROM customers"),
        bind("later", "", &[], 0),
        sync(),
    ];
    assert_eq!(client.ask(&bound.concat()).await, "1\n2\nZ T");
    // In the segment that resets, and in the one after.
    let reset = [
        run("SAVEPOINT a"),
        run("RESET ALL"),
        execute("later", 0),
        sync(),
    ];
    let told = client.ask(&reset.concat()).await;
    assert!(
        told.contains("C RESET\nE ERROR / 0A000 / RESET ALL"),
        "{told}"
    );
    client.query("ROLLBACK").await;
    client.query("BEGIN").await;
    client.ask(&bound.concat()).await;
    client.query("RESET ALL").await;
    let told = client.ask(&[execute("later", 0), sync()].concat()).await;
    assert_eq!(told, "C SELECT 1\nZ T");
    let rows = client.query("SELECT id FROM app.mine").await;
    assert!(rows.contains("D 7\n"), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_what_is_kept_is_what_the_session_began_with() {
    let world = world().await;
    let mut client = login(
        &world,
        &[("search_path", "app"), ("statement_timeout", "90000")],
    )
    .await;
    for text in [
        "BEGIN; SET LOCAL lock_timeout = '1ms'; SET statement_timeout = '80s'",
        "RESET ALL",
        "SELECT 1",
        "COMMIT",
    ] {
        let told = client.query(text).await;
        assert!(!told.contains("E ERROR"), "{text}: {told}");
    }
    let told = client
        .query("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
        .await;
    assert!(told.contains("D 0 | 90s\n"), "{told}");
}
