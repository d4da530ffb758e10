//! The typed policy tree: what the checker produces, what the reference interpreter reads, and what the decision graph
//! is lowered from. Names are resolved, types are checked, groups and `on` are folded into conditions.

mod exception;
mod flat;
pub mod history;
mod observe;
mod responsibility;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::Value;
use crate::vocabulary::{FactId, Protocol};
use history::HistoryTest;

pub use exception::{Exception, ExceptionId};
pub use responsibility::Responsibility;

/// How deep conditions nest; more than anyone can read, and far from what a stack holds.
pub const MAX_DEPTH: usize = 64;

/// Index of a rule in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleId(pub u32);

/// Index of a group in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId(pub u32);

/// Index of a data class in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassId(pub u32);

/// A whole policy: every package that was compiled together. Its meaning does not depend on the order of the lists,
/// but the ids do, so they are sorted by qualified name.
///
/// `C` is what stands for conditions: [`Condition`], or [`Unread`] where they were not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy<C = Condition> {
    /// Connections that rules name.
    pub connections: Vec<Connection>,
    /// Named conditions over the subject.
    pub groups: Vec<Group<C>>,
    /// Kinds of sensitive data.
    pub classes: Vec<DataClass>,
    /// The rules.
    pub rules: Vec<Rule<C>>,
    /// Where rules do not hold although they match.
    pub exceptions: Vec<Exception<C>>,
    /// Controls that somebody else covers; sorted.
    pub responsibilities: Vec<Responsibility>,
}

/// Stands for a condition that was not read: what decides evaluates the program, and never looks at conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unread;

/// The policy of nobody about nothing.
impl<C> Default for Policy<C> {
    fn default() -> Policy<C> {
        Policy {
            connections: Vec::new(),
            groups: Vec::new(),
            classes: Vec::new(),
            rules: Vec::new(),
            exceptions: Vec::new(),
            responsibilities: Vec::new(),
        }
    }
}

impl<C> Policy<C> {
    /// The policy without its conditions.
    #[must_use]
    pub fn unread(self) -> Policy<Unread> {
        match self.try_map(|_| Ok::<_, std::convert::Infallible>(Unread)) {
            Ok(policy) => policy,
        }
    }

    /// The policy with `change` applied to each condition, those of the groups first, then of the rules and the exceptions,
    /// and the first failure if one fails.
    ///
    /// # Errors
    /// What `change` fails with.
    pub fn try_map<D, E>(self, mut change: impl FnMut(C) -> Result<D, E>) -> Result<Policy<D>, E> {
        let mut groups = Vec::with_capacity(self.groups.len());
        for Group { name, condition } in self.groups {
            let condition = change(condition)?;
            groups.push(Group { name, condition });
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for rule in self.rules {
            rules.push(Rule {
                condition: change(rule.condition)?,
                name: rule.name,
                title: rule.title,
                because: rule.because,
                claims: rule.claims,
                effect: rule.effect,
                observe: rule.observe,
                source: rule.source,
            });
        }
        let exceptions = self.exceptions.into_iter();
        let exceptions = exceptions.map(|exception| exception.try_map(&mut change));
        Ok(Policy {
            connections: self.connections,
            groups,
            classes: self.classes,
            rules,
            exceptions: exceptions.collect::<Result<_, E>>()?,
            responsibilities: self.responsibilities,
        })
    }
}

/// `connection orders_db = postgres "orders-prod"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Qualified name: `package.name`.
    pub name: String,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The connection's name in the gateway's configuration.
    pub target: String,
    /// Whether it is only observed: what rules would block or hold there goes ahead, and is recorded.
    pub observe: bool,
}

/// `group dbas = subject.groups has "dba"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group<C = Condition> {
    /// Qualified name.
    pub name: String,
    /// Who belongs to it; reads facts of the subject only.
    pub condition: C,
}

/// `data pii.ssn { ... }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataClass {
    /// Name as written, such as `pii.ssn`, qualified by package.
    pub name: String,
    /// Where it is stored.
    pub columns: Vec<Column>,
    /// Where it stands in JSON documents.
    pub json: Vec<JsonPath>,
    /// How it looks: names of built-in detectors such as `us_ssn`.
    pub detectors: Vec<String>,
}

/// Steps of one JSON path; deeper than documents that people name places in.
pub const MAX_JSON_STEPS: usize = 32;

/// A place in the JSON documents of one connection that holds a data class: `$.customer.ssn`. What stands there is of the
/// class whatever it is, of an object or array everything within.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JsonPath {
    /// The connection's name in the gateway's configuration.
    pub target: String,
    /// From the root of the document; at least 1 and at most [`MAX_JSON_STEPS`].
    pub steps: Vec<JsonStep>,
}

/// A step into a JSON document, as in RFC 9535 section 2.3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum JsonStep {
    /// The member of an object that has this name, escapes resolved: `.ssn`, `['ssn']`.
    Member(String),
    /// Every member of an object and every element of an array: `.*`, `[*]`.
    Any,
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().try_for_each(|step| match step {
            JsonStep::Any => f.write_str("[*]"),
            JsonStep::Member(name) if is_plain(name) => write!(f, ".{name}"),
            JsonStep::Member(name) => write!(f, "[{name:?}]"),
        })
    }
}

/// Whether a member can be written without quotes.
fn is_plain(name: &str) -> bool {
    let word = |character: char| character == '_' || character.is_ascii_alphanumeric();
    name.chars().all(word)
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
}

