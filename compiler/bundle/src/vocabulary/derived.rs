//! Facts that a policy brings itself, behind those that every policy has: the claims that it names, and whether it is the
//! time of its schedules. Ids of the built-in facts stay what they are.

use serde::{Deserialize, Serialize};

use super::{Fact, FactId, FactType, Phase, Scalar, Vocabulary};
use crate::claims;
use crate::schedule::Schedule;

/// Claims that one policy reads.
pub const MAX_CLAIMS: usize = 32;
/// Schedules that one policy has.
pub const MAX_SCHEDULES: usize = 32;

/// What a policy's own fact is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Derived {
    /// The claim of this name: a text, or with `set` a list of texts.
    Claim {
        /// Its name in the token.
        name: String,
        /// Whether it is a list.
        set: bool,
    },
    /// Whether the operation is asked for at a time of this schedule.
    During(Schedule),
}

impl Derived {
    /// The entry of the vocabulary.
    fn fact(&self) -> Fact {
        match self {
            Derived::Claim { name, set } => {
                let fact = claims::fact_name(name);
                Fact {
                    ty: match set {
                        true => FactType::Set(Scalar::String),
                        false => FactType::Scalar(Scalar::String),
                    },
                    unit: None,
                    phase: Phase::Session,
                    protocol: None,
                    optional: true,
                    doc: "A claim of the token.".to_owned(),
                    example: match set {
                        true => format!("has {fact} and {fact} has \"...\""),
                        false => format!("({fact} or \"\") == \"...\""),
                    },
                    name: fact,
                    derived: Some(self.clone()),
                }
            }
            Derived::During(schedule) => {
                let name = during(&schedule.name);
                Fact {
                    ty: FactType::Scalar(Scalar::Bool),
                    unit: None,
                    phase: Phase::Operation,
                    protocol: None,
                    optional: false,
                    doc: "Whether the operation is asked for at a time of the schedule.".to_owned(),
                    example: name.clone(),
                    name,
                    derived: Some(self.clone()),
                }
            }
        }
    }
}

/// The fact that the schedule called `schedule` is, as conditions write it.
#[must_use]
pub fn during(schedule: &str) -> String {
    format!("during {schedule}")
}

impl Vocabulary {
    /// The vocabulary with a policy's own facts behind, sorted, each once. What is more than [`MAX_CLAIMS`] or
    /// [`MAX_SCHEDULES`] is left out.
    #[must_use]
    pub fn with(&self, derived: impl IntoIterator<Item = Derived>) -> Vocabulary {
        let mut all: Vec<Derived> = derived.into_iter().collect();
        all.sort();
        all.dedup();
        let mut vocabulary = self.clone();
        let (mut claims, mut schedules) = (0, 0);
        for derived in all {
            let (count, most) = match derived {
                Derived::Claim { .. } => (&mut claims, MAX_CLAIMS),
                Derived::During(_) => (&mut schedules, MAX_SCHEDULES),
            };
            *count += 1;
            let fact = derived.fact();
            let is_known = vocabulary.lookup(&fact.name).is_some();
            if *count <= most && !is_known && vocabulary.len() < Self::MAX_FACTS {
                vocabulary.facts.push(fact);
            }
        }
        vocabulary
    }

    /// The vocabulary without a policy's own facts.
    #[must_use]
    pub fn base(&self) -> Vocabulary {
        let mut base = self.clone();
        base.facts.retain(|fact| fact.derived.is_none());
        base
    }

    /// Whether this is `base` with nothing but a policy's own facts behind, each as this version writes it.
    #[must_use]
    pub fn extends(&self, base: &Vocabulary) -> bool {
        let derived: Vec<Derived> = self.derived().map(|(_, derived)| derived.clone()).collect();
        *self == base.with(derived)
    }

    /// Whether the policy's own facts can be worked out.
    pub(super) fn has_sound_schedules(&self) -> bool {
        self.derived().all(|(_, derived)| match derived {
            Derived::During(schedule) => schedule.is_sound(),
            Derived::Claim { .. } => true,
        })
    }

    /// The policy's own facts.
    pub fn derived(&self) -> impl Iterator<Item = (FactId, &Derived)> {
        self.iter()
            .filter_map(|(id, fact)| Some((id, fact.derived.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Offset, Times};

    fn during(name: &str) -> Derived {
        Derived::During(Schedule {
            name: name.to_owned(),
            zone: "UTC".to_owned(),
            offsets: vec![Offset {
                from: 0,
                seconds: 0,
            }],
            until: 1,
            times: vec![Times {
                days: 1,
                from_minute: 0,
                to_minute: 60,
            }],
        })
    }

    #[test]
    fn a_schedule_that_cannot_be_worked_out_is_refused() {
        let vocabulary = |schedule| Vocabulary::builtin().with([schedule]);
        assert!(vocabulary(during("p.s")).validate().is_ok());
        let Derived::During(mut schedule) = during("p.s") else {
            return;
        };
        schedule.offsets.clear();
        assert!(vocabulary(Derived::During(schedule)).validate().is_err());
    }

    fn claim(name: &str, set: bool) -> Derived {
        let name = name.to_owned();
        Derived::Claim { name, set }
    }

    #[test]
    fn a_policys_own_facts_stand_behind_the_others() {
        let builtin = Vocabulary::builtin();
        let facts = [
            during("demo.office"),
            claim("team", false),
            claim("roles", true),
            claim("team", false),
        ];
        let vocabulary = builtin.with(facts);
        assert_eq!(vocabulary.len(), builtin.len() + 3);
        assert!(vocabulary.extends(builtin) && builtin.extends(builtin));
        assert_eq!(&vocabulary.base(), builtin);
        let (id, fact) = vocabulary.lookup("subject.claims[\"roles\"]").unwrap();
        assert_eq!(id.index(), builtin.len());
        assert_eq!(fact.ty, FactType::Set(Scalar::String));
        for (id, fact) in builtin.iter() {
            assert_eq!(vocabulary.fact(id), Some(fact));
        }
        assert!(vocabulary.validate().is_ok());
    }

    #[test]
    fn what_is_not_of_this_form_extends_nothing() {
        let builtin = Vocabulary::builtin();
        let mut other = builtin.with([claim("team", false)]);
        other.facts.last_mut().unwrap().optional = false;
        assert!(!other.extends(builtin));
        let mut other = builtin.with([claim("team", false)]);
        other.facts.remove(0);
        assert!(!other.extends(builtin));
        let mut other = builtin.clone();
        other.facts.push(Fact {
            derived: None,
            ..claim("team", false).fact()
        });
        assert!(!other.extends(builtin));
    }

    #[test]
    fn there_are_bounds() {
        let builtin = Vocabulary::builtin();
        let claims = (0..100).map(|index| claim(&format!("c{index:03}"), false));
        let schedules = (0..100).map(|index| during(&format!("p.s{index:03}")));
        let vocabulary = builtin.with(claims.chain(schedules));
        assert_eq!(vocabulary.len(), builtin.len() + MAX_CLAIMS + MAX_SCHEDULES);
        assert!(vocabulary.extends(builtin));
    }
}
