//! Checks and lowers conditions on what happened before: what they measure, over which operations, how far back.

use hpol_bundle::policy::Condition;
use hpol_bundle::policy::history::{
    History, HistoryTest, MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS, Measure, Own, Scope,
};
use hpol_bundle::vocabulary::{Fact, FactType, Phase, Scalar, Vocabulary};
use hpol_syntax::ast::{self, Bound, LiteralKind, Name, Operator};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;

use super::Checker;
use super::condition::{Reads, ty};
use super::predicate::is;
use super::presence::Facts;
use super::rule::kind_is;

const SECONDS_PER_DAY: u64 = 24 * 3600;

impl Checker<'_> {
    /// What `history` means where `reads` may be read.
    pub(super) fn history(&mut self, history: &ast::History, reads: Reads) -> Option<Condition> {
        self.may_look_back(history, reads)?;
        let window_seconds = self.window(&history.within);
        let range = self.range(&history.measure.node);
        // What belongs to one protocol in it restricts the operations that it looks at, not the rule.
        let outside = std::mem::take(&mut self.protocol_facts);
        let measured = self.measured(&history.measure.node);
        let filter = self.filter(history);
        self.protocol_facts = outside;
        let (measure, filter, (negated, at_least, at_most)) = (measured?, filter?, range?);
        let alone = matches!(
            history.measure.node,
            ast::Measure::Earlier | ast::Measure::Never
        );
        let of_result = measure.fact().is_some_and(|fact| {
            let fact = self.vocabulary().fact(fact);
            fact.is_some_and(|fact| fact.phase == Phase::Result)
        });
        let own = match alone || of_result || reads_result(&filter, self.vocabulary()) {
            true => Own::Apart,
            false => Own::Counts,
        };
        let test = Condition::History(Box::new(HistoryTest {
            history: History {
                measure,
                filter,
                window_seconds: window_seconds?,
                scope: match history.in_session {
                    true => Scope::Session,
                    false => Scope::Subject,
                },
                own,
            },
            at_least,
            at_most,
        }));
        Some(match negated {
            true => Condition::Not(Box::new(test)),
            false => test,
        })
    }

    /// Reports history where there is none.
    fn may_look_back(&mut self, history: &ast::History, reads: Reads) -> Option<()> {
        let why = match reads {
            Reads::Anything => return Some(()),
            Reads::Before => "a history condition cannot stand within another",
            Reads::Now => "an exception does not depend on what happened before",
            Reads::Subject => "`who` says nothing of what happened before",
            Reads::SubjectAlone => "a group says nothing of what happened before",
        };
        let help = match reads {
            Reads::Before => "make two conditions of it, joined by `and`",
            Reads::Now => "narrow the rule itself: write it into its `unless`",
            _ => "write it into the `when` of the rule",
        };
        self.report(Problem::new(Code::HistoryHere, why, history.span, "history").help(help));
        None
    }

    fn window(&mut self, within: &Spanned<u64>) -> Option<u64> {
        if (MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&within.node) {
            return Some(within.node);
        }
        let message = "history is not looked back upon so far";
        let days = MAX_WINDOW_SECONDS / SECONDS_PER_DAY;
        self.report(
            Problem::new(Code::HistoryWindow, message, within.span, "out of bounds").help(format!(
                "a window lies between `{MIN_WINDOW_SECONDS}s` and `{days}d`"
            )),
        );
        None
    }

    /// What is measured, and whether that can be.
    fn measured(&mut self, measure: &ast::Measure) -> Option<Measure> {
        let (name, of): (&Name, fn(_) -> Measure) = match measure {
            ast::Measure::Earlier | ast::Measure::Never | ast::Measure::Count(_) => {
                return Some(Measure::Count);
            }
            ast::Measure::Sum(name, _) => (name, Measure::Sum),
            ast::Measure::Distinct(name, _) => (name, Measure::Distinct),
        };
        let (id, fact) = self.fact(name, Reads::Before)?;
        if can_be(measure, fact) {
            return Some(of(id));
        }
        let (verb, help) = match measure {
            ast::Measure::Sum(..) => ("summed up", "sum up a number, such as `result.rows`"),
            _ => (
                "told apart by value",
                "write `count(...)`, or `sum(...)` for a number",
            ),
        };
        let message = format!("`{}` cannot be {verb}", name.node);
        self.report(Problem::new(Code::HistoryMeasure, message, name.span, ty(fact)).help(help));
        None
    }

    /// Which operations are looked at.
    fn filter(&mut self, history: &ast::History) -> Option<Condition> {
        let written = match &history.filter {
            Some(filter) => Some(self.condition(filter, Reads::Before, &Facts::new())?),
            None => None,
        };
        let Some(protocol) = self.protocol_facts.first().map(|fact| fact.protocol) else {
            return Some(written.unwrap_or(Condition::All(Vec::new())));
        };
        self.one_protocol()?;
        let parts = [kind_is(self, protocol)].into_iter().chain(written);
        Some(Condition::All(parts.collect()))
    }

    /// The closed range that is asked for, and whether the number has to lie outside of it.
    fn range(&mut self, measure: &ast::Measure) -> Option<(bool, i64, i64)> {
        let Some(bound) = measure.bound() else {
            return Some(match measure {
                ast::Measure::Never => (false, 0, 0),
                _ => (false, 1, i64::MAX),
            });
        };
        let number = self.bound(measure, bound)?;
        Some(match bound.operator.node {
            Operator::NotEqual => (true, number, number),
            Operator::Less => (false, 0, number.saturating_sub(1)),
            Operator::AtMost => (false, 0, number),
            Operator::Greater => (false, number.saturating_add(1), i64::MAX),
            Operator::AtLeast => (false, number, i64::MAX),
            _ => (false, number, number),
        })
    }

    fn bound(&mut self, measure: &ast::Measure, bound: &Bound) -> Option<i64> {
        let span = bound.number.span;
        let measured = match measure {
            ast::Measure::Sum(name, _) => self.vocabulary().lookup(&name.node),
            _ => None,
        };
        let sized = measured.filter(|(_, fact)| fact.unit.is_some());
        let number = match (&bound.number.node, sized) {
            _ if self.parameters.iter().any(|name| is(&bound.number, name)) => 1,
            (_, Some((_, fact))) => self.integer(fact, &bound.number)?,
            (LiteralKind::Int(number), None) => *number,
            _ => {
                let message = format!("`{}` gives a number", measure.as_str());
                self.report(
                    Problem::new(Code::ValueType, message, span, "not a number")
                        .help("compare it with a number, such as `10`"),
                );
                return None;
            }
        };
        let settled = match bound.operator.node {
            Operator::Less | Operator::AtLeast => number <= 0,
            Operator::Greater => number < 0 || number == i64::MAX,
            _ => number < 0,
        };
        if !settled {
            return Some(number);
        }
        let operator = bound.operator.node.as_str();
        let message = format!("`{operator} {number}` is the same whatever happened before");
        self.report(
            Problem::new(Code::HistoryBound, message, span, "decides nothing")
                .help(format!("`{}` gives a number from 0 on", measure.as_str())),
        );
        None
    }
}

