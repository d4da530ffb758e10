//! From a statement and its parameters to an operation the door can judge, and what the relay asks about it. What SQL means
//! is `hpol_operation`'s.

mod carrier;
mod exposed;
mod reader;
mod refused;

use std::sync::Arc;

use aws_lc_rs::digest;
use hpol_operation::sql::{Catalogue, Format, Parameter, SessionEffect, SqlAnalysis, Verb};
use hpol_operation::{Class, Operation};
use hpol_session::Vocabulary;

use crate::codec::frontend::Bind;
use crate::states::naming::Kept;
use crate::states::prepared::{PortalId, Statement};
use exposed::Exposed;

pub(crate) use reader::Reader;
pub(crate) use refused::{is_forbidden, not_accepted, shown};

/// A text that was understood, and the catalogue it was understood by.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) analysis: Arc<SqlAnalysis>,
    pub(crate) catalogue: Arc<Catalogue>,
    /// The catalogue has changed since it was read, and could not be read again yet.
    pub(crate) stale: bool,
    /// What the names of statements and cursors that it uses stand for.
    pub(crate) names: Arc<[NameUse]>,
    /// What it makes that is judged again later, in order.
    pub(crate) kept: Arc<[Kept]>,
    /// What is found out about it beside.
    pub(crate) exposed: Arc<Exposed>,
}

/// What a name stood for when a text that uses it was read.
#[derive(Debug, Clone)]
pub(crate) enum NameUse {
    Statement(String, Arc<Statement>),
    Portal(String, PortalId),
}

impl Reading {
    /// Whether it gives every setting the value of the session's start, so that what the gateway has set has to be set
    /// again.
    pub(crate) fn resets_all(&self) -> bool {
        self.analysis
            .effects()
            .iter()
            .any(SessionEffect::resets_all)
    }

    /// Whether it may undo what was set before it in the transaction.
    pub(crate) fn may_roll_back(&self) -> bool {
        let mut effects = self.analysis.effects().iter();
        effects.any(|effect| {
            matches!(
                effect,
                SessionEffect::Commit | SessionEffect::Rollback | SessionEffect::Savepoint
            )
        })
    }

    /// Whether it ends a transaction, which materialises its cursors that outlive it and checks what was put off.
    pub(crate) fn commits(&self) -> bool {
        let mut effects = self.analysis.effects().iter();
        effects.any(|effect| matches!(effect, SessionEffect::Commit))
    }

    /// The cursor that it fetches from, if it uses one.
    pub(crate) fn cursor(&self) -> Option<PortalId> {
        self.names.iter().find_map(|name| match name {
            NameUse::Portal(_, id) => Some(*id),
            NameUse::Statement(..) => None,
        })
    }

    /// Whether it makes, uses or drops names of statements or cursors, or listens.
    pub(crate) fn concerns_names(&self) -> bool {
        let effects = self.analysis.effects();
        effects.iter().any(SessionEffect::concerns_names)
            || !self.analysis.uses().is_empty()
            || self.listens()
    }

    /// Whether it runs a prepared statement by its name.
    pub(crate) fn executes(&self) -> bool {
        let mut names = self.names.iter();
        names.any(|name| matches!(name, NameUse::Statement(..)))
    }

    pub(crate) fn listens(&self) -> bool {
        let mut effects = self.analysis.effects().iter();
        effects.any(|effect| matches!(effect, SessionEffect::Listen { .. }))
    }

    /// Whether it is one command that begins or ends a transaction, or nothing at all.
    pub(crate) fn is_transaction_control(&self) -> bool {
        let verbs = &self.analysis.verbs();
        self.analysis.statements() <= 1
            && verbs.complete
            && verbs.known.iter().all(|verb| *verb == Verb::TRANSACTION)
    }

    /// The operation of a simple query, or of a statement that is only prepared.
    pub(crate) fn operation(&self) -> Operation {
        self.analysis.operation(&[], Vocabulary::builtin())
    }

    /// The operation of running the statement with the parameters of `bind`, which a cursor keeps.
    pub(crate) fn bind(&mut self, bind: &Bind<'_>, parameter_types: &[u32]) -> Operation {
        if !self.kept.is_empty() {
            let kept = self.kept.iter().map(|kept| Kept {
                operation: kept.reading.bound(bind, parameter_types),
                reading: kept.reading.clone(),
            });
            self.kept = kept.collect();
        }
        self.bound(bind, parameter_types)
    }

    fn bound(&self, bind: &Bind<'_>, parameter_types: &[u32]) -> Operation {
        let values = bind.parameters.iter().enumerate();
        let parameters: Vec<Parameter<'_>> = values
            .map(|(index, value)| Parameter {
                type_oid: parameter_types.get(index).copied().unwrap_or(0),
                format: if bind.is_binary(index) {
                    Format::Binary
                } else {
                    Format::Text
                },
                value: *value,
            })
            .collect();
        self.analysis.operation(&parameters, Vocabulary::builtin())
    }

    /// Whether it names relations that the catalogue does not know, as when another session has created them meanwhile.
    pub(crate) fn names_unknown(&self) -> bool {
        let (reads, writes) = (self.analysis.reads(), self.analysis.writes());
        // What a statement creates is not known before it.
        let writes = (!self.changes_catalogue()).then_some(writes);
        !reads.complete
            || writes.is_some_and(|writes| !writes.complete)
            || reads
                .known
                .iter()
                .chain(writes.into_iter().flat_map(|writes| &writes.known))
                .any(|name| !self.knows(name))
    }

    /// A schema's or relation's own name may hold dots, so every split is tried.
    fn knows(&self, qualified: &str) -> bool {
        qualified.match_indices('.').any(|(dot, _)| {
            let (schema, name) = (qualified.get(..dot), qualified.get(dot + 1..));
            matches!((schema, name), (Some(schema), Some(name)) if self.catalogue.relation(schema, name).is_some())
        })
    }

    /// Whether it can change what the catalogue says.
    pub(crate) fn changes_catalogue(&self) -> bool {
        const CHANGING: [Verb; 6] = [
            Verb::CREATE,
            Verb::ALTER,
            Verb::DROP,
            Verb::DO,
            Verb::CALL,
            Verb::OTHER,
        ];
        let verbs = self.analysis.verbs();
        !verbs.complete || CHANGING.iter().any(|verb| verbs.known.contains(verb))
    }

    /// Whether it is one SELECT that changes nothing.
    pub(crate) fn only_selects(&self) -> bool {
        let verbs = self.analysis.verbs();
        let selects = verbs.complete && verbs.known.iter().all(|verb| *verb == Verb::SELECT);
        selects && self.analysis.statements() == 1 && self.analysis.class() == Class::Read
    }

    pub(crate) fn is_copy(&self) -> bool {
        self.analysis.verbs().known.contains(&Verb::COPY)
    }
}

/// SHA-256 of something that could not be analysed, for its record.
pub(crate) fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    // SHA-256 is 32 bytes long, so both are of one length.
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}
