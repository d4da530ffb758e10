//! Texts made to exhaust the analyser: each ends in an analysis or a clean refusal, in bounded time.

mod reading;

use std::sync::Arc;
use std::time::Duration;

use hpol_bundle::vocabulary::Vocabulary;
use hpol_operation::sql::{
    Analyser, Catalogue, CatalogueBuilder, ClassifiedColumn, Limits, NamedText, NamedTexts,
    SqlRefusal,
};
use proptest::prelude::*;
use reading::session;

/// The outcome for each text; one that takes far longer than any should, on a slow machine too, is refused for that.
fn outcomes<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<Result<(), SqlRefusal>> {
    let analyser = Analyser::new(Limits {
        time: Duration::from_secs(30),
        ..Limits::default()
    });
    texts
        .into_iter()
        .map(|sql| analyser.analyse(sql, &session(&["public"])).map(drop))
        .collect()
}

/// `n` levels of `open`, then `middle`, then as many of `close`.
fn nested(n: usize, open: &str, middle: &str, close: &str) -> String {
    format!("{}{middle}{}", open.repeat(n), close.repeat(n))
}

/// Texts that nest `n` deep, each by another construct.
fn nests(n: usize) -> Vec<String> {
    vec![
        format!("SELECT 1{}", "+1".repeat(n)),
        format!("SELECT {}", nested(n, "NOT ", "true", "")),
        format!("SELECT 1{}", "::int".repeat(n)),
        format!("SELECT {}", nested(n, "lower(", "''", ")")),
        format!("SELECT ARRAY{}", nested(n, "[", "1", "]")),
        format!("SELECT {}", nested(n, "(1,", "1", ")")),
        format!("SELECT {}", nested(n, "CASE WHEN true THEN ", "1", " END")),
        nested(n, "SELECT (", "SELECT 1", ")"),
        nested(n, "SELECT * FROM (", "SELECT 1", ") a"),
        nested(n, "WITH a AS (", "SELECT 1", ") SELECT 1"),
        format!(
            "SELECT 1 WHERE {}",
            nested(n, "EXISTS(SELECT 1 WHERE ", "true", ")")
        ),
        format!("SELECT 1,2{}", " UNION SELECT 1,2".repeat(n)),
        format!("VALUES(1){}", " UNION VALUES(1),(2)".repeat(n)),
        format!("SELECT * FROM a{}", " CROSS JOIN a".repeat(n)),
        format!("SELECT ''{}", "||''".repeat(n)),
        format!("SELECT 1{}", " IS NULL".repeat(n)),
    ]
}

#[test]
fn what_people_write_is_not_too_deep() {
    for (text, outcome) in nests(60).iter().zip(outcomes(&nests(60))) {
        assert_eq!(outcome, Ok(()), "{text}");
    }
    let texts = [
        format!("SELECT a{}", " AND a = 1".repeat(2_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_000)),
        format!("SELECT * FROM a{}", " JOIN a USING (id)".repeat(200)),
        format!("SELECT ''{}", " || ''".repeat(300)),
    ];
    assert!(outcomes(&texts).iter().all(Result::is_ok));
}

#[test]
fn pg_46_nesting_is_refused_at_any_depth_past_the_bound() {
    for depth in [1_500, 5_000, 40_000] {
        let texts: Vec<String> = nests(depth)
            .into_iter()
            .filter(|text| text.len() <= 1 << 20)
            .collect();
        for (text, outcome) in texts.iter().zip(outcomes(&texts)) {
            // A chain of set operations of this length is still followed.
            let chain = depth < 5_000 && text.contains("UNION");
            assert!(
                chain || outcome == Err(SqlRefusal::TooDeep),
                "{depth} {}: {outcome:?}",
                &text[..30]
            );
        }
    }
}

