//! A value for each class, such as an operation can have it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hpol_bundle::address;
use hpol_bundle::facts::{Fact, Value};
use hpol_bundle::program::{ClassIndex, Values};
use hpol_bundle::vocabulary::{self, FactType, Phase, Protocol, Scalar, Vocabulary};

/// What an operation has of a single value, or of one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sample {
    Unknown,
    Missing,
    Bool(bool),
    Int(i64),
    Text(Box<str>),
}

/// What a text that nothing mentions is called.
const OTHER: &str = "other";
/// Addresses for documentation (RFC 5737, RFC 3849), for any that nothing mentions.
const OTHER_ADDRESSES: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
/// Endings that are tried to find a text that has a prefix and is not mentioned itself.
const ENDINGS: [&str; 8] = ["", "x", "-other", ".other", "/other", "0", "other", "zz"];

impl Sample {
    pub(crate) fn fact(&self) -> Fact {
        match self {
            Sample::Unknown => Fact::Unknown,
            Sample::Missing => Fact::Missing,
            Sample::Bool(value) => Fact::Known(Value::Bool(*value)),
            Sample::Int(value) => Fact::Known(Value::Int(*value)),
            Sample::Text(text) => Fact::Known(Value::Text(text.clone())),
        }
    }
}

/// A value of `class`; `None` where no operation has one. `never` tells of texts that none has.
pub(crate) fn of(
    values: &Values,
    class: ClassIndex,
    fact: &vocabulary::Fact,
    vocabulary: &Vocabulary,
    never: &dyn Fn(&str) -> bool,
) -> Option<Sample> {
    match values {
        Values::Bool => Some(Sample::Bool(class != ClassIndex::FIRST)),
        Values::Int(bounds) => {
            let starts: Vec<(i64, ClassIndex)> = bounds.starts().collect();
            let start = starts.iter().find(|(_, of)| *of == class);
            let next = starts.iter().find(|(_, of)| *of > class);
            let least = start.map_or(i64::MIN, |(start, _)| *start);
            let most = next.map_or(Some(i64::MAX), |(next, _)| next.checked_sub(1))?;
            let near = [1, 0, least, most];
            let value = near
                .into_iter()
                .find(|value| (least..=most).contains(value));
            value.map(Sample::Int)
        }
        Values::Text(texts) | Values::Set(texts) => {
            let has = |text: &str| texts.class(text) == class && !never(text);
            let mut candidates = candidates(fact, vocabulary, || {
                let mut starts = vec![String::new()];
                let of_class =
                    |(text, of): (&str, ClassIndex)| (of == class).then(|| text.to_owned());
                starts.extend(texts.equal().filter_map(of_class));
                starts.extend(texts.prefixes().filter_map(of_class));
                starts
            });
            let found = candidates.find(|text| has(text));
            found.map(|text| Sample::Text(text.into()))
        }
    }
}

/// Texts that a value of `fact` can be: the words of a closed list, or what begins like one of `starts`.
fn candidates<'v>(
    fact: &vocabulary::Fact,
    vocabulary: &'v Vocabulary,
    starts: impl FnOnce() -> Vec<String>,
) -> Box<dyn Iterator<Item = String> + 'v> {
    match scalar(fact) {
        Scalar::Enum(list) => {
            let words = vocabulary.words(list).unwrap_or_default();
            Box::new(words.iter().cloned())
        }
        Scalar::Address => {
            let starts = starts()
                .into_iter()
                .rev()
                .flat_map(|start| addresses(&start));
            let others = OTHER_ADDRESSES
                .into_iter()
                .map(|address| address::text(address).into());
            Box::new(starts.chain(others))
        }
        scalar => {
            let other = plain_text(fact, scalar);
            let mut starts = starts();
            starts.reverse();
            let longer = starts
                .into_iter()
                .flat_map(move |start| ENDINGS.map(move |ending| format!("{start}{ending}")));
            let numbered = (0..64).map(|number| format!("{OTHER}{number}"));
            let first = std::iter::once(other);
            // What is mentioned comes before what is not.
            Box::new(
                longer
                    .filter(|text| !text.is_empty())
                    .chain(first)
                    .chain(numbered)
                    .chain([String::new()]),
            )
        }
    }
}

/// Addresses of the network that `start` is: its first two.
fn addresses(start: &str) -> Vec<String> {
    let length = match start.as_bytes().first() {
        Some(b'4') => 1 + 32,
        Some(b'6') => 1 + 128,
        _ => return Vec::new(),
    };
    let ends = ["1", "0", ""].into_iter();
    let padded = ends.filter_map(|end| {
        let zeros = length - start.len().min(length);
        let zeros = zeros.checked_sub(end.len())?;
        Some(format!("{start}{}{end}", "0".repeat(zeros)))
    });
    padded.collect()
}

fn scalar(fact: &vocabulary::Fact) -> &Scalar {
    let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
    scalar
}

/// A text that says that it stands for any other.
fn plain_text(fact: &vocabulary::Fact, scalar: &Scalar) -> String {
    match (fact.name.as_str(), scalar) {
        ("http.path", _) => format!("/{OTHER}"),
        (_, Scalar::Address) => address::text(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))).into(),
        (_, Scalar::Name) => format!("public.{OTHER}"),
        _ => OTHER.to_owned(),
    }
}

/// Some value of a fact that nothing reads.
pub(crate) fn any(fact: &vocabulary::Fact, kind: Protocol, vocabulary: &Vocabulary) -> Fact {
    if fact.name == "connection.kind" {
        return Fact::Known(Value::Text(kind.as_str().into()));
    }
    let none_yet = fact.optional || fact.phase == Phase::Result;
    if none_yet || fact.protocol.is_some_and(|of| of != kind) {
        return Fact::Missing;
    }
    Fact::Known(match (&fact.ty, scalar(fact)) {
        (FactType::Set(_), _) => Value::Set(Vec::new()),
        (_, Scalar::Bool) => Value::Bool(false),
        (_, Scalar::Int) => Value::Int(1),
        (_, Scalar::Enum(list)) => {
            let words = vocabulary.words(list).unwrap_or_default();
            Value::Text(words.first().map_or("", String::as_str).into())
        }
        (_, scalar) => Value::Text(plain_text(fact, scalar).into()),
    })
}
