//! Builds the labels of connections, and what chooses connections by them.

use std::collections::BTreeSet;

use pest::iterators::Pair;

use super::build::Builder;
use crate::ast::{Label, Selection};
use crate::code::Code;
use crate::grammar::Rule;
use crate::problem::Problem;

impl Builder {
    /// `labels { env = "prod", tier = "1" }`.
    pub(super) fn labels(&mut self, pair: Pair<'_, Rule>) -> Vec<Label> {
        let mut labels: Vec<Label> = Vec::new();
        let mut names = BTreeSet::new();
        let parts = pair.into_inner();
        for part in parts.filter(|part| part.as_rule() == Rule::label) {
            let mut parts = part.into_inner();
            let (Some(name), Some(value)) = (parts.next(), parts.nth(1)) else {
                continue;
            };
            let label = Label {
                name: self.name(&name),
                value: self.string(&value),
            };
            if names.insert(label.name.node.clone()) {
                labels.push(label);
            } else {
                let message = format!("label `{}` stands twice", label.name.node);
                let problem = Problem::new(Code::ClauseTwice, message, label.name.span, "again");
                self.problems
                    .push(problem.help("a connection has one value for each label"));
            }
        }
        labels
    }

    /// What stands behind `connections where`.
    pub(super) fn selection(&mut self, pair: Pair<'_, Rule>) -> Option<Selection> {
        let all = pair.as_rule() == Rule::selected_all;
        let mut parts = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::selected_all => parts.push(self.selection(part)?),
                Rule::selected => parts.push(self.selected(part)?),
                _ => self.foreign(&part),
            }
        }
        Some(match (parts.len(), all) {
            (1, _) => parts.pop()?,
            (_, true) => Selection::All(parts),
            (_, false) => Selection::Any(parts),
        })
    }

    fn selected(&mut self, pair: Pair<'_, Rule>) -> Option<Selection> {
        let (mut negative, mut inner) = (false, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::NOT | Rule::slip_not => {
                    self.foreign(&part);
                    negative = !negative;
                }
                Rule::label_test => inner = Some(self.label_test(part)?),
                Rule::selection => inner = Some(self.selection(part)?),
                _ => {}
            }
        }
        Some(match negative {
            true => Selection::Not(Box::new(inner?)),
            false => inner?,
        })
    }

    fn label_test(&mut self, pair: Pair<'_, Rule>) -> Option<Selection> {
        let (mut label, mut values, mut negative, mut has) = (None, Vec::new(), false, false);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::word => label = Some(self.name(&part)),
                Rule::string => values.push(self.string(&part)),
                Rule::texts => {
                    let texts = part.into_inner();
                    let texts = texts.filter(|part| part.as_rule() == Rule::string);
                    values.extend(texts.map(|text| self.string(&text)));
                }
                Rule::HAS => has = true,
                Rule::NOT_EQUAL => negative = true,
                _ => self.foreign(&part),
            }
        }
        let label = label?;
        Some(match (has, negative) {
            (true, _) => Selection::Has(label),
            (false, false) => Selection::Is { label, values },
            (false, true) => Selection::Not(Box::new(Selection::Is { label, values })),
        })
    }
}
