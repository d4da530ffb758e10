//! What single statements mean: facts, class and effects, statement by statement.

use std::collections::BTreeSet;
use std::sync::Arc;

use hpol_bundle::facts::{Fact, Value};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_operation::Class;
use hpol_operation::sql::{
    Analyser, CatalogueBuilder, Extent, Format, Limits, NamedText, NamedTexts, Parameter,
    RelationKind, SessionEffect, SqlAnalysis, SqlRefusal, SqlSession,
};

fn session(path: &[&str]) -> SqlSession {
    SqlSession {
        search_path: path.iter().map(|schema| (*schema).to_owned()).collect(),
        catalogue: None,
    }
}

fn analyse(sql: &str) -> Result<Arc<SqlAnalysis>, SqlRefusal> {
    Analyser::new(Limits::default()).analyse(sql, &session(&["public"]))
}

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
    let session = SqlSession {
        catalogue: Some(Arc::new(builder.build())),
        ..session(&["public"])
    };
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
fn pg_51_the_cache_keeps_sessions_apart() {
    let analyser = Analyser::new(Limits::default());
    let (a, b) = (session(&["a"]), session(&["b"]));
    assert!(analyser.cached("SELECT * FROM t", &a).is_none());
    let first = analyser.analyse("SELECT * FROM t", &a).unwrap();
    assert!(Arc::ptr_eq(
        &first,
        &analyser.cached("SELECT * FROM t", &a).unwrap()
    ));
    assert!(analyser.cached("SELECT * FROM t ", &a).is_none());
    assert!(analyser.cached("SELECT * FROM t", &b).is_none());
    assert!(
        analyser
            .analyse("SELECT * FROM t", &b)
            .unwrap()
            .reads()
            .known
            .contains("b.t")
    );
}

#[test]
fn the_cache_is_bounded() {
    let analyser = Analyser::new(Limits {
        cache_entries: 8,
        ..Limits::default()
    });
    let session = session(&["a"]);
    for number in 0..20 {
        analyser
            .analyse(&format!("SELECT a{number}"), &session)
            .unwrap();
    }
    let kept = (0..20)
        .filter(|number| {
            analyser
                .cached(&format!("SELECT a{number}"), &session)
                .is_some()
        })
        .count();
    assert!((4..=8).contains(&kept), "{kept}");
    assert!(analyser.cached("SELECT a19", &session).is_some());
}

