//! Builds the clauses of tests.

use std::collections::BTreeSet;

use pest::iterators::Pair;

use super::build::{Builder, Outcome, add, put};
use crate::ast::{ClaimValue, Expect, Name, Operation, Subject, Test, Verdict};
use crate::code::Code;
use crate::grammar::Rule;
use crate::problem::Problem;
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
            Rule::sql_clause | Rule::http_clause => add(&mut test.operations, self.operation(pair)),
            Rule::earlier_clause => add(
                &mut test.before,
                self.before(pair).map(|node| Spanned { node, span }),
            ),
            _ => Outcome::Taken,
        }
    }

    /// What `sql` or `http` asks for.
    pub(super) fn operation(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<Operation>> {
        let span = self.span(&pair);
        let node = match pair.as_rule() {
            Rule::sql_clause => {
                let text = pair.into_inner().nth(1)?;
                Operation::Sql(self.string(&text).node)
            }
            _ => self.http(pair)?,
        };
        Some(Spanned { node, span })
    }

    fn subject(&mut self, pair: Pair<'_, Rule>) -> Option<Subject> {
        let mut parts = pair.into_inner().skip(2);
        let id = self.string(&parts.next()?).node;
        let mut subject = Subject {
            id,
            groups: Vec::new(),
            issuer: None,
            from: None,
            justification: None,
            claims: Vec::new(),
        };
        let mut said = BTreeSet::new();
        for part in parts {
            let rule = part.as_rule();
            if !said.insert(rule) {
                self.said_twice(&part);
            }
            if rule == Rule::as_claims {
                subject.claims.extend(self.claims(part));
                continue;
            }
            let texts: Vec<Pair<'_, Rule>> = part
                .into_inner()
                .filter(|part| part.as_rule() == Rule::string)
                .collect();
            for text in texts {
                let text = self.string(&text);
                match rule {
                    Rule::as_groups => subject.groups.push(text.node),
                    Rule::as_from => subject.from = Some(text),
                    Rule::as_justification => subject.justification = Some(text),
                    _ => subject.issuer = Some(text.node),
                }
            }
        }
        Some(subject)
    }

    /// Reports a second of what a subject has once.
    fn said_twice(&mut self, part: &Pair<'_, Rule>) {
        let word = part.as_str().split_whitespace().next().unwrap_or("");
        let message = format!("`{word}` stands twice");
        let span = self.span(part);
        self.problems.push(
            Problem::new(Code::ClauseTwice, message, span, "the second one")
                .help("join them, or make two of it"),
        );
    }

    fn claims(&mut self, pair: Pair<'_, Rule>) -> Vec<(Name, ClaimValue)> {
        let mut claims = Vec::new();
        let values = pair.into_inner();
        for value in values.filter(|part| part.as_rule() == Rule::claim_value) {
            let mut parts = value.into_inner();
            let (Some(name), Some(value)) = (parts.next(), parts.nth(1)) else {
                continue;
            };
            let name = match name.as_rule() {
                Rule::string => self.string(&name),
                _ => self.name(&name),
            };
            let value = match value.as_rule() {
                Rule::string => ClaimValue::Text(self.string(&value).node),
                Rule::int => ClaimValue::Int(self.int(&value).node),
                Rule::word => ClaimValue::Word(self.name(&value)),
                _ => {
                    let texts = value
                        .into_inner()
                        .filter(|part| part.as_rule() == Rule::string);
                    ClaimValue::Texts(texts.map(|text| self.string(&text).node).collect())
                }
            };
            claims.push((name, value));
        }
        claims
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
