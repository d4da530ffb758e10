//! Controls that others cover: the policy says who and why, for reports on what is covered. Decides nothing.

use serde::{Deserialize, Serialize};

use super::Source;

/// `responsibility AC-2 "Identity team" because "..."`; one for each control.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Responsibility {
    /// OSCAL form: `ac-6.9`.
    pub control: String,
    /// Who covers it.
    pub who: String,
    /// Why it is covered there.
    pub because: String,
    /// Where that stands.
    pub source: Source,
}
