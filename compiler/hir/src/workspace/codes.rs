//! Every diagnostic code has a page whose first example triggers it, and whose second does not. The snapshots show what
//! an author is told.

use std::fmt::Write;

use hpol_syntax::code::Code;

use crate::diagnostic::Diagnostic;
use crate::lints::Lints;
use crate::samples::{fenced, workspace};

/// What is found in an example: everything that is wrong with it, or, of the page of a lint, what that lint finds.
fn found(code: Code, example: &str) -> Vec<Diagnostic> {
    let workspace = workspace(example);
    if !code.is_lint() {
        return workspace.diagnostics();
    }
    let Ok(Lints {
        findings: mut found,
        ..
    }) = workspace.lints()
    else {
        return workspace.diagnostics();
    };
    found.retain(|diagnostic| diagnostic.code == code);
    found
}

fn render(diagnostic: &Diagnostic, example: &str) -> String {
    let mut text = format!("{diagnostic}\n");
    for label in &diagnostic.labels {
        let source = match label.file.as_str() {
            "main.hpol" => example,
            other => example.split(&format!("// ---- {other}\n")).nth(1).unwrap(),
        };
        let before = &source[..label.span.start];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        let quoted = &source[label.span.clone()];
        writeln!(
            text,
            "  {}:{line}:{column} `{quoted}`: {}",
            label.file, label.text
        )
        .unwrap();
    }
    if let Some(help) = &diagnostic.help {
        writeln!(text, "  help: {help}").unwrap();
    }
    text
}

#[test]
fn every_code_has_a_page_whose_examples_do_what_it_says() {
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let page = code.page();
        assert!(page.starts_with(&format!("# {code}: ")), "{code}: title");
        let examples = fenced(page, "hpol");
        let (broken, right) = (examples[0], examples[1]);
        let found = found(*code, broken);
        if !found.iter().any(|diagnostic| diagnostic.code == *code) {
            wrong.push(format!("{code} is not found: {found:?}"));
        }
        let left = self::found(*code, right);
        if !left.is_empty() {
            wrong.push(format!("{code}: what to write instead has {left:?}"));
        }
        let rendered: Vec<String> = found
            .iter()
            .map(|diagnostic| render(diagnostic, broken))
            .collect();
        insta::assert_snapshot!(code.as_str(), rendered.concat());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_belongs_to_a_code() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lang-spec/codes");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let code = name.strip_suffix(".md").unwrap();
        assert!(
            Code::parse(code).is_some_and(|known| known.as_str() == code),
            "{name}"
        );
    }
}
