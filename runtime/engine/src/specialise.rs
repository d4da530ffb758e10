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
    let (fingerprint, unknown) = (program.fingerprint(), session.unknown());
    let Some(shard) = program.shard(kind) else {
        return SessionGraph {
            fingerprint,
            kind,
            words: Words::default(),
            hits: 0,
            unknown,
        };
    };
    let mut words = Words::all(shard);
    let mut hits = vec![0; evaluate::hits_needed(shard, words.len())];
    evaluate::narrow(
        program,
        shard,
        Some(Phase::Session),
        session,
        &mut words,
        &mut hits,
    );
    words.compact();
    let hits = evaluate::hits_needed(shard, words.len());
    SessionGraph {
        fingerprint,
        kind,
        words,
        hits,
        unknown,
    }
}

#[cfg(test)]
mod tests {
    use hpol_bundle::facts::{Fact, Value};
    use hpol_bundle::policy::{Condition, Effect, Policy, Predicate, Rule, Source, Test};
    use hpol_bundle::program::lower::lower;
    use hpol_bundle::vocabulary::Vocabulary;

    use super::*;

    /// One rule for each of 640 subjects.
    #[test]
    fn a_session_keeps_only_the_words_that_can_still_match() {
        let (fact, _) = Vocabulary::builtin().lookup("subject.id").unwrap();
        let rule = |index: usize| Rule {
            name: format!("p.r{index:03}"),
            title: String::new(),
            because: String::new(),
            claims: vec![],
            condition: Condition::Test(Test {
                fact,
                default: None,
                predicate: Predicate::In(vec![format!("agent-{index}").into()]),
            }),
            effect: Effect::Allow,
            source: Source::default(),
        };
        let policy = Policy {
            rules: (0..640).map(rule).collect(),
            ..Policy::default()
        };
        let program = lower(&policy, Vocabulary::builtin()).unwrap();
        let words = |subject: &str| {
            let mut facts = Facts::new();
            facts.set(fact, Fact::Known(Value::Text(subject.into())));
            specialise(&program, Protocol::Postgres, &facts).words.len()
        };
        assert_eq!((words("agent-7"), words("stranger")), (1, 0));
    }
}
