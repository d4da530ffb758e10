//! What must hold between the parts of a bundle: ids point into the lists they are ids of.

use crate::policy::{Condition, Effect, MAX_JSON_STEPS, Policy};
use crate::vocabulary::Vocabulary;

use super::{Bundle, LoadBundle};

/// Checks everything that code which holds a bundle relies on.
pub(super) fn check(bundle: &Bundle) -> Result<(), LoadBundle> {
    let Bundle {
        policy,
        program,
        vocabulary,
        ..
    } = bundle;
    vocabulary
        .validate()
        .map_err(|error| corrupt(&error.to_string()))?;
    check_policy(policy, vocabulary)?;
    program
        .validate(policy, vocabulary)
        .map_err(|invalid| corrupt(invalid.what))
}

fn check_policy(policy: &Policy, vocabulary: &Vocabulary) -> Result<(), LoadBundle> {
    for rule in &policy.rules {
        let named = match &rule.effect {
            Effect::Allow { rows: Some(0) } | Effect::Limit { rows: 0 } => {
                return Err(corrupt("a rule limits the result to no rows"));
            }
            Effect::Allow { .. } | Effect::Block { .. } | Effect::Limit { .. } => true,
            Effect::RequireApproval { group, quorum, .. } => {
                (group.0 as usize) < policy.groups.len() && *quorum > 0
            }
            Effect::Mask { class, .. } => (class.0 as usize) < policy.classes.len(),
        };
        if !named {
            return Err(corrupt(
                "a rule names a group or class that is not there, or needs no approver",
            ));
        }
    }
    let paths = policy.classes.iter().flat_map(|class| &class.json);
    let mut steps = paths.map(|path| path.steps.len());
    if !steps.all(|steps| (1..=MAX_JSON_STEPS).contains(&steps)) {
        return Err(corrupt("a JSON path has no steps or too many"));
    }
    let rules = policy.rules.iter().map(|rule| &rule.condition);
    let groups = policy.groups.iter().map(|group| &group.condition);
    match rules
        .chain(groups)
        .all(|condition| reads_known_facts(condition, vocabulary))
    {
        true => Ok(()),
        false => Err(corrupt("a condition reads a fact that is not there")),
    }
}

/// Recursion is bounded: a condition deeper than [`crate::policy::MAX_DEPTH`] is not decoded.
fn reads_known_facts(condition: &Condition, vocabulary: &Vocabulary) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().all(|part| reads_known_facts(part, vocabulary))
        }
        Condition::Not(inner) => reads_known_facts(inner, vocabulary),
        Condition::Test(test) => vocabulary.fact(test.fact).is_some(),
    }
}

fn corrupt(what: &str) -> LoadBundle {
    LoadBundle::Corrupt {
        what: what.to_owned(),
    }
}
