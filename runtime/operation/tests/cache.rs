//! Analyses that are kept: for whom they hold, how many there are, and which texts share one.

mod reading;

use std::sync::Arc;

use hpol_bundle::vocabulary::Vocabulary;
use hpol_operation::sql::{Analyser, Limits};
use reading::session;

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
