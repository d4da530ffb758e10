//! A table of operations: what was asked, how it was decided, by which rules, with which controls, and what became of it.

use std::collections::BTreeMap;

use hpol_evidence::record::{
    ApprovalEnd, ControlRecord, DecisionRecord, Event, OutcomeRecord, Record,
};

use super::line;
use crate::bundle::control;
use crate::exit::Failure;
use crate::project::counted;
use crate::table;
use crate::terminal::Terminal;
use crate::visible;

/// Characters of an operation.
const OPERATION: usize = 60;

/// One operation, from all its records so far.
#[derive(Debug)]
struct Row {
    sequence: u64,
    decision: Box<DecisionRecord>,
    /// How its approval ended, where nobody granted it.
    ended: Option<ApprovalEnd>,
    outcome: Option<Box<OutcomeRecord>>,
}

/// The operations of the log, in the order in which they were first decided.
#[derive(Debug, Default)]
pub(super) struct Operations {
    rows: Vec<Row>,
    by_id: BTreeMap<String, usize>,
}

impl Operations {
    /// Takes in the next record of the log.
    pub(super) fn add(&mut self, record: Record) {
        match record.event {
            Event::Decision(decision) => self.decided(record.sequence, decision),
            Event::Outcome(outcome) => {
                let row = self
                    .by_id
                    .get(&outcome.operation)
                    .and_then(|index| self.rows.get_mut(*index));
                if let Some(row) = row {
                    row.outcome = Some(outcome);
                }
            }
            Event::ApprovalClosed {
                operation, state, ..
            } => {
                let row = self
                    .by_id
                    .get(&operation)
                    .and_then(|index| self.rows.get_mut(*index));
                if let Some(row) = row {
                    row.ended = Some(state);
                }
            }
            _ => {}
        }
    }

    /// Prints the last `count` of them.
    pub(super) fn print(&self, terminal: &mut Terminal, count: usize) -> Result<(), Failure> {
        let skipped = self.rows.len().saturating_sub(count);
        let rows: Vec<_> = self.rows.iter().skip(skipped).map(Row::cells).collect();
        let heading = [
            "RECORD",
            "SUBJECT",
            "CONNECTION",
            "OPERATION",
            "DECISION",
            "RULES",
            "CONTROLS",
            "OUTCOME",
        ];
        for line in table::lines(heading, &rows) {
            terminal.line(format_args!("{line}"))?;
        }
        Ok(())
    }

    /// A later decision on the same operation, such as the one that an approval led to, replaces the earlier.
    fn decided(&mut self, sequence: u64, decision: Box<DecisionRecord>) {
        let known = self
            .by_id
            .get(&decision.operation)
            .and_then(|index| self.rows.get_mut(*index));
        if let Some(row) = known {
            row.decision = decision;
        } else {
            self.by_id
                .insert(decision.operation.clone(), self.rows.len());
            self.rows.push(Row {
                sequence,
                decision,
                ended: None,
                outcome: None,
            });
        }
    }
}

impl Row {
    fn word(&self) -> &'static str {
        match (line::verdict(&self.decision).0, self.ended) {
            ("waits", Some(state)) => line::end(state).0,
            (word, _) => word,
        }
    }

    fn cells(&self) -> [String; 8] {
        let decision = &self.decision;
        let mut rules: Vec<&str> = decision.rules.iter().map(String::as_str).collect();
        let mut controls: Vec<String> = claimed(&decision.controls, &rules);
        if let Some(outcome) = &self.outcome {
            let masks: Vec<&str> = outcome
                .masked
                .iter()
                .map(|masked| masked.rule.as_str())
                .collect();
            controls.extend(claimed(&outcome.controls, &masks));
            rules.extend(masks);
        }
        rules.dedup();
        controls.dedup();
        [
            format!("#{}", self.sequence),
            visible::line(&decision.subject.id),
            visible::line(&decision.connection.name),
            visible::brief(&decision.masked, OPERATION),
            self.word().to_owned(),
            visible::line(&rules.join(", ")),
            controls.join(", "),
            self.outcome.as_ref().map_or_else(String::new, |outcome| {
                became(outcome, &decision.connection.kind)
            }),
        ]
    }
}

/// The controls that `rules` claim, each once.
fn claimed(controls: &[ControlRecord], rules: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = controls
        .iter()
        .filter(|claim| rules.contains(&claim.rule.as_str()))
        .map(|claim| control(&claim.id))
        .collect();
    ids.dedup();
    ids
}

/// Rows are told of what has rows: a database always, others where they counted any.
fn became(outcome: &OutcomeRecord, kind: &str) -> String {
    let masked: u64 = outcome
        .masked
        .iter()
        .fold(0, |sum, masked| sum.saturating_add(masked.values));
    let mut text = line::result(outcome.result).to_owned();
    if kind == "postgres" || outcome.rows > 0 {
        text.push_str(&format!(", {}", counted(outcome.rows, "row")));
    }
    if masked > 0 {
        text.push_str(&format!(", {} masked", counted(masked, "value")));
    }
    text.push_str(line::cut(outcome));
    text
}
