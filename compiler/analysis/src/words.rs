//! Facts, classes and conditions in the words that a policy is written in.

mod written;

use hpol_bundle::address;
use hpol_bundle::program::{ClassIndex, Values};
use hpol_bundle::vocabulary::{FactType, Scalar};

pub(crate) use written::of_history;
pub use written::{condition, fact_value};

use crate::cube::{AskSet, Kept, number};
use crate::sample::Sample;
use crate::space::{Axis, MISSING, Point, Space, Spot, UNKNOWN};

/// Values that are named in one condition; the others are counted.
const NAMED: usize = 8;

/// What is said of one fact: `sql.verbs has drop`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sentence {
    /// The fact.
    pub fact: String,
    /// All of it, the fact included.
    pub text: String,
}

/// What an operation is, fact by fact; facts that it does not have are left out.
pub(crate) fn of_point(space: &Space<'_>, point: &Point) -> Vec<Sentence> {
    let pairs = space.axes.iter().zip(point);
    let said = pairs.filter_map(|(axis, spot)| {
        let name = &axis.fact.name;
        let text = match spot {
            Spot::Class(MISSING) => return None,
            Spot::Class(UNKNOWN) => format!("{name} is unknown"),
            Spot::Class(class) => match axis.sample(*class)? {
                Sample::Bool(true) => name.clone(),
                Sample::Bool(false) => format!("not {name}"),
                _ => format!("{name} == {}", value(axis, *class)),
            },
            Spot::Set(classes) => {
                let members: Vec<String> =
                    classes.iter().map(|class| value(axis, *class)).collect();
                format!("{name} = [{}]", members.join(", "))
            }
        };
        Some(Sentence {
            fact: name.clone(),
            text,
        })
    });
    said.collect()
}

/// Which values of a single fact are meant.
pub(crate) fn of_classes(axis: &Axis<'_>, kept: &Kept) -> Sentence {
    let name = &axis.fact.name;
    let (inside, outside): (Vec<u32>, Vec<u32>) =
        axis.single().partition(|class| kept.keeps(*class));
    let known = |classes: &[u32]| -> Vec<u32> {
        classes
            .iter()
            .copied()
            .filter(|class| *class > MISSING)
            .collect()
    };
    let mut ways = Vec::new();
    match (known(&inside).as_slice(), known(&outside).as_slice()) {
        ([], _) => {}
        (_, []) => ways.push(format!("{name} is known")),
        (inside, outside) => ways.push(values(axis, inside, outside)),
    }
    for (class, word) in [(MISSING, "missing"), (UNKNOWN, "unknown")] {
        if inside.contains(&class) {
            ways.push(format!("{name} is {word}"));
        }
    }
    // A known value and the others: the fact is named once.
    let text = ways
        .join(" or ")
        .replace(&format!(" or {name} is "), " or ");
    Sentence {
        fact: name.clone(),
        text,
    }
}

/// Known values, some of them meant and some not.
fn values(axis: &Axis<'_>, inside: &[u32], outside: &[u32]) -> String {
    let name = &axis.fact.name;
    match axis.values.as_ref() {
        Values::Bool if inside.contains(&number(ClassIndex::FIRST)) => format!("not {name}"),
        Values::Bool => name.clone(),
        Values::Int(bounds) => {
            let start = |class: u32| bounds.starts().find(|(_, of)| number(*of) == class);
            let mut ranges: Vec<(Option<i64>, Option<i64>)> = Vec::new();
            for class in inside {
                let from = start(*class).map(|(start, _)| start);
                let to = start(class.saturating_add(1)).map(|(next, _)| next.saturating_sub(1));
                match ranges.last_mut() {
                    Some((_, end)) if *end == from.map(|from| from.saturating_sub(1)) => *end = to,
                    _ => ranges.push((from, to)),
                }
            }
            let ranges = ranges.iter().map(|(from, to)| match (from, to) {
                (Some(from), Some(to)) if from == to => format!("{name} == {from}"),
                (Some(from), Some(to)) => format!("{name} from {from} to {to}"),
                (Some(from), None) => format!("{name} >= {from}"),
                (None, Some(to)) => format!("{name} <= {to}"),
                (None, None) => format!("{name} is known"),
            });
            ranges.collect::<Vec<_>>().join(" or ")
        }
        Values::Text(_) | Values::Set(_) => {
            // What nothing mentions cannot be listed: then what is not meant is.
            let open = inside.iter().any(|class| !is_one_text(axis, *class));
            let closed = outside.iter().all(|class| is_one_text(axis, *class));
            if open && closed {
                format!("{name} {}", list(axis, outside, "!=", "not in"))
            } else {
                format!("{name} {}", list(axis, inside, "==", "in"))
            }
        }
    }
}

