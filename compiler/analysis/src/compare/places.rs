//! What data classes mean, before and after: decisions name a class, and the gateway masks what is of it.

use std::collections::BTreeSet;
use std::fmt;

use hpol_bundle::policy::{Column, DataClass, Effect, JsonPath, Policy};

use super::Direction;

/// A data class that is masked before and after, and is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacesChange {
    /// Its name.
    pub class: String,
    /// Columns, JSON paths and detectors that are new in it.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Which way that is.
    pub direction: Direction,
}

/// The classes that mean something else on `target`, or on connections without a name.
pub(super) fn changes(before: &Policy, after: &Policy, target: Option<&str>) -> Vec<PlacesChange> {
    let change = |class: &DataClass| {
        let other = after
            .classes
            .iter()
            .find(|other| other.name == class.name)?;
        if !is_masked(before, &class.name) || !is_masked(after, &class.name) {
            return None;
        }
        let (then, now) = (places(class, target), places(other, target));
        let added: Vec<String> = now.difference(&then).map(Place::to_string).collect();
        let removed: Vec<String> = then.difference(&now).map(Place::to_string).collect();
        let direction = match (added.is_empty(), removed.is_empty()) {
            (true, true) => return None,
            (false, true) => Direction::Tighter,
            (true, false) => Direction::Looser,
            (false, false) => Direction::Other,
        };
        Some(PlacesChange {
            class: class.name.clone(),
            added,
            removed,
            direction,
        })
    };
    before.classes.iter().filter_map(change).collect()
}

fn is_masked(policy: &Policy, class: &str) -> bool {
    policy.rules.iter().any(|rule| match &rule.effect {
        Effect::Mask { class: of, .. } if !rule.observe => {
            let of = policy.classes.get(of.0 as usize);
            of.is_some_and(|of| of.name == class)
        }
        _ => false,
    })
}

/// Where values of a class stand. Compared as what it is: names may have dots in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Column(&'a Column),
    Json(&'a JsonPath),
    Detector(&'a str),
}

/// As a policy would write it.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Column(column) => {
                let names = [&column.schema, &column.table, &column.column];
                let names = names.map(|name| match name.contains(['.', '"']) {
                    true => format!("\"{}\"", name.replace('"', "\"\"")),
                    false => name.clone(),
                });
                write!(f, "column {}", names.join("."))
            }
            Place::Json(path) => write!(f, "json {path}"),
            Place::Detector(detector) => write!(f, "detector {detector}"),
        }
    }
}

/// Where values of a class stand on a connection.
fn places<'a>(class: &'a DataClass, target: Option<&str>) -> BTreeSet<Place<'a>> {
    let here = |of: &str| target == Some(of);
    let columns = class.columns.iter().filter(|column| here(&column.target));
    let json = class.json.iter().filter(|path| here(&path.target));
    let detectors = class
        .detectors
        .iter()
        .map(|name| Place::Detector(name.as_str()));
    let stored = columns.map(Place::Column).chain(json.map(Place::Json));
    stored.chain(detectors).collect()
}
