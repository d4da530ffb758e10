//! Which rules, by them which controls, and which parts of their conditions the tests of a policy reach.

pub(super) mod html;
mod parts;

use std::collections::BTreeMap;

use hpol_bundle::policy::{Rule, RuleId};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::ControlId;
use serde::Serialize;

use crate::exit::Failure;
use crate::project::Sound;
use crate::terminal::{Style, Terminal};
use crate::trial::Trial;
use crate::visible;
use crate::why::Seen;

use parts::{Part, Parts};

/// What the tests reach; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub(super) struct Coverage {
    rules: Vec<Reached>,
    controls: Vec<Control>,
    /// Rules that some test reaches.
    reached: usize,
    /// Of all rules, in whole percent, rounded down; 100 where there are none.
    percent: usize,
    parts: OfParts,
}

/// How many parts of conditions tests have seen both true and false.
#[derive(Debug, Serialize)]
struct OfParts {
    both: usize,
    all: usize,
    /// As for rules.
    percent: usize,
}

/// How often tests reach a rule.
#[derive(Debug, Serialize)]
struct Reached {
    rule: String,
    file: String,
    line: u32,
    /// Tests in which it is among the rules that the verdict comes from.
    decided: usize,
    /// Tests in which it matches, those in which it decides among them.
    matched: usize,
    parts: Vec<Part>,
}

/// A control that rules claim.
#[derive(Debug, Serialize)]
struct Control {
    control: String,
    /// Whether a test reaches a rule that claims it.
    reached: bool,
}

impl Coverage {
    /// What the tests of `sound` reach whose names contain `filter`.
    pub(super) fn of(sound: &Sound, vocabulary: &Vocabulary, filter: &str) -> Coverage {
        let trial = Trial::new(&sound.policy, &sound.program, vocabulary);
        let policy = &sound.policy;
        let mut rules: Vec<Reached> = policy.rules.iter().map(Reached::never).collect();
        let parts = policy.rules.iter().map(|rule| Parts::of(rule, vocabulary));
        let mut parts: Vec<Parts<'_>> = parts.collect();
        for case in sound.tests.iter().filter(|case| case.name.contains(filter)) {
            // What the gateway refuses before any rule reaches none.
            let Ok(asked) = trial.asked(&case.operation) else {
                continue;
            };
            let decision = trial.decide(case, &asked.facts);
            for (id, rule) in (0..).map(RuleId).zip(&mut rules) {
                rule.decided += usize::from(decision.determining().contains(&id));
                rule.matched += usize::from(decision.matches(id));
            }
            // A test whose history the gateway does not understand fails, and shows nothing of conditions.
            if let Ok(seen) = Seen::of(policy, vocabulary, &trial, case, &asked.facts) {
                parts.iter_mut().for_each(|parts| parts.count(&seen));
            }
        }
        for (rule, parts) in rules.iter_mut().zip(parts) {
            rule.parts = parts.into_parts();
        }
        let reached = rules.iter().filter(|rule| rule.matched > 0).count();
        Coverage {
            controls: controls(&policy.rules, &rules),
            percent: percent(reached, rules.len()),
            parts: OfParts::of(&rules),
            reached,
            rules,
        }
    }

    /// Whether at least `percent` of the rules are reached; says so where they are not.
    pub(super) fn holds(&self, percent: u8, terminal: &mut Terminal) -> Result<bool, Failure> {
        // Not by the rounded number, so that 100 means every rule.
        let holds = self.reached * 100 >= usize::from(percent) * self.rules.len();
        if !holds {
            terminal.note(format_args!(
                "tests reach {} % of the rules; at least {percent} % are asked for",
                self.percent
            ))?;
        }
        Ok(holds)
    }

    /// As [`Coverage::holds`], for the parts of conditions that are seen both true and false.
    pub(super) fn parts_hold(&self, percent: u8, terminal: &mut Terminal) -> Result<bool, Failure> {
        let OfParts { both, all, .. } = self.parts;
        let holds = both * 100 >= usize::from(percent) * all;
        if !holds {
            terminal.note(format_args!(
                "tests see {} % of the parts of conditions both true and false; at least {percent} % are asked for",
                self.parts.percent
            ))?;
        }
        Ok(holds)
    }

    /// Prints it for people.
    pub(super) fn print(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        terminal.line(format_args!(
            "rules: {} of {} reached ({} %)",
            self.reached,
            self.rules.len(),
            self.percent
        ))?;
        for rule in &self.rules {
            let (style, word) = match (rule.decided, rule.matched) {
                (0, 0) => (Style::Bad, "never  "),
                (0, _) => (Style::Warn, "matched"),
                _ => (Style::Good, "decided"),
            };
            let word = terminal.paint(style, word);
            let place = visible::line(&rule.file);
            terminal.line(format_args!(
                "  {word}  {}  {place}:{}",
                rule.rule, rule.line
            ))?;
            for part in &rule.parts {
                if let Some(only) = part.only() {
                    let part = terminal.paint(Style::Dim, &format!("{only}: {}", part.part));
                    terminal.line(format_args!("             {part}"))?;
                }
            }
        }
        let OfParts { both, all, percent } = self.parts;
        terminal.line(format_args!(
            "parts of conditions: {both} of {all} both true and false ({percent} %)"
        ))?;
        let reached = self.controls.iter().filter(|control| control.reached);
        terminal.line(format_args!(
            "controls: {} of {} reached",
            reached.count(),
            self.controls.len()
        ))?;
        for control in &self.controls {
            let (style, word) = match control.reached {
                false => (Style::Bad, "never  "),
                true => (Style::Good, "reached"),
            };
            let word = terminal.paint(style, word);
            terminal.line(format_args!("  {word}  {}", control.control))?;
        }
        Ok(())
    }
}

impl Reached {
    fn never(rule: &Rule) -> Reached {
        Reached {
            rule: rule.name.clone(),
            file: rule.source.file.clone(),
            line: rule.source.line,
            decided: 0,
            matched: 0,
            parts: Vec::new(),
        }
    }
}

impl OfParts {
    fn of(rules: &[Reached]) -> OfParts {
        let parts = rules.iter().flat_map(|rule| &rule.parts);
        let (all, both) = (
            parts.clone().count(),
            parts.filter(|part| part.both()).count(),
        );
        OfParts {
            both,
            all,
            percent: percent(both, all),
        }
    }
}

/// In whole percent, rounded down; 100 of nothing.
fn percent(some: usize, all: usize) -> usize {
    (some * 100).checked_div(all).unwrap_or(100)
}

/// The controls that `rules` claim, in the order of the catalogue.
fn controls(rules: &[Rule], reached: &[Reached]) -> Vec<Control> {
    let mut controls: BTreeMap<ControlId, bool> = BTreeMap::new();
    for (rule, reached) in rules.iter().zip(reached) {
        let claims = rule.claims.iter();
        for control in claims.filter_map(|claim| ControlId::parse(&claim.control).ok()) {
            *controls.entry(control).or_default() |= reached.matched > 0;
        }
    }
    let control = |(id, reached): (ControlId, bool)| Control {
        control: id.to_string(),
        reached,
    };
    controls.into_iter().map(control).collect()
}
