//! Which facts are surely present where a condition is true, or where it is false. Decides whether an optional fact is
//! read without saying what its absence means.

use std::collections::BTreeSet;

use hpol_syntax::ast::Condition;

/// Names of facts.
pub(super) type Facts<'a> = BTreeSet<&'a str>;

/// The facts that are present whenever `condition` is `outcome`.
pub(super) fn present_if(condition: &Condition, outcome: bool) -> Facts<'_> {
    match (condition, outcome) {
        (Condition::Present(fact), true) => Facts::from([fact.node.as_str()]),
        (Condition::Not(inner), _) => present_if(inner, !outcome),
        (Condition::And(parts), true) | (Condition::Or(parts), false) => parts
            .iter()
            .flat_map(|part| present_if(part, outcome))
            .collect(),
        (Condition::And(parts), false) | (Condition::Or(parts), true) => {
            let mut all = parts.iter().map(|part| present_if(part, outcome));
            let first = all.next().unwrap_or_default();
            all.fold(first, |common, next| {
                common.intersection(&next).copied().collect()
            })
        }
        // What a predicate says of presence holds inside of it only: a reader does not see it here.
        (
            Condition::Present(_)
            | Condition::Atom(_)
            | Condition::During(_)
            | Condition::Call(_)
            | Condition::Comparison(_)
            // It speaks of other operations.
            | Condition::History(_),
            _,
        ) => Facts::new(),
    }
}
