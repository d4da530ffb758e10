//! `hpol init`: a small policy whose tests pass, to start from.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{Failure, Outcome};
use crate::terminal::Terminal;

/// Name and text of each file.
const FILES: [(&str, &str); 3] = [
    ("policy.hpol", include_str!("../templates/init/policy.hpol")),
    (
        "policy_test.hpol",
        include_str!("../templates/init/policy_test.hpol"),
    ),
    (".gitignore", include_str!("../templates/init/gitignore")),
];

/// Start a policy: a few rules, with tests that pass
#[derive(Debug, Args)]
#[command(after_help = "\
No file is ever overwritten.

Examples:
  hpol init my-policy
  hpol init && hpol test")]
pub(crate) struct Init {
    /// Folder to write to; made if it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
}

impl Init {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        fs::create_dir_all(&self.folder).map_err(Failure::write(&self.folder))?;
        let paths = FILES.map(|(name, text)| (self.folder.join(name), text));
        if let Some((path, _)) = paths.iter().find(|(path, _)| path.exists()) {
            return Err(Failure::Exists { path: path.clone() });
        }
        for (path, text) in &paths {
            write_new(path, text)?;
            terminal.line(format_args!("wrote {}", path.display()))?;
        }
        let folder = self.folder.display();
        terminal.note(format_args!(
            "next: `hpol check {folder}`, then `hpol test {folder}`"
        ))?;
        Ok(Outcome::Clean)
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Failure::Exists {
                path: path.to_owned(),
            },
            _ => Failure::Write {
                path: path.to_owned(),
                source,
            },
        })?;
    file.write_all(text.as_bytes())
        .map_err(Failure::write(path))
}
