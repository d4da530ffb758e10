//! The decision graph in its bit-vector form: what the engine evaluates.
//!
//! Every condition is a disjunction of clauses, and a clause is a bit. For each fact that some condition reads there is
//! a table from the class of its value to the clauses that this value keeps; a decision is the AND over the facts.
//! Made by [`lower`], checked by `validate` when it comes out of a file, evaluated by the engine.

pub mod dag;
pub mod history;
pub mod lower;

mod classes;
mod validate;

use serde::{Deserialize, Serialize};

use crate::decision::Would;
use crate::policy::history::History;
use crate::policy::{RuleId, Unread};
use crate::vocabulary::{FactId, Phase, Protocol};

use history::{HistoryKey, Look, Looking};

pub use classes::{Bounds, ClassIndex, Texts, Values};
pub use validate::InvalidProgram;

/// All rules and groups of a policy, ready to be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    rules: u32,
    fingerprint: u64,
    fields: Vec<Field>,
    /// One for each of `Protocol::ALL`, in that order.
    shards: Vec<Shard>,
    groups: Shard,
    histories: Vec<History<Unread>>,
    history_keys: Vec<HistoryKey>,
    filters: Shard,
    looks: Vec<Look>,
    /// For each exception of the policy, the rule that it lifts.
    exceptions: Vec<RuleId>,
}

impl Program {
    /// How many rules the policy has; room for a [`crate::decision::Decision`].
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules as usize
    }

    /// Tells programs apart, so that what was specialised for one is not used with another.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The facts that conditions read, in the order of their ids.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The rules that can apply on connections of `kind`.
    #[must_use]
    pub fn shard(&self, kind: Protocol) -> Option<&Shard> {
        let index = Protocol::ALL.iter().position(|known| *known == kind)?;
        self.shards.get(index)
    }

    /// The rule that the exception of a clause with [`Role::Exception`] or [`Role::Doubt`] is to.
    #[must_use]
    pub fn lifted(&self, clause: &Clause) -> Option<RuleId> {
        self.exceptions.get(clause.owner as usize).copied()
    }

    /// The groups; a clause's `owner` is a group's id here.
    #[must_use]
    pub fn groups(&self) -> &Shard {
        &self.groups
    }
}

/// A fact that conditions read, and how its values fall into classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The fact.
    pub fact: FactId,
    /// When it is known; facts of the session are evaluated once, when it opens.
    pub phase: Phase,
    /// The classes of its values. Values of one class are alike to every condition.
    pub values: Values,
}

/// What a clause stands for. The order is the order of the bits: the first one left decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// An exception that definitely applies: its rule counts as if it did not match.
    Exception,
    /// An exception to a rule that requires approval, which is not definitely out of the question: the rule does not grant.
    Doubt,
    /// A block that is not definitely out of the question.
    Block,
    /// A requirement of approval that is not definitely out of the question: it restricts.
    ApprovalRestricts,
    /// A requirement of approval that definitely applies: it grants what is then approved.
    ApprovalGrants,
    /// An allow that definitely applies.
    Allow,
    /// A mask that is not definitely out of the question.
    Mask,
    /// A limit that is not definitely out of the question.
    Limit,
    /// A rule in observe, by the same measure as one that is not.
    Observed(Would),
    /// A group to which the subject definitely belongs.
    Member,
    /// A measurement of history that definitely looks at an operation.
    Counts,
    /// A measurement of history that does not definitely pass an operation over.
    MayCount,
}

impl Role {
    /// Whether something unknown counts as true: what restricts counts unless it is definitely false; what grants or
    /// lifts, and membership, only if it is definitely true.
    #[must_use]
    pub fn unknown_holds(self) -> bool {
        match self {
            Role::Doubt
            | Role::Block
            | Role::ApprovalRestricts
            | Role::Mask
            | Role::Limit
            | Role::MayCount
            | Role::Observed(Would::Block | Would::RequireApproval | Would::Mask | Would::Limit) => {
                true
            }
            Role::Exception
            | Role::ApprovalGrants
            | Role::Allow
            | Role::Member
            | Role::Counts
            | Role::Observed(Would::Allow) => false,
        }
    }
}

/// One conjunction of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Clause {
    /// What it stands for.
    pub role: Role,
    /// The rule (for [`Role::Member`] the group, for [`Role::Exception`] and [`Role::Doubt`] the exception, for
    /// [`Role::Counts`] and [`Role::MayCount`] the measurement) it belongs to.
    pub owner: u32,
}

impl Clause {
    /// The rule it belongs to.
    #[must_use]
    pub fn rule(&self) -> RuleId {
        RuleId(self.owner)
    }
}

/// The clauses that can apply together: those of one kind of connection, or those of the groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Bit `i` is `clauses[i]`; ascending by role, then owner.
    clauses: Vec<Clause>,
    tables: Vec<Table>,
    /// Ascending.
    looking: Vec<Looking>,
}

impl Shard {
    /// The clause of bit `bit`.
    #[must_use]
    pub fn clause(&self, bit: usize) -> Option<&Clause> {
        self.clauses.get(bit)
    }

    /// How many clauses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clauses.len()
    }

    /// Whether no clause can ever apply.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// 64-bit words in a set of clauses.
    #[must_use]
    pub fn words(&self) -> usize {
        self.clauses.len().div_ceil(64)
    }

    /// The tables, one for each fact that a clause of this shard reads, in the order of the facts.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }
}

/// What the values of one fact keep.
///
/// The first plane asks of *every* element (a single value counts as a set of one): the clauses kept are those that
/// all elements keep. Each further plane asks for *some* element: the clauses kept are those that one element keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    field: u32,
    every: Plane,
    some: Vec<Plane>,
}

impl Table {
    /// Index of the fact in [`Program::fields`].
    #[must_use]
    pub fn field(&self) -> usize {
        self.field as usize
    }

    /// The plane that asks of every element.
    #[must_use]
    pub fn every(&self) -> &Plane {
        &self.every
    }

    /// The planes that ask for some element; none for a fact with a single value.
    #[must_use]
    pub fn some(&self) -> &[Plane] {
        &self.some
    }
}

/// From class to the set of clauses it keeps. Most classes differ from the first value class in a few words only, so a
/// row is that class's words and the words that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plane {
    /// What the empty set keeps.
    empty: Vec<u64>,
    /// What the first value class keeps.
    base: Vec<u64>,
    /// For each class, where its differences end; they begin where those of the class before end.
    ends: Vec<u32>,
    differences: Vec<Difference>,
}

/// One word of a row that differs from the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which word; ascending within a row.
    pub word: u32,
    /// What stands there instead.
    pub bits: u64,
}

/// A set of clauses: `base`, but for the words in `differences`.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The words, from bit 0.
    pub base: &'a [u64],
    /// The words that differ, ascending.
    pub differences: &'a [Difference],
}

impl Plane {
    /// What `class` keeps.
    #[must_use]
    pub fn row(&self, class: ClassIndex) -> Row<'_> {
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let index = class.index();
        let start = index.checked_sub(1).map_or(0, end);
        // INVARIANT: ends ascend and stay within the differences; `validate` has checked it. A table that were broken
        // all the same would keep nothing.
        match self.differences.get(start..end(index)) {
            Some(differences) => Row {
                base: &self.base,
                differences,
            },
            None => Row {
                base: &[],
                differences: &[],
            },
        }
    }

    /// What the empty set keeps.
    #[must_use]
    pub fn empty(&self) -> Row<'_> {
        Row {
            base: &self.empty,
            differences: &[],
        }
    }
}
