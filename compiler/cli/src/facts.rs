//! `hpol facts`: what the gateway would judge of a statement, for programs that compare or audit. Judges nothing itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use hpol_operation::sql::{Analyser, Extent, Limits, SqlAnalysis, SqlRefusal, SqlSession};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exit::{Failure, Outcome};
use crate::lines::Lines;
use crate::terminal::Terminal;

/// Every fact of a statement.
const ALL: [&str; 6] = [
    "verbs",
    "reads",
    "writes",
    "functions",
    "filtered",
    "statements",
];

/// See the facts that policies judge operations by
#[derive(Debug, Args)]
pub(crate) struct Facts {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Facts of SQL: JSON lines {"id", "sql"} in, {"id", "facts", "unknown"} out, in the same order
    #[command(after_help = "\
A line may have \"search_path\", a list of schemas; without it names are looked up in `public`. There is no database
behind it, so views and inheritance are not seen through. A statement that the gateway refuses has \"refused\".

Example:
  echo '{\"id\": 1, \"sql\": \"DELETE FROM orders\"}' | hpol facts postgres")]
    Postgres {
        /// File with the lines [default: standard input]
        #[arg(long, value_name = "FILE")]
        input: Option<PathBuf>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    id: Value,
    sql: String,
    #[serde(default = "public")]
    search_path: Vec<String>,
}

/// A line of the answer; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
struct Answer {
    id: Value,
    /// What is known, also of a fact that is not known to its full extent.
    facts: BTreeMap<&'static str, Value>,
    /// The facts that a rule could not read.
    unknown: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    kind: &'static str,
    message: String,
}

impl Facts {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Verb::Postgres { input } = &self.verb;
        let mut lines = Lines::open(input.as_deref())?;
        // Nothing is asked twice often enough to be worth keeping.
        let analyser = Analyser::new(Limits {
            threads: 1,
            cache_entries: 0,
            ..Limits::default()
        });
        while let Some(statement) = lines.next::<Statement>()? {
            terminal.json_line(&answer(&analyser, statement))?;
            if lines.may_wait() {
                terminal.flush()?;
            }
        }
        Ok(Outcome::Clean)
    }
}

fn public() -> Vec<String> {
    vec!["public".to_owned()]
}

fn answer(analyser: &Analyser, statement: Statement) -> Answer {
    let session = SqlSession {
        search_path: statement.search_path,
        catalogue: None,
    };
    match analyser.analyse(&statement.sql, &session) {
        Ok(analysis) => Answer {
            id: statement.id,
            facts: facts(&analysis),
            unknown: unknown(&analysis),
            refused: None,
        },
        Err(refusal) => Answer {
            id: statement.id,
            facts: BTreeMap::new(),
            unknown: ALL.to_vec(),
            refused: Some(Refused {
                kind: kind(&refusal),
                message: refusal.to_string(),
            }),
        },
    }
}

fn facts(analysis: &SqlAnalysis) -> BTreeMap<&'static str, Value> {
    let verbs = analysis.verbs().known.iter().map(|verb| verb.as_str());
    BTreeMap::from([
        ("verbs", json!(verbs.collect::<Vec<_>>())),
        ("reads", json!(analysis.reads().known)),
        ("writes", json!(analysis.writes().known)),
        ("functions", json!(analysis.functions().known)),
        ("filtered", json!(analysis.filtered())),
        ("statements", json!(analysis.statements())),
    ])
}

fn unknown(analysis: &SqlAnalysis) -> Vec<&'static str> {
    fn complete<T: Ord>(extent: &Extent<T>) -> bool {
        extent.complete
    }
    let filtered = complete(analysis.verbs()) && complete(analysis.writes());
    let known = [
        complete(analysis.verbs()),
        complete(analysis.reads()),
        complete(analysis.writes()),
        complete(analysis.functions()),
        filtered,
        true,
    ];
    let unknown = ALL.into_iter().zip(known).filter(|(_, known)| !known);
    unknown.map(|(name, _)| name).collect()
}

/// The word for a refusal; a format.
fn kind(refusal: &SqlRefusal) -> &'static str {
    match refusal {
        SqlRefusal::Syntax { .. } => "syntax",
        SqlRefusal::TooLong { .. } => "too_long",
        SqlRefusal::TooDeep => "too_deep",
        SqlRefusal::TooCostly => "too_costly",
        SqlRefusal::TooSlow => "too_slow",
        SqlRefusal::Busy => "busy",
        SqlRefusal::Internal => "internal",
        SqlRefusal::Nul => "nul",
        SqlRefusal::NamedCommand { .. } => "named_command",
        SqlRefusal::Unsupported { .. } => "unsupported",
        SqlRefusal::ServerCopy { .. } => "server_copy",
    }
}

#[cfg(test)]
mod tests {
    use hpol_bundle::facts::Fact;
    use hpol_bundle::vocabulary::Vocabulary;

    use super::*;

    /// The facts and the unknown ones are those that the engine reads.
    #[test]
    fn unknown_is_what_rules_cannot_read() {
        let analyser = Analyser::new(Limits::default());
        let vocabulary = Vocabulary::builtin();
        let session = SqlSession {
            search_path: public(),
            catalogue: None,
        };
        let mut seen = 0;
        for sql in [
            "SELECT a FROM t",
            "DO 'x'",
            "SELECT wipe()",
            "DROP TABLE a; SELECT query_to_xml($1, true, false, '')",
        ] {
            let analysis = analyser.analyse(sql, &session).unwrap();
            let read = analysis.operation(&[], vocabulary).facts;
            let names = vocabulary.iter().filter_map(|(id, fact)| {
                let name = fact.name.strip_prefix("sql.")?;
                (*read.fact(id) == Fact::Unknown).then_some(name)
            });
            let mut names: Vec<_> = names.collect();
            let mut told = unknown(&analysis);
            names.sort_unstable();
            told.sort_unstable();
            assert_eq!(told, names, "{sql}");
            seen += told.len();
        }
        assert!(seen > 4, "{seen}");
        let facts = vocabulary
            .iter()
            .filter_map(|(_, fact)| fact.name.strip_prefix("sql."));
        assert_eq!(facts.collect::<Vec<_>>(), ALL);
    }
}
