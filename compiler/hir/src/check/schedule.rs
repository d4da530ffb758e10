//! Checks schedules, and resolves them where a condition names one.

use hpol_bundle::policy::{Condition, Predicate};
use hpol_bundle::vocabulary::{Derived, MAX_SCHEDULES, during};
use hpol_syntax::ast::{During, Name, Schedule};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;

use super::Checker;
use super::condition::{Reads, test};
use crate::lowered::Lowered;
use crate::schedule::lower;

impl Checker<'_> {
    pub(super) fn schedule(&mut self, schedule: &Schedule) -> Option<Lowered> {
        let package = self.scope.package(self.db);
        match lower(package, schedule) {
            Ok(_) => Some(Lowered::Schedule),
            Err(problems) => {
                let problems = problems.into_iter();
                problems.for_each(|problem| self.report(problem));
                None
            }
        }
    }

    /// `during office`.
    pub(super) fn during(&mut self, written: &During, reads: Reads) -> Option<Condition> {
        let symbols = self.symbols();
        let (full, found) = self.lookup(&symbols.schedules, &written.schedule, "schedule", &[])?;
        found?;
        let (id, fact) = match self.vocabulary().lookup(&during(&full)) {
            Some(found) => found,
            None => {
                self.left_out(&full, &written.schedule);
                return None;
            }
        };
        let fact_name = Spanned {
            node: fact.name.clone(),
            span: written.span,
        };
        self.reads(&fact_name, fact, reads)?;
        Some(test(id, Predicate::IsTrue))
    }

    /// Reports a schedule that is no fact: one with an error, which is reported there, or one too many.
    fn left_out(&mut self, full: &str, name: &Name) {
        let derived = self.vocabulary().derived();
        let schedules = derived.filter(|(_, derived)| matches!(derived, Derived::During(_)));
        if schedules.count() == MAX_SCHEDULES {
            let message = format!("`{full}` is one of more than {MAX_SCHEDULES} schedules");
            let problem = Problem::new(Code::TooLarge, message, name.span, "too many");
            self.report(problem.help("take out those that nothing uses"));
        }
    }
}
