//! `hpol audit match`: whether a decision is of exactly one statement, or of what an approver saw. The log holds
//! commitments only, so this needs its salt files.

use std::path::PathBuf;

use clap::Args;
use hpol_bundle::digest::hex;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_evidence::files::directory::Directory;
use hpol_evidence::record::{DecisionRecord, Event};
use hpol_evidence::salt::{self, Opened, OperationSalt};
use hpol_operation::sql::{Analyser, Limits, SqlSession};
use serde_json::json;

use super::LogFolder;
use crate::exit::{Failure, Outcome};
use crate::sources;
use crate::terminal::{Style, Terminal};
use crate::visible;

/// Most bytes of a statement in a file; the gateway takes no longer ones.
const STATEMENT_BYTES: u64 = 1 << 20;

/// Hold a decision against what may have been asked
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with 1 where something else was asked, and where the salt was deleted so that nobody can tell.

Examples:
  hpol audit match 4711 --log /var/lib/hpol/log --digest 9f86d081884c7d65...    from `hpol approvals show`
  hpol audit match 4711 --log /var/lib/hpol/log --sql statement.sql")]
pub(super) struct Match {
    /// Position of a decision
    #[arg(value_name = "SEQUENCE")]
    sequence: u64,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    against: Against,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Against {
    /// A digest in hex, with or without `sha256:`
    #[arg(long, value_name = "HEX")]
    digest: Option<String>,
    /// A file with exactly the text of a SQL statement without parameters, but for line ends at its end
    #[arg(long, value_name = "FILE")]
    sql: Option<PathBuf>,
    /// Print the operation's salt, which opens its records and no others
    #[arg(long)]
    salt: bool,
}

impl Match {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let read = self
            .log
            .open()?
            .record(self.sequence)
            .map_err(|failure| self.log.unreadable(&failure))?;
        let Some(Event::Decision(decision)) = read.map(|read| read.record.event) else {
            terminal.note(format_args!(
                "record {} is not a decision of the log",
                self.sequence
            ))?;
            return Ok(Outcome::Findings);
        };
        let folder = Directory::open(&self.log.path).map_err(|error| self.unreadable(&error))?;
        if self.against.salt {
            return self.print_salt(terminal, &folder, &decision);
        }
        let digest = self.digest()?;
        let opened =
            salt::open(&folder, &decision, &digest).map_err(|error| self.unreadable(&error))?;
        let (word, style, text) = match opened {
            Opened::Same => ("same", Style::Good, "this is exactly what was asked"),
            Opened::Other => ("other", Style::Bad, "something else was asked"),
            Opened::Erased => (
                "erased",
                Style::Warn,
                "the salt was deleted, so nobody can tell any more",
            ),
        };
        if self.json {
            terminal
                .json(&json!({ "sequence": self.sequence, "digest": digest, "match": word }))?;
        } else {
            let text = terminal.paint(style, text);
            terminal.line(format_args!("record {}: {text}", self.sequence))?;
        }
        Ok(if opened == Opened::Same {
            Outcome::Clean
        } else {
            Outcome::Findings
        })
    }

    fn digest(&self) -> Result<String, Failure> {
        if let Some(digest) = &self.against.digest {
            let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
            let plain = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            return if plain {
                Ok(digest.to_ascii_lowercase())
            } else {
                Err(Failure::CommandLine {
                    why: "a digest has 64 hex digits",
                })
            };
        }
        let path = self.against.sql.clone().unwrap_or_default();
        let text = sources::read_text(&path, STATEMENT_BYTES)?;
        let session = SqlSession {
            search_path: vec!["public".to_owned()],
            catalogue: None,
        };
        let limits = Limits {
            threads: 1,
            cache_entries: 0,
            ..Limits::default()
        };
        let analysis = Analyser::new(limits)
            .analyse(text.trim_end_matches(['\r', '\n']), &session)
            .map_err(|refusal| Failure::Statement {
                path,
                why: visible::line(&refusal.to_string()),
            })?;
        Ok(hex(&analysis.operation(&[], Vocabulary::builtin()).digest))
    }

    fn print_salt(
        &self,
        terminal: &mut Terminal,
        folder: &Directory,
        decision: &DecisionRecord,
    ) -> Result<Outcome, Failure> {
        let salt = match &decision.commitment {
            None => None,
            Some(commitment) => OperationSalt::read(folder, &commitment.salt, &decision.operation)
                .map_err(|error| self.unreadable(&error))?,
        };
        let Some(salt) = salt else {
            terminal.note(format_args!(
                "record {} has no salt: it was deleted, or the record is older than commitments",
                self.sequence
            ))?;
            return Ok(Outcome::Findings);
        };
        if self.json {
            terminal.json(&json!({ "sequence": self.sequence, "salt": salt.hex() }))?;
        } else {
            terminal.line(format_args!("{}", salt.hex()))?;
        }
        Ok(Outcome::Clean)
    }

    fn unreadable(&self, error: &std::io::Error) -> Failure {
        Failure::Log {
            path: self.log.path.clone(),
            why: visible::line(&format!("salt of record {}: {error}", self.sequence)),
        }
    }
}
