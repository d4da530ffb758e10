//! HP0718. A place that a data class names twice.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(Item::Data(data)) = &item.parsed.item else {
        return;
    };
    let columns = data.columns.iter().map(|column| {
        (
            format!("{} {}", column.span.of(item.text), column.connection.node),
            column.span,
        )
    });
    let detectors = data
        .detectors
        .iter()
        .map(|name| (name.node.clone(), name.span));
    let json = data.json.iter().map(|place| {
        (
            format!("{} {}", place.path.node, place.connection.node),
            place.path.span,
        )
    });
    let mut first: BTreeMap<String, Span> = BTreeMap::new();
    for (place, span) in columns.chain(detectors).chain(json) {
        if let Some(before) = first.insert(place, span) {
            found.push(
                Problem::new(
                    Code::RepeatedPlace,
                    "the class names this twice",
                    span,
                    "again",
                )
                .label(before, "first here")
                .help("leave one of them out, or write what was meant instead"),
            );
        }
    }
}
