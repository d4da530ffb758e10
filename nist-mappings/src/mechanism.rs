//! The mechanisms of the gateway and what each does for which control, with the reason.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use crate::control::ControlId;
use crate::table;

const MECHANISMS: &str = include_str!("../data/mechanisms.tsv");
const MAPPINGS: &str = include_str!("../data/mappings.tsv");
const NEVER_CLAIMED: &str = include_str!("../data/never-claimed.tsv");

/// Mechanisms that this version of the gateway applies to every operation, whatever the policy says: identity binding,
/// credential isolation, default deny, command-level audit, the tamper-evident log, the refusal of operations that
/// can't be logged, time stamps, TLS. Ascending.
pub const ALWAYS_ON: &[&str] = &["M01", "M03", "M05", "M15", "M16", "M17", "M18", "M21"];

/// How much of a control a mechanism carries. The order is the order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Does none of it; its records show that another party did.
    Evidences,
    /// Does a part, or does it together with something the organisation does.
    Supports,
    /// Does what the control says for traffic through the gateway, once its parameters are bound.
    Implements,
}

/// A capability of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mechanism {
    /// Its id, such as `M10`.
    pub id: &'static str,
    /// Its name, such as `inline masking`.
    pub name: &'static str,
}

/// What one mechanism does for one control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Id of the mechanism.
    pub mechanism: &'static str,
    /// The control, always an active one of the catalogue.
    pub control: ControlId,
    /// How much of it.
    pub strength: Strength,
    /// What shows it to an assessor.
    pub artefact: &'static str,
    /// Why the strength is what it is.
    pub rationale: &'static str,
}

/// The mechanisms with their mappings.
#[derive(Debug)]
pub struct Mechanisms {
    mechanisms: BTreeMap<&'static str, Mechanism>,
    mappings: BTreeMap<(&'static str, ControlId), Mapping>,
}

/// The mechanism table of this version of hpol.
#[must_use]
pub fn mechanisms() -> &'static Mechanisms {
    static TABLE: OnceLock<Mechanisms> = OnceLock::new();
    TABLE.get_or_init(|| Mechanisms {
        mechanisms: table::rows(MECHANISMS)
            .map(|[id, name]| (id, Mechanism { id, name }))
            .collect(),
        mappings: table::rows(MAPPINGS)
            .filter_map(mapping)
            .map(|mapping| ((mapping.mechanism, mapping.control), mapping))
            .collect(),
    })
}

/// Why no policy may claim `control`, whatever reason its author gives; `None` if it may be claimed.
#[must_use]
pub fn never_claimed(control: &ControlId) -> Option<&'static str> {
    if (control.number(), control.enhancement()) == (1, None) {
        return Some(
            "it asks for documents and procedures of the organisation, which no gateway can write or follow",
        );
    }
    table::rows(NEVER_CLAIMED)
        .find(|[id, _]| ControlId::parse(id).as_ref() == Ok(control))
        .map(|[_, reason]| reason)
}

impl Mechanisms {
    /// The mechanism called `id`, such as `M10`.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Mechanism> {
        self.mechanisms.get(id)
    }

    /// What `mechanism` does for `control`; `None` if it can't carry any of it.
    #[must_use]
    pub fn claim(&self, mechanism: &str, control: &ControlId) -> Option<&Mapping> {
        let (id, _) = self.mechanisms.get_key_value(mechanism)?;
        self.mappings.get(&(*id, *control))
    }

    /// Everything that carries some of `control`, by mechanism id.
    pub fn for_control(&self, control: &ControlId) -> impl Iterator<Item = &Mapping> {
        let control = *control;
        self.mappings
            .values()
            .filter(move |mapping| mapping.control == control)
    }

    /// Every mapping, by mechanism id and control.
    pub fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.mappings.values()
    }
}

