//! The rules and requests of a workload, in the form that `tests/bench/workload.py` describes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub struct Workload {
    pub rules: Vec<Rule>,
    pub requests: Vec<Request>,
}

#[derive(Deserialize)]
pub struct Rule {
    pub id: String,
    pub effect: Effect,
    pub when: Vec<Condition>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Allow,
    Block,
    Approve,
    /// Grants, and masks.
    Mask,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Condition {
    Group { value: String },
    ConnName { value: String },
    ConnKind { value: String },
    ConnEnv { value: String },
    ActionIn { values: Vec<String> },
    TablesAny { values: Vec<String> },
    RowGt { value: i64 },
    PathPrefix { value: String },
    HasWhereFalse,
}

#[derive(Deserialize)]
pub struct Request {
    pub id: u64,
    pub identity: Identity,
    pub connection: Connection,
    pub action: Action,
    pub tables: Vec<String>,
    pub has_where: bool,
    pub row_estimate: i64,
    pub path: String,
    pub expected: Outcome,
}

#[derive(Deserialize)]
pub struct Identity {
    pub sub: String,
    pub groups: Vec<String>,
}

#[derive(Deserialize)]
pub struct Connection {
    pub name: String,
    pub kind: String,
    pub env: String,
}

#[derive(Deserialize)]
pub struct Action {
    pub kind: String,
}

/// A decision, and the rules that match by effect; beside a block only those that block.
#[derive(Debug, Deserialize, Clone, PartialEq, Eq, Default)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub decision: String,
    #[serde(default)]
    pub block: BTreeSet<String>,
    #[serde(default)]
    pub approve: BTreeSet<String>,
    #[serde(default)]
    pub mask: BTreeSet<String>,
    #[serde(default)]
    pub allow: BTreeSet<String>,
}

impl Workload {
    pub fn read(folder: &Path) -> Result<Workload> {
        let mut requests: Vec<Request> = read(folder, "requests.json")?;
        for request in &mut requests {
            request.expected.silence_beside_a_block();
        }
        Ok(Workload {
            rules: read(folder, "rules.json")?,
            requests,
        })
    }
}

impl Outcome {
    /// The decision of what matches: a block over an approval over what grants, and nothing is a deny.
    pub fn of(matching: impl Iterator<Item = (Effect, String)>) -> Outcome {
        let mut outcome = Outcome::default();
        for (effect, id) in matching {
            match effect {
                Effect::Allow => &mut outcome.allow,
                Effect::Block => &mut outcome.block,
                Effect::Approve => &mut outcome.approve,
                Effect::Mask => &mut outcome.mask,
            }
            .insert(id);
        }
        outcome.decision = if !outcome.block.is_empty() {
            "block"
        } else if !outcome.approve.is_empty() {
            "approval"
        } else if !outcome.allow.is_empty() || !outcome.mask.is_empty() {
            "allow"
        } else {
            "deny"
        }
        .to_owned();
        outcome.silence_beside_a_block();
        outcome
    }

    fn silence_beside_a_block(&mut self) {
        if self.decision == "block" {
            self.approve.clear();
            self.mask.clear();
            self.allow.clear();
        }
    }
}

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not a workload", path.display()))
}