fn list(axis: &Axis<'_>, classes: &[u32], one: &str, many: &str) -> String {
    let mut named: Vec<String> = classes
        .iter()
        .take(NAMED)
        .map(|class| value(axis, *class))
        .collect();
    // A network is many addresses.
    let single = *scalar(axis) != Scalar::Address;
    if let ([only], 1, true) = (named.as_slice(), classes.len(), single) {
        return format!("{one} {only}");
    }
    if classes.len() > NAMED {
        named.push(format!("and {} more", classes.len() - NAMED));
    }
    format!("{many} [{}]", named.join(", "))
}

/// What is asked of a set.
pub(crate) fn of_set(axis: &Axis<'_>, ask: &AskSet) -> Sentence {
    let name = &axis.fact.name;
    let mut said: Vec<String> = Vec::new();
    for some in &ask.some {
        match some.named.as_slice() {
            [only] => said.push(format!("{name} has {}", element(axis, *only))),
            several => said.push(format!("{name} has any [{}]", elements(axis, several))),
        }
    }
    // Where nothing may be an element that no rule names, those that may are told.
    let barred = ask.every.named.iter();
    let others_barred = barred.clone().any(|class| !is_one_text(axis, *class));
    let every = match ask.every.others && others_barred {
        true => Kept::only(
            axis.known()
                .filter(|class| ask.every.keeps(*class))
                .collect(),
        ),
        false => ask.every.clone(),
    };
    match every.named.as_slice() {
        within if !every.others => {
            said.push(format!("{name} within [{}]", elements(axis, within)));
        }
        [] => {}
        [only] => said.push(format!("not ({name} has {})", element(axis, *only))),
        several => said.push(format!(
            "not ({name} has any [{}])",
            elements(axis, several)
        )),
    }
    let states = [
        (ask.known && said.is_empty(), "known"),
        (ask.missing, "missing"),
        (ask.unknown, "unknown"),
    ];
    let states = states
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| word);
    let states: Vec<&str> = states.collect();
    if !states.is_empty() {
        let state = format!("{name} is {}", states.join(" or "));
        let known = said.join(" and ");
        said = match known.is_empty() {
            true => vec![state],
            false => vec![format!("({known} or {state})")],
        };
    }
    Sentence {
        fact: name.clone(),
        text: said.join(" and "),
    }
}

/// Whether `class` is a single text and no more.
fn is_one_text(axis: &Axis<'_>, class: u32) -> bool {
    match axis.values.as_ref() {
        Values::Text(texts) | Values::Set(texts) => {
            texts.equal().any(|(_, of)| number(of) == class)
        }
        Values::Bool | Values::Int(_) => true,
    }
}

fn elements(axis: &Axis<'_>, classes: &[u32]) -> String {
    let named = classes.iter().take(NAMED);
    let mut members: Vec<String> = named.map(|class| element(axis, *class)).collect();
    if classes.len() > NAMED {
        members.push(format!("and {} more", classes.len() - NAMED));
    }
    members.join(", ")
}

fn element(axis: &Axis<'_>, class: u32) -> String {
    if is_one_text(axis, class) {
        value(axis, class)
    } else {
        "something that no rule names".to_owned()
    }
}

/// The value that stands for a class, as a policy would write it.
fn value(axis: &Axis<'_>, class: u32) -> String {
    if let (Scalar::Address, Some(network)) = (scalar(axis), network(axis, class)) {
        return network;
    }
    match axis.sample(class) {
        Some(Sample::Text(text)) => written::text(&axis.fact, text),
        Some(Sample::Int(number)) => number.to_string(),
        Some(Sample::Bool(value)) => value.to_string(),
        Some(Sample::Missing) => "missing".to_owned(),
        Some(Sample::Unknown) | None => "unknown".to_owned(),
    }
}

/// The network that a class of addresses is, or an address of it where nothing mentions one.
fn network(axis: &Axis<'_>, class: u32) -> Option<String> {
    let Values::Text(texts) = axis.values.as_ref() else {
        return None;
    };
    let mut prefixes = texts.prefixes().chain(texts.equal());
    let mentioned = prefixes.find_map(|(text, of)| (number(of) == class).then_some(text));
    let sample = || match axis.sample(class) {
        Some(Sample::Text(text)) => Some(text.as_ref()),
        _ => None,
    };
    address::network(mentioned.or_else(sample)?).map(|network| network.to_string())
}

fn scalar<'x>(axis: &'x Axis<'_>) -> &'x Scalar {
    let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &axis.fact.ty;
    scalar
}