#[test]
fn pg_52_an_operation_is_bound_to_its_parameters() {
    let analysis = analyse("UPDATE a SET x = $1 WHERE id = $2").unwrap();
    let vocabulary = Vocabulary::builtin();
    let parameter = |value| Parameter {
        type_oid: 25,
        format: Format::Text,
        value,
    };
    let base = [
        parameter(Some(b"x\n-- $2 = \"7\"".as_slice())),
        parameter(None),
    ];
    let operation = analysis.operation(&base, vocabulary);
    insta::assert_snapshot!(operation.exact, @r#"
    UPDATE a SET x = $1 WHERE id = $2
    -- $1 = "x\n-- $2 = \"7\"" (type 25)
    -- $2 = NULL
    "#);
    let (id, _) = vocabulary.lookup("sql.writes").unwrap();
    assert_eq!(
        operation.facts.fact(id),
        &Fact::Known(Value::Set(vec!["public.a".into()]))
    );
    let binary = Parameter {
        format: Format::Binary,
        ..base[0]
    };
    let others = [
        vec![],
        vec![base[0]],
        vec![base[0], parameter(Some(b""))],
        vec![binary, base[1]],
        vec![
            Parameter {
                type_oid: 0,
                ..base[0]
            },
            base[1],
        ],
        vec![base[1], base[0]],
    ];
    for other in &others {
        assert_ne!(
            analysis.operation(other, vocabulary).digest,
            operation.digest,
            "{other:?}"
        );
    }
    assert_eq!(
        analysis.operation(&base, vocabulary).digest,
        operation.digest
    );
    assert!(analysis.operation(&[binary], vocabulary).exact.ends_with(
        r#"-- $1 = 0x780a2d2d202432203d20223722, as text "x\n-- $2 = \"7\"" (type 25)"#
    ));
    // A driver that leaves the type to the server: every reading is shown.
    let number = Parameter {
        type_oid: 0,
        value: Some(&[0, 0, 0, 114]),
        ..binary
    };
    assert!(
        analysis
            .operation(&[number], vocabulary)
            .exact
            .ends_with("-- $1 = 0x00000072, as an integer 114")
    );
}

#[test]
fn unknown_facts_are_unknown_and_not_empty() {
    let vocabulary = Vocabulary::builtin();
    let operation = analyse("EXECUTE q").unwrap().operation(&[], vocabulary);
    for name in [
        "sql.verbs",
        "sql.reads",
        "sql.writes",
        "sql.functions",
        "sql.filtered",
    ] {
        let (id, _) = vocabulary.lookup(name).unwrap();
        assert_eq!(operation.facts.fact(id), &Fact::Unknown, "{name}");
    }
    assert_eq!(operation.class, Class::Write);
}

#[test]
fn secrets_do_not_reach_the_masked_text() {
    for sql in [
        "ALTER ROLE a PASSWORD 'hunter2'",
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'hunter2')",
        "CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p",
        "SELECT 1 -- hunter2",
        "DO $x$ hunter2 $x$",
        "SET my.secret = 'hunter2'",
        "NOTIFY a, 'hunter2'",
    ] {
        let operation = analyse(sql).unwrap().operation(&[], Vocabulary::builtin());
        assert!(
            !operation.masked.contains("hunter2"),
            "{}",
            operation.masked
        );
        assert!(operation.exact.contains("hunter2"));
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

/// Texts that differ in literals only are parsed once, and each keeps its own text and digest.
#[test]
fn literals_do_not_ask_the_parser_again() {
    let analyser = Analyser::new(Limits::default());
    let session = session(&["public"]);
    let kept = "SELECT a FROM t WHERE id = 1 AND b = 'x' LIMIT 5";
    let first = analyser.analyse(kept, &session).unwrap();
    let other = "SELECT a FROM t WHERE id = 77 AND b = 'it''s' LIMIT 0";
    let found = analyser.cached(other, &session).unwrap();
    assert_eq!(found.text(), other);
    let parsed = Analyser::new(Limits::default())
        .analyse(other, &session)
        .unwrap();
    let vocabulary = Vocabulary::builtin();
    assert_eq!(
        found.operation(&[], vocabulary),
        parsed.operation(&[], vocabulary)
    );
    assert_ne!(
        found.operation(&[], vocabulary).digest,
        first.operation(&[], vocabulary).digest
    );
    assert!(
        analyser
            .cached(&kept.replace("id =", "ID ="), &session)
            .is_none()
    );
    // A text that spells the mark of a literal is another text.
    assert!(
        analyser
            .cached(&kept.replace('1', "\u{1}"), &session)
            .is_none()
    );
}

/// Where a literal decides what a text does, the next one is looked at anew.
#[test]
fn literals_that_count_are_never_left_out() {
    let analyser = Analyser::new(Limits::default());
    let session = session(&["public"]);
    for (kept, other) in [
        ("SELECT nextval('a')", "SELECT nextval('b')"),
        ("SET application_name = 'a'", "SET application_name = 'b'"),
        ("SET x.y = 1", "SET x.y = 2"),
        ("SELECT 1::float(5)", "SELECT 1::float(50)"),
        (
            "EXPLAIN (ANALYZE 0) SELECT 1",
            "EXPLAIN (ANALYZE 1) SELECT 1",
        ),
        ("FETCH 5 FROM c", "FETCH 6 FROM c"),
        // The grammar makes constants out of keywords, which could stand in for literals that are none to it.
        (
            "EXPLAIN (ANALYZE 'off') DELETE FROM t WHERE extract(year from c) > 0",
            "EXPLAIN (ANALYZE 'on') DELETE FROM t WHERE extract(year from c) > 0",
        ),
        (
            "EXPLAIN (ANALYZE 'off') DELETE FROM t WHERE c > interval '1' year",
            "EXPLAIN (ANALYZE 'on') DELETE FROM t WHERE c > interval '1' year",
        ),
        (
            "COPY t FROM '' WHERE extract(year from c) > 0",
            "COPY t FROM '/etc/passwd' WHERE extract(year from c) > 0",
        ),
        (
            "SELECT extract(year from c)::float(5) FROM t",
            "SELECT extract(year from c)::float(50) FROM t",
        ),
        (
            "SELECT 1; NOTIFY t, 'a'; SELECT extract(year from c) FROM t",
            "SELECT 1; NOTIFY t, 'b'; SELECT extract(year from c) FROM t",
        ),
        // Commands are kept by their exact text, whatever their literals are.
        ("CREATE TABLE t AS SELECT 1", "CREATE TABLE t AS SELECT 2"),
        ("COPY (SELECT 1) TO STDOUT", "COPY (SELECT 2) TO STDOUT"),
        ("EXPLAIN SELECT 1", "EXPLAIN SELECT 2"),
    ] {
        analyser.analyse(kept, &session).unwrap();
        assert!(analyser.cached(kept, &session).is_some(), "{kept}");
        assert!(analyser.cached(other, &session).is_none(), "{other}");
    }
}

/// Statements with `{}` in place of literals.
const FILLED: &[&str] = &[
    "SELECT a FROM t WHERE b = {} AND c = -{} LIMIT {}",
    "SELECT a FROM t WHERE b = - ( -({})) OR c[{}] = d - {}",
    "SELECT a FROM t ORDER BY {}, b",
    "SELECT a FROM t GROUP BY {}",
    "SELECT a FROM t WHERE extract(year from c) > {}",
    "SELECT a FROM t WHERE c > interval {}",
    "SELECT a FROM t WHERE c > interval {} year",
    "SELECT a FROM t WHERE c > interval({}) {}",
    "SELECT a::float({}) FROM t WHERE extract(year from c) > 0",
    "SELECT a::numeric({}, {}) FROM t",
    "SELECT a::bit({}), date {}, x.y {} FROM t",
    "SELECT nextval({})",
    "SELECT set_config({}, {}, false)",
    "SELECT substring(a from {} for {}), a at time zone {}, a LIKE {} ESCAPE {} FROM t",
    "SELECT a FROM t TABLESAMPLE system ({}) REPEATABLE ({})",
    "SELECT a FROM t FETCH FIRST {} ROWS ONLY",
    "SELECT a FROM t FETCH FIRST ROW ONLY OFFSET {}",
    "SELECT j FROM t, JSON_TABLE(j, {} COLUMNS (a text PATH {})) AS k",
    "SELECT xmlelement(name a, {}), json_value(j, {}) FROM t",
    "INSERT INTO t VALUES ({}, {}), (-{}, {}) ON CONFLICT (a) DO UPDATE SET a = {} RETURNING a, {}",
    "UPDATE t SET a = {} WHERE extract(day from c) = {} AND b = {}",
    "DELETE FROM t WHERE {} = {}",
    "WITH w AS (DELETE FROM t WHERE a = {}) SELECT {}",
    "SELECT {}; DELETE FROM t WHERE a = {}",
    "EXPLAIN (ANALYZE {}) DELETE FROM t WHERE extract(year from c) > 0",
    "EXPLAIN (ANALYZE {}, COSTS {}) DELETE FROM t WHERE c > interval '1' year",
    "COPY t FROM {} WHERE extract(year from c) > 0",
    "COPY t TO {}",
    "SET role = {}",
    "SET LOCAL search_path = {}",
    "SET TIME ZONE {}",
    "BEGIN; SET x.y = {}; SELECT {}; COMMIT",
    "NOTIFY t, {}",
    "COMMENT ON TABLE t IS {}",
    "ALTER TABLE t ADD COLUMN a int DEFAULT {}",
    "ALTER ROLE a PASSWORD {}",
    "CREATE TABLE u WITH (fillfactor = {}) AS SELECT extract(year from c) FROM t",
    "DO {}",
    "MERGE INTO t USING u ON t.a = {} WHEN MATCHED THEN DELETE",
    "PREPARE q AS SELECT {}",
    "FETCH {} FROM c",
];

/// Whatever literals a text has, it is judged as if it were the first of its shape.
#[test]
fn a_kept_analysis_is_the_one_that_would_be_made_anew() {
    let session = session(&["public"]);
    let vocabulary = Vocabulary::builtin();
    let fillings = [
        "0",
        "1",
        "7",
        "77",
        "1.5",
        "'off'",
        "'on'",
        "'0'",
        "'1'",
        "''",
        "'role'",
        "'a.b'",
        "'/etc/passwd'",
        "'1 year'",
        "'$.a'",
    ];
    let mut found = 0;
    for statement in FILLED {
        let fill = |filling: &str| statement.replace("{}", filling);
        for first in fillings {
            let analyser = Analyser::new(Limits::default());
            if analyser.analyse(&fill(first), &session).is_err() {
                continue;
            }
            for second in fillings {
                let text = fill(second);
                let Some(kept) = analyser.cached(&text, &session) else {
                    continue;
                };
                found += usize::from(first != second);
                let fresh = Analyser::new(Limits::default())
                    .analyse(&text, &session)
                    .unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
                assert_eq!(
                    kept.operation(&[], vocabulary),
                    fresh.operation(&[], vocabulary)
                );
                assert_eq!(kept.effects(), fresh.effects(), "{text}");
                assert_eq!(kept.statements(), fresh.statements(), "{text}");
                assert_eq!(kept.filtered(), fresh.filtered(), "{text}");
            }
        }
    }
    assert!(found > 500, "{found}");
}

/// What names stand for.
fn named(statements: &[(&str, &str)], cursors: &[(&str, &str)]) -> NamedTexts {
    let texts = |pairs: &[(&str, &str)]| {
        let texts = pairs.iter().map(|(name, text)| {
            let named = NamedText {
                text: (*text).into(),
                exact: (*text).into(),
                digest: [7; 32],
            };
            ((*name).to_owned(), named)
        });
        texts.collect()
    };
    NamedTexts {
        statements: texts(statements),
        cursors: texts(cursors),
    }
}

#[test]
fn pg_34_pg_48_the_facts_of_a_name_are_those_of_its_query() {
    let analyser = Analyser::new(Limits::default());
    let names = named(
        &[("q", "DELETE FROM a WHERE id = $1"), ("show", "SHOW role")],
        &[("c", "SELECT x FROM b"), ("q", "SELECT y FROM hr.d")],
    );
    let run = |sql: &str| analyser.analyse_named(sql, &session(&["public"]), names.clone());
    for (sql, verbs, reads, writes, class) in [
        (
            "EXECUTE q(1)",
            "delete execute",
            "public.a",
            "public.a",
            Class::Write,
        ),
        (
            "EXPLAIN EXECUTE q(1)",
            "explain",
            "public.a",
            "",
            Class::Read,
        ),
        (
            "EXPLAIN ANALYZE EXECUTE q(1)",
            "delete execute explain",
            "public.a",
            "public.a",
            Class::Write,
        ),
        (
            "FETCH ALL FROM c",
            "fetch select",
            "public.b",
            "",
            Class::Read,
        ),
        ("MOVE 2 IN q", "fetch select", "hr.d", "", Class::Read),
        (
            "CREATE TABLE e AS EXECUTE q(1)",
            "create delete execute",
            "public.a",
            "public.a public.e",
            Class::Write,
        ),
    ] {
        let analysis = run(sql).unwrap();
        let words = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let known: BTreeSet<String> = analysis
            .verbs()
            .known
            .iter()
            .map(|verb| verb.as_str().to_owned())
            .collect();
        assert_eq!(words(&known), verbs, "{sql}");
        assert_eq!(words(&analysis.reads().known), reads, "{sql}");
        assert_eq!(words(&analysis.writes().known), writes, "{sql}");
        assert!(
            analysis.verbs().complete && analysis.reads().complete,
            "{sql}"
        );
        assert_eq!(analysis.class(), class, "{sql}");
    }
    assert!(!run("EXECUTE other").unwrap().verbs().complete);
    assert!(matches!(
        run("EXECUTE show"),
        Err(SqlRefusal::NamedCommand { .. })
    ));
    // A later statement of the text sees what an earlier one made of the name.
    let renamed = run("DEALLOCATE q; PREPARE q AS SELECT z FROM f; EXECUTE q").unwrap();
    assert!(renamed.uses().is_empty() && renamed.reads().known.contains("public.f"));
}

#[test]
fn pg_34_an_approval_binds_to_the_query_behind_the_name() {
    let analyser = Analyser::new(Limits::default());
    let vocabulary = Vocabulary::builtin();
    let operation = |digest: u8| {
        let mut names = named(&[("q", "DELETE FROM a\nWHERE id = $1")], &[]);
        names.statements.get_mut("q").unwrap().digest = [digest; 32];
        let analysis = analyser.analyse_named("EXECUTE q(1)", &session(&["public"]), names);
        analysis.unwrap().operation(&[], vocabulary)
    };
    let one = operation(1);
    assert_eq!(
        one.exact,
        "EXECUTE q(1)\n-- statement q = \"DELETE FROM a\\nWHERE id = $1\""
    );
    assert_ne!(one.digest, operation(2).digest);
    assert_ne!(
        one.digest,
        analyse("EXECUTE q(1)")
            .unwrap()
            .operation(&[], vocabulary)
            .digest
    );
}

#[test]
fn the_query_of_a_name_is_cut_out_of_its_text() {
    let text = "SELECT 1; /* AS */ PREPARE \"as\" (numeric(10, 2), text) AS -- as\n SELECT 'a;b' AS x ; \
                DECLARE \"for\" INSENSITIVE CURSOR WITH HOLD FOR SELECT 2 FOR UPDATE";
    let analysis = analyse(text).unwrap();
    let queries: Vec<(&str, &str, &str)> = (0..3)
        .flat_map(|index| analysis.statement_effects(index))
        .filter_map(|effect| match effect {
            SessionEffect::PrepareSql { name, query }
            | SessionEffect::DeclareCursor { name, query, .. } => {
                Some((name.as_str(), query.head(), query.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        queries,
        [
            (
                "as",
                "PREPARE \"as\" (numeric(10, 2), text) AS",
                "-- as\n SELECT 'a;b' AS x"
            ),
            (
                "for",
                "DECLARE \"for\" INSENSITIVE CURSOR WITH HOLD FOR",
                "SELECT 2 FOR UPDATE"
            )
        ]
    );
    assert!(!format!("{:?}", analysis.effects()).contains("a;b"));
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
    let session = SqlSession {
        search_path: vec!["public".to_owned()],
        catalogue: Some(Arc::new(builder.build())),
    };
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
