//! `hpol build`: checks, tests, compiles and signs. Writes a whole bundle or none.

use std::path::PathBuf;

use clap::Args;
use hpol_bundle::bundle::{Bundle, Loaded, Provenance, SourceFile, Tests, TrustedKeys, encode};
use hpol_bundle::digest::{hex, sha256};
use hpol_bundle::signature::SigningKey;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_nist_mappings::catalogue;
use serde_json::json;
use zeroize::Zeroizing;

use crate::dependencies::Drift;
use crate::exit::{Failure, Outcome};
use crate::project::{Paths, Project, Sound, Tried, counted};
use crate::sources;
use crate::terminal::{Style, Terminal};
use crate::whole_file;

/// Check, test, compile and sign a policy into a bundle
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is written where the policy has an error or a test fails. The same files, key and sequence give the same bytes.

Example:
  hpol keygen policy.key
  hpol build policies/orders -o orders.hpolb --key policy.key --sequence 7")]
pub(crate) struct Build {
    #[command(flatten)]
    paths: Paths,
    /// The bundle to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The secret key to sign with, from `hpol keygen`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Number of the bundle; a gateway never goes back to a smaller one
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    sequence: u64,
    /// Refuse packages from other folders where there is no `hpol.lock`, and do not write it
    #[arg(long)]
    locked: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Build {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let tried = Tried::load(&self.paths, self.json, terminal)?;
        let unlocked = !self.locked && tried.project.dependencies.drift()? == [Drift::NoLock];
        if !unlocked {
            tried.project.dependencies.locked()?;
        }
        if !tried.passed() {
            return self.refuse(terminal, &tried);
        }
        if unlocked {
            let (path, _) = tried.project.dependencies.lock()?;
            terminal.note(format_args!(
                "wrote {}; keep it with the policy",
                path.display()
            ))?;
        }
        match tried.sound {
            Some(sound) => self.write(terminal, &tried.project, sound),
            None => Ok(Outcome::Findings),
        }
    }

    fn refuse(&self, terminal: &mut Terminal, tried: &Tried) -> Result<Outcome, Failure> {
        if self.json {
            terminal.json(&tried.as_json())?;
        } else {
            for test in tried.tests.iter().filter(|test| !test.passed()) {
                test.print(terminal)?;
            }
            let refused = terminal.paint_note(Style::Bad, "no bundle was written");
            terminal.note(format_args!("{refused}"))?;
        }
        Ok(Outcome::Findings)
    }

    fn write(
        &self,
        terminal: &mut Terminal,
        project: &Project,
        sound: Sound,
    ) -> Result<Outcome, Failure> {
        let key = self.signing_key()?;
        let (rules, tests) = (sound.policy.rules.len(), sound.tests.len());
        let bundle = bundle(project, sound, self.sequence);
        let unusable = |why: String| Failure::Bundle {
            path: self.output.clone(),
            why,
        };
        let bytes = encode(&bundle, &key).map_err(|fault| unusable(fault.to_string()))?;
        // What a gateway would refuse is not worth writing.
        let loaded = Bundle::load(&bytes, &TrustedKeys::new(vec![key.public()]), None)
            .map_err(|fault| unusable(fault.to_string()))?;
        loaded
            .policy()
            .map_err(|fault| unusable(fault.to_string()))?;
        whole_file::write(&self.output, &bytes)?;
        self.print(terminal, &loaded, rules, tests)?;
        if !loaded.bundle.vocabulary.extends(Vocabulary::builtin()) {
            terminal.note(format_args!(
                "it has a vocabulary of its own: no gateway loads it"
            ))?;
        }
        Ok(Outcome::Clean)
    }

    fn signing_key(&self) -> Result<SigningKey, Failure> {
        let text = Zeroizing::new(sources::read_text(&self.key, crate::bundle::KEY_BYTES)?);
        SigningKey::from_text(&text).map_err(|fault| Failure::Key {
            path: self.key.clone(),
            why: fault.to_string(),
        })
    }

    fn print(
        &self,
        terminal: &mut Terminal,
        loaded: &Loaded,
        rules: usize,
        tests: usize,
    ) -> Result<(), Failure> {
        let digest = hex(&loaded.digest);
        if self.json {
            terminal.json(&json!({
                "file": self.output.to_string_lossy(), "digest": digest, "key": loaded.key.to_string(),
                "sequence": self.sequence, "rules": rules, "tests": tests,
            }))?;
        } else {
            let wrote = terminal.paint(Style::Good, "wrote");
            terminal.line(format_args!("{wrote} {}", self.output.display()))?;
            terminal.line(format_args!("  digest    sha256:{digest}"))?;
            terminal.line(format_args!(
                "  signed by key {}, sequence {}",
                loaded.key, self.sequence
            ))?;
            terminal.line(format_args!(
                "  holds     {}, {} passed",
                counted(rules, "rule"),
                counted(tests, "test")
            ))?;
        }
        Ok(())
    }
}

fn bundle(project: &Project, sound: Sound, sequence: u64) -> Bundle {
    let source = |file: &sources::SourceFile| SourceFile {
        path: file.name.clone(),
        sha256: sha256(file.text.as_bytes()),
    };
    let passed = u32::try_from(sound.tests.len()).unwrap_or(u32::MAX);
    Bundle {
        policy: sound.policy,
        program: sound.program,
        vocabulary: project.vocabulary.clone(),
        provenance: Provenance {
            compiler_version: env!("CARGO_PKG_VERSION").to_owned(),
            sequence,
            sources: project.files.iter().map(source).collect(),
            catalogue: format!("NIST SP 800-53 Release {}", catalogue().release()),
            tests: Tests { passed, failed: 0 },
        },
    }
}
