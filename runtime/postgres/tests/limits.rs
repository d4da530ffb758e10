//! Results that a rule cuts: the client sees the first rows, a notice, and a session that goes on.

mod world;

use hpol_evidence::record::{Event, OutcomeRecord};
use insta::assert_snapshot;
use world::World;
use world::client::{bind, close, execute, parse, run, sync};

/// The outcomes so far, oldest first.
fn outcomes(world: &World) -> Vec<OutcomeRecord> {
    let events = world.log.events().into_iter();
    events
        .filter_map(|event| match event {
            Event::Outcome(outcome) => Some(*outcome),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simple_query_is_cut_and_told_so() {
    let world = World::start().await;
    let mut client = world.login().await;
    let many = "SELECT g FROM generate_series(1, 1000000) g";
    assert_snapshot!(client.query(many).await, @r#"
    T 1 columns
    D 1
    D 2
    D 3
    N NOTICE / 01000 / the result is cut after 3 rows by rule `shop.few_of_a_series` / ask for fewer rows, or in portions of a key
    C SELECT 3
    Z I
    "#);
    let outcome = outcomes(&world).pop().unwrap();
    assert_eq!((outcome.rows, outcome.cut), (3, true));
    // What comes next is not canceled, and what is within the limit is not touched.
    assert_snapshot!(client.query("SELECT g FROM generate_series(1, 3) g").await, @r#"
    T 1 columns
    D 1
    D 2
    D 3
    C SELECT 3
    Z I
    "#);
    let outcome = outcomes(&world).pop().unwrap();
    assert_eq!((outcome.rows, outcome.cut), (3, false));
    assert_snapshot!(client.query("SELECT 1; SELECT g FROM generate_series(1, 2) g").await, @r#"
    E ERROR / 42501 / blocked by shop.few_of_a_series: the result cannot be cut to 3 rows: the text holds several statements; send them one by one / ask for the rows in one plain SELECT
    Z I
    "#);
    assert_snapshot!(client.query("COPY (SELECT g FROM generate_series(1, 9) g) TO STDOUT").await, @r#"
    H
    d 1
    d 2
    d 3
    N NOTICE / 01000 / the result is cut after 3 rows by rule `shop.few_of_a_series` / ask for fewer rows, or in portions of a key
    c
    C COPY 3
    Z I
    "#);
}

/// The transaction is not failed by cutting.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_goes_on_behind_a_cut() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.query("BEGIN").await;
    assert_snapshot!(client.query("SELECT g FROM generate_series(1, 5) g").await, @r#"
    T 1 columns
    D 1
    D 2
    D 3
    N NOTICE / 01000 / the result is cut after 3 rows by rule `shop.few_of_a_series` / ask for fewer rows, or in portions of a key
    C SELECT 3
    Z T
    "#);
    assert_snapshot!(client.query("COMMIT").await, @r#"
    C COMMIT
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_22_portions_of_a_portal_are_counted_together() {
    let world = World::start().await;
    let mut client = world.login().await;
    let portions = [
        parse("", "SELECT g FROM generate_series(1, 100000) g"),
        bind("", "", &[], 0),
        execute("", 2),
        execute("", 2),
        execute("", 0),
        sync(),
    ];
    assert_snapshot!(client.ask(&portions.concat()).await, @r#"
    1
    2
    D 1
    D 2
    s
    D 3
    N NOTICE / 01000 / the result is cut after 3 rows by rule `shop.few_of_a_series` / ask for fewer rows, or in portions of a key
    C SELECT 1
    N NOTICE / 01000 / the result is cut after 3 rows by rule `shop.few_of_a_series` / ask for fewer rows, or in portions of a key
    C SELECT 0
    Z I
    "#);
    let whole = [
        parse("", "SELECT g FROM generate_series(1, 100000) g"),
        bind("p", "", &[], 0),
        execute("p", 0),
        close(b'P', "p"),
        sync(),
    ];
    assert_snapshot!(client.ask(&whole.concat()).await, @r#"
    1
    2
    D 1
    D 2
    D 3
    N NOTICE / 01000 / the result is cut after 3 rows by rule `shop.few_of_a_series` / ask for fewer rows, or in portions of a key
    C SELECT 3
    3
    Z I
    "#);
    let told: Vec<(u64, bool)> = outcomes(&world)
        .iter()
        .map(|outcome| (outcome.rows, outcome.cut))
        .collect();
    assert_eq!(told, [(2, false), (1, true), (0, true), (3, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_22_portions_of_a_cursor_are_counted_together() {
    let world = World::start().await;
    let mut client = world.login().await;
    let series = "FOR SELECT g FROM generate_series(1, 100000) g";
    client
        .query(&format!("DECLARE held CURSOR WITH HOLD {series}"))
        .await;
    let portions = ["FETCH 2 FROM held", "FETCH 2 FROM held"];
    for (portion, expected) in portions.into_iter().zip([&["D 1", "D 2"][..], &["D 3"]]) {
        assert_eq!(rows(&client.query(portion).await), expected);
    }
    // In both protocols, and in one that is prepared.
    for _ in 0..2 {
        let portion = [execute("held", 2), sync()];
        assert_eq!(rows(&client.ask(&portion.concat()).await), [""; 0]);
        let fetch = [run("FETCH 1 FROM held"), sync()];
        assert_eq!(rows(&client.ask(&fetch.concat()).await), [""; 0]);
    }
    // Another of the name begins anew, and one in a transaction is counted in the same way.
    client.query("CLOSE held").await;
    client.query("BEGIN").await;
    client.query(&format!("DECLARE held CURSOR {series}")).await;
    assert_eq!(
        rows(&client.query("FETCH 2 FROM held").await),
        ["D 1", "D 2"]
    );
    assert_eq!(rows(&client.query("FETCH 2 FROM held").await), ["D 3"]);
    assert_eq!(rows(&client.query("FETCH 2 FROM held").await), [""; 0]);
}

/// The rows of an answer.
fn rows(answer: &str) -> Vec<&str> {
    answer
        .lines()
        .filter(|line| line.starts_with("D "))
        .collect()
}
