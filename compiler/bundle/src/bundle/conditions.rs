//! The conditions of a policy as they stand in the file: behind all else, so that who only decides need not read them.
//! They are signed like the rest; whether they are conditions is found out when they are read.

use std::fmt;

use crate::policy::{Condition, Policy, Unread};
use crate::vocabulary::{FactId, Vocabulary};

use super::LoadBundle;

/// The conditions of all groups and rules of a policy, not read yet.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Conditions(Vec<u8>);

impl Conditions {
    /// Takes the conditions out of `policy`.
    ///
    /// # Errors
    /// None that a policy can cause.
    pub fn apart(policy: Policy) -> Result<(Policy<Unread>, Conditions), postcard::Error> {
        let mut bytes = Vec::new();
        let policy = policy.try_map(|condition| {
            bytes.extend(postcard::to_stdvec(&condition)?);
            Ok::<_, postcard::Error>(Unread)
        })?;
        Ok((policy, Conditions(bytes)))
    }

    /// Puts the conditions into `policy`, which they were taken from and whose facts are those of `vocabulary`.
    ///
    /// # Errors
    /// Bytes that are not the conditions of such a policy.
    pub fn read(
        &self,
        policy: Policy<Unread>,
        vocabulary: &Vocabulary,
    ) -> Result<Policy, LoadBundle> {
        let mut rest = self.as_bytes();
        let policy = policy.try_map(|Unread| {
            let (condition, behind) = postcard::take_from_bytes(rest)?;
            rest = behind;
            match reads_known_facts(&condition, vocabulary, true) {
                true => Ok(condition),
                false => Err(LoadBundle::corrupt(
                    "a condition reads a fact that is not there",
                )),
            }
        })?;
        match rest {
            [] => Ok(policy),
            _ => Err(LoadBundle::corrupt(
                "there are more conditions than rules and groups",
            )),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Conditions {
    fn from(bytes: Vec<u8>) -> Conditions {
        Conditions(bytes)
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conditions({} bytes)", self.0.len())
    }
}

/// Whether there are the facts that `condition` reads, and a test of history only where `history` allows for one.
///
/// Recursion is bounded: a condition deeper than [`crate::policy::MAX_DEPTH`] is not decoded.
fn reads_known_facts(condition: &Condition, vocabulary: &Vocabulary, history: bool) -> bool {
    let known = |fact: FactId| vocabulary.fact(fact).is_some();
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts
            .iter()
            .all(|part| reads_known_facts(part, vocabulary, history)),
        Condition::Not(inner) => reads_known_facts(inner, vocabulary, history),
        Condition::Test(test) => known(test.fact),
        Condition::History(test) => {
            history
                && test.history.measure.fact().is_none_or(known)
                && reads_known_facts(&test.history.filter, vocabulary, false)
        }
    }
}
