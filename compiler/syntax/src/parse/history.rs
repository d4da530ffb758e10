//! Builds conditions on what happened before, and what tests say of it.

use pest::iterators::Pair;

use super::build::Builder;
use crate::ast::{Before, Bound, History, Measure};
use crate::grammar::Rule;
use crate::span::{Span, Spanned};

impl Builder {
    /// `earlier within 30m (...)`, `count(...) within 1h > 10`, and their likes.
    pub(super) fn history(&mut self, pair: Pair<'_, Rule>) -> Option<History> {
        let span = self.span(&pair);
        let (mut keyword, mut fact, mut filter) = (None, None, None);
        let (mut window, mut bound) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::EARLIER | Rule::NEVER | Rule::COUNT | Rule::SUM | Rule::DISTINCT => {
                    keyword = Some((part.as_rule(), self.span(&part)));
                }
                Rule::path => fact = Some(self.name(&part)),
                Rule::condition => filter = Some(self.condition(part)?),
                Rule::filtered => {
                    let mut parts = part.into_inner();
                    let condition = parts.find(|part| part.as_rule() == Rule::condition)?;
                    filter = Some(self.condition(condition)?);
                }
                Rule::window => window = Some(self.window(part)?),
                Rule::order_test => {
                    let (operator, values) = self.test(part)?;
                    let number = values.into_iter().next()?;
                    bound = Some(Bound { operator, number });
                }
                _ => {}
            }
        }
        let (keyword, place) = keyword?;
        let measure = match keyword {
            Rule::EARLIER => Measure::Earlier,
            Rule::NEVER => Measure::Never,
            Rule::COUNT => Measure::Count(bound?),
            Rule::SUM => Measure::Sum(fact?, bound?),
            _ => Measure::Distinct(fact?, bound?),
        };
        let (within, in_session) = window?;
        Some(History {
            measure: Spanned {
                node: measure,
                span: place,
            },
            filter,
            within,
            in_session: in_session.is_some(),
            span,
        })
    }

    /// `earlier 5m ago (...)` of a test.
    pub(super) fn before(&mut self, pair: Pair<'_, Rule>) -> Option<Before> {
        let mut before = Before::default();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::duration => before.ago = Some(self.duration(&part)),
                Rule::int => before.times = Some(self.int(&part)),
                Rule::sql_clause | Rule::http_clause => {
                    before.operations.push(self.operation(part)?);
                }
                Rule::in_session => before.in_session.push(self.span(&part)),
                rule => {
                    for part in part.into_inner() {
                        match (rule, part.as_rule()) {
                            (Rule::earlier_on, Rule::path) => before.on.push(self.name(&part)),
                            (Rule::earlier_rows, Rule::int) => before.rows.push(self.int(&part)),
                            (Rule::earlier_bytes, Rule::int) => before.bytes.push(self.int(&part)),
                            (Rule::earlier_releasing, Rule::path) => {
                                before.releasing.push(self.name(&part));
                            }
                            (Rule::expect_masking, Rule::path) => {
                                before.masking.push(self.name(&part));
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        Some(before)
    }

    /// How far back, and where `in this session` stands.
    fn window(&mut self, pair: Pair<'_, Rule>) -> Option<(Spanned<u64>, Option<Span>)> {
        let (mut within, mut in_session) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::duration => within = Some(self.duration(&part)),
                Rule::in_session => in_session = Some(self.span(&part)),
                _ => {}
            }
        }
        Some((within?, in_session))
    }
}
