//! How an operation was judged: verdict, determining rules, masks, and the words for people.

use std::sync::Arc;

use hpol_bundle::decision::Verdict;
use hpol_bundle::policy::{Effect, Rule, RuleId};

use crate::masking::MaskingPlan;
use crate::policy::InForce;
use crate::records::{DEFAULT_DENY, GATEWAY};
use crate::refusal::RefusalKind;

/// How an operation was judged, before anything of it is recorded or done.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) in_force: Option<Arc<InForce>>,
    /// Determining rules; empty where no rule of the policy decided.
    pub(crate) rules: Vec<RuleId>,
    pub(crate) plan: MaskingPlan,
    pub(crate) unknown: Vec<String>,
    /// Set where the gateway itself refused.
    pub(crate) refusal: Option<(RefusalKind, String, String)>,
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
            unknown: Vec::new(),
            refusal: Some((kind, reason, help)),
        }
    }

    pub(crate) fn determining(&self) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter_map(|id| self.in_force.as_ref()?.rule(*id))
    }

    pub(crate) fn rule_names(&self) -> Vec<String> {
        let names: Vec<String> = self.determining().map(|rule| rule.name.clone()).collect();
        match (names.is_empty(), &self.refusal) {
            (false, _) => names,
            (true, Some(_)) => vec![GATEWAY.to_owned()],
            (true, None) => vec![DEFAULT_DENY.to_owned()],
        }
    }

    pub(crate) fn reason(&self) -> String {
        if let Some((_, reason, _)) = &self.refusal {
            return reason.clone();
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
            Effect::Block { message } if !message.is_empty() => Some(message.clone()),
            Effect::Block { .. }
            | Effect::Allow
            | Effect::RequireApproval { .. }
            | Effect::Mask { .. } => None,
        });
        messages.collect::<Vec<_>>().join("; ")
    }
}
