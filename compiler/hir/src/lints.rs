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
mod one_member;
mod one_rule_control;
mod only_default_deny;
mod only_weak;
mod open_prefix;
mod outside_baseline;
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
use hpol_bundle::policy::Policy;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_nist_mappings::ControlId;
use hpol_syntax::ast::{
    Comparison, Condition, Effect, Item, Literal, LiteralKind, Masker, On, Operation, Operator,
    Rule, Satisfies, Test, Verdict, Who,
};
use hpol_syntax::code::Code;
use hpol_syntax::lex;
use hpol_syntax::parse::Parsed;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Span;
use hpol_syntax::words;

use crate::diagnostic::Diagnostic;
use crate::test_case::TestCase;

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

const LINTS: &[Lint] = &[
    Lint {
        code: Code::NoTitle,
        check: Check::Item(no_title::check),
    },
    Lint {
        code: Code::NoReason,
        check: Check::Item(no_reason::check),
    },
    Lint {
        code: Code::NameStyle,
        check: Check::Item(name_style::check),
    },
    Lint {
        code: Code::LongName,
        check: Check::Item(long_name::check),
    },
    Lint {
        code: Code::Undocumented,
        check: Check::Item(undocumented::check),
    },
    Lint {
        code: Code::ClauseOrder,
        check: Check::Item(clause_order::check),
    },
    Lint {
        code: Code::LongCondition,
        check: Check::Item(long_condition::check),
    },
    Lint {
        code: Code::DeepCondition,
        check: Check::Item(deep_condition::check),
    },
    Lint {
        code: Code::DoubleNegation,
        check: Check::Item(double_negation::check),
    },
    Lint {
        code: Code::TitleIsName,
        check: Check::Item(title_is_name::check),
    },
    Lint {
        code: Code::LongTitle,
        check: Check::Item(long_title::check),
    },
    Lint {
        code: Code::NoMessage,
        check: Check::Item(no_message::check),
    },
    Lint {
        code: Code::LongNumber,
        check: Check::Item(long_number::check),
    },
    Lint {
        code: Code::InlineGroup,
        check: Check::Whole(inline_group::check),
    },
    Lint {
        code: Code::ReasonIsTitle,
        check: Check::Item(reason_is_title::check),
    },
    Lint {
        code: Code::ShortReason,
        check: Check::Item(short_reason::check),
    },
    Lint {
        code: Code::Unfinished,
        check: Check::Item(unfinished::check),
    },
    Lint {
        code: Code::HasOneByOne,
        check: Check::Item(has_one_by_one::check),
    },
    Lint {
        code: Code::EqualOneByOne,
        check: Check::Item(equal_one_by_one::check),
    },
    Lint {
        code: Code::HasAllOneByOne,
        check: Check::Item(has_all_one_by_one::check),
    },
    Lint {
        code: Code::DurationUnit,
        check: Check::Item(duration_unit::check),
    },
    Lint {
        code: Code::TitlePeriod,
        check: Check::Item(title_period::check),
    },
    Lint {
        code: Code::RepeatedMember,
        check: Check::Item(repeated_member::check),
    },
    Lint {
        code: Code::OneMember,
        check: Check::Item(one_member::check),
    },
    Lint {
        code: Code::RepeatedTest,
        check: Check::Item(repeated_test::check),
    },
    Lint {
        code: Code::NeverHolds,
        check: Check::Item(never_holds::check),
    },
    Lint {
        code: Code::AlwaysHolds,
        check: Check::Item(always_holds::check),
    },
    Lint {
        code: Code::EmptyRange,
        check: Check::Item(empty_range::check),
    },
    Lint {
        code: Code::TrivialCount,
        check: Check::Item(trivial_count::check),
    },
    Lint {
        code: Code::MixedScripts,
        check: Check::Item(mixed_scripts::check),
    },
    Lint {
        code: Code::SecretInText,
        check: Check::Item(secret_in_text::check),
    },
    Lint {
        code: Code::UnusedGroup,
        check: Check::Whole(unused_group::check),
    },
    Lint {
        code: Code::UnusedPredicate,
        check: Check::Whole(unused_predicate::check),
    },
    Lint {
        code: Code::UnusedData,
        check: Check::Whole(unused_data::check),
    },
    Lint {
        code: Code::UnusedConnection,
        check: Check::Whole(unused_connection::check),
    },
    Lint {
        code: Code::UnusedImport,
        check: Check::Whole(unused_import::check),
    },
    Lint {
        code: Code::SimilarNames,
        check: Check::Whole(similar_names::check),
    },
    Lint {
        code: Code::SameTarget,
        check: Check::Whole(same_target::check),
    },
    Lint {
        code: Code::SameGroup,
        check: Check::Whole(same_group::check),
    },
    Lint {
        code: Code::RepeatedPlace,
        check: Check::Item(repeated_place::check),
    },
    Lint {
        code: Code::OpenPrefix,
        check: Check::Item(open_prefix::check),
    },
    Lint {
        code: Code::GuessableSubject,
        check: Check::Item(guessable_subject::check),
    },
    Lint {
        code: Code::ApprovalTime,
        check: Check::Item(approval_time::check),
    },
    Lint {
        code: Code::MuchKept,
        check: Check::Item(much_kept::check),
    },
    Lint {
        code: Code::GenerousLimit,
        check: Check::Item(generous_limit::check),
    },
    Lint {
        code: Code::GrantByExclusion,
        check: Check::Item(grant_by_exclusion::check),
    },
    Lint {
        code: Code::AllowHas,
        check: Check::Item(allow_has::check),
    },
    Lint {
        code: Code::BlockWithin,
        check: Check::Item(block_within::check),
    },
    Lint {
        code: Code::NothingSatisfied,
        check: Check::Whole(nothing_satisfied::check),
    },
    Lint {
        code: Code::ShortClaimReason,
        check: Check::Item(short_claim_reason::check),
    },
    Lint {
        code: Code::NoCatalogue,
        check: Check::Whole(no_catalogue::check),
    },
    Lint {
        code: Code::NoBaseline,
        check: Check::Item(no_baseline::check),
    },
    Lint {
        code: Code::OutsideBaseline,
        check: Check::Whole(outside_baseline::check),
    },
    Lint {
        code: Code::OnlyWeak,
        check: Check::Whole(only_weak::check),
    },
    Lint {
        code: Code::ObservedClaim,
        check: Check::Item(observed_claim::check),
    },
    Lint {
        code: Code::ManyClaims,
        check: Check::Item(many_claims::check),
    },
    Lint {
        code: Code::SameReason,
        check: Check::Whole(same_reason::check),
    },
    Lint {
        code: Code::OneRuleControl,
        check: Check::Whole(one_rule_control::check),
    },
    Lint {
        code: Code::UntestedRule,
        check: Check::Whole(untested_rule::check),
    },
    Lint {
        code: Code::NoAllowTest,
        check: Check::Whole(no_allow_test::check),
    },
    Lint {
        code: Code::NoCiting,
        check: Check::Item(no_citing::check),
    },
    Lint {
        code: Code::BlockByAny,
        check: Check::Item(block_by_any::check),
    },
    Lint {
        code: Code::OnlyDefaultDeny,
        check: Check::Whole(only_default_deny::check),
    },
    Lint {
        code: Code::SameTest,
        check: Check::Whole(same_test::check),
    },
    Lint {
        code: Code::StrayGroup,
        check: Check::Whole(stray_group::check),
    },
    Lint {
        code: Code::NoTests,
        check: Check::Whole(no_tests::check),
    },
    Lint {
        code: Code::UntestedMask,
        check: Check::Whole(untested_mask::check),
    },
    Lint {
        code: Code::UntestedConnection,
        check: Check::Whole(untested_connection::check),
    },
];

