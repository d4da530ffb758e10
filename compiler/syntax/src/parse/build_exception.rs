//! Builds exceptions to rules.

use pest::iterators::{Pair, Pairs};

use super::build::{Builder, Outcome, put};
use crate::ast::Exception;
use crate::grammar::Rule;

impl Builder {
    /// Name and rule of an exception.
    pub(super) fn exception_head(&mut self, parts: &mut Pairs<'_, Rule>) -> Option<Exception> {
        let name = self.name(&parts.next()?);
        let rule = self.name(&parts.find(|part| part.as_rule() == Rule::path)?);
        Some(Exception {
            name,
            rule,
            who: None,
            on: None,
            when: None,
            unless: None,
            because: None,
            owner: None,
            until: None,
            complete: true,
        })
    }

    /// Adds a clause.
    pub(super) fn exception_clause(
        &mut self,
        exception: &mut Exception,
        pair: Pair<'_, Rule>,
    ) -> Outcome {
        let text = |builder: &mut Builder, pair: Pair<'_, Rule>| {
            pair.into_inner().nth(1).map(|text| builder.string(&text))
        };
        match pair.as_rule() {
            Rule::who_clause => put(&mut exception.who, self.who(pair)),
            Rule::on_clause => put(&mut exception.on, self.on(pair)),
            Rule::when_clause => put(&mut exception.when, self.clause_condition(pair)),
            Rule::unless_clause => put(&mut exception.unless, self.clause_condition(pair)),
            Rule::because_clause => put(&mut exception.because, text(self, pair)),
            Rule::owner_clause => put(&mut exception.owner, text(self, pair)),
            Rule::until_clause => {
                let day = pair.into_inner().nth(1).map(|day| self.name(&day));
                put(&mut exception.until, day)
            }
            _ => Outcome::Taken,
        }
    }
}
