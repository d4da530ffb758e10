//! Lints of what the whole policy does: what the analysis of the decision graph finds, told in the words of the source,
//! with an operation that shows it. What exceeds its budget is "not analysed", and said so.

use hpol_analysis::Budget;
use hpol_analysis::examine::{Finding, NotAnalysed, What, Witness, examine};
use hpol_analysis::words;
use hpol_bundle::policy::{Condition, Effect, RuleId};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;

use super::{Context, Unsettled};

/// Adds what the analysis finds; gives back what it could not settle.
pub(super) fn check(
    context: &Context<'_>,
    budget: Budget,
    found: &mut Vec<(usize, Problem)>,
) -> Vec<Unsettled> {
    let examination = match examine(context.policy, context.vocabulary, budget) {
        Ok(examination) => examination,
        Err(error) => {
            return vec![Unsettled {
                rule: None,
                question: "what the policy means".to_owned(),
                why: error.to_string(),
            }];
        }
    };
    for finding in &examination.findings {
        found.extend(told(context, finding));
    }
    examination
        .not_analysed
        .iter()
        .map(|question| unsettled(context, question))
        .collect()
}

/// Whether what `code` stands for is asked here, so that it may be left open.
pub(super) fn asks(code: Code) -> bool {
    code.as_str() >= Code::Unreachable.as_str()
}

/// A finding as a problem of its rule.
fn told(context: &Context<'_>, finding: &Finding) -> Option<(usize, Problem)> {
    let name = |id: &RuleId| short(context, *id);
    let names = |ids: &[RuleId]| {
        let names: Vec<String> = ids.iter().map(|id| format!("`{}`", name(id))).collect();
        names.join(", ")
    };
    let (code, message, help) = match &finding.what {
        What::Unreachable => (
            Code::Unreachable,
            "no operation matches this rule".to_owned(),
            "say what was meant, or leave the rule out",
        ),
        What::Contradictory => (
            Code::Contradictory,
            "the condition is true of no operation".to_owned(),
            "say what was meant; join parts that exclude each other by `or`",
        ),
        What::PartAlwaysTrue { part } => (
            Code::PartAlwaysTrue,
            format!(
                "`{}` holds wherever the rest of the rule does",
                part_of(context, finding.rule, *part)?
            ),
            "leave it out, or write what was meant",
        ),
        // So is a mask: where nothing is granted, nothing comes back that could be hidden.
        What::Shadowed { .. } | What::Redundant { .. }
            if obliges(context, finding.rule) && !grants(context) =>
        {
            return None;
        }
        What::Shadowed { by } => (
            Code::Shadowed,
            format!("{} always overrule this rule", names(by)),
            "narrow the stronger rule, or leave this one out",
        ),
        What::Redundant { with } => (
            Code::Redundant,
            format!("{} do all that this rule does", names(with)),
            "leave one of them out, and let the other claim the controls of both",
        ),
        // A rule that only narrows is written to stand beside others that grant.
        What::DeniedAnyway => return None,
        What::ApprovalDefeated { by } => (
            Code::ApprovalDefeated,
            format!("{} block whatever this rule asks approval for", names(by)),
            "a block is never approved away; narrow one of them",
        ),
        What::DifferentApprovers { other } => (
            Code::DifferentApprovers,
            format!(
                "`{}` asks other people about the same operation",
                name(other)
            ),
            "all of them have to agree; if that is meant, allow the finding and say so",
        ),
        What::RequesterMayApprove { group } => {
            let group = context.policy.groups.get(group.0 as usize);
            let group = group.map_or("?", |group| group.name.as_str());
            (
                Code::RequesterMayApprove,
                format!("whoever asks can be one of `{group}`, who approve"),
                "their own vote never counts, but a colleague may do a favour; let other people approve",
            )
        }
        What::ConflictingMasks {
            other, stricter, ..
        } => (
            Code::ConflictingMasks,
            format!(
                "`{}` masks the same class in another way; `{}` wins",
                name(other),
                name(stricter)
            ),
            "let one of them apply",
        ),
        What::AllowsEveryone => (
            Code::AllowsEveryone,
            "this rule allows without asking who".to_owned(),
            "say in `who` whom it is for",
        ),
        What::AllowsEverything => (
            Code::AllowsEverything,
            "this rule allows without asking what".to_owned(),
            "say in `when` what is granted",
        ),
        // A policy that only narrows is there for the grants of others.
        What::ControlWithoutEffect { .. } if !grants(context) => return None,
        What::ControlWithoutEffect { control } => {
            let control =
                super::ControlId::parse(control).map_or(control.clone(), |id| id.to_string());
            (
                Code::ControlWithoutEffect,
                format!("no rule that claims `{control}` changes what is decided"),
                "let a rule that does something claim it",
            )
        }
    };
    let (index, span) = place(context, finding.rule)?;
    let help = match finding.witness.as_ref().map(shown) {
        Some(example) if !example.is_empty() => format!("{help}\nfor example: {example}"),
        _ => help.to_owned(),
    };
    Some((
        index,
        Problem::new(code, message, span, "this rule").help(help),
    ))
}

fn unsettled(context: &Context<'_>, question: &NotAnalysed) -> Unsettled {
    Unsettled {
        rule: question.rule.map(|rule| short(context, rule)),
        question: question.question.to_owned(),
        why: question.why.clone(),
    }
}

/// A part of a rule's condition, in words.
fn part_of(context: &Context<'_>, rule: RuleId, part: usize) -> Option<String> {
    let rule = context.policy.rules.get(rule.0 as usize)?;
    let Condition::All(parts) = &rule.condition else {
        return None;
    };
    Some(words::condition(parts.get(part)?, context.vocabulary))
}

/// Whether a rule does something about what comes back, and nothing else.
fn obliges(context: &Context<'_>, rule: RuleId) -> bool {
    let rule = context.policy.rules.get(rule.0 as usize);
    rule.is_some_and(|rule| matches!(rule.effect, Effect::Mask { .. } | Effect::Limit { .. }))
}

/// Whether a rule grants anything.
fn grants(context: &Context<'_>) -> bool {
    context.policy.rules.iter().any(|rule| {
        let grants = matches!(
            rule.effect,
            Effect::Allow { .. }
                | Effect::RequireApproval { .. }
                | Effect::RequireJustification { .. }
        );
        grants && !rule.observe
    })
}

/// The operation in a line.
fn shown(witness: &Witness) -> String {
    let says = witness.says.iter().map(|sentence| sentence.text.as_str());
    says.collect::<Vec<_>>().join("; ")
}

fn place(context: &Context<'_>, id: RuleId) -> Option<(usize, hpol_syntax::span::Span)> {
    let rule = context.policy.rules.get(id.0 as usize)?;
    let (index, rule) = context.rule_named(&rule.name)?;
    Some((index, rule.name.span))
}

/// The name of a rule; a reader of the package needs no more of it.
fn short(context: &Context<'_>, id: RuleId) -> String {
    let rule = context.policy.rules.get(id.0 as usize);
    rule.map_or_else(String::new, |rule| rule.name.clone())
}
