//! Checks what a rule does.

use hpol_bundle::justification;
use hpol_bundle::policy::Mask;
use hpol_bundle::vocabulary::{FactId, Protocol};
use hpol_syntax::ast::{self, Masker, Name};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;
use hpol_syntax::words;

use super::rule::Connections;
use super::{Checker, check};
use crate::database::{ItemText, Scope};
use crate::lowered::{Effect, Lowered, Whereabouts};

/// People who must agree, at most. More cannot be gathered in a day.
const MAX_QUORUM: i64 = 100;
/// Seconds that a request for approval waits, at most: a day. The client's connection is open all the while.
const MAX_WAIT_SECONDS: u64 = 24 * 3600;
/// Seconds that an approval stands, at most: a day. Who approved has seen one operation of all that it covers.
const MAX_STANDING_SECONDS: u64 = 24 * 3600;
/// Rows of a limit, at most. Nobody takes so many, and every count of them fits everywhere.
const MAX_ROWS: i64 = 1_000_000_000;
/// Characters that a mask keeps, at most. No identifier is longer, and what is kept is not hidden.
const MAX_KEPT: i64 = 64;

impl<'db> Checker<'db> {
    /// The one effect of a rule, and the class it masks.
    pub(super) fn effect(&mut self, rule: &ast::Rule) -> Option<(Effect, Option<Whereabouts>)> {
        match rule.effects.as_slice() {
            [effect] => self.one_effect(&effect.node),
            [] => {
                if rule.complete {
                    let message = format!("rule `{}` does nothing", rule.name.node);
                    self.report(
                        Problem::new(Code::NoEffect, message, rule.name.span, "no effect")
                            .help("end it with `allow`, `block \"...\"`, `require approval by ...`, `require justification reviewed by ...`, `mask ...` or `limit rows ...`"),
                    );
                }
                None
            }
            [first, second, ..] => {
                let message = format!("rule `{}` has more than one effect", rule.name.node);
                self.report(
                    Problem::new(Code::TwoEffects, message, second.span, "a further effect")
                        .label(first.span, "the first one")
                        .help("a rule has one purpose; make two rules of it"),
                );
                None
            }
        }
    }

    fn one_effect(&mut self, effect: &ast::Effect) -> Option<(Effect, Option<Whereabouts>)> {
        match effect {
            ast::Effect::Allow { rows } => {
                let rows = match rows {
                    Some(rows) => Some(self.rows(rows)?),
                    None => None,
                };
                Some((Effect::Allow { rows }, None))
            }
            ast::Effect::Limit { rows } => {
                let rows = self.rows(rows)?;
                Some((Effect::Limit { rows }, None))
            }
            ast::Effect::Block {
                message,
                terminates,
            } => {
                let message = message
                    .as_ref()
                    .map(|message| message.node.clone())
                    .unwrap_or_default();
                let terminates = *terminates;
                Some((
                    Effect::Block {
                        message,
                        terminates,
                    },
                    None,
                ))
            }
            ast::Effect::RequireApproval {
                quorum,
                group,
                within,
                stands,
            } => {
                let count = self.quorum(quorum);
                let seconds = self.wait(within);
                let stands = match stands {
                    Some(stands) => self.standing(stands).map(Some),
                    None => Some(None),
                };
                let group = self.approvers(group);
                let (quorum, within_seconds, group) = (count?, seconds?, group?);
                let stands_seconds = stands?;
                Some((
                    Effect::RequireApproval {
                        quorum,
                        group,
                        within_seconds,
                        stands_seconds,
                    },
                    None,
                ))
            }
            ast::Effect::RequireJustification { reviewers } => {
                let name = self.approvers(reviewers);
                let given = self.justification(reviewers);
                let (reviewers, given) = (name?, given?);
                Some((Effect::RequireJustification { reviewers, given }, None))
            }
            ast::Effect::Mask { class, masker } => {
                let mask = self.masker(masker);
                let (class, whereabouts) = self.masked(class)?;
                Some((Effect::Mask { class, mask: mask? }, Some(whereabouts)))
            }
        }
    }

    pub(super) fn rows(&mut self, rows: &Spanned<i64>) -> Option<u64> {
        if (1..=MAX_ROWS).contains(&rows.node) {
            return u64::try_from(rows.node).ok();
        }
        let message = format!("a result cannot be limited to `{}` rows", rows.node);
        let help = match rows.node {
            0 => "to let nothing come back, write `block`".to_owned(),
            _ => format!("a limit lies between 1 and {MAX_ROWS}"),
        };
        self.report(
            Problem::new(Code::LimitBounds, message, rows.span, "out of bounds").help(help),
        );
        None
    }

    fn quorum(&mut self, quorum: &Spanned<i64>) -> Option<u32> {
        if (1..=MAX_QUORUM).contains(&quorum.node) {
            return u32::try_from(quorum.node).ok();
        }
        let message = format!("`{}` people cannot approve", quorum.node);
        self.report(
            Problem::new(Code::ApprovalBounds, message, quorum.span, "out of bounds")
                .help(format!("between 1 and {MAX_QUORUM} people approve")),
        );
        None
    }

