//! Fits tests and literals to the type of a fact.

use hpol_bundle::facts::Value;
use hpol_bundle::policy::{Condition, Predicate};
use hpol_bundle::vocabulary::{Fact, FactId, FactType, Scalar, Unit, Vocabulary};
use hpol_syntax::ast::{Comparison, Literal, LiteralKind, Operator, Part};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;
use hpol_syntax::words;

use super::Checker;
use super::condition::{test, ty};

impl Checker<'_> {
    /// The condition that `comparison` means for `fact`.
    pub(super) fn predicate(
        &mut self,
        id: FactId,
        fact: &Fact,
        comparison: &Comparison,
    ) -> Option<Condition> {
        let operator = comparison.operator.node;
        let lists = matches!(
            operator,
            Operator::In | Operator::HasAny | Operator::HasAll | Operator::Under
        );
        if lists && comparison.values.is_empty() {
            let message = format!(
                "`{}` with an empty list never decides anything",
                operator.as_str()
            );
            self.report(
                Problem::new(Code::EmptyList, message, comparison.span, "empty list")
                    .help("name at least one value"),
            );
            return None;
        }
        match (&fact.ty, operator) {
            (FactType::Set(scalar), Operator::Has | Operator::HasAny) => Some(test(
                id,
                Predicate::HasAny(self.words(fact, scalar, comparison)?),
            )),
            (FactType::Set(scalar), Operator::HasAll) => Some(test(
                id,
                Predicate::HasAll(self.words(fact, scalar, comparison)?),
            )),
            (FactType::Set(scalar), Operator::Within) => Some(test(
                id,
                Predicate::Within(self.words(fact, scalar, comparison)?),
            )),
            (FactType::Set(_), Operator::Equal | Operator::NotEqual) => {
                self.set_equality(fact, comparison)
            }
            (FactType::Scalar(Scalar::Int), _) => self.number(id, fact, comparison),
            (FactType::Scalar(Scalar::Bool), _) => self.boolean(id, fact, comparison),
            (FactType::Scalar(Scalar::Address), _) => self.address(id, fact, comparison),
            (FactType::Scalar(Scalar::Path), Operator::Under) => self.under(id, fact, comparison),
            (FactType::Scalar(scalar), Operator::Equal | Operator::In) => Some(test(
                id,
                Predicate::In(self.words(fact, scalar, comparison)?),
            )),
            (FactType::Scalar(scalar), Operator::NotEqual) => {
                let equal = test(id, Predicate::In(self.words(fact, scalar, comparison)?));
                Some(Condition::Not(Box::new(equal)))
            }
            (FactType::Scalar(scalar @ (Scalar::String | Scalar::Path)), Operator::StartsWith) => {
                let prefix = self.words(fact, scalar, comparison)?.pop()?;
                Some(test(id, Predicate::StartsWith(prefix)))
            }
            _ => self.misfit(fact, comparison),
        }
    }

    /// What a missing `fact` is read as.
    pub(super) fn default_value(&mut self, fact: &Fact, literal: &Literal) -> Option<Value> {
        match &fact.ty {
            FactType::Scalar(Scalar::Bool) => self.truth(fact, literal).map(Value::Bool),
            FactType::Scalar(Scalar::Int) => self.integer(fact, literal).map(Value::Int),
            FactType::Scalar(Scalar::Address) => {
                let network = self.network(fact, literal)?;
                Some(Value::Text(network.prefix()))
            }
            // Any word will do as a default: it need not be one that the fact can have.
            FactType::Scalar(Scalar::Enum(_)) => match &literal.node {
                LiteralKind::Name(parts) => match parts.as_slice() {
                    [one] => Some(Value::Text(one.text.as_str().into())),
                    _ => self.wrong_value(fact, literal, "write one word"),
                },
                _ => self.wrong_value(fact, literal, "write one word"),
            },
            FactType::Scalar(scalar) => self.word(fact, scalar, literal).map(Value::Text),
            FactType::Set(_) => self.wrong_value(fact, literal, "guard it with `has` instead"),
        }
    }

    fn words(
        &mut self,
        fact: &Fact,
        scalar: &Scalar,
        comparison: &Comparison,
    ) -> Option<Vec<Box<str>>> {
        let found: Vec<Option<Box<str>>> = comparison
            .values
            .iter()
            .map(|literal| self.word(fact, scalar, literal))
            .collect();
        let mut words: Vec<Box<str>> = found.into_iter().collect::<Option<_>>()?;
        words.sort_unstable();
        words.dedup();
        Some(words)
    }

    fn word(&mut self, fact: &Fact, scalar: &Scalar, literal: &Literal) -> Option<Box<str>> {
        if self.is_full() {
            return None;
        }
        match (scalar, &literal.node) {
            (Scalar::String | Scalar::Path, LiteralKind::Text(text)) => Some(text.as_str().into()),
            (Scalar::String | Scalar::Path, LiteralKind::Name(parts)) => {
                let help = format!("put it in quotes: `\"{}\"`", written(parts));
                self.wrong_value(fact, literal, &help)
            }
            (Scalar::String | Scalar::Path, _) => {
                self.wrong_value(fact, literal, "write a text in quotes")
            }
            (Scalar::Name, LiteralKind::Name(parts)) if parts.len() == 2 => Some(stored(parts)),
            (Scalar::Name, _) => self.wrong_value(
                fact,
                literal,
                "write schema and name, such as `public.orders`",
            ),
            (Scalar::Enum(list), LiteralKind::Name(parts)) => match parts.as_slice() {
                [one] if !one.quoted => self.enum_word(fact, list, &one.text, literal),
                _ => self.wrong_value(fact, literal, "write one bare word"),
            },
            (Scalar::Enum(list), LiteralKind::Text(text)) => {
                let known = self
                    .vocabulary()
                    .words(list)
                    .is_some_and(|known| known.iter().any(|word| word == text));
                let help = if known {
                    format!("write it without quotes: `{text}`")
                } else {
                    "write a bare word".into()
                };
                self.wrong_value(fact, literal, &help)
            }
            (Scalar::Enum(_), _) => self.wrong_value(fact, literal, "write a bare word"),
            (Scalar::Class, LiteralKind::Name(parts)) if parts.iter().all(|part| !part.quoted) => {
                let class = Spanned {
                    node: written(parts),
                    span: literal.span,
                };
                self.class(&class).map(|(name, _)| name.into())
            }
            (Scalar::Class, _) => self.wrong_value(fact, literal, "write the name of a data class"),
            (Scalar::Bool | Scalar::Int | Scalar::Address, _) => {
                self.wrong_value(fact, literal, "sets of these cannot be tested")
            }
        }
    }

    fn enum_word(
        &mut self,
        fact: &Fact,
        list: &str,
        word: &str,
        literal: &Literal,
    ) -> Option<Box<str>> {
        let vocabulary = self.vocabulary();
        let known = vocabulary.words(list).unwrap_or(&[]);
        if known.iter().any(|known| known == word) {
            return Some(word.into());
        }
        let message = format!("`{}` is never `{word}`", fact.name);
        let problem = Problem::new(Code::UnknownWord, message, literal.span, "no such word");
        let same = known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(word))
            .map(String::as_str);
        self.report(
            match same.or_else(|| words::nearest(word, known.iter().map(String::as_str))) {
                Some(near) => problem.did_you_mean(near),
                None => {
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    problem.help(format!("it is one of {}", words::list(&known)))
                }
            },
        );
        None
    }

    fn number(&mut self, id: FactId, fact: &Fact, comparison: &Comparison) -> Option<Condition> {
        use Operator::{AtLeast, AtMost, Equal, Greater, In, Less, NotEqual};
        let operator = comparison.operator.node;
        if !matches!(
            operator,
            Equal | NotEqual | Less | AtMost | Greater | AtLeast | In
        ) {
            return self.misfit(fact, comparison);
        }
        let found: Vec<Option<i64>> = comparison
            .values
            .iter()
            .map(|literal| self.integer(fact, literal))
            .collect();
        let numbers: Vec<i64> = found.into_iter().collect::<Option<_>>()?;
        let number = *numbers.first()?;
        let between = |low: i64, high: i64| test(id, Predicate::Between(low, high));
        let nothing = Condition::Any(Vec::new());
        Some(match operator {
            NotEqual => Condition::Not(Box::new(between(number, number))),
            Less => number
                .checked_sub(1)
                .map_or(nothing, |high| between(i64::MIN, high)),
            AtMost => between(i64::MIN, number),
            Greater => number
                .checked_add(1)
                .map_or(nothing, |low| between(low, i64::MAX)),
            AtLeast => between(number, i64::MAX),
            In => Condition::Any(
                numbers
                    .iter()
                    .map(|number| between(*number, *number))
                    .collect(),
            ),
            _ => between(number, number),
        })
    }

    fn boolean(&mut self, id: FactId, fact: &Fact, comparison: &Comparison) -> Option<Condition> {
        let holds = test(id, Predicate::IsTrue);
        let equal = match comparison.operator.node {
            Operator::Holds => return Some(holds),
            Operator::Equal => true,
            Operator::NotEqual => false,
            _ => return self.misfit(fact, comparison),
        };
        let value = self.truth(fact, comparison.values.first()?)?;
        Some(if value == equal {
            holds
        } else {
            Condition::Not(Box::new(holds))
        })
    }

    pub(super) fn integer(&mut self, fact: &Fact, literal: &Literal) -> Option<i64> {
        match literal.node {
            LiteralKind::Int(number) => Some(number),
            LiteralKind::Size(bytes) if fact.unit == Some(Unit::Bytes) => i64::try_from(bytes).ok(),
            LiteralKind::Duration(seconds) if fact.unit == Some(Unit::Seconds) => {
                i64::try_from(seconds).ok()
            }
            _ if fact.unit == Some(Unit::Bytes) => {
                self.wrong_value(fact, literal, "write a size, such as `10MB` or `512KiB`")
            }
            _ if fact.unit == Some(Unit::Seconds) => {
                self.wrong_value(fact, literal, "write a duration, such as `15m`")
            }
            _ => self.wrong_value(fact, literal, "write a number, such as `10_000`"),
        }
    }

    fn truth(&mut self, fact: &Fact, literal: &Literal) -> Option<bool> {
        match &literal.node {
            LiteralKind::Name(parts) if written(parts) == "true" => Some(true),
            LiteralKind::Name(parts) if written(parts) == "false" => Some(false),
            _ => self.wrong_value(fact, literal, "write `true` or `false`"),
        }
    }

    pub(super) fn wrong_value<T>(
        &mut self,
        fact: &Fact,
        literal: &Literal,
        help: &str,
    ) -> Option<T> {
        let what = match &literal.node {
            LiteralKind::Text(_) => "a text",
            LiteralKind::Int(_) => "a number",
            LiteralKind::Duration(_) => "a duration",
            LiteralKind::Size(_) => "a size",
            LiteralKind::Network(_) => "an address",
            LiteralKind::Name(parts) if parts.len() > 1 => "a dotted name",
            LiteralKind::Name(_) => "a word",
        };
        let message = format!(
            "`{}` is {}, and this is {what} that it cannot be",
            fact.name,
            ty(fact)
        );
        let problem = Problem::new(Code::ValueType, message, literal.span, what).help(help);
        self.report(match quoting(fact, literal, self.vocabulary()) {
            Some(right) => problem.replace(&right),
            None => problem,
        });
        None
    }

    fn set_equality(&mut self, fact: &Fact, comparison: &Comparison) -> Option<Condition> {
        let operator = comparison.operator.node.as_str();
        let message = format!(
            "`{operator}` has no meaning over a set, and `{}` is {}",
            fact.name,
            ty(fact)
        );
        let name = &fact.name;
        let help = match comparison.operator.node {
            Operator::NotEqual => format!(
                "write `not {name} has x` (it is not among them), or `not {name} within [x]` (there are others)"
            ),
            _ => format!(
                "write `{name} has x` (it is among them), or `{name} within [x]` (there is nothing else)"
            ),
        };
        self.report(
            Problem::new(
                Code::SetEquality,
                message,
                comparison.operator.span,
                "over a set",
            )
            .help(help),
        );
        None
    }

    pub(super) fn misfit(&mut self, fact: &Fact, comparison: &Comparison) -> Option<Condition> {
        let operator = comparison.operator.node.as_str();
        let message = format!(
            "`{operator}` does not fit `{}`, which is {}",
            fact.name,
            ty(fact)
        );
        self.report(
            Problem::new(
                Code::OperatorType,
                message,
                comparison.operator.span,
                "does not fit",
            )
            .help(format!("what fits is {}", words::list(operators(&fact.ty)))),
        );
        None
    }
}

