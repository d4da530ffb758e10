//! `hpol check`: what is wrong with a policy.

use clap::Args;
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::project::{Paths, Project, counted};
use crate::report::finding::{self, Format, Output};
use crate::terminal::{Style, Terminal};

/// Find what is wrong in a policy
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol check                         everything below the current folder
  hpol check policies/orders
  hpol check --format json | jq '.diagnostics[].code'
  hpol check --format sarif > hpol.sarif")]
pub(crate) struct Check {
    #[command(flatten)]
    paths: Paths,
    /// Refuse packages from other folders that are not those of `hpol.lock`
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    output: Output,
}

impl Check {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let project = Project::load(&self.paths)?;
        if self.locked {
            project.dependencies.locked()?;
        }
        let format = self.output.format();
        match format {
            Format::Text => project.print_reports(terminal)?,
            Format::Json => terminal.json(&json!({ "diagnostics": project.entries() }))?,
            Format::Sarif => finding::print_sarif(&project.findings(), terminal)?,
            Format::Github => finding::print_github(&project.findings(), terminal)?,
        }
        let Some(sound) = project.sound()? else {
            return Ok(Outcome::Findings);
        };
        if format == Format::Text {
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
