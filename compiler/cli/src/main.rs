//! The `hpol` command: checks, tests and builds policies, answers approvals, reads the audit log.
//!
//! One file per verb; this one only takes the command line apart and hands it over.

mod allocations;
mod approvals;
mod audit;
mod bench;
mod build;
mod bundle;
mod check;
mod compiled;
mod completion;
mod coverage;
mod dependencies;
mod diff;
mod doc;
mod eval;
mod evidence;
mod exit;
mod explain;
mod exposure;
mod facts;
mod fmt;
mod forms;
mod graph;
mod html;
mod init;
mod keygen;
mod lines;
mod lint;
mod lock;
mod lsp;
mod observed;
mod project;
mod report;
mod requests;
mod reviews;
mod sources;
mod table;
mod terminal;
mod test;
mod tested;
mod trial;
mod verdicts;
mod visible;
mod vocabulary;
mod whole_file;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Failure, Outcome};
use terminal::{Style, Terminal};

/// Policy as code for what agents and people do in production
#[derive(Debug, Parser)]
#[command(name = "hpol", version, after_help = exit::EXIT_CODES, propagate_version = true, disable_help_subcommand = false)]
struct Hpol {
    #[command(subcommand)]
    verb: Verb,
    /// Print without colour and drawing; so does NO_COLOR
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Init),
    Check(check::Check),
    Fmt(fmt::Fmt),
    Lint(lint::Lint),
    Test(test::Test),
    Build(build::Build),
    Lock(lock::Lock),
    Keygen(keygen::Keygen),
    Explain(explain::Explain),
    Facts(facts::Facts),
    Diff(diff::Diff),
    Coverage(coverage::Coverage),
    Doc(doc::Doc),
    Eval(Box<eval::Eval>),
    Bench(bench::Bench),
    Graph(graph::Graph),
    Bundle(bundle::Bundle),
    Approvals(approvals::Approvals),
    Reviews(reviews::Reviews),
    Audit(audit::Audit),
    Evidence(evidence::Evidence),
    Lsp(lsp::Lsp),
    Completion(completion::Completion),
}

fn main() -> ExitCode {
    let hpol = Hpol::parse();
    let mut terminal = Terminal::standard(hpol.no_color);
    let outcome = run(&hpol.verb, &mut terminal).and_then(|outcome| {
        terminal.flush()?;
        Ok(outcome)
    });
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            let error = terminal.paint_note(Style::Bad, "error");
            if failure.is_worth_telling() {
                // Where even this cannot be written, the exit code remains.
                let _ = terminal.note(format_args!("{error}: {failure}"));
            }
            failure.code()
        }
    }
}

fn run(verb: &Verb, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    match verb {
        Verb::Init(verb) => verb.run(terminal),
        Verb::Check(verb) => verb.run(terminal),
        Verb::Fmt(verb) => verb.run(terminal),
        Verb::Lint(verb) => verb.run(terminal),
        Verb::Test(verb) => verb.run(terminal),
        Verb::Build(verb) => verb.run(terminal),
        Verb::Lock(verb) => verb.run(terminal),
        Verb::Keygen(verb) => verb.run(terminal),
        Verb::Graph(verb) => verb.run(terminal),
        Verb::Bundle(verb) => verb.run(terminal),
        Verb::Explain(verb) => verb.run(terminal),
        Verb::Facts(verb) => verb.run(terminal),
        Verb::Diff(verb) => verb.run(terminal),
        Verb::Coverage(verb) => verb.run(terminal),
        Verb::Doc(verb) => verb.run(terminal),
        Verb::Eval(verb) => verb.run(terminal),
        Verb::Bench(verb) => verb.run(terminal),
        Verb::Approvals(verb) => verb.run(terminal),
        Verb::Reviews(verb) => verb.run(terminal),
        Verb::Audit(verb) => verb.run(terminal),
        Verb::Evidence(verb) => verb.run(terminal),
        Verb::Lsp(verb) => verb.run(),
        Verb::Completion(verb) => verb.run(terminal),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_arguments_of_a_verb_clash() {
        super::Hpol::command().debug_assert();
    }
}
