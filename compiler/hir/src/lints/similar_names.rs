//! HP0715. Two names that differ in next to nothing.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let mut first: BTreeMap<(&str, &str, String), (usize, String)> = BTreeMap::new();
    for (index, item) in context.items.iter().enumerate() {
        let Some((name, span)) = item.declared() else {
            continue;
        };
        let letters: String = name.chars().filter(|char| char.is_alphanumeric()).collect();
        let keyword = item.parsed.keyword.as_str();
        let key = (item.package, keyword, letters.to_ascii_lowercase());
        match first.get(&key) {
            Some((_, other)) if *other != name => {
                let message = format!("`{name}` and `{other}` differ in next to nothing");
                found.push((
                    index,
                    Problem::new(
                        Code::SimilarNames,
                        message,
                        span,
                        "easily taken for the other",
                    )
                    .help("call them by what tells them apart"),
                ));
            }
            Some(_) => {}
            None => {
                first.insert(key, (index, name));
            }
        }
    }
}
