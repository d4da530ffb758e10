//! What is known of PostgreSQL, held against a real server.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails should fail where it stands"
)]

mod reading;

use std::collections::BTreeSet;
use std::sync::Arc;

use hpol_operation::Class;
use hpol_operation::sql::{
    Analyser, Catalogue, CatalogueBuilder, CatalogueQuery, ClassifiedColumn, Exposure, Limits,
    RelationKind, catalogue_queries,
};
use hpol_support::postgres::PostgresServer;
use reading::{analyse_in, knowing, session};

/// Functions that PostgreSQL calls volatile because their result changes, not because they change something.
const TELL_THE_MOMENT: &str = "amvalidate clock_timestamp gen_random_uuid lastval pg_blocking_pids
    pg_collation_actual_version pg_current_logfile pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
    pg_database_collation_actual_version pg_database_size pg_get_wal_replay_pause_state pg_indexes_size pg_is_in_recovery
    pg_is_wal_replay_paused pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn
    pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage pg_partition_ancestors pg_partition_tree
    pg_relation_size pg_safe_snapshot_blocking_pids pg_table_size pg_tablespace_size pg_total_relation_size
    pg_xact_commit_timestamp pg_xact_status random random_normal timeofday txid_status uuidv4 uuidv7 array_sample
    array_shuffle";

#[test]
fn pg_35_volatile_functions_are_not_taken_for_harmless() {
    let server = PostgresServer::start().unwrap();
    let volatile = "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace \
                    AND (provolatile = 'v' OR prosecdef)";
    let analyser = Analyser::new(Limits::default());
    let known: BTreeSet<&str> = TELL_THE_MOMENT.split_whitespace().collect();
    let functions = server.execute("demo", volatile).unwrap();
    assert!(functions.lines().count() > 200, "{functions}");
    for function in functions.lines().filter(|name| !known.contains(name)) {
        let sql = format!("SELECT pg_catalog.\"{function}\"()");
        let analysis = analyser.analyse(&sql, &session(&["public"])).unwrap();
        assert_eq!(analysis.class(), Class::Write, "{function}");
    }
}

#[test]
fn pg_40_a_catalogue_of_a_server_knows_generated_columns_views_and_partitions() {
    let server = PostgresServer::start().unwrap();
    let schema = "CREATE TABLE people (id int, ssn text, last4 text GENERATED ALWAYS AS (right(ssn, 4)) STORED); \
         CREATE TABLE pay (id int, card text, tail text GENERATED ALWAYS AS (right(card, 4)) STORED) PARTITION BY LIST (id); \
         CREATE TABLE pay_1 PARTITION OF pay FOR VALUES IN (1); \
         CREATE VIEW v AS SELECT last4 FROM people; \
         CREATE FUNCTION wipe(people) RETURNS int LANGUAGE sql AS 'DELETE FROM people; SELECT 1'; \
         CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT ssn FROM people LIMIT 1'";
    server.execute("demo", schema).unwrap();
    let catalogue = Arc::new(load(&server));
    let origins = |table: &str, column: &str| catalogue.column_origins("public", table, column);
    assert_eq!(origins("people", "ssn").len(), 2);
    assert_eq!(origins("people", "id").len(), 1);
    assert_eq!(origins("pay", "card").len(), 4);

    let classified = [ClassifiedColumn {
        schema: "public".into(),
        table: "people".into(),
        column: "ssn".into(),
    }];
    let session = knowing(Arc::clone(&catalogue));
    let exposure = |sql: &str| {
        let analysis = analyse_in(sql, &session);
        analysis.unwrap().exposure(&catalogue, &classified)
    };
    assert_eq!(exposure("SELECT last4 FROM people"), Exposure::Plain);
    assert_eq!(exposure("SELECT upper('x')"), Exposure::None);
    for sql in [
        "SELECT reverse(last4) FROM people",
        "SELECT last4 FROM v",
        "SELECT p.wipe FROM people p",
        "SELECT q.wipe FROM (SELECT 1) q",
        "SELECT lower('x'::varchar)",
    ] {
        assert!(matches!(exposure(sql), Exposure::Refused { .. }), "{sql}");
    }
}

/// The catalogue of the database, by the queries an adapter runs.
fn load(server: &PostgresServer) -> Catalogue {
    let mut builder = CatalogueBuilder::new();
    for query in catalogue_queries() {
        let rows = server.execute("demo", query.sql()).unwrap();
        for row in rows.lines() {
            let row: Vec<&str> = row.split('|').collect();
            add(&mut builder, query, &row);
        }
    }
    builder.build()
}

fn add(builder: &mut CatalogueBuilder, query: CatalogueQuery, row: &[&str]) {
    let oid = |index: usize| row[index].parse::<u32>().unwrap();
    let attnum = |index: usize| row[index].parse::<i16>().unwrap();
    match query {
        CatalogueQuery::Relations(_) => {
            let kind = RelationKind::from_relkind(row[3].chars().next().unwrap());
            builder.relation(oid(0), row[1], row[2], kind)
        }
        CatalogueQuery::Columns(_) => builder.column(oid(0), attnum(1), row[2]).column_type(
            oid(0),
            attnum(1),
            oid(3),
            row[4] == "t",
        ),
        CatalogueQuery::Generated(_) => builder.generated(oid(0), attnum(1), attnum(2)),
        CatalogueQuery::Inheritance(_) => builder.inherits(oid(0), oid(1)),
        CatalogueQuery::ViewReads(_) => builder.view_reads(oid(0), oid(1)),
        CatalogueQuery::DisguisedFunctions(_) => builder.disguised_function(row[0]),
        CatalogueQuery::BaseTypes(_) => builder.base_type(oid(0), oid(1)),
    };
}
