//! Typed conditions in the words of the language, for messages: what a reader sees is what could have been written.

use hpol_bundle::facts::Value;
use hpol_bundle::policy::{Condition, Predicate, Test};
use hpol_bundle::vocabulary::Vocabulary;

/// Members of a list that are named; the others are counted.
const NAMED: usize = 8;

/// `condition` in words.
#[must_use]
pub fn condition(condition: &Condition, vocabulary: &Vocabulary) -> String {
    let joined = |parts: &[Condition], word: &str| {
        let said: Vec<String> = parts
            .iter()
            .map(|part| self::condition(part, vocabulary))
            .collect();
        match said.as_slice() {
            [only] => only.clone(),
            _ => format!("({})", said.join(word)),
        }
    };
    match condition {
        Condition::All(parts) if parts.is_empty() => "always".to_owned(),
        Condition::Any(parts) if parts.is_empty() => "never".to_owned(),
        Condition::All(parts) => joined(parts, " and "),
        Condition::Any(parts) => joined(parts, " or "),
        Condition::Not(inner) => format!("not {}", self::condition(inner, vocabulary)),
        Condition::Test(test) => self::test(test, vocabulary),
        Condition::History(history) => {
            format!(
                "what happened in the last {} s",
                history.history.window_seconds
            )
        }
    }
}

/// `test` in words.
#[must_use]
pub fn test(test: &Test, vocabulary: &Vocabulary) -> String {
    let fact = vocabulary.fact(test.fact);
    let name = fact.map_or("?", |fact| fact.name.as_str());
    let name = match &test.default {
        Some(default) => format!("({name} or {})", value(default)),
        None => name.to_owned(),
    };
    match &test.predicate {
        Predicate::Present => format!("has {name}"),
        Predicate::IsTrue => name,
        Predicate::In(texts) => match texts.as_slice() {
            [only] => format!("{name} == {only:?}"),
            texts => format!("{name} in {}", list(texts)),
        },
        Predicate::StartsWith(prefix) => format!("{name} starts with {prefix:?}"),
        Predicate::Between(low, high) => match (*low, *high) {
            (low, high) if low == high => format!("{name} == {low}"),
            (i64::MIN, high) => format!("{name} <= {high}"),
            (low, i64::MAX) => format!("{name} >= {low}"),
            (low, high) => format!("{name} from {low} to {high}"),
        },
        Predicate::HasAny(texts) => match texts.as_slice() {
            [only] => format!("{name} has {only}"),
            texts => format!("{name} has any {}", list(texts)),
        },
        Predicate::HasAll(texts) => format!("{name} has all {}", list(texts)),
        Predicate::Within(texts) => format!("{name} within {}", list(texts)),
    }
}

/// `value` in words.
#[must_use]
pub fn value(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Set(texts) => list(texts),
    }
}

fn list(texts: &[Box<str>]) -> String {
    let mut named: Vec<String> = texts.iter().take(NAMED).map(ToString::to_string).collect();
    if texts.len() > NAMED {
        named.push(format!("{} more", texts.len() - NAMED));
    }
    format!("[{}]", named.join(", "))
}
