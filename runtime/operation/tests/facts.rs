//! What single statements mean: facts, class and effects, statement by statement.

mod reading;

use std::sync::Arc;

use hpol_operation::Class;
use hpol_operation::sql::{
    Analyser, CatalogueBuilder, Extent, Limits, RelationKind, SessionEffect, SqlRefusal, SqlSession,
};
use reading::{analyse, knowing, session};

fn shown<T: Ord>(name: &str, extent: &Extent<T>, word: impl Fn(&T) -> &str) -> Option<String> {
    let words: Vec<&str> = extent.known.iter().map(word).collect();
    let more = if extent.complete { "" } else { "?" };
    (!words.is_empty() || !extent.complete).then(|| format!("{name}[{}{more}]", words.join(" ")))
}

/// The facts of a text on one line; `?` stands for what is unknown.
fn line(sql: &str) -> String {
    let analysis = match analyse(sql) {
        Ok(analysis) => analysis,
        Err(refusal) => return format!("{sql}\n    refused: {refusal}\n"),
    };
    let parts = [
        shown("", analysis.verbs(), |verb| verb.as_str()),
        shown("reads", analysis.reads(), String::as_str),
        shown("writes", analysis.writes(), String::as_str),
        shown("calls", analysis.functions(), String::as_str),
        (!analysis.filtered()).then(|| "unfiltered".to_owned()),
        (analysis.statements() != 1).then(|| format!("{} statements", analysis.statements())),
        (analysis.class() == Class::Write).then(|| "WRITE".to_owned()),
        (!analysis.effects().is_empty()).then(|| format!("{:?}", analysis.effects())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{sql}\n    {}\n", parts.join(" "))
}

fn table(statements: &[&str]) -> String {
    statements.iter().map(|sql| line(sql)).collect()
}

#[test]
fn pg_18_every_statement_of_a_text_counts() {
    insta::assert_snapshot!(table(&[
        "SELECT 1; DROP TABLE t",
        "SELECT id FROM a; DELETE FROM b WHERE id = 1; COMMIT",
        "SET search_path = evil; SELECT * FROM t",
        "SELECT set_config('search_path', 'evil', false) FROM t",
        "SELECT set_config('search_path', 'evil', false) FROM t; SELECT * FROM t",
        "SELECT set_config('search_path', 'evil', false), nextval('s'::text)",
        "SELECT set_config('search_path', 'evil', false); SELECT lower(x) FROM public.t",
        "",
        " ; -- nothing\n;",
    ]));
}

#[test]
fn pg_19_what_does_not_parse_is_refused() {
    insta::assert_snapshot!(table(&[
        "SELEC 1",
        "SELECT 'open",
        "SELECT 1 /* open",
        "SELECT $1 FROM",
        "SELECT \"\""
    ]));
    assert_eq!(analyse("SELECT 'a\0b'").unwrap_err(), SqlRefusal::Nul);
}

#[test]
fn pg_31_queries_count_wherever_they_stand() {
    insta::assert_snapshot!(table(&[
        "WITH d AS (DELETE FROM a WHERE id = 1 RETURNING *) SELECT * FROM d",
        "WITH a AS (SELECT 1) SELECT * FROM a, b",
        "WITH a AS (SELECT * FROM a) SELECT * FROM a",
        "WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM a) SELECT * FROM a",
        "WITH RECURSIVE x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
        "WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
        "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) q, a",
        "SELECT 1 FROM a ORDER BY (SELECT 1 FROM b) LIMIT (SELECT 1 FROM c)",
        "INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET x = (SELECT max(y) FROM b) RETURNING (SELECT 1 FROM c)",
        "SELECT 1 FROM a TABLESAMPLE system ((SELECT 1 FROM b))",
        "SELECT * INTO a FROM b",
        "TABLE a",
        "SELECT 1 FROM a FOR UPDATE OF a",
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (b.id)",
    ]));
}

#[test]
fn pg_32_explain_runs_only_with_analyze() {
    insta::assert_snapshot!(table(&[
        "EXPLAIN SELECT * FROM a",
        "EXPLAIN DELETE FROM a",
        "EXPLAIN ANALYZE DELETE FROM a",
        "EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM a",
        "EXPLAIN (ANALYZE false) INSERT INTO a SELECT * FROM b",
        "EXPLAIN EXECUTE q",
    ]));
}

#[test]
fn pg_33_bodies_are_not_guessed() {
    insta::assert_snapshot!(table(&[
        "DO $$ BEGIN DELETE FROM a; END $$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CALL p(1)",
        "SELECT f(1)",
        "SELECT pg_catalog.f(1)",
        "SELECT 1 OPERATOR(evil.+) 1",
    ]));
}

#[test]
fn pg_34_prepared_statements_and_cursors() {
    insta::assert_snapshot!(table(&[
        "PREPARE q AS DELETE FROM a WHERE id = $1",
        "EXECUTE q(1)",
        "DEALLOCATE q",
        "DEALLOCATE ALL",
        "DISCARD ALL",
        "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM a",
        "DECLARE c BINARY NO SCROLL CURSOR FOR TABLE a",
        "FETCH 1 FROM c",
        "MOVE 1 FROM c",
        "CLOSE c",
        "CLOSE ALL",
        "UPDATE a SET x = 1 WHERE CURRENT OF c",
        // What the text makes itself is known, what it drops is not.
        "PREPARE q AS DELETE FROM a; EXECUTE q; EXPLAIN ANALYZE EXECUTE q; CREATE TABLE b AS EXECUTE q",
        "PREPARE q AS DELETE FROM a; DEALLOCATE q; EXECUTE q",
        "PREPARE q AS DELETE FROM a; DISCARD ALL; EXECUTE q",
        "DECLARE c CURSOR FOR SELECT * FROM a; FETCH c; CLOSE ALL; FETCH c",
        "EXECUTE q(lower('x'), f(1))",
    ]));
}

#[test]
fn pg_35_functions_that_do_more_than_compute() {
    insta::assert_snapshot!(table(&[
        "SELECT lower(name), count(*) FROM a",
        "SELECT pg_sleep(1)",
        "SELECT pg_terminate_backend(1)",
        "SELECT nextval('s'), currval('hr.s'::regclass), setval(x, 1) FROM a",
        "SELECT nextval('s')",
        "SELECT nextval('16401'::regclass)",
        "SELECT id FROM a TABLESAMPLE other (1)",
        "SELECT pg_read_file('x')",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "SELECT * FROM dblink('x', 'y') AS t(a int)",
        "COPY a TO PROGRAM 'cat'",
        "COPY a FROM '/etc/passwd'",
        "COPY a TO STDOUT",
        "COPY (DELETE FROM a RETURNING *) TO STDOUT",
        "COPY a FROM STDIN",
    ]));
}

#[test]
fn pg_37_settings_and_transactions_change_the_session() {
    insta::assert_snapshot!(table(&[
        "SET ROLE admin",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION x",
        "SELECT set_config('role', 'x', true)",
        "SELECT set_config(x, 'x', true) FROM a",
        "UPDATE pg_settings SET setting = 'x' WHERE name = 'role'",
        "RESET ALL",
        "SET LOCAL search_path = a, b",
        "SET NAMES 'SJIS'",
        "SET standard_conforming_strings = off",
        "SET row_security = off",
        "SET TRANSACTION READ WRITE",
        "BEGIN READ WRITE",
        "BEGIN READ ONLY",
        "SET application_name = 'x'",
        "SHOW search_path",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "LISTEN x",
        "UNLISTEN x",
        "UNLISTEN *",
        "NOTIFY x, 'y'",
        "RESET ALL; SELECT lower(x) FROM a",
    ]));
}

#[test]
fn pg_49_objects_and_maintenance() {
    insta::assert_snapshot!(table(&[
        "CREATE TABLE a (id int REFERENCES b DEFAULT nextval('s'))",
        "CREATE TEMP TABLE a (id int)",
        "CREATE TABLE a AS SELECT * FROM b",
        "CREATE VIEW v AS SELECT * FROM hr.a",
        "CREATE INDEX ON a (lower(x))",
        "CREATE RULE r AS ON INSERT TO a DO INSTEAD DELETE FROM b",
        "ALTER TABLE a ATTACH PARTITION b DEFAULT",
        "ALTER TABLE a RENAME TO c",
        "ALTER SYSTEM SET x = 1",
        "ALTER ROLE r PASSWORD 'x'",
        "DROP TABLE a, hr.b",
        "DROP TABLE a CASCADE",
        "DROP TRIGGER t ON hr.a",
        "DROP SCHEMA hr",
        "DROP FUNCTION f(int)",
        "TRUNCATE a, b",
        "GRANT SELECT ON a TO PUBLIC",
        "GRANT SELECT ON ALL TABLES IN SCHEMA hr TO x",
        "GRANT admin TO x",
        "COMMENT ON COLUMN hr.a.x IS 'y'",
        "LOCK TABLE a",
        "VACUUM a",
        "VACUUM",
        "ANALYZE a",
        "REFRESH MATERIALIZED VIEW v",
    ]));
}

#[test]
fn filtered_needs_a_column_of_the_target() {
    let filtered = |sql: &str| analyse(sql).unwrap().filtered();
    for sql in [
        "DELETE FROM a WHERE id = 1",
        "UPDATE a SET x = 1 WHERE a.id > 2",
        "DELETE FROM a t WHERE EXISTS (SELECT 1 FROM b WHERE b.id = t.id)",
        "DELETE FROM a WHERE CURRENT OF c",
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE",
        "MERGE INTO a USING b ON true WHEN NOT MATCHED THEN INSERT VALUES (1)",
        "SELECT 1",
    ] {
        assert!(filtered(sql), "{sql}");
    }
    for sql in [
        "DELETE FROM a",
        "UPDATE a SET x = 1 WHERE true",
        "DELETE FROM a WHERE 1 = 1",
        "DELETE FROM a USING b WHERE b.id = 1",
        "DELETE FROM a WHERE EXISTS (SELECT 1 FROM b WHERE id = 1)",
        "DELETE FROM a WHERE id = 1; DELETE FROM a",
        "WITH d AS (DELETE FROM a) SELECT 1",
        "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE",
        "MERGE INTO a USING b ON b.id = 1 WHEN MATCHED THEN UPDATE SET x = 1",
    ] {
        assert!(!filtered(sql), "{sql}");
    }
}

#[test]
fn pg_39_a_catalogue_shows_what_names_and_views_mean() {
    let mut builder = CatalogueBuilder::new();
    builder
        .relation(1, "b", "t", RelationKind::Partitioned)
        .relation(2, "b", "t_1", RelationKind::Table);
    builder
        .relation(3, "a", "v", RelationKind::View)
        .relation(4, "a", "w", RelationKind::View);
    builder
        .column(1, 1, "id")
        .column(2, 3, "id")
        .inherits(2, 1)
        .view_reads(3, 1)
        .view_reads(4, 3);
    let catalogue = Arc::new(builder.build());
    let session = SqlSession {
        catalogue: Some(Arc::clone(&catalogue)),
        ..session(&["a", "b"])
    };
    let analyser = Analyser::new(Limits::default());
    let reads = |sql: &str| {
        analyser
            .analyse(sql, &session)
            .unwrap()
            .reads()
            .known
            .clone()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(reads("SELECT * FROM t"), ["b.t", "b.t_1"]);
    assert_eq!(reads("SELECT * FROM w"), ["a.v", "a.w", "b.t", "b.t_1"]);
    assert_eq!(reads("SELECT * FROM pg_class"), ["pg_catalog.pg_class"]);
    assert_eq!(catalogue.column_origins("b", "t", "id"), [(1, 1), (2, 3)]);
    // A parent shows the rows of its partition, so a column of either is one of both.
    assert_eq!(catalogue.column_origins("b", "t_1", "id"), [(1, 1), (2, 3)]);
    assert_eq!(catalogue.column_origins("b", "t", "no"), []);
}

#[test]
fn pg_35_calls_that_do_not_look_like_one_count() {
    let mut builder = CatalogueBuilder::new();
    builder.relation(1, "public", "t", RelationKind::Table);
    builder.column(1, 1, "id");
    builder
        .disguised_function("wipe")
        .disguised_function("json_array")
        .disguised_function("lower");
    let session = knowing(builder.build());
    let analyser = Analyser::new(Limits::default());
    let functions = |sql: &str| {
        let analysis = analyser.analyse(sql, &session).unwrap();
        (analysis.functions().complete, analysis.class())
    };
    for sql in [
        "SELECT t.wipe FROM t",
        "SELECT q.wipe FROM (SELECT * FROM t) q",
        "SELECT (t).wipe FROM t",
        "SELECT id FROM t ORDER BY public.t.wipe",
        "SELECT JSON_ARRAY(1)",
        "SELECT lower('X')",
    ] {
        assert_eq!(functions(sql), (false, Class::Write), "{sql}");
    }
    for sql in [
        "SELECT t.id FROM t",
        "SELECT wipe FROM t",
        "SELECT id AS wipe FROM t",
        "SELECT JSON_VALUE('{}', '$')",
        "SELECT pg_catalog.lower('X'), upper('x')",
    ] {
        assert_eq!(functions(sql), (true, Class::Read), "{sql}");
    }
}

#[test]
fn effects_of_planned_statements_do_not_happen() {
    assert_eq!(
        analyse("EXPLAIN SELECT set_config('role', 'x', false)")
            .unwrap()
            .effects(),
        []
    );
    // EXPLAIN makes no cursor, not even when it runs the query.
    for explained in ["EXPLAIN", "EXPLAIN ANALYZE"] {
        let explained = format!("{explained} DECLARE c CURSOR FOR SELECT 1");
        assert_eq!(analyse(&explained).unwrap().effects(), [], "{explained}");
    }
}

#[test]
fn pg_37_a_change_of_a_view_over_the_settings_changes_settings() {
    let mut builder = CatalogueBuilder::new();
    for (oid, schema, name) in [
        (1, "pg_catalog", "pg_settings"),
        (2, "public", "mine"),
        (3, "public", "theirs"),
        (4, "public", "other"),
    ] {
        builder.relation(oid, schema, name, RelationKind::View);
    }
    builder.view_reads(2, 1).view_reads(3, 2);
    let session = knowing(builder.build());
    let changes = |sql: &str| {
        let analysis = Analyser::new(Limits::default()).analyse(sql, &session);
        let analysis = analysis.unwrap();
        let mut effects = analysis.effects().iter();
        effects.any(|effect| *effect == SessionEffect::ChangesNameResolution)
    };
    for view in ["pg_settings", "mine", "theirs", "public.theirs"] {
        for sql in [
            format!("UPDATE {view} SET setting = 'x' WHERE name = 'search_path'"),
            format!("WITH u AS (UPDATE {view} SET setting = 'x' RETURNING 1) SELECT * FROM u"),
            format!(
                "MERGE INTO {view} v USING a ON v.name = a.x WHEN MATCHED THEN UPDATE SET setting = 'x'"
            ),
            format!("INSERT INTO {view} VALUES ('search_path')"),
            format!("DELETE FROM {view}"),
        ] {
            assert!(changes(&sql), "{sql}");
        }
    }
    assert!(!changes("UPDATE other SET setting = 'x'"));
    assert!(!changes("SELECT setting FROM mine"));
}
