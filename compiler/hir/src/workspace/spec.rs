//! The examples and the conformance cases of `lang-spec` compile. How the cases are decided is tested where there is an
//! engine.

mod reference;

use std::fmt::Write;

use super::Workspace;
use crate::samples::{NOW, fenced, pages, workspace};

#[test]
fn every_construct_has_a_page_whose_example_compiles() {
    let pages = pages("constructs");
    assert!(pages.len() >= 12);
    for (path, page) in pages {
        let examples = fenced(&page, "hpol");
        assert!(!examples.is_empty(), "{path:?} has no example");
        for example in examples {
            let workspace = workspace(example);
            assert_eq!(workspace.diagnostics(), [], "{path:?}");
            workspace.program().unwrap();
        }
    }
}

#[test]
fn every_conformance_case_compiles_with_a_test_for_each_operation() {
    let mut cases = 0;
    for (path, page) in pages("conformance") {
        if path.ends_with("README.md") {
            continue;
        }
        for case in page.split("\n## ").skip(1) {
            let policy = fenced(case, "hpol");
            assert_eq!(policy.len(), 1, "{path:?} {case}");
            if case.contains("\ndiagnostics: ") {
                continue;
            }
            let operations = fenced(case, "operation");
            let decisions: Vec<&str> = case
                .lines()
                .filter_map(|line| line.strip_prefix("decision: "))
                .collect();
            assert!(
                !operations.is_empty() && operations.len() == decisions.len(),
                "{path:?} {case}"
            );
            let mut text = policy[0].to_owned();
            for (number, (operation, decision)) in operations.iter().zip(&decisions).enumerate() {
                writeln!(
                    text,
                    "test \"{number}\" {{\n{}expect {decision}\n}}",
                    clauses(operation)
                )
                .unwrap();
            }
            let mut workspace = Workspace::new();
            workspace.set_now(NOW);
            workspace.set_file("case.hpol", text);
            assert_eq!(workspace.diagnostics(), [], "{path:?} {case}");
            assert_eq!(workspace.tests().len(), operations.len());
            cases += 1;
        }
    }
    assert!(cases >= 25);
}

#[test]
fn every_conformance_case_that_does_not_compile_is_answered_as_written() {
    let (mut cases, mut wrong) = (0, String::new());
    for (_, page) in pages("conformance") {
        for case in page.split("\n## ").skip(1) {
            let Some((_, expected)) = case.split_once("\ndiagnostics: ") else {
                continue;
            };
            let mut workspace = Workspace::new();
            workspace.set_file("case.hpol", fenced(case, "hpol")[0]);
            let found = workspace.diagnostics();
            let mut codes: Vec<String> = found.iter().map(|found| found.code.to_string()).collect();
            codes.sort();
            let codes = if codes.is_empty() {
                "none".to_owned()
            } else {
                codes.join(", ")
            };
            if codes != expected.trim() {
                let title = case.lines().next().unwrap_or_default();
                writeln!(wrong, "{title}: expected {}, got {codes}", expected.trim()).unwrap();
            }
            cases += 1;
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(cases >= 60, "only {cases} cases");
}

/// The clauses of a test, from an operation block.
fn clauses(operation: &str) -> String {
    let quote = |text: &str| format!("{text:?}");
    let (subject, mut rest) = operation.split_once('\n').unwrap();
    let mut before = String::new();
    while rest.starts_with("earlier ") {
        let (line, next) = rest.split_once('\n').unwrap();
        writeln!(before, "{line}").unwrap();
        rest = next;
    }
    let (connection, asked) = rest.split_once('\n').unwrap();
    let (at, asked) = match asked.strip_prefix("at ") {
        Some(rest) => rest.split_once('\n').unwrap(),
        None => ("", asked),
    };
    let at = match at {
        "" => String::new(),
        at => format!("at {}\n", quote(at)),
    };
    let (id, groups) = subject
        .strip_prefix("as ")
        .unwrap()
        .split_once(" [")
        .unwrap();
    let (groups, issuer) = groups.split_once(']').unwrap();
    let groups: Vec<String> = groups
        .split(", ")
        .filter(|group| !group.is_empty())
        .map(quote)
        .collect();
    let mut text = format!("as subject {} groups [{}]", quote(id), groups.join(", "));
    if let Some(issuer) = issuer.strip_prefix(" issuer ") {
        write!(text, " issuer {}", quote(issuer)).unwrap();
    } else {
        text.push_str(issuer);
    }
    writeln!(text, "\n{before}{connection}\n{at}").unwrap();
    match asked.strip_prefix("sql ") {
        Some(sql) => writeln!(text, "sql {}", quote(sql.trim_end())).unwrap(),
        None => {
            let mut lines = asked.lines();
            let (method, target) = lines
                .next()
                .unwrap()
                .strip_prefix("http ")
                .unwrap()
                .split_once(' ')
                .unwrap();
            writeln!(text, "http {method} {}", quote(target)).unwrap();
            if let Some(content_type) = lines.next() {
                let content_type = content_type.strip_prefix("content_type ").unwrap();
                writeln!(text, "content_type {}", quote(content_type)).unwrap();
            }
            assert_eq!(lines.next(), None);
        }
    }
    text
}
