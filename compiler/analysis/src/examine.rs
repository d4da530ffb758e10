//! What is odd about one policy: rules that nothing reaches or that change nothing, conditions that cannot hold or always do,
//! rules that get in each other's way. Whether that is wrong is for whoever asks.

mod alone;
mod effect;
mod pairs;

use hpol_bundle::facts::Facts;
use hpol_bundle::policy::{ClassId, GroupId, Policy, RuleId};
use hpol_bundle::program::lower::{LowerError, lower};
use hpol_bundle::program::{Clause, Program};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use crate::cube::Cube;
use crate::looks::Given;
use crate::search::{Budget, Found, OverBudget, Part, Question, Tags, Wanted, search};
use crate::space::{Point, Space};
use crate::words::{self, Sentence};

/// Pairs of rules that are held against each other; more are not analysed.
pub const MAX_PAIRS: usize = 20_000;

/// What was found in a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Examination {
    /// By rule, then by kind.
    pub findings: Vec<Finding>,
    /// What could not be settled. That there is no finding about it means nothing.
    pub not_analysed: Vec<NotAnalysed>,
}

/// Something odd about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// What is odd.
    pub what: What,
    /// An operation that shows it, where one can.
    pub witness: Option<Witness>,
}

/// What is odd about a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// No operation matches it, not even one with facts that could not be determined.
    Unreachable,
    /// No operation for which its condition is true; it matches only where facts could not be determined.
    Contradictory,
    /// The rule matches the same without the part of this index of its condition (`who`, `on` and each part of `when` that
    /// `and` joins, in order). For a rule that grants, a part that may be unknown where the others hold is not of this kind.
    PartAlwaysTrue {
        /// Position in the rule's condition, if that is [`hpol_bundle::policy::Condition::All`].
        part: usize,
    },
    /// Every operation that it matches is decided the same without it, by rules with a stronger effect. The witness matches.
    Shadowed {
        /// Those that decide the witness.
        by: Vec<RuleId>,
    },
    /// Every operation that it matches is decided the same without it, by rules of its own strength. The witness matches.
    Redundant {
        /// Those that decide the witness.
        with: Vec<RuleId>,
    },
    /// Every operation that it matches is refused without it too, since no rule grants it; so it changes nothing until one does.
    /// The witness matches.
    DeniedAnyway,
    /// It requires an approval, and whatever it matches is blocked. The witness matches.
    ApprovalDefeated {
        /// The rules that block the witness.
        by: Vec<RuleId>,
    },
    /// An operation takes the approval of this rule and that of another with other approvers.
    DifferentApprovers {
        /// The other rule.
        other: RuleId,
    },
    /// The one who asks can be among those who approve; their own vote does not count.
    RequesterMayApprove {
        /// The group.
        group: GroupId,
    },
    /// An operation is masked by this rule and by another, which hides the same class in another way.
    ConflictingMasks {
        /// The other rule.
        other: RuleId,
        /// What both hide.
        class: ClassId,
        /// The one that wins.
        stricter: RuleId,
    },
    /// It allows without asking who.
    AllowsEveryone,
    /// It allows without asking what.
    AllowsEverything,
    /// None of the rules that claim this control ever changes what is decided; this is the first of them.
    ControlWithoutEffect {
        /// In OSCAL form: `ac-6.9`.
        control: String,
    },
}

/// An operation that shows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The kind of its connection.
    pub kind: Protocol,
    /// Its facts, for the reference interpreter.
    pub facts: Facts,
    /// What history gives; with it the reference interpreter takes [`Witness::policy`] in place of the policy.
    pub given: Vec<Given>,
    /// The facts that conditions read, in words.
    pub says: Vec<Sentence>,
}

/// A question that could not be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnalysed {
    /// The rule that it is about; `None` where it is the policy.
    pub rule: Option<RuleId>,
    /// The question.
    pub question: &'static str,
    /// Why it could not be settled.
    pub why: String,
}

