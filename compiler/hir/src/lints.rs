//! Lints: what a policy may have, and had better not. One file for each. They look at policies without errors only.
//!
//! A comment `// hpol: allow(HP0640) because "..."` in an item or above it allows what a lint finds there; see `comments`.

mod allow_has;
mod always_holds;
mod approval_time;
mod block_by_any;
mod block_within;
mod clause_order;
mod comments;
mod context;
mod deep_condition;
mod double_negation;
mod duration_unit;
mod empty_range;
mod equal_one_by_one;
pub(crate) mod gather;
mod generous_limit;
mod grant_by_exclusion;
mod guessable_subject;
mod has_all_one_by_one;
mod has_one_by_one;
mod inline_group;
mod long_condition;
mod long_name;
mod long_number;
mod long_title;
mod many_claims;
mod mixed_scripts;
mod much_kept;
mod name_style;
mod never_holds;
mod no_allow_test;
mod no_baseline;
mod no_catalogue;
mod no_citing;
mod no_message;
mod no_reason;
mod no_tests;
mod no_title;
mod nothing_satisfied;
mod observed_claim;
mod one_family;
mod one_member;
mod one_rule_control;
mod only_default_deny;
mod only_weak;
mod open_prefix;
mod outside_baseline;
mod overlapping_networks;
mod reason_is_title;
mod repeated_member;
mod repeated_place;
mod repeated_test;
mod same_group;
mod same_reason;
mod same_target;
mod same_test;
mod secret_in_text;
mod semantic;
mod short_claim_reason;
mod short_reason;
mod similar_names;
mod stray_group;
mod title_is_name;
mod title_period;
mod tree;
mod trivial_count;
mod undocumented;
mod unfinished;
mod untested_connection;
mod untested_mask;
mod untested_rule;
mod unused_connection;
mod unused_data;
mod unused_group;
mod unused_import;
mod unused_predicate;

use std::collections::{BTreeMap, BTreeSet};

use hpol_analysis::Budget;
use hpol_bundle::address::Network;
use hpol_nist_mappings::ControlId;
use hpol_syntax::ast::{
    Condition, Effect, Item, Literal, LiteralKind, Masker, On, Operation, Operator, Rule,
    Satisfies, Verdict, Who,
};
use hpol_syntax::code::Code;
use hpol_syntax::lex;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Span;
use hpol_syntax::words;

pub(crate) use context::{Context, Linted};

use crate::diagnostic::Diagnostic;

/// Lints that are allowed unless somebody asks for them: what they find is often meant.
pub const ALLOWED_BY_DEFAULT: &[Code] = &[
    Code::OutsideBaseline,
    Code::OnlyWeak,
    Code::OneRuleControl,
    Code::NoCiting,
    Code::RequesterMayApprove,
    Code::ControlWithoutEffect,
];

/// What lints found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lints {
    /// Sorted by file and place; what comments allow is left out.
    pub findings: Vec<Diagnostic>,
    /// What could not be settled. That there is no finding about it means nothing.
    pub not_analysed: Vec<Unsettled>,
}

/// A question about a policy that could not be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// The rule that it is about; `None` where it is the policy.
    pub rule: Option<String>,
    /// The question.
    pub question: String,
    /// Why it could not be settled.
    pub why: String,
}

/// A lint of one file of this folder; those of the whole policy's meaning stand in `semantic`.
struct Lint {
    code: Code,
    check: Check,
}

