//! HP0810. A control that hangs on one rule.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in context.policy.rules.iter().filter(|rule| !rule.observe) {
        for claim in &rule.claims {
            rules.entry(&claim.control).or_default().push(&rule.name);
        }
    }
    for (control, names) in rules {
        let [only] = names.as_slice() else { continue };
        let Some((index, place)) = context.rule_named(only) else {
            continue;
        };
        let id = ControlId::parse(control).map_or(control.to_owned(), |id| id.to_string());
        let message = format!("`{id}` is lost with this rule");
        found.push((
            index,
            Problem::new(
                Code::OneRuleControl,
                message,
                place.name.span,
                "nothing else claims it",
            )
            .help("whoever deletes or narrows the rule gives up the control"),
        ));
    }
}
