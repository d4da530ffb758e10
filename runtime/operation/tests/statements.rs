//! Facts of a corpus of statements, benign and hostile. A line of the data is a text and what it does; `unknown` lists the
//! facts that cannot be determined, `refused` is why the text has none, and `dangerous` that a policy must be able to catch
//! it by something else than `select`.

mod reading;

use std::collections::BTreeSet;

use hpol_operation::sql::{Analyser, Limits, SqlAnalysis};
use reading::session;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    sql: String,
    #[serde(default)]
    verbs: BTreeSet<String>,
    #[serde(default)]
    reads: BTreeSet<String>,
    #[serde(default)]
    writes: BTreeSet<String>,
    #[serde(default)]
    functions: BTreeSet<String>,
    #[serde(default = "yes")]
    filtered: bool,
    #[serde(default)]
    unknown: Vec<String>,
    refused: Option<String>,
    #[serde(default)]
    dangerous: bool,
}

/// Verbs that show nothing that a policy would mind.
const HARMLESS: [&str; 10] = [
    "select",
    "explain",
    "show",
    "set",
    "reset",
    "transaction",
    "prepare",
    "deallocate",
    "close",
    "unlisten",
];

fn yes() -> bool {
    true
}

#[test]
fn pg_31_to_52_the_corpus_has_its_facts() {
    let analyser = Analyser::new(Limits::default());
    let session = session(&["public"]);
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in include_str!("data/statements.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        cases += 1;
        match (analyser.analyse(&case.sql, &session), &case.refused) {
            (Ok(analysis), None) => wrong.extend(differences(&case, &analysis)),
            (Err(refusal), Some(refused)) if refusal.to_string() == *refused => {}
            (outcome, refused) => {
                wrong.push(format!("{}: {outcome:?}, expected {refused:?}", case.sql));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 150, "{cases}");
}

fn differences(case: &Case, analysis: &SqlAnalysis) -> Option<String> {
    let verbs: BTreeSet<String> = analysis
        .verbs()
        .known
        .iter()
        .map(|verb| verb.as_str().to_owned())
        .collect();
    let complete = [
        ("verbs", analysis.verbs().complete),
        ("reads", analysis.reads().complete),
        ("writes", analysis.writes().complete),
        ("functions", analysis.functions().complete),
    ];
    let unknown: Vec<&str> = complete
        .iter()
        .filter(|(_, complete)| !complete)
        .map(|(name, _)| *name)
        .collect();
    let caught = !unknown.is_empty()
        || verbs.iter().any(|verb| !HARMLESS.contains(&verb.as_str()))
        || !analysis.reads().known.is_empty()
        || !analysis.functions().known.is_empty()
        || !analysis.effects().is_empty();
    let same = verbs == case.verbs
        && analysis.reads().known == case.reads
        && analysis.writes().known == case.writes
        && analysis.functions().known == case.functions
        && analysis.filtered() == case.filtered
        && unknown == case.unknown
        && (caught || !case.dangerous)
        && (unknown.is_empty() || case.dangerous);
    (!same).then(|| {
        format!(
            "{}\n    verbs {verbs:?} reads {:?} writes {:?} functions {:?} filtered {} unknown {unknown:?} caught {caught}",
            case.sql,
            analysis.reads().known,
            analysis.writes().known,
            analysis.functions().known,
            analysis.filtered(),
        )
    })
}
