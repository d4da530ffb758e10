//! The decision on one operation: what the engine and the reference interpreter both return.

use serde::{Deserialize, Serialize};

use crate::facts::FactSet;
use crate::policy::RuleId;

/// How an operation is decided. The order is the order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Goes ahead, under the obligations.
    Allow,
    /// Goes ahead once every rule in `approve` is approved.
    RequireApproval,
    /// Refused; by the built-in rule `default_deny` where `block` is empty.
    Block,
}

/// The verdict and every rule that matches, by effect; ids ascend in each list.
///
/// The lists are complete also where a stronger effect decides, so that a record can tell what else would have applied.
/// The buffers are reused from decision to decision: the engine allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The outcome.
    pub verdict: Verdict,
    /// Rules that block.
    pub block: Vec<RuleId>,
    /// Rules that require approval.
    pub approve: Vec<RuleId>,
    /// Rules that allow.
    pub allow: Vec<RuleId>,
    /// Rules that mask.
    pub mask: Vec<RuleId>,
    /// Facts that could not be determined.
    pub unknown: FactSet,
}

impl Decision {
    /// A decision to write into, with room for every rule of a program with `rules` rules. It blocks.
    #[must_use]
    pub fn with_capacity(rules: usize) -> Decision {
        let list = || Vec::with_capacity(rules);
        Decision {
            verdict: Verdict::Block,
            block: list(),
            approve: list(),
            allow: list(),
            mask: list(),
            unknown: FactSet::default(),
        }
    }

    /// The rules that determined the verdict: all blocking ones, else all requiring ones, else all allowing ones.
    /// Empty exactly where the built-in `default_deny` decided. Masks are credited when they are applied, by the session.
    #[must_use]
    pub fn determining(&self) -> &[RuleId] {
        match self.verdict {
            Verdict::Block => &self.block,
            Verdict::RequireApproval => &self.approve,
            Verdict::Allow => &self.allow,
        }
    }
}
