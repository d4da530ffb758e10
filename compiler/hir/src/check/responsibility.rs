//! Checks a statement that somebody else covers controls.

use hpol_syntax::ast;
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;

use super::Checker;
use crate::lowered::{Lowered, Responsibility};

impl Checker<'_> {
    pub(super) fn responsibility(&mut self, found: &ast::Responsibility) -> Option<Lowered> {
        let controls: Vec<_> = found
            .controls
            .iter()
            .map(|name| self.control(name))
            .collect();
        let reasoned = self.has_words(&found.because);
        let named = found.who.node.chars().any(char::is_alphanumeric);
        if !named {
            let message = "nobody is responsible for these controls";
            self.report(
                Problem::new(
                    Code::NobodyResponsible,
                    message,
                    found.who.span,
                    "names nobody",
                )
                .help("name the team or the system that covers them"),
            );
        }
        let mut controls = controls.into_iter().collect::<Option<Vec<_>>>()?;
        controls.sort();
        controls.dedup();
        (reasoned && named).then(|| {
            Lowered::Responsibility(Responsibility {
                controls: controls.iter().map(|control| control.oscal()).collect(),
                who: found.who.node.clone(),
                because: found.because.node.clone(),
            })
        })
    }
}
