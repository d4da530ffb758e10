//! The tree of a statement about controls that somebody else covers.

use super::Name;
use crate::span::Spanned;

/// `responsibility AC-2 "Identity team" because "..."`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responsibility {
    /// The controls, as written, blanks taken out.
    pub controls: Vec<Name>,
    /// Who covers them.
    pub who: Spanned<String>,
    /// Why they are covered there.
    pub because: Spanned<String>,
}
