//! Whether a condition fits the vocabulary. The checker of the compiler has seen to that with spans and suggestions;
//! here it is made sure, since the graph is exact only for conditions that fit.

use crate::facts::Value;
use crate::policy::history::{History, MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS, Measure};
use crate::policy::{Condition, MAX_DEPTH, Predicate, Test};
use crate::vocabulary::{FactType, Phase, Scalar, Vocabulary};

use super::Fault;

/// Where a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// In a group.
    Group,
    /// In an exception.
    Exception,
    /// In a rule.
    Rule,
    /// In a test of history.
    Filter,
}

/// Checks depth, facts, phases, predicates and defaults, and tests of history.
pub(super) fn check(condition: &Condition, vocabulary: &Vocabulary, at: At) -> Result<(), Fault> {
    check_at(condition, vocabulary, at, 0)
}

fn check_at(
    condition: &Condition,
    vocabulary: &Vocabulary,
    at: At,
    depth: usize,
) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts
            .iter()
            .try_for_each(|part| check_at(part, vocabulary, at, depth + 1)),
        Condition::Not(inner) => check_at(inner, vocabulary, at, depth + 1),
        Condition::Test(test) => check_test(test, vocabulary, at),
        Condition::History(test) if at == At::Rule => {
            check_history(&test.history, vocabulary)?;
            check_at(&test.history.filter, vocabulary, At::Filter, depth + 1)
        }
        Condition::History(_) => Err(Fault::HistoryHere),
    }
}

fn check_history(history: &History, vocabulary: &Vocabulary) -> Result<(), Fault> {
    let seconds = history.window_seconds;
    if !(MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&seconds) {
        return Err(Fault::Window { seconds });
    }
    let Some(id) = history.measure.fact() else {
        return Ok(());
    };
    let index = id.index();
    let fact = vocabulary.fact(id).ok_or(Fault::UnknownFact { index })?;
    if measurable(history.measure, &fact.ty) {
        Ok(())
    } else {
        Err(Fault::Measure {
            fact: fact.name.clone(),
        })
    }
}

/// Whether facts of type `ty` can be measured so.
pub(crate) fn measurable(measure: Measure, ty: &FactType) -> bool {
    match (measure, ty) {
        (Measure::Count, _) => true,
        (Measure::Sum(_), ty) => *ty == FactType::Scalar(Scalar::Int),
        (Measure::Distinct(_), FactType::Scalar(scalar) | FactType::Set(scalar)) => is_text(scalar),
    }
}

fn check_test(test: &Test, vocabulary: &Vocabulary, at: At) -> Result<(), Fault> {
    let index = test.fact.index();
    let fact = vocabulary
        .fact(test.fact)
        .ok_or(Fault::UnknownFact { index })?;
    if fact.phase == Phase::Result && at != At::Filter {
        return Err(Fault::ResultHere {
            fact: fact.name.clone(),
        });
    }
    let default_fits = test
        .default
        .as_ref()
        .is_none_or(|value| fits(&fact.ty, value));
    if default_fits && predicate_fits(&fact.ty, &test.predicate) {
        Ok(())
    } else {
        Err(Fault::Mismatch {
            fact: fact.name.clone(),
        })
    }
}

fn fits(ty: &FactType, value: &Value) -> bool {
    match (ty, value) {
        (FactType::Scalar(Scalar::Bool), Value::Bool(_))
        | (FactType::Scalar(Scalar::Int), Value::Int(_)) => true,
        (FactType::Scalar(scalar), Value::Text(_)) | (FactType::Set(scalar), Value::Set(_)) => {
            is_text(scalar)
        }
        _ => false,
    }
}

fn predicate_fits(ty: &FactType, predicate: &Predicate) -> bool {
    match (ty, predicate) {
        (FactType::Set(scalar), Predicate::Present) => is_text(scalar),
        (FactType::Scalar(_), Predicate::Present)
        | (FactType::Scalar(Scalar::Bool), Predicate::IsTrue)
        | (FactType::Scalar(Scalar::Int), Predicate::Between(..)) => true,
        (FactType::Scalar(scalar), Predicate::In(_) | Predicate::StartsWith(_))
        | (
            FactType::Set(scalar),
            Predicate::HasAny(_) | Predicate::HasAll(_) | Predicate::Within(_),
        ) => is_text(scalar),
        _ => false,
    }
}

fn is_text(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::String
        | Scalar::Path
        | Scalar::Address
        | Scalar::Name
        | Scalar::Enum(_)
        | Scalar::Class => true,
        Scalar::Bool | Scalar::Int => false,
    }
}
