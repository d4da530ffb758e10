//! What is left of a policy on one connection: the rules that can apply there, and the picture of what is asked on the way to
//! the verdict. What `hpol graph` limits beside that stands in [`super`].

use std::collections::BTreeSet;

use hpol_bundle::policy::{Connection, Policy, RuleId};
use hpol_bundle::program::dag::{Budget, Dag, Output};
use hpol_bundle::program::lower::lower;
use hpol_bundle::program::{Program, Role};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use super::{Scope, cards, svg};

/// A policy on one connection.
pub(crate) struct There {
    /// Without what is settled there; rules keep their places.
    policy: Policy,
    program: Program,
    kind: Protocol,
    title: String,
}

impl There {
    /// What is left of `policy` on `connection`.
    ///
    /// # Errors
    /// In words: it does not compile.
    pub(crate) fn of(
        policy: &Policy,
        vocabulary: &Vocabulary,
        connection: &Connection,
    ) -> Result<There, String> {
        There::in_scope(policy, vocabulary, Scope::on(connection, vocabulary))
    }

    /// What is left of `policy` on connections of a kind that it does not name. Rules for names that begin alike are taken to be
    /// for those that it names.
    ///
    /// # Errors
    /// In words: it does not compile.
    pub(crate) fn elsewhere(
        policy: &Policy,
        vocabulary: &Vocabulary,
        kind: Protocol,
    ) -> Result<There, String> {
        There::in_scope(policy, vocabulary, Scope::elsewhere(kind, vocabulary))
    }

    fn in_scope(policy: &Policy, vocabulary: &Vocabulary, scope: Scope) -> Result<There, String> {
        let policy = scope.assumptions.specialise(policy.clone());
        let program = lower(&policy, vocabulary).map_err(|fault| fault.to_string())?;
        Ok(There {
            policy,
            program,
            kind: scope.kind,
            title: format!("verdict: {}", scope.words.join(", ")),
        })
    }

    /// The rules that can apply there.
    pub(crate) fn rules(&self) -> BTreeSet<RuleId> {
        let Some(shard) = self.program.shard(self.kind) else {
            return BTreeSet::new();
        };
        let clauses = (0..shard.len()).filter_map(|bit| shard.clause(bit));
        let of_rules =
            clauses.filter(|clause| !matches!(clause.role, Role::Exception | Role::Doubt));
        of_rules.map(|clause| clause.rule()).collect()
    }

    /// The verdict on what is asked for there, as a picture.
    ///
    /// # Errors
    /// In words: there is too much to be drawn.
    pub(crate) fn picture(&self, vocabulary: &Vocabulary) -> Result<String, String> {
        let dag = Dag::of(&self.program, self.kind, Budget::default());
        let dag = dag.ok_or("the policy has no such connections")?;
        let description = dag.describe(&self.program, &self.policy, vocabulary);
        let cards = cards::of(&description.only(&[Output::Verdict]));
        if cards.len() > svg::MAX_CARDS {
            let (found, most) = (cards.len(), svg::MAX_CARDS);
            return Err(format!(
                "the picture would have {found} boxes, and {most} are drawn at most: \
                 `hpol graph --connection ... --group ...` draws parts of it"
            ));
        }
        Ok(svg::draw(&cards, 1, &self.title))
    }
}
