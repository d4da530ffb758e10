//! `hpol bundle`: what a bundle file holds. Reads it as a gateway would, and shows nothing of one that does not hold.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hpol_bundle::bundle::{Bundle as Compiled, Loaded, MAX_BYTES, TrustedKeys};
use hpol_bundle::digest::hex;
use hpol_bundle::policy::{Effect, Exception, Mask, Policy, Rule, Unread};
use hpol_bundle::signature::PublicKey;
use hpol_nist_mappings::ControlId;
use serde_json::json;

use crate::compiled::Tie;
use crate::exit::{Failure, Outcome};
use crate::sources;
use crate::table;
use crate::terminal::Terminal;
use crate::visible;

/// Most bytes of a key file.
pub(crate) const KEY_BYTES: u64 = 4096;

/// Look into a bundle
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hpol bundle show policy.hpolb --key policy.key.pub")]
pub(crate) struct Bundle {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Digest, signer, sources and rules, once the signature holds
    Show {
        /// The bundle
        file: PathBuf,
        /// The public key that it must be signed with
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Bundle {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Verb::Show { file, key, json } = &self.verb;
        let loaded = load(&bytes(file)?, public_key(key)?);
        let (tie, loaded) = match loaded.and_then(|loaded| Ok((tie(&loaded)?, loaded))) {
            Ok(held) => held,
            Err(why) => {
                terminal.note(format_args!(
                    "`{}` does not hold: {}",
                    file.display(),
                    visible::line(&why)
                ))?;
                return Ok(Outcome::Findings);
            }
        };
        tie.tell(terminal)?;
        if *json {
            terminal.json(&as_json(&loaded))?;
        } else {
            show(terminal, &loaded)?;
        }
        Ok(Outcome::Clean)
    }
}

/// The public key in a file.
pub(crate) fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let text = sources::read_text(path, KEY_BYTES)?;
    PublicKey::from_text(&text).map_err(|fault| Failure::Key {
        path: path.to_owned(),
        why: fault.to_string(),
    })
}

/// The bytes of a bundle file.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    sources::read_bytes(path, u64::try_from(MAX_BYTES).unwrap_or(u64::MAX))
}

/// The bundle, or why it does not hold.
pub(crate) fn load(bytes: &[u8], key: PublicKey) -> Result<Loaded, String> {
    Compiled::load(bytes, &TrustedKeys::new(vec![key]), None).map_err(|why| why.to_string())
}

/// How the conditions of the bundle stand to its program, or why they do not hold.
fn tie(loaded: &Loaded) -> Result<Tie, String> {
    let policy = loaded.policy().map_err(|fault| fault.to_string())?;
    let Compiled {
        program,
        vocabulary,
        provenance,
        ..
    } = &loaded.bundle;
    let tie = Tie::of(&policy, program, vocabulary, &provenance.compiler_version);
    tie.map_err(|why| format!("the conditions of the policy: {why}"))
}

fn show(terminal: &mut Terminal, loaded: &Loaded) -> Result<(), Failure> {
    let provenance = &loaded.bundle.provenance;
    terminal.line(format_args!("digest    sha256:{}", hex(&loaded.digest)))?;
    terminal.line(format_args!("signed by key {}", loaded.key))?;
    terminal.line(format_args!("sequence  {}", provenance.sequence))?;
    terminal.line(format_args!(
        "compiler  {}",
        visible::line(&provenance.compiler_version)
    ))?;
    terminal.line(format_args!(
        "catalogue {}",
        visible::line(&provenance.catalogue)
    ))?;
    terminal.line(format_args!("tests     {} passed", provenance.tests.passed))?;
    for source in &provenance.sources {
        terminal.line(format_args!(
            "source    {}  sha256:{}",
            visible::line(&source.path),
            hex(&source.sha256)
        ))?;
    }
    terminal.line(format_args!(""))?;
    let policy = &loaded.bundle.policy;
    let rows: Vec<_> = policy.rules.iter().map(|rule| row(policy, rule)).collect();
    for line in table::lines(["RULE", "EFFECT", "CONTROLS", "TITLE"], &rows) {
        terminal.line(format_args!("{line}"))?;
    }
    for connection in policy
        .connections
        .iter()
        .filter(|one| policy.observes(&one.target))
    {
        terminal.line(format_args!(
            "\nconnection {} is in observe: nothing is blocked there",
            visible::line(&connection.name)
        ))?;
    }
    if !policy.exceptions.is_empty() {
        terminal.line(format_args!(""))?;
        let rows: Vec<_> = policy
            .exceptions
            .iter()
            .map(|one| exception(policy, one))
            .collect();
        for line in table::lines(["EXCEPTION", "TO", "UNTIL", "OWNER"], &rows) {
            terminal.line(format_args!("{line}"))?;
        }
    }
    Ok(())
}

