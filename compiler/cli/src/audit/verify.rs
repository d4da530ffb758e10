//! `hpol audit verify`: whether the log is what its checkpoints say, found out offline.

use std::path::PathBuf;

use clap::Args;
use hpol_bundle::digest::hex;
use hpol_evidence::reader::ReadLog;
use hpol_evidence::verify::{self, Verification, VerifyLog};
use serde_json::json;

use super::{LogFolder, public_key};
use crate::exit::{Failure, Outcome};
use crate::terminal::{Style, Terminal};
use crate::visible;

/// Check every record and checkpoint against the public key
#[derive(Debug, Args)]
#[command(after_help = "Exits with 1, naming the first bad place, where the log does not verify.")]
pub(super) struct Verify {
    #[command(flatten)]
    log: LogFolder,
    /// The public key of the log, the first one that it had
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The public key that must have signed the last checkpoint
    #[arg(long, value_name = "FILE")]
    last_key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        match verify::verify(&self.log.path, &public_key(&self.key)?) {
            Ok(verification) => match self.unexpected_key(&verification)? {
                None => self.holds(terminal, &verification),
                Some(why) => self.fails(terminal, &why),
            },
            Err(VerifyLog::Records(ReadLog::Io { file, error })) => Err(Failure::Log {
                path: self.log.path.clone(),
                why: visible::line(&format!("{file}: {error}")),
            }),
            Err(failure) => self.fails(terminal, &failure.to_string()),
        }
    }

    /// Why the last checkpoint is not by the key that it should be by.
    fn unexpected_key(&self, found: &Verification) -> Result<Option<String>, Failure> {
        let Some(path) = &self.last_key else {
            return Ok(None);
        };
        let wanted = public_key(path)?;
        Ok((wanted != found.key).then(|| {
            let [by, not_by] =
                [&found.key, &wanted].map(|key| verify::key_name(&found.origin, key));
            format!("the last checkpoint is signed by key {by}, not by {not_by}")
        }))
    }

    fn holds(&self, terminal: &mut Terminal, found: &Verification) -> Result<Outcome, Failure> {
        let root = hex(&found.root);
        let name = |key| verify::key_name(&found.origin, key);
        if self.json {
            terminal.json(&json!({
                "verified": true, "origin": found.origin.as_str(), "records": found.records, "segments": found.segments,
                "checkpoints": found.checkpoints, "sealed": found.sealed, "unsealed": found.unsealed(), "root": root,
                "unfinished": found.unfinished, "last_key": { "id": name(&found.key), "key": found.key.base64() },
                "key_changes": found.changes.iter().map(|change| json!({
                    "sequence": change.sequence, "from": name(&change.from), "to": name(&change.to), "key": change.to.base64(),
                })).collect::<Vec<_>>(),
            }))?;
            return Ok(Outcome::Clean);
        }
        let verified = terminal.paint(Style::Good, "verified");
        terminal.line(format_args!(
            "{verified}: log {}",
            visible::line(found.origin.as_str())
        ))?;
        terminal.line(format_args!(
            "  records      {}, segments {}",
            found.records, found.segments
        ))?;
        terminal.line(format_args!(
            "  sealed       {}, checkpoints {}",
            found.sealed, found.checkpoints
        ))?;
        terminal.line(format_args!("  root         {root}"))?;
        terminal.line(format_args!("  last key     {}", name(&found.key)))?;
        for change in &found.changes {
            let [from, to] = [&change.from, &change.to].map(name);
            let text = format!("{from} to {to}, record {}", change.sequence);
            let text = terminal.paint(Style::Strong, &text);
            terminal.line(format_args!("  key changed  {text}"))?;
        }
        if found.unsealed() > 0 {
            let text = format!(
                "{} after the last checkpoint: in order, but nothing signed covers them yet",
                found.unsealed()
            );
            let text = terminal.paint(Style::Warn, &text);
            terminal.line(format_args!("  unsealed     {text}"))?;
        }
        if found.unfinished {
            terminal.line(format_args!(
                "  end          part of a batch, as while a gateway writes or after it was killed"
            ))?;
        }
        Ok(Outcome::Clean)
    }

    fn fails(&self, terminal: &mut Terminal, why: &str) -> Result<Outcome, Failure> {
        let why = visible::line(why);
        if self.json {
            terminal.json(&json!({ "verified": false, "why": why }))?;
        } else {
            let verdict = terminal.paint(Style::Bad, "does not verify");
            terminal.line(format_args!("{verdict}: {why}"))?;
        }
        Ok(Outcome::Findings)
    }
}