fn can_be(measure: &ast::Measure, fact: &Fact) -> bool {
    match (measure, &fact.ty) {
        (ast::Measure::Sum(..), ty) => *ty == FactType::Scalar(Scalar::Int),
        (_, FactType::Scalar(scalar) | FactType::Set(scalar)) => {
            !matches!(scalar, Scalar::Int | Scalar::Bool)
        }
    }
}

/// Whether `condition` reads a fact of the result.
pub(super) fn reads_result(condition: &Condition, vocabulary: &Vocabulary) -> bool {
    reads(condition, &|fact| fact.phase == Phase::Result, vocabulary)
}

/// Whether `condition` looks back at which data classes a result had.
pub(super) fn looks_back_at_classes(condition: &Condition, vocabulary: &Vocabulary) -> bool {
    let of_classes = |fact: &Fact| {
        let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
        fact.phase == Phase::Result && *scalar == Scalar::Class
    };
    reads(condition, &of_classes, vocabulary)
}

fn reads(condition: &Condition, which: &dyn Fn(&Fact) -> bool, vocabulary: &Vocabulary) -> bool {
    let is = |fact| vocabulary.fact(fact).is_some_and(which);
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().any(|part| reads(part, which, vocabulary))
        }
        Condition::Not(inner) => reads(inner, which, vocabulary),
        Condition::Test(test) => is(test.fact),
        Condition::History(test) => {
            test.history.measure.fact().is_some_and(is)
                || reads(&test.history.filter, which, vocabulary)
        }
    }
}
