//! The tree of a condition.

use super::{Literal, Name};
use crate::span::{Span, Spanned};

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// One of them.
    Or(Vec<Condition>),
    /// Not so.
    Not(Box<Condition>),
    /// A boolean fact, a group, or a predicate without parameters.
    Atom(Name),
    /// `writes(public.orders)`.
    Call(Call),
    /// `during office`.
    During(During),
    /// `has http.content_type`.
    Present(Name),
    /// A test of one fact.
    Comparison(Comparison),
    /// `earlier within 30m (result.classes has pii.ssn)`.
    History(Box<History>),
}

/// A test of what happened before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What is measured.
    pub measure: Spanned<Measure>,
    /// Over which operations; all of them where nothing is said.
    pub filter: Option<Condition>,
    /// Seconds that it looks back.
    pub within: Spanned<u64>,
    /// Whether it says `in this session`.
    pub in_session: bool,
    /// All of it.
    pub span: Span,
}

/// What is measured of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// `earlier`: there is one.
    Earlier,
    /// `never`: there is none.
    Never,
    /// `count(...) > 10`.
    Count(Bound),
    /// `sum(result.rows where ...) > 500`.
    Sum(Name, Bound),
    /// `distinct(sql.reads where ...) > 20`.
    Distinct(Name, Bound),
}

impl Measure {
    /// The word that it begins with.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Measure::Earlier => "earlier",
            Measure::Never => "never",
            Measure::Count(_) => "count",
            Measure::Sum(..) => "sum",
            Measure::Distinct(..) => "distinct",
        }
    }

    /// What its number is compared with, where it is written.
    #[must_use]
    pub fn bound(&self) -> Option<&Bound> {
        match self {
            Measure::Earlier | Measure::Never => None,
            Measure::Count(bound) | Measure::Sum(_, bound) | Measure::Distinct(_, bound) => {
                Some(bound)
            }
        }
    }

    /// As [`Measure::bound`], to be replaced.
    pub fn bound_mut(&mut self) -> Option<&mut Bound> {
        match self {
            Measure::Earlier | Measure::Never => None,
            Measure::Count(bound) | Measure::Sum(_, bound) | Measure::Distinct(_, bound) => {
                Some(bound)
            }
        }
    }
}

/// What a number is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// How; one of those that order numbers.
    pub operator: Spanned<Operator>,
    /// With what.
    pub number: Literal,
}

/// A predicate with values for its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: Name,
    /// The values.
    pub arguments: Vec<Literal>,
    /// All of it.
    pub span: Span,
}

/// A test of the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct During {
    /// The schedule.
    pub schedule: Name,
    /// All of it.
    pub span: Span,
}

/// `(http.content_type or "none") == "application/json"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The fact.
    pub fact: Name,
    /// What to read where it is missing.
    pub default: Option<Literal>,
    /// The test.
    pub operator: Spanned<Operator>,
    /// What it is compared with: one literal, or a list for the operators that take one.
    pub values: Vec<Literal>,
    /// All of it.
    pub span: Span,
}

/// How a fact is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    Greater,
    /// `>=`.
    AtLeast,
    /// `in [..]`.
    In,
    /// `starts with`.
    StartsWith,
    /// `under`.
    Under,
    /// `has`.
    Has,
    /// `has any [..]`.
    HasAny,
    /// `has all [..]`.
    HasAll,
    /// `within [..]`.
    Within,
    /// `(fact or true)` with no test behind it.
    Holds,
}

impl Operator {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Greater => ">",
            Operator::AtLeast => ">=",
            Operator::In => "in",
            Operator::StartsWith => "starts with",
            Operator::Under => "under",
            Operator::Has => "has",
            Operator::HasAny => "has any",
            Operator::HasAll => "has all",
            Operator::Within => "within",
            Operator::Holds => "or",
        }
    }
}
