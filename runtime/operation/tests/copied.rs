//! What a COPY TO STDOUT is known to give out.

mod reading;

use hpol_operation::sql::{Catalogue, CatalogueBuilder, CopiedColumn, CopyOut, RelationKind};
use reading::{analyse_in, knowing};

/// `a (id, x)` with the table `b (id, y)` beside it and one of the same name in another schema; `a.g` is generated.
fn catalogue() -> Catalogue {
    let mut builder = CatalogueBuilder::new();
    for (oid, schema, name, columns) in [
        (1, "public", "a", &["id", "x", "g"][..]),
        (2, "public", "b", &["id", "y"]),
        (3, "other", "a", &["x"]),
    ] {
        builder.relation(oid, schema, name, RelationKind::Table);
        for (column, attnum) in columns.iter().zip(1..) {
            builder.column(oid, attnum, column);
            builder.column_type(oid, attnum, 70_000, *column == "g");
        }
    }
    builder.relation(4, "public", "s", RelationKind::Sequence);
    builder.base_type(70_000, 25);
    builder.build()
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn copied(sql: &str) -> Option<CopyOut> {
    let session = knowing(catalogue());
    let analysis = analyse_in(sql, &session).unwrap();
    analysis.copied(&catalogue())
}

/// The columns as `table.attnum`, `=` for what is computed.
fn columns(sql: &str) -> Option<String> {
    let columns = copied(sql)?.columns?;
    let shown = columns.iter().map(|column| match column {
        CopiedColumn::Of {
            table,
            attnum,
            type_oid: 25,
        } => format!("{table}.{attnum}"),
        CopiedColumn::Of { .. } => "?".to_owned(),
        CopiedColumn::Computed => "=".to_owned(),
        CopiedColumn::Elsewhere => "elsewhere".to_owned(),
        CopiedColumn::Unknown => "unknown".to_owned(),
    });
    Some(shown.collect::<Vec<_>>().join(" "))
}

#[test]
fn columns_are_told_by_the_text_and_the_catalogue() {
    for (sql, expected) in [
        ("COPY a TO STDOUT", "1.1 1.2"),
        ("COPY a (x, id) TO STDOUT", "1.2 1.1"),
        ("COPY (TABLE a) TO STDOUT", "1.1 1.2 1.3"),
        (
            "COPY (SELECT *, lower(x), x AS y FROM a) TO STDOUT",
            "1.1 1.2 1.3 = 1.2",
        ),
        (
            "COPY (SELECT b.*, a.x, y FROM a, b) TO STDOUT",
            "2.1 2.2 1.2 2.2",
        ),
        (
            "COPY (SELECT * FROM a p JOIN b ON p.id = b.id) TO STDOUT",
            "1.1 1.2 1.3 2.1 2.2",
        ),
        (
            "COPY (SELECT id, y FROM a JOIN b USING (id)) TO STDOUT",
            "1.1 2.2",
        ),
        (
            "COPY (SELECT s.x, a.x, ctid FROM a, (SELECT 1 AS x) s) TO STDOUT",
            "elsewhere 1.2 elsewhere",
        ),
        (
            "COPY (SELECT id, p.x FROM a p TABLESAMPLE SYSTEM (100)) TO STDOUT",
            "1.1 1.2",
        ),
        (
            "COPY (SELECT *, ctid FROM ONLY a TABLESAMPLE BERNOULLI (5)) TO STDOUT",
            "1.1 1.2 1.3 =",
        ),
        (
            "COPY (SELECT b.y, p.x FROM b JOIN a p TABLESAMPLE SYSTEM (1) ON true) TO STDOUT",
            "2.2 1.2",
        ),
        (
            "COPY (SELECT x FROM a, unnest('{1}'::int[]) u) TO STDOUT",
            "1.2",
        ),
        (
            "COPY (SELECT u FROM a, unnest('{1}'::int[]) u) TO STDOUT",
            "elsewhere",
        ),
        ("COPY (SELECT new, a FROM a) TO STDOUT", "unknown ="),
        ("COPY (VALUES (1, 2)) TO STDOUT", "= ="),
        ("COPY (TABLE s) TO STDOUT", "= = ="),
        (
            "COPY (SELECT last_value, b.id, s.* FROM s, b) TO STDOUT",
            "= 2.1 = = =",
        ),
        (
            "COPY (WITH a AS (SELECT 1 AS x) SELECT x FROM a) TO STDOUT",
            "elsewhere",
        ),
    ] {
        assert_eq!(columns(sql).as_deref(), Some(expected), "{sql}");
    }
}

#[test]
fn pg_26_what_could_be_several_columns_is_not_guessed() {
    for sql in [
        "COPY (SELECT * FROM a JOIN b USING (id)) TO STDOUT",
        "COPY (SELECT * FROM a NATURAL JOIN b) TO STDOUT",
        "COPY (SELECT * FROM a, (SELECT 1) s) TO STDOUT",
        "COPY (SELECT s.* FROM a, (SELECT 1) s) TO STDOUT",
        "COPY (SELECT (a).* FROM a) TO STDOUT",
        "COPY (SELECT public.a.x FROM other.a, public.a) TO STDOUT",
        "COPY (SELECT public.a.* FROM other.a, public.a) TO STDOUT",
        "COPY (SELECT x FROM a UNION SELECT y FROM b) TO STDOUT",
        "COPY (DELETE FROM a RETURNING x) TO STDOUT",
        "COPY (WITH a AS (SELECT 1 AS x) SELECT * FROM a) TO STDOUT",
        "COPY c TO STDOUT",
        "COPY a TO STDOUT; COPY b TO STDOUT",
        "COPY a FROM STDIN",
    ] {
        assert_eq!(columns(sql), None, "{sql}");
    }
}

#[test]
fn options_are_known_or_nothing_is() {
    let mut table = String::new();
    for options in [
        "",
        "DELIMITER '|' NULL 'x'",
        "(DELIMITER '|', NULL '')",
        "(NULL '\\N')",
        "(NULL E'\\\\')",
        "(FORMAT csv, NULL 'x')",
        "CSV HEADER QUOTE '#'",
        "(FORMAT csv, DELIMITER ';', ESCAPE '!', HEADER off, FORCE_QUOTE (x), ENCODING 'UTF8')",
        "BINARY",
        "(FORMAT 'binary', HEADER)",
        "(FORMAT text, QUOTE '#')",
        "(FORMAT 'xml')",
        "(ENCODING 'SJIS')",
        "(DELIMITER 'ab')",
        "(HEADER match)",
        "(SURPRISE)",
    ] {
        let format = copied(&format!("COPY a TO STDOUT {options}")).map(|copied| copied.format);
        table.push_str(&format!("{options}\n    {format:?}\n"));
    }
    insta::assert_snapshot!(table);
}
