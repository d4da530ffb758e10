//! The policy in force: one immutable snapshot of a loaded bundle, shared by every session until the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hpol_bundle::bundle::Bundle;
use hpol_bundle::facts::Facts;
use hpol_bundle::policy::{Effect, Exception, ExceptionId, Mask, Rule, RuleId, Unread};
use hpol_bundle::vocabulary::{FactId, Protocol, Vocabulary};
use hpol_engine::history::Monitors;
use hpol_engine::{Residuals, SessionGraph};

use crate::history::{self, Watch};
use crate::masking::{BuildPlan, MaskKey, MaskingPlan};

/// A bundle that was verified and loaded, ready to judge by.
#[derive(Debug)]
pub struct InForce {
    bundle: Bundle<Unread>,
    digest: String,
    key: Option<MaskKey>,
    plans: Mutex<HashMap<PlanKey, MaskingPlan>>,
    residuals: Mutex<Residuals>,
    monitors: Monitors,
    /// Facts of operations and results that measurements read.
    remembered: Vec<FactId>,
    /// By connection: what has to be known of data classes; none where no measurement reads them.
    watches: Option<HashMap<String, Watch>>,
}

/// A plan depends on the connection (whose columns) and on the mask rules that match.
type PlanKey = (String, Vec<RuleId>);

/// Plans kept per bundle: one for each set of mask rules that was ever matched together, so a handful; bounded because
/// the sets are formed by what clients ask.
const MAX_PLANS: usize = 1024;

/// Graphs of sessions kept per bundle, to be shared: one for each set of rules that facts of a session leave; bounded
/// because whoever has a token forms such a set. A graph takes [`Residuals::PACKED_BYTES`] at most.
const MAX_RESIDUALS: usize = 512;

/// Why a loaded bundle cannot come into force.
#[derive(Debug, thiserror::Error)]
pub enum PutInForce {
    /// Facts are extracted by number; another vocabulary would judge the wrong ones. The policy's own facts stand behind.
    #[error(
        "the bundle was built for another vocabulary; build it again with the `hpol` of this version"
    )]
    Vocabulary,
    /// A mask of the policy cannot be built.
    #[error(transparent)]
    Masking(#[from] BuildPlan),
}

impl InForce {
    /// Makes a bundle ready; of its policy the conditions are left out, since nothing here evaluates them. `digest` is the
    /// digest of the bundle file.
    ///
    /// # Errors
    /// When the bundle's vocabulary is not this version's, or one of its masks cannot be built.
    pub fn new<C>(bundle: Bundle<C>, digest: [u8; 32]) -> Result<InForce, PutInForce> {
        if !bundle.vocabulary.extends(Vocabulary::builtin()) {
            return Err(PutInForce::Vocabulary);
        }
        let digest = data_encoding::HEXLOWER.encode(&digest);
        let remembered = history::remembered(&bundle.program);
        let in_force = InForce {
            monitors: Monitors::new(&bundle.program),
            watches: history::watches(&bundle.policy, &remembered)?,
            remembered,
            bundle: bundle.unread(),
            digest,
            key: None,
            plans: Mutex::default(),
            residuals: Mutex::new(Residuals::new(MAX_RESIDUALS)),
        };
        let masks: Vec<RuleId> = in_force.mask_rules().collect();
        let targets: std::collections::BTreeSet<&str> = in_force
            .bundle
            .policy
            .connections
            .iter()
            .map(|connection| connection.target.as_str())
            .collect();
        for target in targets {
            MaskingPlan::build(&in_force.bundle.policy, target, &masks, None)?;
        }
        Ok(in_force)
    }

    /// Gives the key that `hash` masks are made with. Without one, operations are refused whose result would have to be
    /// hashed.
    #[must_use]
    pub fn with_mask_key(self, key: MaskKey) -> InForce {
        InForce {
            key: Some(key),
            // Those made so far are without it.
            plans: Mutex::default(),
            ..self
        }
    }

    /// The rules that mask by hash although there is no key, by qualified name; for a warning.
    pub fn without_mask_key(&self) -> impl Iterator<Item = &str> {
        let hash = |rule: &&Rule<Unread>| {
            matches!(
                rule.effect,
                Effect::Mask {
                    mask: Mask::Hash,
                    ..
                }
            )
        };
        let rules = self.bundle.policy.rules.iter();
        let hashing = rules
            .filter(|rule| self.key.is_none() && !rule.observe)
            .filter(hash);
        hashing.map(|rule| rule.name.as_str())
    }

    /// Connections that are only observed, by their names in the gateway's configuration; for a warning.
    pub fn observed(&self) -> impl Iterator<Item = &str> {
        self.bundle.policy.observed()
    }

    /// Whether the connection called `target` is only observed.
    pub(crate) fn observes(&self, target: &str) -> bool {
        self.bundle.policy.observes(target)
    }

    /// The digest of the bundle file, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The sequence number that the policy's owner gave the bundle.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.bundle.provenance.sequence
    }

    pub(crate) fn bundle(&self) -> &Bundle<Unread> {
        &self.bundle
    }

    /// How far back conditions over history look at most, in milliseconds; zero where there are none.
    #[must_use]
    pub fn history_window_ms(&self) -> i64 {
        self.monitors.longest_window()
    }

    /// What is measured.
    pub(crate) fn monitors(&self) -> &Monitors {
        &self.monitors
    }

    /// Facts of operations and results that measurements read.
    pub(crate) fn remembered(&self) -> &[FactId] {
        &self.remembered
    }

    /// What has to be known of data classes on the connection called `target`; `None` where nothing reads them.
    pub(crate) fn watch(&self, target: &str) -> Option<Watch> {
        let watches = self.watches.as_ref()?;
        // Where no class is stored, detectors may find it all the same.
        watches.get(target).or_else(|| watches.get("")).cloned()
    }

    /// What a session with these facts leaves of the policy.
    pub(crate) fn specialise(&self, kind: Protocol, session: &Facts) -> SessionGraph {
        let residuals = self.residuals.lock();
        let mut residuals = residuals.unwrap_or_else(PoisonError::into_inner);
        residuals.specialise(&self.bundle.program, kind, session)
    }

    pub(crate) fn rule(&self, id: RuleId) -> Option<&Rule<Unread>> {
        self.bundle.policy.rules.get(usize::try_from(id.0).ok()?)
    }

    pub(crate) fn exception(&self, id: ExceptionId) -> Option<&Exception<Unread>> {
        let exceptions = &self.bundle.policy.exceptions;
        exceptions.get(usize::try_from(id.0).ok()?)
    }

    /// The masks that the matching `rules` put on what comes back over the connection called `target`.
    pub(crate) fn plan(&self, target: &str, rules: &[RuleId]) -> Result<MaskingPlan, BuildPlan> {
        if rules.is_empty() {
            return Ok(MaskingPlan::none());
        }
        let key = (target.to_owned(), rules.to_vec());
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&key) {
            return Ok(plan.clone());
        }
        let plan = MaskingPlan::build(&self.bundle.policy, target, rules, self.key.as_ref())?;
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.insert(key, plan.clone());
        Ok(plan)
    }

    fn mask_rules(&self) -> impl Iterator<Item = RuleId> {
        let rules = self.bundle.policy.rules.iter().zip(0_u32..);
        rules
            .filter(|(rule, _)| matches!(rule.effect, Effect::Mask { .. }))
            .map(|(_, index)| RuleId(index))
    }
}

/// Shared snapshot; absent until the first bundle is loaded.
pub(crate) type Snapshot = Option<Arc<InForce>>;
