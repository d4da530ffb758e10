//! Which rules do nothing since they stand in observe, or apply only on connections that do.

use std::collections::BTreeSet;

use hpol_bundle::policy::{Claim, Effect, Policy, Rule, RuleId};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use crate::graph::There;

/// The mechanism that counts rows, which it does on connections in observe too.
const LIMITS: &str = "M23";

/// Why a claim of a rule counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// The rule is in observe.
    Rule,
    /// The rule applies only on connections that are, and nothing is blocked, held or granted there.
    Connections,
}

/// The rules of a policy that apply only on connections in observe.
pub(crate) struct Observed(BTreeSet<RuleId>);

impl Observed {
    /// Those of `policy`.
    ///
    /// # Errors
    /// In words: the policy does not compile.
    pub(crate) fn of(policy: &Policy, vocabulary: &Vocabulary) -> Result<Observed, String> {
        let connections = policy.connections.iter();
        let (observed, enforced): (Vec<_>, Vec<_>) =
            connections.partition(|connection| policy.observes(&connection.target));
        let mut only = BTreeSet::new();
        for connection in &observed {
            only.extend(There::of(policy, vocabulary, connection)?.rules());
        }
        if only.is_empty() {
            return Ok(Observed(only));
        }
        for connection in enforced {
            for rule in There::of(policy, vocabulary, connection)?.rules() {
                only.remove(&rule);
            }
        }
        for kind in Protocol::ALL {
            for rule in There::elsewhere(policy, vocabulary, kind)?.rules() {
                only.remove(&rule);
            }
        }
        Ok(Observed(only))
    }

    /// Why `claim` of `rule` counts for nothing; `None` where it counts. Masks and limits hold on connections in observe.
    pub(crate) fn idle<C>(&self, id: RuleId, rule: &Rule<C>, claim: &Claim) -> Option<Idle> {
        if rule.observe {
            return Some(Idle::Rule);
        }
        let holds = match rule.effect {
            Effect::Mask { .. } | Effect::Limit { .. } => true,
            Effect::Allow { rows: Some(_) } => claim.mechanism == LIMITS,
            Effect::Allow { rows: None }
            | Effect::Block { .. }
            | Effect::RequireApproval { .. }
            | Effect::RequireJustification { .. } => false,
        };
        (self.0.contains(&id) && !holds).then_some(Idle::Connections)
    }
}

impl Idle {
    /// The word that JSON has.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Idle::Rule => "rule",
            Idle::Connections => "connections",
        }
    }

    /// For people, behind what the rule claims.
    pub(crate) fn said(self) -> &'static str {
        match self {
            Idle::Rule => "in observe",
            Idle::Connections => "only on connections in observe",
        }
    }
}
