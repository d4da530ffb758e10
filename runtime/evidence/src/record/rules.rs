//! What records tell of rules that did not decide, and of the controls that those which did are evidence for.

use serde::{Deserialize, Serialize};

/// A rule in observe that matched. It did nothing, and earns no control.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObservedRecord {
    /// The rule by qualified name.
    pub rule: String,
    /// What it would have done: `block`, `require_approval`, `allow`, `mask` or `limit`.
    pub would: String,
}

/// What rules would have done on a connection in observe. Nothing was blocked or held, and no control is earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldRecord {
    /// `block` or `require_approval`.
    pub verdict: String,
    /// The rules that say so; `default_deny` where no rule allows it.
    pub rules: Vec<String>,
}

/// An exception that lifted a rule: without it, the rule would have been among those that decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExceptionRecord {
    /// The exception by qualified name.
    pub exception: String,
    /// The rule that it lifted.
    pub rule: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, in UTC: `2027-03-31`.
    pub until: String,
}

/// A control, what earned it and how strong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ControlRecord {
    /// OSCAL form: `ac-6.9`.
    pub id: String,
    /// `implements`, `supports` or `evidences`.
    pub strength: String,
    /// Mechanism id (`M10`); empty where the author's reason alone claims it.
    pub mechanism: String,
    /// The rule that claims it; `gateway` for mechanisms that are always on.
    pub rule: String,
}
