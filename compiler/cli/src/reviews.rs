//! `hpol reviews`: what went ahead by a justification and nobody has reviewed yet, from the log; and what a reviewer found,
//! through the gateway's admin API. Judges nothing: who may review is the gateway's decision, made from the token.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use hpol_evidence::record::{DecisionRecord, Event, Finding};
use serde_json::{Value, json};

use crate::approvals::{Access, Gateway};
use crate::audit::LogFolder;
use crate::exit::{Failure, Outcome};
use crate::table;
use crate::terminal::Terminal;
use crate::visible;

/// Characters of a justification in a list.
const BRIEF: usize = 60;

/// Review what went ahead by a justification
#[derive(Debug, Args)]
#[command(after_help = "\
The token says who you are. It is read from a file or from HPOL_TOKEN, never from the command line.

Examples:
  hpol reviews list --log /var/lib/hpol/log
  hpol reviews record 4711 --justified --reason \"INC-17 was real\"
  hpol reviews record 4711 --unjustified --reason \"there is no such ticket\"")]
pub(crate) struct Reviews {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Record(Record),
}

/// What nobody has reviewed yet; exit code 1 where there is any
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    log: LogFolder,
    /// Also what has been reviewed
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Say what you found; it ends up in the audit log
#[derive(Debug, Args)]
struct Record {
    /// Position of the decision's record, as `list` shows it
    #[arg(value_name = "SEQUENCE")]
    sequence: u64,
    /// There was good reason for it
    #[arg(
        long,
        required_unless_present = "unjustified",
        conflicts_with = "unjustified"
    )]
    justified: bool,
    /// There was not
    #[arg(long)]
    unjustified: bool,
    /// Why
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    access: Access,
}

/// An operation that went ahead by a justification.
#[derive(Debug)]
struct Entry {
    time: String,
    decision: Box<DecisionRecord>,
    /// Who found what, and why; the last one.
    found: Option<(String, Finding, String)>,
}

impl Reviews {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        match &self.verb {
            Verb::List(verb) => verb.run(terminal),
            Verb::Record(verb) => verb.run(terminal),
        }
    }
}

impl List {
    fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let entries = self.entries()?;
        let open = entries
            .values()
            .filter(|entry| entry.found.is_none())
            .count();
        let shown = entries
            .iter()
            .filter(|(_, entry)| self.all || entry.found.is_none());
        if self.json {
            let list: Vec<Value> = shown
                .map(|(sequence, entry)| entry.json(*sequence))
                .collect();
            terminal.json(&json!({ "operations": list }))?;
        } else {
            let rows: Vec<[String; 7]> = shown.map(|(at, entry)| entry.row(*at)).collect();
            let heading = [
                "RECORD",
                "TIME",
                "SUBJECT",
                "CONNECTION",
                "RULES",
                "REVIEW",
                "JUSTIFICATION",
            ];
            match rows.is_empty() {
                true => terminal.note(format_args!("nothing waits for a review"))?,
                false => {
                    for line in table::lines(heading, &rows) {
                        terminal.line(format_args!("{line}"))?;
                    }
                }
            }
        }
        Ok(match open {
            0 => Outcome::Clean,
            _ => Outcome::Findings,
        })
    }

    /// What went ahead by a justification, by the position of its record.
    fn entries(&self) -> Result<BTreeMap<u64, Entry>, Failure> {
        let unreadable = |failure| self.log.unreadable(&failure);
        let mut entries = BTreeMap::new();
        for read in self.log.open()?.records(0).map_err(unreadable)? {
            let record = read.map_err(unreadable)?.record;
            match record.event {
                Event::Decision(decision)
                    if decision.verdict == "allow" && decision.justification.is_some() =>
                {
                    let entry = Entry {
                        time: record.time,
                        decision,
                        found: None,
                    };
                    entries.insert(record.sequence, entry);
                }
                Event::JustificationReviewed {
                    reviewed,
                    reviewer,
                    finding,
                    reason,
                    ..
                } => {
                    if let Some(entry) = entries.get_mut(&reviewed) {
                        entry.found = Some((reviewer.id, finding, reason));
                    }
                }
                _ => {}
            }
        }
        Ok(entries)
    }
}

impl Entry {
    fn row(&self, sequence: u64) -> [String; 7] {
        let justification = self.decision.justification.as_ref();
        let rules = justification.map_or_else(String::new, |one| one.rules.join(", "));
        let text = justification.map_or("", |one| one.text.as_str());
        let found = self.found.as_ref().map(|(who, finding, _)| {
            let word = word(*finding);
            format!("{word} by {who}")
        });
        [
            sequence.to_string(),
            visible::line(&self.time),
            visible::line(&self.decision.subject.id),
            visible::line(&self.decision.connection.name),
            visible::line(&rules),
            visible::line(found.as_deref().unwrap_or("none")),
            visible::brief(text, BRIEF),
        ]
    }

    fn json(&self, sequence: u64) -> Value {
        let review = self.found.as_ref().map(
            |(who, finding, reason)| json!({"reviewer": who, "finding": finding, "reason": reason}),
        );
        json!({
            "sequence": sequence, "time": self.time, "operation": self.decision.operation,
            "subject": self.decision.subject, "connection": self.decision.connection,
            "justification": self.decision.justification, "review": review,
        })
    }
}

/// The word for what a review found.
pub(crate) fn word(finding: Finding) -> &'static str {
    match finding {
        Finding::Justified => "justified",
        Finding::Unjustified => "unjustified",
    }
}

impl Record {
    fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let finding = match self.unjustified {
            true => Finding::Unjustified,
            false => Finding::Justified,
        };
        let (gateway, runtime) = (self.access.gateway()?, crate::approvals::runtime()?);
        let review = Gateway::review(&gateway, self.sequence, word(finding), &self.reason);
        let answer: Value = runtime.block_on(review)?;
        match self.access.json {
            true => terminal.json(&answer)?,
            false => terminal.line(format_args!("record {}: {}", self.sequence, word(finding)))?,
        }
        Ok(Outcome::Clean)
    }
}
