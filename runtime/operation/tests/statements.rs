//! Facts of a corpus of statements, benign and hostile. A line of the data is a text and what it verbs, reads and
//! writes; `unknown` lists the facts that cannot be determined, `refused` is why the text has none.

use std::collections::BTreeSet;

use hpol_operation::sql::{Analyser, Limits, SqlSession};
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
    unknown: Vec<String>,
    refused: Option<String>,
}

#[test]
fn the_corpus_has_its_facts() {
    let analyser = Analyser::new(Limits::default());
    let session = SqlSession {
        search_path: vec!["public".to_owned()],
        catalogue: None,
    };
    for line in include_str!("data/statements.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let analysis = match (analyser.analyse(&case.sql, &session), &case.refused) {
            (Ok(analysis), None) => analysis,
            (Err(refusal), Some(refused)) => {
                assert_eq!(&refusal.to_string(), refused, "{}", case.sql);
                continue;
            }
            (outcome, refused) => panic!("{}: {outcome:?}, expected {refused:?}", case.sql),
        };
        let verbs: BTreeSet<String> = analysis
            .verbs()
            .known
            .iter()
            .map(|verb| verb.as_str().to_owned())
            .collect();
        assert_eq!(verbs, case.verbs, "{}", case.sql);
        assert_eq!(analysis.reads().known, case.reads, "{}", case.sql);
        assert_eq!(analysis.writes().known, case.writes, "{}", case.sql);
        let complete = [
            ("verbs", analysis.verbs().complete),
            ("reads", analysis.reads().complete),
            ("writes", analysis.writes().complete),
        ];
        let unknown: Vec<&str> = complete
            .iter()
            .filter(|(_, complete)| !complete)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(unknown, case.unknown, "{}", case.sql);
    }
}
