//! Types and lowers conditions: names become facts or groups, tests become predicates that fit the fact's type.

use hpol_bundle::claims::read_otherwise;
use hpol_bundle::policy::{Condition, Predicate, Test};
use hpol_bundle::program::lower::check_rule;
use hpol_bundle::vocabulary::{Fact, FactId, FactType, MAX_CLAIMS, Phase, Scalar, Unit};
use hpol_syntax::ast::{self, Name};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Span;
use hpol_syntax::words;

use super::presence::{Facts, present_if};
use super::size::Size;
use super::{Checker, ProtocolFact, check};
use crate::lowered::Lowered;
use crate::own_facts::{self, CLAIMS, MAX_CLAIM_BYTES};
use crate::symbols::{find, names};

/// What a condition may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Every fact of session and operation, groups, and history.
    Anything,
    /// Every fact of session and operation, and groups: the condition of an exception.
    Now,
    /// Every fact, also of the result, and groups: what history looks for.
    Before,
    /// Facts of the subject, and groups: `who`.
    Subject,
    /// Facts of the subject: the condition of a group.
    SubjectAlone,
}

impl<'db> Checker<'db> {
    /// Checks a condition that stands on its own.
    pub(super) fn whole_condition(
        &mut self,
        condition: &ast::Condition,
        reads: Reads,
    ) -> Option<Condition> {
        // Before anything is looked up, since that takes time; and again with the groups folded in.
        let mut size = Size::default();
        size.add_written(condition);
        self.bounded(condition, size)?;
        self.folded = Size::default();
        let lowered = self.condition(condition, reads, &Facts::new());
        let folded = std::mem::take(&mut self.folded);
        self.bounded(condition, folded)?;
        let lowered = lowered?;
        let mut size = Size::default();
        size.add(&lowered, 1);
        self.bounded(condition, size)?;
        Some(lowered)
    }

    /// Reports a condition that is too large.
    fn bounded(&mut self, condition: &ast::Condition, size: Size) -> Option<()> {
        let Some(excess) = size.excess() else {
            return Some(());
        };
        self.report(
            Problem::new(
                Code::TooLarge,
                format!("the condition {excess}"),
                span(condition),
                "too large",
            )
            .help("make several rules of it"),
        );
        None
    }

    /// The condition of a rule or a group, if it can become a part of the decision graph. Asked of each on its own, so
    /// that an edit elsewhere does not ask again.
    pub(super) fn expanded(
        &mut self,
        kind: &str,
        owner: &Name,
        condition: Condition,
    ) -> Option<Condition> {
        if let Err(fault) = check_rule(&condition, self.vocabulary()) {
            let message = format!("{kind} `{}` {fault}", owner.node);
            self.report(
                Problem::new(Code::TooLarge, message, owner.span, "too large")
                    .help("make several rules of it"),
            );
            return None;
        }
        Some(condition)
    }

    pub(super) fn condition(
        &mut self,
        condition: &ast::Condition,
        reads: Reads,
        present: &Facts<'_>,
    ) -> Option<Condition> {
        if self.is_full() {
            return None;
        }
        match condition {
            ast::Condition::And(parts) => {
                self.parts(parts, reads, present, true).map(Condition::All)
            }
            ast::Condition::Or(parts) => {
                self.parts(parts, reads, present, false).map(Condition::Any)
            }
            ast::Condition::Not(inner) => Some(Condition::Not(Box::new(
                self.condition(inner, reads, present)?,
            ))),
            ast::Condition::Atom(name) => self.atom(name, reads, present),
            ast::Condition::Call(call) => self.call(&call.name, &call.arguments, call.span, reads),
            ast::Condition::During(during) => self.during(during, reads),
            ast::Condition::Present(name) => self.presence(name, reads),
            ast::Condition::Comparison(comparison) => self.comparison(comparison, reads, present),
            ast::Condition::History(history) => self.history(history, reads),
        }
    }

