//! Why the rules of a decision decided, and others did not, as far as its record tells.

use hpol_analysis::words;
use hpol_bundle::facts::{Fact, FactSet, Facts, Value};
use hpol_bundle::policy::{Policy, Rule, Source};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_evidence::record::{DecisionRecord, FactValue};
use serde::Serialize;

use crate::bundle;
use crate::compiled::Compiled;
use crate::visible;
use crate::why::{Part, Seen};

/// What stands in a record in place of rules (`docs/audit-format.md`).
const NO_RULES: [&str; 3] = ["default_deny", "gateway", "observe"];

/// The rules of a policy, and what each has to do with a decision.
pub(super) struct Reasons<'a> {
    /// Those that the record names, as often as it does.
    pub(super) named: Vec<Named<'a>>,
    /// All others.
    pub(super) others: Vec<Other<'a>>,
}

/// A rule that a record names; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub(super) struct Named<'a> {
    pub(super) rule: String,
    /// What it did.
    pub(super) did: String,
    /// `None` where the policy has no such rule.
    #[serde(flatten)]
    pub(super) written: Option<Written<'a>>,
    /// Whether its condition can have held with what the record tells.
    pub(super) holds: Option<&'static str>,
}

/// A rule as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Written<'a> {
    /// In words of the language, with `observe` before it where it is.
    pub(super) effect: String,
    pub(super) source: &'a Source,
    pub(super) condition: String,
    pub(super) saw: Vec<String>,
}

/// A rule that a record does not name; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub(super) struct Other<'a> {
    pub(super) rule: &'a str,
    pub(super) effect: String,
    pub(super) source: &'a Source,
    /// What keeps its condition from holding, or from being told; `None` where it holds.
    #[serde(flatten)]
    pub(super) part: Option<Part>,
}

impl<'a> Reasons<'a> {
    pub(super) fn of(
        decision: &DecisionRecord,
        policy: &'a Policy,
        compiled: &'a Compiled,
    ) -> Reasons<'a> {
        let vocabulary = &compiled.vocabulary;
        let (facts, told) = recorded(decision, vocabulary);
        let seen = Seen::in_record(policy, vocabulary, facts, told);
        let roles = roles(decision);
        let named = roles.iter().map(|(name, did)| {
            let rule = policy.rules.iter().find(|rule| rule.name == *name);
            Named {
                rule: (*name).to_owned(),
                did: did.clone(),
                written: rule.map(|rule| Written {
                    effect: bundle::does(policy, rule),
                    source: &rule.source,
                    condition: visible::line(&words::condition(&rule.condition, vocabulary)),
                    saw: seen.saw(&rule.condition),
                }),
                holds: rule.map(|rule| seen.unmet(&rule.condition).map_or("true", |part| part.is)),
            }
        });
        let is_named = |rule: &Rule| roles.iter().any(|(name, _)| *name == rule.name);
        let others = policy.rules.iter().filter(|rule| !is_named(rule));
        Reasons {
            named: named.collect(),
            others: others
                .map(|rule| Other {
                    rule: &rule.name,
                    effect: bundle::does(policy, rule),
                    source: &rule.source,
                    part: seen.unmet(&rule.condition),
                })
                .collect(),
        }
    }
}

/// The rules that a record names, and what they did.
fn roles(decision: &DecisionRecord) -> Vec<(&str, String)> {
    let would = decision.would.iter();
    let would = would.flat_map(|would| {
        let verdict = would.verdict.replace('_', " ");
        let rules = would.rules.iter();
        rules.map(move |rule| (rule.as_str(), format!("would {verdict}")))
    });
    let decides = decision.rules.iter();
    let decides = decides.map(|rule| (rule.as_str(), "decides".to_owned()));
    let obliges = decision.obligations.iter();
    let obliges = obliges.map(|rule| (rule.as_str(), "obliges".to_owned()));
    let observed = decision.observed.iter();
    let observed = observed.map(|seen| {
        let would = seen.would.replace('_', " ");
        (seen.rule.as_str(), format!("in observe, would {would}"))
    });
    let lifted = decision.exceptions.iter();
    let lifted = lifted.map(|one| (one.rule.as_str(), format!("lifted by {}", one.exception)));
    let all = decides.chain(obliges).chain(would).chain(observed);
    let all = all.chain(lifted);
    all.filter(|(rule, _)| !NO_RULES.contains(rule)).collect()
}

/// The facts that a record tells of, and which these are.
fn recorded(decision: &DecisionRecord, vocabulary: &Vocabulary) -> (Facts, FactSet) {
    let mut facts = Facts::new();
    let mut told = FactSet::default();
    let kind = decision.connection.kind.as_str();
    for (id, entry) in vocabulary.iter() {
        // Operations of one protocol have no facts of another.
        let elsewhere = entry.protocol.is_some_and(|of| of.as_str() != kind);
        let fact = match told_of(decision, &entry.name) {
            Some(fact) => fact,
            None if elsewhere => Fact::Missing,
            None => {
                facts.set(id, Fact::Unknown);
                continue;
            }
        };
        facts.set(id, fact);
        told.insert(id);
    }
    (facts, told)
}

/// What a record tells of the fact called `name`; `None` where it does not.
fn told_of(decision: &DecisionRecord, name: &str) -> Option<Fact> {
    let text = |text: &str| Some(Fact::Known(Value::Text(text.into())));
    let set = |texts: &[String]| {
        let texts = texts.iter().map(|text| text.as_str().into());
        Value::Set(texts.collect())
    };
    match name {
        "subject.id" => return text(&decision.subject.id),
        "subject.issuer" => return text(&decision.subject.issuer),
        "subject.groups" => return Some(Fact::Known(set(&decision.subject.groups))),
        "connection.name" => return text(&decision.connection.name),
        "connection.kind" => return text(&decision.connection.kind),
        _ => {}
    }
    if decision.unknown.iter().any(|unknown| unknown == name) {
        return Some(Fact::Unknown);
    }
    // What history calls unknown may have been too long for a record.
    let history = decision.history.as_ref()?;
    if history.missing.iter().any(|missing| missing == name) {
        return Some(Fact::Missing);
    }
    let known = history.known.iter().find(|known| known.fact == name)?;
    Some(Fact::Known(match &known.value {
        FactValue::Bool(value) => Value::Bool(*value),
        FactValue::Int(value) => Value::Int(*value),
        FactValue::Text(text) => Value::Text(text.as_str().into()),
        FactValue::Set(texts) => set(texts),
    }))
}