fn exception(policy: &Policy<Unread>, exception: &Exception<Unread>) -> [String; 4] {
    let rule = policy.rules.get(exception.rule.0 as usize);
    [
        visible::line(&exception.name),
        visible::line(rule.map_or("?", |rule| &rule.name)),
        visible::line(&exception.until),
        visible::line(&exception.owner),
    ]
}

fn row(policy: &Policy<Unread>, rule: &Rule<Unread>) -> [String; 4] {
    let controls: Vec<_> = rule
        .claims
        .iter()
        .map(|claim| control(&claim.control))
        .collect();
    [
        visible::line(&rule.name),
        does(policy, rule),
        controls.join(", "),
        visible::line(&rule.title),
    ]
}

/// What a rule does, as it writes it.
pub(crate) fn does<C>(policy: &Policy<C>, rule: &Rule<C>) -> String {
    let effect = effect(policy, &rule.effect);
    match rule.observe {
        true => format!("observe {effect}"),
        false => effect,
    }
}

/// The printed form of a control that a bundle or record holds in OSCAL's.
pub(crate) fn control(oscal: &str) -> String {
    ControlId::parse(oscal).map_or_else(|_| visible::line(oscal), |id| id.to_string())
}

fn effect<C>(policy: &Policy<C>, effect: &Effect) -> String {
    match effect {
        Effect::Allow { rows: None } => "allow".to_owned(),
        Effect::Allow { rows: Some(rows) } => format!("allow limit rows {rows}"),
        Effect::Limit { rows } => format!("limit rows {rows}"),
        Effect::Block {
            terminates: true, ..
        } => "block terminate session".to_owned(),
        Effect::Block { .. } => "block".to_owned(),
        Effect::RequireApproval {
            quorum,
            group,
            within_seconds,
            stands_seconds,
        } => {
            let group = policy
                .groups
                .get(group.0 as usize)
                .map_or("?", |group| &group.name);
            let stands =
                stands_seconds.map_or_else(String::new, |stands| format!(" for {stands}s"));
            format!(
                "require approval by {quorum} of {} within {within_seconds}s{stands}",
                visible::line(group)
            )
        }
        Effect::RequireJustification { reviewers, .. } => {
            let group = policy.groups.get(reviewers.0 as usize);
            let group = group.map_or("?", |group| &group.name);
            format!("require justification reviewed by {}", visible::line(group))
        }
        Effect::Mask { class, mask } => {
            let class = policy
                .classes
                .get(class.0 as usize)
                .map_or("?", |class| &class.name);
            format!("mask {} {}", visible::line(class), masker(*mask))
        }
    }
}

/// The mask as a rule writes it.
pub(crate) fn masker(mask: Mask) -> String {
    match mask {
        Mask::KeepLast(kept) => format!("keep last {kept}"),
        Mask::KeepFirst(kept) => format!("keep first {kept}"),
        Mask::Hash => "hash".to_owned(),
        Mask::Redact => "redact".to_owned(),
        Mask::Null => "null".to_owned(),
    }
}

fn as_json(loaded: &Loaded) -> serde_json::Value {
    let provenance = &loaded.bundle.provenance;
    let sources: Vec<_> = provenance
        .sources
        .iter()
        .map(|source| json!({"path": source.path, "sha256": hex(&source.sha256)}))
        .collect();
    let policy = &loaded.bundle.policy;
    let rule = |rule: &Rule<Unread>| {
        json!({
            "name": rule.name, "title": rule.title, "because": rule.because, "effect": effect(policy, &rule.effect),
            "observe": rule.observe,
            "claims": rule.claims, "source": rule.source,
        })
    };
    let exception = |exception: &Exception<Unread>| {
        let rule = policy.rules.get(exception.rule.0 as usize);
        json!({
            "name": exception.name, "rule": rule.map(|rule| &rule.name), "because": exception.because,
            "owner": exception.owner, "until": exception.until, "source": exception.source,
        })
    };
    json!({
        "digest": hex(&loaded.digest), "key": loaded.key.to_string(), "sequence": provenance.sequence,
        "compiler": provenance.compiler_version, "catalogue": provenance.catalogue,
        "tests": provenance.tests, "sources": sources,
        "rules": policy.rules.iter().map(rule).collect::<Vec<_>>(),
        "connections": policy.connections, "responsibilities": policy.responsibilities,
        "exceptions": policy.exceptions.iter().map(exception).collect::<Vec<_>>(),
    })
}
