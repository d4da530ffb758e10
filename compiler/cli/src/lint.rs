//! `hpol lint`: what a policy may have, and had better not. Which lints count is the matter of `levels`, mending that of
//! `mend`; what they look for stands in `hpol-hir`.

mod levels;
mod mend;

use clap::Args;
use hpol_hir::{Diagnostic, Lints, Severity, Unsettled};
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::explain::Explain;
use crate::project::{Paths, Project, counted};
use crate::report::finding::{self, Finding, Format, Output};
use crate::report::{self, Entry, Report, Texts};
use crate::terminal::{Style, Terminal};
use levels::{Level, Levels, Select};

/// Find what had better not be in a policy
#[derive(Debug, Args)]
#[command(after_help = "\
Levels stand in `hpol.toml` beside the policy, by code, by group (style, correctness, compliance, tests, semantic) or for all:

  [lints]
  style  = \"allow\"
  HP0851 = \"deny\"

A comment allows a finding in an item, and says why: // hpol: allow(HP0651) because \"the driver has a message of its own\"

Examples:
  hpol lint policies/orders
  hpol lint --deny all --format sarif > lint.sarif
  hpol lint --fix
  hpol lint --explain HP0725")]
pub(crate) struct Lint {
    #[command(flatten)]
    paths: Paths,
    /// Leave out what these find: codes, groups or `all`
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    allow: Vec<Select>,
    /// Warn of what these find
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    warn: Vec<Select>,
    /// End with code 1 for what these find
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    deny: Vec<Select>,
    /// Mend what can be mended without a choice
    #[arg(long)]
    fix: bool,
    /// Explain a lint instead
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Lint {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        if let Some(code) = &self.explain {
            return Explain::of(code).run(terminal);
        }
        let levels = Levels::load(self.paths.root())?
            .set(&self.allow, Level::Allow)
            .set(&self.warn, Level::Warn)
            .set(&self.deny, Level::Deny);
        let mut project = Project::load(&self.paths)?;
        if self.fix {
            project = mend::mend(project, &self.paths, &levels, terminal)?;
        }
        let Some(lints) = project.lints() else {
            return self.refuse(&project, terminal);
        };
        let found = levels.apply(lints.findings);
        self.print(&project, &found, &lints.not_analysed, terminal)?;
        let denied = found.iter().any(|found| found.severity == Severity::Error);
        Ok(match denied {
            true => Outcome::Findings,
            false => Outcome::Clean,
        })
    }

    /// A policy with errors has no lints: they look at what it means.
    fn refuse(&self, project: &Project, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        match self.output.format() {
            Format::Text => project.print_reports(terminal)?,
            Format::Json => terminal.json(&json!({ "diagnostics": project.entries() }))?,
            Format::Sarif => finding::print_sarif(&project.findings(), terminal)?,
            Format::Github => finding::print_github(&project.findings(), terminal)?,
        }
        Ok(Outcome::Findings)
    }

    fn print(
        &self,
        project: &Project,
        found: &[Diagnostic],
        not_analysed: &[Unsettled],
        terminal: &mut Terminal,
    ) -> Result<(), Failure> {
        let texts = Texts::new(&project.files);
        let reports: Vec<Report> = found
            .iter()
            .map(|found| Report::new(found, &texts))
            .collect();
        let findings: Vec<Finding<'_>> = reports.iter().map(Report::finding).collect();
        match self.output.format() {
            Format::Text => {
                report::print(terminal, &reports)?;
                for question in not_analysed {
                    terminal.note(format_args!("not analysed: {}", told(question)))?;
                }
                if reports.is_empty() {
                    let ok = terminal.paint(Style::Good, "ok");
                    let files = counted(project.files.len(), "file");
                    terminal.line(format_args!("{ok}: {files}, nothing found"))?;
                }
            }
            Format::Json => {
                let entries: Vec<Entry<'_>> = reports.iter().map(Report::entry).collect();
                let open: Vec<String> = not_analysed.iter().map(told).collect();
                terminal.json(&json!({ "diagnostics": entries, "not_analysed": open }))?;
            }
            Format::Sarif => finding::print_sarif(&findings, terminal)?,
            Format::Github => finding::print_github(&findings, terminal)?,
        }
        // These formats have no place for it.
        let silent = matches!(self.output.format(), Format::Sarif | Format::Github);
        if silent && !not_analysed.is_empty() {
            let open = counted(not_analysed.len(), "question");
            terminal.note(format_args!(
                "not analysed: {open}; `--format text` names them"
            ))?;
        }
        Ok(())
    }
}

/// That nothing is found about this means nothing.
fn told(question: &Unsettled) -> String {
    let rule = question.rule.as_deref().unwrap_or("the policy");
    format!("{rule}: {} ({})", question.question, question.why)
}

/// The findings of a policy at the levels that are in force; none where it has errors.
fn found(project: &Project, levels: &Levels) -> Vec<Diagnostic> {
    let lints = project.lints().unwrap_or_default();
    let Lints { findings, .. } = lints;
    levels.apply(findings)
}
