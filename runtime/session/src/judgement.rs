//! How an operation was judged: verdict, determining rules, masks, and the words for people.

use std::sync::Arc;

use hpol_bundle::decision::{Excepted, Observed, Verdict};
use hpol_bundle::policy::{Effect, Rule, RuleId, Unread};
use hpol_evidence::record::{ControlRecord, ExceptionRecord, ObservedRecord, WouldRecord};

use crate::approvals::standing::Covered;
use crate::history::Counted;
use crate::justified::Justified;
use crate::masking::MaskingPlan;
use crate::permit::Limited;
use crate::policy::InForce;
use crate::records::{self, DEFAULT_DENY, GATEWAY, OBSERVE};
use crate::refusal::RefusalKind;

/// How an operation was judged, before anything of it is recorded or done.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) in_force: Option<Arc<InForce>>,
    /// Determining rules; empty where no rule of the policy decided.
    pub(crate) rules: Vec<RuleId>,
    pub(crate) plan: MaskingPlan,
    pub(crate) limit: Option<RowLimit>,
    /// What rules in observe would have done.
    pub(crate) observed: Vec<Observed>,
    /// What would have come of it on a connection that is not in observe, and the rules that say so.
    pub(crate) would: Option<(Verdict, Vec<RuleId>)>,
    /// The exceptions that lifted a rule.
    pub(crate) excepted: Vec<Excepted>,
    pub(crate) unknown: Vec<String>,
    /// The approval that stands for what is required, where one does.
    pub(crate) covered: Option<Covered>,
    /// The justification that it rests on, where rules require one.
    pub(crate) justified: Option<Justified>,
    /// Set where the gateway itself refused.
    pub(crate) refusal: Option<(RefusalKind, String, String)>,
    /// The operation in flight, if it is; dropped, it has never begun.
    pub(crate) counted: Option<Counted>,
}

/// How many rows come back at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowLimit {
    pub(crate) rows: u64,
    /// The rules that say so; a rule with a greater limit is not among them.
    pub(crate) rules: Vec<RuleId>,
}

impl RowLimit {
    /// The smallest limit of the matching `rules`.
    pub(crate) fn of(in_force: &InForce, rules: &[RuleId]) -> Option<RowLimit> {
        let limits = rules
            .iter()
            .filter_map(|id| Some((in_force.rule(*id)?.effect.row_limit()?, *id)));
        let rows = limits.clone().map(|(rows, _)| rows).min()?;
        let smallest = limits.filter(|(limit, _)| *limit == rows);
        Some(RowLimit {
            rows,
            rules: smallest.map(|(_, id)| id).collect(),
        })
    }
}

impl Judgement {
    pub(crate) fn gateway(
        in_force: Option<Arc<InForce>>,
        kind: RefusalKind,
        reason: String,
        help: String,
    ) -> Judgement {
        Judgement {
            verdict: Verdict::Block,
            in_force,
            rules: Vec::new(),
            plan: MaskingPlan::none(),
            limit: None,
            observed: Vec::new(),
            would: None,
            excepted: Vec::new(),
            unknown: Vec::new(),
            covered: None,
            justified: None,
            refusal: Some((kind, reason, help)),
            counted: None,
        }
    }

    /// Lets go ahead what rules block or hold, and keeps what they say for the record. For connections in observe.
    pub(crate) fn observe(&mut self) {
        if self.verdict != Verdict::Allow {
            let rules = std::mem::take(&mut self.rules);
            self.would = Some((self.verdict, rules));
            self.verdict = Verdict::Allow;
        }
    }

    /// What would have come of it on a connection that is not in observe, for the record.
    pub(crate) fn would(&self) -> Option<WouldRecord> {
        let (verdict, rules) = self.would.as_ref()?;
        let verdict = match verdict {
            Verdict::Allow => "allow",
            Verdict::RequireApproval => "require_approval",
            Verdict::Block => "block",
        };
        Some(WouldRecord {
            verdict: verdict.to_owned(),
            rules: match rules.as_slice() {
                [] => vec![DEFAULT_DENY.to_owned()],
                rules => records::fit_rules(self.names(rules)),
            },
        })
    }

    fn names(&self, rules: &[RuleId]) -> Vec<String> {
        let rules = rules.iter();
        let rules = rules.filter_map(|id| self.in_force.as_ref()?.rule(*id));
        rules.map(|rule| rule.name.clone()).collect()
    }

    /// Whether it goes ahead only since its connection is in observe.
    pub(crate) fn is_observed(&self) -> bool {
        self.would.is_some() && self.verdict == Verdict::Allow
    }

    /// Whether rules of this policy made it what it is, and nothing else did.
    pub(crate) fn is_by_rules_of(&self, in_force: &Arc<InForce>) -> bool {
        let same = self.in_force.as_ref();
        same.is_some_and(|same| Arc::ptr_eq(same, in_force))
            && !self.rules.is_empty()
            && self.refusal.is_none()
            && self.would.is_none()
    }

