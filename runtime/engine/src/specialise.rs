//! What a session leaves of a program: the facts of the session are constant, so their part is done once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hpol_bundle::facts::{FactSet, Facts};
use hpol_bundle::program::{Program, Shard};
use hpol_bundle::vocabulary::Protocol;

use crate::evaluate::{self, Read, Words};
use crate::residual::{self, Residual};

/// What one session leaves of a program. Belongs to the program it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionGraph {
    pub(crate) fingerprint: u64,
    pub(crate) kind: Protocol,
    pub(crate) rest: Arc<Rest>,
    /// The same of the filters of measurements.
    pub(crate) filters: Arc<Rest>,
    pub(crate) unknown: FactSet,
}

/// What is left to be evaluated for each operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rest {
    /// On its own.
    Packed(Residual),
    /// Over the tables of the program, where much is left; `hits` is the room that the largest table takes.
    Wide { left: Words, hits: usize },
}

/// Evaluates everything that depends on the facts of a session only. `kind` is the protocol of the session's
/// connection; it stands for the fact `connection.kind`, which is not read. Facts of operations are not read either.
///
/// Takes time and memory in proportion to the rules that can still match, and some for each constant of the policy; who
/// opens many sessions keeps [`Residuals`].
#[must_use]
pub fn specialise(program: &Program, kind: Protocol, session: &Facts) -> SessionGraph {
    Residuals::new(0).specialise(program, kind, session)
}

/// What sessions left of programs, to be shared by sessions that leave the same: a thousand agents whom no rule tells
/// apart have one graph between them.
#[derive(Debug)]
pub struct Residuals {
    capacity: usize,
    limit: usize,
    known: HashMap<Arc<Key>, Arc<Rest>>,
    /// The keys, oldest first.
    order: VecDeque<Arc<Key>>,
}

/// The classes of a session's facts matter only by the clauses that they leave.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    fingerprint: u64,
    of: Of,
    left: Words,
}

/// What was specialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Rules(Protocol),
    Filters,
}

impl Residuals {
    /// Bytes that a session's own graph takes at most, unless said otherwise: what concerns one session rarely takes a
    /// tenth of it.
    pub const PACKED_BYTES: usize = 32 * 1024;

    /// Keeps at most `capacity` of them; the oldest goes first. Sessions keep what they have.
    #[must_use]
    pub fn new(capacity: usize) -> Residuals {
        Residuals {
            capacity,
            limit: Self::PACKED_BYTES,
            known: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Lets a graph of its own take `bytes` at most. A session that needs more is evaluated over the tables of the
    /// program: slower, and with the same decisions.
    #[must_use]
    pub fn packing_at_most(self, bytes: usize) -> Residuals {
        Residuals {
            limit: bytes,
            ..self
        }
    }

    /// As [`specialise`], but shares what a session before has left.
    #[must_use]
    pub fn specialise(
        &mut self,
        program: &Program,
        kind: Protocol,
        session: &Facts,
    ) -> SessionGraph {
        SessionGraph {
            fingerprint: program.fingerprint(),
            kind,
            rest: self.rest(program, Of::Rules(kind), program.shard(kind), session),
            filters: self.rest(program, Of::Filters, Some(program.filters()), session),
            unknown: session.unknown(),
        }
    }

    fn rest(
        &mut self,
        program: &Program,
        of: Of,
        shard: Option<&Shard>,
        session: &Facts,
    ) -> Arc<Rest> {
        let Some(shard) = shard.filter(|shard| !shard.is_empty()) else {
            return Arc::new(Rest::Wide {
                left: Words::default(),
                hits: 0,
            });
        };
        let key = Key {
            fingerprint: program.fingerprint(),
            of,
            left: evaluate::left(program, shard, Read::Session, session),
        };
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let packed = residual::build(program, shard, &key.left, self.limit);
        let wide = || Rest::Wide {
            left: key.left.clone(),
            hits: evaluate::hits_needed(shard, key.left.len()),
        };
        let rest = Arc::new(packed.map_or_else(wide, Rest::Packed));
        self.keep(key, &rest);
        rest
    }

    fn keep(&mut self, key: Key, rest: &Arc<Rest>) {
        if self.capacity == 0 {
            return;
        }
        while self.order.len() >= self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let key = Arc::new(key);
        self.order.push_back(Arc::clone(&key));
        self.known.insert(key, Arc::clone(rest));
    }
}

#[cfg(test)]
mod tests {
    use hpol_bundle::facts::{Fact, Value};
    use hpol_bundle::policy::{Condition, Effect, Policy, Predicate, Rule, Source, Test};
    use hpol_bundle::program::lower::lower;
    use hpol_bundle::vocabulary::{FactId, Vocabulary};

    use super::*;

    /// One rule for each of 640 subjects.
    fn program() -> Program {
        let rule = |index: usize| Rule {
            name: format!("p.r{index:03}"),
            title: String::new(),
            because: String::new(),
            claims: vec![],
            condition: Condition::Test(Test {
                fact: subject(),
                default: None,
                predicate: Predicate::In(vec![format!("agent-{index}").into()]),
            }),
            effect: Effect::ALLOW,
            observe: false,
            source: Source::default(),
        };
        let policy = Policy {
            rules: (0..640).map(rule).collect(),
            ..Policy::default()
        };
        lower(&policy, Vocabulary::builtin()).unwrap()
    }

    fn subject() -> FactId {
        Vocabulary::builtin().lookup("subject.id").unwrap().0
    }

    fn facts(subject_id: &str) -> Facts {
        let mut facts = Facts::new();
        facts.set(subject(), Fact::Known(Value::Text(subject_id.into())));
        facts
    }

    #[test]
    fn a_session_keeps_only_the_clauses_that_can_still_match() {
        let program = program();
        let clauses = |subject: &str| {
            let session = specialise(&program, Protocol::Postgres, &facts(subject));
            match &*session.rest {
                Rest::Packed(residual) => residual.len(),
                Rest::Wide { .. } => panic!("not packed"),
            }
        };
        assert_eq!((clauses("agent-7"), clauses("stranger")), (1, 0));
    }

    #[test]
    fn sessions_that_leave_the_same_share_it_within_bounds() {
        let program = program();
        let mut residuals = Residuals::new(2);
        let mut open = |subject: &str| {
            let session = residuals.specialise(&program, Protocol::Postgres, &facts(subject));
            (session.rest, residuals.known.len())
        };
        let (stranger, _) = open("stranger");
        let (other, known) = open("other stranger");
        assert!(Arc::ptr_eq(&stranger, &other) && known == 1);
        let (seventh, known) = open("agent-7");
        assert!(!Arc::ptr_eq(&stranger, &seventh) && known == 2);
        // The third one takes the place of the oldest.
        let (_, known) = open("agent-8");
        assert!(Arc::ptr_eq(&seventh, &open("agent-7").0) && known == 2);
        assert!(!Arc::ptr_eq(&stranger, &open("stranger").0));
    }

    #[test]
    fn a_session_that_would_take_too_much_is_left_to_the_program() {
        let program = program();
        let open = |bytes| {
            let mut residuals = Residuals::new(0).packing_at_most(bytes);
            residuals.specialise(&program, Protocol::Http, &facts("agent-7"))
        };
        assert!(matches!(&*open(1_000).rest, Rest::Packed(_)));
        assert!(matches!(&*open(1).rest, Rest::Wide { left, .. } if left.len() == 1));
    }
}