#[test]
fn pg_46_long_texts_are_bounded() {
    let brackets = format!("SELECT {}", nested(500_000, "(", "1", ")"));
    let longer = format!("SELECT {}", nested(1_000_000, "(", "1", ")"));
    let list = format!("SELECT 1 FROM a WHERE id IN (1{})", ",1".repeat(100_000));
    let rows = format!("INSERT INTO a VALUES (1){}", ",(1)".repeat(50_000));
    let comments = format!("SELECT 1 {}", "/*".repeat(100_000));
    let operators = format!("SELECT 1 {} 1", "+".repeat(500_000));
    let name = format!("SELECT \"{}\"", "a".repeat(500_000));
    let quotes = format!("SELECT {}", "$a$".repeat(150_001));
    let statements = "SELECT 1;".repeat(50_000);
    let outcomes = outcomes(&[
        brackets, longer, list, rows, comments, operators, name, quotes, statements,
    ]);
    assert_eq!(
        outcomes[0],
        Err(SqlRefusal::TooLong {
            bytes: 1_000_008,
            limit: 1 << 20
        })
        .or(Err(SqlRefusal::TooDeep))
    );
    assert!(matches!(outcomes[1], Err(SqlRefusal::TooLong { .. })));
    assert_eq!(outcomes[2..4], [Ok(()), Ok(())]);
    assert_eq!(
        outcomes[4..6],
        [Err(SqlRefusal::TooCostly), Err(SqlRefusal::TooCostly)]
    );
    assert_eq!(outcomes[6], Ok(()));
    assert!(matches!(outcomes[7], Err(SqlRefusal::Syntax { .. })));
    assert_eq!(outcomes[8], Ok(()));
}

/// A long query under a name, and many uses of it.
#[test]
fn pg_46_a_name_does_not_multiply_what_it_stands_for() {
    let query = format!("SELECT x{} FROM a", ",x".repeat(20_000));
    let texts = [
        format!("PREPARE a AS {query}; {}", "EXECUTE a;".repeat(10_000)),
        format!(
            "PREPARE a AS {query}; {}",
            "EXPLAIN EXECUTE a;".repeat(10_000)
        ),
        format!(
            "DECLARE c CURSOR FOR {query}; {}",
            "FETCH c;".repeat(10_000)
        ),
        format!("DECLARE c CURSOR FOR {query}; {}", "MOVE c;".repeat(10_000)),
    ];
    assert_eq!(outcomes(&texts), [const { Err(SqlRefusal::TooCostly) }; 4]);
    let texts = [
        format!("PREPARE a AS {query}; EXECUTE a"),
        format!("DECLARE c CURSOR FOR {query}; FETCH c"),
        format!(
            "PREPARE a AS SELECT x FROM a WHERE id = $1;{}",
            "EXECUTE a(1);".repeat(2_000)
        ),
        // Each use is the first of what was prepared.
        "PREPARE a AS SELECT x FROM a WHERE id = $1; EXECUTE a(1); DEALLOCATE a;".repeat(2_000),
    ];
    assert_eq!(outcomes(&texts), [const { Ok(()) }; 4]);
}

/// The same where the names were given before.
#[test]
fn pg_46_names_of_the_session_are_bounded_together() {
    let limits = Limits {
        text_bytes: 1 << 16,
        time: Duration::from_secs(30),
        ..Limits::default()
    };
    let analyser = Analyser::new(limits);
    let query: Arc<str> = format!("SELECT x{} FROM a", ",x".repeat(30_000)).into();
    let named = |count: usize| {
        let texts = (0..count).map(|index| {
            let text = NamedText {
                text: Arc::clone(&query),
                exact: Arc::clone(&query),
                digest: [0; 32],
            };
            (format!("a{index}"), text)
        });
        NamedTexts {
            statements: texts.collect(),
            ..NamedTexts::default()
        }
    };
    let run = |text: &str, count| {
        let analysis = analyser.analyse_named(text, &session(&["public"]), named(count));
        analysis.map(drop)
    };
    assert_eq!(run("EXECUTE a0", 1), Ok(()));
    assert_eq!(run("EXECUTE a0; EXECUTE a1", 2), Ok(()));
    assert_eq!(
        run("EXECUTE a0; EXECUTE a1; EXECUTE a2", 3),
        Err(SqlRefusal::TooLong {
            bytes: 3 * query.len() + 34,
            limit: 1 << 17
        })
    );
    assert_eq!(
        run(&"EXECUTE a0;".repeat(5_000), 1),
        Err(SqlRefusal::TooCostly)
    );
}

