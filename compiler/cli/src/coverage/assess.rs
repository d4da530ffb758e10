//! Which rules and which mechanisms carry each control of a baseline.

use std::collections::BTreeMap;

use hpol_bundle::policy::{Policy, RuleId, Strength};
use hpol_nist_mappings::{
    ALWAYS_ON, Control, ControlId, Mapping, catalogue, mechanisms, never_claimed,
};
use serde_json::{Value, json};

use crate::observed::{Idle, Observed};
use crate::visible;

/// Every control of a baseline, in the order of the catalogue.
pub(super) struct Coverage {
    pub(super) controls: Vec<Covered>,
}

/// One control, and what carries it.
pub(super) struct Covered {
    pub(super) control: &'static Control,
    /// Claims of rules that do something, in the order of the rules.
    pub(super) rules: Vec<Claimed>,
    /// Claims that count for nothing, and why.
    pub(super) idle: Vec<(Claimed, Idle)>,
    /// What the gateway does for every operation.
    pub(super) always: Vec<&'static Mapping>,
    /// Who covers it by a statement of the policy, and why.
    pub(super) others: Vec<(String, String)>,
    /// Why no rule can claim it, where none can.
    pub(super) never: Option<&'static str>,
}

/// A claim of a rule.
pub(super) struct Claimed {
    pub(super) rule: String,
    pub(super) strength: Strength,
    /// Id of the mechanism that earns it; empty for a claim by the author's reason alone.
    pub(super) mechanism: String,
    pub(super) because: String,
}

/// What carries a control, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Rules do, maybe beside the gateway.
    Rules,
    /// The gateway does, whatever the policy says.
    Gateway,
    /// Somebody else does, by a statement of the policy.
    Others,
    /// Nothing does.
    Open,
}

/// How many controls of a family stand how.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) rules: usize,
    pub(super) gateway: usize,
    pub(super) others: usize,
    pub(super) open: usize,
}

impl Coverage {
    pub(super) fn of(
        policy: &Policy,
        observed: &Observed,
        wanted: impl Fn(&Control) -> bool,
    ) -> Coverage {
        let mut claims: BTreeMap<&str, Claims> = BTreeMap::new();
        for (id, rule) in (0..).map(RuleId).zip(&policy.rules) {
            for claim in &rule.claims {
                let claimed = Claimed {
                    rule: rule.name.clone(),
                    strength: claim.strength,
                    mechanism: claim.mechanism.clone(),
                    because: claim.because.clone().unwrap_or_default(),
                };
                let (counting, idle) = claims.entry(&claim.control).or_default();
                match observed.idle(id, rule, claim) {
                    None => counting.push(claimed),
                    Some(why) => idle.push((claimed, why)),
                }
            }
        }
        let controls = catalogue().iter();
        let controls = controls.filter(|control| !control.withdrawn && wanted(control));
        let covered = |control: &'static Control| {
            let claims = claims.remove(control.id.oscal().as_str());
            let (rules, idle) = claims.unwrap_or_default();
            Covered {
                control,
                rules,
                idle,
                always: always(&control.id),
                others: others(policy, &control.id),
                never: never_claimed(&control.id),
            }
        };
        Coverage {
            controls: controls.map(covered).collect(),
        }
    }

    /// By family, in the order of the catalogue.
    pub(super) fn families(&self) -> Vec<(&'static str, Tally)> {
        let mut families: Vec<(&'static str, Tally)> = Vec::new();
        for covered in &self.controls {
            let family = covered.control.family;
            if families.last().is_none_or(|(last, _)| *last != family) {
                families.push((family, Tally::default()));
            }
            if let Some((_, tally)) = families.last_mut() {
                tally.add(covered.standing());
            }
        }
        families
    }

    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.controls
            .iter()
            .for_each(|covered| total.add(covered.standing()));
        total
    }

    /// As JSON; a format, documented in `docs/cli.md`.
    pub(super) fn as_json(&self, baseline: &str) -> Value {
        let controls = self.controls.iter().map(|covered| {
            let rules = covered.rules.iter().map(Claimed::as_json);
            let idle = covered.idle.iter().map(|(claim, why)| {
                json!({"rule": claim.rule, "strength": claim.strength.as_str(), "in_observe": why.as_str()})
            });
            let always = covered.always.iter().map(|mapping| {
                json!({"mechanism": mapping.mechanism, "strength": mapping.strength.as_str(),
                    "artefact": mapping.artefact})
            });
            let others = covered.others.iter();
            let others = others.map(|(who, because)| json!({"who": who, "because": because}));
            json!({
                "control": covered.control.id.to_string(), "title": covered.control.title,
                "family": covered.control.family, "standing": covered.standing().as_str(),
                "rules": rules.collect::<Vec<_>>(), "idle": idle.collect::<Vec<_>>(), "gateway": always.collect::<Vec<_>>(),
                "others": others.collect::<Vec<_>>(), "never_claimed": covered.never,
            })
        });
        let total = self.total();
        json!({
            "catalogue": catalogue().release(), "baseline": baseline,
            "controls": controls.collect::<Vec<_>>(),
            "total": {"rules": total.rules, "gateway": total.gateway,
                "others": total.others, "open": total.open},
        })
    }
}

