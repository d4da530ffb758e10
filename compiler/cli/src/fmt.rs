//! `hpol fmt`: writes policy files in the settled style. What that style is, is the matter of `hpol_syntax::format`.

use std::path::{Path, PathBuf};

use clap::Args;
use hpol_hir::{Severity, Workspace};
use hpol_syntax::format::{Unformatted, format};
use similar::TextDiff;

use crate::exit::{Failure, Outcome};
use crate::project::counted;
use crate::report::{self, Report, Texts};
use crate::sources::{self, SourceFile};
use crate::terminal::{Style, Terminal};
use crate::{visible, whole_file};

/// Settle the style of policy files
#[derive(Debug, Args)]
#[command(after_help = "\
A file that cannot be read stays as it is, and what is wrong with it is shown. What is written is read again first: a \
file whose meaning or comments would change stays as it is too.

Examples:
  hpol fmt                       everything below the current folder
  hpol fmt --check policies      changes nothing; exit code 1 and a diff if something would change
  hpol fmt - < orders.hpol       from standard input to standard output")]
pub(crate) struct Fmt {
    /// Files and folders, or `-` for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Change nothing; print what would change
    #[arg(long)]
    check: bool,
}

/// How it went with a file.
enum Settled {
    AsItWas,
    Changed(String),
    Broken,
}

impl Fmt {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        if self.paths.iter().any(|path| path == Path::new("-")) {
            return self.standard_input(terminal);
        }
        let files = sources::collect(&self.paths)?;
        let (mut changed, mut broken) = (0_usize, 0_usize);
        for file in &files {
            match settle(file, terminal)? {
                Settled::AsItWas => {}
                Settled::Broken => broken += 1,
                Settled::Changed(text) => {
                    changed += 1;
                    self.changed(file, &text, terminal)?;
                }
            }
        }
        let done = if self.check {
            "would change"
        } else {
            "changed"
        };
        let mut summary = format!("{} {done} of {}", changed, counted(files.len(), "file"));
        if broken > 0 {
            summary.push_str(&format!(", {} left alone", counted(broken, "broken file")));
        }
        terminal.note(format_args!("{summary}"))?;
        Ok(match broken > 0 || self.check && changed > 0 {
            true => Outcome::Findings,
            false => Outcome::Clean,
        })
    }

    fn standard_input(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        if self.paths.len() > 1 {
            let why = "`-` stands alone: standard input is one file";
            return Err(Failure::CommandLine { why });
        }
        let file = sources::standard_input()?;
        match settle(&file, terminal)? {
            Settled::Broken => return Ok(Outcome::Findings),
            Settled::Changed(text) if self.check => {
                print_diff(&file, &text, terminal)?;
                return Ok(Outcome::Findings);
            }
            Settled::Changed(text) => terminal.text(&text)?,
            Settled::AsItWas if self.check => {}
            Settled::AsItWas => terminal.text(&file.text)?,
        }
        Ok(Outcome::Clean)
    }

    fn changed(
        &self,
        file: &SourceFile,
        text: &str,
        terminal: &mut Terminal,
    ) -> Result<(), Failure> {
        if self.check {
            return print_diff(file, text, terminal);
        }
        whole_file::write(&file.path, text.as_bytes())?;
        terminal.line(format_args!("{}", visible::line(&file.name)))?;
        Ok(())
    }
}

/// Formats one file; says what is wrong with one that cannot be.
fn settle(file: &SourceFile, terminal: &mut Terminal) -> Result<Settled, Failure> {
    match format(&file.text) {
        Ok(text) if text == file.text => Ok(Settled::AsItWas),
        Ok(text) => Ok(Settled::Changed(text)),
        Err(Unformatted::Broken) => {
            report::print(terminal, &syntax_errors(file))?;
            Ok(Settled::Broken)
        }
        Err(failure @ Unformatted::Meaning) => Err(Failure::Internal {
            what: format!("`{}`: {failure}", visible::line(&file.name)),
        }),
    }
}

/// What is wrong with the form of a file; its meaning is no matter of its style.
fn syntax_errors(file: &SourceFile) -> Vec<Report> {
    let mut workspace = Workspace::new();
    workspace.set_file(file.name.as_str(), file.text.as_str());
    let files = std::slice::from_ref(file);
    let texts = Texts::new(files);
    let diagnostics = workspace.diagnostics();
    let of_form = diagnostics.iter().filter(|found| {
        found.severity == Severity::Error && found.code.as_str().starts_with("HP00")
    });
    of_form.map(|found| Report::new(found, &texts)).collect()
}

/// The difference, as `diff -u` shows it.
fn print_diff(file: &SourceFile, text: &str, terminal: &mut Terminal) -> Result<(), Failure> {
    let name = visible::line(&file.name);
    let diff = TextDiff::from_lines(file.text.as_str(), text);
    let unified = diff
        .unified_diff()
        .context_radius(2)
        .header(&name, &format!("{name} (formatted)"))
        .to_string();
    for line in unified.lines() {
        let line = visible::line(line);
        let painted = match line.chars().next() {
            Some('+') => terminal.paint(Style::Good, &line),
            Some('-') => terminal.paint(Style::Bad, &line),
            _ => line,
        };
        terminal.line(format_args!("{painted}"))?;
    }
    Ok(())
}
