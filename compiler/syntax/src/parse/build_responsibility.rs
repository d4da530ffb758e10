//! Builds statements about controls that somebody else covers.

use pest::iterators::Pairs;

use super::build::Builder;
use crate::ast::Responsibility;
use crate::grammar::Rule;

impl Builder {
    pub(super) fn responsibility(&mut self, parts: Pairs<'_, Rule>) -> Option<Responsibility> {
        let mut controls = Vec::new();
        let mut texts = Vec::new();
        for part in parts {
            match part.as_rule() {
                Rule::control => controls.push(self.control(&part)),
                Rule::string => texts.push(self.string(&part)),
                _ => {}
            }
        }
        let mut texts = texts.into_iter();
        Some(Responsibility {
            controls,
            who: texts.next()?,
            because: texts.next()?,
        })
    }
}
