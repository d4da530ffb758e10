//! `cargo xtask`: the project's tasks. Each verb has its file; this one only picks.

mod fuzz;
mod quickstart;
mod reference;
mod setup;
mod soak;
mod test;

use std::process::ExitCode;

use anyhow::Result;

const HELP: &str = "\
Project tasks.

Usage: cargo xtask <TASK>

Tasks:
  quickstart [--interactive]  An agent works through the gateway against a real PostgreSQL, end to end.
                              With --interactive you approve the UPDATE yourself, from a second terminal.
  test                        Every test, format and lint check of the project.
  soak [SECONDS]              Long runs: a million random decisions a round, crashes under load, a 1 GiB result, fuzzing.
                              600 seconds unless told.
  reference                   Writes the pages of lang-spec that are made from the compiler.
  setup                       Only installs (as root) or lists (otherwise) what the other tasks need.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result: Result<()> = match arguments.as_slice() {
        ["quickstart"] => quickstart::run(quickstart::Approver::Scripted),
        ["quickstart", "--interactive"] => quickstart::run(quickstart::Approver::Person),
        ["test"] => test::run(),
        ["soak"] => soak::run(600),
        ["soak", seconds] if seconds.parse::<u64>().is_ok() => {
            soak::run(seconds.parse().unwrap_or(600))
        }
        ["reference"] => reference::run(),
        ["setup"] => setup::ensure(&setup::ALL),
        [] | ["help" | "-h" | "--help", ..] => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("unknown task `{}`\n\n{HELP}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
