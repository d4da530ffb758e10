//! What can come of an operation, and when two policies do not agree on it: the verdict, the approvals it takes, how each data
//! class is masked, how many rows come back, and what rules in observe would have done. Each is a question of its own.

use hpol_bundle::decision::{Decision, Verdict, Would};
use hpol_bundle::policy::{Effect, Mask, Policy, Rule, RuleId};
use hpol_bundle::program::{Clause, Role};

use crate::search::{Question, Tags};

/// One side's tags.
pub(crate) type Side = u64;

const BLOCK: Side = 1;
const RESTRICT: Side = 2;
const GRANT: Side = 4;
/// Where what a question adds to the verdict begins.
const FIRST: u32 = 3;
/// How much a question can tell apart.
const STEPS: usize = 61;

/// One thing that comes of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Whether it goes ahead.
    Verdict,
    /// Which approvals it takes, where it takes any.
    Approvals,
    /// How values of the data class of this name are masked, where it can go ahead.
    Mask(String),
    /// How many rows come back at most, where it can go ahead.
    Limit,
    /// Whether the session ends with it.
    Ends,
    /// Whether the rule of this name, which is in observe, would have done this.
    Observed(String, Would),
}

/// An approval that an operation takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// How many must approve.
    pub quorum: u32,
    /// The qualified name of the group of those who may.
    pub group: String,
    /// How long a request waits, in seconds.
    pub within_seconds: u64,
    /// How long an approval that was given stands, in seconds; for its one operation alone where there is none.
    pub stands_seconds: Option<u64>,
    /// Whether the group means the same on both sides; where it does not, demands of the same words are two.
    pub(crate) condition: usize,
}

/// What came of an operation, in one respect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes ahead, is held, or is refused.
    Verdict(Verdict),
    /// The approvals that it takes.
    Approvals(Vec<Demand>),
    /// How the class is masked, if it is.
    Mask(Option<Mask>),
    /// How many rows come back, if that is limited.
    Limit(Option<u64>),
    /// Whether the session ends.
    Ends(bool),
    /// Whether the rule would have acted.
    Observed(bool),
}

/// The steps that a question tells apart, ascending: the last one that holds counts, but for approvals, where all do.
#[derive(Debug, Clone, Default)]
struct Steps {
    demands: Vec<Demand>,
    masks: Vec<Mask>,
    /// Descending.
    limits: Vec<u64>,
}

/// Whether two sides agree on one output. Bits of the left side are the lower half of the tags.
#[derive(Debug, Clone)]
pub(crate) struct Differs {
    pub(crate) output: Output,
    steps: Steps,
    observes: [bool; 2],
}

/// A question tells too many steps apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManySteps;

impl Differs {
    /// The question for `output`, over the rules of `policies`. `observes` says of each side whether the connection is in
    /// observe there: what rules block goes ahead then, with masks and limits.
    pub(crate) fn new(
        output: Output,
        policies: &[&Policy],
        observes: [bool; 2],
    ) -> Result<Differs, TooManySteps> {
        let mut steps = Steps::default();
        for policy in policies {
            for rule in policy.rules.iter().filter(|rule| !rule.observe) {
                match (&output, &rule.effect) {
                    (Output::Approvals, Effect::RequireApproval { .. }) => {
                        steps.demands.extend(demand(policies, policy, rule));
                    }
                    (Output::Mask(class), Effect::Mask { class: of, mask })
                        if class_name(policy, of.0) == Some(class) =>
                    {
                        steps.masks.push(*mask);
                    }
                    (Output::Limit, effect) => steps.limits.extend(effect.row_limit()),
                    _ => {}
                }
            }
        }
        steps.masks.sort_by_key(|mask| mask.strictness());
        steps.masks.dedup();
        steps.limits.sort_unstable_by(|left, right| right.cmp(left));
        steps.limits.dedup();
        let mut demands: Vec<Demand> = Vec::new();
        for demand in steps.demands {
            if !demands.contains(&demand) {
                demands.push(demand);
            }
        }
        steps.demands = demands;
        let most = steps
            .masks
            .len()
            .max(steps.limits.len())
            .max(steps.demands.len());
        if most > STEPS {
            return Err(TooManySteps);
        }
        Ok(Differs {
            output,
            steps,
            observes,
        })
    }

