//! Conditions as lints look at them: their parts, their places, and whether two say the same.

use std::collections::BTreeMap;

use hpol_bundle::address::Network;
use hpol_syntax::ast::{Comparison, Condition, Literal, LiteralKind, Operator, Who};
use hpol_syntax::lex;
use hpol_syntax::span::Span;

/// Calls `look` with the condition and every part of it.
pub(super) fn walk<'a>(condition: &'a Condition, look: &mut impl FnMut(&'a Condition)) {
    look(condition);
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                walk(part, look);
            }
        }
        Condition::Not(inner) => walk(inner, look),
        _ => {}
    }
}

/// Whether it has no parts.
pub(super) fn is_leaf(condition: &Condition) -> bool {
    !matches!(
        condition,
        Condition::And(_) | Condition::Or(_) | Condition::Not(_)
    )
}

/// Every test of a fact.
pub(super) fn comparisons(condition: &Condition) -> Vec<&Comparison> {
    let mut found = Vec::new();
    walk(condition, &mut |part| {
        if let Condition::Comparison(test) = part {
            found.push(test);
        }
    });
    found
}

/// Where it stands, without a `not` or a bracket before it.
pub(super) fn span(condition: &Condition) -> Span {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            let spans = parts.iter().map(span);
            spans.reduce(Span::to).unwrap_or_default()
        }
        Condition::Not(inner) => span(inner),
        Condition::Atom(name) | Condition::Present(name) => name.span,
        Condition::Call(call) => call.span,
        Condition::During(during) => during.span,
        Condition::Comparison(test) => test.span,
        Condition::History(history) => history.span,
    }
}

/// Where it stands.
pub(super) fn who(who: &Who) -> Span {
    match who {
        Who::Everyone(span) => *span,
        Who::EveryoneExcept(condition) | Who::Those(condition) => span(condition),
    }
}

/// The same for conditions that are written alike, whatever their blanks, line ends and comments.
pub(super) fn shape(condition: &Condition, text: &str) -> String {
    let joined = |parts: &[Condition], word: &str| {
        let shapes: Vec<String> = parts.iter().map(|part| shape(part, text)).collect();
        format!("({})", shapes.join(word))
    };
    match condition {
        Condition::And(parts) => joined(parts, " and "),
        Condition::Or(parts) => joined(parts, " or "),
        Condition::Not(inner) => format!("not {}", shape(inner, text)),
        Condition::Present(name) => format!("has {}", name.node),
        leaf => {
            let written = span(leaf).of(text);
            let tokens = lex::tokens(written);
            let words: Vec<&str> = tokens.iter().map(|token| token.span.of(written)).collect();
            words.join(" ")
        }
    }
}

/// Whether one is `not` the other.
pub(super) fn opposite(first: &Condition, second: &Condition, text: &str) -> bool {
    let (first, second) = (shape(first, text), shape(second, text));
    first.strip_prefix("not ") == Some(&second) || second.strip_prefix("not ") == Some(&first)
}

/// Whether two tests of one fact name different values. Networks can lie in each other, and sizes have several forms.
pub(super) fn names_another(first: &Comparison, second: &Comparison) -> bool {
    use LiteralKind::{Duration, Int, Name, Text};
    let values = (first.values.first(), second.values.first());
    let differ = match values {
        (Some(first), Some(second)) => match (&first.node, &second.node) {
            (Text(first), Text(second)) => first != second,
            (Int(first), Int(second)) => first != second,
            (Duration(first), Duration(second)) => first != second,
            (Name(first), Name(second)) => first != second,
            _ => false,
        },
        _ => false,
    };
    differ && first.fact.node == second.fact.node
}

/// The facts that more than one of `parts` tests with `operator`.
pub(super) fn repeated(parts: &[Condition], operator: Operator) -> Vec<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for part in parts {
        if let Condition::Comparison(test) = part
            && test.operator.node == operator
            && test.default.is_none()
        {
            *counts.entry(&test.fact.node).or_default() += 1;
        }
    }
    let several = counts.into_iter().filter(|(_, count)| *count > 1);
    several.map(|(fact, _)| fact).collect()
}

/// The network or the address that a value is.
pub(super) fn network(value: &Literal) -> Option<Network> {
    let LiteralKind::Network(written) = &value.node else {
        return None;
    };
    let (address, length) = match written.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (written.as_str(), None),
    };
    let address = address.parse().ok()?;
    match length {
        Some(length) => Network::new(address, length.parse().ok()?).ok(),
        None => Some(Network::single(address)),
    }
}

/// The numbers for which a comparison with a number holds, both ends among them.
pub(super) fn range(test: &Comparison) -> Option<(i64, i64)> {
    let LiteralKind::Int(number) = test.values.first()?.node else {
        return None;
    };
    Some(match test.operator.node {
        Operator::Equal => (number, number),
        Operator::Less => (i64::MIN, number.saturating_sub(1)),
        Operator::AtMost => (i64::MIN, number),
        Operator::Greater => (number.saturating_add(1), i64::MAX),
        Operator::AtLeast => (number, i64::MAX),
        _ => return None,
    })
}

/// Whether a `not` stands anywhere above `test`.
pub(super) fn is_negated(condition: &Condition, test: &Comparison) -> bool {
    let mut negated = false;
    walk(condition, &mut |part| {
        if let Condition::Not(inner) = part {
            negated |= comparisons(inner)
                .iter()
                .any(|other| std::ptr::eq(*other, test));
        }
    });
    negated
}