    /// In `and`, a part is read only where the others hold; in `or`, only where they do not.
    fn parts(
        &mut self,
        parts: &[ast::Condition],
        reads: Reads,
        present: &Facts<'_>,
        conjunction: bool,
    ) -> Option<Vec<Condition>> {
        let implied: Vec<Facts<'_>> = parts
            .iter()
            .map(|part| present_if(part, conjunction))
            .collect();
        let mut lowered = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            let others = implied
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .flat_map(|(_, facts)| facts);
            let known: Facts<'_> = present.iter().chain(others).copied().collect();
            lowered.push(self.condition(part, reads, &known));
        }
        lowered.into_iter().collect()
    }

    /// A boolean fact or a group.
    fn atom(&mut self, name: &Name, reads: Reads, present: &Facts<'_>) -> Option<Condition> {
        let Some((id, fact)) = self.vocabulary().lookup(&name.node) else {
            let predicates = &self.symbols().predicates;
            return match find(self.db, self.scope, predicates, name) {
                Ok(None) => self.group_atom(name, reads),
                Ok(Some(_)) | Err(_) => self.call(name, &[], name.span, reads),
            };
        };
        self.reads(name, fact, reads)?;
        if fact.ty != FactType::Scalar(Scalar::Bool) {
            self.report(
                Problem::new(
                    Code::NotACondition,
                    format!("`{}` alone is not a condition", name.node),
                    name.span,
                    ty(fact),
                )
                .help(format!("test it, such as `{}`", fact.example)),
            );
            return None;
        }
        self.guarded(name, fact, present)?;
        Some(test(id, Predicate::IsTrue))
    }

    fn group_atom(&mut self, name: &Name, reads: Reads) -> Option<Condition> {
        let symbols = self.symbols();
        let found = match find(self.db, self.scope, &symbols.groups, name) {
            Ok(Some((_, found))) => found,
            Ok(None) | Err(_) => {
                self.unknown_atom(name);
                return None;
            }
        };
        if reads == Reads::SubjectAlone {
            self.report(
                Problem::new(Code::NestedGroup, format!("a group cannot name the group `{}`", name.node), name.span, "a group")
                    .help("write its condition here, or join the groups where they are used: `who a or b`"),
            );
            return None;
        }
        let (item, scope) = found?;
        match &check(self.db, self.inputs, *item, *scope).lowered {
            Some(Lowered::Group(condition)) => {
                self.folded.add(condition, 1);
                self.folded.excess().is_none().then(|| condition.clone())
            }
            _ => None,
        }
    }

    /// Reports a name in a condition that means nothing.
    fn unknown_atom(&mut self, name: &Name) {
        let symbols = self.symbols();
        let facts = self.vocabulary().iter().map(|(_, fact)| fact.name.as_str());
        let predicates = names(self.db, self.scope, &symbols.predicates);
        let others: Vec<&str> = facts.chain(predicates).collect();
        let kind = if name.node.contains('.') {
            "fact or group"
        } else {
            "group or fact"
        };
        self.lookup(&symbols.groups, name, kind, &others);
    }

    /// `has fact`.
    fn presence(&mut self, name: &Name, reads: Reads) -> Option<Condition> {
        let (id, fact) = self.fact(name, reads)?;
        if !fact.optional {
            self.report(
                Problem::new(
                    Code::NeverAbsent,
                    format!("`{}` is never absent", name.node),
                    name.span,
                    "always there",
                )
                .help("leave the `has` out"),
            );
            return None;
        }
        Some(test(id, Predicate::Present))
    }

    fn comparison(
        &mut self,
        comparison: &ast::Comparison,
        reads: Reads,
        present: &Facts<'_>,
    ) -> Option<Condition> {
        let (id, fact) = self.fact(&comparison.fact, reads)?;
        let comparison = &self.sampled(fact, comparison);
        let default = match &comparison.default {
            Some(_) if !fact.optional => {
                let message = format!("`{}` is never absent", fact.name);
                self.report(
                    Problem::new(
                        Code::NeverAbsent,
                        message,
                        comparison.fact.span,
                        "always there",
                    )
                    .help("leave the `or` and the parentheses out"),
                );
                return None;
            }
            Some(default) => Some(self.default_value(fact, default)?),
            None => {
                self.guarded(&comparison.fact, fact, present)?;
                None
            }
        };
        let mut condition = self.predicate(id, fact, comparison)?;
        self.fits_form(fact, comparison, default.as_ref())?;
        set_default(&mut condition, default.as_ref());
        Some(condition)
    }

    /// The fact called `name`.
    pub(super) fn fact(&mut self, name: &Name, reads: Reads) -> Option<(FactId, &'db Fact)> {
        let vocabulary = self.vocabulary();
        let Some((id, fact)) = vocabulary.lookup(&name.node) else {
            let facts = vocabulary.iter().map(|(_, fact)| fact.name.as_str());
            if name.node.starts_with(CLAIMS) {
                self.unreadable_claim(name);
                return None;
            }
            let problem = Problem::new(
                Code::UnknownName,
                format!("there is no fact `{}`", name.node),
                name.span,
                "unknown",
            );
            self.report(match words::nearest(&name.node, facts) {
                Some(near) => problem.did_you_mean(near),
                None => problem,
            });
            return None;
        };
        self.reads(name, fact, reads)?;
        Some((id, fact))
    }

    /// Reports a claim that is no fact.
    fn unreadable_claim(&mut self, name: &Name) {
        let message = format!("`{}` cannot be read", name.node);
        let other = own_facts::claim(&name.node);
        let help = match other.as_deref().and_then(read_otherwise) {
            Some("") => "the gateway checks it; no condition reads it".to_owned(),
            Some(fact) => format!("read `{fact}`"),
            None => format!(
                "the name of a claim has 1 to {MAX_CLAIM_BYTES} bytes and no control characters, and a policy reads at \
                 most {MAX_CLAIMS} claims"
            ),
        };
        let problem = Problem::new(Code::UnreadableClaim, message, name.span, "not a claim");
        self.report(problem.help(help));
    }

    /// Checks that a fact may be read here, and notes the protocol it belongs to.
    pub(super) fn reads(&mut self, name: &Name, fact: &Fact, reads: Reads) -> Option<()> {
        if matches!(reads, Reads::Subject | Reads::SubjectAlone)
            && !fact.name.starts_with("subject.")
        {
            let message = format!("`{}` says nothing about the subject", name.node);
            self.report(
                Problem::new(
                    Code::NotOfSubject,
                    message,
                    name.span,
                    "not a fact of the subject",
                )
                .help("`who` and groups read `subject.` facts; the rest belongs into `when`"),
            );
            return None;
        }
        if fact.phase == Phase::Result && reads != Reads::Before {
            let message = format!("`{}` is not known when an operation is decided", name.node);
            self.report(
                Problem::new(Code::ResultHere, message, name.span, "a fact of the result")
                    .help("read it of operations that came before, in a history condition"),
            );
            return None;
        }
        if let Some(protocol) = fact.protocol {
            self.protocol_facts.push(ProtocolFact {
                protocol,
                name: fact.name.clone(),
                span: name.span,
            });
        }
        Some(())
    }

    fn guarded(&mut self, name: &Name, fact: &Fact, present: &Facts<'_>) -> Option<()> {
        if !fact.optional || present.contains(fact.name.as_str()) {
            return Some(());
        }
        let message = format!(
            "`{}` can be absent, and the condition does not say what then",
            name.node
        );
        self.report(
            Problem::new(Code::Unguarded, message, name.span, "optional").help(format!(
                "write `({} or \"...\")`, or `has {} and ...` before it",
                name.node, name.node
            )),
        );
        None
    }
}