/// A column that holds a data class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Column {
    /// The connection's name in the gateway's configuration.
    pub target: String,
    /// Schema, as PostgreSQL stores the name.
    pub schema: String,
    /// Table, as PostgreSQL stores the name.
    pub table: String,
    /// Column, as PostgreSQL stores the name.
    pub column: String,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule<C = Condition> {
    /// Qualified name: `package.name`.
    pub name: String,
    /// The title in quotes after the name; empty where there is none.
    pub title: String,
    /// Why the rule exists; empty where the author gave no reason.
    pub because: String,
    /// The controls it claims, in OSCAL order.
    pub claims: Vec<Claim>,
    /// `who`, `on` and `when` together, with the restriction to a protocol that its facts imply.
    pub condition: C,
    /// What it does.
    pub effect: Effect,
    /// Whether it is only observed: it is evaluated and recorded, and does nothing.
    pub observe: bool,
    /// Where it stands in the sources.
    pub source: Source,
}

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Source {
    /// File, relative to the policy's root, with `/`.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
}

/// A control that a rule claims, and what earns the claim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// OSCAL form: `ac-6.9`.
    pub control: String,
    /// How strong the claim is.
    pub strength: Strength,
    /// Id of the mechanism that earns it (`M10`); empty for a claim by `because` alone.
    pub mechanism: String,
    /// The author's reason, where the claim goes beyond the mechanism table.
    pub because: Option<String>,
}

/// How much of a control a mechanism carries; exactly these three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Its records show that another party did it.
    Evidences,
    /// Does a part, or does it together with something the organisation does.
    Supports,
    /// Does what the control says for traffic through the gateway.
    Implements,
}

impl Strength {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Strength::Evidences => "evidences",
            Strength::Supports => "supports",
            Strength::Implements => "implements",
        }
    }
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Grants, and lets at most so many rows come back.
    Allow {
        /// At least 1; no limit where there is none.
        rows: Option<u64>,
    },
    /// Refuses, and says what to do instead; the message may be empty.
    Block {
        /// What to do instead.
        message: String,
        /// Whether the session ends with it.
        terminates: bool,
    },
    /// Grants once `quorum` different members of `group`, none of them the requester, have approved.
    RequireApproval {
        /// How many must approve; at least 1.
        quorum: u32,
        /// Who may approve.
        group: GroupId,
        /// How long the request waits.
        within_seconds: u64,
        /// How long an approval that was given stands for what this rule requires of the same subject on the same connection;
        /// at least 1. For its one operation alone where there is none.
        stands_seconds: Option<u64>,
    },
    /// Grants where a justification was given, and blocks where none was.
    RequireJustification {
        /// Who reviews what was granted so.
        reviewers: GroupId,
        /// The fact that tells the justification: missing where none was given.
        given: FactId,
    },
    /// Hides a data class in what comes back. Grants nothing.
    Mask {
        /// What is hidden.
        class: ClassId,
        /// How.
        mask: Mask,
    },
    /// Lets at most so many rows come back. Grants nothing.
    Limit {
        /// At least 1.
        rows: u64,
    },
}

impl Effect {
    /// Grants without an obligation.
    pub const ALLOW: Effect = Effect::Allow { rows: None };

    /// How many rows come back at most, where it says so.
    #[must_use]
    pub fn row_limit(&self) -> Option<u64> {
        match self {
            Effect::Allow { rows } => *rows,
            Effect::Limit { rows } => Some(*rows),
            Effect::Block { .. }
            | Effect::RequireApproval { .. }
            | Effect::RequireJustification { .. }
            | Effect::Mask { .. } => None,
        }
    }
}

/// How a value is hidden. [`Mask::strictness`] is the documented total order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mask {
    /// The last `n` characters stay.
    KeepLast(u32),
    /// The first `n` characters stay.
    KeepFirst(u32),
    /// A token stays that is the same for the same value, made with a key of the gateway's.
    Hash,
    /// Nothing stays but that there was a value.
    Redact,
    /// The value becomes NULL.
    Null,
}

impl Mask {
    /// Greater is stricter: keep last n < keep first n < hash < redact < null; among keeps of one kind fewer characters are stricter.
    #[must_use]
    pub fn strictness(self) -> (u8, u32) {
        match self {
            Mask::KeepLast(kept) => (0, u32::MAX - kept),
            Mask::KeepFirst(kept) => (1, u32::MAX - kept),
            Mask::Hash => (2, 0),
            Mask::Redact => (3, 0),
            Mask::Null => (4, 0),
        }
    }
}

/// A condition. Its value is true, false or unknown; how unknown counts is the effect's polarity (lang-spec, semantics 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "flat::Flat")]
pub enum Condition {
    /// True if all are; an empty list is true.
    All(Vec<Condition>),
    /// True if one is; an empty list is false.
    Any(Vec<Condition>),
    /// The opposite; unknown stays unknown.
    Not(Box<Condition>),
    /// A test of one fact.
    Test(Test),
    /// A test of what happened before; not in groups, and not within another.
    History(Box<HistoryTest>),
}

/// A test of one fact. On an unknown fact it is unknown; on a missing one it reads `default`, and without one is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The fact.
    pub fact: FactId,
    /// What to read where it is missing: `sql.limit or 0`.
    pub default: Option<Value>,
    /// The test.
    pub predicate: Predicate,
}

/// What a test asks. The checker has made the predicate fit the fact's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Predicate {
    /// `has http.content_type`: true if known, false if missing.
    Present,
    /// A boolean fact is true.
    IsTrue,
    /// Text equals one of these.
    In(Vec<Box<str>>),
    /// Text starts with this.
    StartsWith(Box<str>),
    /// A number lies in this closed range.
    Between(i64, i64),
    /// A set has at least one of these.
    HasAny(Vec<Box<str>>),
    /// A set has all of these.
    HasAll(Vec<Box<str>>),
    /// A set has nothing but these; true for the empty set.
    Within(Vec<Box<str>>),
}
