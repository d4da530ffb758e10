//! Requests as JSON lines of facts, for `hpol eval` and `hpol bench`. Decides nothing.

use std::collections::BTreeMap;
use std::path::Path;

use hpol_bundle::address;
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::vocabulary::{self, FactType, Phase, Protocol, Scalar, Vocabulary};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::exit::Failure;
use crate::lines::Lines;

/// The fact that a request's kind stands for.
const KIND: &str = "connection.kind";

/// What one line asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: Json,
    /// The protocol of the connection.
    pub(crate) kind: Protocol,
    /// Facts of the session.
    pub(crate) session: Facts,
    /// Facts of the operation.
    pub(crate) operation: Facts,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: Json,
    kind: Option<Protocol>,
    facts: BTreeMap<String, Json>,
    #[serde(default)]
    unknown: Vec<String>,
}

/// Why a line is not a request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum ReadRequest {
    #[error("there is no fact `{name}` in the vocabulary")]
    NoFact { name: String },
    #[error("`{name}` is {ty}, which `{value}` is not")]
    WrongType {
        name: String,
        ty: String,
        value: String,
    },
    #[error("no operation of `{kind}` has `{name}`")]
    OtherProtocol { name: String, kind: &'static str },
    #[error("`{name}` is known when an operation has ended, and no request has it")]
    OfResult { name: String },
    #[error("it has neither a `kind` nor the fact `{KIND}`")]
    NoKind,
    #[error("its `kind` is not its `{KIND}`")]
    TwoKinds,
}

/// Reads the requests of a file, one after the other.
pub(crate) struct Requests<'a> {
    lines: Lines,
    vocabulary: &'a Vocabulary,
}

impl<'a> Requests<'a> {
    /// The requests of `path`; of standard input for `-`.
    pub(crate) fn open(path: &Path, vocabulary: &'a Vocabulary) -> Result<Requests<'a>, Failure> {
        Ok(Requests {
            lines: Lines::open(Some(path))?,
            vocabulary,
        })
    }

    /// Whether the next request is not there yet.
    pub(crate) fn may_wait(&self) -> bool {
        self.lines.may_wait()
    }

    /// The next request; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, Failure> {
        let Some(line) = self.lines.next::<Line>()? else {
            return Ok(None);
        };
        match request(line, self.vocabulary) {
            Ok(request) => Ok(Some(request)),
            Err(fault) => Err(self.lines.wrong(&fault.to_string())),
        }
    }
}

fn request(line: Line, vocabulary: &Vocabulary) -> Result<Request, ReadRequest> {
    let mut request = Request {
        kind: kind(&line)?,
        id: line.id,
        session: Facts::new(),
        operation: Facts::new(),
    };
    let unknown = line.unknown.iter().map(|name| (name, &Json::Null));
    for (name, value) in line.facts.iter().chain(unknown) {
        let (id, entry) = vocabulary
            .lookup(name)
            .ok_or_else(|| ReadRequest::NoFact { name: name.clone() })?;
        if entry
            .protocol
            .is_some_and(|protocol| protocol != request.kind)
        {
            return Err(ReadRequest::OtherProtocol {
                name: name.clone(),
                kind: request.kind.as_str(),
            });
        }
        let facts = match entry.phase {
            Phase::Session => &mut request.session,
            Phase::Operation => &mut request.operation,
            Phase::Result => return Err(ReadRequest::OfResult { name: name.clone() }),
        };
        facts.set(id, fact(entry, value, vocabulary)?);
    }
    Ok(request)
}

fn kind(line: &Line) -> Result<Protocol, ReadRequest> {
    let fact = match line.facts.get(KIND) {
        Some(value) => {
            let word = |protocol: &Protocol| value.as_str() == Some(protocol.as_str());
            let kind = Protocol::ALL.into_iter().find(word);
            Some(kind.ok_or(ReadRequest::NoKind)?)
        }
        None => None,
    };
    match (line.kind, fact) {
        (None, None) => Err(ReadRequest::NoKind),
        (Some(kind), Some(fact)) if kind != fact => Err(ReadRequest::TwoKinds),
        (Some(kind), _) | (None, Some(kind)) => Ok(kind),
    }
}

fn fact(
    entry: &vocabulary::Fact,
    value: &Json,
    vocabulary: &Vocabulary,
) -> Result<Fact, ReadRequest> {
    if value.is_null() {
        return Ok(Fact::Unknown);
    }
    let known = match &entry.ty {
        FactType::Scalar(scalar) => scalar_value(scalar, value, vocabulary),
        FactType::Set(scalar) => set_value(scalar, value, vocabulary),
    };
    known
        .map(Fact::Known)
        .ok_or_else(|| ReadRequest::WrongType {
            name: entry.name.clone(),
            ty: entry.ty.to_string(),
            value: value.to_string(),
        })
}

