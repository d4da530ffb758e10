//! The tree of an exception to a rule.

use super::{Condition, Name, On, Who};
use crate::span::Spanned;

/// `exception nightly to no_drops { ... }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its name.
    pub name: Name,
    /// The rule that it narrows.
    pub rule: Name,
    /// Whom it concerns.
    pub who: Option<Who>,
    /// Where it applies.
    pub on: Option<On>,
    /// When it applies.
    pub when: Option<Condition>,
    /// When it does not, although all else holds.
    pub unless: Option<Condition>,
    /// Why it exists.
    pub because: Option<Spanned<String>>,
    /// Who answers for it.
    pub owner: Option<Spanned<String>>,
    /// The last day on which it holds, as written: `2027-03-31`.
    pub until: Option<Spanned<String>>,
    /// False where a clause could not be read.
    pub complete: bool,
}
