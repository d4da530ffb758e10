//! Tests of the compiler from files to policy.

use proptest::prelude::Strategy;

use super::*;

pub(super) const POLICY: &str = r#"package orders.production

use nist.sp800_53r5 baseline moderate

connection orders_db = postgres "orders-prod"
connection crm       = http     "crm-api"

group agents = subject.groups has "autonomous-agents"
group dbas   = subject.groups has "dba"

/// Social security numbers, wherever they are stored or appear.
data pii.ssn {
    column   public.customers.ssn on orders_db
    detector us_ssn
}

rule read_orders "Agents read order data" {
    satisfies AC-3, AC-6
    because   "Support agents need order history to answer customers."
    who   agents
    on    orders_db
    when  sql.verbs within [select] and sql.reads within [public.orders, public.customers]
    allow
}

rule destructive_sql "Nothing is destroyed unattended" {
    satisfies AC-3, AC-6(10), CM-7
    who   agents
    on    orders_db
    when  sql.verbs has any [drop, truncate, alter]
       or (sql.verbs has any [delete, update] and not sql.filtered)
    block "Open a change ticket first (runbook RB-12)"
}

rule writes_need_two_dbas "Two DBAs agree to every write" {
    satisfies AC-3(2), AC-5
    who   agents
    on    orders_db
    when  sql.writes has any [public.orders, public.customers]
    require approval by 2 of dbas within 15m for this operation
}

rule hide_ssn "Social security numbers never leave in clear" {
    satisfies SI-19(4), AC-4(23)
    who   everyone except dbas
    mask  pii.ssn keep last 4
}

test "agents cannot drop tables" {
    as     subject "agent-7" groups ["autonomous-agents"]
    on     orders_db
    sql    "DROP TABLE orders"
    expect block by destructive_sql citing AC-3
}
"#;

/// A workspace with one file.
fn workspace(text: &str) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.set_file("main.hpol", text);
    workspace
}

fn shown(workspace: &Workspace) -> Vec<String> {
    let show = |diagnostic: &Diagnostic| {
        let help = diagnostic
            .help
            .as_ref()
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        format!("{diagnostic}{help}")
    };
    workspace.diagnostics().iter().map(show).collect()
}

#[test]
fn the_policy_of_the_tour_compiles() {
    let workspace = workspace(POLICY);
    assert_eq!(shown(&workspace), Vec::<String>::new());
    let policy = workspace.policy().unwrap();
    let names: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "destructive_sql",
            "hide_ssn",
            "read_orders",
            "writes_need_two_dbas"
        ]
        .map(|name| format!("orders.production.{name}"))
    );
    assert_eq!(
        (policy.rules[0].source.line, policy.rules[0].source.end_line),
        (26, 33)
    );
    assert_eq!(workspace.program().unwrap().rules(), 4);
}

#[test]
fn a_grant_to_everyone_is_warned_of_with_the_connections_it_is_for() {
    for (effect, granted) in [
        ("allow", "on any connection"),
        ("allow limit rows 10", "on any `postgres` connection"),
    ] {
        let open = format!("package demo\nrule r {{\n    satisfies AC-3\n    {effect}\n}}\n");
        let diagnostics = workspace(&open).diagnostics();
        let label = &diagnostics.first().unwrap().labels[0];
        assert_eq!(label.text, granted, "{effect}");
    }
}

#[test]
fn lines_may_end_as_on_windows() {
    let windows = workspace(&POLICY.replace('\n', "\r\n"));
    assert_eq!(shown(&windows), Vec::<String>::new());
    assert_eq!(
        windows.policy().unwrap(),
        workspace(POLICY).policy().unwrap()
    );
}

#[test]
fn a_rule_is_never_lost_behind_a_comment() {
    let text = POLICY.replace("rule destructive_sql", "rule // drops\n  destructive_sql");
    let policy = workspace(&text).policy().unwrap();
    assert_eq!(policy.rules.len(), 4);
    assert_eq!(policy.rules[0].name, "orders.production.destructive_sql");
}

#[test]
fn a_rule_begins_at_its_keyword_however_its_lines_end() {
    for ends in ["\n", "\r\n"] {
        let text = "package demo\n\n/// One.\n/// Two.\n\n// three\nrule r {\n  satisfies AC-3\n  block\n}\n";
        let policy = workspace(&text.replace('\n', ends)).policy().unwrap();
        let source = &policy.rules[0].source;
        assert_eq!((source.line, source.end_line), (7, 10), "{ends:?}");
    }
}

/// What a policy says, without the places where it says it.
fn meaning(files: &[String]) -> hpol_bundle::policy::Policy {
    let mut workspace = Workspace::new();
    for (index, text) in files.iter().enumerate() {
        workspace.set_file(format!("{index}.hpol"), text.as_str());
    }
    assert_eq!(shown(&workspace), Vec::<String>::new());
    let mut policy = workspace.policy().unwrap();
    for rule in &mut policy.rules {
        rule.source = hpol_bundle::policy::Source::default();
    }
    policy
}

proptest::proptest! {
    /// The order of items and their spread over files change nothing (semantics 2).
    #[test]
    fn order_has_no_meaning(order in proptest::sample::subsequence((0..10_usize).collect::<Vec<_>>(), 10).prop_shuffle(), files in 1_usize..5) {
        let text = POLICY.replace("\n/// Social", "\npredicate many(least) = sql.statements > least\nrule two { satisfies AC-3\n when many(2) unless dbas\n block }\n\n/// Social");
        let (head, body) = text.split_at(text.find("connection").unwrap());
        let mut items: Vec<String> = Vec::new();
        for line in body.lines() {
            let begins = ["connection", "group", "predicate", "///", "data", "rule", "test"];
            let documented = items.last().is_some_and(|item| item.starts_with("///") && item.lines().count() == 1);
            if begins.iter().any(|word| line.starts_with(word)) && !documented {
                items.push(String::new());
            }
            let item = items.last_mut().unwrap();
            item.push_str(line);
            item.push('\n');
        }
        proptest::prop_assert_eq!(items.len(), 12);
        let mut spread = vec![head.to_owned(); files];
        let rest = (10..items.len()).chain(order);
        for (place, index) in rest.enumerate() {
            spread[place % files].push_str(&items[index]);
        }
        proptest::prop_assert_eq!(meaning(&spread), meaning(std::slice::from_ref(&text)));
    }
}
