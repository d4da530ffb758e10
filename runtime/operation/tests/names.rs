//! Names of statements and cursors: the facts of a text that uses one are those of the query behind it.

mod reading;

use std::collections::BTreeSet;

use hpol_bundle::vocabulary::Vocabulary;
use hpol_operation::Class;
use hpol_operation::sql::{Analyser, Limits, NamedText, NamedTexts, SessionEffect, SqlRefusal};
use reading::{analyse, session};

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
