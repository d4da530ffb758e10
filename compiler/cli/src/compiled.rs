//! The policy that a verb decides or explains by: that of a bundle, or policy files compiled in memory.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use hpol_bundle::bundle::{Bundle, Conditions, Loaded};
use hpol_bundle::digest::hex;
use hpol_bundle::policy::{Policy, Unread};
use hpol_bundle::program::Program;
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::Vocabulary;

use crate::bundle;
use crate::exit::Failure;
use crate::project::{Paths, Project};
use crate::terminal::Terminal;
use crate::visible;
use crate::vocabulary::VocabularyFile;

/// Where the policy is.
#[derive(Debug, Args)]
pub(crate) struct Origin {
    /// A bundle, or a file or folder of policy files, which are compiled in memory
    #[arg(value_name = "BUNDLE")]
    path: PathBuf,
    /// The public key that the bundle must be signed with; without it the signature is not verified
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    vocabulary: VocabularyFile,
}

/// A policy, ready to decide.
pub(crate) struct Compiled {
    /// Without conditions, since what decides reads none.
    pub(crate) policy: Policy<Unread>,
    conditions: Conditions,
    /// The version that compiled it.
    compiler: String,
    /// What records call the bundle by; policy files have none.
    pub(crate) digest: Option<String>,
    pub(crate) program: Program,
    pub(crate) vocabulary: Vocabulary,
    /// What was done to get it, and how long it took.
    pub(crate) steps: Vec<(&'static str, Duration)>,
}

impl Origin {
    /// The policy at `path`, in the built-in vocabulary or its own.
    pub(crate) fn at(path: PathBuf, key: Option<PathBuf>) -> Origin {
        Origin {
            path,
            key,
            vocabulary: VocabularyFile { vocabulary: None },
        }
    }

    /// The policy; `None` if it has errors or the bundle does not hold, which has been told then.
    pub(crate) fn load(&self, terminal: &mut Terminal) -> Result<Option<Compiled>, Failure> {
        let sources = self.path.is_dir()
            || self
                .path
                .extension()
                .is_some_and(|extension| extension == "hpol");
        match (sources, &self.key, &self.vocabulary.vocabulary) {
            (true, Some(_), _) => Err(Failure::CommandLine {
                why: "`--key` is for a bundle; policy files have no signature",
            }),
            (false, _, Some(_)) => Err(Failure::CommandLine {
                why: "`--vocabulary` is for policy files; a bundle holds its own",
            }),
            (true, None, _) => self.compile(terminal),
            (false, key, None) => self.read(key.as_deref(), terminal),
        }
    }

    fn compile(&self, terminal: &mut Terminal) -> Result<Option<Compiled>, Failure> {
        let started = Instant::now();
        let paths = Paths::one(self.path.clone(), self.vocabulary.vocabulary.clone());
        let project = Project::load(&paths)?;
        let checked = started.elapsed();
        project.print_reports(terminal)?;
        let Some(sound) = project.sound()? else {
            return Ok(None);
        };
        let (policy, conditions) =
            Conditions::apart(sound.policy).map_err(|fault| Failure::Internal {
                what: fault.to_string(),
            })?;
        Ok(Some(Compiled {
            policy,
            conditions,
            compiler: env!("CARGO_PKG_VERSION").to_owned(),
            digest: None,
            program: sound.program,
            vocabulary: project.vocabulary,
            steps: vec![
                ("check", checked),
                ("compile", started.elapsed().saturating_sub(checked)),
            ],
        }))
    }

    fn read(
        &self,
        key: Option<&Path>,
        terminal: &mut Terminal,
    ) -> Result<Option<Compiled>, Failure> {
        let key = key.map(bundle::public_key).transpose()?;
        let bytes = bundle::bytes(&self.path)?;
        let started = Instant::now();
        let loaded = match key {
            Some(key) => bundle::load(&bytes, key),
            None => Bundle::load_danger_unverified(&bytes).map_err(|why| why.to_string()),
        };
        let took = started.elapsed();
        let why = match loaded {
            Ok(loaded) => {
                if self.key.is_none() {
                    terminal.note(format_args!("the signature was not verified; `--key` does"))?;
                }
                let Loaded {
                    bundle,
                    conditions,
                    digest,
                    ..
                } = loaded;
                let Bundle {
                    policy,
                    program,
                    vocabulary,
                    provenance,
                } = bundle;
                return Ok(Some(Compiled {
                    policy,
                    conditions,
                    compiler: provenance.compiler_version,
                    digest: Some(hex(&digest)),
                    program,
                    vocabulary,
                    steps: vec![("load", took)],
                }));
            }
            Err(why) => visible::line(&why),
        };
        terminal.note(format_args!(
            "`{}` does not hold: {why}",
            self.path.display()
        ))?;
        Ok(None)
    }
}

impl Compiled {
    /// The policy with its conditions, which say what the program decides; a note where nothing shows that they do.
    pub(crate) fn whole_policy(&self, terminal: &mut Terminal) -> Result<Policy, Failure> {
        let read = self.conditions.read(self.policy.clone(), &self.vocabulary);
        let unusable = |why: String| Failure::Conditions {
            why: visible::line(&why),
        };
        let policy = read.map_err(|fault| unusable(fault.to_string()))?;
        let tie = Tie::of(&policy, &self.program, &self.vocabulary, &self.compiler);
        tie.map_err(unusable)?.tell(terminal)?;
        Ok(policy)
    }
}

/// How the conditions of a bundle, which tools show, stand to its program, which decides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    /// The conditions compile to the program.
    Holds,
    /// They compile to something else here, and another version compiled the bundle.
    OtherCompiler(String),
}

impl Tie {
    /// Compiles the conditions of `policy` again and compares. `compiler` is the version that wrote `program`.
    ///
    /// # Errors
    /// Why what the conditions say is not what is decided.
    pub(crate) fn of(
        policy: &Policy,
        program: &Program,
        vocabulary: &Vocabulary,
        compiler: &str,
    ) -> Result<Tie, String> {
        let same_version = compiler == env!("CARGO_PKG_VERSION");
        match lower(policy, vocabulary) {
            Ok(again) if again == *program => Ok(Tie::Holds),
            _ if !same_version => Ok(Tie::OtherCompiler(compiler.to_owned())),
            Ok(_) => Err("they do not compile to the program that decides".to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    }

    /// Says what could not be shown, if anything.
    pub(crate) fn tell(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        if let Tie::OtherCompiler(version) = self {
            terminal.note(format_args!(
                "warning: what is shown may not be what is decided: hpol {} compiled the bundle, and here its \
                 conditions do not compile to the program that decides; look at it with that version",
                visible::line(version)
            ))?;
        }
        Ok(())
    }
}
