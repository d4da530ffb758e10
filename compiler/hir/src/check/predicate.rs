//! Named conditions: checks a definition, and expands one where it is used, with the values in place of the parameters.
//!
//! A definition is checked with sample values, so that what is wrong with it is said there; a use is checked again with
//! its own, in the scope of the definition. Expanding reads the parsed definition only, never its check, so that
//! definitions that name each other are found and reported here.

use hpol_bundle::policy::Condition;
use hpol_bundle::vocabulary::{Fact, FactType, Scalar};
use hpol_syntax::ast::{self, Comparison, Item, Literal, LiteralKind, Name, Part};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::{Span, Spanned};

use super::condition::Reads;
use super::presence::Facts;
use super::{Checker, ProtocolFact, check};
use crate::database::parsed;
use crate::lowered::Lowered;
use crate::symbols::{names, qualify};

/// Predicates that name each other in a row. Far beyond what a reader follows; keeps the checker's stack small.
const MAX_CHAIN: usize = 16;

impl Checker<'_> {
    pub(super) fn definition(&mut self, predicate: &ast::Predicate) -> Option<Lowered> {
        self.named_condition(&predicate.name);
        for (index, parameter) in predicate.parameters.iter().enumerate() {
            self.parameter(predicate, index, parameter);
        }
        self.parameters = predicate
            .parameters
            .iter()
            .map(|parameter| parameter.node.clone())
            .collect();
        self.expanding = vec![qualify(self.scope.package(self.db), &predicate.name.node)];
        let condition = self.whole_condition(&predicate.condition, Reads::Anything)?;
        self.one_protocol();
        self.expanded("predicate", &predicate.name, condition)?;
        self.problems.is_empty().then_some(Lowered::Predicate)
    }

    /// What `name` with `arguments` stands for.
    pub(super) fn call(
        &mut self,
        name: &Name,
        arguments: &[Literal],
        span: Span,
        reads: Reads,
    ) -> Option<Condition> {
        let symbols = self.symbols();
        let (full, found) = self.lookup(&symbols.predicates, name, "predicate", &[])?;
        if reads == Reads::SubjectAlone {
            let message = format!("a group cannot name the predicate `{}`", name.node);
            self.report(
                Problem::new(Code::NestedGroup, message, span, "a predicate")
                    .help("write its condition here"),
            );
            return None;
        }
        let (item, scope) = *found?;
        let Some(Item::Predicate(predicate)) = &parsed(self.db, item).item else {
            return None;
        };
        self.chain(&full, name)?;
        self.count(predicate, name, arguments, span)?;
        let outermost = self.expanding.is_empty();
        if outermost && check(self.db, self.inputs, item, scope).lowered.is_none() {
            return None;
        }
        self.folded.add_written(&predicate.condition);
        if self.folded.excess().is_some() {
            return None;
        }
        let mut inner = Checker {
            db: self.db,
            inputs: self.inputs,
            scope,
            problems: Vec::new(),
            protocol_facts: Vec::new(),
            folded: std::mem::take(&mut self.folded),
            parameters: self.parameters.clone(),
            expanding: self.expanding.iter().cloned().chain([full]).collect(),
        };
        let body = substitute(&predicate.condition, &predicate.parameters, arguments);
        let lowered = inner.condition(&body, reads, &Facts::new());
        self.folded = inner.folded;
        let facts = inner.protocol_facts.into_iter();
        self.protocol_facts
            .extend(facts.map(|fact| ProtocolFact { span, ..fact }));
        if let Some(problem) = inner.problems.first() {
            let message = format!("in `{}`: {}", name.node, problem.message);
            let label = match arguments {
                [] => "used here",
                _ => "with these values",
            };
            self.report(Problem::new(problem.code, message, span, label));
            return None;
        }
        lowered
    }

    fn chain(&mut self, full: &str, name: &Name) -> Option<()> {
        if self.expanding.iter().any(|known| known == full) {
            let message = format!("predicate `{}` comes back to itself", name.node);
            self.report(
                Problem::new(Code::RecursivePredicate, message, name.span, "named here")
                    .help("write out what it shall mean here"),
            );
            return None;
        }
        if self.expanding.len() >= MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} predicates name each other in a row");
            self.report(Problem::new(Code::TooLarge, message, name.span, "too many"));
            return None;
        }
        Some(())
    }

    fn count(
        &mut self,
        predicate: &ast::Predicate,
        name: &Name,
        arguments: &[Literal],
        span: Span,
    ) -> Option<()> {
        let (wanted, given) = (predicate.parameters.len(), arguments.len());
        if wanted == given {
            return Some(());
        }
        let message = format!(
            "`{}` takes another number of values: {wanted}, not {given}",
            name.node
        );
        let form: Vec<&str> = predicate
            .parameters
            .iter()
            .map(|parameter| parameter.node.as_str())
            .collect();
        let help = match form.is_empty() {
            true => format!("write `{}`", name.node),
            false => format!("write `{}({})`", name.node, form.join(", ")),
        };
        self.report(Problem::new(Code::PredicateValues, message, span, "used here").help(help));
        None
    }

    /// Reports a parameter that would mean nothing, or two things.
    fn parameter(&mut self, predicate: &ast::Predicate, index: usize, parameter: &Name) {
        let word = parameter.node.as_str();
        let vocabulary = self.vocabulary();
        let is_word = vocabulary.iter().any(|(_, fact)| {
            let (FactType::Scalar(Scalar::Enum(list)) | FactType::Set(Scalar::Enum(list))) =
                &fact.ty
            else {
                return false;
            };
            let words = vocabulary.words(list).unwrap_or(&[]);
            words.iter().any(|known| known == word)
        });
        let mut before = predicate.parameters.iter().take(index);
        let (why, label) = if before.any(|other| other.node == word) {
            ("stands twice", "again")
        } else if is_word || word == "true" || word == "false" {
            ("is a word that facts have", "means something else already")
        } else if !uses(&predicate.condition, word) {
            ("is not used", "changes nothing")
        } else {
            return;
        };
        let message = format!("parameter `{word}` {why}");
        self.report(
            Problem::new(Code::Parameter, message, parameter.span, label)
                .help("rename it, use it, or take it out"),
        );
    }

    /// `comparison` with samples in place of the parameters of the definition at hand.
    pub(super) fn sampled(&self, fact: &Fact, comparison: &Comparison) -> Comparison {
        let sample = |literal: &Literal| Spanned {
            node: match self.parameters.iter().any(|name| is(literal, name)) {
                true => self.sample(fact),
                false => literal.node.clone(),
            },
            span: literal.span,
        };
        Comparison {
            default: comparison.default.as_ref().map(sample),
            values: comparison.values.iter().map(sample).collect(),
            ..comparison.clone()
        }
    }

    /// A value that `fact` can have.
    fn sample(&self, fact: &Fact) -> LiteralKind {
        let bare = |text: &str| Part {
            text: text.to_owned(),
            quoted: false,
        };
        let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
        match scalar {
            Scalar::Int => LiteralKind::Int(0),
            Scalar::String => LiteralKind::Text(String::new()),
            Scalar::Path => LiteralKind::Text("/".to_owned()),
            Scalar::Address => LiteralKind::Network("127.0.0.1".to_owned()),
            Scalar::Bool => LiteralKind::Name(vec![bare("true")]),
            Scalar::Class => {
                let classes = names(self.db, self.scope, &self.symbols().classes);
                LiteralKind::Name(classes.into_iter().take(1).map(bare).collect())
            }
            Scalar::Name => LiteralKind::Name(vec![bare("schema"), bare("name")]),
            Scalar::Enum(list) => {
                let words = self.vocabulary().words(list).unwrap_or(&[]);
                LiteralKind::Name(words.iter().take(1).map(|word| bare(word)).collect())
            }
        }
    }
}

