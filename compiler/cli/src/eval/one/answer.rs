//! The answer to one request: the verdict, what it obliges to, and for each rule why it matches or does not.

use hpol_analysis::words;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::policy::{Policy, RuleId};
use hpol_hir::TestCase;
use serde::Serialize;
use serde_json::Value;

use crate::compiled::Compiled;
use crate::eval::{obligations, observed, unknown};
use crate::exit::Failure;
use crate::terminal::{Style, Terminal};
use crate::trial::Trial;
use crate::verdicts::Verdicts;
use crate::visible;
use crate::why::{Part, Seen, does};

/// The answer; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    verdict: Verdict,
    /// The rules that the verdict comes from, or `default_deny`, or `gateway`.
    determining: Vec<String>,
    controls: Vec<String>,
    obligations: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observed: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excepted: Vec<String>,
    /// Facts that could not be determined.
    unknown: Vec<&'a str>,
    /// What else a reader should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    matching: Vec<Matching<'a>>,
    not_matching: Vec<NotMatching<'a>>,
}

/// A rule that matches.
#[derive(Debug, Serialize)]
struct Matching<'a> {
    rule: &'a str,
    effect: &'static str,
    observe: bool,
    /// In words of the language.
    condition: String,
    saw: Vec<String>,
}

/// A rule that does not.
#[derive(Debug, Serialize)]
struct NotMatching<'a> {
    rule: &'a str,
    effect: &'static str,
    observe: bool,
    #[serde(flatten)]
    part: Part,
}

impl<'a> Answer<'a> {
    pub(super) fn to(case: &TestCase, policy: &'a Policy, compiled: &'a Compiled) -> Answer<'a> {
        let vocabulary = &compiled.vocabulary;
        let trial = Trial::new(policy, &compiled.program, vocabulary);
        let verdicts = trial.verdicts(case);
        let mut answer = Answer::plain(&verdicts);
        // What the gateway refuses before any rule has no facts that rules could see.
        let Ok(asked) = trial.asked(&case.operation) else {
            return answer;
        };
        let decision = trial.decide(case, &asked.facts);
        answer.oblige(&verdicts, &decision, compiled);
        if let Ok(seen) = Seen::of(policy, vocabulary, &trial, case, &asked.facts) {
            answer.explain(&seen, policy, compiled);
        }
        answer
    }

    fn plain(verdicts: &Verdicts) -> Answer<'a> {
        let mut controls = verdicts.controls.clone();
        controls.sort();
        controls.dedup();
        Answer {
            verdict: verdicts.verdict,
            determining: verdicts.by.clone(),
            controls: controls.iter().map(ToString::to_string).collect(),
            obligations: Vec::new(),
            observed: Vec::new(),
            excepted: verdicts.excepting.clone(),
            unknown: Vec::new(),
            note: verdicts.note.clone(),
            matching: Vec::new(),
            not_matching: Vec::new(),
        }
    }

    fn oblige(&mut self, verdicts: &Verdicts, decision: &Decision, compiled: &'a Compiled) {
        self.observed = observed(&compiled.policy, decision);
        self.unknown = unknown(compiled, decision.unknown);
        if verdicts.verdict == Verdict::Block {
            return;
        }
        self.obligations = obligations(&compiled.policy, decision);
        // A class without columns on the connection hides nothing there.
        self.obligations.retain(|obligation| {
            let class = obligation.pointer("/mask/class").and_then(Value::as_str);
            class.is_none_or(|class| verdicts.masking.iter().any(|masked| masked == class))
        });
    }

    fn explain(&mut self, seen: &Seen<'_>, policy: &'a Policy, compiled: &Compiled) {
        for (id, rule) in (0..).map(RuleId).zip(&policy.rules) {
            let (name, effect) = (rule.name.as_str(), does(&rule.effect));
            match seen.ruling_out(id, rule) {
                Some(part) => self.not_matching.push(NotMatching {
                    rule: name,
                    effect,
                    observe: rule.observe,
                    part,
                }),
                None => self.matching.push(Matching {
                    rule: name,
                    effect,
                    observe: rule.observe,
                    condition: visible::line(&words::condition(
                        &rule.condition,
                        &compiled.vocabulary,
                    )),
                    saw: seen.saw(&rule.condition),
                }),
            }
        }
    }

    /// Prints it for people.
    pub(super) fn print(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let (style, word) = match self.verdict {
            Verdict::Allow => (Style::Good, "allow"),
            Verdict::RequireApproval => (Style::Warn, "require approval"),
            Verdict::Block => (Style::Bad, "block"),
        };
        let verdict = terminal.paint(style, word);
        terminal.line(format_args!("{verdict} by {}", self.determining.join(", ")))?;
        self.field(terminal, "controls", &self.controls.join(", "))?;
        for obligation in &self.obligations {
            if let Some((name, text)) = said(obligation) {
                self.field(terminal, name, &text)?;
            }
        }
        for observed in &self.observed {
            let text = |key| observed.get(key).and_then(Value::as_str).unwrap_or("?");
            let text = format!("{} would {}", text("rule"), text("would").replace('_', " "));
            self.field(terminal, "observed", &text)?;
        }
        self.field(terminal, "excepted", &self.excepted.join(", "))?;
        self.field(terminal, "note", self.note.as_deref().unwrap_or_default())?;
        self.print_rules(terminal)
    }

    fn print_rules(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let head = terminal.paint(Style::Strong, "matching");
        if !self.matching.is_empty() {
            terminal.line(format_args!("{head}"))?;
        }
        for rule in &self.matching {
            terminal.line(format_args!(
                "  {}: {}; saw {}",
                named(rule.rule, rule.effect, rule.observe),
                rule.condition,
                rule.saw.join(", ")
            ))?;
        }
        let head = terminal.paint(Style::Strong, "not matching");
        if !self.not_matching.is_empty() {
            terminal.line(format_args!("{head}"))?;
        }
        for rule in &self.not_matching {
            terminal.line(format_args!(
                "  {}: {}",
                named(rule.rule, rule.effect, rule.observe),
                rule.part.said()
            ))?;
        }
        Ok(())
    }

    fn field(&self, terminal: &mut Terminal, name: &str, text: &str) -> Result<(), Failure> {
        if !text.is_empty() {
            terminal.line(format_args!("  {name:<9} {}", visible::line(text)))?;
        }
        Ok(())
    }
}

fn named(rule: &str, effect: &str, observe: bool) -> String {
    let observe = if observe { "observe " } else { "" };
    format!("{rule} ({observe}{effect})")
}

/// An obligation as a name and a text.
fn said(obligation: &Value) -> Option<(&'static str, String)> {
    let text = |path: &str| obligation.pointer(path)?.as_str();
    let number = |path: &str| obligation.pointer(path)?.as_u64();
    let rule = text("/rule")?;
    if let (Some(quorum), Some(group)) = (number("/approval/quorum"), text("/approval/group")) {
        let seconds = number("/approval/within_seconds")?;
        let stands = number("/approval/stands_seconds");
        let stands = stands.map_or_else(String::new, |stands| format!(" for {stands} s"));
        return Some((
            "approval",
            format!("{quorum} of {group} within {seconds} s{stands}, by {rule}"),
        ));
    }
    if let (Some(class), Some(how)) = (text("/mask/class"), text("/mask/how")) {
        return Some(("mask", format!("{class} {how}, by {rule}")));
    }
    let rows = number("/limit/rows")?;
    Some(("limit", format!("{rows} rows, by {rule}")))
}
