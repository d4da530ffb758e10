//! HP0803. A package with rules that does not say its catalogue.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    for package in context.packages() {
        let own = || context.items.iter().filter(|item| item.package == package);
        let imports = own().any(|item| match &item.parsed.item {
            Some(Item::Use(import)) => import.path.node.split('.').next() == Some("nist"),
            _ => false,
        });
        let rule = context.rules().find(|(index, _)| {
            context
                .items
                .get(*index)
                .is_some_and(|item| item.package == package)
        });
        if let (Some((index, rule)), false) = (rule, imports) {
            let message =
                format!("package `{package}` does not say which catalogue its controls are of");
            found.push((
                index,
                Problem::new(Code::NoCatalogue, message, rule.name.span, "its first rule")
                    .help("write `use nist.sp800_53r5 baseline moderate` below the package line"),
            ));
        }
    }
}
