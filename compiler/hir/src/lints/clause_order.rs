//! HP0645. Clauses in an order of their own.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    let claims = rule.satisfies.as_ref().map(|claims| match claims {
        Satisfies::None { because } => because.span,
        Satisfies::Controls { controls, .. } => controls
            .first()
            .map_or(rule.name.span, |control| control.span),
    });
    let on = rule.on.as_ref().and_then(|on| match on {
        On::Any(span) => Some(*span),
        On::Connections(names) => names.first().map(|name| name.span),
        On::Labelled(selection) => Some(selection.span),
    });
    let order = [
        ("satisfies", claims),
        ("because", rule.because.as_ref().map(|because| because.span)),
        ("who", rule.who.as_ref().map(tree::who)),
        ("on", on),
        ("when", rule.when.as_ref().map(tree::span)),
        ("unless", rule.unless.as_ref().map(tree::span)),
        ("the effect", rule.effects.first().map(|effect| effect.span)),
    ];
    let present = order
        .iter()
        .filter_map(|(word, span)| Some((*word, (*span)?)));
    let present: Vec<(&str, Span)> = present.collect();
    for pair in present.windows(2) {
        if let [(before, first), (after, second)] = pair
            && first.start > second.start
        {
            let message = format!("{after} stands before {before}");
            found.push(
                Problem::new(Code::ClauseOrder, message, *second, "too early")
                    .help("in the order satisfies, because, who, on, when, unless, effect a rule reads as a sentence"),
            );
            return;
        }
    }
}
