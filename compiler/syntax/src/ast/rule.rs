//! The tree of a rule: what it claims, whom and what it concerns, and what it does.

use super::{Condition, Name};
use crate::span::{Span, Spanned};

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: Name,
    /// The title in quotes.
    pub title: Option<Spanned<String>>,
    /// What it claims.
    pub satisfies: Option<Satisfies>,
    /// Why it exists.
    pub because: Option<Spanned<String>>,
    /// Whom it concerns.
    pub who: Option<Who>,
    /// Where it applies.
    pub on: Option<On>,
    /// When it applies.
    pub when: Option<Condition>,
    /// When it does not, although all else holds.
    pub unless: Option<Condition>,
    /// What it does; a rule that is right has exactly one.
    pub effects: Vec<Spanned<Effect>>,
    /// Where it says that it is only observed.
    pub observe: Option<Span>,
    /// False where a clause could not be read, so that what is missing may only be misspelt.
    pub complete: bool,
}

/// The controls that a rule claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Satisfies {
    /// `satisfies none because "..."`.
    None {
        /// Why.
        because: Spanned<String>,
    },
    /// `satisfies AC-3, AC-6(10) because "..."`.
    Controls {
        /// As written, blanks taken out.
        controls: Vec<Name>,
        /// Why, for controls that the mechanism table does not carry.
        because: Option<Spanned<String>>,
    },
}

/// Whom a rule concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// `everyone`.
    Everyone(Span),
    /// `everyone except dbas`.
    EveryoneExcept(Condition),
    /// `agents`, or any condition over the subject.
    Those(Condition),
}

/// Where a rule applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// `on any`.
    Any(Span),
    /// `on orders_db, crm`.
    Connections(Vec<Name>),
    /// `on connections where env == "prod"`.
    Labelled(Spanned<Selection>),
}

/// Which connections labels choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them hold.
    All(Vec<Selection>),
    /// One of them holds.
    Any(Vec<Selection>),
    /// It does not hold.
    Not(Box<Selection>),
    /// The label has one of these values.
    Is {
        /// The label.
        label: Name,
        /// The values.
        values: Vec<Spanned<String>>,
    },
    /// There is such a label.
    Has(Name),
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// `allow limit rows 10_000`.
    Allow {
        /// Rows at most.
        rows: Option<Spanned<i64>>,
    },
    /// `block "message"`.
    Block {
        /// What to do instead.
        message: Option<Spanned<String>>,
        /// `terminate session`.
        terminates: bool,
    },
    /// `require approval by 2 of dbas within 15m`.
    RequireApproval {
        /// How many.
        quorum: Spanned<i64>,
        /// Of whom.
        group: Name,
        /// Seconds that the request waits.
        within: Spanned<u64>,
        /// `for 1h`: seconds that the approval stands.
        stands: Option<Spanned<u64>>,
    },
    /// `require justification reviewed by dbas`.
    RequireJustification {
        /// Who reviews it afterwards.
        reviewers: Name,
    },
    /// `mask pii.ssn keep last 4`.
    Mask {
        /// What.
        class: Name,
        /// How.
        masker: Masker,
    },
    /// `limit rows 10_000`.
    Limit {
        /// Rows at most.
        rows: Spanned<i64>,
    },
}

/// How a value is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Masker {
    /// `redact`, also where nothing is written.
    Redact,
    /// `hash`.
    Hash,
    /// `null`.
    Null,
    /// `keep last 4`.
    KeepLast(Spanned<i64>),
    /// `keep first 4`.
    KeepFirst(Spanned<i64>),
}
