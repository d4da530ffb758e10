//! From the typed policy tree to the decision graph. Deterministic: the same policy gives the same program.
//!
//! Owns the order of the steps and what can be wrong with a policy; each step has its own file.

mod check;
mod constants;
mod normal;
mod rows;
mod shard;

use std::fmt;

use crate::digest::sha256;
use crate::policy::{Condition, GroupId, MAX_DEPTH, Policy, RuleId};
use crate::vocabulary::{Protocol, Vocabulary};

use super::Program;
use normal::Conjunction;
use shard::Shards;

/// Clauses that one rule may expand to. The graph holds a bit for each, and a rule beyond this no longer reads as one
/// sentence.
pub const MAX_CLAUSES: usize = 256;
/// Elements of one set that one clause may require at once; each costs a table.
pub const MAX_ELEMENTS: usize = 32;

/// Why a policy could not be lowered, and which of its rules or groups is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} {fault}")]
pub struct LowerError {
    /// Whose condition it is.
    pub place: Place,
    /// What is wrong with it.
    pub fault: Fault,
}

/// Whose condition is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A rule.
    Rule {
        /// Its index in [`Policy::rules`].
        id: RuleId,
        /// Its qualified name.
        name: String,
    },
    /// A group.
    Group {
        /// Its index in [`Policy::groups`].
        id: GroupId,
        /// Its qualified name.
        name: String,
    },
}

/// What is wrong with a condition. The first three are what a user can write; the checker excludes the others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Too many alternatives after multiplying out.
    #[error("expands to {clauses} alternatives; at most {MAX_CLAUSES} are possible")]
    TooManyClauses {
        /// How many; `usize::MAX` where that cannot be counted.
        clauses: usize,
    },
    /// Too many elements required at once.
    #[error(
        "requires {elements} elements of `{fact}` at once; at most {MAX_ELEMENTS} are possible"
    )]
    TooManyElements {
        /// The fact.
        fact: String,
        /// How many.
        elements: usize,
    },
    /// Conditions within conditions.
    #[error("nests conditions deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A fact that the vocabulary does not have.
    #[error("reads fact {index}, which the vocabulary does not have")]
    UnknownFact {
        /// The position of the fact.
        index: usize,
    },
    /// A test or a default that does not fit the type of its fact.
    #[error("tests `{fact}` in a way that does not fit its type")]
    Mismatch {
        /// The fact.
        fact: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Rule { name, .. } => write!(f, "rule `{name}`"),
            Place::Group { name, .. } => write!(f, "group `{name}`"),
        }
    }
}

/// Lowers `policy`, whose facts are those of `vocabulary`.
///
/// # Errors
/// The first rule or group, in the order of ids, that cannot be lowered, and why.
pub fn lower(policy: &Policy, vocabulary: &Vocabulary) -> Result<Program, LowerError> {
    let normal = Normal::of(policy, vocabulary)?;
    let fields = constants::fields(conditions(policy), vocabulary);
    let shards = Shards {
        policy,
        normal: &normal,
        fields: &fields,
        kind: vocabulary.lookup("connection.kind"),
    };
    let mut program = Program {
        rules: index32(policy.rules.len()),
        fingerprint: 0,
        shards: Protocol::ALL
            .into_iter()
            .map(|kind| shards.of_kind(kind))
            .collect(),
        groups: shards.of_groups(),
        fields,
    };
    program.fingerprint = fingerprint(&program);
    Ok(program)
}

/// All conditions in normal form, by the ids of their owners.
struct Normal<'p> {
    rules: Vec<Vec<Conjunction<'p>>>,
    groups: Vec<Vec<Conjunction<'p>>>,
}

impl<'p> Normal<'p> {
    fn of(policy: &'p Policy, vocabulary: &Vocabulary) -> Result<Normal<'p>, LowerError> {
        let normalise = |condition: &'p Condition| {
            check::check(condition, vocabulary)?;
            normal::normalise(condition, vocabulary)
        };
        let rules = (0..).map(RuleId).zip(&policy.rules).map(|(id, rule)| {
            normalise(&rule.condition).map_err(|fault| LowerError {
                place: Place::Rule {
                    id,
                    name: rule.name.clone(),
                },
                fault,
            })
        });
        let groups = (0..).map(GroupId).zip(&policy.groups).map(|(id, group)| {
            normalise(&group.condition).map_err(|fault| LowerError {
                place: Place::Group {
                    id,
                    name: group.name.clone(),
                },
                fault,
            })
        });
        Ok(Normal {
            rules: rules.collect::<Result<_, _>>()?,
            groups: groups.collect::<Result<_, _>>()?,
        })
    }
}

fn conditions(policy: &Policy) -> impl Iterator<Item = &Condition> {
    let rules = policy.rules.iter().map(|rule| &rule.condition);
    rules.chain(policy.groups.iter().map(|group| &group.condition))
}

fn fingerprint(program: &Program) -> u64 {
    // INVARIANT: a program holds nothing that postcard cannot write.
    let bytes = postcard::to_stdvec(program).unwrap_or_default();
    let digest = sha256(&bytes);
    digest
        .first_chunk()
        .map_or(0, |first| u64::from_le_bytes(*first))
}

/// Positions are written with 32 bits. A policy that does not fit gives a program that [`Program::validate`] refuses.
fn index32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
