//! What must be done to the result of an operation that goes ahead: masks and limits. Whether it can be done the adapter
//! says; if it cannot, the operation does not go ahead.

use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::policy::RuleId;

use crate::judgement::{Judgement, RowLimit};
use crate::masking::MaskingPlan;
use crate::policy::InForce;
use crate::refusal::RefusalKind;
use crate::session::Carrier;

/// An obligation that cannot be carried out.
struct Unmet {
    kind: RefusalKind,
    /// The rules that oblige to it.
    rules: Vec<RuleId>,
    reason: String,
    help: &'static str,
}

/// Adds the masks and limits of `decision` to `judgement`; one that cannot be carried out makes it a block. `target` is
/// the connection's name.
pub(crate) fn oblige(
    judgement: &mut Judgement,
    in_force: &InForce,
    target: &str,
    decision: &Decision,
    carrier: &dyn Carrier,
) {
    let unmet = mask(judgement, in_force, target, &decision.mask, carrier)
        .and_then(|()| limit(judgement, in_force, &decision.limit, carrier));
    if let Err(unmet) = unmet {
        judgement.verdict = Verdict::Block;
        // What would have allowed it decides no more, and nothing comes back that must be hidden or cut.
        judgement.plan = MaskingPlan::none();
        judgement.limit = None;
        judgement.rules = unmet.rules;
        judgement.refusal = Some((unmet.kind, unmet.reason, unmet.help.to_owned()));
    }
}

fn mask(
    judgement: &mut Judgement,
    in_force: &InForce,
    target: &str,
    rules: &[RuleId],
    carrier: &dyn Carrier,
) -> Result<(), Unmet> {
    let unmet = |rules: &[RuleId], reason, help| Unmet {
        kind: RefusalKind::CannotMask,
        rules: rules.to_vec(),
        reason,
        help,
    };
    let plan = in_force
        .plan(target, rules)
        .map_err(|unbuildable| unmet(rules, unbuildable.to_string(), ""))?;
    judgement.plan = plan;
    let plan = &judgement.plan;
    if plan.is_empty() {
        return Ok(());
    }
    let of_class = |class: &str| -> Vec<RuleId> {
        let name = plan.rule_of_class(class);
        let of_name = |id: &RuleId| {
            let rule = in_force.rule(*id);
            name.is_none_or(|name| rule.is_some_and(|rule| rule.name == name))
        };
        rules.iter().copied().filter(of_name).collect()
    };
    if let Some(class) = plan.unkeyed() {
        let reason = format!("`{class}` is to be hashed, and the gateway has no key for that");
        let help = "the operator of the gateway sets `masking.key_file`";
        return Err(unmet(&of_class(class), reason, help));
    }
    carrier.can_mask(plan).map_err(|cannot| {
        let reason = format!("`{}` would leave unmasked: {}", cannot.class, cannot.why);
        let help =
            "ask for the column itself in the select list of one plain SELECT, or leave it out";
        unmet(&of_class(&cannot.class), reason, help)
    })
}

fn limit(
    judgement: &mut Judgement,
    in_force: &InForce,
    rules: &[RuleId],
    carrier: &dyn Carrier,
) -> Result<(), Unmet> {
    let Some(limit) = RowLimit::of(in_force, rules) else {
        return Ok(());
    };
    let answer = carrier.can_limit(limit.rows).map_err(|cannot| Unmet {
        kind: RefusalKind::CannotLimit,
        rules: limit.rules.clone(),
        reason: format!(
            "the result cannot be cut to {} rows: {}",
            limit.rows, cannot.why
        ),
        help: "ask for the rows in one plain SELECT",
    });
    judgement.limit = Some(limit);
    answer
}
