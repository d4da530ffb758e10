//! What data classes mean, before and after: decisions name a class, and the gateway masks what is of it.

use std::collections::BTreeSet;

use hpol_bundle::policy::{DataClass, Effect, Policy};

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
        let added: Vec<String> = now.difference(&then).cloned().collect();
        let removed: Vec<String> = then.difference(&now).cloned().collect();
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

/// Where values of a class stand on a connection, as a policy would write it.
fn places(class: &DataClass, target: Option<&str>) -> BTreeSet<String> {
    let here = |of: &str| target == Some(of);
    let columns = class.columns.iter().filter(|column| here(&column.target));
    let columns = columns.map(|column| {
        format!(
            "column {}.{}.{}",
            column.schema, column.table, column.column
        )
    });
    let json = class.json.iter().filter(|path| here(&path.target));
    let json = json.map(|path| format!("json {path}"));
    let detectors = class
        .detectors
        .iter()
        .map(|detector| format!("detector {detector}"));
    columns.chain(json).chain(detectors).collect()
}
