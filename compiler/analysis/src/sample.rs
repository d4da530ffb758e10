//! A value for each class, such as an operation can have it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use hpol_bundle::address;
use hpol_bundle::facts::{Fact, Value};
use hpol_bundle::program::{ClassIndex, Texts, Values};
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
/// IPv4 addresses that IPv6 carries (RFC 4291 section 2.5.5.2): no fact is one, since those are IPv4 addresses.
static MAPPED: LazyLock<String> =
    LazyLock::new(|| format!("6{}{}", "0".repeat(80), "1".repeat(16)));
/// Endings that are tried first to find a text that has a prefix and is not mentioned itself.
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
            let found = match scalar(fact) {
                Scalar::Enum(list) => {
                    let words = vocabulary.words(list).unwrap_or_default();
                    words.iter().find(|word| has(word)).cloned()
                }
                Scalar::Address => address_of(texts, class),
                scalar => {
                    let mut texts = plain_texts(texts, class, plain_text(fact, scalar));
                    texts.find(|text| has(text))
                }
            };
            found.map(|text| Sample::Text(text.into()))
        }
    }
}

/// Texts among which one is of `class`, unless there is none: what is mentioned comes before what is not.
fn plain_texts(
    texts: &Texts,
    class: ClassIndex,
    other: String,
) -> impl Iterator<Item = String> + use<> {
    let mentioned = texts.prefixes().chain(texts.equal());
    let mut starts: Vec<String> = mentioned
        .filter(|(_, of)| *of == class)
        .map(|(text, _)| text.to_owned())
        .collect();
    starts.push(String::new());
    let stem = stem(texts, class).map(str::to_owned);
    let longer = starts
        .into_iter()
        .flat_map(|start| ENDINGS.map(move |ending| format!("{start}{ending}")));
    let numbered = (0..64).map(|number| format!("{OTHER}{number}"));
    // Each text that is mentioned goes on with one character: among all others is one that nothing mentions.
    let rest = stem.into_iter().flat_map(|stem| {
        let characters = ('a'..='z').chain('0'..='9').chain('A'..='Z');
        let characters = characters.chain('\u{a1}'..=char::MAX);
        characters.map(move |character| format!("{stem}{character}"))
    });
    longer
        .filter(|text| !text.is_empty())
        .chain([other])
        .chain(numbered)
        .chain([String::new()])
        .chain(rest)
}

/// What all texts of a class begin with, unless it is the class of a single text, or none is of it.
fn stem(texts: &Texts, class: ClassIndex) -> Option<&str> {
    let none = (texts.class_by_prefix("") == class).then_some("");
    let mut prefixes = texts.prefixes();
    none.or_else(|| prefixes.find_map(|(prefix, of)| (of == class).then_some(prefix)))
}

/// An address of `class`; none if there is none.
fn address_of(texts: &Texts, class: ClassIndex) -> Option<String> {
    let has = |text: &str| texts.class(text) == class && is_address(text);
    let Some(stem) = stem(texts, class) else {
        let mut equal = texts.equal();
        let single = equal.find_map(|(text, of)| (of == class).then_some(text));
        return single.filter(|text| has(text)).map(str::to_owned);
    };
    let others = OTHER_ADDRESSES.map(|address| String::from(address::text(address)));
    addresses(stem)
        .into_iter()
        .chain(others)
        .find(|text| has(text))
        .or_else(|| address_below(stem, texts, class))
}

/// An address of `class` that begins with `stem`: goes bit by bit into networks that are cut up, until a whole one is left.
fn address_below(stem: &str, texts: &Texts, class: ClassIndex) -> Option<String> {
    let mentioned = texts.prefixes().chain(texts.equal());
    let mut inside: Vec<&str> = mentioned.map(|(text, _)| text).collect();
    inside.push(&MAPPED);
    let mut open = vec![(stem.to_owned(), inside)];
    while let Some((stem, mut inside)) = open.pop() {
        if texts.class_by_prefix(&stem) != class || stem.starts_with(MAPPED.as_str()) {
            continue;
        }
        inside.retain(|text| text.len() > stem.len() && text.starts_with(&stem));
        let has = |text: &String| texts.class(text) == class && is_address(text);
        if let (true, Some(found)) = (inside.is_empty(), addresses(&stem).into_iter().find(has)) {
            return Some(found);
        }
        let next = match stem.is_empty() {
            true => ["6", "4"],
            false => ["1", "0"],
        };
        if !is_whole(&stem) {
            open.extend(next.map(|bit| (format!("{stem}{bit}"), inside.clone())));
        }
    }
    None
}

/// Addresses of the network that `start` is: its first two.
fn addresses(start: &str) -> Vec<String> {
    let Some(length) = length(start) else {
        return Vec::new();
    };
    let ends = ["1", "0", ""].into_iter();
    let padded = ends.filter_map(|end| {
        let zeros = length - start.len().min(length);
        let zeros = zeros.checked_sub(end.len())?;
        Some(format!("{start}{}{end}", "0".repeat(zeros)))
    });
    padded.collect()
}

/// How long the text of an address is that begins like this one.
fn length(start: &str) -> Option<usize> {
    match start.as_bytes().first() {
        Some(b'4') => Some(1 + 32),
        Some(b'6') => Some(1 + 128),
        _ => None,
    }
}

fn is_whole(text: &str) -> bool {
    !text.is_empty() && length(text).is_none_or(|length| text.len() >= length)
}

fn is_address(text: &str) -> bool {
    length(text) == Some(text.len()) && !text.starts_with(MAPPED.as_str())
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
