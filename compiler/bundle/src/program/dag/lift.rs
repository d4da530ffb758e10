//! What exceptions do to what is left on the way down a diagram. An exception that is certain takes its rule out; as long
//! as one is possible, nothing of its rule is certain.

use std::collections::BTreeSet;

use crate::policy::RuleId;
use crate::program::{Clause, Program, Role, Shard};

use super::state::{Bits, meet, of};

/// The exceptions of a shard, by the rules that they lift.
pub(super) struct Lifts(Vec<Lift>);

/// A rule with exceptions.
struct Lift {
    /// The clauses of its exceptions.
    by: Bits,
    /// What they take out.
    out: Bits,
}

impl Lifts {
    pub(super) fn of(program: &Program, shard: &Shard) -> Lifts {
        let is_of = |clause: &Clause, role: Role, rule: RuleId| {
            clause.role == role && program.lifted(clause) == Some(rule)
        };
        let lift = |rule: RuleId| {
            // What is possible takes the grant, what is certain all of the rule.
            let possible = Lift {
                by: of(shard, |clause| is_of(clause, Role::Doubt, rule)),
                out: of(shard, |clause| {
                    clause.role == Role::ApprovalGrants && clause.rule() == rule
                }),
            };
            let certain = Lift {
                by: of(shard, |clause| is_of(clause, Role::Exception, rule)),
                out: of(shard, |clause| {
                    let own = !matches!(clause.role, Role::Exception | Role::Doubt | Role::Member);
                    own && clause.rule() == rule
                }),
            };
            [certain, possible]
        };
        let exceptions = shard.clauses.iter();
        let exceptions = exceptions.filter(|clause| clause.role == Role::Exception);
        let rules: BTreeSet<RuleId> = exceptions.filter_map(|one| program.lifted(one)).collect();
        Lifts(rules.into_iter().flat_map(lift).collect())
    }

    /// Takes out of `live` the rules that an exception which is `done` lifts, and the exceptions with nothing left to lift.
    pub(super) fn settle(&self, live: &mut Bits, done: &Bits) {
        for Lift { by, out } in &self.0 {
            let certain = by.iter().zip(done).map(|(by, done)| by & done);
            if meet(&certain.collect::<Bits>(), live) {
                take(live, out);
            }
            if !meet(out, live) {
                take(live, by);
            }
        }
    }

    /// Takes out of `done` what is open as long as exceptions are `live`, and the exceptions.
    pub(super) fn open(&self, live: &Bits, done: &mut Bits) {
        for Lift { by, out } in self.0.iter().filter(|lift| meet(&lift.by, live)) {
            take(done, out);
            take(done, by);
        }
    }
}

fn take(bits: &mut Bits, out: &Bits) {
    bits.iter_mut()
        .zip(out)
        .for_each(|(bits, out)| *bits &= !out);
}
