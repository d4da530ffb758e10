//! How large a condition may be, and how large one is.

use hpol_bundle::policy::{Condition, MAX_DEPTH, Predicate};
use hpol_syntax::ast;

/// Tests in one condition, groups folded in. Far beyond what can be read; keeps the decision graph small.
const MAX_TESTS: usize = 1_000;
/// Values in the lists of one condition. Longer lists belong into a group of the identity provider or a schema.
const MAX_VALUES: usize = 10_000;
/// Levels of one condition. The rule's own, and the `not` of `everyone except`, come on top.
const MAX_LEVELS: usize = MAX_DEPTH - 2;

/// How large a condition is.
#[derive(Default)]
pub(super) struct Size {
    tests: usize,
    values: usize,
    depth: usize,
}

impl Size {
    /// What is too much, if anything is.
    pub(super) fn excess(&self) -> Option<String> {
        let (found, most) = match self {
            Size { tests, .. } if *tests > MAX_TESTS => (format!("holds {tests} tests"), MAX_TESTS),
            Size { values, .. } if *values > MAX_VALUES => {
                (format!("holds {values} values"), MAX_VALUES)
            }
            Size { depth, .. } if *depth > MAX_LEVELS => {
                (format!("nests {depth} deep"), MAX_LEVELS)
            }
            _ => return None,
        };
        Some(format!("{found}; at most {most} are possible"))
    }

    /// Adds a condition as it is written, names not looked up.
    pub(super) fn add_written(&mut self, condition: &ast::Condition) {
        match condition {
            ast::Condition::And(parts) | ast::Condition::Or(parts) => {
                parts.iter().for_each(|part| self.add_written(part))
            }
            ast::Condition::Not(inner) => self.add_written(inner),
            ast::Condition::Atom(_) | ast::Condition::During(_) | ast::Condition::Present(_) => {
                self.tests += 1
            }
            ast::Condition::Call(call) => {
                self.tests += 1;
                self.values += call.arguments.len();
            }
            ast::Condition::History(history) => {
                self.tests += 1;
                history
                    .filter
                    .iter()
                    .for_each(|filter| self.add_written(filter));
            }
            ast::Condition::Comparison(comparison) => {
                self.tests += 1;
                self.values += comparison.values.len();
            }
        }
    }

    pub(super) fn add(&mut self, condition: &Condition, level: usize) {
        self.depth = self.depth.max(level);
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.add(part, level + 1))
            }
            Condition::Not(inner) => self.add(inner, level + 1),
            Condition::History(test) => {
                self.tests += 1;
                self.add(&test.history.filter, level + 1);
            }
            Condition::Test(test) => {
                self.tests += 1;
                self.values += match &test.predicate {
                    Predicate::In(values)
                    | Predicate::HasAny(values)
                    | Predicate::HasAll(values)
                    | Predicate::Within(values) => values.len(),
                    _ => 1,
                };
            }
        }
    }
}
