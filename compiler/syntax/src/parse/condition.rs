//! Builds conditions, literals and predicates.

use pest::iterators::{Pair, Pairs};

use super::build::Builder;
use crate::ast::{
    Call, Comparison, Condition, During, Literal, LiteralKind, Operator, Part, Predicate,
};
use crate::code::Code;
use crate::grammar::Rule;
use crate::problem::Problem;
use crate::span::{Span, Spanned};
use crate::units;

/// Seconds in the longest duration that can be written: ten years.
const MAX_SECONDS: u64 = 10 * 365 * 24 * 3600;

/// Bytes of the largest size that can be written: a petabyte.
const MAX_SIZE: u64 = 1_000_000_000_000_000;

impl Builder {
    /// What stands behind the keyword of a predicate.
    pub(super) fn predicate(&mut self, parts: &mut Pairs<'_, Rule>) -> Option<Predicate> {
        let name = self.name(&parts.next()?);
        let mut parameters = Vec::new();
        let mut condition = None;
        for part in parts {
            match part.as_rule() {
                Rule::parameters => {
                    let words = part
                        .into_inner()
                        .filter(|word| word.as_rule() == Rule::word);
                    parameters = words.map(|word| self.name(&word)).collect();
                }
                Rule::condition => condition = Some(self.condition(part)?),
                _ => {}
            }
        }
        Some(Predicate {
            name,
            parameters,
            condition: condition?,
        })
    }

