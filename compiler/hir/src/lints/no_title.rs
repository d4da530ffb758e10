//! HP0640. A rule without a title.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    if rule.title.is_none() {
        let message = format!("rule `{}` has no title", rule.name.node);
        found.push(
            Problem::new(Code::NoTitle, message, rule.name.span, "only a name")
                .help("say in quotes behind the name what the rule is for"),
        );
    }
}
