//! HP0806. A control whose every claim is weak.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    use hpol_bundle::policy::Strength;
    let mut best: BTreeMap<&str, (Strength, &str)> = BTreeMap::new();
    for rule in &context.policy.rules {
        for claim in &rule.claims {
            let known = best
                .entry(&claim.control)
                .or_insert((claim.strength, &rule.name));
            if claim.strength > known.0 {
                *known = (claim.strength, &rule.name);
            }
        }
    }
    for (control, (strength, rule)) in best {
        if strength != Strength::Evidences {
            continue;
        }
        let Some((index, place)) = context.rule_named(rule) else {
            continue;
        };
        let id = ControlId::parse(control).map_or(control.to_owned(), |id| id.to_string());
        let message = format!("no rule does more for `{id}` than record it");
        found.push((
            index,
            Problem::new(Code::OnlyWeak, message, place.name.span, "only evidences it")
                .help("a rule that implements or supports the control is worth more; or say in the assessment who does it"),
        ));
    }
}
