//! Settings that the gateway has fixed and a client may tighten, as `pg_dump` does; what would loosen them is refused.

mod world;

use insta::assert_snapshot;
use world::World;
use world::client::{query, run, sync};

const EMPTY: &str = "SELECT pg_catalog.set_config('search_path', '', false);";

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_a_search_path_can_be_emptied_and_names_mean_what_the_server_takes_them_for() {
    let world = World::start().await;
    let mut client = world.login().await;
    client
        .query("CREATE TEMP TABLE pg_class AS SELECT 1 AS one")
        .await;
    let texts = [
        "SELECT count(*) FROM orders",
        EMPTY,
        "SELECT count(*) FROM orders",
        "SELECT count(*) FROM public.orders",
        "SELECT count(*) > 100 FROM pg_class",
        "SELECT current_setting('search_path')",
        "DISCARD ALL",
        "SELECT current_setting('search_path')",
        "BEGIN; RESET ALL",
        "ROLLBACK",
        "SELECT current_setting('search_path')",
        "SELECT count(*) FROM orders",
    ];
    assert_snapshot!(client.told(&texts).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_a_search_path_is_emptied_alone_and_without_cursors() {
    let world = World::start().await;
    let mut client = world.login().await;
    let texts = [
        "SELECT pg_catalog.set_config('search_path', 'public', false);",
        "SELECT pg_catalog.set_config('search_path', '', true);",
        "SELECT pg_catalog.set_config('search_path', '', false); SELECT 1",
        "SET search_path = ''",
        "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT",
        EMPTY,
        "CLOSE c",
    ];
    let mut lines = vec![client.told(&texts).await];
    let pipeline = [run(EMPTY), sync()];
    lines.push(client.ask(&pipeline.concat()).await);
    lines.push(client.query("SELECT count(*) FROM orders").await);
    // What comes right behind it waits for it.
    let behind = [query(EMPTY), query("SELECT count(*) FROM orders")].concat();
    client.send(&behind).await;
    lines.push(client.lines(2).await);
    assert_snapshot!(lines.join("\n--\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_a_search_path_that_a_transaction_has_changed_stays_what_names_are_read_by() {
    let world = World::start().await;
    let mut client = world.login().await;
    const PATH: &str = "SELECT current_setting('search_path')";
    let texts = [
        "RESET search_path; SELECT 1",
        EMPTY,
        "BEGIN",
        "RESET search_path",
        "SELECT count(*) FROM orders",
        PATH,
        "ROLLBACK; SELECT count(*) FROM orders",
        "ROLLBACK",
        PATH,
        "SELECT count(*) FROM orders",
        "BEGIN; SAVEPOINT s",
        EMPTY,
        "ROLLBACK TO s",
        PATH,
        "SELECT 1/0",
        "RESET search_path",
        "ROLLBACK",
        PATH,
        "RESET search_path;",
        PATH,
    ];
    assert_snapshot!(client.told(&texts).await);
    let pipeline = [query("BEGIN"), run("RESET search_path"), sync()];
    client.send(&pipeline.concat()).await;
    assert_snapshot!(client.lines(2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_37_limits_of_time_are_never_laxer_than_the_roles() {
    let world = World::start().await;
    world
        .server
        .execute(
            "demo",
            "ALTER ROLE hpol_gateway SET statement_timeout = '30s'",
        )
        .unwrap();
    let mut client = world.login().await;
    let texts = [
        "SET statement_timeout = 0",
        "SET statement_timeout = '31s'",
        "SET statement_timeout = '10s'",
        "SET statement_timeout = '20s'",
        "SET statement_timeout = '0'",
        "SET statement_timeout = 5000",
        "SET statement_timeout = 50000",
        "SET statement_timeout = '1us'",
        "SET statement_timeout = DEFAULT",
        "SET lock_timeout = '1s'; SET statement_timeout = 0",
        "SET lock_timeout = 0",
        "BEGIN; SET LOCAL statement_timeout = '1s'; SET row_security = off",
        "SELECT current_setting('statement_timeout'), current_setting('row_security')",
        "ROLLBACK",
        "SET row_security = off",
        "SELECT current_setting('statement_timeout'), current_setting('row_security')",
        "DISCARD ALL",
        "SELECT current_setting('statement_timeout'), current_setting('row_security')",
        "SELECT set_config('row_security', 'off', false)",
        "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings \
         WHERE name = 'restrict_nonsystem_relation_kind'",
        "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'role'",
        EMPTY,
        "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings \
         WHERE name = 'restrict_nonsystem_relation_kind'",
        "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'role'",
    ];
    assert_snapshot!(client.told(&texts).await);
}
