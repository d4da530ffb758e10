//! Rules that get in each other's way: approvals by different people, masks of one class, approvers who ask.

use hpol_bundle::policy::{Condition, Effect, GroupId, Mask, Rule, RuleId};
use hpol_bundle::program::Role;

use crate::search::{OverBudget, Part};

use super::effect::of_role;
use super::{Examination, First, MAX_PAIRS, Subject, What, Witness, alone};

pub(super) fn examine(subject: &Subject<'_>, found: &mut Examination) {
    let rules: Vec<(RuleId, &Rule)> = (0..).map(RuleId).zip(&subject.policy.rules).collect();
    let enforced = rules.iter().filter(|(_, rule)| !rule.observe);
    let approvals: Vec<_> = enforced
        .clone()
        .filter_map(|(id, rule)| match rule.effect {
            Effect::RequireApproval { group, .. } => Some((*id, group)),
            _ => None,
        })
        .collect();
    let masks: Vec<_> = enforced
        .filter_map(|(id, rule)| match rule.effect {
            Effect::Mask { class, mask } => Some((*id, (class, mask))),
            _ => None,
        })
        .collect();
    let different = |left: &GroupId, right: &GroupId| left != right;
    overlaps(
        subject,
        &approvals,
        Role::ApprovalRestricts,
        different,
        found,
        |left, right| (left.0, What::DifferentApprovers { other: right.0 }),
    );
    let conflict = |left: &(_, Mask), right: &(_, Mask)| left.0 == right.0 && left.1 != right.1;
    overlaps(
        subject,
        &masks,
        Role::Mask,
        conflict,
        found,
        |left, right| {
            let stricter = match left.1.1.strictness() > right.1.1.strictness() {
                true => left.0,
                false => right.0,
            };
            let what = What::ConflictingMasks {
                other: right.0,
                class: left.1.0,
                stricter,
            };
            (left.0, what)
        },
    );
    for (id, group) in approvals {
        requester(subject, id, group, found);
    }
}

/// Pairs of rules that are at odds and match an operation together that nothing blocks.
fn overlaps<T>(
    subject: &Subject<'_>,
    rules: &[(RuleId, T)],
    role: Role,
    at_odds: impl Fn(&T, &T) -> bool,
    found: &mut Examination,
    what: impl Fn(&(RuleId, T), &(RuleId, T)) -> (RuleId, What),
) {
    let question = match role {
        Role::Mask => "whether its mask meets another",
        _ => "whether its approval meets another",
    };
    let mut pairs = 0_usize;
    for (index, left) in rules.iter().enumerate() {
        for right in rules.iter().skip(index + 1) {
            if !at_odds(&left.1, &right.1) {
                continue;
            }
            pairs += 1;
            if pairs > MAX_PAIRS {
                let why = format!("there are more than {MAX_PAIRS} pairs to compare");
                return found.give_up(None, question, &why);
            }
            match meet(subject, left.0, right.0, role) {
                Ok(None) => {}
                Ok(Some(witness)) => {
                    let (rule, what) = what(left, right);
                    found.find(rule, what, Some(witness));
                }
                Err(why) => found.give_up(Some(left.0), question, &why),
            }
        }
    }
}

/// An operation that both rules match and none blocks.
fn meet(
    subject: &Subject<'_>,
    left: RuleId,
    right: RuleId,
    role: Role,
) -> Result<Option<Witness>, OverBudget> {
    for kind in &subject.kinds {
        for (_, left) in of_role(kind, left, role) {
            for (_, right) in of_role(kind, right, role) {
                let blocks = kind
                    .clauses
                    .iter()
                    .filter(|(clause, _)| clause.role == Role::Block);
                let mut cubes: Vec<_> = blocks.map(|(_, cube)| (cube, Part::Tags(1))).collect();
                cubes.extend([(left, Part::Within), (right, Part::Within)]);
                if let Some(found) = kind.search(&cubes, &First(false), subject.budget)? {
                    return Ok(Some(kind.witness(&found.point)));
                }
            }
        }
    }
    Ok(None)
}

/// Whether a member of the group of approvers can be the one who asks.
fn requester(subject: &Subject<'_>, id: RuleId, group: GroupId, found: &mut Examination) {
    let rule = subject.policy.rules.get(id.0 as usize);
    let members = subject.policy.groups.get(group.0 as usize);
    let (Some(rule), Some(members)) = (rule, members) else {
        return;
    };
    let both = vec![rule.condition.clone(), members.condition.clone()];
    match alone::can_hold(subject, rule, Condition::All(both)) {
        Ok(None) => {}
        Ok(Some(witness)) => found.find(id, What::RequesterMayApprove { group }, Some(witness)),
        Err(why) => found.give_up(Some(id), "whether the one who asks can approve", &why),
    }
}