    pub(super) fn condition(&mut self, pair: Pair<'_, Rule>) -> Option<Condition> {
        let mut parts = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::conjunction => parts.push(self.conjunction(part)?),
                _ => self.foreign(&part),
            }
        }
        Some(if parts.len() > 1 {
            Condition::Or(parts)
        } else {
            parts.pop()?
        })
    }

    fn conjunction(&mut self, pair: Pair<'_, Rule>) -> Option<Condition> {
        let mut parts = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::negation => parts.push(self.negation(part)?),
                _ => self.foreign(&part),
            }
        }
        Some(if parts.len() > 1 {
            Condition::And(parts)
        } else {
            parts.pop()?
        })
    }

    fn negation(&mut self, pair: Pair<'_, Rule>) -> Option<Condition> {
        let mut negative = false;
        let mut condition = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::NOT | Rule::slip_not => {
                    self.foreign(&part);
                    negative = !negative;
                }
                Rule::condition => condition = Some(self.condition(part)?),
                Rule::atom => condition = Some(Condition::Atom(self.path(part)?)),
                Rule::during => condition = Some(Condition::During(self.during(part)?)),
                Rule::call => condition = Some(Condition::Call(self.call(part)?)),
                Rule::present => condition = Some(Condition::Present(self.path(part)?)),
                Rule::comparison => condition = Some(Condition::Comparison(self.comparison(part)?)),
                Rule::defaulted => condition = Some(self.defaulted_alone(part)?),
                Rule::happened | Rule::measured => {
                    condition = Some(Condition::History(Box::new(self.history(part)?)));
                }
                _ => {}
            }
        }
        let condition = condition?;
        Some(if negative {
            Condition::Not(Box::new(condition))
        } else {
            condition
        })
    }

    fn call(&mut self, pair: Pair<'_, Rule>) -> Option<Call> {
        let span = self.span(&pair);
        let (mut name, mut arguments) = (None, Vec::new());
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::path => name = Some(self.name(&part)),
                Rule::literal => arguments.push(self.literal(part)?),
                _ => {}
            }
        }
        Some(Call {
            name: name?,
            arguments,
            span,
        })
    }

    /// `(fact or true)` on its own.
    fn defaulted_alone(&mut self, pair: Pair<'_, Rule>) -> Option<Condition> {
        let span = self.span(&pair);
        let (fact, default) = self.defaulted(pair)?;
        let operator = Spanned {
            node: Operator::Holds,
            span,
        };
        Some(Condition::Comparison(Comparison {
            fact,
            default: Some(default),
            operator,
            values: Vec::new(),
            span,
        }))
    }

    fn defaulted(&mut self, pair: Pair<'_, Rule>) -> Option<(crate::ast::Name, Literal)> {
        let (mut fact, mut default) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::path | Rule::claim => fact = self.fact_name(&part),
                Rule::literal => default = Some(self.literal(part)?),
                _ => {}
            }
        }
        Some((fact?, default?))
    }

    fn comparison(&mut self, pair: Pair<'_, Rule>) -> Option<Comparison> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner();
        let operand = parts.next()?;
        let (fact, default) = match operand.as_rule() {
            Rule::defaulted => {
                let (fact, default) = self.defaulted(operand)?;
                (fact, Some(default))
            }
            _ => (self.path(operand)?, None),
        };
        let (operator, values) = self.test(parts.next()?)?;
        Some(Comparison {
            fact,
            default,
            operator,
            values,
            span,
        })
    }

    /// An operator and what stands behind it.
    pub(super) fn test(
        &mut self,
        test: Pair<'_, Rule>,
    ) -> Option<(Spanned<Operator>, Vec<Literal>)> {
        let whole = self.span(&test);
        let mut operator = Spanned {
            node: kind(&test),
            span: whole,
        };
        let mut values = Vec::new();
        let mut words: Option<Span> = None;
        for part in test.into_inner() {
            match part.as_rule() {
                Rule::literal => values.push(self.literal(part)?),
                Rule::list => {
                    for literal in part
                        .into_inner()
                        .filter(|part| part.as_rule() == Rule::literal)
                    {
                        values.push(self.literal(literal)?);
                    }
                }
                rule => {
                    self.foreign(&part);
                    operator.node = order(rule).unwrap_or(operator.node);
                    let span = self.span(&part);
                    words = Some(words.map_or(span, |words| words.to(span)));
                }
            }
        }
        operator.span = words.unwrap_or(whole);
        Some((operator, values))
    }

    fn path(&mut self, pair: Pair<'_, Rule>) -> Option<crate::ast::Name> {
        pair.into_inner().find_map(|part| self.fact_name(&part))
    }

    /// `during office`.
    fn during(&mut self, pair: Pair<'_, Rule>) -> Option<During> {
        let span = self.span(&pair);
        let schedule = self.path(pair)?;
        Some(During { schedule, span })
    }

    /// The name of a fact. A claim has one way to be written, whatever its escapes.
    fn fact_name(&mut self, part: &Pair<'_, Rule>) -> Option<crate::ast::Name> {
        match part.as_rule() {
            Rule::path => Some(self.name(part)),
            Rule::claim => {
                let key = part.clone().into_inner().next()?;
                let key = self.string(&key).node;
                let escaped = key.replace('\\', "\\\\").replace('"', "\\\"");
                Some(Spanned {
                    node: format!("subject.claims[\"{escaped}\"]"),
                    span: self.span(part),
                })
            }
            _ => None,
        }
    }

    fn literal(&mut self, pair: Pair<'_, Rule>) -> Option<Literal> {
        let span = self.span(&pair);
        let inner = pair.into_inner().next()?;
        let node = match inner.as_rule() {
            Rule::duration => LiteralKind::Duration(self.duration(&inner).node),
            Rule::size => LiteralKind::Size(self.size(&inner)),
            Rule::network => LiteralKind::Network(inner.as_str().to_owned()),
            Rule::int => LiteralKind::Int(self.int(&inner).node),
            _ => {
                let mut parts = self.parts(inner);
                match parts.as_mut_slice() {
                    [only] if only.quoted => LiteralKind::Text(std::mem::take(&mut only.text)),
                    _ => LiteralKind::Name(parts),
                }
            }
        };
        Some(Spanned { node, span })
    }

    /// The parts of a dotted name.
    pub(super) fn parts(&mut self, name: Pair<'_, Rule>) -> Vec<Part> {
        let mut parts = Vec::new();
        for inner in name
            .into_inner()
            .filter_map(|part| part.into_inner().next())
        {
            let quoted = inner.as_rule() == Rule::string;
            let text = if quoted {
                self.string(&inner).node
            } else {
                inner.as_str().to_owned()
            };
            parts.push(Part { text, quoted });
        }
        parts
    }

    pub(super) fn int(&mut self, pair: &Pair<'_, Rule>) -> Spanned<i64> {
        let span = self.span(pair);
        let digits: String = pair.as_str().chars().filter(|char| *char != '_').collect();
        let node = digits.parse().unwrap_or_else(|_| {
            let message = format!("`{}` is too large", pair.as_str());
            let help = format!("numbers lie between {} and {}", i64::MIN, i64::MAX);
            self.problems
                .push(Problem::new(Code::NumberRange, message, span, "this number").help(help));
            0
        });
        Spanned { node, span }
    }

    pub(super) fn duration(&mut self, pair: &Pair<'_, Rule>) -> Spanned<u64> {
        let span = self.span(pair);
        let seconds = units::amount(pair.as_str(), units::DURATIONS);
        let node = seconds
            .filter(|seconds| *seconds <= MAX_SECONDS)
            .unwrap_or_else(|| {
                let message = format!("`{}` is too long", pair.as_str());
                self.problems.push(
                    Problem::new(Code::NumberRange, message, span, "this duration")
                        .help("a duration is at most ten years"),
                );
                0
            });
        Spanned { node, span }
    }

    /// The bytes that a size means.
    fn size(&mut self, pair: &Pair<'_, Rule>) -> u64 {
        let text = pair.as_str();
        let bytes = units::amount(text, units::SIZES);
        bytes.filter(|bytes| *bytes <= MAX_SIZE).unwrap_or_else(|| {
            let message = format!("`{text}` is too large");
            let span = self.span(pair);
            self.problems.push(
                Problem::new(Code::NumberRange, message, span, "this size")
                    .help("a size is at most `1_000_000GB`"),
            );
            0
        })
    }

    /// The text between the quotes, escapes resolved.
    pub(super) fn string(&mut self, pair: &Pair<'_, Rule>) -> Spanned<String> {
        let span = self.span(pair);
        let raw = pair.as_str();
        let inner = raw
            .strip_prefix('"')
            .and_then(|raw| raw.strip_suffix('"'))
            .unwrap_or(raw);
        let mut node = String::with_capacity(inner.len());
        let mut chars = inner.chars();
        while let Some(char) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some('n') => node.push('\n'),
                    Some('t') => node.push('\t'),
                    Some(same @ ('"' | '\\')) => node.push(same),
                    other => {
                        let written = other.map_or(String::new(), String::from);
                        let message = format!("`\\{written}` is not an escape");
                        self.problems.push(
                            Problem::new(Code::Escape, message, span, "in this text")
                                .help("there are `\\n`, `\\t`, `\\\"` and `\\\\`"),
                        );
                    }
                },
                _ => node.push(char),
            }
        }
        Spanned { node, span }
    }

    /// Answers operators of other languages.
    pub(super) fn foreign(&mut self, pair: &Pair<'_, Rule>) {
        let right = match pair.as_rule() {
            Rule::slip_and => "and",
            Rule::slip_or => "or",
            Rule::slip_not => "not",
            Rule::slip_equal => "==",
            _ => return,
        };
        let span = self.span(pair);
        let message = format!("`{}` is written `{right}`", pair.as_str());
        self.problems.push(
            Problem::new(Code::ForeignOperator, message, span, "no such operator").write(right),
        );
    }
}

fn kind(test: &Pair<'_, Rule>) -> Operator {
    match test.as_rule() {
        Rule::in_test => Operator::In,
        Rule::starts_test => Operator::StartsWith,
        Rule::under_test => Operator::Under,
        Rule::any_test => Operator::HasAny,
        Rule::all_test => Operator::HasAll,
        Rule::has_test => Operator::Has,
        Rule::within_test => Operator::Within,
        _ => Operator::Equal,
    }
}

fn order(rule: Rule) -> Option<Operator> {
    Some(match rule {
        Rule::EQUAL | Rule::slip_equal => Operator::Equal,
        Rule::NOT_EQUAL => Operator::NotEqual,
        Rule::LESS => Operator::Less,
        Rule::AT_MOST => Operator::AtMost,
        Rule::GREATER => Operator::Greater,
        Rule::AT_LEAST => Operator::AtLeast,
        _ => return None,
    })
}
