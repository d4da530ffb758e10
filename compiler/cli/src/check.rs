//! `hpol check`: what is wrong with a policy.

use clap::Args;
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::project::{Paths, Project, counted};
use crate::terminal::{Style, Terminal};

/// Find what is wrong in a policy
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol check                         everything below the current folder
  hpol check policies/orders
  hpol check --json | jq '.diagnostics[].code'")]
pub(crate) struct Check {
    #[command(flatten)]
    paths: Paths,
    /// Refuse packages from other folders that are not those of `hpol.lock`
    #[arg(long)]
    locked: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let project = Project::load(&self.paths)?;
        if self.locked {
            project.dependencies.locked()?;
        }
        if self.json {
            terminal.json(&json!({ "diagnostics": project.entries() }))?;
        } else {
            project.print_reports(terminal)?;
        }
        let Some(sound) = project.sound()? else {
            return Ok(Outcome::Findings);
        };
        if !self.json {
            let ok = terminal.paint(Style::Good, "ok");
            terminal.line(format_args!(
                "{ok}: {}, {}, {}",
                counted(project.files.len(), "file"),
                counted(sound.policy.rules.len(), "rule"),
                counted(sound.tests.len(), "test"),
            ))?;
        }
        Ok(Outcome::Clean)
    }
}