fn scalar_value(scalar: &Scalar, value: &Json, vocabulary: &Vocabulary) -> Option<Value> {
    match scalar {
        Scalar::Bool => value.as_bool().map(Value::Bool),
        Scalar::Int => value.as_i64().map(Value::Int),
        Scalar::Address => {
            let address = value.as_str()?.parse().ok()?;
            Some(Value::Text(address::text(address)))
        }
        Scalar::String | Scalar::Path | Scalar::Name | Scalar::Class => {
            Some(Value::Text(value.as_str()?.into()))
        }
        Scalar::Enum(name) => {
            let word = value.as_str()?;
            let words = vocabulary.words(name)?;
            words
                .iter()
                .any(|known| known == word)
                .then(|| Value::Text(word.into()))
        }
    }
}

/// Elements of sets are texts, whatever their type.
fn set_value(scalar: &Scalar, value: &Json, vocabulary: &Vocabulary) -> Option<Value> {
    let elements = value.as_array()?.iter().map(|element| {
        Some(match scalar_value(scalar, element, vocabulary)? {
            Value::Text(text) => text,
            Value::Bool(value) => value.to_string().into(),
            Value::Int(value) => value.to_string().into(),
            Value::Set(_) => return None,
        })
    });
    elements.collect::<Option<Vec<_>>>().map(Value::Set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, ReadRequest> {
        request(serde_json::from_str(line).unwrap(), Vocabulary::builtin())
    }

    fn known(request: &Request, name: &str) -> Fact {
        let (id, entry) = Vocabulary::builtin().lookup(name).unwrap();
        match entry.phase {
            Phase::Session => request.session.fact(id).clone(),
            Phase::Operation => request.operation.fact(id).clone(),
            Phase::Result => Fact::Missing,
        }
    }

    #[test]
    fn facts_are_known_unknown_or_missing() {
        let request = read(
            r#"{"id": [7], "kind": "postgres", "unknown": ["sql.reads"], "facts": {"subject.id": "a", "subject.groups": ["g"],
                "sql.verbs": ["select"], "sql.reads": ["public.t"], "sql.filtered": true, "sql.statements": 2, "sql.writes": null}}"#,
        )
        .unwrap();
        let set = |element: &str| Fact::Known(Value::Set(vec![element.into()]));
        for (name, fact) in [
            ("subject.id", Fact::Known(Value::Text("a".into()))),
            ("subject.groups", set("g")),
            ("subject.issuer", Fact::Missing),
            ("sql.verbs", set("select")),
            ("sql.reads", Fact::Unknown),
            ("sql.writes", Fact::Unknown),
            ("sql.filtered", Fact::Known(Value::Bool(true))),
            ("sql.statements", Fact::Known(Value::Int(2))),
            ("sql.functions", Fact::Missing),
        ] {
            assert_eq!(known(&request, name), fact, "{name}");
        }
        assert_eq!(
            (request.kind, request.id),
            (Protocol::Postgres, serde_json::json!([7]))
        );
    }

    #[test]
    fn what_the_vocabulary_does_not_have_is_refused() {
        for (line, says) in [
            (
                r#"{"id": 1, "kind": "http", "facts": {"http.verb": "GET"}}"#,
                "there is no fact `http.verb` in the vocabulary",
            ),
            (
                r#"{"id": 1, "kind": "http", "facts": {"http.method": "get"}}"#,
                "`http.method` is enum http_method, which `\"get\"` is not",
            ),
            (
                r#"{"id": 1, "kind": "postgres", "facts": {"sql.reads": ["a", 1]}}"#,
                "`sql.reads` is set of name, which `[\"a\",1]` is not",
            ),
            (
                r#"{"id": 1, "kind": "http", "facts": {"sql.filtered": true}}"#,
                "no operation of `http` has `sql.filtered`",
            ),
            (
                r#"{"id": 1, "facts": {}}"#,
                "it has neither a `kind` nor the fact `connection.kind`",
            ),
            (
                r#"{"id": 1, "kind": "http", "facts": {"connection.kind": "postgres"}}"#,
                "its `kind` is not its `connection.kind`",
            ),
        ] {
            assert_eq!(read(line).unwrap_err().to_string(), says);
        }
        assert_eq!(
            read(r#"{"id": 1, "facts": {"connection.kind": "http"}}"#)
                .unwrap()
                .kind,
            Protocol::Http
        );
    }
}
