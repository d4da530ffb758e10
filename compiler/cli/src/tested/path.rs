//! How the decision of a failing test came about: which rules match, and of those that the test needs what rules them out.

use hpol_analysis::words;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::policy::{Effect, Policy, Rule, RuleId};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::TestCase;

use crate::trial::Trial;
use crate::visible;
use crate::why::{Seen, does};

/// Rules of each sort that are explained; the others are counted.
const EXPLAINED: usize = 4;

/// The steps, each on a line; none where the gateway refuses the operation before any rule.
pub(super) fn of(
    policy: &Policy,
    vocabulary: &Vocabulary,
    trial: &Trial<'_>,
    case: &TestCase,
) -> Vec<String> {
    let Ok(asked) = trial.asked(&case.operation) else {
        return Vec::new();
    };
    let Ok(seen) = Seen::of(policy, vocabulary, trial, case, &asked.facts) else {
        return Vec::new();
    };
    let path = Path {
        policy,
        vocabulary,
        case,
        seen,
        decision: trial.decide(case, &asked.facts),
    };
    let mut steps = vec![path.matching()];
    steps.extend(path.unexpected());
    steps.extend(path.missing());
    steps
}

struct Path<'a> {
    policy: &'a Policy,
    vocabulary: &'a Vocabulary,
    case: &'a TestCase,
    seen: Seen<'a>,
    decision: Decision,
}

impl<'a> Path<'a> {
    fn rules(&self) -> impl Iterator<Item = (RuleId, &'a Rule)> {
        (0..).map(RuleId).zip(&self.policy.rules)
    }

    /// Every rule that matches.
    fn matching(&self) -> String {
        let matching = self.rules().filter(|(id, _)| self.decision.matches(*id));
        let matching: Vec<String> = matching.map(|(_, rule)| named(rule)).collect();
        match matching.is_empty() {
            true => "no rule matches".to_owned(),
            false => format!("matching: {}", matching.join(", ")),
        }
    }

    /// The rules that decide although the test expects others, and the conditions by which they match.
    fn unexpected(&self) -> Vec<String> {
        let expect = &self.case.expect;
        let as_expected = self.decision.verdict == expect.verdict && expect.by.is_empty();
        let determining = self.decision.determining();
        let unexpected = self.rules().filter(|(id, rule)| {
            determining.contains(id) && !as_expected && !expect.by.contains(&rule.name)
        });
        let steps = unexpected.map(|(_, rule)| {
            let condition = words::condition(&rule.condition, self.vocabulary);
            let saw = self.seen.saw(&rule.condition).join(", ");
            format!(
                "{} matches by {}; saw {saw}",
                named(rule),
                visible::line(&condition)
            )
        });
        shortened(steps.collect(), "more that match")
    }

    /// What rules out the rules and exceptions that the test needs.
    fn missing(&self) -> Vec<String> {
        let mut here = Vec::new();
        let mut elsewhere = Vec::new();
        for (id, rule) in self.rules().filter(|(_, rule)| self.needs(rule)) {
            let Some(part) = self.seen.ruling_out(id, rule) else {
                if self.outdone(id, rule) {
                    here.push(format!(
                        "{} matches, but a stronger one does too",
                        named(rule)
                    ));
                }
                continue;
            };
            let step = format!("{} does not match: {}", named(rule), part.said());
            match part.elsewhere && !self.names(rule) {
                true => elsewhere.push(step),
                false => here.push(step),
            }
        }
        let exceptions = self.policy.exceptions.iter();
        let lifting = |name: &String| self.case.expect.excepting.contains(name);
        here.extend(
            exceptions
                .filter(|one| lifting(&one.name))
                .filter_map(|one| {
                    let part = self.seen.unmet(&one.condition)?;
                    Some(format!("{} does not hold: {}", one.name, part.said()))
                }),
        );
        // Rules of other connections say something only where there are no others.
        let steps = if here.is_empty() { elsewhere } else { here };
        shortened(steps, "more that could")
    }

    /// Whether `rule` decides nothing since a stronger effect does.
    fn outdone(&self, id: RuleId, rule: &Rule) -> bool {
        self.names(rule) && !rule.observe && !self.decision.determining().contains(&id)
    }

    /// Whether the test names `rule`.
    fn names(&self, rule: &Rule) -> bool {
        let expect = &self.case.expect;
        expect.by.contains(&rule.name) || expect.observing.contains(&rule.name)
    }

    /// Whether the outcome that the test expects can come from `rule`.
    fn needs(&self, rule: &Rule) -> bool {
        let expect = &self.case.expect;
        let decides = expect.by.is_empty() && self.decision.verdict != expect.verdict;
        let effect = match (&rule.effect, expect.verdict) {
            (Effect::Allow { .. }, Verdict::Allow)
            | (Effect::Block { .. }, Verdict::Block)
            | (Effect::RequireApproval { .. }, Verdict::RequireApproval)
            | (Effect::RequireJustification { .. }, Verdict::Allow | Verdict::Block) => decides,
            (Effect::Mask { class, .. }, _) => {
                let class = self.policy.classes.get(class.0 as usize);
                class.is_some_and(|class| expect.masking.contains(&class.name))
            }
            _ => false,
        };
        let limits = expect.limit.is_some() && rule.effect.row_limit() == expect.limit;
        self.names(rule) || (!rule.observe && (effect || limits))
    }
}

/// Name and effect.
fn named(rule: &Rule) -> String {
    let observed = if rule.observe { "observe " } else { "" };
    format!("{} ({observed}{})", rule.name, does(&rule.effect))
}

fn shortened(mut steps: Vec<String>, others: &str) -> Vec<String> {
    let left = steps.len().saturating_sub(EXPLAINED);
    if left > 0 {
        steps.truncate(EXPLAINED);
        steps.push(format!("{left} {others}"));
    }
    steps
}