    /// What `clause` of `rule` contributes on its side; 0 for nothing.
    pub(crate) fn side(
        &self,
        policies: &[&Policy],
        policy: &Policy,
        rule: &Rule,
        clause: &Clause,
    ) -> Side {
        let step = |place: Option<usize>| {
            let shift = place.and_then(|place| u32::try_from(place).ok());
            shift.map_or(0, |shift| 1_u64.checked_shl(FIRST + shift).unwrap_or(0))
        };
        match (clause.role, &self.output) {
            (Role::Observed(would), Output::Observed(name, of)) if would == *of => {
                step((rule.name == *name).then_some(0))
            }
            (Role::Block, Output::Ends) => step(ends(rule).then_some(0)),
            // What exceptions leave of a rule stands in its condition: see `examine`.
            (
                Role::Observed(_)
                | Role::Member
                | Role::Counts
                | Role::MayCount
                | Role::Exception
                | Role::Doubt,
                _,
            )
            | (_, Output::Observed(..) | Output::Ends) => 0,
            (Role::Block, _) => BLOCK,
            (Role::ApprovalRestricts, Output::Approvals) => {
                let demand = demand(policies, policy, rule);
                let place = self
                    .steps
                    .demands
                    .iter()
                    .position(|of| Some(of) == demand.as_ref());
                RESTRICT | step(place)
            }
            (Role::ApprovalRestricts, Output::Verdict) => RESTRICT,
            (Role::ApprovalRestricts, _) => 0,
            (Role::ApprovalGrants | Role::Allow, _) => GRANT,
            (Role::Mask, Output::Mask(class)) => match &rule.effect {
                Effect::Mask { class: of, mask } if class_name(policy, of.0) == Some(class) => {
                    step(self.steps.masks.iter().position(|known| known == mask))
                }
                _ => 0,
            },
            (Role::Limit, Output::Limit) => {
                let rows = rule.effect.row_limit();
                step(
                    self.steps
                        .limits
                        .iter()
                        .position(|known| Some(*known) == rows),
                )
            }
            (Role::Mask | Role::Limit, _) => 0,
        }
    }

    /// What came of an operation on one side.
    pub(crate) fn outcome(&self, side: Side) -> Outcome {
        let steps = side >> FIRST;
        let last = || steps.checked_ilog2().map(|last| last as usize);
        match &self.output {
            Output::Verdict => Outcome::Verdict(verdict(side)),
            Output::Approvals => {
                let demands = (0..).zip(&self.steps.demands);
                let holds = demands.filter(|(place, _)| steps >> place & 1 == 1);
                Outcome::Approvals(holds.map(|(_, demand)| demand.clone()).collect())
            }
            Output::Mask(_) => {
                Outcome::Mask(last().and_then(|last| self.steps.masks.get(last).copied()))
            }
            Output::Limit => {
                Outcome::Limit(last().and_then(|last| self.steps.limits.get(last).copied()))
            }
            Output::Ends => Outcome::Ends(steps != 0),
            Output::Observed(..) => Outcome::Observed(steps != 0),
        }
    }

    fn settle_side(&self, mut side: Side, open: Side, observes: bool) -> (Side, Side) {
        match self.output {
            Output::Observed(..) => return (side, side),
            // What is only observed ends nothing.
            Output::Ends if observes => return (0, Side::MAX),
            Output::Ends => return (side, side),
            _ => {}
        }
        let mut never = 0;
        if let (true, Output::Mask(_) | Output::Limit) = (observes, &self.output) {
            side = side & !BLOCK | GRANT;
            never = BLOCK;
        }
        if side & BLOCK != 0 || (side | open) & GRANT == 0 {
            return (BLOCK, Side::MAX);
        }
        let mut idle = side | never;
        if let (Output::Mask(_) | Output::Limit, Some(last)) =
            (&self.output, (side >> FIRST).checked_ilog2())
        {
            let below = ((1 << last) - 1) << FIRST;
            side &= !below;
            idle |= below;
        }
        (side, idle)
    }

    /// Whether two outcomes of an operation differ.
    fn differ(&self, left: Side, right: Side) -> bool {
        let goes_ahead = |side| verdict(side) != Verdict::Block;
        let held = |side| verdict(side) == Verdict::RequireApproval;
        match self.output {
            Output::Verdict | Output::Ends | Output::Observed(..) => {
                self.outcome(left) != self.outcome(right)
            }
            Output::Approvals => held(left) && held(right) && left >> FIRST != right >> FIRST,
            Output::Mask(_) | Output::Limit => {
                goes_ahead(left) && goes_ahead(right) && left >> FIRST != right >> FIRST
            }
        }
    }
}

