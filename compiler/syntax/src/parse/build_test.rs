//! Builds the clauses of tests.

use pest::iterators::Pair;

use super::build::{Builder, Outcome, add, put};
use crate::ast::{Expect, Operation, Subject, Test, Verdict};
use crate::grammar::Rule;
use crate::span::Spanned;

impl Builder {
    /// Adds a clause; how many operations there are is the checker's matter.
    pub(super) fn test_clause(&mut self, test: &mut Test, pair: Pair<'_, Rule>) -> Outcome {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::as_clause => put(&mut test.subject, self.subject(pair)),
            Rule::on_clause => put(&mut test.on, self.on(pair)),
            Rule::at_clause => {
                let time = pair.into_inner().nth(1).map(|text| self.string(&text));
                put(&mut test.at, time)
            }
            Rule::expect_clause => put(&mut test.expect, self.expect(pair)),
            Rule::sql_clause => {
                let text = pair.into_inner().nth(1).map(|text| self.string(&text).node);
                add(
                    &mut test.operations,
                    text.map(|text| Spanned {
                        node: Operation::Sql(text),
                        span,
                    }),
                )
            }
            Rule::http_clause => add(
                &mut test.operations,
                self.http(pair).map(|node| Spanned { node, span }),
            ),
            _ => Outcome::Taken,
        }
    }

    fn subject(&mut self, pair: Pair<'_, Rule>) -> Option<Subject> {
        let mut parts = pair.into_inner().skip(2);
        let id = self.string(&parts.next()?).node;
        let mut subject = Subject {
            id,
            groups: Vec::new(),
            issuer: None,
        };
        for part in parts {
            let rule = part.as_rule();
            let texts: Vec<Pair<'_, Rule>> = part
                .into_inner()
                .filter(|part| part.as_rule() == Rule::string)
                .collect();
            for text in texts {
                let text = self.string(&text).node;
                match rule {
                    Rule::as_groups => subject.groups.push(text),
                    _ => subject.issuer = Some(text),
                }
            }
        }
        Some(subject)
    }

    fn http(&mut self, pair: Pair<'_, Rule>) -> Option<Operation> {
        let mut parts = pair.into_inner().skip(1);
        let method = self.name(&parts.next()?);
        let target = self.string(&parts.next()?);
        let (mut content_type, mut body) = (None, None);
        for part in parts {
            let rule = part.as_rule();
            let text = part.into_inner().nth(1).map(|text| self.string(&text).node);
            match rule {
                Rule::http_type => content_type = text,
                _ => body = text,
            }
        }
        Some(Operation::Http {
            method,
            target,
            content_type,
            body,
        })
    }

    fn expect(&mut self, pair: Pair<'_, Rule>) -> Option<Expect> {
        let mut verdict = None;
        let (mut by, mut citing, mut masking) = (Vec::new(), Vec::new(), Vec::new());
        let (mut limit, mut observing, mut excepting) = (None, Vec::new(), Vec::new());
        for part in pair.into_inner() {
            let span = self.span(&part);
            let found = match part.as_rule() {
                Rule::ALLOW | Rule::slip_permit => Verdict::Allow,
                Rule::BLOCK | Rule::slip_deny => Verdict::Block,
                Rule::REQUIRE => Verdict::RequireApproval,
                rule => {
                    let parts = part.into_inner();
                    for name in parts {
                        match (rule, name.as_rule()) {
                            (Rule::expect_by, Rule::path) => by.push(self.name(&name)),
                            (Rule::expect_masking, Rule::path) => masking.push(self.name(&name)),
                            (Rule::expect_observing, Rule::path) => {
                                observing.push(self.name(&name));
                            }
                            (Rule::expect_excepting, Rule::path) => {
                                excepting.push(self.name(&name));
                            }
                            (_, Rule::limit) => limit = Some(self.limit(name)?),
                            (_, Rule::control) => citing.push(self.control(&name)),
                            _ => {}
                        }
                    }
                    continue;
                }
            };
            self.slip(&part);
            verdict = Some(Spanned { node: found, span });
        }
        Some(Expect {
            verdict: verdict?,
            by,
            citing,
            masking,
            limit,
            observing,
            excepting,
        })
    }
}
