//! Shards: which clauses can apply together, in which order, and the tables over them.

use crate::decision::Would;
use crate::facts::Value;
use crate::policy::{Condition, Effect, Policy, Rule};
use crate::vocabulary::{Fact, FactId, Protocol};

use super::histories::Histories;
use super::normal::{Ask, Atom, Conjunction};
use super::rows::{Form, Holds, PlaneOfBits};
use super::{Normal, index32};
use crate::program::history::Looking;
use crate::program::{Clause, Field, Role, Shard, Table};

/// What the shards are made from.
pub(super) struct Shards<'a> {
    pub(super) policy: &'a Policy,
    pub(super) normal: &'a Normal<'a>,
    pub(super) fields: &'a [Field],
    pub(super) histories: &'a Histories<'a>,
    /// For each rule that requires a justification, that one was given.
    pub(super) given: &'a [Option<Condition>],
    /// The fact that tells the kind of a connection, if the vocabulary has it.
    pub(super) kind: Option<(FactId, &'a Fact)>,
}

/// A clause and what it asks.
type Line<'a> = (Clause, Conjunction<'a>);

impl<'a> Shards<'a> {
    /// The rules that can apply on connections of `kind`. Since the kind is constant there, nothing asks for it.
    pub(super) fn of_kind(&self, kind: Protocol) -> Shard {
        let mut lines = self.exceptions(kind, Role::Exception);
        lines.extend(self.exceptions(kind, Role::Doubt));
        for role in [
            Role::Block,
            Role::ApprovalRestricts,
            Role::ApprovalGrants,
            Role::Allow,
            Role::Mask,
            Role::Limit,
        ]
        .into_iter()
        .chain(Would::ALL.map(Role::Observed))
        {
            for (owner, (rule, conjunctions)) in
                (0..).zip(self.policy.rules.iter().zip(&self.normal.rules))
            {
                if has_role(rule, role) {
                    let possible = conjunctions
                        .iter()
                        .filter_map(|conjunction| self.given_kind(conjunction, kind));
                    let possible = possible.map(|mut conjunction| {
                        conjunction.atoms.extend(self.justified(owner, role));
                        conjunction
                    });
                    lines.extend(possible.map(|conjunction| (Clause { role, owner }, conjunction)));
                }
            }
        }
        self.shard(&lines)
    }

