//! HP0808. A rule that claims much.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Controls that one purpose serves.
    const MOST: usize = 5;
    let Some(Satisfies::Controls { controls, .. }) =
        item.rule().and_then(|rule| rule.satisfies.as_ref())
    else {
        return;
    };
    if let Some(beyond) = controls.get(MOST) {
        let message = format!("the rule claims {} controls", controls.len());
        found.push(
            Problem::new(Code::ManyClaims, message, beyond.span, "from here on")
                .help("claim what the rule was made for; an assessor reads each claim"),
        );
    }
}
