//! Exceptions: where a rule does not hold although it matches. Which rules can have one the compiler says.

use std::collections::BTreeMap;

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
        let mut lifted: BTreeMap<u32, Vec<Condition>> = BTreeMap::new();
        for exception in folded.exceptions.drain(..) {
            let not = Condition::Not(Box::new(exception.condition));
            lifted.entry(exception.rule.0).or_default().push(not);
        }
        // All of one rule on one level: conditions may not be nested deeply.
        for (rule, mut parts) in lifted {
            let Some(rule) = folded.rules.get_mut(rule as usize) else {
                continue;
            };
            let condition = std::mem::replace(&mut rule.condition, Condition::All(Vec::new()));
            parts.insert(0, condition);
            rule.condition = Condition::All(parts);
        }
        folded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Effect, Rule};

    fn source() -> Source {
        Source {
            file: String::new(),
            line: 1,
            end_line: 1,
        }
    }

    #[test]
    fn exceptions_of_one_rule_are_folded_on_one_level() {
        let exception = |index: usize| Exception {
            name: format!("e{index}"),
            rule: RuleId(0),
            condition: Condition::Any(Vec::new()),
            because: String::new(),
            owner: String::new(),
            until: "2027-03-31".to_owned(),
            source: source(),
        };
        let rule = Rule {
            name: "r".to_owned(),
            title: String::new(),
            because: String::new(),
            claims: Vec::new(),
            condition: Condition::All(Vec::new()),
            effect: Effect::Block {
                message: String::new(),
                terminates: false,
            },
            observe: false,
            source: source(),
        };
        let policy = Policy {
            rules: vec![rule],
            exceptions: (0..1_000).map(exception).collect(),
            ..Policy::default()
        };
        let folded = policy.folding_exceptions();
        assert!(folded.exceptions.is_empty());
        let Condition::All(parts) = &folded.rules[0].condition else {
            panic!("not all of its parts");
        };
        assert_eq!(parts.len(), 1_001);
        let not = Condition::Not(Box::new(Condition::Any(Vec::new())));
        assert!(parts.iter().skip(1).all(|part| *part == not));
    }
}
