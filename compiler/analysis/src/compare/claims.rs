//! The controls that rules claim on a connection, before and after.

use std::collections::BTreeSet;

use crate::cube::{Ask, Cube, Kept};
use crate::search::{Part, Question, Tags, Wanted, search};
use crate::space::UNKNOWN;

use super::Scope;

/// Some operation in the cube.
struct Any;

impl Question for Any {
    fn hopeless(&self, _: Tags, _: &[Tags]) -> bool {
        false
    }

    fn wanted(&self, tags: Tags) -> bool {
        tags != 0
    }
}

/// Controls gained and controls lost, in OSCAL form.
pub(super) fn changes(scope: &Scope<'_, '_>) -> (Vec<String>, Vec<String>) {
    let [before, after] = [false, true].map(|is_after| claimed(scope, is_after));
    let gained = after
        .difference(&before)
        .map(|control| (*control).to_owned());
    let lost = before
        .difference(&after)
        .map(|control| (*control).to_owned());
    (gained.collect(), lost.collect())
}

/// What rules claim that can match an operation here. One for which that is not certain counts as one that can.
fn claimed<'a>(scope: &Scope<'_, 'a>, of_after: bool) -> BTreeSet<&'a str> {
    let mut claimed = BTreeSet::new();
    // The gateway always knows which connection it is: what holds only where that is unknown claims nothing.
    let named = scope.space.axis("connection.name").map(|(place, _)| {
        let known = Kept::but(vec![UNKNOWN]);
        Cube::of(vec![(place, Ask::One(known))])
    });
    for (clause, cube) in scope.clauses {
        let Some((_, rule, is_after)) = scope.pair.rule(clause) else {
            continue;
        };
        let known = |control: &String| claimed.contains(control.as_str());
        if is_after != of_after
            || rule.observe
            || rule.claims.iter().all(|claim| known(&claim.control))
        {
            continue;
        }
        let within = scope.within.as_ref().map(|within| (within, Part::Within));
        let named = named.as_ref().map(|named| (named, Part::Within));
        let cubes = [(cube, Part::Tags(1))].into_iter().chain(within);
        let cubes: Vec<_> = cubes.chain(named).collect();
        let found = search(scope.space, &cubes, &Any, Wanted::Any, scope.pair.budget);
        if found.is_ok_and(|found| found.is_empty()) {
            continue;
        }
        claimed.extend(rule.claims.iter().map(|claim| claim.control.as_str()));
    }
    claimed
}