/// What `decision`, which is by `policy`, says of `output`, on a connection that is in observe or not.
pub(crate) fn of_decision(
    policies: &[&Policy],
    policy: &Policy,
    observes: bool,
    decision: &Decision,
    output: &Output,
) -> Outcome {
    let rules = |ids: &[RuleId]| -> Vec<&Rule> {
        let rules = ids.iter().filter_map(|id| policy.rules.get(id.0 as usize));
        rules.collect()
    };
    let goes_ahead = observes || decision.verdict != Verdict::Block;
    match output {
        Output::Verdict => Outcome::Verdict(decision.verdict),
        Output::Approvals => {
            let of_rules: Vec<Demand> = rules(&decision.approve)
                .into_iter()
                .filter_map(|rule| demand(policies, policy, rule))
                .collect();
            let all = Differs::new(output.clone(), policies, [false; 2]);
            let mut demands = all.map_or_else(|_| of_rules.clone(), |all| all.steps.demands);
            let held = decision.verdict == Verdict::RequireApproval;
            demands.retain(|demand| held && of_rules.contains(demand));
            Outcome::Approvals(demands)
        }
        Output::Mask(class) => {
            let masks = rules(&decision.mask).into_iter();
            let masks = masks.filter_map(|rule| match &rule.effect {
                Effect::Mask { class: of, mask } => {
                    (class_name(policy, of.0) == Some(class)).then_some(*mask)
                }
                _ => None,
            });
            let strictest = masks.max_by_key(|mask| mask.strictness());
            Outcome::Mask(strictest.filter(|_| goes_ahead))
        }
        Output::Limit => {
            let limits = rules(&decision.limit).into_iter();
            let smallest = limits.filter_map(|rule| rule.effect.row_limit()).min();
            Outcome::Limit(smallest.filter(|_| goes_ahead))
        }
        Output::Ends => {
            let ends = rules(&decision.block).into_iter().any(ends);
            Outcome::Ends(ends && !observes)
        }
        Output::Observed(name, would) => {
            let mut observed = decision.observed.iter();
            Outcome::Observed(observed.any(|observed| {
                let rule = policy.rules.get(observed.rule.0 as usize);
                observed.would == *would && rule.is_some_and(|rule| rule.name == *name)
            }))
        }
    }
}

impl Question for Differs {
    fn settle(&self, settled: Tags, open: Tags) -> (Tags, Tags) {
        let [before, after] = self.observes;
        let (left, left_idle) = self.settle_side(left(settled), left(open), before);
        let (right, right_idle) = self.settle_side(right(settled), right(open), after);
        (both(left, right), both(left_idle, right_idle))
    }

    fn hopeless(&self, settled: Tags, open: &[Tags]) -> bool {
        let alike = |tags: Tags| left(tags) == right(tags);
        if alike(settled) && open.iter().all(|tags| alike(*tags)) {
            return true;
        }
        let obliges = matches!(
            self.output,
            Output::Approvals | Output::Mask(_) | Output::Limit
        );
        obliges && (left(settled) | right(settled)) & BLOCK != 0
    }

    fn wanted(&self, tags: Tags) -> bool {
        self.differ(left(tags), right(tags))
    }
}

pub(crate) fn left(tags: Tags) -> Side {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    {
        tags as Side
    }
}

pub(crate) fn right(tags: Tags) -> Side {
    left(tags >> Side::BITS)
}

pub(crate) fn both(left: Side, right: Side) -> Tags {
    Tags::from(left) | Tags::from(right) << Side::BITS
}

fn verdict(side: Side) -> Verdict {
    if side & BLOCK != 0 || side & GRANT == 0 {
        Verdict::Block
    } else if side & RESTRICT != 0 {
        Verdict::RequireApproval
    } else {
        Verdict::Allow
    }
}

/// Whether a rule that blocks ends the session.
fn ends(rule: &Rule) -> bool {
    matches!(
        rule.effect,
        Effect::Block {
            terminates: true,
            ..
        }
    )
}

fn class_name(policy: &Policy, class: u32) -> Option<&String> {
    policy.classes.get(class as usize).map(|class| &class.name)
}

/// What a rule that requires approval demands.
fn demand(policies: &[&Policy], policy: &Policy, rule: &Rule) -> Option<Demand> {
    let Effect::RequireApproval {
        quorum,
        group,
        within_seconds,
        stands_seconds,
    } = &rule.effect
    else {
        return None;
    };
    let group = policy.groups.get(group.0 as usize)?;
    // The first group of this meaning, over all policies.
    let all = policies.iter().flat_map(|policy| &policy.groups);
    let condition = all.into_iter().position(|other| other == group)?;
    Some(Demand {
        quorum: *quorum,
        group: group.name.clone(),
        within_seconds: *within_seconds,
        stands_seconds: *stands_seconds,
        condition,
    })
}
