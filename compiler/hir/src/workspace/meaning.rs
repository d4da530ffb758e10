//! Tests of names, types and folding: what a condition becomes, and what an author is told.

use hpol_bundle::policy::{Condition, Predicate, Test};
use hpol_bundle::vocabulary::Vocabulary;

use super::Workspace;

const NAMES: &str = "package demo
connection db = postgres \"orders\"
connection replica = postgres \"replica\"
connection crm = http \"crm\"
group agents = subject.groups has \"agents\"
data pii.ssn { detector us_ssn }
";

/// What is said about a file: code, message, the quoted places, help.
fn said(files: &[(&str, &str)]) -> Vec<String> {
    let mut workspace = Workspace::new();
    for (path, text) in files {
        workspace.set_file(*path, *text);
    }
    let quote = |label: &crate::Label| {
        let text = files
            .iter()
            .find(|(path, _)| *path == label.file)
            .unwrap()
            .1;
        text[label.span.clone()].to_owned()
    };
    let show = |diagnostic: crate::Diagnostic| {
        let places: Vec<String> = diagnostic.labels.iter().map(quote).collect();
        let help = diagnostic
            .help
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        format!(
            "{} {} at {}{help}",
            diagnostic.code,
            diagnostic.message,
            places.join(" + ")
        )
    };
    workspace.diagnostics().into_iter().map(show).collect()
}

fn said_of_rule(body: &str) -> Vec<String> {
    said(&[(
        "main.hpol",
        &format!("{NAMES}rule r {{ satisfies AC-3\n{body} }}\n"),
    )])
}

/// The condition of a rule, as a line of text.
fn meaning(body: &str) -> String {
    let mut workspace = Workspace::new();
    workspace.set_file(
        "main.hpol",
        format!("{NAMES}rule r {{ satisfies AC-3\n{body} allow }}\n"),
    );
    let Ok(policy) = workspace.policy() else {
        panic!("{:#?}", workspace.diagnostics())
    };
    show(&policy.rules[0].condition)
}

fn show(condition: &Condition) -> String {
    let join = |parts: &[Condition]| parts.iter().map(show).collect::<Vec<_>>().join(", ");
    match condition {
        Condition::All(parts) => format!("all({})", join(parts)),
        Condition::Any(parts) => format!("any({})", join(parts)),
        Condition::Not(inner) => format!("not({})", show(inner)),
        Condition::History(test) => {
            let history = &test.history;
            let measure = match history.measure.fact() {
                None => "count".to_owned(),
                Some(fact) => format!("{:?}", history.measure).replace(
                    &format!("{fact:?}"),
                    &Vocabulary::builtin().fact(fact).unwrap().name,
                ),
            };
            let range = match (test.at_least, test.at_most) {
                (low, i64::MAX) => format!("{low}.."),
                (low, high) => format!("{low}..={high}"),
            };
            let (scope, own) = (history.scope, history.own);
            let filter = show(&history.filter);
            let window = history.window_seconds;
            format!("{measure}[{scope:?} {window}s own {own:?}]({filter}) {range}")
        }
        Condition::Test(Test {
            fact,
            default,
            predicate,
        }) => {
            let fact = &Vocabulary::builtin().fact(*fact).unwrap().name;
            let default = default
                .as_ref()
                .map(|value| format!(" or {value:?}"))
                .unwrap_or_default();
            let predicate = match predicate {
                Predicate::Between(i64::MIN, high) => format!("..={high}"),
                Predicate::Between(low, i64::MAX) => format!("{low}.."),
                other => format!("{other:?}"),
            };
            format!("{fact}{default} {predicate}")
        }
    }
}

