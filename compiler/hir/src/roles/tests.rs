use super::*;

/// What can be written at `|`; facts and predicates as text.
fn at(text: &str) -> String {
    let before = text.split('|').next().unwrap();
    let word = |span: Span| span.of(before).to_owned();
    match expected(before) {
        Expected::Value {
            of,
            argument,
            listed,
        } => format!("Value {} {argument:?} {listed}", word(of)),
        Expected::Test { of } => format!("Test {}", word(of)),
        other => format!("{other:?}"),
    }
}

#[test]
fn it_knows_what_comes_next_in_what_is_not_finished() {
    let cases = [
        ("|", "Item"),
        ("use |", "Package"),
        ("use nist.sp800_53r5 |", "Words([\"baseline\"])"),
        ("connection db = |", "Protocol"),
        ("group g = |", "Condition { subject: true }"),
        ("group g = subject.groups |", "Test subject.groups"),
        (
            "predicate p(a) = sql.writes has |",
            "Value sql.writes None false",
        ),
        ("rule r \"t\" {\n  |", "Clause(\"rule\")"),
        ("rule r {\n  satisfies |", "Control"),
        ("rule r {\n  satisfies AC-3, |", "Control"),
        ("rule r {\n  satisfies AC-6(10) |", "Joint(\"rule\")"),
        ("rule r {\n  who |", "Condition { subject: true }"),
        (
            "rule r {\n  who everyone except |",
            "Condition { subject: true }",
        ),
        ("rule r {\n  on |", "Connection"),
        ("rule r {\n  on a, |", "Connection"),
        ("rule r {\n  when |", "Condition { subject: false }"),
        ("rule r {\n  when not (|", "Condition { subject: false }"),
        ("rule r {\n  when sql.verbs |", "Test sql.verbs"),
        (
            "rule r {\n  when sql.verbs has any [drop, |",
            "Value sql.verbs None true",
        ),
        ("rule r {\n  when sql.verbs has drop |", "Joint(\"rule\")"),
        (
            "rule r {\n  when sql.verbs has drop and |",
            "Condition { subject: false }",
        ),
        ("rule r {\n  when writes(a, |", "Value writes Some(1) false"),
        (
            "rule r {\n  when (http.type or \"x\") == |",
            "Value http.type None false",
        ),
        ("rule r {\n  when sql.filtered\n  |", "Test sql.filtered"),
        ("rule r {\n  when during |", "Schedule"),
        ("rule r {\n  when not during office |", "Joint(\"rule\")"),
        ("rule r {\n  mask |", "Class"),
        (
            "rule r {\n  mask pii.ssn |",
            "Words([\"redact\", \"hash\", \"null\", \"keep\"])",
        ),
        ("rule r {\n  require approval by 2 of |", "Approvers"),
        (
            "rule r {\n  require justification reviewed by |",
            "Approvers",
        ),
        ("data c {\n  column public.a.b on |", "Connection"),
        ("data c {\n  detector |", "Detector"),
        ("exception e to |", "Rule"),
        (
            "exception e to r {\n  until 2027-03-31\n  |",
            "Clause(\"exception\")",
        ),
        ("test \"t\" {\n  expect allow by r excepting |", "Exception"),
        ("test \"t\" {\n  http |", "Method"),
        (
            "test \"t\" {\n  expect |",
            "Words([\"allow\", \"block\", \"require\"])",
        ),
        ("test \"t\" {\n  expect block by |", "Rule"),
        ("test \"t\" {\n  expect block by r citing |", "Control"),
        ("test \"t\" {\n  expect allow by r masking |", "Class"),
        ("rule r {\n  when = == [ ) {\n  on |", "Connection"),
    ];
    for (text, wanted) in cases {
        assert_eq!(at(text), wanted, "{text}");
    }
}

#[test]
fn a_default_is_a_value_and_an_alternative_a_name() {
    let roles = |text: &str| {
        let reader = read(text);
        let named = reader.mentions.iter();
        named
            .map(|mention| (mention.span.of(text).to_owned(), mention.role))
            .collect::<Vec<_>>()
    };
    let found = roles("group g = (a or b) == c");
    assert!(found.contains(&("b".to_owned(), Role::Value)), "{found:?}");
    let found = roles("group g = (a or b) and c");
    assert!(
        found.contains(&("b".to_owned(), Role::Operand)),
        "{found:?}"
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "[a-z.\"(){}\\[\\],=!&|<>$/ \n0-9-]{0,120}") {
        read(&text).expected();
    }
}
