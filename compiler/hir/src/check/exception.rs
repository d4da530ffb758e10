//! Checks an exception: it narrows one rule that blocks or requires approval, and says why, who answers for it and when
//! it ends.

use hpol_bundle::policy::{Condition, Predicate};
use hpol_syntax::ast::{self, Name, On, Who};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Checker;
use super::condition::{Reads, test};
use super::rule::{all, everything, target, when_and_unless};
use crate::lowered::{Exception, Lowered};
use crate::symbols::{EffectKind, rules};

impl Checker<'_> {
    pub(super) fn exception(&mut self, exception: &ast::Exception) -> Option<Lowered> {
        let rule = self.narrowed(&exception.rule);
        let whole = self.exception_parts(exception);
        let who = self.who(exception.who.as_ref());
        let when = match when_and_unless(exception.when.as_ref(), exception.unless.as_ref()) {
            Some(when) => self.whole_condition(&when, Reads::Now),
            None => Some(everything()),
        };
        let on = self.on(exception.on.as_ref());
        let on = self.fitting(exception.on.as_ref(), None, on);
        let kind = self.protocol(exception.on.as_ref(), on.as_ref());
        let until = exception.until.as_ref()?;
        let end = self.end(until)?;
        self.has_not_ended(exception, until, end);
        let before_the_end = self.before(end)?;
        let on = target(self, on.as_ref()?);
        let condition = all(vec![kind?, on, who?, when?, before_the_end]);
        let condition = self.expanded("exception", &exception.name, condition)?;
        whole?;
        Some(Lowered::Exception(Box::new(Exception {
            rule: rule?,
            condition,
            because: exception.because.as_ref()?.node.clone(),
            owner: exception.owner.as_ref()?.node.clone(),
            until: until.node.clone(),
        })))
    }

    /// The rule that an exception can narrow, by qualified name.
    fn narrowed(&mut self, name: &Name) -> Option<String> {
        let table = rules(self.db, self.inputs);
        let (full, rule) = self.lookup(table, name, "rule", &[])?;
        let (does, help) = match rule?.effect {
            EffectKind::Block | EffectKind::RequireApproval => return Some(full),
            EffectKind::Mask => ("masks", "narrow the rule itself: `who everyone except ...`"),
            EffectKind::Limit => (
                "limits",
                "narrow the rule itself: `who everyone except ...`",
            ),
            _ => (
                "allows",
                "write a rule that blocks what shall not be allowed",
            ),
        };
        let message = format!("`{}` is not a rule that can have exceptions", name.node);
        self.report(
            Problem::new(Code::NotNarrowable, message, name.span, does).help(format!(
                "exceptions are to rules that block or require approval; {help}"
            )),
        );
        None
    }

    /// Reports what an exception does not say.
    fn exception_parts(&mut self, exception: &ast::Exception) -> Option<()> {
        let says = |text: &Option<Spanned<String>>| text.is_some();
        let narrow = exception.when.is_some()
            || exception.unless.is_some()
            || !matches!(exception.who, None | Some(Who::Everyone(_)))
            || !matches!(exception.on, None | Some(On::Any(_)));
        let parts = [
            (
                "`who`, `on` or `when`, since it cannot lift all of its rule",
                narrow,
            ),
            ("`because \"...\"`", says(&exception.because)),
            ("`owner \"...\"`", says(&exception.owner)),
            ("`until YYYY-MM-DD`", says(&exception.until)),
        ];
        let missing: Vec<&str> = parts
            .iter()
            .filter(|(_, there)| !there)
            .map(|(part, _)| *part)
            .collect();
        if missing.is_empty() {
            let because = exception.because.as_ref()?;
            let owner = exception.owner.as_ref()?;
            let (reasoned, owned) = (self.has_words(because), self.has_owner(owner));
            return (reasoned && owned).then_some(());
        }
        if exception.complete {
            let name = &exception.name;
            let message = format!("exception `{}` is not complete", name.node);
            self.report(
                Problem::new(Code::ExceptionParts, message, name.span, "this exception")
                    .help(format!("add {}", missing.join(" and "))),
            );
        }
        None
    }

    fn has_owner(&mut self, owner: &Spanned<String>) -> bool {
        let named = !owner.node.trim().is_empty();
        if !named {
            let message = "nobody answers for this exception";
            self.report(
                Problem::new(Code::ExceptionParts, message, owner.span, "empty")
                    .help("name the person or team that answers for it"),
            );
        }
        named
    }

    /// The first second behind the last day, in UTC.
    fn end(&mut self, until: &Spanned<String>) -> Option<i64> {
        let day = until.node.parse::<Date>().ok();
        let behind = day.and_then(|day| day.tomorrow().ok());
        let start = behind.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
        if start.is_none() {
            let message = format!("there is no day `{}`", until.node);
            self.report(
                Problem::new(Code::EndDay, message, until.span, "not in the calendar")
                    .help("write year, month and day: `until 2027-03-31`"),
            );
        }
        start.map(|start| start.timestamp().as_second())
    }

    fn has_not_ended(&mut self, exception: &ast::Exception, until: &Spanned<String>, end: i64) {
        if self.inputs.now(self.db).is_some_and(|now| now >= end) {
            let message = format!("exception `{}` has ended", exception.name.node);
            self.report(
                Problem::new(Code::ExceptionEnded, message, until.span, "in the past")
                    .help("take it out, or have its owner agree to a later end"),
            );
        }
    }

    /// That the operation is decided before `end`.
    fn before(&self, end: i64) -> Option<Condition> {
        let (id, _) = self.vocabulary().lookup("time.now")?;
        Some(test(
            id,
            Predicate::Between(i64::MIN, end.saturating_sub(1)),
        ))
    }
}
