//! Which decisions are to be explained, and by which policy.

use std::path::PathBuf;

use clap::Args;
use hpol_evidence::record::{DecisionRecord, Event, Record};
use serde_json::{Value, json};

use super::reasons::Reasons;
use super::text;
use crate::audit::LogFolder;
use crate::compiled::{Compiled, Origin};
use crate::exit::{Failure, Outcome};
use crate::lines::Lines;
use crate::terminal::Terminal;
use crate::visible;

/// Most decisions that are explained in one run; nobody reads more.
const DECISIONS: usize = 10_000;

/// Where records are, and what they are held against.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "A decision")]
pub(super) struct InRecord {
    /// Folder of the log that the record is in
    #[arg(long, value_name = "FOLDER", requires = "what")]
    log: Option<PathBuf>,
    /// The bundle that decided, or the policy files that it was built of
    #[arg(long, value_name = "PATH", requires = "what")]
    policy: Option<PathBuf>,
    /// The public key that the bundle must be signed with; without it the signature is not verified
    #[arg(long, value_name = "FILE", requires = "policy")]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long, requires = "what")]
    json: bool,
}

/// A decision, and what else the log has of its operation.
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) decision: DecisionRecord,
    /// `None` where no log was looked at.
    pub(super) others: Option<Vec<Record>>,
}

/// The policy that decisions are held against.
pub(super) struct Against {
    compiled: Compiled,
    pub(super) policy: hpol_bundle::policy::Policy,
}

impl InRecord {
    /// Explains the decisions that `what` means; `None` where it means none.
    pub(super) fn run(
        &self,
        what: Option<&str>,
        terminal: &mut Terminal,
    ) -> Result<Option<Outcome>, Failure> {
        let (found, skipped) = match (what, &self.log) {
            (Some("-"), Some(_)) => {
                return Err(Failure::CommandLine {
                    why: "records come from `--log` or from standard input, not from both",
                });
            }
            (Some("-"), None) => from_lines()?,
            (Some(what), Some(log)) => {
                let log = LogFolder { path: log.clone() };
                (self.in_log(what, &log)?, 0)
            }
            _ if self.policy.is_some() || self.json => {
                return Err(Failure::CommandLine {
                    why: "`--policy` and `--json` are for records: `--log` says where they are",
                });
            }
            _ => return Ok(None),
        };
        if found.is_empty() {
            let what = visible::line(what.unwrap_or_default());
            terminal.note(format_args!("there is no decision of `{what}`"))?;
            return Ok(Some(Outcome::Findings));
        }
        let against = match self.against(terminal)? {
            Ok(against) => against,
            Err(outcome) => return Ok(Some(outcome)),
        };
        for found in &found {
            if let Some(why) = against.as_ref().and_then(|against| against.is_other(found)) {
                terminal.note(format_args!("{why}"))?;
                return Ok(Some(Outcome::Findings));
            }
        }
        let mut documents = Vec::new();
        for found in &found {
            let reasons = against
                .as_ref()
                .map(|against| Reasons::of(&found.decision, &against.policy, &against.compiled));
            match self.json {
                true => documents.push(document(found, reasons.as_ref())),
                false => text::print(found, reasons.as_ref(), terminal)?,
            }
        }
        if self.json {
            terminal.json(&json!({ "decisions": documents }))?;
        }
        if skipped > 0 {
            terminal.note(format_args!("{skipped} other records are no decisions"))?;
        }
        Ok(Some(Outcome::Clean))
    }

    /// The decision at a position, or those of an operation; of another record's operation all.
    fn in_log(&self, what: &str, log: &LogFolder) -> Result<Vec<Found>, Failure> {
        let reader = log.open()?;
        let unreadable = |failure| log.unreadable(&failure);
        let (operation, only) = match what.parse::<u64>() {
            Ok(sequence) => {
                let Some(read) = reader.record(sequence).map_err(unreadable)? else {
                    return Ok(Vec::new());
                };
                let event = read.record.event;
                let only = matches!(event, Event::Decision(_)).then_some(sequence);
                (event.operation().map(str::to_owned), only)
            }
            Err(_) => (Some(what.to_owned()), None),
        };
        let Some(operation) = operation else {
            return Ok(Vec::new());
        };
        let read = reader.operation(&operation).map_err(unreadable)?;
        let all: Vec<Record> = read.into_iter().map(|read| read.record).collect();
        let wanted = |record: &&Record| only.is_none_or(|only| record.sequence == only);
        let found = all.iter().filter(wanted).filter_map(|record| {
            let others = all.iter().filter(|other| other.sequence != record.sequence);
            Found::of(record.clone(), Some(others.cloned().collect()))
        });
        Ok(found.collect())
    }

    /// The policy; the outcome where it does not hold, which has been told then.
    fn against(
        &self,
        terminal: &mut Terminal,
    ) -> Result<Result<Option<Against>, Outcome>, Failure> {
        let Some(path) = &self.policy else {
            return Ok(Ok(None));
        };
        let origin = Origin::at(path.clone(), self.key.clone());
        let Some(compiled) = origin.load(terminal)? else {
            return Ok(Err(Outcome::Findings));
        };
        if compiled.digest.is_none() {
            terminal.note(format_args!(
                "nothing shows that the bundle of a record was built of these policy files; give the bundle itself"
            ))?;
        }
        let policy = compiled.whole_policy(terminal)?;
        Ok(Ok(Some(Against { compiled, policy })))
    }
}

/// The decisions on standard input, and how many other records there are.
fn from_lines() -> Result<(Vec<Found>, usize), Failure> {
    let mut lines = Lines::open(None)?;
    let (mut found, mut others) = (Vec::new(), 0);
    while let Some(record) = lines.next::<Record>()? {
        match Found::of(record, None) {
            Some(_) if found.len() == DECISIONS => {
                return Err(lines.wrong(&format!("there are more than {DECISIONS} decisions")));
            }
            Some(decision) => found.push(decision),
            None => others += 1,
        }
    }
    Ok((found, others))
}

impl Found {
    /// `record` where it is a decision.
    fn of(record: Record, others: Option<Vec<Record>>) -> Option<Found> {
        let Event::Decision(decision) = &record.event else {
            return None;
        };
        Some(Found {
            decision: DecisionRecord::clone(decision),
            record,
            others,
        })
    }
}

impl Against {
    /// Why `found` was decided by something else, if that is certain.
    fn is_other(&self, found: &Found) -> Option<String> {
        let given = self.compiled.digest.as_ref()?;
        let recorded = &found.decision.bundle;
        (given != recorded).then(|| {
            let sequence = found.record.sequence;
            let recorded = match recorded.as_str() {
                "" => "no bundle".to_owned(),
                digest => format!("bundle sha256:{}", visible::line(digest)),
            };
            format!("record {sequence} was decided by {recorded}, and this is sha256:{given}")
        })
    }
}

/// As JSON; a format, documented in `docs/cli.md`.
fn document(found: &Found, reasons: Option<&Reasons<'_>>) -> Value {
    json!({
        "record": found.record,
        "rules": reasons.map(|reasons| &reasons.named),
        "other_rules": reasons.map(|reasons| &reasons.others),
        "operation": found.others,
    })
}
