//! HP0727. A network of a list that lies in another of it.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        for test in tree::comparisons(condition) {
            let read = |value: &Literal| Some((tree::network(value)?, value.span));
            let networks: Vec<_> = test.values.iter().filter_map(read).collect();
            for (inner, span) in &networks {
                let holds = |outer: &&(Network, Span)| {
                    outer.0 != *inner && inner.prefix().starts_with(outer.0.prefix().as_ref())
                };
                if let Some((outer, place)) = networks.iter().find(holds) {
                    let message = format!("`{inner}` lies in `{outer}`");
                    found.push(
                        Problem::new(Code::OverlappingNetworks, message, *span, "adds nothing")
                            .label(*place, "holds it already")
                            .help("leave it out, or write the network that was meant"),
                    );
                }
            }
        }
    }
}