#[test]
fn conditions_become_what_they_say() {
    let cases = [
        "",
        "who everyone on any",
        "who everyone except agents",
        "who agents on db, replica, db",
        "when sql.verbs has any [drop, drop, alter] or not sql.filtered",
        "when sql.verbs has all [select] and sql.reads within [Public.\"A.b\"]",
        "when sql.statements < 3 and sql.statements >= 2 and sql.statements in [1, 2]",
        "when sql.filtered == false and sql.filtered != false",
        "when http.method != GET and http.path starts with \"/a\"",
        "when (http.content_type or \"none\") in [\"a/b\"]",
        "when has http.content_type and not (http.content_type == \"a/b\")",
        "when not not agents and connection.kind == http",
        "on db when agents and sql.statements == 1",
        "when http.method == POST and earlier within 30m (result.classes has pii.ssn)",
        "when never within 90d in this session (sql.verbs has drop)",
        "when count(agents) within 1h > 10 or not count(agents) within 1h != 3",
        "when sum(result.rows where sql.verbs has delete) within 1h >= 500",
        "when distinct(sql.reads) within 24h < 20 and distinct(http.path where http.method == GET) within 1s <= 5",
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|body| format!("{body}\n    {}", meaning(body)))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_absent_fact_is_guarded_by_every_form_that_excludes_it() {
    let guarded = [
        "has http.content_type and http.content_type == \"a/b\"",
        "http.content_type == \"a/b\" and has http.content_type",
        "not has http.content_type or http.content_type == \"a/b\"",
        "has http.content_type and (http.method == GET or http.content_type == \"a/b\")",
        "not (not has http.content_type or http.method == GET) and http.content_type == \"a/b\"",
    ];
    for condition in guarded {
        assert_eq!(
            said_of_rule(&format!("when {condition} allow")),
            Vec::<String>::new(),
            "{condition}"
        );
    }
    let open = [
        "http.content_type == \"a/b\"",
        "has http.content_type or http.content_type == \"a/b\"",
        "not has http.content_type and http.content_type == \"a/b\"",
        "(has http.content_type or http.method == GET) and http.content_type == \"a/b\"",
        "not (has http.content_type and http.method == GET) and http.content_type == \"a/b\"",
    ];
    for condition in open {
        let said = said_of_rule(&format!("when {condition} allow"));
        assert!(
            said.len() == 1 && said[0].starts_with("HP0205"),
            "{condition} {said:?}"
        );
    }
}

#[test]
fn what_does_not_fit_is_explained() {
    let bodies = [
        "when sql.verb has drop allow",
        "when sql.verbs has dorp allow",
        "when sql.verbs has \"drop\" allow",
        "when sql.verbs in [drop] allow",
        "when sql.verbs == drop allow",
        "when sql.reads has orders allow",
        "when sql.reads has db.public.orders allow",
        "when subject.id == agent allow",
        "when subject.id starts with 5 allow",
        "when sql.statements has 1 allow",
        "when sql.statements > 15m allow",
        "when sql.filtered == yes allow",
        "when http.method == get allow",
        "when http.path < \"a\" allow",
        "when (sql.statements or 0) > 1 allow",
        "when (http.content_type or 5) == \"a\" allow",
        "who sql.filtered allow",
        "who nobody allow",
        "when sql.reads has any [] allow",
        "on bd allow",
        "mask pii.sns",
        "require approval by 1 of crm within 15m",
        "require approval by 101 of agents within 2d",
        "require approval by 1 of agents within 15m for 0s",
        "require approval by 1 of agents within 15m for 25h",
    ];
    let lines: Vec<String> = bodies
        .iter()
        .map(|body| format!("{body}\n    {}", said_of_rule(body).join("\n    ")))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn one_misspelt_name_is_reported_once_with_its_places() {
    let text = format!(
        "{NAMES}rule a {{ satisfies AC-3\n who agnets allow }}\nrule b {{ satisfies AC-3\n who agnets or agnets block }}\n"
    );
    assert_eq!(
        said(&[("main.hpol", &text)]),
        [
            "HP0101 there is no group or fact `agnets` at agnets + agnets + agnets (did you mean `agents`?)"
        ]
    );
}

#[test]
fn a_broken_declaration_is_reported_where_it_stands_and_nowhere_else() {
    let text = "package demo\ngroup agents = subject.groups hs \"agents\"\nconnection db = ftp \"x\"\n\
                data pii.ssn { detector nope }\n\
                rule a { satisfies AC-3\n who agents on db mask pii.ssn }\n";
    let codes: Vec<String> = said(&[("main.hpol", text)])
        .iter()
        .map(|line| line[..6].to_owned())
        .collect();
    assert_eq!(codes, ["HP0001", "HP0409", "HP0404"]);
}

#[test]
fn packages_see_their_own_names_and_those_they_import() {
    let staff = (
        "staff.hpol",
        "package company.staff\ngroup dbas = subject.groups has \"dba\"\n",
    );
    let rule = |uses: &str, who: &str| {
        format!("package orders\n{uses}\nrule r {{ satisfies AC-3\n who {who} allow }}\n")
    };
    let with = |uses: &str, who: &str| said(&[("main.hpol", &rule(uses, who)), staff]);
    assert_eq!(
        with("use company.staff", "company.staff.dbas"),
        Vec::<String>::new()
    );
    assert_eq!(
        with("", "company.staff.dbas"),
        [
            "HP0105 `company.staff.dbas` belongs to a package that this file does not import at company.staff.dbas (add `use company.staff` at the top of the file)"
        ]
    );
    assert_eq!(
        with("use company.staff", "dbas"),
        ["HP0101 there is no group or fact `dbas` at dbas (known here: `staff.dbas`)"]
    );
    assert_eq!(
        with("use company.stafs", "company.staff.dbas")
            .first()
            .unwrap(),
        "HP0104 there is no package `company.stafs` at company.stafs (did you mean `company.staff`?)"
    );
}

#[test]
fn the_last_word_of_an_imported_package_is_enough() {
    let group =
        |package: &str| format!("package {package}\ngroup dbas = subject.groups has \"dba\"\n");
    let (shared, other) = (group("shared.people"), group("other.people"));
    let with = |uses: &str, who: &str| {
        let rule =
            format!("package orders\n{uses}\nrule r {{ satisfies AC-3\n who {who} allow }}\n");
        said(&[
            ("main.hpol", &rule),
            ("a.hpol", &shared),
            ("b.hpol", &other),
        ])
    };
    for name in ["people.dbas", "shared.people.dbas"] {
        assert_eq!(with("use shared.people", name), Vec::<String>::new());
    }
    assert_eq!(
        with("use shared.people", "people.dba"),
        [
            "HP0101 there is no fact or group `people.dba` at people.dba (did you mean `people.dbas`?)"
        ]
    );
    assert_eq!(
        with("use shared.people\nuse other.people", "people.dbas"),
        [
            "HP0107 `people.dbas` could mean two things at people.dbas (write the whole name of the package)"
        ]
    );
    assert_eq!(
        with("use shared.people\nuse other.people", "other.people.dbas"),
        Vec::<String>::new()
    );
}

#[test]
fn imports_that_come_back_are_reported_once_each() {
    let files = [
        ("a.hpol", "package a\nuse b\n"),
        ("b.hpol", "package b\nuse c\n"),
        ("c.hpol", "package c\nuse a\nuse c\n"),
        ("d.hpol", "package d\nuse a\nuse e\n"),
        ("e.hpol", "package e\n"),
    ];
    assert_eq!(
        said(&files),
        [
            "HP0108 packages import each other: `a`, `b`, `c`, `a` at use b + use c + use a (put what both need into a package of its own)"
        ]
    );
    assert_eq!(
        said(&[("a.hpol", "package a\nuse a\n")]),
        [
            "HP0108 package `a` imports itself at use a (leave the import out: names of the own package need none)"
        ]
    );
}

#[test]
fn files_of_one_package_share_their_names_and_may_not_define_one_twice() {
    let one = (
        "a.hpol",
        "package demo\ngroup dbas = subject.groups has \"dba\"\n",
    );
    let two = (
        "b.hpol",
        "package demo\ngroup dbas = subject.id == \"x\"\nrule r { satisfies AC-3\n who dbas allow }\n",
    );
    let said = said(&[one, two]);
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("HP0102 group `demo.dbas` is defined twice at group dbas = subject.id"),
        "{said:?}"
    );
}

#[test]
fn claims_are_earned_by_the_strongest_mechanism_or_by_a_reason() {
    let claims = |text: &str| {
        let mut workspace = Workspace::new();
        workspace.set_file("main.hpol", format!("{NAMES}rule r {{ {text} }}\n"));
        let Ok(policy) = workspace.policy() else {
            panic!("{:#?}", workspace.diagnostics())
        };
        let show = |claim: &hpol_bundle::policy::Claim| {
            let because = claim.because.as_deref().unwrap_or_default();
            format!(
                "{} {:?} {} {because}",
                claim.control, claim.strength, claim.mechanism
            )
            .trim_end()
            .to_owned()
        };
        policy.rules[0].claims.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(
        claims("satisfies CM-7, AC-3\n block"),
        ["ac-3 Implements M04", "cm-7 Supports M04"]
    );
    assert_eq!(
        claims("satisfies SI-19(4), AC-3 because \"by a view\"\n allow"),
        ["ac-3 Implements M04", "si-19.4 Evidences  by a view"]
    );
    assert_eq!(
        claims("satisfies AC-3(2)\n require approval by 2 of agents within 1h"),
        ["ac-3.2 Implements M07"]
    );
    // One is not two, and of what an approval that stands covers nobody sees the single operation.
    for approval in [
        "by 1 of agents within 1h",
        "by 2 of agents within 1h for 1h",
    ] {
        let rule = format!("rule r {{ satisfies AC-3(2)\n require approval {approval} }}");
        let said = said(&[("main.hpol", &format!("{NAMES}{rule}\n"))]);
        assert!(said[0].contains("dual authorization"), "{said:?}");
    }
}

#[test]
fn another_vocabulary_brings_other_facts() {
    let vocabulary = "[[fact]]\nname = \"subject.id\"\ntype = \"string\"\nphase = \"session\"\ndoc = \"\"\nexample = \"\"\n";
    let mut workspace = Workspace::new();
    workspace.set_file(
        "main.hpol",
        "package demo\ngroup a = subject.groups has \"a\"\n",
    );
    assert_eq!(workspace.diagnostics(), []);
    workspace.set_vocabulary(Vocabulary::parse(vocabulary).unwrap());
    assert_eq!(workspace.diagnostics().len(), 1);
}

#[test]
fn every_example_of_the_vocabulary_is_a_condition() {
    for (_, fact) in Vocabulary::builtin().iter() {
        assert_eq!(
            said_of_rule(&format!("when {} allow", fact.example)),
            Vec::<String>::new(),
            "{}",
            fact.name
        );
    }
}

proptest::proptest! {
    /// Whatever is cut out of a policy, every place lies in the text, and there is a policy or an error.
    #[test]
    fn no_damage_makes_it_fail(start in 0usize..900, length in 0usize..60, insert in "[a-z(){}\\[\\]\"=!,. \n]{0,12}") {
        let mut text = super::tests::POLICY.to_owned();
        let end = (start + length).min(text.len());
        if text.is_char_boundary(start.min(end)) && text.is_char_boundary(end) {
            text.replace_range(start.min(end)..end, &insert);
        }
        let mut workspace = Workspace::new();
        workspace.set_file("main.hpol", text.clone());
        let diagnostics = workspace.diagnostics();
        for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
            proptest::prop_assert!(text.get(label.span.clone()).is_some());
        }
        let errors = diagnostics.iter().any(|diagnostic| diagnostic.severity == crate::Severity::Error);
        proptest::prop_assert_eq!(workspace.policy().is_err(), errors);
        proptest::prop_assert_eq!(workspace.program().is_err(), errors);
    }
}

#[test]
fn a_package_that_is_added_changes_no_name_elsewhere() {
    let rule = "package a\nuse b\nrule r { satisfies AC-3\n who b.admins block }\n";
    let imported = "package b\ngroup admins = subject.groups has \"imported\"\n";
    let other = "package a.b\ngroup admins = subject.groups has \"other\"\n";
    let mut workspace = Workspace::new();
    for (path, text) in [("a.hpol", rule), ("b.hpol", imported), ("c.hpol", other)] {
        workspace.set_file(path, text);
    }
    let policy = workspace.policy().unwrap();
    assert!(show(&policy.rules[0].condition).contains("imported"));
    let unimported = "package a\nrule r { satisfies AC-3\n who b.admins block }\n";
    assert!(said(&[("a.hpol", unimported), ("c.hpol", other)])[0].starts_with("HP0101"));
}
