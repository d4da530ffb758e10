//! The pages of `lang-spec` that are made from what the compiler reads: `reference.md`, what the language has, and
//! `facts.md`, what conditions can read. `cargo xtask reference` writes them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use hpol_bundle::vocabulary::{Fact, FactType, Phase, Protocol, Scalar, Unit, Vocabulary};
use hpol_syntax::ast::{Effect, Item, Masker};
use hpol_syntax::code::Code;
use hpol_syntax::{units, words};

use crate::check::operators;
use crate::workspace::Workspace;

/// Set where the pages are to be written.
const UPDATE: &str = "HPOL_UPDATE_SPEC";

fn lang_spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lang-spec")
}

/// Holds a page equal to what it is made from.
fn holds(name: &str, made: &str) {
    let path = lang_spec().join(name);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        page, made,
        "run `cargo xtask reference` and read what changed"
    );
}

fn facts() -> impl Iterator<Item = &'static Fact> {
    Vocabulary::builtin().iter().map(|(_, fact)| fact)
}

fn scalar(fact: &Fact) -> &Scalar {
    let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
    scalar
}

/// A type as the pages call it; the words of a list stand with the facts.
fn ty(fact: &Fact) -> String {
    let scalar = match scalar(fact) {
        Scalar::Bool => "bool",
        Scalar::Int => match fact.unit {
            None => "int",
            Some(Unit::Bytes) => "int, bytes",
            Some(Unit::Seconds) => "int, seconds",
        },
        Scalar::String => "string",
        Scalar::Path => "path",
        Scalar::Address => "address",
        Scalar::Name => "name",
        Scalar::Class => "data class",
        Scalar::Enum(_) => "one of a list",
    };
    match fact.ty {
        FactType::Scalar(_) => scalar.to_owned(),
        FactType::Set(_) => format!("set of {scalar}"),
    }
}

/// When facts of a phase are known.
fn known(phase: Phase) -> &'static str {
    match phase {
        Phase::Session => "when the session opens",
        Phase::Operation => "when the operation is decided",
        Phase::Result => {
            "when the result has been released; [history](constructs/history.md) alone reads it"
        }
    }
}

fn facts_page() -> String {
    let mut page = String::from(
        "# Facts\n\nWhat conditions can read. This page is made from `vocabulary.toml` by `cargo xtask reference`; a test holds the two\ntogether. Which operators fit which type stands in the [reference](reference.md).\n",
    );
    for fact in facts() {
        let protocol = fact
            .protocol
            .map_or("every session", |protocol| protocol.as_str());
        let absent = if fact.optional { ", can be absent" } else { "" };
        let listed = match scalar(fact) {
            Scalar::Enum(list) => {
                let words = Vocabulary::builtin().words(list).unwrap();
                ty(fact).replace("a list", &words.join(", "))
            }
            _ => ty(fact),
        };
        write!(
            page,
            "\n## `{}`\n\n{}\n\n- type: {listed}{absent}\n- carried by: {protocol}\n- known: {}\n- example: `{}`\n",
            fact.name,
            fact.doc,
            known(fact.phase),
            fact.example
        )
        .unwrap();
    }
    page
}

/// The page of an item.
fn page_of_item(item: &str) -> &'static str {
    match item {
        "package" | "use" => "file",
        "connection" => "connection",
        "group" => "group",
        "predicate" => "predicate",
        "schedule" => "schedule",
        "data" => "data",
        "rule" => "rule",
        "exception" => "exception",
        "responsibility" => "responsibility",
        "test" => "test",
        _ => panic!("`{item}` has no page"),
    }
}

fn clauses(item: &str) -> Vec<&'static str> {
    let clauses = words::clauses(item).iter().copied();
    clauses
        .filter(|clause| !words::FOREIGN_CLAUSES.contains(clause))
        .collect()
}

/// Every effect as it is written; `page_of_effect` knows no more.
const EFFECTS: &[&str] = &[
    "allow",
    "allow limit rows 100",
    "block",
    "block \"what to do instead\"",
    "block terminate session",
    "block \"what to do instead\" terminate session",
    "require approval by 2 of dbas within 15m",
    "require approval by 1 of dbas within 15m for 1h",
    "require justification reviewed by dbas",
    "mask pii",
    "mask pii redact",
    "mask pii hash",
    "mask pii null",
    "mask pii keep last 4",
    "mask pii keep first 4",
    "limit rows 100",
];

fn page_of_effect(effect: &Effect) -> &'static str {
    match effect {
        Effect::Allow { .. } => "allow",
        Effect::Block { .. } => "block",
        Effect::RequireApproval { .. } => "require-approval",
        Effect::RequireJustification { .. } => "require-justification",
        Effect::Mask { masker, .. } => match masker {
            Masker::Redact
            | Masker::Hash
            | Masker::Null
            | Masker::KeepLast(_)
            | Masker::KeepFirst(_) => "mask",
        },
        Effect::Limit { .. } => "limit",
    }
}

fn effect(written: &str) -> Effect {
    let parsed = hpol_syntax::parse::parse(&format!("rule r {{\n    {written}\n}}"));
    assert_eq!(parsed.problems, [], "{written}");
    let Some(Item::Rule(rule)) = parsed.item else {
        panic!("{written}");
    };
    rule.effects[0].node.clone()
}

