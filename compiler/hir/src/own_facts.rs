//! The facts that a policy brings itself: its schedules, and the claims that its conditions name, found without knowing what
//! they mean.

use hpol_bundle::claims::read_otherwise;
use hpol_bundle::vocabulary::{Derived, Vocabulary};
use hpol_syntax::ast::{Condition, Item, Operator, Who};

use crate::database::{Inputs, SourceFile, items, parsed};
use crate::schedule::schedules;

/// What a claim's fact begins with.
pub(crate) const CLAIMS: &str = "subject.claims[";
/// Longest name of a claim; those that are registered have a tenth of it, those that are addresses half.
pub(crate) const MAX_CLAIM_BYTES: usize = 128;

/// The facts that conditions can read, those of the policy itself among them.
#[salsa::tracked]
pub(crate) fn vocabulary(db: &dyn salsa::Database, inputs: Inputs) -> Vocabulary {
    let mut uses: Vec<(String, bool)> = Vec::new();
    let mut times: Vec<Derived> = Vec::new();
    for file in inputs.files(db) {
        times.extend(schedules(db, *file).iter().cloned().map(Derived::During));
        uses.extend(claims(db, *file).iter().cloned());
    }
    // A claim is one fact, whoever reads it: a list for all where one asks for what is among it.
    uses.sort();
    uses.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        kept.1 |= same && later.1;
        same
    });
    let derived = uses
        .into_iter()
        .map(|(name, set)| Derived::Claim { name, set });
    inputs.vocabulary(db).with(derived.chain(times))
}

/// The claims that the items of a file name, and whether as a list.
#[salsa::tracked]
fn claims(db: &dyn salsa::Database, file: SourceFile) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for (item, _) in &items(db, file).items {
        match &parsed(db, *item).item {
            Some(Item::Group(group)) => read(&group.condition, &mut found),
            Some(Item::Predicate(predicate)) => read(&predicate.condition, &mut found),
            Some(Item::Rule(rule)) => {
                let conditions = whom(rule.who.as_ref()).into_iter();
                let conditions = conditions.chain(&rule.when).chain(&rule.unless);
                conditions.for_each(|condition| read(condition, &mut found));
            }
            Some(Item::Exception(exception)) => {
                let conditions = whom(exception.who.as_ref()).into_iter();
                let conditions = conditions.chain(&exception.when).chain(&exception.unless);
                conditions.for_each(|condition| read(condition, &mut found));
            }
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

fn whom(who: Option<&Who>) -> Option<&Condition> {
    match who {
        Some(Who::Those(condition) | Who::EveryoneExcept(condition)) => Some(condition),
        Some(Who::Everyone(_)) | None => None,
    }
}

fn read(condition: &Condition, found: &mut Vec<(String, bool)>) {
    let mut claim = |fact: &str, set: bool| found.extend(key(fact).map(|name| (name, set)));
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| read(part, found));
        }
        Condition::Not(inner) => read(inner, found),
        Condition::Atom(name) | Condition::Present(name) => claim(&name.node, false),
        Condition::Comparison(comparison) => {
            let set = matches!(
                comparison.operator.node,
                Operator::Has | Operator::HasAny | Operator::HasAll | Operator::Within
            );
            claim(&comparison.fact.node, set);
        }
        Condition::History(history) => {
            let filters = history.filter.iter();
            filters.for_each(|filter| read(filter, found));
        }
        Condition::Call(_) | Condition::During(_) => {}
    }
}

/// The name of the claim that `fact` is, if policies can read it.
fn key(fact: &str) -> Option<String> {
    claim(fact).filter(|name| read_otherwise(name).is_none())
}

/// The name of the claim that `fact` is, as the parser writes it.
pub(crate) fn claim(fact: &str) -> Option<String> {
    let quoted = fact.strip_prefix(CLAIMS)?.strip_suffix(']')?;
    let escaped = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut name = String::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    while let Some(char) = chars.next() {
        name.push(if char == '\\' { chars.next()? } else { char });
    }
    let plain = !name.chars().any(char::is_control);
    (plain && (1..=MAX_CLAIM_BYTES).contains(&name.len())).then_some(name)
}
