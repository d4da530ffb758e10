//! How a run ends: the exit codes, and the failures that are neither a finding nor a usage error.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hpol_analysis::compare::Unlike;

/// The exit codes, printed by `hpol help` and described in `docs/cli.md`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done; nothing to complain about
  1  the answer is no: errors in the policy, a failing test, a log that does not verify,
     a vote or request that the gateway refused, a name that is not known, a package that is not
     the locked one
  2  the command line is wrong
  3  the environment is: a file, key, directory or gateway that cannot be used";

/// How a verb that ran to its end came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to complain about.
    Clean,
    /// The verb did its work and the answer is no; it has said why.
    Findings,
}

/// Why a verb could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`{}` exists and is not overwritten", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` is not UTF-8 text (first bad byte at offset {offset})", path.display())]
    NotText { path: PathBuf, offset: usize },
    #[error("`{}` is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("there is no `.hpol` file in `{}`", path.display())]
    NoPolicy { path: PathBuf },
    #[error("there are more than {limit} policy files below `{}`", path.display())]
    TooManyFiles { path: PathBuf, limit: usize },
    #[error("`{}` is more than {limit} folders deep", path.display())]
    TooDeep { path: PathBuf, limit: usize },
    #[error("`{}` is not a usable key: {why}", path.display())]
    Key { path: PathBuf, why: String },
    #[error("`{}` is not a bundle that this hpol can read: {why}", path.display())]
    Bundle { path: PathBuf, why: String },
    #[error("the conditions of the policy cannot be read: {why}")]
    Conditions { why: String },
    #[error("{why}")]
    CommandLine { why: &'static str },
    #[error(transparent)]
    Unlike(#[from] Unlike),
    #[error("`{}` is not a statement that the gateway lets through: {why}", path.display())]
    Statement { path: PathBuf, why: String },
    #[error("`{}` is not a vocabulary: {why}", path.display())]
    Vocabulary { path: PathBuf, why: String },
    #[error("`{}` cannot be used: {why}", path.display())]
    Project { path: PathBuf, why: String },
    #[error("{why}; look at what changed, and if it is meant run `hpol lock {}`", path.display())]
    Locked { path: PathBuf, why: String },
    #[error("line {line} of `{}`: {why}", path.display())]
    Line {
        path: PathBuf,
        line: u64,
        why: String,
    },
    #[error("the audit log in `{}` cannot be read: {why}", path.display())]
    Log { path: PathBuf, why: String },
    #[error("the policy of revision `{revision}` in `{}` cannot be read: {why}", folder.display())]
    Revision {
        revision: String,
        folder: PathBuf,
        why: String,
    },
    #[error(transparent)]
    Gateway(#[from] crate::approvals::GatewayFailure),
    #[error("internal error: {what}; please report it")]
    Internal { what: String },
}

impl Failure {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_owned();
        move |source| Failure::Read { path, source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_owned();
        move |source| Failure::Write { path, source }
    }

    /// Whether it is about the files of a policy, so that a change of them can mend it.
    pub(crate) fn is_of_files(&self) -> bool {
        matches!(
            self,
            Failure::Read { .. }
                | Failure::NotText { .. }
                | Failure::TooLarge { .. }
                | Failure::NoPolicy { .. }
                | Failure::TooManyFiles { .. }
                | Failure::TooDeep { .. }
                | Failure::Vocabulary { .. }
                | Failure::Project { .. }
        )
    }

    /// The code for a run that failed so. A reader that hung up early (`| head`) is no failure.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Failure::Output(source) if source.kind() == io::ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Failure::Gateway(failure) if failure.is_refusal() => ExitCode::from(1),
            Failure::Locked { .. } => ExitCode::from(1),
            Failure::CommandLine { .. } | Failure::Unlike(_) => ExitCode::from(2),
            _ => ExitCode::from(3),
        }
    }

    /// Whether there is anything to tell the user.
    pub(crate) fn is_worth_telling(&self) -> bool {
        !matches!(self, Failure::Output(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        match outcome {
            Outcome::Clean => ExitCode::SUCCESS,
            Outcome::Findings => ExitCode::from(1),
        }
    }
}