    /// What a rule that requires a justification asks beside its condition: it grants with one, and blocks without.
    fn justified(&self, owner: u32, role: Role) -> Option<Atom<'a>> {
        let Some(Condition::Test(test)) = self.given.get(owner as usize)?.as_ref() else {
            return None;
        };
        let negated = matches!(role, Role::Block | Role::Observed(Would::Block));
        let ask = Ask::Whole { negated };
        Some(Atom { test, ask })
    }

    /// The exceptions that can apply on connections of `kind`.
    fn exceptions(&self, kind: Protocol, role: Role) -> Vec<Line<'a>> {
        let exceptions = self.policy.exceptions.iter().zip(&self.normal.exceptions);
        let exceptions = (0..).zip(exceptions).filter(|(_, (exception, _))| {
            let rule = self.policy.rules.get(exception.rule.0 as usize);
            role == Role::Exception || rule.is_some_and(|rule| has_role(rule, Role::ApprovalGrants))
        });
        let lines = exceptions.flat_map(|(owner, (_, conjunctions))| {
            let clause = Clause { role, owner };
            let possible = conjunctions.iter();
            let possible = possible.filter_map(|one| self.given_kind(one, kind));
            possible.map(move |conjunction| (clause, conjunction))
        });
        lines.collect()
    }

    /// The groups.
    pub(super) fn of_groups(&self) -> Shard {
        let groups = (0..)
            .zip(&self.normal.groups)
            .flat_map(|(owner, conjunctions)| {
                let clause = Clause {
                    role: Role::Member,
                    owner,
                };
                conjunctions
                    .iter()
                    .map(move |conjunction| (clause, conjunction.clone()))
            });
        self.shard(&groups.collect::<Vec<Line<'a>>>())
    }

    /// The filters of the measurements: what certainly counts, and what may.
    pub(super) fn of_filters(&self) -> Shard {
        let mut lines = Vec::new();
        for role in [Role::Counts, Role::MayCount] {
            for (owner, conjunctions) in (0..).zip(&self.normal.filters) {
                let clause = Clause { role, owner };
                lines.extend(conjunctions.iter().map(|found| (clause, found.clone())));
            }
        }
        self.shard(&lines)
    }

    /// What is left of `conjunction` on connections of `kind`; `None` if it cannot hold there.
    fn given_kind(&self, conjunction: &Conjunction<'a>, kind: Protocol) -> Option<Conjunction<'a>> {
        let value = Value::Text(kind.as_str().into());
        let (of_kind, rest): (Vec<Atom<'a>>, Vec<Atom<'a>>) = conjunction
            .atoms
            .iter()
            .partition(|atom| self.kind.is_some_and(|(id, _)| atom.fact() == id));
        of_kind
            .iter()
            .all(|atom| atom.holds(&value))
            .then(|| Conjunction {
                atoms: rest,
                looks: conjunction.looks.clone(),
            })
    }

    fn shard(&self, lines: &[Line<'a>]) -> Shard {
        let mut asked: Vec<Vec<(usize, Form, &Atom<'a>)>> = vec![Vec::new(); self.fields.len()];
        for (bit, (clause, conjunction)) in lines.iter().enumerate() {
            for atom in &conjunction.atoms {
                let field = self
                    .fields
                    .binary_search_by_key(&atom.fact(), |field| field.fact);
                if let Some(asked) = field.ok().and_then(|field| asked.get_mut(field)) {
                    asked.push((bit, form(clause.role), atom));
                }
            }
        }
        let tables = asked
            .iter()
            .zip(self.fields)
            .enumerate()
            .filter(|(_, (asked, _))| !asked.is_empty());
        let tables = tables
            .map(|(index, (asked, field))| table(index, field, asked, lines.len()))
            .collect();
        let looking = (0..).zip(lines).flat_map(|(bit, (_, conjunction))| {
            let looks = conjunction.looks.iter();
            looks.filter_map(move |atom| {
                let look = self.histories.look(atom)?;
                Some(Looking { bit, look })
            })
        });
        let mut looking: Vec<Looking> = looking.collect();
        looking.sort_unstable();
        looking.dedup();
        Shard {
            clauses: lines.iter().map(|(clause, _)| *clause).collect(),
            tables,
            looking,
        }
    }
}

fn has_role(rule: &Rule, role: Role) -> bool {
    let would = match role {
        Role::Observed(would) => would,
        Role::Block => Would::Block,
        Role::ApprovalRestricts | Role::ApprovalGrants => Would::RequireApproval,
        Role::Allow => Would::Allow,
        Role::Mask => Would::Mask,
        Role::Limit => Would::Limit,
        Role::Exception | Role::Doubt | Role::Member | Role::Counts | Role::MayCount => {
            return false;
        }
    };
    rule.observe == matches!(role, Role::Observed(_)) && does(&rule.effect, would)
}

fn does(effect: &Effect, would: Would) -> bool {
    match effect {
        Effect::Allow { rows } => {
            would == Would::Allow || (would == Would::Limit && rows.is_some())
        }
        Effect::Block { .. } => would == Would::Block,
        Effect::RequireApproval { .. } => would == Would::RequireApproval,
        Effect::RequireJustification { .. } => matches!(would, Would::Allow | Would::Block),
        Effect::Mask { .. } => would == Would::Mask,
        Effect::Limit { .. } => would == Would::Limit,
    }
}

/// How what is unknown counts.
fn form(role: Role) -> Form {
    match role.unknown_holds() {
        true => Form::May,
        false => Form::Must,
    }
}

/// The table of one field; `asked` ascends by bit.
fn table(index: usize, field: &Field, asked: &[(usize, Form, &Atom<'_>)], clauses: usize) -> Table {
    let mut every = PlaneOfBits::new(clauses);
    let mut some: Vec<PlaneOfBits> = Vec::new();
    for asked in asked.chunk_by(|(left, ..), (right, ..)| left == right) {
        let mut of_every: Option<Holds> = None;
        let mut of_some = 0;
        for (bit, form, atom) in asked {
            let holds = Holds::of(atom, *form, &field.values);
            if let Ask::Some { .. } = atom.ask {
                if some.len() == of_some {
                    some.push(PlaneOfBits::new(clauses));
                }
                if let Some(plane) = some.get_mut(of_some) {
                    plane.ask(*bit, &holds);
                }
                of_some += 1;
            } else {
                of_every = Some(of_every.map_or(holds.clone(), |others| others.and(&holds)));
            }
        }
        if let (Some(holds), Some((bit, ..))) = (of_every, asked.first()) {
            every.ask(*bit, &holds);
        }
    }
    let classes = field.values.classes();
    Table {
        field: index32(index),
        every: every.finish(classes),
        some: some
            .into_iter()
            .map(|plane| plane.finish(classes))
            .collect(),
    }
}