/// Claims that count, and those that count for nothing.
type Claims = (Vec<Claimed>, Vec<(Claimed, Idle)>);

impl Claimed {
    fn as_json(&self) -> Value {
        json!({"rule": self.rule, "strength": self.strength.as_str(), "mechanism": self.mechanism, "because": self.because})
    }

    /// What earns it, in words.
    pub(super) fn by(&self) -> String {
        match self.mechanism.as_str() {
            "" => visible::line(&self.because),
            id => mechanism(id),
        }
    }
}

/// A mechanism by its name.
pub(super) fn mechanism(id: &str) -> String {
    mechanisms()
        .get(id)
        .map_or_else(|| visible::line(id), |known| known.name.to_owned())
}

/// Who covers a control.
fn others(policy: &Policy, control: &ControlId) -> Vec<(String, String)> {
    let id = control.oscal();
    let of = policy.responsibilities.iter().filter(|of| of.control == id);
    of.map(|of| (of.who.clone(), of.because.clone())).collect()
}

/// What the mechanisms that are always on do for a control; the strongest first.
fn always(control: &ControlId) -> Vec<&'static Mapping> {
    let all = mechanisms().for_control(control);
    let mut always: Vec<_> = all
        .filter(|mapping| ALWAYS_ON.contains(&mapping.mechanism))
        .collect();
    always.sort_by_key(|mapping| (std::cmp::Reverse(mapping.strength), mapping.mechanism));
    always
}

impl Covered {
    pub(super) fn standing(&self) -> Standing {
        match (self.rules.is_empty(), self.always.is_empty()) {
            (false, _) => Standing::Rules,
            (true, false) => Standing::Gateway,
            (true, true) if !self.others.is_empty() => Standing::Others,
            (true, true) => Standing::Open,
        }
    }

    /// The strongest word that is earned, if one is.
    pub(super) fn strength(&self) -> Option<&'static str> {
        let rules = self
            .rules
            .iter()
            .map(|claim| (rank(claim.strength.as_str()), claim.strength.as_str()));
        let always = self.always.iter().map(|mapping| mapping.strength.as_str());
        let always = always.map(|word| (rank(word), word));
        rules.chain(always).max().map(|(_, word)| word)
    }
}

fn rank(word: &str) -> usize {
    let words = ["evidences", "supports", "implements"];
    words.iter().position(|known| *known == word).unwrap_or(0)
}

impl Tally {
    fn add(&mut self, standing: Standing) {
        let count = match standing {
            Standing::Rules => &mut self.rules,
            Standing::Gateway => &mut self.gateway,
            Standing::Others => &mut self.others,
            Standing::Open => &mut self.open,
        };
        *count += 1;
    }

    pub(super) fn all(self) -> usize {
        self.rules + self.gateway + self.others + self.open
    }
}

impl Standing {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Standing::Rules => "rules",
            Standing::Gateway => "gateway",
            Standing::Others => "others",
            Standing::Open => "open",
        }
    }
}