    pub(crate) fn determining(&self) -> impl Iterator<Item = &Rule<Unread>> {
        self.rules
            .iter()
            .filter_map(|id| self.in_force.as_ref()?.rule(*id))
    }

    pub(crate) fn rule_names(&self) -> Vec<String> {
        let names = self.names(&self.rules);
        match (names.is_empty(), &self.refusal) {
            (true, None) if self.is_observed() => vec![OBSERVE.to_owned()],
            (false, _) => names,
            (true, Some(_)) => vec![GATEWAY.to_owned()],
            (true, None) => vec![DEFAULT_DENY.to_owned()],
        }
    }

    /// The rules whose masks and limits apply, by name.
    pub(crate) fn obligations(&self) -> Vec<String> {
        let mut names = self.plan.rules();
        let limits = self.limit.iter().flat_map(|limit| &limit.rules);
        let limits = limits.filter_map(|id| self.in_force.as_ref()?.rule(*id));
        names.extend(limits.map(|rule| rule.name.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// The limit, for the permit.
    pub(crate) fn limited(&self) -> Option<Limited> {
        let limit = self.limit.as_ref()?;
        let rules = limit.rules.iter();
        let rules = rules.filter_map(|id| self.in_force.as_ref()?.rule(*id));
        Some(Limited {
            rows: limit.rows,
            rules: rules.clone().map(|rule| rule.name.clone()).collect(),
            controls: rules
                .flat_map(|rule| self.earned_by_cutting(rule))
                .collect(),
        })
    }

    /// What `rule` claims where rows were left out. One that would have allowed the operation and did not determine the
    /// decision has granted nothing, and shows only what its limit does.
    fn earned_by_cutting(&self, rule: &Rule<Unread>) -> Vec<ControlRecord> {
        let has_granted = self
            .determining()
            .any(|granting| granting.name == rule.name);
        let only_limits = matches!(rule.effect, Effect::Allow { .. }) && !has_granted;
        let mut claims = records::claims(rule);
        claims.retain(|claim| !only_limits || claim.mechanism == records::LIMITS);
        claims
    }

    /// What rules in observe would have done, for the record.
    pub(crate) fn observed(&self) -> Vec<ObservedRecord> {
        let named = self.observed.iter().filter_map(|observed| {
            Some(ObservedRecord {
                rule: self.in_force.as_ref()?.rule(observed.rule)?.name.clone(),
                would: observed.would.as_str().to_owned(),
            })
        });
        named.collect()
    }

    /// The exceptions that lifted a rule, for the record.
    pub(crate) fn exceptions(&self) -> Vec<ExceptionRecord> {
        let named = self.excepted.iter().filter_map(|excepted| {
            let in_force = self.in_force.as_ref()?;
            let exception = in_force.exception(excepted.exception)?;
            Some(ExceptionRecord {
                exception: exception.name.clone(),
                rule: in_force.rule(excepted.rule)?.name.clone(),
                owner: exception.owner.clone(),
                until: exception.until.clone(),
            })
        });
        named.collect()
    }

    /// Whether a rule that blocks ends the session with it.
    pub(crate) fn ends_session(&self) -> bool {
        let ends = |rule: &Rule<Unread>| {
            matches!(
                rule.effect,
                Effect::Block {
                    terminates: true,
                    ..
                }
            )
        };
        self.refusal.is_none() && self.determining().any(ends)
    }

    pub(crate) fn reason(&self) -> String {
        if let Some((_, reason, _)) = &self.refusal {
            return reason.clone();
        }
        if self.is_observed() {
            return "the connection is in observe".to_owned();
        }
        if self.rules.is_empty() {
            let unknown = if self.unknown.is_empty() {
                String::new()
            } else {
                format!("; not determined: {}", self.unknown.join(", "))
            };
            return format!("no rule allows this{unknown}");
        }
        let words = self.determining().map(|rule| {
            if rule.because.is_empty() {
                &rule.title
            } else {
                &rule.because
            }
        });
        words
            .filter(|text| !text.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join("; ")
    }

    pub(crate) fn help(&self) -> String {
        if let Some((_, _, help)) = &self.refusal {
            return help.clone();
        }
        let messages = self.determining().filter_map(|rule| match &rule.effect {
            Effect::Block { message, .. } if !message.is_empty() => Some(message.clone()),
            Effect::Block { .. }
            | Effect::Allow { .. }
            | Effect::RequireApproval { .. }
            | Effect::RequireJustification { .. }
            | Effect::Mask { .. }
            | Effect::Limit { .. } => None,
        });
        messages.collect::<Vec<_>>().join("; ")
    }
}
