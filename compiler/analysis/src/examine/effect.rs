//! Rules that change nothing: whatever they match is decided the same without them.

use std::collections::BTreeMap;

use hpol_bundle::policy::{Effect, Policy, Rule, RuleId};
use hpol_bundle::program::Role;

use crate::cube::Cube;
use crate::outcome::{Differs, Output, both};
use crate::search::{OverBudget, Part, holds};

use super::{Examination, First, Kind, Subject, What, Witness};

const CHANGES: &str = "whether it changes anything";

pub(super) fn examine(subject: &Subject<'_>, found: &mut Examination) {
    for (id, rule) in (0..).map(RuleId).zip(&subject.policy.rules) {
        if rule.observe || found.has_no_effect(id) {
            continue;
        }
        if matches!(rule.effect, Effect::RequireApproval { .. }) {
            match defeated(subject, id) {
                Ok(None) => {}
                Ok(Some((by, witness))) => {
                    found.find(id, What::ApprovalDefeated { by }, Some(witness));
                    continue;
                }
                Err(why) => {
                    found.give_up(Some(id), "whether a block always defeats it", &why);
                    continue;
                }
            }
        }
        match changes_something(subject, id, rule) {
            Ok(Some(_)) => {}
            Ok(None) => shadowed(subject, id, rule, found),
            Err(why) => found.give_up(Some(id), CHANGES, &why),
        }
    }
}

/// An operation that is decided otherwise without the rule.
pub(super) fn changes_something(
    subject: &Subject<'_>,
    id: RuleId,
    rule: &Rule,
) -> Result<Option<Witness>, Box<dyn std::error::Error>> {
    for output in outputs(subject.policy, rule) {
        let policies = [subject.policy];
        for (kind, observes, within) in places(subject, &output) {
            let differs = Differs::new(output.clone(), &policies, [observes; 2])
                .map_err(|_| "there are too many different outcomes to tell apart")?;
            let mut cubes = Vec::with_capacity(kind.clauses.len());
            for (clause, cube) in &kind.clauses {
                let Some(of) = subject.policy.rules.get(clause.owner as usize) else {
                    continue;
                };
                let side = differs.side(&policies, subject.policy, of, clause);
                let without = if clause.rule() == id { 0 } else { side };
                if side != 0 {
                    cubes.push((cube, Part::Tags(both(side, without))));
                }
            }
            cubes.extend(within.as_ref().map(|within| (within, Part::Within)));
            if let Some(found) = kind.search(&cubes, &differs, subject.budget)? {
                return Ok(Some(kind.witness(&found.point)));
            }
        }
    }
    Ok(None)
}

/// The connections on which the same rules make the same of `output`, by kind: whether they are in observe, and which of the
/// kind they are; `None` for all of them.
fn places<'s, 'a>(
    subject: &'s Subject<'a>,
    output: &Output,
) -> Vec<(&'s Kind<'a>, bool, Option<Cube>)> {
    let observed: Vec<&str> = subject.policy.observed().collect();
    let alike = observed.is_empty() || !matches!(output, Output::Mask(_) | Output::Limit);
    let of_kind = |kind: &'s Kind<'a>| match alike {
        true => vec![(kind, false, None)],
        false => vec![
            (kind, false, kind.space.elsewhere(&observed)),
            (kind, true, kind.space.on(&observed)),
        ],
    };
    subject.kinds.iter().flat_map(of_kind).collect()
}

/// What a rule can change.
fn outputs(policy: &Policy, rule: &Rule) -> Vec<Output> {
    match &rule.effect {
        Effect::Allow { rows: Some(_) } => vec![Output::Verdict, Output::Limit],
        Effect::Block {
            terminates: true, ..
        } => vec![Output::Verdict, Output::Ends],
        Effect::Allow { rows: None } | Effect::Block { .. } => vec![Output::Verdict],
        Effect::RequireApproval { .. } => vec![Output::Verdict, Output::Approvals],
        Effect::RequireJustification { .. } => vec![Output::Verdict],
        Effect::Limit { .. } => vec![Output::Limit],
        Effect::Mask { class, .. } => {
            let class = policy.classes.get(class.0 as usize);
            class
                .map(|class| Output::Mask(class.name.clone()))
                .into_iter()
                .collect()
        }
    }
}

