//! What a picture shows as one: a card for each fact that is asked, with a row for each answer. Questions about elements
//! of the same set that come one after the other are one card, whose rows are asked from the top.

use std::collections::BTreeMap;

use hpol_bundle::program::dag::{Answer, Description, NodeId, Step, Target};

/// A fact that is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Card {
    /// The fact; empty where a way begins.
    pub(super) heading: String,
    pub(super) rows: Vec<Row>,
}

/// An answer, and where it leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) answer: String,
    pub(super) leads: Leads,
}

/// Where an answer leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// To the card of this index.
    Card(usize),
    /// To an output, or to bits.
    End(Target),
}

/// The cards of `description`, those of its roots first; each leads to later ones only.
pub(super) fn of(description: &Description<'_>) -> Vec<Card> {
    let mut steps = description.steps();
    // Nodes come behind those that they lead to.
    steps.sort_by_key(|step| std::cmp::Reverse(step.node));
    let roots: Vec<_> = description.roots().collect();
    let begins = roots.iter().map(|root| description.leads(root.node));
    let continued = continued(&steps, begins.clone());
    let heads = steps
        .iter()
        .filter(|step| !continued.contains_key(&step.node));
    let index: BTreeMap<NodeId, usize> = heads
        .clone()
        .map(|step| step.node)
        .zip(roots.len()..)
        .collect();
    let leads = |target: &Target| match target {
        Target::Step(node) => index.get(node).map(|index| Leads::Card(*index)),
        Target::Leaf(..) | Target::Rest(_) => Some(Leads::End(target.clone())),
    };
    let by_node: BTreeMap<NodeId, &Step> = steps.iter().map(|step| (step.node, step)).collect();
    let roots = roots.iter().zip(begins).map(|(root, begin)| Card {
        heading: String::new(),
        rows: row(description.output(root.output), leads(&begin)).collect(),
    });
    let cards = heads.map(|head| {
        let mut rows: Vec<Row> = Vec::new();
        let mut step = head;
        loop {
            let next = step
                .answers
                .last()
                .and_then(|last| goes_on(step, last, &continued));
            let next = next.and_then(|node| by_node.get(&node));
            let last = step.answers.len().saturating_sub(1);
            for (place, answer) in step.answers.iter().enumerate() {
                if place == last && next.is_some() {
                    break;
                }
                add(
                    &mut rows,
                    row(words(step, answer, place == last), leads(&answer.leads)),
                );
            }
            match next {
                Some(next) => step = next,
                None => break,
            }
        }
        Card {
            heading: head.fact.clone(),
            rows,
        }
    });
    roots.chain(cards).collect()
}

/// The steps that only go on with the set that the one before them asks of, and which that is.
fn continued(steps: &[Step], begins: impl Iterator<Item = Target>) -> BTreeMap<NodeId, NodeId> {
    let mut ways: BTreeMap<NodeId, usize> = BTreeMap::new();
    let answers = steps.iter().flat_map(|step| &step.answers);
    for target in answers.map(|answer| answer.leads.clone()).chain(begins) {
        if let Target::Step(node) = target {
            *ways.entry(node).or_default() += 1;
        }
    }
    let facts: BTreeMap<NodeId, (&str, bool)> = steps
        .iter()
        .map(|step| (step.node, (step.fact.as_str(), step.has.is_some())))
        .collect();
    let next = |step: &Step| match step.answers.last()?.leads {
        Target::Step(node)
            if facts.get(&node) == Some(&(step.fact.as_str(), true))
                && ways.get(&node) == Some(&1) =>
        {
            Some((node, step.node))
        }
        _ => None,
    };
    steps.iter().filter_map(next).collect()
}

/// The step that `answer` of `step` goes on with, on the same card.
fn goes_on(step: &Step, answer: &Answer, continued: &BTreeMap<NodeId, NodeId>) -> Option<NodeId> {
    match answer.leads {
        Target::Step(node) if continued.get(&node) == Some(&step.node) => Some(node),
        _ => None,
    }
}

/// An answer as a row says it.
fn words(step: &Step, answer: &Answer, last: bool) -> String {
    match (&step.has, last) {
        (_, true) => "otherwise".to_owned(),
        (Some(element), false) => format!("has {element}"),
        (None, false) => answer.is.clone(),
    }
}

fn row(answer: String, leads: Option<Leads>) -> impl Iterator<Item = Row> {
    leads.into_iter().map(move |leads| Row {
        answer: answer.clone(),
        leads,
    })
}

/// Adds rows; what is unknown and what is missing are often treated alike, and are one row then.
fn add(rows: &mut Vec<Row>, more: impl Iterator<Item = Row>) {
    for row in more {
        match rows.last_mut() {
            Some(last)
                if last.answer == "unknown"
                    && row.answer == "missing"
                    && last.leads == row.leads =>
            {
                last.answer = "unknown, missing".to_owned();
            }
            _ => rows.push(row),
        }
    }
}
