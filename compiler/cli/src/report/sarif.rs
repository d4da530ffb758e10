//! Findings as SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format). Only the parts that code scanning reads.

use serde_json::{Value, json};

use super::Place;
use super::finding::{Finding, PlacedEdit, Rule};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of one run.
pub(super) fn log(findings: &[Finding<'_>]) -> Value {
    let mut rules: Vec<Rule> = findings.iter().map(|finding| finding.rule).collect();
    rules.sort();
    rules.dedup();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| result(finding, &rules))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hpol",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| descriptor(*rule)).collect::<Vec<_>>(),
            }},
            // Columns count characters (3.14.17).
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A reportingDescriptor (3.49): what code scanning shows beside a finding.
fn descriptor(rule: Rule) -> Value {
    let level = match rule {
        Rule::Code(code) => code.severity().as_str(),
        Rule::FailingTest => "error",
    };
    json!({
        "id": rule.id(),
        "shortDescription": { "text": rule.title() },
        "fullDescription": { "text": summary(rule.page()) },
        "help": { "text": rule.page(), "markdown": rule.page() },
        "defaultConfiguration": { "level": level },
    })
}

/// The first paragraph behind the title.
fn summary(page: &str) -> &str {
    let body = page.split_once("\n\n").map_or("", |(_, body)| body);
    body.split("\n\n").next().unwrap_or_default().trim()
}

fn result(finding: &Finding<'_>, rules: &[Rule]) -> Value {
    let text = match finding.help {
        Some(help) => format!("{}\n\n{help}", finding.message),
        None => finding.message.to_owned(),
    };
    let mut result = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": rules.binary_search(&finding.rule).unwrap_or_default(),
        "level": if finding.is_error { "error" } else { "warning" },
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": artifact(&finding.path),
            "region": region(finding.place),
        }}],
    });
    if !finding.fix.is_empty()
        && let Some(result) = result.as_object_mut()
    {
        result.insert("fixes".to_owned(), json!([fix(finding)]));
    }
    result
}

/// A fix (3.55): one artifactChange for each file.
fn fix(finding: &Finding<'_>) -> Value {
    let mut paths: Vec<&str> = finding.fix.iter().map(|edit| edit.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let change = |path: &str| {
        let edits = finding.fix.iter().filter(|edit| edit.path == path);
        json!({
            "artifactLocation": artifact(path),
            "replacements": edits.map(replacement).collect::<Vec<_>>(),
        })
    };
    json!({
        "description": { "text": finding.help.unwrap_or(finding.message) },
        "artifactChanges": paths.into_iter().map(change).collect::<Vec<_>>(),
    })
}

fn replacement(edit: &PlacedEdit) -> Value {
    json!({
        "deletedRegion": region(&edit.place),
        "insertedContent": { "text": edit.text },
    })
}

fn region(place: &Place) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    })
}

/// An artifactLocation (3.4): a relative reference of RFC 3986.
fn artifact(path: &str) -> Value {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    json!({ "uri": uri })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(
            artifact("policies/grün: 1.hpol"),
            json!({ "uri": "policies/gr%C3%BCn%3A%201.hpol" })
        );
    }

    #[test]
    fn every_page_has_a_first_paragraph() {
        for code in hpol_syntax::code::Code::ALL {
            assert!(summary(code.page()).len() > 20, "{code}");
        }
    }
}