/// The operators by which facts of a type are tested.
#[must_use]
pub fn operators(ty: &FactType) -> &'static [&'static str] {
    match ty {
        FactType::Set(_) => &["has", "has any", "has all", "within"],
        FactType::Scalar(Scalar::Int) => &["==", "!=", "<", "<=", ">", ">=", "in"],
        FactType::Scalar(Scalar::Bool) => &["==", "!="],
        FactType::Scalar(Scalar::String) => &["==", "!=", "in", "starts with"],
        FactType::Scalar(Scalar::Path) => &["==", "!=", "in", "under", "starts with"],
        FactType::Scalar(Scalar::Address | Scalar::Name | Scalar::Enum(_) | Scalar::Class) => {
            &["==", "!=", "in"]
        }
    }
}

/// A dotted name as PostgreSQL stores it: bare parts in lower case, quoted ones as they are.
pub(super) fn part_text(part: &Part) -> String {
    if part.quoted {
        part.text.clone()
    } else {
        part.text.to_ascii_lowercase()
    }
}

/// The form in which facts hold names: parts joined by dots, and a part that would read as several in quotes.
fn stored(parts: &[Part]) -> Box<str> {
    let quoted = |part: &Part| {
        let text = part_text(part);
        match text.is_empty() || text.contains(['.', '"', '*']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text,
        }
    };
    parts
        .iter()
        .map(quoted)
        .collect::<Vec<_>>()
        .join(".")
        .into()
}

fn written(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| part.text.as_str())
        .collect::<Vec<_>>()
        .join(".")
}

/// The literal with quotes put in or taken out, where that is all it lacks.
fn quoting(fact: &Fact, literal: &Literal, vocabulary: &Vocabulary) -> Option<String> {
    let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
    match (scalar, &literal.node) {
        (Scalar::String | Scalar::Path, LiteralKind::Name(parts)) => {
            Some(format!("\"{}\"", written(parts)))
        }
        (Scalar::Enum(list), LiteralKind::Text(text)) => {
            let known = vocabulary.words(list)?;
            known.contains(text).then(|| text.clone())
        }
        _ => None,
    }
}
