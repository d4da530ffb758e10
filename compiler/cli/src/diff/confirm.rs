//! Gives the example of each region to the reference interpreter, under both policies.

use hpol_analysis::compare::{Change, Common, Comparison, OnConnection, Region, outcome_of};
use hpol_bundle::decision::Decision;
use hpol_bundle::policy::Policy;

use crate::trial::DEFAULT_DENY;

/// What the reference interpreter says of an example.
pub(super) struct Said {
    /// The rules that determine it, by name.
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
    /// Whether it says what the comparison says.
    pub(super) confirmed: bool,
}

/// Whether every example is confirmed.
pub(super) fn all(both: &Common, comparison: &Comparison) -> bool {
    comparison.connections.iter().all(|on| {
        on.changes.iter().all(|change| {
            let mut regions = change.regions.iter();
            regions.all(|region| said(both, on, change, region).confirmed)
        })
    })
}

pub(super) fn said(both: &Common, on: &OnConnection, change: &Change, region: &Region) -> Said {
    let target = on.target.as_deref();
    let Common { before, after, .. } = both;
    let facts = region.witness.all_facts();
    let decide = |policy: &Policy| hpol_oracle::decide(&region.witness.policy(policy), &facts);
    let (then, now) = (decide(before), decide(after));
    let outcome =
        |is_after, decision| outcome_of(before, after, is_after, target, decision, &change.output);
    let confirmed = outcome(false, &then) == change.before && outcome(true, &now) == change.after;
    Said {
        before: determining(before, &then),
        after: determining(after, &now),
        confirmed: confirmed && change.before != change.after,
    }
}

fn determining(policy: &Policy, decision: &Decision) -> Vec<String> {
    let rules = decision.determining().iter();
    let names = rules.filter_map(|id| policy.rules.get(id.0 as usize));
    let names: Vec<String> = names.map(|rule| rule.name.clone()).collect();
    match names.is_empty() {
        true => vec![DEFAULT_DENY.to_owned()],
        false => names,
    }
}