/// `words` as code, apart by blanks.
fn code<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(" ")
}

/// The facts for which `is` holds, as code.
fn of(is: impl Fn(&Fact) -> bool) -> String {
    code(
        facts()
            .filter(|fact| is(fact))
            .map(|fact| fact.name.as_str()),
    )
}

fn reference_page() -> String {
    let mut page = String::from(
        "# Reference\n\nWhat the language has, on one page. It is made from what the compiler reads, by `cargo xtask reference`; a test holds the two\ntogether. What it means stands in the [semantics](semantics.md), what each fact says in [facts](facts.md).\n",
    );
    let mut row = |line: String| {
        page.push_str(&line);
        page.push('\n');
    };
    row("\n## Items\n\n| item | clauses |\n|---|---|".to_owned());
    for item in words::ITEMS {
        let of_item = page_of_item(item);
        row(format!(
            "| [`{item}`](constructs/{of_item}.md) | {} |",
            code(clauses(item))
        ));
    }
    row("\n## Effects\n\n| effect | page |\n|---|---|".to_owned());
    for written in EFFECTS {
        let of_effect = page_of_effect(&effect(written));
        row(format!(
            "| `{written}` | [{of_effect}](constructs/{of_effect}.md) |"
        ));
    }
    row("\n## Types\n\nWhat fits facts of a type. `has f` and `(f or VALUE)` fit facts that can be absent.\n\n| type | operators | facts |\n|---|---|---|".to_owned());
    let mut types: Vec<String> = facts().map(ty).collect();
    types.sort();
    types.dedup();
    for name in types {
        let fitting = facts().find(|fact| ty(fact) == name).unwrap();
        let operators = operators(&fitting.ty).iter().copied();
        row(format!(
            "| {name} | {} | {} |",
            code(operators),
            of(|fact| ty(fact) == name)
        ));
    }
    row("\n## Units\n\n| unit | counts | of |\n|---|---|---|".to_owned());
    for (units, smallest) in [(units::DURATIONS, "seconds"), (units::SIZES, "bytes")] {
        for (unit, size) in units {
            row(format!("| `{unit}` | {size} | {smallest} |"));
        }
    }
    row("\n## Protocols\n\n| protocol | facts of its own |\n|---|---|".to_owned());
    for protocol in Protocol::ALL {
        row(format!(
            "| `{}` | {} |",
            protocol.as_str(),
            of(|fact| fact.protocol == Some(protocol))
        ));
    }
    row("\n## Phases\n\n| known | facts |\n|---|---|".to_owned());
    for phase in [Phase::Session, Phase::Operation, Phase::Result] {
        row(format!(
            "| {} | {} |",
            known(phase),
            of(|fact| fact.phase == phase)
        ));
    }
    page
}

#[test]
fn the_page_of_facts_is_that_of_the_vocabulary() {
    holds("facts.md", &facts_page());
}

#[test]
fn the_reference_is_that_of_the_compiler() {
    for page in words::ITEMS.iter().map(|item| page_of_item(item)) {
        assert!(lang_spec().join(format!("constructs/{page}.md")).is_file());
    }
    for page in EFFECTS
        .iter()
        .map(|written| page_of_effect(&effect(written)))
    {
        assert!(lang_spec().join(format!("constructs/{page}.md")).is_file());
    }
    holds("reference.md", &reference_page());
}

/// A value that a fact can have, in whatever form.
fn value(fact: &Fact) -> String {
    match scalar(fact) {
        Scalar::Bool => "true".to_owned(),
        Scalar::Int => "1".to_owned(),
        Scalar::String => "\"a/b\"".to_owned(),
        Scalar::Path => "\"/a\"".to_owned(),
        Scalar::Address => "10.0.0.1".to_owned(),
        Scalar::Name => "public.a".to_owned(),
        Scalar::Class => "pii".to_owned(),
        Scalar::Enum(list) => Vocabulary::builtin().words(list).unwrap()[0].clone(),
    }
}

#[test]
fn the_operators_of_a_type_are_those_that_compile() {
    for fact in facts() {
        let value = value(fact);
        for operator in [
            "==",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            "in",
            "starts with",
            "under",
            "has",
            "has any",
            "has all",
            "within",
        ] {
            let listed = matches!(operator, "in" | "has any" | "has all" | "within");
            let value = if listed {
                format!("[{value}]")
            } else {
                value.clone()
            };
            let test = format!("{} {operator} {value}", fact.name);
            let when = match (fact.phase, fact.optional) {
                (Phase::Result, _) => format!("earlier within 1h ({test})"),
                (_, true) => format!("has {} and {test}", fact.name),
                (_, false) => test,
            };
            let mut workspace = Workspace::new();
            workspace.set_file(
                "main.hpol",
                format!(
                    "package demo\ndata pii {{\n    detector us_ssn\n}}\nrule r {{\n    satisfies AC-3\n    when {when}\n    block\n}}\n"
                ),
            );
            let misfit = workspace
                .diagnostics()
                .iter()
                .any(|found| matches!(found.code, Code::OperatorType | Code::SetEquality));
            let fits = operators(&fact.ty).contains(&operator);
            assert_eq!(misfit, !fits, "{when}: {:?}", workspace.diagnostics());
        }
    }
}
