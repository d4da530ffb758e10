//! The conformance cases of `lang-spec/conformance`, each through the checker, the decision graph and the engine, and
//! again through the reference interpreter. The format stands in the README there.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something fails"
)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use hpol_bundle::decision::Verdict;
use hpol_bundle::facts::Facts;
use hpol_hir::{TestCase, Workspace};
use hpol_oracle::Past;

// What `hpol test` runs, so that the cases hold for it.
#[path = "../src/exposure.rs"]
mod exposure;
#[path = "../src/trial.rs"]
#[expect(dead_code, reason = "`hpol test` uses more of it")]
mod trial;
#[path = "../src/verdicts.rs"]
mod verdicts;

use trial::Trial;

/// A policy, and what is expected of operations under it.
struct Case {
    title: String,
    policy: String,
    operations: Vec<(String, String)>,
}

#[test]
fn every_case_is_decided_as_written_by_engine_and_oracle() {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../lang-spec/conformance"
    ));
    let mut pages: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.retain(|path| {
        path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("README.md")
    });
    pages.sort();
    let (mut operations, mut wrong) = (0, String::new());
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        for case in cases(&fs::read_to_string(&page).unwrap()) {
            operations += case.operations.len();
            for why in judge(&case) {
                writeln!(wrong, "{name}: {}: {why}", case.title).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(operations >= 380, "only {operations} operations were found");
}

#[test]
fn what_is_decided_otherwise_is_told() {
    let page = "# Page\n\n## Title\n\n```hpol\npackage case\n\nconnection db = postgres \"db\"\n\ndata pii.mail {\n    detector email\n}\n\n\
        rule hide {\n    satisfies SI-19(4)\n    mask pii.mail\n}\n\nrule reads {\n    satisfies AC-3\n    when sql.verbs has select\n    allow\n}\n\
        ```\n\n```operation\nas a []\non db\nsql SELECT 1\n```\ndecision: allow by reads masking pii.mail\n";
    let wrong = |from: &str, to: &str| {
        cases(&page.replace(from, to))
            .iter()
            .flat_map(judge)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(wrong("", ""), "");
    assert!(
        wrong("allow by reads masking pii.mail", "block")
            .contains("expected block, got allow by case.reads")
    );
    assert!(wrong(" masking pii.mail", "").contains("masks case.pii.mail"));
    assert!(wrong("by reads masking", "citing AC-6 masking").contains("does not cite AC-6"));
    assert!(wrong("sql.verbs has", "sql.verb has").contains("HP0101"));
}

/// What differs from what the case says.
fn judge(case: &Case) -> Vec<String> {
    let mut workspace = Workspace::new();
    workspace.set_file("case.hpol", case.policy.as_str());
    let found = workspace.diagnostics();
    if !found.is_empty() {
        return found.iter().map(ToString::to_string).collect();
    }
    let tests: String = case
        .operations
        .iter()
        .zip(1..)
        .map(|(operation, number)| test(operation, number))
        .collect();
    workspace.set_file("case.hpol", format!("{}\n{tests}", case.policy));
    let found = workspace.diagnostics();
    if !found.is_empty() {
        return found
            .iter()
            .map(ToString::to_string)
            .chain([tests])
            .collect();
    }
    let (policy, program) = (workspace.policy().unwrap(), workspace.program().unwrap());
    let trial = Trial::new(&policy, &program, workspace.vocabulary());
    let tests = workspace.tests();
    assert_eq!(tests.len(), case.operations.len(), "{}", case.title);
    let mut wrong = Vec::new();
    for test in &tests {
        if let Err(why) = trial.before(test) {
            wrong.push(format!("{}: {why}", test.name));
            continue;
        }
        // The cases are about decisions, not about how masks are carried out.
        let verdicts = match trial.asked(&test.operation) {
            Ok(asked) => trial.outcome(test, &trial.decide(test, &asked.facts)),
            Err(_) => trial.verdicts(test),
        };
        wrong.extend(
            verdicts
                .compare(test)
                .err()
                .map(|why| format!("{}: {why}", test.name)),
        );
        if test.expect.masking.is_empty()
            && verdicts.verdict != Verdict::Block
            && !verdicts.masking.is_empty()
        {
            wrong.push(format!(
                "{}: masks {}",
                test.name,
                verdicts.masking.join(", ")
            ));
        }
        let Ok(operation) = trial.asked(&test.operation).map(|asked| asked.facts) else {
            continue;
        };
        let mut facts = trial.session_facts(test);
        facts.extend(&operation);
        facts.extend(&trial.time(test));
        let (own, past) = history(&trial, test, &operation);
        let moment = hpol_oracle::Moment {
            now_ms: trial::before::NOW_MS,
            own: &own,
            past: &past,
        };
        let (engine, oracle) = (
            trial.decide(test, &operation),
            hpol_oracle::decide_at(&policy, &facts, moment),
        );
        if engine != oracle {
            wrong.push(format!(
                "{}: engine and oracle differ:\n  {engine:?}\n  {oracle:?}",
                test.name
            ));
        }
    }
    wrong
}

/// The operation of a test, and what happened before, as the oracle sees them.
fn history(trial: &Trial<'_>, test: &TestCase, operation: &Facts) -> (Past, Vec<Past>) {
    let past = |facts, ended_ms, in_session| Past {
        subject: test.subject.id.as_str().into(),
        session: u64::from(in_session),
        ended_ms,
        facts,
    };
    let own = past(trial.own_facts(test, operation), None, true);
    let before = trial
        .before(test)
        .unwrap()
        .into_iter()
        .flat_map(|happened| {
            let one = past(happened.facts, happened.ended_ms, happened.in_session);
            std::iter::repeat_n(one, happened.times as usize)
        });
    (own, before.collect())
}

/// The operation and its decision as an item of the language.
fn test((operation, decision): &(String, String), number: u32) -> String {
    let quote = |text: &str| {
        format!(
            "\"{}\"",
            text.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n")
        )
    };
    let (subject, rest) = operation.split_once('\n').unwrap();
    let mut before = String::new();
    let mut rest = rest;
    while rest.starts_with("earlier ") {
        let (line, next) = rest.split_once('\n').unwrap();
        writeln!(before, "    {line}").unwrap();
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
    let (id, rest) = subject
        .strip_prefix("as ")
        .unwrap()
        .split_once(" [")
        .unwrap();
    let (groups, issuer) = rest.split_once(']').unwrap();
    let groups: Vec<_> = groups
        .split(", ")
        .filter(|group| !group.is_empty())
        .map(quote)
        .collect();
    let issuer = issuer
        .strip_prefix(" issuer ")
        .map(|issuer| format!(" issuer {}", quote(issuer)))
        .unwrap_or_else(|| issuer.to_owned());
    let asked = match (asked.strip_prefix("sql "), asked.strip_prefix("http ")) {
        (Some(statements), _) => format!("sql {}", quote(statements)),
        (_, Some(request)) => {
            let (request, content_type) = request
                .split_once("\ncontent_type ")
                .unwrap_or((request, ""));
            let (method, target) = request.split_once(' ').unwrap();
            let content_type = if content_type.is_empty() {
                String::new()
            } else {
                format!(" content_type {}", quote(content_type))
            };
            format!("http {method} {}{content_type}", quote(target))
        }
        _ => panic!("neither `sql` nor `http`: {asked}"),
    };
    let (id, groups) = (quote(id), groups.join(", "));
    format!(
        "\ntest \"operation {number}\" {{\n    as subject {id} groups [{groups}]{issuer}\n{before}    {connection}\n    {at}{asked}\n    expect {decision}\n}}\n"
    )
}

/// The cases of a page.
fn cases(page: &str) -> Vec<Case> {
    let sections = page.split("\n## ").skip(1);
    // Those that do not compile are answered where nothing but a compiler is needed.
    let decided = sections.filter(|section| !section.contains("\ndiagnostics: "));
    let cases: Vec<_> = decided.map(case).collect();
    cases
}

fn case(section: &str) -> Case {
    let (title, body) = section.split_once('\n').unwrap();
    let mut case = Case {
        title: title.to_owned(),
        policy: String::new(),
        operations: Vec::new(),
    };
    let mut rest = body;
    while let Some((_, fenced)) = rest.split_once("```") {
        let (kind, text) = fenced.split_once('\n').unwrap();
        let (text, after) = text.split_once("\n```\n").unwrap();
        rest = after;
        match kind {
            "hpol" if case.policy.is_empty() => case.policy = text.to_owned(),
            "operation" => {
                let (line, _) = after.split_once('\n').unwrap_or((after, ""));
                let decision = line
                    .strip_prefix("decision: ")
                    .unwrap_or_else(|| panic!("{title}: no decision after:\n{text}"));
                case.operations.push((text.to_owned(), decision.to_owned()));
            }
            _ => panic!("{title}: a block fenced as `{kind}`"),
        }
    }
    assert!(!case.operations.is_empty(), "{title}: no operation");
    case
}