enum Check {
    /// Looks at one item.
    Item(fn(&Linted<'_>, &mut Vec<Problem>)),
    /// Looks at all of them; says in which it found something.
    Whole(fn(&Context<'_>, &mut Vec<(usize, Problem)>)),
}

const fn item(code: Code, check: fn(&Linted<'_>, &mut Vec<Problem>)) -> Lint {
    Lint {
        code,
        check: Check::Item(check),
    }
}

const fn whole(code: Code, check: fn(&Context<'_>, &mut Vec<(usize, Problem)>)) -> Lint {
    Lint {
        code,
        check: Check::Whole(check),
    }
}

const LINTS: &[Lint] = &[
    item(Code::NoTitle, no_title::check),
    item(Code::NoReason, no_reason::check),
    item(Code::NameStyle, name_style::check),
    item(Code::LongName, long_name::check),
    item(Code::Undocumented, undocumented::check),
    item(Code::ClauseOrder, clause_order::check),
    item(Code::LongCondition, long_condition::check),
    item(Code::DeepCondition, deep_condition::check),
    item(Code::DoubleNegation, double_negation::check),
    item(Code::TitleIsName, title_is_name::check),
    item(Code::LongTitle, long_title::check),
    item(Code::NoMessage, no_message::check),
    item(Code::LongNumber, long_number::check),
    whole(Code::InlineGroup, inline_group::check),
    item(Code::ReasonIsTitle, reason_is_title::check),
    item(Code::ShortReason, short_reason::check),
    item(Code::Unfinished, unfinished::check),
    item(Code::HasOneByOne, has_one_by_one::check),
    item(Code::EqualOneByOne, equal_one_by_one::check),
    item(Code::HasAllOneByOne, has_all_one_by_one::check),
    item(Code::DurationUnit, duration_unit::check),
    item(Code::TitlePeriod, title_period::check),
    item(Code::RepeatedMember, repeated_member::check),
    item(Code::OneMember, one_member::check),
    item(Code::RepeatedTest, repeated_test::check),
    item(Code::NeverHolds, never_holds::check),
    item(Code::AlwaysHolds, always_holds::check),
    item(Code::EmptyRange, empty_range::check),
    item(Code::TrivialCount, trivial_count::check),
    item(Code::MixedScripts, mixed_scripts::check),
    item(Code::SecretInText, secret_in_text::check),
    whole(Code::UnusedGroup, unused_group::check),
    whole(Code::UnusedPredicate, unused_predicate::check),
    whole(Code::UnusedData, unused_data::check),
    whole(Code::UnusedConnection, unused_connection::check),
    whole(Code::UnusedImport, unused_import::check),
    whole(Code::SimilarNames, similar_names::check),
    whole(Code::SameTarget, same_target::check),
    whole(Code::SameGroup, same_group::check),
    item(Code::RepeatedPlace, repeated_place::check),
    item(Code::OpenPrefix, open_prefix::check),
    item(Code::GuessableSubject, guessable_subject::check),
    item(Code::ApprovalTime, approval_time::check),
    item(Code::MuchKept, much_kept::check),
    item(Code::GenerousLimit, generous_limit::check),
    item(Code::GrantByExclusion, grant_by_exclusion::check),
    item(Code::AllowHas, allow_has::check),
    item(Code::BlockWithin, block_within::check),
    item(Code::OverlappingNetworks, overlapping_networks::check),
    item(Code::OneFamily, one_family::check),
    whole(Code::NothingSatisfied, nothing_satisfied::check),
    item(Code::ShortClaimReason, short_claim_reason::check),
    whole(Code::NoCatalogue, no_catalogue::check),
    item(Code::NoBaseline, no_baseline::check),
    whole(Code::OutsideBaseline, outside_baseline::check),
    whole(Code::OnlyWeak, only_weak::check),
    item(Code::ObservedClaim, observed_claim::check),
    item(Code::ManyClaims, many_claims::check),
    whole(Code::SameReason, same_reason::check),
    whole(Code::OneRuleControl, one_rule_control::check),
    whole(Code::UntestedRule, untested_rule::check),
    whole(Code::NoAllowTest, no_allow_test::check),
    item(Code::NoCiting, no_citing::check),
    item(Code::BlockByAny, block_by_any::check),
    whole(Code::OnlyDefaultDeny, only_default_deny::check),
    whole(Code::SameTest, same_test::check),
    whole(Code::StrayGroup, stray_group::check),
    whole(Code::NoTests, no_tests::check),
    whole(Code::UntestedMask, untested_mask::check),
    whole(Code::UntestedConnection, untested_connection::check),
];

/// What the lints find, sorted by file and place; findings that a comment allows are left out.
pub(crate) fn run(context: &Context<'_>, budget: Budget) -> Lints {
    let mut found: Vec<(usize, Problem)> = Vec::new();
    for lint in LINTS {
        let before = found.len();
        match lint.check {
            Check::Whole(check) => check(context, &mut found),
            Check::Item(check) => {
                for (index, item) in context.items.iter().enumerate() {
                    let mut problems = Vec::new();
                    check(item, &mut problems);
                    found.extend(problems.into_iter().map(|problem| (index, problem)));
                }
            }
        }
        debug_assert!(
            found
                .iter()
                .skip(before)
                .all(|(_, problem)| problem.code == lint.code),
            "a lint finds its own code alone"
        );
    }
    let not_analysed = semantic::check(context, budget, &mut found);
    let left = comments::apply(context, found, &not_analysed);
    let findings = left.findings.iter().map(|found| (found, false));
    let of_comments = left.comments.iter().map(|found| (found, true));
    let mut diagnostics: Vec<Diagnostic> = findings
        .chain(of_comments)
        .filter_map(|((index, problem), of_file)| {
            let item = context.items.get(*index)?;
            let offset = if of_file { 0 } else { item.offset };
            Some(Diagnostic::of(problem, item.path, offset, item.import))
        })
        .collect();
    diagnostics.sort_by(|left, right| left.place().cmp(&right.place()));
    Lints {
        findings: diagnostics,
        not_analysed,
    }
}

#[cfg(test)]
mod tests;
