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
    /// The public key of the log
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        match verify::verify(&self.log.path, &public_key(&self.key)?) {
            Ok(verification) => self.holds(terminal, &verification),
            Err(VerifyLog::Records(ReadLog::Io { file, error })) => Err(Failure::Log {
                path: self.log.path.clone(),
                why: visible::line(&format!("{file}: {error}")),
            }),
            Err(failure) => self.fails(terminal, &failure),
        }
    }

    fn holds(&self, terminal: &mut Terminal, found: &Verification) -> Result<Outcome, Failure> {
        let root = hex(&found.root);
        if self.json {
            terminal.json(&json!({
                "verified": true, "origin": found.origin.as_str(), "records": found.records, "segments": found.segments,
                "checkpoints": found.checkpoints, "sealed": found.sealed, "unsealed": found.unsealed(), "root": root,
                "unfinished": found.unfinished,
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

    fn fails(&self, terminal: &mut Terminal, failure: &VerifyLog) -> Result<Outcome, Failure> {
        let why = visible::line(&failure.to_string());
        if self.json {
            terminal.json(&json!({ "verified": false, "why": why }))?;
        } else {
            let verdict = terminal.paint(Style::Bad, "does not verify");
            terminal.line(format_args!("{verdict}: {why}"))?;
        }
        Ok(Outcome::Findings)
    }
}
