//! Tests of predicates and `unless`: they mean what they are written out to, and what is wrong is said once.

use super::Workspace;

const NAMES: &str = "package demo
connection db = postgres \"orders\"
connection crm = http \"crm\"
group agents = subject.groups has \"agents\"
predicate destroys = sql.verbs has any [drop, truncate]
predicate changes(table) = sql.writes has table
predicate many(first, second, limit_) = (changes(first) or changes(second)) and sql.statements > limit_
predicate sends(kind) = (http.content_type or kind) == kind
predicate told(id) = subject.id == id and agents
predicate moves(verb) = sql.verbs has any [verb, copy]
";

/// The conditions of the rules `r` of two policies.
fn conditions(one: &str, other: &str) -> [String; 2] {
    [one, other].map(|body| {
        let mut workspace = Workspace::new();
        let text = format!("{NAMES}rule r {{ satisfies AC-3\n{body} block }}\n");
        workspace.set_file("main.hpol", text);
        let Ok(policy) = workspace.policy() else {
            panic!("{body}: {:#?}", workspace.diagnostics())
        };
        format!("{:?}", policy.rules[0].condition)
    })
}

fn said(files: &[(&str, &str)]) -> Vec<String> {
    let mut workspace = Workspace::new();
    for (path, text) in files {
        workspace.set_file(*path, *text);
    }
    let show = |found: &crate::Diagnostic| {
        let places: Vec<&str> = found
            .labels
            .iter()
            .map(|label| {
                let text = files
                    .iter()
                    .find(|(path, _)| *path == label.file)
                    .unwrap()
                    .1;
                &text[label.span.clone()]
            })
            .collect();
        format!("{} {} at {}", found.code, found.message, places.join(" + "))
    };
    workspace.diagnostics().iter().map(show).collect()
}

fn said_of(text: &str) -> Vec<String> {
    said(&[("main.hpol", &format!("{NAMES}{text}\n"))])
}

fn said_of_rule(body: &str) -> Vec<String> {
    said_of(&format!("rule r {{ satisfies AC-3\n{body} }}"))
}

#[test]
fn a_predicate_means_what_it_is_written_out_to() {
    let pairs = [
        ("when destroys", "when sql.verbs has any [drop, truncate]"),
        (
            "when not destroys",
            "when not sql.verbs has any [drop, truncate]",
        ),
        (
            "when changes(Public.\"A.b\")",
            "when sql.writes has Public.\"A.b\"",
        ),
        (
            "when many(a.b, c.d, 1_000) or destroys",
            "when (sql.writes has a.b or sql.writes has c.d) and sql.statements > 1000 or sql.verbs has any [drop, truncate]",
        ),
        (
            "when sends(\"a/b\")",
            "when (http.content_type or \"a/b\") == \"a/b\"",
        ),
        ("when moves(drop)", "when sql.verbs has any [drop, copy]"),
        ("who told(\"x\")", "who subject.id == \"x\" and agents"),
        (
            "who everyone except told(\"x\")",
            "who everyone except (subject.id == \"x\" and agents)",
        ),
        (
            "on db when agents unless destroys",
            "on db when agents and not sql.verbs has any [drop, truncate]",
        ),
        (
            "unless sql.filtered or sql.verbs has drop when agents on db",
            "on db when agents and not (sql.filtered or sql.verbs has drop)",
        ),
        ("on db unless sql.filtered", "on db when not sql.filtered"),
        (
            "when has http.content_type unless http.content_type == \"a/b\"",
            "when has http.content_type and not http.content_type == \"a/b\"",
        ),
    ];
    for (short, long) in pairs {
        let [short_meaning, long_meaning] = conditions(short, long);
        assert_eq!(short_meaning, long_meaning, "{short}");
    }
}

#[test]
fn names_in_a_predicate_are_those_of_its_package() {
    let shared = "package shared\ngroup agents = subject.groups has \"shared\"\npredicate bad(id) = agents and subject.id == id\n";
    let user = "package demo\nuse shared\ngroup agents = subject.groups has \"own\"\nrule r { satisfies AC-3\n who shared.bad(\"x\") block }\n";
    let mut workspace = Workspace::new();
    workspace.set_file("a.hpol", user);
    workspace.set_file("b.hpol", shared);
    let policy = workspace.policy().unwrap();
    let condition = format!("{:?}", policy.rules[0].condition);
    assert!(
        condition.contains("\"shared\"") && !condition.contains("\"own\""),
        "{condition}"
    );
    let unimported = user.replace("use shared\n", "");
    assert_eq!(
        said(&[("a.hpol", &unimported), ("b.hpol", shared)]),
        ["HP0105 `shared.bad` belongs to a package that this file does not import at shared.bad"]
    );
}

#[test]
fn what_is_wrong_with_a_predicate_is_said_where_it_is_wrong() {
    let cases = [
        said_of_rule("when destroy block"),
        said_of_rule("when changes(orders) block"),
        said_of_rule("when changes block"),
        said_of_rule("when destroys() and moves(dorp) block"),
        said_of_rule("when agents(drop) block"),
        said_of_rule("when many(a.b, c.d, e.f) block"),
        said_of_rule("who destroys block"),
        said_of_rule("on crm when destroys block"),
        said_of_rule("when destroys and http.method == GET block"),
        said_of_rule("unless destroys block"),
        said_of_rule("require approval by 1 of destroys within 1h"),
        said_of(
            "predicate broken(x) = sql.verb has x\nrule r { satisfies AC-3\n when broken(drop) block }",
        ),
        said_of("predicate open = http.content_type == \"a/b\""),
        said_of(
            "predicate shown = has http.content_type\nrule r { satisfies AC-3\n when shown and http.content_type == \"a/b\" block }",
        ),
        said_of(
            "predicate a(x, x) = sql.writes has x\npredicate b(drop) = sql.verbs has drop\npredicate c(y) = sql.filtered",
        ),
        said_of(
            "predicate a = b\npredicate b = c or sql.filtered\npredicate c = a\nrule r { satisfies AC-3\n when a block }",
        ),
        said_of("predicate agents = sql.filtered"),
        said_of("group g = told(\"x\")\npredicate p = g\nrule r { satisfies AC-3\n when p block }"),
        said_of(
            "predicate mixed(x) = changes(x) or http.path == \"/\"\nrule r { satisfies AC-3\n when mixed(a.b) block }",
        ),
    ];
    insta::assert_snapshot!(cases.map(|lines| lines.join("\n")).join("\n\n"));
}

#[test]
fn predicates_that_multiply_are_bounded() {
    let mut text = format!("{NAMES}predicate p0 = sql.filtered\n");
    for index in 1..15 {
        let before = index - 1;
        text += &format!("predicate p{index} = p{before} and p{before}\n");
    }
    text += "rule r { satisfies AC-3\n when p14 block }\n";
    let lines = said(&[("main.hpol", &text)]);
    assert!(
        lines.iter().all(|line| line.starts_with("HP0211")) && !lines.is_empty(),
        "{lines:?}"
    );

    let mut text = format!("{NAMES}predicate p0 = sql.filtered\n");
    for index in 1..40 {
        text += &format!("predicate p{index} = p{}\n", index - 1);
    }
    let lines = said(&[("main.hpol", &text)]);
    assert!(lines[0].contains("more than 16 predicates"), "{lines:?}");
}
