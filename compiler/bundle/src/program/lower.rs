//! From the typed policy tree to the decision graph. Deterministic: the same policy gives the same program.
//!
//! Owns the order of the steps and what can be wrong with a policy; each step has its own file.

mod check;
mod constants;
mod histories;
mod normal;
mod rows;
mod shard;

use std::fmt;

use crate::digest::sha256;
use crate::policy::history::{History, MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS};
use crate::policy::{
    Condition, Effect, ExceptionId, GroupId, MAX_DEPTH, Policy, Predicate, RuleId, Test,
};
use crate::vocabulary::{Protocol, Vocabulary};

use super::Program;
use check::At;
pub(crate) use check::measurable;
use histories::Histories;
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
    /// An exception.
    Exception {
        /// Its index in [`Policy::exceptions`].
        id: ExceptionId,
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
    /// A fact of the result outside of a test of history.
    #[error("reads `{fact}` outside of a history condition")]
    ResultHere {
        /// The fact.
        fact: String,
    },
    /// A test of history in a group, or within another.
    #[error("has a history condition where none can stand")]
    HistoryHere,
    /// A window that is too short or too long.
    #[error(
        "looks back {seconds} seconds; possible are {MIN_WINDOW_SECONDS} to {MAX_WINDOW_SECONDS}"
    )]
    Window {
        /// Its length.
        seconds: u64,
    },
    /// A fact that cannot be measured so.
    #[error("measures `{fact}` in a way that does not fit its type")]
    Measure {
        /// The fact.
        fact: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Rule { name, .. } => write!(f, "rule `{name}`"),
            Place::Exception { name, .. } => write!(f, "exception `{name}`"),
            Place::Group { name, .. } => write!(f, "group `{name}`"),
        }
    }
}

/// Whether the condition of a rule can be lowered, whatever other rules there are.
///
/// # Errors
/// Why it cannot.
pub fn check_rule(condition: &Condition, vocabulary: &Vocabulary) -> Result<(), Fault> {
    check::check(condition, vocabulary, At::Rule)?;
    normal::normalise(condition, vocabulary)?;
    histories::filters_of(condition)
        .into_iter()
        .try_for_each(|filter| normal::normalise(filter, vocabulary).map(|_| ()))
}

/// Lowers `policy`, whose facts are those of `vocabulary`.
///
/// # Errors
/// A rule or group that cannot be lowered, the first in the order of ids, and why.
pub fn lower(policy: &Policy, vocabulary: &Vocabulary) -> Result<Program, LowerError> {
    check_all(policy, vocabulary)?;
    let histories = Histories::of(policy);
    let given = given(policy);
    let normal = Normal::of(policy, &histories, vocabulary)?;
    let fields = constants::fields(conditions(policy).chain(given.iter().flatten()), vocabulary);
    let shards = Shards {
        policy,
        normal: &normal,
        fields: &fields,
        histories: &histories,
        given: &given,
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
        histories: histories.measured(),
        history_keys: histories.keys(vocabulary),
        filters: shards.of_filters(),
        looks: histories.looks.clone(),
        exceptions: policy.exceptions.iter().map(|one| one.rule).collect(),
        fields,
    };
    program.fingerprint = fingerprint(&program);
    Ok(program)
}

/// What the rules of `policy`, which can be lowered, measure of history: those of [`Program::histories`], with their
/// filters.
#[must_use]
pub fn histories(policy: &Policy) -> Vec<&History> {
    Histories::of(policy).whole()
}

/// All conditions in normal form, by the ids of their owners.
struct Normal<'p> {
    rules: Vec<Vec<Conjunction<'p>>>,
    groups: Vec<Vec<Conjunction<'p>>>,
    filters: Vec<Vec<Conjunction<'p>>>,
    exceptions: Vec<Vec<Conjunction<'p>>>,
}

