//! HP0857. A group in a test that no policy asks for.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let asked: BTreeSet<&str> = context
        .items
        .iter()
        .filter(|item| item.test().is_none())
        .flat_map(|item| {
            lex::tokens(item.text)
                .into_iter()
                .map(|token| token.span.of(item.text))
        })
        .collect();
    for (index, item) in context.items.iter().enumerate() {
        let Some(subject) = item.test().and_then(|test| test.subject.as_ref()) else {
            continue;
        };
        for group in &subject.groups {
            let written = format!("\"{group}\"");
            let tokens = lex::tokens(item.text);
            let place = tokens
                .iter()
                .find(|token| token.span.of(item.text) == written);
            if let (Some(place), false) = (place, asked.contains(written.as_str())) {
                let message = format!(
                    "no group and no rule asks for \"{}\"",
                    words::shorten(group)
                );
                found.push((
                    index,
                    Problem::new(Code::StrayGroup, message, place.span, "asked for nowhere")
                        .help("it makes no difference here; perhaps another group was meant"),
                ));
            }
        }
    }
}
