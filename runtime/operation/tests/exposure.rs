//! Whether classified columns leave as plain columns only.

mod reading;

use std::sync::Arc;

use hpol_operation::sql::{
    Catalogue, CatalogueBuilder, ClassifiedColumn, Exposure, RelationKind, catalogue_queries,
};
use reading::{analyse_in, knowing, session};

/// People with a classified `ssn`, a partitioned table with a classified `card`, a table without, and views.
fn catalogue() -> Arc<Catalogue> {
    let mut builder = CatalogueBuilder::new();
    let tables: &[(u32, &str, RelationKind, &[&str])] = &[
        (
            1,
            "people",
            RelationKind::Table,
            &["id", "name", "ssn", "last4"],
        ),
        (
            2,
            "pay",
            RelationKind::Partitioned,
            &["id", "person", "card"],
        ),
        (3, "pay_old", RelationKind::Table, &["id", "person", "card"]),
        (4, "orders", RelationKind::Table, &["id", "person", "item"]),
        (5, "v_people", RelationKind::View, &["who"]),
        (6, "v_orders", RelationKind::View, &["item"]),
        (7, "v_unknown", RelationKind::View, &["x"]),
        (8, "s", RelationKind::Sequence, &[]),
        (9, "far", RelationKind::Foreign, &["id", "ssn"]),
        (10, "far_view", RelationKind::View, &["id"]),
        (11, "far_known", RelationKind::Foreign, &["id", "ssn"]),
    ];
    for (oid, name, kind, columns) in tables {
        builder.relation(*oid, "public", name, *kind);
        for (column, attnum) in columns.iter().zip(1..) {
            builder.column(*oid, attnum, column);
        }
    }
    builder.generated(1, 4, 3);
    builder.inherits(3, 2).view_reads(5, 1).view_reads(6, 4);
    builder.view_reads(10, 9);
    Arc::new(builder.build())
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn exposure_of(sql: &str, classified: &[ClassifiedColumn]) -> Exposure {
    let catalogue = catalogue();
    let session = knowing(Arc::clone(&catalogue));
    let analysis = analyse_in(sql, &session).unwrap();
    analysis.exposure(&catalogue, classified)
}

fn column(table: &str, column: &str) -> ClassifiedColumn {
    ClassifiedColumn {
        schema: "public".into(),
        table: table.into(),
        column: column.into(),
    }
}

fn exposure(sql: &str) -> Exposure {
    exposure_of(sql, &[column("people", "ssn"), column("pay", "card")])
}

#[test]
fn statements_that_touch_nothing_classified() {
    for sql in [
        "SELECT * FROM orders WHERE lower(item) = 'x' ORDER BY 1",
        "SELECT * FROM v_orders",
        "SELECT 1",
        "SELECT ssn FROM (VALUES ('x')) AS people(ssn)",
        "WITH people AS (SELECT 'x' AS ssn) SELECT upper(ssn) FROM people",
        "SELECT relname FROM pg_class",
        "SELECT count(*) FROM pg_subscription s WHERE s.subdbid = 1",
        "SELECT table_name FROM information_schema.tables",
        "CREATE TABLE scratch (id int)",
        "SELECT nextval('s')",
        "BEGIN",
        "SET application_name = 'x'",
        "",
    ] {
        assert_eq!(exposure(sql), Exposure::None, "{sql}");
    }
}

#[test]
fn statements_that_show_plain_columns() {
    for sql in [
        "SELECT ssn FROM people",
        "SELECT * FROM people WHERE id = $1 ORDER BY name LIMIT 5",
        "SELECT p.*, o.item AS ssn2 FROM people p JOIN orders o ON o.person = p.id",
        "SELECT people.ssn AS x, upper(name) FROM public.people",
        "SELECT last4 FROM people",
        "SELECT card FROM pay_old",
        "SELECT card FROM ONLY pay TABLESAMPLE system (1)",
        "SELECT ctid, ssn FROM people FOR UPDATE",
        "SELECT ssn FROM people JOIN orders USING (id)",
        "SELECT ssn FROM people WHERE EXISTS (SELECT * FROM orders)",
        "EXPLAIN SELECT ssn FROM people",
        "PREPARE q AS SELECT ssn FROM people; EXECUTE q",
        "DECLARE c BINARY SCROLL CURSOR WITH HOLD FOR TABLE people; FETCH ALL FROM c; MOVE c; CLOSE c",
        "COPY people TO STDOUT",
        "COPY (SELECT name, ssn AS x FROM people WHERE id = 1) TO STDOUT (FORMAT binary)",
        "SELECT 1; TABLE people",
        "DELETE FROM people RETURNING *",
        "INSERT INTO people (ssn) VALUES ('9') RETURNING ssn AS x, people.*",
        "UPDATE people SET name = 'x' RETURNING old.ssn",
        "UPDATE people SET name = 'x' FROM orders o RETURNING new.*, o.item",
        "MERGE INTO people p USING orders o ON p.id = o.id WHEN MATCHED THEN DELETE RETURNING p.ssn",
        "PREPARE q AS DELETE FROM people RETURNING ssn; EXECUTE q",
    ] {
        assert_eq!(exposure(sql), Exposure::Plain, "{sql}");
    }
}

#[test]
fn statements_that_give_out_nothing_classified_of_what_they_touch() {
    for sql in [
        "SELECT name FROM people WHERE id IN (SELECT person FROM orders)",
        "SELECT count(*) FROM people GROUP BY name",
        "SELECT id FROM people ORDER BY 1",
        "INSERT INTO people (id, ssn) VALUES (1, '9')",
        "INSERT INTO people SELECT * FROM orders",
        "UPDATE people SET ssn = '9' WHERE id = 1 RETURNING name",
        "DELETE FROM people WHERE id = 1",
        "UPDATE people SET name = 'x' FROM orders old WHERE old.id = 1 RETURNING old.item",
        "COPY people FROM STDIN",
        "TRUNCATE people",
        "DROP TABLE people",
        "SELECT FROM people",
        "COPY (SELECT name FROM people) TO STDOUT",
        "SELECT 1; SELECT name FROM people; SELECT 2",
    ] {
        assert_eq!(exposure(sql), Exposure::Touched, "{sql}");
    }
}

#[test]
fn pg_39_a_foreign_table_is_unknown_until_it_is_classified() {
    let classified = [column("people", "ssn"), column("far_known", "ssn")];
    assert_eq!(
        exposure_of("SELECT ssn FROM far_known", &classified),
        Exposure::Plain
    );
    assert_eq!(
        exposure_of("DROP FOREIGN TABLE far", &classified),
        Exposure::None
    );
    assert!(matches!(
        exposure_of("SELECT id FROM far", &classified),
        Exposure::Refused { .. }
    ));
    assert_eq!(exposure_of("SELECT id FROM far", &[]), Exposure::None);
}

#[test]
fn pg_40_every_other_use_is_refused_and_says_where() {
    let mut table = String::new();
    for sql in [
        "SELECT upper(ssn) FROM people",
        "SELECT upper(last4) FROM people",
        "SELECT id FROM people WHERE last4 = '4320'",
        "SELECT ssn::text FROM people",
        "SELECT ssn || '' FROM people",
        "SELECT CASE WHEN true THEN ssn END FROM people",
        "SELECT (ssn)[1] FROM people",
        "SELECT ROW(ssn) FROM people",
        "SELECT ARRAY[ssn] FROM people",
        "SELECT ssn COLLATE \"C\" FROM people",
        "SELECT rank() OVER (ORDER BY ssn) FROM people",
        "SELECT 1 FROM people WHERE ssn = '9'",
        "SELECT 1 FROM people JOIN orders ON item = ssn",
        "SELECT 1 FROM people GROUP BY ssn",
        "SELECT 1 FROM people HAVING max(ssn) > ''",
        "SELECT id FROM people ORDER BY ssn",
        "SELECT ssn FROM people ORDER BY 1",
        "SELECT * FROM people GROUP BY 1",
        "SELECT ssn AS x FROM people ORDER BY x",
        "SELECT DISTINCT ssn FROM people",
        "SELECT DISTINCT * FROM people",
        "SELECT DISTINCT ON (ssn) id FROM people",
        "SELECT 1 FROM people LIMIT (SELECT 1 FROM people)",
        "SELECT ssn FROM people UNION SELECT item FROM orders",
        "SELECT * FROM (SELECT ssn FROM people) q",
        "WITH q AS (SELECT ssn FROM people) SELECT * FROM q",
        "SELECT (SELECT ssn FROM people)",
        "SELECT x FROM people p, LATERAL (SELECT p.ssn AS x) q",
        "SELECT p FROM people p",
        "SELECT people FROM people",
        "SELECT row_to_json(p) FROM people p",
        "SELECT p.to_jsonb FROM people p",
        "SELECT (p.*) IS NULL FROM people p",
        "SELECT (p).ssn FROM people p",
        "SELECT c FROM people AS p(a, b, c)",
        "SELECT * FROM people NATURAL JOIN orders",
        "SELECT 1 FROM people JOIN people q USING (ssn)",
        "SELECT upper(j.ssn) FROM (people JOIN orders ON true) AS j",
        "SELECT * FROM v_people",
        "SELECT * FROM v_unknown",
        "SELECT * FROM nowhere",
        "SELECT f()",
        "SELECT * FROM pg_stats",
        "SELECT query FROM pg_stat_activity",
        "SELECT * FROM public.pg_stat_statements",
        "SELECT * FROM pg_toast.pg_toast_1",
        "DELETE FROM people RETURNING lower(ssn)",
        "DELETE FROM people RETURNING (SELECT ssn)",
        "DELETE FROM orders USING people RETURNING ssn",
        "EXPLAIN ANALYZE DELETE FROM people RETURNING ssn",
        "WITH d AS (DELETE FROM people RETURNING *) SELECT 1",
        "UPDATE people SET name = 'x' RETURNING upper(new.last4)",
        "UPDATE people SET name = 'x' RETURNING old",
        "UPDATE people SET name = 'x' RETURNING old.to_jsonb",
        "UPDATE people SET name = 'x' RETURNING WITH (OLD AS o) o",
        "SELECT who FROM v_people",
        "UPDATE people SET name = ssn",
        "UPDATE orders SET item = ssn FROM people",
        "INSERT INTO orders SELECT id, id, ssn FROM people",
        "INSERT INTO people (id) VALUES (1) ON CONFLICT (ssn) DO NOTHING",
        "MERGE INTO orders o USING people p ON true WHEN MATCHED THEN UPDATE SET item = p.ssn",
        "WITH d AS (DELETE FROM people RETURNING ssn) SELECT * FROM d",
        "COPY (SELECT upper(ssn) FROM people) TO STDOUT",
        "COPY (SELECT name FROM people WHERE ssn = '1') TO STDOUT",
        "COPY (SELECT ssn FROM people UNION SELECT item FROM orders) TO STDOUT",
        "COPY (SELECT DISTINCT ssn FROM people) TO STDOUT",
        "COPY (DELETE FROM people RETURNING ssn) TO STDOUT",
        "COPY v_people TO STDOUT",
        "CREATE TABLE t AS SELECT ssn FROM people",
        "SELECT ssn INTO t FROM people",
        "CREATE VIEW v AS SELECT name FROM people",
        "CREATE INDEX ON people (ssn)",
        "ALTER TABLE people RENAME COLUMN ssn TO x",
        "SELECT * FROM pg_subscription",
        "SELECT subname FROM pg_subscription WHERE subconninfo LIKE '%x%'",
        "SELECT pg_subscription FROM pg_subscription",
        "SELECT j FROM (pg_subscription CROSS JOIN orders) AS j",
        "SELECT a.b FROM pg_subscription AS a(b)",
        "COPY pg_subscription TO STDOUT",
        "SELECT id FROM far",
        "SELECT id FROM far_view",
        "UPDATE far SET id = 1 WHERE id = 2 RETURNING *",
        "DECLARE c CURSOR FOR SELECT upper(ssn) FROM people",
        "DECLARE c CURSOR FOR SELECT name FROM people ORDER BY ssn; FETCH ALL c",
        "FETCH 1 FROM c",
        "PREPARE q AS SELECT name FROM people WHERE ssn = $1",
        "EXECUTE q",
        "PREPARE q AS SELECT ssn FROM people; CREATE TABLE copy AS EXECUTE q",
        "PREPARE q AS SELECT ssn FROM people; EXPLAIN ANALYZE EXECUTE q",
        "PREPARE q AS SELECT ssn FROM people; EXPLAIN EXECUTE q",
        "PREPARE q AS SELECT 1; EXECUTE q((SELECT ssn FROM people))",
        "EXPLAIN DECLARE c CURSOR FOR SELECT ssn FROM people",
        "EXPLAIN ANALYZE SELECT ssn FROM people",
        "EXPLAIN SELECT 1 FROM people WHERE ssn = '9'",
        "DO $$ BEGIN END $$",
        "SELECT 1; SELECT upper(ssn) FROM people",
        "SELECT upper(card) FROM pay_old",
    ] {
        match exposure(sql) {
            Exposure::Refused { column, why, place } => {
                table.push_str(&format!("{sql}\n    {column} {why} ({place})\n"));
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_view_over_classified_columns_is_refused_also_where_it_is_classified_itself() {
    let alone = [column("v_people", "who")];
    assert_eq!(
        exposure_of("SELECT who FROM v_people", &alone),
        Exposure::Plain
    );
    let both = [column("v_people", "who"), column("people", "ssn")];
    assert!(matches!(
        exposure_of("SELECT who FROM v_people", &both),
        Exposure::Refused { .. }
    ));
}

#[test]
fn the_queries_of_the_catalogue_are_reads_of_what_describes_the_database() {
    let session = session(&[]);
    for query in catalogue_queries() {
        let analysis = analyse_in(query.sql(), &session).unwrap();
        assert_eq!(
            analysis.class(),
            hpol_operation::Class::Read,
            "{}",
            query.sql()
        );
        assert!(
            analysis.reads().complete
                && analysis
                    .reads()
                    .known
                    .iter()
                    .all(|name| name.starts_with("pg_catalog."))
        );
    }
}
