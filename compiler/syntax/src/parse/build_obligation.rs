//! Builds what was written of limits, of rules in observe and of places in JSON documents, and answers the slips there.

use pest::iterators::Pair;

use super::build::{Builder, Outcome, add};
use crate::ast::{JsonPlace, Name, Rule as RuleItem};
use crate::code::Code;
use crate::grammar::Rule;
use crate::problem::Problem;
use crate::span::Spanned;

impl Builder {
    /// The rows of `limit rows 100`.
    pub(super) fn limit(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<i64>> {
        let parts = pair.into_inner().skip(1);
        for part in parts {
            match part.as_rule() {
                Rule::int => return Some(self.int(&part)),
                Rule::slip_limit => return Some(self.not_in_rows(&part)),
                _ => {}
            }
        }
        None
    }

    /// Answers a limit in anything but rows.
    fn not_in_rows(&mut self, slip: &Pair<'_, Rule>) -> Spanned<i64> {
        let span = self.span(slip);
        let written = slip.as_str().trim_end();
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        let help = match written.contains("byte") || written.contains('b') {
            true => "there are no limits in bytes; write how many rows come back".to_owned(),
            false => format!("write `limit rows {digits}`"),
        };
        let message = format!("`limit {written}` is not a limit");
        let problem =
            Problem::new(Code::LimitForm, message, span, "a limit counts rows").help(&*help);
        self.problems.push(match help.starts_with("write") {
            true => problem.replace(&format!("rows {digits}")),
            false => problem,
        });
        // Not zero, which would be reported once more.
        Spanned { node: 1, span }
    }

    /// An effect behind `observe`.
    pub(super) fn observed(&mut self, rule: &mut RuleItem, pair: Pair<'_, Rule>) -> Outcome {
        let mut words = Vec::new();
        for part in pair.into_inner() {
            let span = self.span(&part);
            if part.as_rule() == Rule::OBSERVE {
                words.push(span);
                continue;
            }
            let effect = self.effect(part);
            rule.observe = rule.observe.or(words.first().copied());
            if let Some(second) = words.get(1) {
                self.problems.push(
                    Problem::new(
                        Code::ObserveForm,
                        "`observe` stands twice",
                        *second,
                        "the second one",
                    )
                    .help("once is enough"),
                );
            }
            return add(&mut rule.effects, effect.map(|node| Spanned { node, span }));
        }
        Outcome::Unread
    }

    /// Answers what follows `hash`.
    pub(super) fn more_than_hash(&mut self, more: &Pair<'_, Rule>) {
        let message = format!("`hash` takes no `{}`", more.as_str().trim_end());
        let label = "the gateway has one hash and one key";
        self.problems.push(
            Problem::new(Code::HashForm, message, self.span(more), label)
                .help("write `hash` alone; the key stands in the gateway's configuration")
                .replace(""),
        );
    }

    /// What stands behind `json`.
    pub(super) fn json_place<'p>(
        &mut self,
        parts: impl Iterator<Item = Pair<'p, Rule>>,
    ) -> Option<JsonPlace> {
        let mut path: Option<Name> = None;
        for part in parts {
            match part.as_rule() {
                Rule::slip_column => self.json_column(&part),
                Rule::json_path => path = Some(self.name(&part)),
                Rule::path => {
                    return Some(JsonPlace {
                        path: path?,
                        connection: self.name(&part),
                    });
                }
                _ => {}
            }
        }
        None
    }

    /// Answers a path within a column.
    fn json_column(&mut self, column: &Pair<'_, Rule>) {
        let message = "JSON paths within a column are not supported by this version";
        self.problems.push(
            Problem::new(Code::Unsupported, message, self.span(column), "a column").help(format!(
                "hide all of it: `column {} on ...`",
                column.as_str().trim_end()
            )),
        );
    }
}
