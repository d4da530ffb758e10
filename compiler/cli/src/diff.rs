//! `hpol diff`: how two policies differ, connection by connection, with an operation for each difference.
//!
//! What differs is found by `hpol-analysis`; here the two are loaded, each example is given to the reference interpreter, and
//! all of it is shown.

mod confirm;
mod json;
mod revision;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hpol_analysis::Budget;
use hpol_analysis::compare::{Comparison, OnConnection, common, compare};
use hpol_bundle::policy::Policy;
use hpol_bundle::vocabulary::Vocabulary;

use crate::compiled::Origin;
use crate::exit::{Failure, Outcome};
use crate::terminal::Terminal;

/// Show what two policies decide differently, with an operation for each difference
#[derive(Debug, Args)]
#[command(after_help = "\
BEFORE and AFTER are folders or files of policy, bundles, or git revisions of the policy in `--path`. What is on disk comes \
before a revision of the same name; `refs/heads/main` is always the revision.

For each connection the policies are equivalent, or the second is tighter, looser or incomparable. Each example is confirmed by \
the reference interpreter. What could not be compared within the budget is said: `not analysed` is never `equivalent`.

Examples:
  hpol diff main HEAD
  hpol diff main . --path policies/orders --fail-on looser
  hpol diff old.hpolb new.hpolb --key policy.key.pub --json")]
pub(crate) struct Diff {
    /// The policy before
    #[arg(value_name = "BEFORE")]
    before: String,
    /// The policy after
    #[arg(value_name = "AFTER")]
    after: String,
    /// Folder or file of the policy, for revisions
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// The public key that bundles must be signed with; without it signatures are not verified
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Exit with 1 if something is looser (or not comparable, or not analysed), or if anything differs
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// How far the search goes, as a multiple of what is usual
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    budget: u16,
}

/// What makes a difference a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Looser,
    Any,
}

impl Diff {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Some((before, of_before)) = self.load(&self.before, terminal)? else {
            return Ok(Outcome::Findings);
        };
        let Some((after, of_after)) = self.load(&self.after, terminal)? else {
            return Ok(Outcome::Findings);
        };
        let both = common((before, &of_before), (after, &of_after))?;
        let usual = Budget::default();
        let times = usize::from(self.budget);
        let budget = Budget {
            states: usual.states.saturating_mul(times),
            effort: usual.effort.saturating_mul(times),
        };
        let comparison = compare(&both.before, &both.after, &both.vocabulary, budget);
        let comparison = comparison.map_err(|fault| Failure::Internal {
            what: fault.to_string(),
        })?;
        let confirmed = confirm::all(&both, &comparison);
        if self.json {
            terminal.json(&json::of(&both, &comparison))?;
        } else {
            text::print(&both, &comparison, terminal)?;
        }
        if !confirmed {
            terminal.note(format_args!(
                "the reference interpreter does not confirm every example: that is a bug of hpol; please report it"
            ))?;
        }
        Ok(match confirmed && !self.fails(&comparison) {
            true => Outcome::Clean,
            false => Outcome::Findings,
        })
    }

    fn fails(&self, comparison: &Comparison) -> bool {
        let mut connections = comparison.connections.iter();
        match self.fail_on {
            None => false,
            Some(FailOn::Any) => connections.any(OnConnection::differs),
            Some(FailOn::Looser) => connections.any(OnConnection::is_looser),
        }
    }

    /// The policy that `name` means; `None` if it has errors, which have been told then.
    fn load(
        &self,
        name: &str,
        terminal: &mut Terminal,
    ) -> Result<Option<(Policy, Vocabulary)>, Failure> {
        if Path::new(name).exists() {
            return self.load_path(PathBuf::from(name), terminal);
        }
        let tree = revision::check_out(name, &self.path)?;
        self.load_path(tree.policy.clone(), terminal)
    }

    fn load_path(
        &self,
        path: PathBuf,
        terminal: &mut Terminal,
    ) -> Result<Option<(Policy, Vocabulary)>, Failure> {
        let bundle = path
            .extension()
            .is_some_and(|extension| extension == "hpolb");
        let key = self.key.clone().filter(|_| bundle);
        let Some(compiled) = Origin::at(path, key).load(terminal)? else {
            return Ok(None);
        };
        let policy = compiled.whole_policy(terminal)?;
        Ok(Some((policy, compiled.vocabulary)))
    }
}
