//! Checks tests: every part is there once, the operation fits the connection, and the expectation can be met.

use hpol_bundle::decision::Verdict;
use hpol_bundle::policy::Source;
use hpol_bundle::vocabulary::{FactType, Protocol, Scalar};
use hpol_syntax::ast::{self, Expect, Name, On, Operation};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;
use hpol_syntax::words;

use super::Checker;
use super::rule::BUILT_IN;
use crate::lowered::Lowered;
use crate::symbols::{EffectKind, exceptions, rules};
use crate::test_case::{Expectation, TestCase, TestConnection, TestOperation, test_time};

impl Checker<'_> {
    pub(super) fn test(&mut self, test: &ast::Test) -> Option<Lowered> {
        let whole = self.parts_of(test);
        let connection = self.test_connection(test);
        let operation = test
            .operations
            .first()
            .and_then(|operation| self.operation(operation, connection.as_ref()));
        let at = match &test.at {
            Some(time) => Some(self.time(time)?),
            None => None,
        };
        let expect = test
            .expect
            .as_ref()
            .and_then(|expect| self.expectation(expect));
        let before: Vec<_> = test
            .before
            .iter()
            .map(|before| self.earlier(before, connection.as_ref()))
            .collect();
        let subject = self.test_subject(test.subject.as_ref()?);
        whole?;
        Some(Lowered::Test(Box::new(TestCase {
            name: test.name.node.clone(),
            package: self.scope.package(self.db).to_owned(),
            source: Source::default(),
            subject: subject?,
            connection: connection?,
            at,
            operation: operation?,
            before: before.into_iter().collect::<Option<_>>()?,
            expect: expect?,
        })))
    }

    /// The time of a test, in seconds since 1970.
    fn time(&mut self, time: &Spanned<String>) -> Option<i64> {
        let found = test_time(&time.node);
        if found.is_none() {
            let message = format!("`{}` is not a time", words::shorten(&time.node));
            self.report(
                Problem::new(Code::TestTime, message, time.span, "not RFC 3339")
                    .help("write it with its offset: `at \"2027-03-31T09:00:00Z\"`"),
            );
        }
        found
    }

    fn parts_of(&mut self, test: &ast::Test) -> Option<()> {
        let parts = [
            ("as subject \"...\"", test.subject.is_some()),
            ("on CONNECTION", test.on.is_some()),
            (
                "sql \"...\"` or `http METHOD \"...\"",
                !test.operations.is_empty(),
            ),
            ("expect ...", test.expect.is_some()),
        ];
        let missing: Vec<&str> = parts
            .iter()
            .filter(|(_, there)| !there)
            .map(|(part, _)| *part)
            .collect();
        if !missing.is_empty() {
            if test.complete {
                let message = format!("test `{}` is not complete", words::shorten(&test.name.node));
                let missing: Vec<String> = missing.iter().map(|part| format!("`{part}`")).collect();
                let help = format!("add {}", missing.join(" and "));
                self.report(
                    Problem::new(Code::TestParts, message, test.name.span, "this test").help(help),
                );
            }
            return None;
        }
        if let [first, second, ..] = test.operations.as_slice() {
            self.report(
                Problem::new(
                    Code::TestParts,
                    "a test asks for one operation",
                    second.span,
                    "a further one",
                )
                .label(first.span, "the first one")
                .help("make two tests of it"),
            );
            return None;
        }
        Some(())
    }

    fn test_connection(&mut self, test: &ast::Test) -> Option<TestConnection> {
        let several = match &test.on {
            Some(On::Any(span)) => Some(*span),
            Some(On::Labelled(selection)) => Some(selection.span),
            Some(On::Connections(_)) | None => None,
        };
        if let Some(span) = several {
            self.report(
                Problem::new(
                    Code::TestParts,
                    "a test asks on one connection",
                    span,
                    "not one",
                )
                .help("name the connection"),
            );
            return None;
        }
        let mut connections = self.on(test.on.as_ref())?;
        if let [_, (second, ..), ..] = connections.as_slice() {
            let span = second.span;
            self.report(
                Problem::new(
                    Code::TestParts,
                    "a test asks on one connection",
                    span,
                    "a further one",
                )
                .help("make two tests of it"),
            );
            return None;
        }
        let (_, name, symbol) = connections.pop()?;
        Some(TestConnection {
            name,
            protocol: symbol.protocol,
            target: symbol.target,
        })
    }

    pub(super) fn operation(
        &mut self,
        operation: &Spanned<Operation>,
        on: Option<&TestConnection>,
    ) -> Option<TestOperation> {
        let (protocol, lowered) = match &operation.node {
            Operation::Sql(text) => (Protocol::Postgres, TestOperation::Sql(text.clone())),
            Operation::Http {
                method,
                target,
                content_type,
                body,
            } => {
                self.method(method)?;
                let (method, target) = (method.node.clone(), target.node.clone());
                let (content_type, body) = (content_type.clone(), body.clone());
                (
                    Protocol::Http,
                    TestOperation::Http {
                        method,
                        target,
                        content_type,
                        body,
                    },
                )
            }
        };
        let on = on?;
        if on.protocol == protocol {
            return Some(lowered);
        }
        let spoken = on.protocol.as_str();
        let message = format!("connection `{}` speaks {spoken}", on.name);
        let word = match on.protocol {
            Protocol::Postgres => "sql",
            Protocol::Http => "http",
        };
        self.report(
            Problem::new(
                Code::TestOperation,
                message,
                operation.span,
                format!("not an operation of {spoken}"),
            )
            .help(format!("ask with `{word}`, or on another connection")),
        );
        None
    }

    fn method(&mut self, method: &Name) -> Option<()> {
        let vocabulary = self.vocabulary();
        let (_, fact) = vocabulary.lookup("http.method")?;
        let FactType::Scalar(Scalar::Enum(list)) = &fact.ty else {
            return Some(());
        };
        let known: Vec<&str> = vocabulary
            .words(list)
            .unwrap_or(&[])
            .iter()
            .map(String::as_str)
            .collect();
        if known.contains(&method.node.as_str()) {
            return Some(());
        }
        let message = format!("there is no method `{}`", method.node);
        self.report(
            Problem::new(Code::UnknownWord, message, method.span, "unknown")
                .help(format!("it is one of {}", words::list(&known))),
        );
        None
    }

    fn expectation(&mut self, expect: &Expect) -> Option<Expectation> {
        let verdict = verdict(expect.verdict.node);
        let by: Vec<Option<String>> = expect
            .by
            .iter()
            .map(|name| self.determining(name, verdict))
            .collect();
        let citing: Vec<_> = expect
            .citing
            .iter()
            .map(|name| self.control(name))
            .collect();
        let masking: Vec<_> = expect
            .masking
            .iter()
            .map(|name| self.class(name).map(|(name, _)| name))
            .collect();
        let limit = expect.limit.as_ref().map(|rows| self.rows(rows));
        let observing: Vec<_> = expect
            .observing
            .iter()
            .map(|name| self.observed(name))
            .collect();
        let excepting: Vec<_> = expect
            .excepting
            .iter()
            .map(|name| self.excepting(name))
            .collect();
        if let (Verdict::Block, Some(rows)) = (verdict, &expect.limit) {
            self.report(
                Problem::new(
                    Code::TestExpectation,
                    "nothing comes back from a block",
                    rows.span,
                    "cannot be limited",
                )
                .help("leave `limit` out"),
            );
        }
        if let (Verdict::Block, Some(first)) = (verdict, expect.masking.first()) {
            self.report(
                Problem::new(
                    Code::TestExpectation,
                    "nothing comes back from a block",
                    first.span,
                    "cannot be masked",
                )
                .help("leave `masking` out"),
            );
        }
        let mut by = by.into_iter().collect::<Option<Vec<_>>>()?;
        let mut citing = citing.into_iter().collect::<Option<Vec<_>>>()?;
        let mut masking = masking.into_iter().collect::<Option<Vec<_>>>()?;
        let mut observing = observing.into_iter().collect::<Option<Vec<_>>>()?;
        let mut excepting = excepting.into_iter().collect::<Option<Vec<_>>>()?;
        excepting.sort();
        excepting.dedup();
        observing.sort();
        observing.dedup();
        by.sort();
        by.dedup();
        citing.sort();
        citing.dedup();
        masking.sort();
        masking.dedup();
        Some(Expectation {
            verdict,
            by,
            citing,
            masking,
            limit: match limit {
                Some(rows) => Some(rows?),
                None => None,
            },
            observing,
            excepting,
        })
    }

    /// An exception that shall lift a rule.
    fn excepting(&mut self, name: &Name) -> Option<String> {
        let table = exceptions(self.db, self.inputs);
        let (full, whole) = self.lookup(table, name, "exception", &[])?;
        whole.map(|()| full)
    }

    /// A rule in observe that shall match.
    fn observed(&mut self, name: &Name) -> Option<String> {
        let table = rules(self.db, self.inputs);
        let (full, effect) = self.lookup(table, name, "rule", &[])?;
        if effect?.observe {
            return Some(full);
        }
        let message = format!("`{}` is not in observe", name.node);
        self.report(
            Problem::new(
                Code::TestExpectation,
                message,
                name.span,
                "does what it says",
            )
            .help("name it behind `by` if it determines the outcome"),
        );
        None
    }

    /// A rule that shall determine the verdict.
    fn determining(&mut self, name: &Name, verdict: Verdict) -> Option<String> {
        let (full, effect) = if BUILT_IN.contains(&name.node.as_str()) {
            (name.node.clone(), Some(EffectKind::Block))
        } else {
            let table = rules(self.db, self.inputs);
            let (full, effect) = self.lookup(table, name, "rule", &BUILT_IN)?;
            (full, effect.map(|rule| rule.does()))
        };
        let (does, fits) = match effect? {
            EffectKind::Allow => ("allows", verdict == Verdict::Allow),
            EffectKind::Block => ("blocks", verdict == Verdict::Block),
            EffectKind::RequireApproval => {
                ("requires approval", verdict == Verdict::RequireApproval)
            }
            EffectKind::RequireJustification => {
                let decides = matches!(verdict, Verdict::Allow | Verdict::Block);
                ("allows or blocks", decides)
            }
            EffectKind::Mask => ("masks, which determines no verdict", false),
            EffectKind::Limit => ("limits, which determines no verdict", false),
            EffectKind::Observed => ("is in observe, which determines no verdict", false),
        };
        if fits {
            return Some(full);
        }
        let message = format!("`{}` cannot determine this outcome", name.node);
        let problem = Problem::new(Code::TestExpectation, message, name.span, does);
        self.report(match effect? {
            EffectKind::Mask => problem.help("expect the data class instead: `masking CLASS`"),
            EffectKind::Limit => problem.help("expect the rows instead: `limit rows N`"),
            EffectKind::Observed => {
                problem.help(format!("expect it so: `observing {}`", name.node))
            }
            _ => problem.help("name the rules whose effect is the expected outcome"),
        });
        None
    }
}

fn verdict(verdict: ast::Verdict) -> Verdict {
    match verdict {
        ast::Verdict::Allow => Verdict::Allow,
        ast::Verdict::Block => Verdict::Block,
        ast::Verdict::RequireApproval => Verdict::RequireApproval,
    }
}