/// Everything that lints look at.
pub(crate) struct Context<'a> {
    pub(crate) items: Vec<Linted<'a>>,
    /// The text of each file.
    pub(crate) texts: BTreeMap<&'a str, &'a str>,
    pub(crate) policy: &'a Policy,
    pub(crate) tests: &'a [TestCase],
    pub(crate) vocabulary: &'a Vocabulary,
}

/// One item.
pub(crate) struct Linted<'a> {
    pub(crate) path: &'a str,
    pub(crate) package: &'a str,
    /// Where it begins in its file.
    pub(crate) offset: u32,
    /// Where a further import would stand in its file.
    pub(crate) import: u32,
    pub(crate) text: &'a str,
    pub(crate) parsed: &'a Parsed,
    /// The names that it writes, dots and all.
    pub(crate) words: Vec<&'a str>,
    /// Where the comments directly above it and behind it on its line stand in the file.
    pub(crate) around: Vec<Span>,
}

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

impl<'a> Context<'a> {
    /// The rules, each with the index of its item.
    fn rules(&self) -> impl Iterator<Item = (usize, &Rule)> {
        let items = self.items.iter().enumerate();
        items.filter_map(|(index, item)| Some((index, item.rule()?)))
    }

    /// The rule of a qualified name.
    fn rule_named(&self, name: &str) -> Option<(usize, &Rule)> {
        self.rules().find(|(index, rule)| {
            self.items
                .get(*index)
                .is_some_and(|item| item.qualified(&rule.name.node) == name)
        })
    }

