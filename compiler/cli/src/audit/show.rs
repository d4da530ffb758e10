//! `hpol audit show`: one record, or everything about one operation, with the controls spelled out.

use std::path::PathBuf;

use clap::Args;
use hpol_bundle::digest::hex;
use hpol_evidence::files::directory::Directory;
use hpol_evidence::reader::ReadRecord;
use hpol_evidence::record::{ControlRecord, Event};
use hpol_evidence::salt::OperationSalt;
use hpol_evidence::verify::{self, InclusionProof};
use hpol_nist_mappings::{ControlId, catalogue, mechanisms};
use serde_json::{Value, json};

use super::{LogFolder, line, public_key};
use crate::bundle::control;
use crate::exit::{Failure, Outcome};
use crate::table;
use crate::terminal::{Style, Terminal};
use crate::visible;

/// One record by its position, or all of an operation by its id
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Position of a record, or id of an operation
    #[arg(value_name = "SEQUENCE|OPERATION")]
    what: String,
    #[command(flatten)]
    log: LogFolder,
    /// The public key of the log: adds a proof that the newest checkpoint seals the record
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let reader = self.log.open()?;
        let found = match self.what.parse::<u64>() {
            Ok(sequence) => reader
                .record(sequence)
                .map(|read| read.into_iter().collect()),
            Err(_) => reader.operation(&self.what),
        };
        let found: Vec<ReadRecord> = found.map_err(|failure| self.log.unreadable(&failure))?;
        if found.is_empty() {
            terminal.note(format_args!(
                "the log holds no record of `{}`",
                visible::line(&self.what)
            ))?;
            return Ok(Outcome::Findings);
        }
        let folder = Directory::open(&self.log.path).map_err(|error| Failure::Log {
            path: self.log.path.clone(),
            why: error.to_string(),
        })?;
        let mut entries = Vec::new();
        for read in &found {
            let proof = self.prove(read)?;
            if self.json {
                entries.push(as_json(read, proof.as_ref()));
            } else {
                print(terminal, &folder, read, proof.as_ref())?;
            }
        }
        if self.json {
            terminal.json(&json!({ "records": entries }))?;
        }
        Ok(Outcome::Clean)
    }

    fn prove(&self, read: &ReadRecord) -> Result<Option<Result<InclusionProof, String>>, Failure> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let proof = verify::prove(&self.log.path, &public_key(key)?, read.record.sequence);
        Ok(Some(
            proof
                .map(|(_, proof)| proof)
                .map_err(|why| visible::line(&why.to_string())),
        ))
    }
}

type Proof = Result<InclusionProof, String>;

fn as_json(read: &ReadRecord, proof: Option<&Proof>) -> Value {
    let mut entry = json!({
        "record": read.record, "segment": read.stored.segment, "offset": read.stored.offset,
        "canonical": String::from_utf8_lossy(&read.stored.bytes),
    });
    if let (Some(proof), Some(entry)) = (proof, entry.as_object_mut()) {
        let proof = match proof {
            Ok(proof) => json!({
                "sequence": proof.sequence,
                "checkpoint": {
                    "origin": proof.checkpoint.origin.as_str(), "size": proof.checkpoint.size, "root": hex(&proof.checkpoint.root),
                },
                "path": proof.path.iter().map(|hash| hex(hash)).collect::<Vec<_>>(),
            }),
            Err(why) => json!({ "missing": why }),
        };
        entry.insert("inclusion".to_owned(), proof);
    }
    entry
}

fn print(
    terminal: &mut Terminal,
    folder: &Directory,
    read: &ReadRecord,
    proof: Option<&Proof>,
) -> Result<(), Failure> {
    let head = line::line(terminal, &read.record);
    terminal.line(format_args!("{head}"))?;
    let value = serde_json::to_value(&read.record).unwrap_or_default();
    for (name, value) in value.as_object().into_iter().flatten() {
        if !matches!(
            name.as_str(),
            "controls" | "sequence" | "time" | "event" | "commitment"
        ) && !plain(value).is_empty()
        {
            terminal.line(format_args!("    {name:<12} {}", plain(value)))?;
        }
    }
    if let Event::Decision(decision) = &read.record.event
        && let Some(commitment) = &decision.commitment
    {
        let there = match OperationSalt::read(folder, &commitment.salt, &decision.operation) {
            Ok(Some(_)) => "",
            Ok(None) => ", which was deleted: what was asked is erased",
            Err(_) => ", which cannot be read",
        };
        let text = format!("{} with salt {}", commitment.hash, commitment.salt);
        terminal.line(format_args!(
            "    {:<12} {}{there}",
            "commitment",
            visible::line(&text)
        ))?;
    }
    let rows: Vec<_> = read.record.event.controls().iter().map(row).collect();
    if !rows.is_empty() {
        for line in table::lines(
            ["CONTROL", "STRENGTH", "EARNED BY", "CLAIMED BY", "TITLE"],
            &rows,
        ) {
            terminal.line(format_args!("    {line}"))?;
        }
    }
    match proof {
        Some(Ok(proof)) => {
            let text = terminal.paint(
                Style::Good,
                &format!("in the checkpoint of {} records", proof.checkpoint.size),
            );
            terminal.line(format_args!(
                "    {:<12} {text}, root {}",
                "inclusion",
                hex(&proof.checkpoint.root)
            ))?;
        }
        Some(Err(why)) => {
            let text = terminal.paint(Style::Warn, why);
            terminal.line(format_args!("    {:<12} {text}", "inclusion"))?;
        }
        None => {}
    }
    terminal.line(format_args!(""))?;
    Ok(())
}

fn row(claim: &ControlRecord) -> [String; 5] {
    let mechanism = match mechanisms().get(&claim.mechanism) {
        Some(mechanism) => format!("{} {}", mechanism.id, mechanism.name),
        None if claim.mechanism.is_empty() => "the author's reason".to_owned(),
        None => visible::line(&claim.mechanism),
    };
    let title = ControlId::parse(&claim.id)
        .ok()
        .and_then(|id| catalogue().lookup(&id))
        .map_or("", |control| control.title);
    [
        control(&claim.id),
        visible::line(&claim.strength),
        mechanism,
        visible::line(&claim.rule),
        title.to_owned(),
    ]
}

/// A value of a record on one line: lists without their brackets.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => visible::line(text),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", plain(value)))
                .collect();
            format!("({})", fields.join("; "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
