//! HP0801. A package most of whose rules satisfy nothing.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    /// Rules below which a share says nothing.
    const ENOUGH: usize = 3;
    for package in context.packages() {
        let rules: Vec<(usize, &Rule)> = context
            .rules()
            .filter(|(index, _)| {
                context
                    .items
                    .get(*index)
                    .is_some_and(|item| item.package == package)
            })
            .collect();
        let none: Vec<&(usize, &Rule)> = rules
            .iter()
            .filter(|(_, rule)| matches!(rule.satisfies, Some(Satisfies::None { .. })))
            .collect();
        if let Some((index, rule)) = none.first()
            && none.len() >= ENOUGH
            && none.len() * 2 > rules.len()
        {
            let message = format!(
                "{} of {} rules of `{package}` satisfy no control",
                none.len(),
                rules.len()
            );
            found.push((
                *index,
                Problem::new(Code::NothingSatisfied, message, rule.name.span, "the first of them")
                    .help("`satisfies none` is for what has nothing to do with controls; `hpol explain HP0304` says how to find one"),
            ));
        }
    }
}
