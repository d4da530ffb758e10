//! Typed conditions in the words of the language: what a reader sees is what could have been written, long lists and
//! ranges of numbers aside.

use hpol_bundle::address;
use hpol_bundle::facts::Value;
use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
use hpol_bundle::policy::{Condition, Predicate, Test};
use hpol_bundle::vocabulary::{Fact, FactType, Scalar, Vocabulary};

use super::NAMED;

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
        Condition::Test(test) => of_test(test, vocabulary),
        Condition::History(test) => of_history_test(test, vocabulary),
    }
}

/// `value` of `fact` in words.
#[must_use]
pub fn fact_value(fact: &Fact, value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => self::text(fact, text),
        Value::Set(texts) => list(fact, texts),
    }
}

/// A text that `fact` can have, or that is among it, as a policy writes it.
pub(super) fn text(fact: &Fact, text: &str) -> String {
    let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
    match scalar {
        Scalar::Address => match address::network(text) {
            Some(network) => network.to_string(),
            None => format!("{text:?}"),
        },
        Scalar::Enum(_) | Scalar::Class => text.to_owned(),
        Scalar::Name if text.split('.').all(is_bare) => text.to_owned(),
        _ => format!("{text:?}"),
    }
}

/// What is measured, and how far back.
pub(crate) fn of_history(history: &History, vocabulary: &Vocabulary) -> String {
    let name = |id| vocabulary.fact(id).map_or("?", |fact| fact.name.as_str());
    let filter = condition(&history.filter, vocabulary);
    let open = matches!(&history.filter, Condition::All(parts) if parts.is_empty());
    let filtered = match open {
        true => String::new(),
        false => format!(" where {filter}"),
    };
    let measured = match history.measure {
        Measure::Count => format!("count{}", bracketed(&history.filter, vocabulary)),
        Measure::Sum(fact) => format!("sum({}{filtered})", name(fact)),
        Measure::Distinct(fact) => format!("distinct({}{filtered})", name(fact)),
    };
    format!("{measured} {}", window(history))
}

fn of_history_test(test: &HistoryTest, vocabulary: &Vocabulary) -> String {
    let history = &test.history;
    let word = match (history.measure, history.own, test.at_least, test.at_most) {
        (Measure::Count, Own::Apart, 1, i64::MAX) => Some("earlier"),
        (Measure::Count, Own::Apart, 0, 0) => Some("never"),
        _ => None,
    };
    if let Some(word) = word {
        let filter = bracketed(&history.filter, vocabulary);
        return format!("{word} {} {filter}", window(history));
    }
    let measured = of_history(history, vocabulary);
    match (test.at_least, test.at_most) {
        (low, high) if low == high => format!("{measured} == {low}"),
        (0, high) => format!("{measured} <= {high}"),
        (low, i64::MAX) => format!("{measured} >= {low}"),
        (low, high) => format!("{measured} from {low} to {high}"),
    }
}

/// The condition in one pair of brackets.
fn bracketed(condition: &Condition, vocabulary: &Vocabulary) -> String {
    let said = self::condition(condition, vocabulary);
    match condition {
        Condition::All(parts) | Condition::Any(parts) if parts.len() > 1 => said,
        _ => format!("({said})"),
    }
}

fn window(history: &History) -> String {
    let seconds = history.window_seconds;
    let window = match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    };
    let scope = match history.scope {
        Scope::Subject => "",
        Scope::Session => " in this session",
    };
    format!("within {window}{scope}")
}

