//! The operation of a text: what it is bound to, which facts it has, and what its record shows.

mod reading;

use hpol_bundle::facts::{Fact, Value};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_operation::Class;
use hpol_operation::sql::{Format, Parameter};
use reading::analyse;

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