/// What a statement costs does not grow with what stands before it.
#[test]
fn pg_46_many_statements_take_time_by_their_number() {
    let texts = [
        "PREPARE a AS SELECT 1; DEALLOCATE a;".repeat(25_000),
        format!(
            "{}{}",
            "SAVEPOINT a;".repeat(40_000),
            "TABLE a;".repeat(60_000)
        ),
        format!(
            "{}{}",
            (0..30_000)
                .map(|index| format!("DELETE FROM a{index};"))
                .collect::<String>(),
            "EXPLAIN SELECT;".repeat(25_000)
        ),
    ];
    assert_eq!(outcomes(&texts), [const { Ok(()) }; 3]);
}

/// The shape of a text is known before its length is looked at by anybody else.
#[test]
fn a_kept_analysis_does_not_lift_the_bound_of_texts() {
    let analyser = Analyser::new(Limits {
        text_bytes: 20,
        ..Limits::default()
    });
    analyser
        .analyse("SELECT 'a'", &session(&["public"]))
        .unwrap();
    assert!(
        analyser
            .cached("SELECT 'abc'", &session(&["public"]))
            .is_some()
    );
    let longer = format!("SELECT '{}'", "a".repeat(20));
    assert!(analyser.cached(&longer, &session(&["public"])).is_none());
    let refused = analyser.analyse(&longer, &session(&["public"])).map(drop);
    assert!(matches!(refused, Err(SqlRefusal::TooLong { .. })));
}

#[test]
fn a_full_queue_and_a_slow_text_are_refused() {
    let limits = Limits {
        time: Duration::ZERO,
        queue: 0,
        threads: 1,
        ..Limits::default()
    };
    let outcome = Analyser::new(limits)
        .analyse("SELECT 1", &session(&["public"]))
        .map(drop);
    assert!(
        matches!(outcome, Err(SqlRefusal::TooSlow | SqlRefusal::Busy)),
        "{outcome:?}"
    );
}

fn catalogue() -> Catalogue {
    let mut builder = CatalogueBuilder::new();
    builder
        .relation(1, "public", "a", hpol_operation::sql::RelationKind::Table)
        .column(1, 1, "id")
        .column(1, 2, "x");
    builder.build()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_analysed_or_refused(text in "\\PC{0,60}|[a-z0-9 '\"$/*();,.:+-]{0,60}", bytes in any::<Vec<u8>>()) {
        static ANALYSER: std::sync::OnceLock<Analyser> = std::sync::OnceLock::new();
        let analyser = ANALYSER.get_or_init(|| Analyser::new(Limits::default()));
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            prop_assert_ne!(analyser.analyse(&text, &session(&["public"])).map(drop), Err(SqlRefusal::Internal));
        }
    }

    #[test]
    fn any_words_are_analysed_or_refused(words in prop::collection::vec(prop::sample::select(WORDS), 0..14)) {
        static ANALYSER: std::sync::OnceLock<Analyser> = std::sync::OnceLock::new();
        let analyser = ANALYSER.get_or_init(|| Analyser::new(Limits::default()));
        let text = words.join(" ");
        match analyser.analyse(&text, &session(&["public"])) {
            Ok(analysis) => {
                let classified = ClassifiedColumn { schema: "public".into(), table: "a".into(), column: "x".into() };
                let _ = analysis.exposure(&catalogue(), &[classified]);
                let _ = analysis.operation(&[], Vocabulary::builtin());
            }
            Err(refusal) => prop_assert!(matches!(refusal, SqlRefusal::Syntax { .. }), "{text}: {refusal:?}"),
        }
    }
}

const WORDS: &[&str] = &[
    "SELECT",
    "INSERT INTO",
    "UPDATE",
    "DELETE",
    "FROM",
    "WHERE",
    "SET",
    "a",
    "x",
    "id",
    "*",
    "a.*",
    ",",
    "(",
    ")",
    "=",
    "1",
    "'s'",
    "$1",
    "WITH",
    "AS",
    "JOIN",
    "ON",
    "USING",
    "NATURAL",
    "UNION",
    "VALUES",
    "RETURNING",
    "ORDER BY",
    "GROUP BY",
    "DISTINCT",
    "lower(x)",
    "::text",
    "EXPLAIN",
    "ANALYZE",
    "DROP TABLE",
    "CREATE TABLE",
    ";",
    "NULL",
    "CASE",
    "WHEN",
    "END",
];