/// Whether `literal` is the bare word `name`.
pub(super) fn is(literal: &Literal, name: &str) -> bool {
    match &literal.node {
        LiteralKind::Name(parts) => {
            matches!(parts.as_slice(), [one] if !one.quoted && one.text == name)
        }
        LiteralKind::Text(_)
        | LiteralKind::Int(_)
        | LiteralKind::Duration(_)
        | LiteralKind::Size(_)
        | LiteralKind::Network(_) => false,
    }
}

fn uses(condition: &ast::Condition, name: &str) -> bool {
    match condition {
        ast::Condition::And(parts) | ast::Condition::Or(parts) => {
            parts.iter().any(|part| uses(part, name))
        }
        ast::Condition::Not(inner) => uses(inner, name),
        ast::Condition::Atom(_) | ast::Condition::During(_) | ast::Condition::Present(_) => false,
        ast::Condition::Call(call) => call.arguments.iter().any(|literal| is(literal, name)),
        ast::Condition::Comparison(comparison) => {
            let mut literals = comparison.values.iter().chain(&comparison.default);
            literals.any(|literal| is(literal, name))
        }
        ast::Condition::History(history) => {
            let bound = history.measure.node.bound();
            history
                .filter
                .as_ref()
                .is_some_and(|filter| uses(filter, name))
                || bound.is_some_and(|bound| is(&bound.number, name))
        }
    }
}

/// `condition` with `arguments` in place of `parameters`.
fn substitute(
    condition: &ast::Condition,
    parameters: &[Name],
    arguments: &[Literal],
) -> ast::Condition {
    let inside = |condition: &ast::Condition| substitute(condition, parameters, arguments);
    let value = |literal: &Literal| {
        let mut pairs = parameters.iter().zip(arguments);
        let found = pairs.find(|(parameter, _)| is(literal, &parameter.node));
        found.map_or(literal, |(_, argument)| argument).clone()
    };
    match condition {
        ast::Condition::And(parts) => ast::Condition::And(parts.iter().map(inside).collect()),
        ast::Condition::Or(parts) => ast::Condition::Or(parts.iter().map(inside).collect()),
        ast::Condition::Not(inner) => ast::Condition::Not(Box::new(inside(inner))),
        ast::Condition::Atom(_) | ast::Condition::During(_) | ast::Condition::Present(_) => {
            condition.clone()
        }
        ast::Condition::Call(call) => ast::Condition::Call(ast::Call {
            arguments: call.arguments.iter().map(value).collect(),
            ..call.clone()
        }),
        ast::Condition::Comparison(comparison) => ast::Condition::Comparison(Comparison {
            default: comparison.default.as_ref().map(value),
            values: comparison.values.iter().map(value).collect(),
            ..comparison.clone()
        }),
        ast::Condition::History(history) => {
            let mut history = history.clone();
            history.filter = history.filter.as_ref().map(inside);
            if let Some(bound) = history.measure.node.bound_mut() {
                bound.number = value(&bound.number);
            }
            ast::Condition::History(history)
        }
    }
}
