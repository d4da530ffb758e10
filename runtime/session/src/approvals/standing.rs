//! Approvals that stand: given for a time (`for 1h`), they cover what the same rules require of the same subject on the same
//! connection. In memory, and only under the policy that was in force when they began. Semantics: lang-spec, "Approvals".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hpol_bundle::policy::RuleId;
use jiff::Timestamp;

use super::Approval;
use crate::policy::InForce;
use crate::principal::{Connection, Principal};

/// Approvals that stand at a time; one beyond them is for its one operation alone.
const MAX_STANDING: usize = 1 << 12;

/// The approvals that stand.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    kept: Mutex<HashMap<Whose, Vec<Stands>>>,
}

/// Whom an approval is for, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Whose {
    issuer: String,
    subject: String,
    connection: String,
}

/// An approval that stands.
#[derive(Debug)]
pub(crate) struct Stands {
    approval: String,
    in_force: Arc<InForce>,
    /// The rules that it was given for with a time, and until when it stands for each.
    rules: Vec<(RuleId, Until)>,
}

/// Both clocks count, whichever ends first: a wall clock that is set back extends nothing.
#[derive(Debug, Clone, Copy)]
struct Until {
    wall: Timestamp,
    monotonic: Instant,
}

/// An approval that covers an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) approval: String,
    /// When it first ends for one of the rules.
    pub(crate) until: Timestamp,
}

impl Stands {
    /// What of `approval` stands from the vote that completed it on, if anything does at `now`. `rules` are those that were
    /// approved.
    pub(crate) fn of(
        approval: &Approval,
        rules: &[RuleId],
        in_force: &Arc<InForce>,
        now: Timestamp,
    ) -> Option<Stands> {
        let since = approval.votes.last()?.time;
        let stands = rules.iter().filter_map(|id| {
            let name = &in_force.rule(*id)?.name;
            let mut required = approval.rules.iter();
            let seconds = required.find(|rule| rule.name == *name)?.stands_seconds?;
            Some((*id, Until::after(since, seconds, now)?))
        });
        let stands = Stands {
            approval: approval.id.clone(),
            in_force: Arc::clone(in_force),
            rules: stands.collect(),
        };
        (!stands.rules.is_empty()).then_some(stands)
    }

    /// When it ends for the last of its rules.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.rules.iter().map(|(_, until)| until.wall).max()
    }

    /// Whether it is under this policy, as it was put in force now.
    pub(crate) fn is_under(&self, in_force: &Arc<InForce>) -> bool {
        Arc::ptr_eq(&self.in_force, in_force)
    }

    /// Until when it covers what all of `rules` require.
    fn covers(&self, rules: &[RuleId], now: Timestamp) -> Option<Timestamp> {
        let ends = rules.iter().map(|id| {
            let mut stands = self.rules.iter();
            let (_, until) = stands.find(|(of, until)| of == id && !until.is_over(now))?;
            Some(until.wall)
        });
        let all: Option<Vec<Timestamp>> = ends.collect();
        all?.into_iter().min()
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.rules.iter().all(|(_, until)| until.is_over(now))
    }
}

impl Until {
    /// `seconds` after `since`; none where that is over.
    fn after(since: Timestamp, seconds: u64, now: Timestamp) -> Option<Until> {
        let length = Duration::from_secs(seconds);
        let wall = since.checked_add(length).ok()?;
        let left = Duration::try_from(wall.duration_since(now)).ok()?;
        let until = Until {
            wall,
            monotonic: Instant::now().checked_add(left.min(length))?,
        };
        (!until.is_over(now)).then_some(until)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.wall || Instant::now() >= self.monotonic
    }
}

impl Standing {
    /// Whether one more can stand.
    pub(crate) fn has_room(&self, now: Timestamp) -> bool {
        let mut kept = self.kept();
        if count(&kept) >= MAX_STANDING {
            kept.retain(|_, stands| {
                stands.retain(|stands| !stands.is_over(now));
                !stands.is_empty()
            });
        }
        count(&kept) < MAX_STANDING
    }

    /// Lets an approval stand for `subject` on `connection`.
    pub(crate) fn begin(
        &self,
        subject: &Principal,
        connection: &Connection,
        stands: Stands,
        now: Timestamp,
    ) {
        let mut kept = self.kept();
        let of_subject = kept.entry(Whose::of(subject, connection)).or_default();
        of_subject.retain(|stands| !stands.is_over(now));
        of_subject.push(stands);
    }

    /// The approval that covers what all of `rules` require of `subject` on `connection`. One approval has to cover them all.
    pub(crate) fn covering(
        &self,
        subject: &Principal,
        connection: &Connection,
        rules: &[RuleId],
        in_force: &Arc<InForce>,
        now: Timestamp,
    ) -> Option<Covered> {
        let kept = self.kept();
        let all = kept.get(&Whose::of(subject, connection))?.iter();
        // Another load of the same policy is another one: rules are told by their numbers, and a reload ends what stands.
        let mut same_policy = all.filter(|stands| stands.is_under(in_force));
        same_policy.find_map(|stands| {
            Some(Covered {
                approval: stands.approval.clone(),
                until: stands.covers(rules, now)?,
            })
        })
    }

    /// Ends all that stands.
    pub(crate) fn end_all(&self) {
        self.kept().clear();
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Whose, Vec<Stands>>> {
        // A panic while it is locked leaves entries whole: each is put in and taken out at once.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Whose {
    fn of(subject: &Principal, connection: &Connection) -> Whose {
        Whose {
            issuer: subject.issuer.clone(),
            subject: subject.id.clone(),
            connection: connection.name.clone(),
        }
    }
}

fn count(kept: &HashMap<Whose, Vec<Stands>>) -> usize {
    kept.values().map(Vec::len).sum()
}
