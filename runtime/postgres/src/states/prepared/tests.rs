//! Names and owed replies, by the order in which things fail.

use super::*;

fn statement(text: &str) -> Arc<Statement> {
    Arc::new(Statement {
        text: text.to_owned(),
        parameter_types: Vec::new(),
        head: Box::default(),
    })
}

fn parse(prepared: &mut Prepared, name: &str, text: &str) {
    prepared.push(Owed::Parse {
        name: name.to_owned(),
        statement: statement(text),
    });
}

fn complete(prepared: &mut Prepared) {
    match prepared.pop() {
        Some(Owed::Parse { name, statement }) => prepared.parsed(name, statement),
        Some(Owed::Close { kind, name }) => prepared.closed(kind, &name),
        Some(Owed::Sync) => {}
        other => panic!("{other:?}"),
    }
}

fn text(prepared: &Prepared, name: &str) -> Option<String> {
    match prepared.statement(name) {
        Lookup::Found(statement) => Some(statement.text.clone()),
        Lookup::Missing => None,
        Lookup::Undecided => Some("(undecided)".to_owned()),
    }
}

#[test]
fn a_lookup_sees_what_is_on_its_way() {
    let mut prepared = Prepared::default();
    parse(&mut prepared, "s", "one");
    complete(&mut prepared);
    prepared.push(Owed::Close {
        kind: Kind::Statement,
        name: "s".to_owned(),
    });
    assert_eq!(text(&prepared, "s"), None);
    parse(&mut prepared, "s", "two");
    assert_eq!(text(&prepared, "s").as_deref(), Some("two"));
}

#[test]
fn a_parse_that_fails_leaves_the_old_statement() {
    let mut prepared = Prepared::default();
    parse(&mut prepared, "s", "one");
    complete(&mut prepared);
    parse(&mut prepared, "s", "two");
    prepared.push(Owed::Sync);
    parse(&mut prepared, "t", "three");
    assert_eq!(text(&prepared, "s").as_deref(), Some("(undecided)"));
    assert_eq!(text(&prepared, "t").as_deref(), Some("three"));
    let (skipped, synced) = prepared.failed();
    assert_eq!((skipped.len(), synced), (1, true));
    assert_eq!(text(&prepared, "s").as_deref(), Some("one"));
    assert_eq!(text(&prepared, "t").as_deref(), Some("three"));
}

#[test]
fn without_a_sync_everything_is_skipped() {
    let mut prepared = Prepared::default();
    parse(&mut prepared, "s", "one");
    assert!(!prepared.failed().1);
    assert!(prepared.is_idle());
    assert_eq!(text(&prepared, "s"), None);
}

#[test]
fn the_texts_of_statements_are_bounded() {
    let mut prepared = Prepared::default();
    let long = "x".repeat(1 << 20);
    for number in 0..32 {
        assert!(prepared.room_for(&long).is_ok());
        parse(&mut prepared, &number.to_string(), &long);
        complete(&mut prepared);
    }
    assert!(prepared.room_for("x").is_err());
    prepared.closed(Kind::Statement, "7");
    assert!(prepared.room_for("x").is_ok());
}

#[test]
fn texts_on_their_way_are_waited_for_before_they_fill_memory() {
    let mut prepared = Prepared::default();
    let long = "x".repeat(1 << 20);
    for _ in 0..31 {
        parse(&mut prepared, "", &long);
    }
    assert!(!prepared.is_full());
    parse(&mut prepared, "", &long);
    assert!(prepared.is_full());
    complete(&mut prepared);
    assert!(!prepared.is_full());
    parse(&mut prepared, "", &long);
    prepared.failed();
    assert!(!prepared.is_full());
    parse(&mut prepared, "", "x");
    assert!(!prepared.is_full());
}
