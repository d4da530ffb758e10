//! The decision on one operation: what the engine and the reference interpreter both return.

use serde::{Deserialize, Serialize};

use crate::facts::FactSet;
use crate::policy::{ExceptionId, RuleId};

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
    /// Rules that limit the rows of the result; the smallest limit holds.
    pub limit: Vec<RuleId>,
    /// Rules in observe that match, which decide and oblige nothing; ascending.
    pub observed: Vec<Observed>,
    /// Rules that would block or require approval, were it not for an exception; in none of the lists above. Ascending.
    pub excepted: Vec<Excepted>,
    /// Facts that could not be determined.
    pub unknown: FactSet,
}

/// A rule that an exception lifts, and the exception. A rule that several lift is there for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Excepted {
    /// The rule.
    pub rule: RuleId,
    /// The exception.
    pub exception: ExceptionId,
}

/// What a rule in observe would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Observed {
    /// What.
    pub would: Would,
    /// The rule. One that allows with a limit is named for both.
    pub rule: RuleId,
}

/// What a rule would do if it were not in observe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Would {
    /// Block.
    Block,
    /// Require approval.
    RequireApproval,
    /// Allow.
    Allow,
    /// Mask.
    Mask,
    /// Limit the rows.
    Limit,
}

impl Would {
    /// All, in the order of [`Observed`].
    pub const ALL: [Would; 5] = [
        Would::Block,
        Would::RequireApproval,
        Would::Allow,
        Would::Mask,
        Would::Limit,
    ];

    /// The word for it in records and in the output of tools.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Would::Block => "block",
            Would::RequireApproval => "require_approval",
            Would::Allow => "allow",
            Would::Mask => "mask",
            Would::Limit => "limit",
        }
    }
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
            limit: list(),
            // A rule that allows with a limit is there twice.
            observed: Vec::with_capacity(rules.saturating_mul(2)),
            // Mostly one for a rule; where there are more, the first decision that needs it makes the room.
            excepted: Vec::with_capacity(rules.saturating_mul(2)),
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

    /// Whether a rule matches, decides or not; also one in observe. One that an exception lifts does not.
    #[must_use]
    pub fn matches(&self, rule: RuleId) -> bool {
        let lists = [
            &self.block,
            &self.approve,
            &self.allow,
            &self.mask,
            &self.limit,
        ];
        let observed = self.observed.iter().any(|seen| seen.rule == rule);
        observed || lists.iter().any(|list| list.contains(&rule))
    }
}