/// Says by which rules a rule that changes nothing is shadowed.
fn shadowed(subject: &Subject<'_>, id: RuleId, rule: &Rule, found: &mut Examination) {
    let shown = subject.kinds.iter().find_map(|kind| {
        let of_rule = kind
            .clauses
            .iter()
            .filter(|(clause, _)| clause.rule() == id);
        let cubes: Vec<_> = of_rule.map(|(_, cube)| (cube, Part::Tags(1))).collect();
        let found = kind.search(&cubes, &First(true), subject.budget);
        Some((kind, found.ok()??.point))
    });
    let Some((kind, point)) = shown else {
        return found.give_up(Some(id), CHANGES, &OverBudget);
    };
    let deciding = |strength: u8, other: &RuleId| {
        let other = subject.policy.rules.get(other.0 as usize);
        other.is_some_and(|other| self::strength(&other.effect) == strength)
    };
    let mut matching: Vec<RuleId> = kind
        .clauses
        .iter()
        .filter(|(clause, cube)| {
            clause.rule() != id && !matches!(clause.role, Role::Observed(_)) && holds(cube, &point)
        })
        .map(|(clause, _)| clause.rule())
        .collect();
    matching.sort_unstable();
    matching.dedup();
    let own = strength(&rule.effect);
    let mut by = Vec::new();
    let mut strongest = own;
    for strength in (own..=strength(&Effect::Block {
        message: String::new(),
        terminates: false,
    }))
        .rev()
    {
        by = matching
            .iter()
            .copied()
            .filter(|other| deciding(strength, other))
            .collect();
        if !by.is_empty() {
            strongest = strength;
            break;
        }
    }
    let witness = Some(kind.witness(&point));
    let what = match (by.is_empty(), strongest > own) {
        (true, _) => What::DeniedAnyway,
        (false, true) => What::Shadowed { by },
        (false, false) => What::Redundant { with: by },
    };
    found.find(id, what, witness);
}

/// What wins over what.
fn strength(effect: &Effect) -> u8 {
    match effect {
        Effect::Mask { .. } => 0,
        Effect::Limit { .. } => 1,
        Effect::Allow { .. } => 2,
        // With one it grants, and without it blocks.
        Effect::RequireJustification { .. } => 2,
        Effect::RequireApproval { .. } => 3,
        Effect::Block { .. } => 4,
    }
}

/// The rules that block an operation which the rule matches, if all that it matches are blocked.
fn defeated(
    subject: &Subject<'_>,
    id: RuleId,
) -> Result<Option<(Vec<RuleId>, Witness)>, OverBudget> {
    let mut matched = None;
    for kind in &subject.kinds {
        for (_, cube) in of_role(kind, id, Role::ApprovalRestricts) {
            let blocks = kind
                .clauses
                .iter()
                .filter(|(clause, _)| clause.role == Role::Block);
            let mut cubes: Vec<_> = blocks.map(|(_, cube)| (cube, Part::Tags(1))).collect();
            cubes.push((cube, Part::Within));
            if kind
                .search(&cubes, &First(false), subject.budget)?
                .is_some()
            {
                return Ok(None);
            }
            if matched.is_none()
                && let Some(found) =
                    kind.search(&[(cube, Part::Tags(1))], &First(true), subject.budget)?
            {
                let blocking = kind.clauses.iter().filter(|(clause, cube)| {
                    clause.role == Role::Block && holds(cube, &found.point)
                });
                let mut by: Vec<RuleId> = blocking.map(|(clause, _)| clause.rule()).collect();
                by.dedup();
                matched = Some((by, kind.witness(&found.point)));
            }
        }
    }
    Ok(matched)
}

pub(super) fn of_role<'k, 'a>(
    kind: &'k Kind<'a>,
    id: RuleId,
    role: Role,
) -> impl Iterator<Item = &'k (hpol_bundle::program::Clause, crate::cube::Cube)> + use<'k, 'a> {
    let of =
        move |clause: &hpol_bundle::program::Clause| clause.rule() == id && clause.role == role;
    kind.clauses.iter().filter(move |(clause, _)| of(clause))
}

/// Controls all of whose rules change nothing.
pub(super) fn lost_controls(policy: &Policy, found: &mut Examination) {
    let mut claimed: BTreeMap<&str, Vec<RuleId>> = BTreeMap::new();
    for (id, rule) in (0..).map(RuleId).zip(&policy.rules) {
        for claim in rule.claims.iter().filter(|_| !rule.observe) {
            claimed.entry(&claim.control).or_default().push(id);
        }
    }
    for (control, rules) in claimed {
        if let (Some(first), true) = (
            rules.first(),
            rules.iter().all(|rule| found.has_no_effect(*rule)),
        ) {
            let control = control.to_owned();
            found.find(*first, What::ControlWithoutEffect { control }, None);
        }
    }
}