fn of_test(test: &Test, vocabulary: &Vocabulary) -> String {
    let Some(fact) = vocabulary.fact(test.fact) else {
        return "?".to_owned();
    };
    let name = match &test.default {
        Some(default) => format!("({} or {})", fact.name, fact_value(fact, default)),
        None => fact.name.clone(),
    };
    match &test.predicate {
        Predicate::Present => format!("has {name}"),
        Predicate::IsTrue => name,
        Predicate::In(texts) => match texts.as_slice() {
            [only] => format!("{name} == {}", text(fact, only)),
            texts => format!("{name} in {}", list(fact, texts)),
        },
        Predicate::StartsWith(prefix) => match is_address(fact) {
            true => format!("{name} in [{}]", text(fact, prefix)),
            false => format!("{name} starts with {prefix:?}"),
        },
        Predicate::Between(low, high) => match (*low, *high) {
            (low, high) if low == high => format!("{name} == {low}"),
            (i64::MIN, high) => format!("{name} <= {high}"),
            (low, i64::MAX) => format!("{name} >= {low}"),
            (low, high) => format!("{name} from {low} to {high}"),
        },
        Predicate::HasAny(texts) => match texts.as_slice() {
            [only] => format!("{name} has {}", text(fact, only)),
            texts => format!("{name} has any {}", list(fact, texts)),
        },
        Predicate::HasAll(texts) => format!("{name} has all {}", list(fact, texts)),
        Predicate::Within(texts) => format!("{name} within {}", list(fact, texts)),
    }
}

fn list(fact: &Fact, texts: &[Box<str>]) -> String {
    let mut named: Vec<String> = texts
        .iter()
        .take(NAMED)
        .map(|text| self::text(fact, text))
        .collect();
    if texts.len() > NAMED {
        named.push(format!("{} more", texts.len() - NAMED));
    }
    format!("[{}]", named.join(", "))
}

fn is_address(fact: &Fact) -> bool {
    fact.ty == FactType::Scalar(Scalar::Address)
}

/// Whether a part of a name needs no quotes.
fn is_bare(part: &str) -> bool {
    let is_word = |char: char| char == '_' || char.is_ascii_lowercase() || char.is_ascii_digit();
    !part.is_empty()
        && part.chars().all(is_word)
        && !part.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use hpol_bundle::address::Network;

    use super::*;

    fn test(fact: &str, predicate: Predicate) -> Condition {
        let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
        Condition::Test(Test {
            fact,
            default: None,
            predicate,
        })
    }

    fn history(own: Own, at_least: i64, at_most: i64) -> Condition {
        Condition::History(Box::new(HistoryTest {
            history: History {
                measure: Measure::Count,
                filter: test("sql.verbs", Predicate::HasAny(vec!["drop".into()])),
                window_seconds: 1800,
                scope: Scope::Session,
                own,
            },
            at_least,
            at_most,
        }))
    }

    #[test]
    fn conditions_are_told_as_a_policy_would_write_them() {
        let office = Network::new([10, 0, 0, 0].into(), 8).unwrap();
        let postgres = vec!["postgres".into()];
        for (condition, said) in [
            (
                test("connection.kind", Predicate::In(postgres)),
                "connection.kind == postgres",
            ),
            (
                test("subject.groups", Predicate::HasAny(vec!["dba".into()])),
                "subject.groups has \"dba\"",
            ),
            (
                test(
                    "sql.writes",
                    Predicate::Within(vec!["public.a".into(), "a.\"B.c\"".into()]),
                ),
                "sql.writes within [public.a, \"a.\\\"B.c\\\"\"]",
            ),
            (
                test(
                    "session.client_address",
                    Predicate::StartsWith(office.prefix()),
                ),
                "session.client_address in [10.0.0.0/8]",
            ),
            (
                history(Own::Apart, 1, i64::MAX),
                "earlier within 30m in this session (sql.verbs has drop)",
            ),
            (
                history(Own::Apart, 0, 0),
                "never within 30m in this session (sql.verbs has drop)",
            ),
            (
                history(Own::Counts, 3, i64::MAX),
                "count(sql.verbs has drop) within 30m in this session >= 3",
            ),
        ] {
            assert_eq!(super::condition(&condition, Vocabulary::builtin()), said);
        }
    }
}
