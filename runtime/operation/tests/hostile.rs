//! Texts made to exhaust the analyser: each ends in an analysis or a clean refusal, in bounded time.

use std::time::Duration;

use hpol_bundle::vocabulary::Vocabulary;
use hpol_operation::sql::{
    Analyser, Catalogue, CatalogueBuilder, ClassifiedColumn, Limits, SqlRefusal, SqlSession,
};
use proptest::prelude::*;

fn session() -> SqlSession {
    SqlSession {
        search_path: vec!["public".to_owned()],
        catalogue: None,
    }
}

/// The outcome for each text; one that takes far longer than any should, on a slow machine too, is refused for that.
fn outcomes<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<Result<(), SqlRefusal>> {
    let analyser = Analyser::new(Limits {
        time: Duration::from_secs(30),
        ..Limits::default()
    });
    texts
        .into_iter()
        .map(|sql| analyser.analyse(sql, &session()).map(drop))
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

#[test]
fn a_full_queue_and_a_slow_text_are_refused() {
    let limits = Limits {
        time: Duration::ZERO,
        queue: 0,
        threads: 1,
        ..Limits::default()
    };
    let outcome = Analyser::new(limits)
        .analyse("SELECT 1", &session())
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
            prop_assert_ne!(analyser.analyse(&text, &session()).map(drop), Err(SqlRefusal::Internal));
        }
    }

    #[test]
    fn any_words_are_analysed_or_refused(words in prop::collection::vec(prop::sample::select(WORDS), 0..14)) {
        static ANALYSER: std::sync::OnceLock<Analyser> = std::sync::OnceLock::new();
        let analyser = ANALYSER.get_or_init(|| Analyser::new(Limits::default()));
        let text = words.join(" ");
        match analyser.analyse(&text, &session()) {
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
