//! Tests of rules that do less, or grant more, than they read: what authors are told.

use super::Workspace;

const NAMES: &str = "package demo
connection db = postgres \"orders\"
connection replica = postgres \"replica\"
connection same = postgres \"orders\"
connection crm = http \"crm\"
group agents = subject.groups has \"agents\"
data stored { column public.customers.ssn on db }
data shown { column public.customers.ssn on db detector us_ssn }
";

/// Codes and messages for a file that ends with `text`.
fn said(text: &str) -> Vec<String> {
    let mut workspace = Workspace::new();
    workspace.set_file("main.hpol", format!("{NAMES}{text}\n"));
    let found = workspace.diagnostics();
    found.iter().map(ToString::to_string).collect()
}

fn said_of_rule(body: &str) -> Vec<String> {
    said(&format!(
        "rule r {{ satisfies none because \"a test\"\n{body} }}"
    ))
}

#[test]
fn a_mask_that_finds_nothing_where_it_applies_is_refused() {
    for body in [
        "on crm mask stored",
        "on replica, crm mask stored",
        "on db, crm mask stored",
        "when http.method == GET mask stored",
    ] {
        let said = said_of_rule(body);
        assert!(
            said.len() == 1 && said[0].starts_with("error [HP0403]"),
            "{body}: {said:?}"
        );
    }
    for body in [
        "mask stored",
        "on db mask stored",
        "on same, db mask stored",
        "on crm mask shown",
        "when http.method == GET mask shown",
    ] {
        assert_eq!(said_of_rule(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn a_part_that_could_hold_on_any_connection_is_pointed_out() {
    for when in [
        "subject.id == \"x\" or sql.verbs has drop",
        "agents or sql.filtered and agents",
        "not (agents and sql.filtered)",
        "not (not agents and not sql.filtered)",
        "(connection.name == \"a\" or agents) or http.method == GET",
    ] {
        for place in ["", "on any"] {
            let said = said_of_rule(&format!("{place} when {when} block"));
            assert!(
                said.len() == 1 && said[0].starts_with("warning [HP0214]"),
                "{when}: {said:?}"
            );
        }
    }
    for body in [
        "when agents and sql.verbs has drop block",
        "when (agents or subject.id == \"x\") and not sql.filtered block",
        "when not (agents or sql.filtered) block",
        "on db when agents or sql.verbs has drop block",
        "when agents block",
    ] {
        assert_eq!(said_of_rule(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn an_allow_that_nothing_narrows_is_pointed_out() {
    assert_eq!(
        said_of_rule("allow"),
        ["warning [HP0411]: rule `r` grants everything to everyone"]
    );
    for body in [
        "who everyone allow",
        "on any allow",
        "when sql.filtered allow",
        "block",
    ] {
        assert_eq!(said_of_rule(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn a_target_has_one_protocol_under_any_number_of_names() {
    assert_eq!(
        said("connection other = http \"orders\""),
        ["error [HP0410]: target `orders` is named with two protocols"]
    );
}

#[test]
fn a_reason_has_words() {
    for claims in [
        "satisfies none because \" \"",
        "satisfies AC-3 because \"...\"",
        "satisfies AC-3\nbecause \"\"",
    ] {
        let said = said(&format!("rule r {{ {claims}\n block }}"));
        assert!(
            said.iter()
                .any(|line| line == "error [HP0308]: a reason has no words"),
            "{claims}: {said:?}"
        );
    }
}

#[test]
fn a_group_cannot_hide_behind_a_fact() {
    let mut workspace = Workspace::new();
    workspace.set_file(
        "main.hpol",
        "package subject\ngroup id = subject.issuer == \"x\"\n",
    );
    assert_eq!(
        workspace
            .diagnostics()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["error [HP0106]: `subject.id` is the name of a fact"]
    );
}

#[test]
fn a_text_that_a_fact_never_has_is_refused() {
    let never = [
        "http.host == \"CRM.example.com\"",
        "http.host != \"crm:443\"",
        "http.host in [\"crm\", \"https://crm\"]",
        "(http.content_type or \"none\") == \"text/HTML\"",
        "(http.content_type or \"none\") == \"application/json; charset=utf-8\"",
        "(http.content_type or \"none\") == \"json\"",
        "http.path == \"contacts\"",
        "http.path starts with \"admin/\"",
        "http.path == \"/a?b=c\"",
        "http.path starts with \"//\"",
        "not http.path == \"\"",
    ];
    for when in never {
        let said = said_of_rule(&format!("when {when} block"));
        assert!(
            said.len() == 1 && said[0].starts_with("error [HP0218]"),
            "{when}: {said:?}"
        );
    }
    let fine = [
        "http.host in [\"crm.example.com\", \"[::1]\"]",
        "(http.content_type or \"none\") in [\"none\", \"text/html\"]",
        "(http.content_type or \"\") starts with \"image\"",
        "http.path starts with \"\"",
        "http.path in [\"/\", \"/A b/%\"]",
        "subject.id == \"A;//b\" and http.method == GET",
    ];
    for when in fine {
        assert_eq!(
            said_of_rule(&format!("when {when} block")),
            Vec::<String>::new(),
            "{when}"
        );
    }
    let predicate = "predicate to(name) = http.host == name\nrule r { satisfies AC-3\n when to(\"CRM\") block }";
    assert!(said(predicate)[0].starts_with("error [HP0218]"));
}
