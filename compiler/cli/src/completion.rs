//! `hpol completion`: scripts that let a shell complete verbs and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit::{Failure, Outcome};
use crate::terminal::Terminal;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hpol completion bash > ~/.local/share/bash-completion/completions/hpol")]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Hpol::command(), "hpol", &mut script);
        terminal.line(format_args!(
            "{}",
            String::from_utf8_lossy(&script).trim_end()
        ))?;
        Ok(Outcome::Clean)
    }
}
