use super::*;

fn shown(sql: &str) -> Option<String> {
    let Shape { text, literals } = shape_and_places(sql)?;
    assert_eq!(shape(sql).as_ref(), Some(&text));
    let marked = |mark: &char| matches!(*mark, '\u{1}'..='\u{3}');
    assert_eq!(text.chars().filter(marked).count(), literals.len(), "{sql}");
    Some(
        text.replace('\u{1}', "<i>")
            .replace('\u{2}', "<f>")
            .replace('\u{3}', "<s>"),
    )
}

#[test]
fn literals_are_left_out_and_nothing_else() {
    for (sql, expected) in [
        (
            "SELECT a1 FROM t WHERE id = 42;",
            "SELECT a1 FROM t WHERE id = <i>;",
        ),
        (
            "SELECT 1.5,-2, 'it''s', '' , $1",
            "SELECT <f>,-<i>, <s>, <s> , $1",
        ),
        ("SELECT \"a'1\"\"b\".x[1]", "SELECT \"a'1\"\"b\".x[<i>]"),
        ("SELECT 'back\\', \"c\"", "SELECT <s>, \"c\""),
        ("SELECT '-- /* $$ \u{2192}'::text", "SELECT <s>::text"),
        ("select 1/2 - 3", "select <i>/<i> - <i>"),
    ] {
        assert_eq!(shown(sql).as_deref(), Some(expected), "{sql}");
    }
}

#[test]
fn what_the_scanner_reads_otherwise_has_no_shape() {
    for sql in [
        "SELECT 1 -- 2",
        "SELECT /* */ 1",
        "SELECT E'a'",
        "SELECT x'1f'",
        "SELECT U&'a'",
        "SELECT U&\"a\"",
        "SELECT $$a$$",
        "SELECT $a$a$a$",
        "SELECT 'a'\n'b'",
        "SELECT 'a' 'b'",
        "SELECT 'open",
        "SELECT \"open",
        "SELECT 1e5",
        "SELECT 0x1f",
        "SELECT 1_000",
        "SELECT .5",
        "SELECT 5.",
        "SELECT 1.5.2",
        "SELECT 2147483648",
        "SELECT \u{e9}1",
        "SELECT a\u{e9}",
        "SELECT $1a",
        "SELECT \u{1}",
        "SELECT \"\u{1}\"",
        "SELECT 1\u{b}",
        "SELECT 'a\0b'",
    ] {
        assert_eq!(shown(sql), None, "{sql}");
    }
}

/// PostgreSQL's scanner sees the same tokens, so that texts of one shape have the same tokens but for their values.
#[test]
fn the_scanner_agrees() {
    for sql in [
        "SELECT 'it''s', 1.5, 42, a1.\"b 1\", $1 FROM t WHERE x<-1 AND y='\\'",
        "INSERT INTO t VALUES (1,'a'),(-2.5,'b''''c')",
        "SELECT a||'x'||1::text AS \"x''y\"",
    ] {
        let tokens = pg_query::scan_tokens(sql).unwrap();
        let literals = tokens.iter().filter(|token| {
            use pg_query::protobuf::Token;
            let kind = Token::try_from(token.token).ok();
            matches!(kind, Some(Token::Sconst | Token::Iconst | Token::Fconst))
        });
        let places: Vec<usize> = literals
            .map(|token| usize::try_from(token.start).unwrap())
            .collect();
        assert_eq!(shape_and_places(sql).unwrap().literals, places, "{sql}");
    }
}
