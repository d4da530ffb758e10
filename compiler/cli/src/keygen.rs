//! `hpol keygen`: a new pair of Ed25519 keys in two files. What a key signs stands in its crate.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hpol_bundle::signature::SigningKey;
use hpol_evidence::key::AuditKey;

use crate::exit::{Failure, Outcome};
use crate::terminal::Terminal;

/// Make a pair of keys: FILE is the secret one, FILE.pub the public one
#[derive(Debug, Args)]
#[command(after_help = "\
FILE is readable by you alone. Neither file is ever overwritten.

Examples:
  hpol keygen policy.key                  signs bundles; the gateway gets policy.key.pub
  hpol keygen audit.key --for audit       signs the audit log; auditors get audit.key.pub")]
pub(crate) struct Keygen {
    /// File of the secret key; the public one goes beside it with `.pub` added
    file: PathBuf,
    /// What the key signs
    #[arg(long = "for", value_enum, default_value_t = Purpose::Bundles)]
    purpose: Purpose,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Purpose {
    /// Bundles that `hpol build` writes
    Bundles,
    /// Checkpoints of a gateway's audit log
    Audit,
}

impl Keygen {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let mut public_file = self.file.clone().into_os_string();
        public_file.push(".pub");
        let public_file = PathBuf::from(public_file);
        if public_file.exists() {
            return Err(Failure::Exists { path: public_file });
        }
        let id = match self.purpose {
            Purpose::Bundles => {
                let key = SigningKey::generate().map_err(|fault| self.unusable(&fault))?;
                write_new(&self.file, key.to_danger_text().as_bytes(), Access::Owner)?;
                write_new(&public_file, key.public().to_text().as_bytes(), Access::All)?;
                format!("key {}", key.public().id())
            }
            Purpose::Audit => {
                let key = AuditKey::generate().map_err(|fault| self.unusable(&fault))?;
                let secret = key.private_pem().map_err(|fault| self.unusable(&fault))?;
                write_new(&self.file, secret.as_bytes(), Access::Owner)?;
                write_new(&public_file, key.public().pem().as_bytes(), Access::All)?;
                "audit key".to_owned()
            }
        };
        terminal.line(format_args!("{id}"))?;
        terminal.line(format_args!("  secret  {}", self.file.display()))?;
        terminal.line(format_args!("  public  {}", public_file.display()))?;
        Ok(Outcome::Clean)
    }

    fn unusable(&self, fault: &dyn std::error::Error) -> Failure {
        Failure::Key {
            path: self.file.clone(),
            why: fault.to_string(),
        }
    }
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Access {
    Owner,
    All,
}

/// Creates the file with its mode, so that it is never readable by others for a moment.
fn write_new(path: &Path, bytes: &[u8], access: Access) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::Exists {
            path: path.to_owned(),
        },
        _ => Failure::Write {
            path: path.to_owned(),
            source,
        },
    })?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(Failure::write(path))
}