impl Strength {
    /// The word in policies, records and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Strength::Evidences => "evidences",
            Strength::Supports => "supports",
            Strength::Implements => "implements",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Strength> {
        [
            Strength::Evidences,
            Strength::Supports,
            Strength::Implements,
        ]
        .into_iter()
        .find(|s| s.as_str() == word)
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn mapping(
    [mechanism, control, strength, artefact, rationale]: [&'static str; 5],
) -> Option<Mapping> {
    let (control, strength) = (ControlId::parse(control).ok()?, Strength::parse(strength)?);
    Some(Mapping {
        mechanism,
        control,
        strength,
        artefact,
        rationale,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalogue::catalogue;

    fn id(text: &str) -> ControlId {
        ControlId::parse(text).unwrap()
    }

    #[test]
    fn no_row_is_lost_and_every_one_is_sound() {
        assert_eq!(mechanisms().mechanisms.len(), 27);
        assert_eq!(
            (MAPPINGS.lines().count() - 1, mechanisms().iter().count()),
            (300, 300)
        );
        assert_eq!(
            mechanisms()
                .iter()
                .map(|mapping| mapping.control)
                .collect::<BTreeSet<_>>()
                .len(),
            228
        );
        for mapping in mechanisms().iter() {
            assert!(mechanisms().get(mapping.mechanism).is_some(), "{mapping:?}");
            assert!(
                !mapping.artefact.is_empty() && !mapping.rationale.is_empty(),
                "{mapping:?}"
            );
        }
    }

    #[test]
    fn a_row_limit_carries_no_control_that_needs_rates() {
        for rates in ["AC-10", "SC-5", "SC-5(2)", "SI-4(18)"] {
            let control = ControlId::parse(rates).unwrap();
            assert_eq!(mechanisms().claim("M23", &control), None, "{rates}");
        }
        let mining = ControlId::parse("AC-23").unwrap();
        let claim = mechanisms().claim("M23", &mining).unwrap();
        assert_eq!(claim.strength, Strength::Supports);
    }

    #[test]
    fn every_mapped_control_is_active() {
        for mapping in mechanisms().iter() {
            assert!(
                catalogue()
                    .lookup(&mapping.control)
                    .is_some_and(|control| !control.withdrawn),
                "{mapping:?}"
            );
        }
    }

    #[test]
    fn what_is_never_claimed_is_not_in_the_table() {
        for control in [
            "AC-1", "PT-1", "AC-7", "AC-11", "AC-25", "AC-3(3)", "AC-3(5)", "AU-9(1)", "SI-10(6)",
        ] {
            assert!(never_claimed(&id(control)).is_some(), "{control}");
            assert_eq!(
                mechanisms().for_control(&id(control)).count(),
                0,
                "{control}"
            );
        }
        for control in catalogue()
            .iter()
            .filter(|control| never_claimed(&control.id).is_some())
        {
            assert_eq!(
                mechanisms().for_control(&control.id).count(),
                0,
                "{}",
                control.id
            );
        }
        assert_eq!(never_claimed(&id("AC-3")), None);
        assert_eq!(
            table::rows::<2>(NEVER_CLAIMED)
                .filter(|[id, _]| ControlId::parse(id).is_ok())
                .count(),
            7
        );
    }

    #[test]
    fn some_controls_are_never_implemented() {
        for control in ["AU-6", "AU-10", "SC-13"] {
            assert!(
                mechanisms()
                    .for_control(&id(control))
                    .all(|m| m.strength < Strength::Implements),
                "{control}"
            );
        }
    }

    #[test]
    fn claims_say_how_much_and_why() {
        let masking = mechanisms().claim("M10", &id("SI-19(4)")).unwrap();
        assert_eq!(masking.strength, Strength::Implements);
        assert!(
            mechanisms().claim("M10", &id("CM-7")).is_none()
                && mechanisms().claim("M99", &id("AC-3")).is_none()
        );
    }

    #[test]
    fn mechanisms_that_are_always_on_exist_and_ascend() {
        assert!(ALWAYS_ON.is_sorted() && ALWAYS_ON.iter().all(|id| mechanisms().get(id).is_some()));
    }
}
