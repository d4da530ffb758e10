//! The decision on one operation.

use hpol_bundle::decision::{Decision, Excepted, Observed, Verdict, Would};
use hpol_bundle::facts::Facts;
use hpol_bundle::policy::{ExceptionId, RuleId};
use hpol_bundle::program::{Clause, Program, Role};
use hpol_bundle::vocabulary::Protocol;

use crate::evaluate::{self, Read};
use crate::history::{self, Numbers, Unheard};
use crate::residual;
use crate::specialise::{Rest, SessionGraph};

/// Memory for a decision, used again for the next. It grows to what the largest decision needs and carries nothing over.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    packed: residual::Room,
    wide: evaluate::Room,
    /// Rules that do not grant, since an exception to them is possible.
    doubted: Vec<RuleId>,
}

impl Scratch {
    /// With room for the decisions of `session`.
    #[must_use]
    pub fn new(session: &SessionGraph) -> Scratch {
        let mut scratch = Scratch::default();
        match &*session.rest {
            Rest::Packed(residual) => {
                scratch.packed = residual.room();
                scratch.doubted = Vec::with_capacity(residual.doubts());
            }
            Rest::Wide { left, hits } => {
                scratch.wide = evaluate::Room::new(left, *hits);
                scratch.doubted = Vec::with_capacity(left.len().saturating_mul(64));
            }
        }
        scratch
    }
}

/// Decides one operation of `session` on the facts of the operation. Facts of the session were read when it was
/// specialised and are not read again.
///
/// `decision` is overwritten. Nothing is allocated if it was made with room for the rules of `program`, and `scratch`
/// for `session`. A session that was specialised for another program is decided like one that nothing allows: blocked.
/// Nothing is known of what happened before; see [`decide_given`].
pub fn decide(
    program: &Program,
    session: &SessionGraph,
    facts: &Facts,
    scratch: &mut Scratch,
    decision: &mut Decision,
) {
    decide_given(program, session, facts, &mut Unheard, scratch, decision);
}

/// As [`decide`], given what happened before.
pub fn decide_given(
    program: &Program,
    session: &SessionGraph,
    facts: &Facts,
    numbers: &mut impl Numbers,
    scratch: &mut Scratch,
    decision: &mut Decision,
) {
    reset(decision);
    decision.unknown = session.unknown.union(facts.unknown());
    if session.fingerprint != program.fingerprint() {
        return;
    }
    match (&*session.rest, program.shard(session.kind)) {
        (Rest::Packed(residual), _) => {
            let left = residual.left(facts, &mut scratch.packed);
            let left = left.filter(|(index, clause)| {
                history::holds(program, clause.role, residual.looks(*index), numbers)
            });
            let left = left.map(|(_, clause)| clause);
            report(program, left, &mut scratch.doubted, decision);
        }
        (Rest::Wide { left, .. }, Some(shard)) => {
            let left = scratch.wide.left_by_operation(program, shard, left, facts);
            let left = left.clauses_given(program, shard, numbers);
            report(program, left, &mut scratch.doubted, decision);
        }
        (Rest::Wide { .. }, None) => {}
    }
}

/// Decides one operation that belongs to no session, such as that of a policy's test: on the facts of session and
/// operation together. Allocates. Nothing is known of what happened before; see [`decide_once_given`].
#[must_use]
pub fn decide_once(program: &Program, kind: Protocol, facts: &Facts) -> Decision {
    decide_once_given(program, kind, facts, &mut Unheard)
}

/// As [`decide_once`], given what happened before.
#[must_use]
pub fn decide_once_given(
    program: &Program,
    kind: Protocol,
    facts: &Facts,
    numbers: &mut impl Numbers,
) -> Decision {
    let mut decision = Decision::with_capacity(program.rules());
    decision.unknown = facts.unknown();
    if let Some(shard) = program.shard(kind) {
        let left = evaluate::left(program, shard, Read::All, facts);
        let left = left.clauses_given(program, shard, numbers);
        report(program, left, &mut Vec::new(), &mut decision);
    }
    decision
}

fn reset(decision: &mut Decision) {
    let Decision {
        verdict,
        block,
        approve,
        allow,
        mask,
        limit,
        observed,
        excepted,
        unknown: _,
    } = decision;
    *verdict = Verdict::Block;
    [block, approve, allow, mask, limit]
        .into_iter()
        .for_each(Vec::clear);
    observed.clear();
    excepted.clear();
}

/// Reads the decision off the clauses that are left. They ascend by role and rule, and a rule can have several. Exceptions
/// come before the rules that they lift.
fn report<'a>(
    program: &Program,
    left: impl Iterator<Item = &'a Clause>,
    doubted: &mut Vec<RuleId>,
    decision: &mut Decision,
) {
    let mut granted = false;
    // How many of the exceptions have lifted a rule so far; they stand first.
    let mut used = 0;
    doubted.clear();
    for clause in left {
        match clause.role {
            Role::Exception => {
                let exception = ExceptionId(clause.owner);
                if let Some(rule) = program.lifted(clause) {
                    push(&mut decision.excepted, Excepted { rule, exception });
                }
            }
            Role::Doubt => doubted.extend(program.lifted(clause)),
            Role::Block | Role::ApprovalRestricts
                if lift(&mut decision.excepted, &mut used, clause.rule()) => {}
            Role::Observed(Would::Block | Would::RequireApproval)
                if is_lifted(&decision.excepted, clause.rule()) => {}
            Role::ApprovalGrants if doubted.contains(&clause.rule()) => {}
            Role::Block => push(&mut decision.block, clause.rule()),
            Role::ApprovalRestricts => push(&mut decision.approve, clause.rule()),
            Role::ApprovalGrants => granted = true,
            Role::Allow => push(&mut decision.allow, clause.rule()),
            Role::Mask => push(&mut decision.mask, clause.rule()),
            Role::Limit => push(&mut decision.limit, clause.rule()),
            Role::Observed(would) => {
                let rule = clause.rule();
                push(&mut decision.observed, Observed { would, rule });
            }
            Role::Member | Role::Counts | Role::MayCount => {}
        }
    }
    decision.excepted.truncate(used);
    decision.excepted.sort_unstable();
    granted |= !decision.allow.is_empty();
    decision.verdict = match (
        decision.block.is_empty(),
        granted,
        decision.approve.is_empty(),
    ) {
        (false, _, _) | (true, false, _) => Verdict::Block,
        (true, true, false) => Verdict::RequireApproval,
        (true, true, true) => Verdict::Allow,
    };
}

fn is_lifted(excepted: &[Excepted], rule: RuleId) -> bool {
    excepted.iter().any(|excepted| excepted.rule == rule)
}

/// Whether an exception lifts `rule`; moves those that do behind the others that are `used`.
fn lift(excepted: &mut [Excepted], used: &mut usize, rule: RuleId) -> bool {
    for index in *used..excepted.len() {
        if excepted.get(index).is_some_and(|one| one.rule == rule) {
            excepted.swap(*used, index);
            *used += 1;
        }
    }
    is_lifted(excepted, rule)
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.last() != Some(&item) {
        list.push(item);
    }
}
