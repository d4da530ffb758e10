//! `hpol lock`: writes down which packages a policy takes from other folders.

use std::path::PathBuf;

use clap::Args;

use crate::dependencies::Dependencies;
use crate::exit::{Failure, Outcome};
use crate::project::counted;
use crate::terminal::{Style, Terminal};

/// Write down the packages that a policy takes from other folders
#[derive(Debug, Args)]
#[command(after_help = "\
`hpol.toml` beside the policy says where they are:

  [dependencies]
  \"shared.people\" = \"../shared/people\"

`hpol lock` writes their digests to `hpol.lock`. `hpol build` and `hpol check --locked` refuse packages that are others.

Example:
  hpol lock policies/orders")]
pub(crate) struct Lock {
    /// The folder of the policy
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

impl Lock {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let dependencies = Dependencies::load(&self.folder)?;
        for drift in dependencies.drift()? {
            terminal.note(format_args!("until now: {drift}"))?;
        }
        let (path, packages) = dependencies.lock()?;
        let wrote = terminal.paint(Style::Good, "wrote");
        terminal.line(format_args!(
            "{wrote} {}: {}",
            path.display(),
            counted(packages, "package")
        ))?;
        Ok(Outcome::Clean)
    }
}
