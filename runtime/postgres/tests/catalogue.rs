//! Tables and views that change while sessions use them: what is not known for sure is not shown.

mod world;

use insta::assert_snapshot;
use world::World;
use world::client::{bind, close, execute, parse, query, run, sync};

#[tokio::test(flavor = "multi_thread")]
async fn names_that_change_their_meaning_on_the_way_give_nothing_out() {
    let world = World::start().await;
    let mut client = world.login().await;
    client
        .query("CREATE VIEW harmless AS SELECT status FROM orders")
        .await;
    assert_snapshot!(client.query("SELECT * FROM harmless LIMIT 1").await, @r#"
    T 1 columns
    D open
    C SELECT 1
    Z I
    "#);
    let change = "CREATE OR REPLACE VIEW harmless AS SELECT name AS status FROM customers";
    let select = "SELECT * FROM harmless WHERE status <> ''";
    // In one text, in one segment, and in queries sent at once.
    assert_snapshot!(client.query(&format!("{change}; {select}")).await, @r#"
    E ERROR / 42501 / blocked by shop.hide_ssn: `shop.pii.ssn` would leave unmasked: a statement that changes tables has to be sent alone / ask for the column itself in the select list of one plain SELECT, or leave it out
    Z I
    "#);
    let segment = [run(change), run(select), sync()];
    assert_snapshot!(client.ask(&segment.concat()).await, @r#"
    1
    2
    C CREATE VIEW
    E ERROR / 42501 / blocked by shop.hide_ssn: `shop.pii.ssn` would leave unmasked: tables may have changed since the last Sync, or in the transaction that failed / ask for the column itself in the select list of one plain SELECT, or leave it out
    Z I
    "#);
    client.send(&[query(change), query(select)].concat()).await;
    assert_snapshot!(client.lines(2).await, @r#"
    C CREATE VIEW
    Z I
    E ERROR / 42501 / blocked by shop.hide_ssn: `shop.pii.ssn` would leave unmasked: `public.harmless` is a view over `public.customers` in FROM / ask for the column itself in the select list of one plain SELECT, or leave it out
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classified_column_that_the_catalogue_does_not_know_yet_is_hidden() {
    let world = World::start().await;
    let change = |sql| world.server.execute("demo", sql).unwrap();
    change("ALTER TABLE customers DROP ssn");
    let mut client = world.login().await;
    let select = "SELECT ssn FROM customers WHERE id = 1";
    client.query("SELECT name FROM customers").await;
    change("ALTER TABLE customers ADD ssn text; UPDATE customers SET ssn = 'no pattern'");
    assert_snapshot!(client.query(select).await, @r"
    T 1 columns
    D NULL
    C SELECT 1
    Z I
    ");
    // That it was unknown had the catalogue read again.
    assert_eq!(
        client.query(select).await,
        "T 1 columns\nD ** ***tern\nC SELECT 1\nZ I"
    );
    // The server's own tables and sequences are known.
    change("CREATE SEQUENCE numbers; ALTER SEQUENCE numbers OWNER TO hpol_gateway");
    for (sql, value) in [
        (
            "SELECT relname FROM pg_catalog.pg_class WHERE relname = 'customers'",
            "D customers",
        ),
        ("SELECT last_value FROM numbers", "D 1"),
    ] {
        let own = client.query(sql).await;
        assert!(own.contains(value), "{own}");
    }
}

/// A COPY, and an EXECUTE, look names up when their portal is executed, not when it is bound.
#[tokio::test(flavor = "multi_thread")]
async fn pg_40_what_is_bound_before_tables_change_is_not_executed_behind_it() {
    let world = World::start().await;
    let mut client = world.login().await;
    client
        .query("CREATE VIEW harmless AS SELECT status FROM orders")
        .await;
    client
        .query("PREPARE s AS SELECT status FROM harmless")
        .await;
    let change = "CREATE OR REPLACE VIEW harmless AS SELECT name AS status FROM customers";
    for late in ["COPY (SELECT status FROM harmless) TO STDOUT", "EXECUTE s"] {
        let segment = |change: &str| {
            [
                parse("late", late),
                bind("late", "late", &[], 0),
                run(change),
                execute("late", 0),
                sync(),
                close(b'S', "late"),
                sync(),
            ]
            .concat()
        };
        client.send(&segment(change)).await;
        let told = client.lines(2).await;
        assert!(told.contains("C CREATE VIEW"), "{told}");
        assert!(told.contains("bind it again"), "{told}");
        assert!(!told.contains("Ada"), "{told}");
        client.send(&segment("SELECT 1")).await;
        let told = client.lines(2).await;
        assert!(told.contains("open") && !told.contains("E ERROR"), "{told}");
    }
}
