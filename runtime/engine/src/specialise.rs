//! What a session leaves of a program: the facts of the session are constant, so their part is done once.

use hpol_bundle::facts::{FactSet, Facts};
use hpol_bundle::program::Program;
use hpol_bundle::vocabulary::{Phase, Protocol};

use crate::evaluate::{self, Words};

/// What one session leaves of a program. Belongs to the program it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionGraph {
    pub(crate) fingerprint: u64,
    pub(crate) kind: Protocol,
    pub(crate) words: Words,
    pub(crate) hits: usize,
    pub(crate) unknown: FactSet,
}

/// Evaluates everything that depends on the facts of a session only. `kind` is the protocol of the session's
/// connection; it stands for the fact `connection.kind`, which is not read. Facts of operations are not read either.
#[must_use]
pub fn specialise(program: &Program, kind: Protocol, session: &Facts) -> SessionGraph {
    let mut words = Words::default();
    let mut needed = 0;
    if let Some(shard) = program.shard(kind) {
        words = Words::all(shard);
        let mut hits = vec![0; evaluate::hits_needed(shard, words.len())];
        for table in shard.tables() {
            match program.fields().get(table.field()) {
                Some(field) if field.phase == Phase::Session => {
                    evaluate::narrow(table, field, session, &mut words, &mut hits);
                }
                _ => {}
            }
        }
        words.compact();
        needed = evaluate::hits_needed(shard, words.len());
    }
    SessionGraph {
        fingerprint: program.fingerprint(),
        kind,
        words,
        hits: needed,
        unknown: session.unknown(),
    }
}
