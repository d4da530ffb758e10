//! HP0714. An import of which nothing is used.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    for (index, item) in context.items.iter().enumerate() {
        let Some(Item::Use(import)) = &item.parsed.item else {
            continue;
        };
        let package = &import.path.node;
        if package.split('.').next() == Some("nist") {
            continue;
        }
        let declared = context
            .items
            .iter()
            .filter(|other| other.package == *package);
        let mut names = declared.filter_map(|other| other.declared());
        let used = names.any(|(name, _)| {
            context.items.iter().any(|other| {
                let full = format!(".{package}.{name}");
                let written =
                    |word: &&str| word.contains('.') && full.ends_with(&format!(".{word}"));
                other.path == item.path && other.words.iter().any(written)
            })
        });
        if !used {
            let message = format!("nothing of `{package}` is used in this file");
            found.push((
                index,
                Problem::new(Code::UnusedImport, message, import.path.span, "not used")
                    .help("leave the line out"),
            ));
        }
    }
}
