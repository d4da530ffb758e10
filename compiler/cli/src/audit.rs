//! `hpol audit`: reads and verifies the folder of an audit log. Needs no gateway and no network.

pub(crate) mod line;
mod matching;
mod operations;
mod show;
mod tail;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hpol_evidence::key::AuditPublicKey;
use hpol_evidence::reader::{LogReader, ReadLog};

use crate::exit::{Failure, Outcome};
use crate::sources;
use crate::terminal::Terminal;

/// Read and verify an audit log
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol audit tail --log /var/lib/hpol/log -n 50
  hpol audit tail --log /var/lib/hpol/log --follow
  hpol audit tail --log /var/lib/hpol/log --operations
  hpol audit show 4711 --log /var/lib/hpol/log
  hpol audit show 4711 --log /var/lib/hpol/log --key audit.key.pub --json    with an inclusion proof
  hpol audit match 4711 --log /var/lib/hpol/log --sql statement.sql
  hpol audit verify --log /var/lib/hpol/log --key audit.key.pub")]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Tail(tail::Tail),
    Show(show::Show),
    Match(matching::Match),
    Verify(verify::Verify),
}

/// Where a log is.
#[derive(Debug, Args)]
pub(crate) struct LogFolder {
    /// Folder of the log
    #[arg(long = "log", value_name = "FOLDER")]
    pub(crate) path: PathBuf,
}

impl Audit {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        match &self.verb {
            Verb::Tail(verb) => verb.run(terminal),
            Verb::Show(verb) => verb.run(terminal),
            Verb::Match(verb) => verb.run(terminal),
            Verb::Verify(verb) => verb.run(terminal),
        }
    }
}

impl LogFolder {
    pub(crate) fn open(&self) -> Result<LogReader, Failure> {
        LogReader::open(&self.path).map_err(|failure| self.unreadable(&failure))
    }

    pub(crate) fn unreadable(&self, failure: &ReadLog) -> Failure {
        Failure::Log {
            path: self.path.clone(),
            why: crate::visible::line(&failure.to_string()),
        }
    }
}

/// The public key that checkpoints are signed with.
fn public_key(path: &Path) -> Result<AuditPublicKey, Failure> {
    let text = sources::read_text(path, crate::bundle::KEY_BYTES)?;
    AuditPublicKey::load(&text).map_err(|fault| Failure::Key {
        path: path.to_owned(),
        why: fault.to_string(),
    })
}
