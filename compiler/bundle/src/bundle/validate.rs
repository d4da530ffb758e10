//! What must hold between the parts of a bundle: ids point into the lists they are ids of. Conditions are checked when they
//! are read, by `conditions`.

use crate::policy::{Effect, MAX_JSON_STEPS, Policy, RuleId, Unread};

use super::{Bundle, LoadBundle};

/// Checks everything that code which holds a bundle relies on.
pub(super) fn check(bundle: &Bundle<Unread>) -> Result<(), LoadBundle> {
    let Bundle {
        policy,
        program,
        vocabulary,
        ..
    } = bundle;
    vocabulary
        .validate()
        .map_err(|error| LoadBundle::corrupt(&error.to_string()))?;
    check_policy(policy)?;
    program
        .validate(policy, vocabulary)
        .map_err(|invalid| LoadBundle::corrupt(invalid.what))
}

fn check_policy(policy: &Policy<Unread>) -> Result<(), LoadBundle> {
    for rule in &policy.rules {
        let named = match &rule.effect {
            Effect::Allow { rows: Some(0) } | Effect::Limit { rows: 0 } => {
                return Err(LoadBundle::corrupt("a rule limits the result to no rows"));
            }
            Effect::Allow { .. } | Effect::Block { .. } | Effect::Limit { .. } => true,
            Effect::RequireApproval {
                stands_seconds: Some(0),
                ..
            } => {
                return Err(LoadBundle::corrupt("an approval stands for no time"));
            }
            Effect::RequireApproval { group, quorum, .. } => {
                (group.0 as usize) < policy.groups.len() && *quorum > 0
            }
            Effect::RequireJustification { reviewers, .. } => {
                (reviewers.0 as usize) < policy.groups.len()
            }
            Effect::Mask { class, .. } => (class.0 as usize) < policy.classes.len(),
        };
        if !named {
            return Err(LoadBundle::corrupt(
                "a rule names a group or class that is not there, or needs no approver",
            ));
        }
    }
    let narrowable = |rule: RuleId| {
        let rule = policy.rules.get(rule.0 as usize);
        rule.is_some_and(|rule| {
            matches!(
                rule.effect,
                Effect::Block { .. } | Effect::RequireApproval { .. }
            )
        })
    };
    if !policy.exceptions.iter().all(|one| narrowable(one.rule)) {
        return Err(LoadBundle::corrupt(
            "an exception is to a rule that does not block or require approval",
        ));
    }
    let paths = policy.classes.iter().flat_map(|class| &class.json);
    let mut steps = paths.map(|path| path.steps.len());
    if !steps.all(|steps| (1..=MAX_JSON_STEPS).contains(&steps)) {
        return Err(LoadBundle::corrupt("a JSON path has no steps or too many"));
    }
    Ok(())
}
