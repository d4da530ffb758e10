//! What `hpol diff` must not overlook: each test has two policies whose difference is easy to miss.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something fails"
)]

use std::fs;
use std::process::Command;

use serde_json::Value;

/// The comparison of two policies as JSON, and the exit code with `--fail-on looser`.
fn diff(before: &str, after: &str) -> (Value, i32) {
    let folder = tempfile::tempdir().unwrap();
    for (name, policy) in [("before.hpol", before), ("after.hpol", after)] {
        fs::write(folder.path().join(name), claiming(policy)).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(folder.path())
        .args(["diff", "before.hpol", "after.hpol"])
        .args(["--json", "--fail-on", "looser"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let told = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{stderr}"));
    (told, output.status.code().unwrap())
}

/// The policy with a word on controls in each rule that has none.
fn claiming(policy: &str) -> String {
    let mut lines = policy.lines().peekable();
    let mut text = String::new();
    while let Some(line) = lines.next() {
        text += &format!("{line}\n");
        let claims = lines.peek().is_some_and(|next| next.contains("satisfies"));
        if line.starts_with("rule ") && !claims {
            text += "    satisfies none because \"a test\"\n";
        }
    }
    text
}

/// What is said of the connection called `target`; an empty name for those without one.
fn on<'v>(told: &'v Value, kind: &str, target: &str) -> &'v Value {
    let mut connections = told["connections"].as_array().unwrap().iter();
    let found = connections
        .find(|on| on["kind"] == kind && on["target"].as_str().unwrap_or_default() == target);
    found.unwrap_or_else(|| panic!("{target} is not in {told:#}"))
}

fn api(connection: &str, rules: &str) -> String {
    format!("package p\n\nconnection api = http \"api\"{connection}\n\n{rules}\n")
}

#[test]
fn an_allowlist_that_grows_around_itself_is_looser() {
    let rule = |networks: &str| {
        let rule = format!(
            "rule r {{\n    on api\n    when session.client_address in [{networks}]\n    allow\n}}"
        );
        api("", &rule)
    };
    let cases = [
        ("10.0.0.0/16", "10.0.0.0/8"),
        ("10.0.0.0/9, 10.128.0.0/10", "10.0.0.0/8"),
        ("10.0.0.0/31, 10.0.0.2", "10.0.0.0/30"),
        ("2001:db8::/64", "2001:db8::/32"),
        ("10.0.0.0/8", "0.0.0.0/0"),
    ];
    for (before, after) in cases {
        let (told, code) = diff(&rule(before), &rule(after));
        let on = on(&told, "http", "api");
        assert_eq!((&on["relation"], code), (&"looser".into(), 1), "{after}");
        assert_eq!(on["changes"][0]["regions"][0]["confirmed"], true, "{on:#}");
    }
    // Both halves are the whole: no address is left in between.
    let (told, code) = diff(&rule("10.0.0.0/9, 10.128.0.0/9"), &rule("10.0.0.0/8"));
    assert_eq!(
        (&told["connections"][0]["relation"], code),
        (&"equivalent".into(), 0)
    );
}

#[test]
fn a_prefix_of_which_much_is_mentioned_still_has_other_texts() {
    let paths = ["x", "-", ".", "/", "0", "o", "z", "a", "b"];
    let paths = paths.map(|end| format!("http.path starts with \"/a{end}\""));
    let rule = |condition: &str| {
        api(
            "",
            &format!("rule r {{\n    on api\n    when {condition}\n    allow\n}}"),
        )
    };
    let before = rule(&format!("http.path == \"/a\" or {}", paths.join(" or ")));
    let (told, code) = diff(&before, &rule("http.path starts with \"/a\""));
    let on = on(&told, "http", "api");
    assert_eq!((&on["relation"], code), (&"looser".into(), 1), "{on:#}");
}

#[test]
fn a_change_that_is_not_shown_counts_in_the_verdict() {
    let policy = |after: bool| {
        let mut text = "package p\n\nconnection db = postgres \"db\"\n".to_owned();
        let limit = |index: u32| 1_000 + 10 * index - u32::from(after);
        let limits = (0..26).map(|index| (index, limit(index)));
        for (index, rows) in limits.chain([(26, if after { 2 } else { 1 })]) {
            text += &format!(
                "\nrule r{index} {{\n    on db\n    when subject.id == \"u{index}\"\n    allow limit rows {rows}\n}}\n"
            );
        }
        text
    };
    let (told, code) = diff(&policy(false), &policy(true));
    let on = on(&told, "postgres", "db");
    assert_eq!((&on["relation"], code), (&"incomparable".into(), 1));
    let mut shown = on["changes"].as_array().unwrap().iter();
    assert!(
        shown.any(|change| change["direction"] == "looser"),
        "{on:#}"
    );
}

#[test]
fn a_connection_is_in_observe_if_all_who_name_it_say_so() {
    let policy = |second: &str| api("", &format!("connection also = http \"api\"{second}"));
    let (told, code) = diff(&policy(""), &policy(" observe"));
    assert_eq!(
        (told["connections"][0]["enforcement"].clone(), code),
        (Value::Null, 0)
    );
    let (told, code) = diff(
        &policy(" observe").replacen("\"api\"", "\"api\" observe", 1),
        &policy(" observe"),
    );
    assert_eq!(
        (&on(&told, "http", "api")["enforcement"], code),
        (&"tighter".into(), 0)
    );
}

#[test]
fn masks_and_limits_hold_in_observe_where_rules_block() {
    let policy = |keep: u32, rows: u32| {
        format!(
            "package p\n\nconnection db = postgres \"db\" observe\n\ndata ssn {{\n    column public.a.b on db\n}}\n
rule m {{\n    on db\n    mask ssn keep last {keep}\n}}\n
rule l {{\n    on db\n    limit rows {rows}\n}}\n"
        )
    };
    for (keep, rows, output) in [(6, 10, "mask"), (4, 20, "limit")] {
        let (told, code) = diff(&policy(4, 10), &policy(keep, rows));
        let on = on(&told, "postgres", "db");
        assert_eq!((&on["relation"], code), (&"looser".into(), 1), "{on:#}");
        assert_eq!(on["changes"][0]["output"]["of"], output);
        assert_eq!(on["changes"][0]["regions"][0]["confirmed"], true, "{on:#}");
    }
    let enforced = |keep, rows| policy(keep, rows).replace(" observe", "");
    let (told, code) = diff(&enforced(4, 10), &enforced(6, 20));
    assert_eq!(
        (&told["connections"][0]["relation"], code),
        (&"equivalent".into(), 0)
    );
}

#[test]
fn a_connection_that_becomes_another_kind_is_compared_as_both() {
    let policy = |kind: &str, when: &str| {
        format!(
            "package p\n\nconnection x = {kind} \"x\"\n\nrule r {{\n    on x\n{when}    allow\n}}\n"
        )
    };
    let after = policy("postgres", "    when sql.verbs within [select]\n");
    let (told, code) = diff(&policy("http", ""), &after);
    for kind in ["http", "postgres"] {
        assert_eq!(on(&told, kind, "x")["relation"], "tighter", "{told:#}");
    }
    assert_eq!(code, 0);
}

#[test]
fn columns_whose_names_have_dots_are_not_confused() {
    let policy = |column: &str| {
        format!(
            "package p\n\nconnection db = postgres \"db\"\n\ndata ssn {{\n    column {column} on db\n}}\n
rule m {{\n    on db\n    mask ssn hash\n}}\n"
        )
    };
    let (told, code) = diff(&policy("public.\"a.b\".c"), &policy("public.a.\"b.c\""));
    let on = on(&told, "postgres", "db");
    assert_eq!(
        (&on["relation"], code),
        (&"incomparable".into(), 1),
        "{on:#}"
    );
    let class = &on["data_classes"][0];
    assert_ne!(class["added"], class["removed"]);
}

#[test]
fn an_approval_that_waits_longer_is_looser() {
    let policy = |quorum: u32, within: &str| {
        api(
            "",
            &format!(
                "group dbas = subject.groups has \"dba\"\n
rule r {{\n    on api\n    require approval by {quorum} of dbas within {within}\n}}"
            ),
        )
    };
    let cases = [
        (1, "30m", "looser", 1),
        (1, "5m", "tighter", 0),
        (2, "30m", "incomparable", 1),
        (2, "15m", "tighter", 0),
    ];
    for (quorum, within, relation, fails) in cases {
        let (told, code) = diff(&policy(1, "15m"), &policy(quorum, within));
        let on = on(&told, "http", "api");
        assert_eq!((&on["relation"], code), (&relation.into(), fails), "{on:#}");
    }
}

#[test]
fn controls_lost_on_connections_without_a_name_are_told() {
    let policy = |claims: &str| {
        format!("package p\n\nrule r {{\n{claims}    when connection.kind == http\n    allow\n}}\n")
    };
    let (told, code) = diff(&policy("    satisfies AC-3\n"), &policy(""));
    let on = on(&told, "http", "");
    assert_eq!((&on["relation"], code), (&"equivalent".into(), 0));
    assert_eq!(on["controls"]["lost"], serde_json::json!(["AC-3"]));
}

#[test]
fn an_approval_that_stands_longer_is_looser() {
    let rule = |stands: &str| {
        let group = "group dbas = subject.groups has \"dba\"\n\n";
        let effect = format!("require approval by 1 of dbas within 10m{stands}");
        api(
            "",
            &format!("{group}rule r {{\n    on api\n    {effect}\n}}"),
        )
    };
    for (before, after, relation, code) in [
        ("", " for 1h", "looser", 1),
        (" for 1h", " for 2h", "looser", 1),
        (" for 2h", " for 1h", "tighter", 0),
        (" for 1h", " for this operation", "tighter", 0),
        (" for 1h", " for 60m", "equivalent", 0),
    ] {
        let (told, ended) = diff(&rule(before), &rule(after));
        let on = on(&told, "http", "api");
        assert_eq!(
            (&on["relation"], ended),
            (&relation.into(), code),
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn a_block_that_ends_the_session_is_tighter() {
    let rule = |block: &str| api("", &format!("rule r {{\n    on api\n    {block}\n}}"));
    for (before, after, relation, code) in [
        ("block", "block terminate session", "tighter", 0),
        ("block terminate session", "block \"no\"", "looser", 1),
        (
            "block \"no\" terminate session",
            "block terminate session",
            "equivalent",
            0,
        ),
    ] {
        let (told, ended) = diff(&rule(before), &rule(after));
        let on = on(&told, "http", "api");
        assert_eq!(
            (&on["relation"], ended),
            (&relation.into(), code),
            "{before:?} {after:?}"
        );
    }
}
