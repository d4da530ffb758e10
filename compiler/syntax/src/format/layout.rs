//! What the tree says about the shape of an item: where its clauses begin, and where its conditions can be broken.

use pest::Parser;
use pest::iterators::Pair;

use crate::grammar::{Grammar, Rule};
use crate::parse::entry;

/// Places count from the first byte of the file.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Where each clause begins.
    pub(super) clauses: Vec<u32>,
    /// Conditions of several parts, outer before inner.
    pub(super) chains: Vec<Chain>,
}

/// `a and b and c`.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Where each `and` or `or` of this level stands.
    pub(super) operators: Vec<u32>,
}

pub(super) fn layout(text: &str, offset: u32, keyword: &str) -> Layout {
    let mut layout = Layout::default();
    let Some((rule, _)) = entry(keyword) else {
        return layout;
    };
    let Ok(mut pairs) = Grammar::parse(rule, text) else {
        return layout;
    };
    let Some(item) = pairs.next() else {
        return layout;
    };
    let mut inside = false;
    for pair in item.clone().into_inner() {
        match pair.as_rule() {
            Rule::OPEN_BRACE => inside = true,
            Rule::CLOSE_BRACE => inside = false,
            _ if inside => layout.clauses.push(place(&pair, offset)),
            _ => {}
        }
    }
    layout.chains(item, offset);
    layout
}

impl Layout {
    fn chains(&mut self, pair: Pair<'_, Rule>, offset: u32) {
        let operators: Vec<u32> = pair
            .clone()
            .into_inner()
            .filter(|inner| matches!(inner.as_rule(), Rule::AND | Rule::OR))
            .map(|inner| place(&inner, offset))
            .collect();
        let chain = matches!(pair.as_rule(), Rule::condition | Rule::conjunction);
        if chain && !operators.is_empty() {
            let end = pair.as_span().end();
            self.chains.push(Chain {
                start: place(&pair, offset),
                end: offset.saturating_add(u32::try_from(end).unwrap_or(u32::MAX)),
                operators,
            });
        }
        for inner in pair.into_inner() {
            self.chains(inner, offset);
        }
    }
}

fn place(pair: &Pair<'_, Rule>, offset: u32) -> u32 {
    let start = pair.as_span().start();
    offset.saturating_add(u32::try_from(start).unwrap_or(u32::MAX))
}
