//! Exceptions: where a rule does not hold although it matches. Which rules can have one the compiler says.

use serde::{Deserialize, Serialize};

use super::{Condition, Policy, RuleId, Source};

/// Index of an exception in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExceptionId(pub u32);

/// `exception nightly_archive to destructive_sql { ... }`: narrows one rule that blocks or requires approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception<C = Condition> {
    /// Qualified name.
    pub name: String,
    /// The rule that it narrows.
    pub rule: RuleId,
    /// `who`, `on` and `when` together, with the restriction to a protocol, and that it has not ended.
    pub condition: C,
    /// Why it exists.
    pub because: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, in UTC, as `2027-03-31`. The condition says the same.
    pub until: String,
    /// Where it stands in the sources.
    pub source: Source,
}

impl<C> Exception<C> {
    /// The exception with `change` applied to its condition.
    pub(super) fn try_map<D, E>(
        self,
        change: impl FnOnce(C) -> Result<D, E>,
    ) -> Result<Exception<D>, E> {
        Ok(Exception {
            condition: change(self.condition)?,
            name: self.name,
            rule: self.rule,
            because: self.because,
            owner: self.owner,
            until: self.until,
            source: self.source,
        })
    }
}

impl Policy {
    /// A policy that decides alike and names no exceptions: they stand in the conditions of their rules. For whoever looks at
    /// rules one by one; conditions grow with each exception.
    #[must_use]
    pub fn folding_exceptions(&self) -> Policy {
        let mut folded = self.clone();
        for exception in folded.exceptions.drain(..) {
            let Some(rule) = folded.rules.get_mut(exception.rule.0 as usize) else {
                continue;
            };
            let condition = std::mem::replace(&mut rule.condition, Condition::All(Vec::new()));
            let not = Condition::Not(Box::new(exception.condition));
            rule.condition = Condition::All(vec![condition, not]);
        }
        folded
    }
}