impl<'p> Normal<'p> {
    fn of(
        policy: &'p Policy,
        histories: &Histories<'p>,
        vocabulary: &Vocabulary,
    ) -> Result<Normal<'p>, LowerError> {
        let of_rule = |(id, condition): (RuleId, &'p Condition)| {
            normal::normalise(condition, vocabulary).map_err(|fault| LowerError {
                place: Place::rule(policy, id),
                fault,
            })
        };
        let of_group = |(id, condition): (GroupId, &'p Condition)| {
            normal::normalise(condition, vocabulary).map_err(|fault| LowerError {
                place: Place::group(policy, id),
                fault,
            })
        };
        let of_exception = |(id, condition): (ExceptionId, &'p Condition)| {
            normal::normalise(condition, vocabulary).map_err(|fault| LowerError {
                place: Place::exception(policy, id),
                fault,
            })
        };
        Ok(Normal {
            rules: rules(policy).map(of_rule).collect::<Result<_, _>>()?,
            groups: groups(policy).map(of_group).collect::<Result<_, _>>()?,
            filters: (histories.filters())
                .map(of_rule)
                .collect::<Result<_, _>>()?,
            exceptions: exceptions(policy)
                .map(of_exception)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Place {
    fn rule(policy: &Policy, id: RuleId) -> Place {
        let rule = policy.rules.get(id.0 as usize);
        let name = rule.map(|rule| rule.name.clone()).unwrap_or_default();
        Place::Rule { id, name }
    }

    fn exception(policy: &Policy, id: ExceptionId) -> Place {
        let exception = policy.exceptions.get(id.0 as usize);
        let name = exception.map(|one| one.name.clone()).unwrap_or_default();
        Place::Exception { id, name }
    }

    fn group(policy: &Policy, id: GroupId) -> Place {
        let group = policy.groups.get(id.0 as usize);
        let name = group.map(|group| group.name.clone()).unwrap_or_default();
        Place::Group { id, name }
    }
}

/// For each rule that requires a justification, that one was given.
fn given(policy: &Policy) -> Vec<Option<Condition>> {
    let rules = policy.rules.iter();
    let given = rules.map(|rule| match rule.effect {
        Effect::RequireJustification { given, .. } => Some(Condition::Test(Test {
            fact: given,
            default: None,
            predicate: Predicate::Present,
        })),
        _ => None,
    });
    given.collect()
}

fn check_all(policy: &Policy, vocabulary: &Vocabulary) -> Result<(), LowerError> {
    for (id, condition) in rules(policy) {
        check::check(condition, vocabulary, At::Rule).map_err(|fault| LowerError {
            place: Place::rule(policy, id),
            fault,
        })?;
    }
    for (id, condition) in (0..).map(RuleId).zip(given(policy)) {
        let Some(condition) = condition else { continue };
        check::check(&condition, vocabulary, At::Rule).map_err(|fault| LowerError {
            place: Place::rule(policy, id),
            fault,
        })?;
    }
    for (id, condition) in groups(policy) {
        check::check(condition, vocabulary, At::Group).map_err(|fault| LowerError {
            place: Place::group(policy, id),
            fault,
        })?;
    }
    for (id, condition) in exceptions(policy) {
        check::check(condition, vocabulary, At::Exception).map_err(|fault| LowerError {
            place: Place::exception(policy, id),
            fault,
        })?;
    }
    Ok(())
}

fn exceptions(policy: &Policy) -> impl Iterator<Item = (ExceptionId, &Condition)> {
    let conditions = policy.exceptions.iter().map(|one| &one.condition);
    (0..).map(ExceptionId).zip(conditions)
}

fn rules(policy: &Policy) -> impl Iterator<Item = (RuleId, &Condition)> {
    let conditions = policy.rules.iter().map(|rule| &rule.condition);
    (0..).map(RuleId).zip(conditions)
}

fn groups(policy: &Policy) -> impl Iterator<Item = (GroupId, &Condition)> {
    let conditions = policy.groups.iter().map(|group| &group.condition);
    (0..).map(GroupId).zip(conditions)
}

fn conditions(policy: &Policy) -> impl Iterator<Item = &Condition> {
    let rules = policy.rules.iter().map(|rule| &rule.condition);
    let exceptions = policy.exceptions.iter();
    rules
        .chain(policy.groups.iter().map(|group| &group.condition))
        .chain(exceptions.map(|exception| &exception.condition))
}

fn fingerprint(program: &Program) -> u64 {
    // INVARIANT: a program holds nothing that postcard cannot write.
    let bytes = postcard::to_stdvec(program).unwrap_or_default();
    first64(&bytes)
}

/// The first 64 bits of the digest of `bytes`.
fn first64(bytes: &[u8]) -> u64 {
    let digest = sha256(bytes);
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