/// Examines a policy.
///
/// # Errors
/// The policy cannot be lowered.
pub fn examine(
    policy: &Policy,
    vocabulary: &Vocabulary,
    budget: Budget,
) -> Result<Examination, LowerError> {
    lower(policy, vocabulary)?;
    let folded = policy.folding_exceptions();
    let program = match lower(&folded, vocabulary) {
        Ok(program) => program,
        // Each exception multiplies what its rule asks.
        Err(error) => {
            let mut examination = Examination::default();
            examination.not_analysed.push(NotAnalysed {
                rule: None,
                question: "what exceptions leave of their rules",
                why: error.to_string(),
            });
            return Ok(examination);
        }
    };
    let policy = &folded;
    let subject = Subject::of(policy, &program, vocabulary, budget);
    let mut examination = Examination::default();
    for (id, rule) in (0..).map(RuleId).zip(&policy.rules) {
        alone::examine(&subject, id, rule, &mut examination);
    }
    effect::examine(&subject, &mut examination);
    pairs::examine(&subject, &mut examination);
    effect::lost_controls(policy, &mut examination);
    examination
        .findings
        .sort_by(|left, right| (left.rule, &left.what).cmp(&(right.rule, &right.what)));
    Ok(examination)
}

/// A policy under examination.
struct Subject<'a> {
    policy: &'a Policy,
    vocabulary: &'a Vocabulary,
    kinds: Vec<Kind<'a>>,
    budget: Budget,
}

/// What concerns connections of one kind.
struct Kind<'a> {
    space: Space<'a>,
    clauses: Vec<(Clause, Cube)>,
}

impl<'a> Subject<'a> {
    fn of(
        policy: &'a Policy,
        program: &'a Program,
        vocabulary: &'a Vocabulary,
        budget: Budget,
    ) -> Subject<'a> {
        let kind = |kind: Protocol| {
            let (space, cubes) = Space::of(program, policy, kind, vocabulary);
            let clauses = (0..).map_while(|bit| program.shard(kind)?.clause(bit).copied());
            Kind {
                space,
                clauses: clauses.zip(cubes).collect(),
            }
        };
        Subject {
            policy,
            vocabulary,
            kinds: Protocol::ALL.into_iter().map(kind).collect(),
            budget,
        }
    }
}

impl Kind<'_> {
    fn search(
        &self,
        cubes: &[(&Cube, Part)],
        question: &dyn Question,
        budget: Budget,
    ) -> Result<Option<Found>, OverBudget> {
        let mut cubes = cubes.to_vec();
        cubes.extend(self.space.never.iter().map(|never| (never, Part::Without)));
        let mut found = search(&self.space, &cubes, question, Wanted::Any, budget)?;
        Ok(found.pop())
    }

    fn witness(&self, point: &Point) -> Witness {
        Witness {
            kind: self.space.kind,
            facts: self.space.facts(point),
            given: self.space.given(point),
            says: words::of_point(&self.space, point),
        }
    }
}

/// An operation of which the first tag holds, or does not.
struct First(bool);

impl Question for First {
    fn hopeless(&self, settled: Tags, open: &[Tags]) -> bool {
        let holds = settled & 1 != 0;
        match self.0 {
            true => !holds && open.iter().all(|tags| tags & 1 == 0),
            false => holds,
        }
    }

    fn wanted(&self, tags: Tags) -> bool {
        (tags & 1 != 0) == self.0
    }
}

impl Examination {
    fn find(&mut self, rule: RuleId, what: What, witness: Option<Witness>) {
        self.findings.push(Finding {
            rule,
            what,
            witness,
        });
    }

    fn give_up(&mut self, rule: Option<RuleId>, question: &'static str, why: &impl ToString) {
        self.not_analysed.push(NotAnalysed {
            rule,
            question,
            why: why.to_string(),
        });
    }

    /// Whether nothing that `rule` says can change what is decided.
    fn has_no_effect(&self, rule: RuleId) -> bool {
        let of = self.findings.iter().filter(|finding| finding.rule == rule);
        of.into_iter().any(|finding| {
            matches!(
                finding.what,
                What::Unreachable
                    | What::Contradictory
                    | What::Shadowed { .. }
                    | What::Redundant { .. }
                    | What::ApprovalDefeated { .. }
                    | What::DeniedAnyway
            )
        })
    }
}

#[cfg(test)]
mod tests;