    /// The packages, each once.
    fn packages(&self) -> BTreeSet<&'a str> {
        self.items.iter().map(|item| item.package).collect()
    }

    /// The baseline that a package is to meet.
    fn baseline(&self, package: &str) -> Option<&str> {
        let own = self.items.iter().filter(|item| item.package == package);
        let mut imports = own.filter_map(|item| match &item.parsed.item {
            Some(Item::Use(import)) => import.baseline.as_ref(),
            _ => None,
        });
        imports.next().map(|baseline| baseline.node.as_str())
    }

    /// Whether another item writes the name that the item of this index declares.
    fn names(&self, index: usize, name: &str) -> bool {
        let Some(declared) = self.items.get(index) else {
            return true;
        };
        let full = declared.qualified(name);
        let others = self
            .items
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        others.flat_map(|(_, item)| &item.words).any(|word| {
            // A name may be written with a part of its package.
            *word == name || full.ends_with(&format!(".{word}")) || *word == full
        })
    }
}

impl Linted<'_> {
    fn rule(&self) -> Option<&Rule> {
        match &self.parsed.item {
            Some(Item::Rule(rule)) => Some(rule),
            _ => None,
        }
    }

    fn test(&self) -> Option<&Test> {
        match &self.parsed.item {
            Some(Item::Test(test)) => Some(test),
            _ => None,
        }
    }

    /// The name that the item declares, as written.
    fn declared(&self) -> Option<(String, Span)> {
        let name = match self.parsed.item.as_ref()? {
            Item::Connection(item) => &item.name,
            Item::Group(item) => &item.name,
            Item::Predicate(item) => &item.name,
            Item::Data(item) => &item.name,
            Item::Rule(item) => &item.name,
            _ => return None,
        };
        Some((name.node.clone(), name.span))
    }

    fn qualified(&self, name: &str) -> String {
        format!("{}.{name}", self.package)
    }

    /// The conditions of the item, each from its root.
    fn conditions(&self) -> Vec<&Condition> {
        match &self.parsed.item {
            Some(Item::Group(group)) => vec![&group.condition],
            Some(Item::Predicate(predicate)) => vec![&predicate.condition],
            Some(Item::Rule(rule)) => {
                let who = rule.who.as_ref().and_then(|who| match who {
                    Who::Everyone(_) => None,
                    Who::EveryoneExcept(condition) | Who::Those(condition) => Some(condition),
                });
                who.into_iter()
                    .chain(&rule.when)
                    .chain(&rule.unless)
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
