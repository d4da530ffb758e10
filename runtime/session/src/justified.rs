//! Operations that went ahead since a justification was given: what the record says of it, how one is given, and the review
//! afterwards. Semantics: lang-spec, "Justifications".

use hpol_bundle::decision::Decision;
use hpol_bundle::justification::Justification;
use hpol_bundle::policy::{Effect, GroupId};
use hpol_bundle::vocabulary::Protocol;
use hpol_evidence::record::{DecisionRecord, Event, Finding, JustificationRecord};

use crate::judgement::Judgement;
use crate::policy::InForce;
use crate::principal::Principal;
use crate::records;

/// A justification that rules require of an operation, and that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Justified {
    pub(crate) text: Justification,
    /// The rules by name, and who reviews by each.
    pub(crate) rules: Vec<(String, String)>,
}

impl Justified {
    /// What `decision` rests on; nothing where no rule asked for it.
    pub(crate) fn of(
        decision: &Decision,
        given: Option<&Justification>,
        in_force: &InForce,
    ) -> Option<Justified> {
        let text = given?;
        let rules = decision.allow.iter().filter_map(|id| {
            let rule = in_force.rule(*id)?;
            let group = reviewers(&rule.effect)?;
            let groups = &in_force.bundle().policy.groups;
            let group = groups.get(usize::try_from(group.0).ok()?)?;
            Some((rule.name.clone(), group.name.clone()))
        });
        let rules: Vec<(String, String)> = rules.collect();
        (!rules.is_empty()).then(|| Justified {
            text: text.clone(),
            rules,
        })
    }

    pub(crate) fn record(&self) -> JustificationRecord {
        let (rules, reviewers): (Vec<String>, Vec<String>) = self.rules.iter().cloned().unzip();
        let mut reviewers = reviewers;
        reviewers.sort();
        reviewers.dedup();
        JustificationRecord {
            text: self.text.as_str().to_owned(),
            rules: records::fit_rules(rules),
            reviewers: records::fit_rules(reviewers),
        }
    }
}

/// How a client gives a justification over `protocol`.
pub(crate) fn how(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Postgres => {
            "to go on, connect with a justification: PGOPTIONS=\"-c hpol.justification=INC-4711\"; it is recorded and reviewed"
        }
        Protocol::Http => {
            "to go on, send a justification: `Hpol-Justification: INC-4711`; it is recorded and reviewed"
        }
    }
}

/// Whether `judgement` blocks for want of a justification, and for nothing else.
pub(crate) fn lacks_one(judgement: &Judgement) -> bool {
    let mut rules = judgement.determining().peekable();
    judgement.refusal.is_none()
        && rules.peek().is_some()
        && rules.all(|rule| reviewers(&rule.effect).is_some())
}

fn reviewers(effect: &Effect) -> Option<GroupId> {
    match effect {
        Effect::RequireJustification { reviewers, .. } => Some(*reviewers),
        _ => None,
    }
}

/// Why a review does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRefused {
    /// No such record, none with a justification that went ahead, or none that this person may review.
    #[error("there is nothing at record {sequence} that you may review")]
    NotFound {
        /// Where it was looked for.
        sequence: u64,
    },
    /// Nobody reviews what they did themselves.
    #[error("you did this yourself; somebody else has to review it")]
    OwnOperation,
    /// The review says nothing.
    #[error("a review says why")]
    NoReason,
    /// The log is out of reach: nothing was recorded.
    #[error("{why}")]
    Unavailable {
        /// The cause.
        why: String,
    },
}

/// Whether there is anything at all that `reviewer` reviews.
pub(crate) fn is_reviewer(in_force: &InForce, reviewer: &Principal) -> bool {
    let bundle = in_force.bundle();
    let facts = reviewer.facts(&bundle.vocabulary);
    let mut groups = bundle
        .policy
        .rules
        .iter()
        .filter_map(|rule| reviewers(&rule.effect));
    groups.any(|group| hpol_engine::is_member(&bundle.program, group, &facts))
}

/// Whether `reviewer` may review what the record at `sequence` says: not their own operation, and by every rule that
/// required the justification, as it is now.
///
/// # Errors
/// Why not.
pub(crate) fn may_review(
    in_force: &InForce,
    sequence: u64,
    decision: &DecisionRecord,
    reviewer: &Principal,
) -> Result<(), ReviewRefused> {
    let not_found = ReviewRefused::NotFound { sequence };
    let Some(justification) = went_ahead(decision) else {
        return Err(not_found);
    };
    if reviewer.id == decision.subject.id && reviewer.issuer == decision.subject.issuer {
        return Err(ReviewRefused::OwnOperation);
    }
    let bundle = in_force.bundle();
    let facts = reviewer.facts(&bundle.vocabulary);
    let reviews = |name: &String| {
        let mut rules = bundle.policy.rules.iter();
        let rule = rules.find(|rule| rule.name == *name)?;
        let group = reviewers(&rule.effect)?;
        hpol_engine::is_member(&bundle.program, group, &facts).then_some(())
    };
    let by_all = justification
        .rules
        .iter()
        .all(|name| reviews(name).is_some());
    match by_all && !justification.rules.is_empty() {
        true => Ok(()),
        false => Err(not_found),
    }
}

/// The justification of an operation that went ahead by it.
fn went_ahead(decision: &DecisionRecord) -> Option<&JustificationRecord> {
    let justification = decision.justification.as_ref()?;
    (decision.verdict == "allow").then_some(justification)
}

/// The record of a review.
pub(crate) fn reviewed(
    sequence: u64,
    decision: &DecisionRecord,
    reviewer: &Principal,
    finding: Finding,
    reason: &str,
) -> Event {
    Event::JustificationReviewed {
        reviewed: sequence,
        operation: decision.operation.clone(),
        reviewer: reviewer.record(),
        finding,
        reason: reason.to_owned(),
    }
}