    fn wait(&mut self, within: &Spanned<u64>) -> Option<u64> {
        if (1..=MAX_WAIT_SECONDS).contains(&within.node) {
            return Some(within.node);
        }
        let message = "an approval cannot be waited for this long";
        self.report(
            Problem::new(Code::ApprovalBounds, message, within.span, "out of bounds").help(
                format!(
                    "a request waits between `1s` and `{}h`",
                    MAX_WAIT_SECONDS / 3600
                ),
            ),
        );
        None
    }

    fn standing(&mut self, stands: &Spanned<u64>) -> Option<u64> {
        if (1..=MAX_STANDING_SECONDS).contains(&stands.node) {
            return Some(stands.node);
        }
        let message = "an approval cannot stand for this long";
        self.report(
            Problem::new(Code::ApprovalBounds, message, stands.span, "out of bounds").help(
                format!(
                    "an approval stands between `1s` and `{}h`; for more, somebody decides again",
                    MAX_STANDING_SECONDS / 3600
                ),
            ),
        );
        None
    }

    fn approvers(&mut self, group: &Name) -> Option<String> {
        let symbols = self.symbols();
        let (name, found) = self.lookup(&symbols.groups, group, "group", &[])?;
        found.map(|_| name)
    }

    /// The fact that tells the justification; reported where the vocabulary lacks it.
    fn justification(&mut self, reviewers: &Name) -> Option<FactId> {
        let found = self.vocabulary().lookup(justification::FACT);
        if let Some((id, _)) = found {
            return Some(id);
        }
        let message = format!("the vocabulary has no fact `{}`", justification::FACT);
        self.report(Problem::new(
            Code::UnknownName,
            message,
            reviewers.span,
            "required here",
        ));
        None
    }

    /// The class that a rule or a test names.
    pub(super) fn class(&mut self, class: &Name) -> Option<(String, (ItemText<'db>, Scope<'db>))> {
        let symbols = self.symbols();
        let (name, found) = self.lookup(&symbols.classes, class, "data class", &[])?;
        found.map(|found| (name, *found))
    }

    fn masked(&mut self, class: &Name) -> Option<(String, Whereabouts)> {
        let (name, (item, scope)) = self.class(class)?;
        let Some(Lowered::Class {
            columns,
            json,
            detectors,
        }) = &check(self.db, self.inputs, item, scope).lowered
        else {
            return None;
        };
        let columns_on = columns.iter().map(|column| &column.target);
        let targets = columns_on.chain(json.iter().map(|path| &path.target));
        let whereabouts = Whereabouts {
            has_columns: !columns.is_empty(),
            has_json: !json.is_empty(),
            targets: targets.cloned().collect(),
            has_detectors: !detectors.is_empty(),
        };
        if whereabouts.has_detectors || !whereabouts.targets.is_empty() {
            return Some((name, whereabouts));
        }
        let message = format!("nothing of `{}` can be found", class.node);
        self.report(
            Problem::new(
                Code::NothingToMask,
                message,
                class.span,
                "has no columns, JSON paths or detectors",
            )
            .help("give the data class a `column`, a `json` path or a `detector`"),
        );
        None
    }

    /// Reports a mask that hides nothing on a connection it names, since what it hides is stored elsewhere.
    pub(super) fn masks_something(
        &mut self,
        rule: &ast::Rule,
        class: &Whereabouts,
        on: &Connections,
    ) {
        let elsewhere = |target: &String| !class.targets.contains(target);
        let place = if on.is_empty() {
            let other = self.protocol_facts.iter().find(|fact| match fact.protocol {
                Protocol::Postgres => !class.has_columns,
                Protocol::Http => !class.has_json,
            });
            other.map(|fact| format!("operations with `{}`", fact.name))
        } else {
            let apart = on.iter().filter(|(.., symbol)| elsewhere(&symbol.target));
            let apart: Vec<&str> = apart.map(|(name, ..)| name.node.as_str()).collect();
            (!apart.is_empty()).then(|| words::list(&apart))
        };
        let (Some(place), false, [effect]) = (place, class.has_detectors, rule.effects.as_slice())
        else {
            return;
        };
        let message = format!("nothing of the data class can be found on {place}");
        self.report(
            Problem::new(
                Code::NothingToMask,
                message,
                effect.span,
                "it stands on other connections",
            )
            .help(
                "give the data class a `detector`, or name the connections in `on` where it stands",
            ),
        );
    }

    fn masker(&mut self, masker: &Masker) -> Option<Mask> {
        let (kept, mask): (_, fn(u32) -> Mask) = match masker {
            Masker::Hash => return Some(Mask::Hash),
            Masker::Redact => return Some(Mask::Redact),
            Masker::Null => return Some(Mask::Null),
            Masker::KeepLast(kept) => (kept, Mask::KeepLast),
            Masker::KeepFirst(kept) => (kept, Mask::KeepFirst),
        };
        if (1..=MAX_KEPT).contains(&kept.node) {
            return u32::try_from(kept.node).ok().map(mask);
        }
        let message = format!("a mask cannot keep `{}` characters", kept.node);
        let help = match kept.node {
            0 => "write `redact` to keep none".to_owned(),
            _ => format!("keep between 1 and {MAX_KEPT} characters"),
        };
        self.report(Problem::new(Code::MaskBounds, message, kept.span, "out of bounds").help(help));
        None
    }
}
