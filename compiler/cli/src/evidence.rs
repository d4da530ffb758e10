//! `hpol evidence`: the audit log, grouped by control. Counts what records claim; whether a control is met is for an assessor.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use hpol_evidence::by_control::{ControlEvidence, by_control};
use hpol_evidence::record::{Event, Record};
use hpol_nist_mappings::{ControlId, Strength, catalogue};
use serde_json::json;

use crate::audit::LogFolder;
use crate::exit::{Failure, Outcome};
use crate::table;
use crate::terminal::Terminal;
use crate::visible;

/// Records in memory at a time.
const CHUNK: usize = 4096;

/// Group an audit log by what it is evidence for
#[derive(Debug, Args)]
#[command(after_help = "\
Counts are of decisions: denied by a rule or for want of one, allowed, approved by people, waiting when they were made; \
and of outcomes whose values were masked, and whose rows were cut off at a limit. `hpol audit show` shows a record by its number.

Examples:
  hpol evidence --by control --log /var/lib/hpol/log
  hpol evidence --by control --log /var/lib/hpol/log --json")]
pub(crate) struct Evidence {
    /// What to group by
    #[arg(long, value_enum, default_value_t = By::Control)]
    by: By,
    #[command(flatten)]
    log: LogFolder,
    /// How many record numbers to show of each control
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    samples: usize,
    /// Print JSON, with every record number
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// NIST SP 800-53 control
    Control,
}

/// What the log holds for one control.
#[derive(Debug, Default)]
struct Entry {
    all: ControlEvidence,
    /// Decisions to allow that an approval granted; counted among the allowed of `all` too.
    approved: u64,
}

impl Evidence {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let By::Control = self.by;
        let (controls, records) = self.group()?;
        if self.json {
            let controls: Vec<_> = controls
                .iter()
                .map(|(id, entry)| as_json(id, entry))
                .collect();
            terminal.json(&json!({ "catalogue": catalogue().release(), "records": records, "controls": controls }))?;
            return Ok(Outcome::Clean);
        }
        let mut rows: Vec<_> = controls
            .iter()
            .map(|(id, entry)| (ControlId::parse(id).ok(), self.row(id, entry)))
            .collect();
        rows.sort();
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        let heading = [
            "CONTROL", "STRENGTH", "DENIED", "ALLOWED", "APPROVED", "WAITED", "MASKED", "CUT",
            "RULES", "RECORDS", "TITLE",
        ];
        for line in table::lines(heading, &rows) {
            terminal.line(format_args!("{line}"))?;
        }
        terminal.note(format_args!(
            "{} controls in {records} records; catalogue NIST SP 800-53 Release {}",
            controls.len(),
            catalogue().release()
        ))?;
        Ok(Outcome::Clean)
    }

    fn group(&self) -> Result<(BTreeMap<String, Entry>, u64), Failure> {
        let mut records = self
            .log
            .open()?
            .records(0)
            .map_err(|failure| self.log.unreadable(&failure))?;
        let (mut controls, mut count) = (BTreeMap::new(), 0_u64);
        loop {
            let chunk: Result<Vec<Record>, _> = records
                .by_ref()
                .take(CHUNK)
                .map(|read| read.map(|read| read.record))
                .collect();
            let chunk = chunk.map_err(|failure| self.log.unreadable(&failure))?;
            if chunk.is_empty() {
                return Ok((controls, count));
            }
            count = count.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            add(&mut controls, &chunk);
        }
    }

    fn row(&self, id: &str, entry: &Entry) -> [String; 11] {
        let verdict = |verdict: &str| entry.all.verdicts.get(verdict).copied().unwrap_or_default();
        let rules: Vec<_> = entry
            .all
            .rules
            .iter()
            .map(|rule| visible::line(rule))
            .collect();
        [
            crate::bundle::control(id),
            strongest(&entry.all),
            verdict("block").to_string(),
            verdict("allow").saturating_sub(entry.approved).to_string(),
            entry.approved.to_string(),
            verdict("require_approval").to_string(),
            entry.all.masked.to_string(),
            entry.all.cut.to_string(),
            rules.join(", "),
            sampled(&entry.all.sequences, self.samples),
            title(id).to_owned(),
        ]
    }
}

fn add(controls: &mut BTreeMap<String, Entry>, chunk: &[Record]) {
    let approved = |record: &&Record| matches!(&record.event, Event::Decision(decision) if decision.approval.is_some());
    for (id, found) in by_control(chunk) {
        merge(&mut controls.entry(id).or_default().all, found);
    }
    for (id, found) in by_control(chunk.iter().filter(approved)) {
        let entry = controls.entry(id).or_default();
        entry.approved = entry.approved.saturating_add(found.verdicts.values().sum());
    }
}

fn merge(into: &mut ControlEvidence, found: ControlEvidence) {
    for (counts, more) in [
        (&mut into.strengths, found.strengths),
        (&mut into.verdicts, found.verdicts),
    ] {
        for (name, count) in more {
            let total = counts.entry(name).or_default();
            *total = total.saturating_add(count);
        }
    }
    into.masked = into.masked.saturating_add(found.masked);
    into.cut = into.cut.saturating_add(found.cut);
    into.rules.extend(found.rules);
    into.mechanisms.extend(found.mechanisms);
    into.sequences.extend(found.sequences);
}

/// The strongest word that a record claims the control with.
fn strongest(evidence: &ControlEvidence) -> String {
    let strength = evidence
        .strengths
        .keys()
        .filter_map(|word| Strength::parse(word))
        .max();
    strength.map_or_else(String::new, |strength| strength.to_string())
}

fn title(id: &str) -> &'static str {
    ControlId::parse(id)
        .ok()
        .and_then(|id| catalogue().lookup(&id))
        .map_or("", |control| control.title)
}

/// At most `samples` positions, spread evenly from the first to the last.
fn sampled(sequences: &[u64], samples: usize) -> String {
    let last = sequences.len().saturating_sub(1);
    let shown = samples.min(sequences.len());
    let places = (0..shown).map(|sample| {
        if shown < 2 {
            0
        } else {
            sample * last / (shown - 1)
        }
    });
    let mut text: Vec<_> = places
        .filter_map(|place| sequences.get(place))
        .map(|sequence| format!("#{sequence}"))
        .collect();
    if shown < sequences.len() {
        text.push(format!("of {}", sequences.len()));
    }
    text.join(" ")
}

fn as_json(id: &str, entry: &Entry) -> serde_json::Value {
    let all = &entry.all;
    let verdict = |verdict: &str| all.verdicts.get(verdict).copied().unwrap_or_default();
    json!({
        "control": id, "title": title(id), "strength": strongest(all), "strengths": all.strengths,
        "decisions": {
            "denied": verdict("block"), "allowed": verdict("allow").saturating_sub(entry.approved),
            "approved": entry.approved, "waited": verdict("require_approval"),
        },
        "masked": all.masked, "cut": all.cut, "rules": all.rules, "mechanisms": all.mechanisms, "sequences": all.sequences,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_from_first_to_last() {
        let sequences: Vec<u64> = (0..100).collect();
        assert_eq!(sampled(&sequences, 3), "#0 #49 #99 of 100");
        assert_eq!(sampled(&sequences, 1), "#0 of 100");
        assert_eq!(sampled(&[4, 7], 5), "#4 #7");
        assert_eq!(
            (sampled(&[], 5), sampled(&[1], 0)),
            (String::new(), "of 1".to_owned())
        );
    }
}
