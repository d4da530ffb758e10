//! Whether a condition fits the vocabulary. The checker of the compiler has seen to that with spans and suggestions;
//! here it is made sure, since the graph is exact only for conditions that fit.

use crate::facts::Value;
use crate::policy::{Condition, MAX_DEPTH, Predicate, Test};
use crate::vocabulary::{FactType, Scalar, Vocabulary};

use super::Fault;

/// Checks depth, facts, predicates and defaults.
pub(super) fn check(condition: &Condition, vocabulary: &Vocabulary) -> Result<(), Fault> {
    check_at(condition, vocabulary, 0)
}

fn check_at(condition: &Condition, vocabulary: &Vocabulary, depth: usize) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts
            .iter()
            .try_for_each(|part| check_at(part, vocabulary, depth + 1)),
        Condition::Not(inner) => check_at(inner, vocabulary, depth + 1),
        Condition::Test(test) => check_test(test, vocabulary),
    }
}

fn check_test(test: &Test, vocabulary: &Vocabulary) -> Result<(), Fault> {
    let index = test.fact.index();
    let fact = vocabulary
        .fact(test.fact)
        .ok_or(Fault::UnknownFact { index })?;
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
        Scalar::String | Scalar::Name | Scalar::Enum(_) => true,
        Scalar::Bool | Scalar::Int => false,
    }
}
