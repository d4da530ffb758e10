//! Which parts of a rule's condition tests have seen both true and false. What a part comes to the reference interpreter
//! says, as where a failing test is explained.

use hpol_analysis::words;
use hpol_bundle::policy::{Condition, Rule};
use hpol_bundle::vocabulary::Vocabulary;
use serde::Serialize;

use crate::visible;
use crate::why::{self, Seen};

/// A test of one fact or of history, and what tests have seen of it; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    /// In words of the language.
    pub(super) part: String,
    /// Tests in which it is true.
    #[serde(rename = "true")]
    pub(super) holds: usize,
    /// Tests in which it is false; where it is unknown it is neither.
    #[serde(rename = "false")]
    pub(super) fails: usize,
}

/// The parts of one rule's condition, each once.
pub(super) struct Parts<'p> {
    /// What says on which connections the rule is.
    here: Vec<&'p Condition>,
    parts: Vec<(&'p Condition, Part)>,
}

impl<'p> Parts<'p> {
    /// Those of `rule`, as yet unseen. What says on which connections it is is none of them.
    pub(super) fn of(rule: &'p Rule, vocabulary: &Vocabulary) -> Parts<'p> {
        let (mut here, mut leaves) = (Vec::new(), Vec::new());
        connections(&rule.condition, vocabulary, &mut here);
        collect(&rule.condition, vocabulary, &mut leaves);
        let parts = leaves.into_iter().map(|leaf| {
            let part = Part {
                part: visible::line(&words::condition(leaf, vocabulary)),
                holds: 0,
                fails: 0,
            };
            (leaf, part)
        });
        Parts {
            here,
            parts: parts.collect(),
        }
    }

    /// Counts what one test has seen, if it is on a connection of the rule's: others say nothing of it.
    pub(super) fn count(&mut self, seen: &Seen<'_>) {
        if self.here.iter().any(|part| seen.holds(part) == Some(false)) {
            return;
        }
        for (leaf, part) in &mut self.parts {
            match seen.holds(leaf) {
                Some(true) => part.holds += 1,
                Some(false) => part.fails += 1,
                None => {}
            }
        }
    }

    pub(super) fn into_parts(self) -> Vec<Part> {
        self.parts.into_iter().map(|(_, part)| part).collect()
    }
}

impl Part {
    /// Whether it was seen both true and false.
    pub(super) fn both(&self) -> bool {
        self.holds > 0 && self.fails > 0
    }

    /// What it was seen as, where that is not both.
    pub(super) fn only(&self) -> Option<&'static str> {
        match (self.holds, self.fails) {
            (0, 0) => Some("never known"),
            (_, 0) => Some("only true"),
            (0, _) => Some("only false"),
            _ => None,
        }
    }
}

/// The parts that all have to hold and read nothing but the connection.
fn connections<'p>(
    condition: &'p Condition,
    vocabulary: &Vocabulary,
    here: &mut Vec<&'p Condition>,
) {
    match condition {
        Condition::All(parts) => {
            for part in parts {
                connections(part, vocabulary, here);
            }
        }
        part => {
            let mut leaves = Vec::new();
            collect(part, vocabulary, &mut leaves);
            if leaves.is_empty() {
                here.push(part);
            }
        }
    }
}

fn collect<'p>(condition: &'p Condition, vocabulary: &Vocabulary, leaves: &mut Vec<&'p Condition>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                collect(part, vocabulary, leaves);
            }
        }
        Condition::Not(inner) => collect(inner, vocabulary, leaves),
        Condition::Test(test) if why::is_of_connection(test.fact, vocabulary) => {}
        Condition::Test(_) | Condition::History(_) if leaves.contains(&condition) => {}
        Condition::Test(_) | Condition::History(_) => leaves.push(condition),
    }
}
