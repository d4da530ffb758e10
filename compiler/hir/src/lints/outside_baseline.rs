//! HP0805. A claim for a control that the baseline does not have.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    for (index, rule) in context.rules() {
        let Some(item) = context.items.get(index) else {
            continue;
        };
        let Some(baseline) = context.baseline(item.package) else {
            continue;
        };
        let Some(Satisfies::Controls { controls, .. }) = &rule.satisfies else {
            continue;
        };
        for name in controls {
            let control = ControlId::parse(&name.node).ok();
            let control = control.and_then(|id| hpol_nist_mappings::catalogue().lookup(&id));
            let Some(control) = control else { continue };
            let inside = match baseline {
                "low" => control.low,
                "moderate" => control.moderate,
                "high" => control.high,
                _ => control.privacy,
            };
            if !inside {
                let message = format!("`{}` is not in the baseline `{baseline}`", name.node);
                found.push((
                    index,
                    Problem::new(Code::OutsideBaseline, message, name.span, "beyond what is to be met")
                        .help("keep it if it was chosen; else claim the control that the baseline asks for"),
                ));
            }
        }
    }
}