/// `fact` is `predicate`, nothing assumed where it is absent.
pub(super) fn test(fact: FactId, predicate: Predicate) -> Condition {
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}

/// The type of a fact, for labels.
pub(super) fn ty(fact: &Fact) -> String {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Bool => "boolean",
        Scalar::Int => "number",
        Scalar::String => "text",
        Scalar::Path => "path",
        Scalar::Address => "address",
        Scalar::Name => "name",
        Scalar::Enum(_) => "word",
        Scalar::Class => "data class",
    };
    match &fact.ty {
        FactType::Scalar(Scalar::Address) => "an address".to_owned(),
        FactType::Scalar(Scalar::Int) if fact.unit == Some(Unit::Bytes) => {
            "a number of bytes".to_owned()
        }
        FactType::Scalar(Scalar::Int) if fact.unit == Some(Unit::Seconds) => {
            "a number of seconds".to_owned()
        }
        FactType::Scalar(one) => format!("a {}", scalar(one)),
        FactType::Set(Scalar::Class) => "a set of data classes".to_owned(),
        FactType::Set(Scalar::Address) => "a set of addresses".to_owned(),
        FactType::Set(one) => format!("a set of {}s", scalar(one)),
    }
}

/// Where a condition stands.
pub(super) fn span(condition: &ast::Condition) -> Span {
    match condition {
        ast::Condition::And(parts) | ast::Condition::Or(parts) => {
            parts.iter().map(span).reduce(Span::to).unwrap_or_default()
        }
        ast::Condition::Not(inner) => span(inner),
        ast::Condition::Atom(name) | ast::Condition::Present(name) => name.span,
        ast::Condition::Call(call) => call.span,
        ast::Condition::During(during) => during.span,
        ast::Condition::Comparison(comparison) => comparison.span,
        ast::Condition::History(history) => history.span,
    }
}

fn set_default(condition: &mut Condition, default: Option<&hpol_bundle::facts::Value>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter_mut().for_each(|part| set_default(part, default))
        }
        Condition::Not(inner) => set_default(inner, default),
        Condition::Test(test) => test.default = default.cloned(),
        // No test of one fact becomes one of history.
        Condition::History(_) => {}
    }
}
