//! The masking plan of an operation: which classified columns and which detectors apply, and how each class is hidden.
//! How a value is found and hidden is `hpol_masking`'s; where values stand on the wire is the adapter's.

use std::sync::Arc;

use hpol_bundle::policy::{ClassId, DataClass, Effect, Mask, Policy, RuleId};
pub use hpol_bundle::policy::{Column, JsonPath, JsonStep};
use hpol_masking::{Detector, Document, Entry, Masker, Stream};
pub use hpol_masking::{MaskKey, Masked, NotJson, StreamKind, WeakKey};

use crate::records;
use hpol_evidence::record::{ControlRecord, MaskedRecord};

/// Index of a data class in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

/// What must be hidden in the result of one operation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MaskingPlan {
    inner: Option<Arc<Plan>>,
}

#[derive(Debug)]
struct Plan {
    entries: Vec<PlanEntry>,
    masker: Arc<Masker>,
}

/// One data class, hidden by the strictest of the rules that hide it.
#[derive(Debug)]
struct PlanEntry {
    class: String,
    rule: String,
    controls: Vec<ControlRecord>,
    columns: Vec<Column>,
    paths: Vec<JsonPath>,
    /// It is hashed, and there is no key.
    unkeyed: bool,
}

/// Why the masks of a policy cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum BuildPlan {
    /// The compiler knows a detector that this gateway does not.
    #[error(
        "data class `{class}` uses detector `{detector}`, which this gateway does not have; upgrade it"
    )]
    UnknownDetector {
        /// The class.
        class: String,
        /// The name of the detector.
        detector: String,
    },
    /// A rule names a class that the bundle does not hold.
    #[error("a mask names a data class that the bundle does not hold")]
    UnknownClass,
    /// The detectors cannot be compiled.
    #[error(transparent)]
    Masker(#[from] hpol_masking::BuildMasker),
}

impl MaskingPlan {
    /// Nothing is hidden.
    #[must_use]
    pub fn none() -> MaskingPlan {
        MaskingPlan { inner: None }
    }

    pub(crate) fn build<C>(
        policy: &Policy<C>,
        target: &str,
        rules: &[RuleId],
        key: Option<&MaskKey>,
    ) -> Result<MaskingPlan, BuildPlan> {
        let mut strictest: std::collections::BTreeMap<ClassId, (Mask, RuleId)> =
            std::collections::BTreeMap::new();
        for id in rules {
            let Some(rule) = usize::try_from(id.0)
                .ok()
                .and_then(|index| policy.rules.get(index))
            else {
                continue;
            };
            let Effect::Mask { class, mask } = rule.effect else {
                continue;
            };
            let winner = strictest.entry(class).or_insert((mask, *id));
            if mask.strictness() > winner.0.strictness() {
                *winner = (mask, *id);
            }
        }
        let mut entries = Vec::new();
        let mut masks = Vec::new();
        let mut strictest: Vec<_> = strictest.into_iter().collect();
        strictest.sort_by_key(|(class, (mask, _))| (mask.strictness(), *class));
        for (class, (mask, rule)) in strictest {
            let class = usize::try_from(class.0)
                .ok()
                .and_then(|index| policy.classes.get(index));
            let class = class.ok_or(BuildPlan::UnknownClass)?;
            let rule = usize::try_from(rule.0)
                .ok()
                .and_then(|index| policy.rules.get(index));
            let rule = rule.ok_or(BuildPlan::UnknownClass)?;
            let detectors = class
                .detectors
                .iter()
                .map(|name| {
                    Detector::from_name(name).ok_or_else(|| BuildPlan::UnknownDetector {
                        class: class.name.clone(),
                        detector: name.clone(),
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            let columns: Vec<Column> = class
                .columns
                .iter()
                .filter(|column| column.target == target)
                .cloned()
                .collect();
            let paths: Vec<JsonPath> = class
                .json
                .iter()
                .filter(|path| path.target == target)
                .cloned()
                .collect();
            if columns.is_empty() && paths.is_empty() && detectors.is_empty() {
                continue;
            }
            masks.push(Entry {
                class: class.name.clone(),
                mask,
                paths: paths.clone(),
                detectors,
            });
            entries.push(PlanEntry {
                class: class.name.clone(),
                rule: rule.name.clone(),
                controls: records::claims(rule),
                columns,
                paths,
                unkeyed: mask == Mask::Hash && key.is_none(),
            });
        }
        if entries.is_empty() {
            return Ok(MaskingPlan::none());
        }
        let masker = Arc::new(Masker::new(masks, key.cloned())?);
        Ok(MaskingPlan {
            inner: Some(Arc::new(Plan { entries, masker })),
        })
    }

    /// The places of one class on one connection, as if it were to be hidden there; its detectors are left out.
    pub(crate) fn places(target: &str, class: &DataClass) -> Result<MaskingPlan, BuildPlan> {
        let here = |of: &str| of == target;
        let columns = class.columns.iter().filter(|column| here(&column.target));
        let paths = class.json.iter().filter(|path| here(&path.target));
        let (columns, paths): (Vec<Column>, Vec<JsonPath>) =
            (columns.cloned().collect(), paths.cloned().collect());
        if columns.is_empty() && paths.is_empty() {
            return Ok(MaskingPlan::none());
        }
        let masker = Masker::new(
            vec![Entry {
                class: class.name.clone(),
                mask: Mask::Redact,
                paths: paths.clone(),
                detectors: Vec::new(),
            }],
            None,
        )?;
        Ok(MaskingPlan {
            inner: Some(Arc::new(Plan {
                entries: vec![PlanEntry {
                    class: class.name.clone(),
                    rule: String::new(),
                    controls: Vec::new(),
                    columns,
                    paths,
                    unkeyed: false,
                }],
                masker: Arc::new(masker),
            })),
        })
    }

    /// Whether nothing is hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_none()
    }

    /// Whether it is this very plan, and not just one that hides the same.
    #[must_use]
    pub fn is_same(&self, other: &MaskingPlan) -> bool {
        match (&self.inner, &other.inner) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Whether content must be searched, whatever column it comes from.
    #[must_use]
    pub fn has_detectors(&self) -> bool {
        self.inner
            .as_ref()
            .is_some_and(|plan| plan.masker.has_detectors())
    }

    /// The classified columns of this connection that must be hidden, the laxest mask first: where two classes meet on one
    /// column, the later one decides.
    pub fn columns(&self) -> impl Iterator<Item = (Slot, &Column)> {
        self.entries()
            .zip(0_u16..)
            .flat_map(|(entry, slot)| entry.columns.iter().map(move |column| (Slot(slot), column)))
    }

    /// The places in JSON documents of this connection that must be hidden, the laxest mask first: where two classes meet
    /// on one value, the later one decides.
    pub fn json_paths(&self) -> impl Iterator<Item = (Slot, &JsonPath)> {
        self.entries()
            .zip(0_u16..)
            .flat_map(|(entry, slot)| entry.paths.iter().map(move |path| (Slot(slot), path)))
    }

    /// The class that would be hashed if the gateway had a key; the plan cannot be carried out.
    pub(crate) fn unkeyed(&self) -> Option<&str> {
        let entry = self.entries().find(|entry| entry.unkeyed)?;
        Some(&entry.class)
    }

    /// The name of the class in `slot`; empty for a slot of another plan.
    #[must_use]
    pub fn class(&self, slot: Slot) -> &str {
        self.entries()
            .nth(usize::from(slot.0))
            .map_or("", |entry| entry.class.as_str())
    }

    pub(crate) fn rules(&self) -> Vec<String> {
        let mut rules: Vec<String> = self.entries().map(|entry| entry.rule.clone()).collect();
        rules.sort();
        rules.dedup();
        rules
    }

    pub(crate) fn rule_of_class(&self, class: &str) -> Option<&str> {
        self.entries()
            .find(|entry| entry.class == class)
            .map(|entry| entry.rule.as_str())
    }

    /// A run for what belongs to no one operation, such as what comes on a channel that is listened to. What is hidden for
    /// an operation is counted by that of its receipt.
    #[must_use]
    pub fn run(&self) -> MaskRun {
        let counts = vec![0; self.entries().count()];
        MaskRun {
            plan: self.clone(),
            counts,
            stream: None,
            document: None,
        }
    }

    fn entries(&self) -> impl Iterator<Item = &PlanEntry> {
        self.inner.iter().flat_map(|plan| plan.entries.iter())
    }
}

/// Hides the values of one operation's result, and counts them for its record.
#[derive(Debug)]
pub struct MaskRun {
    plan: MaskingPlan,
    counts: Vec<u64>,
    stream: Option<Stream>,
    document: Option<Box<Document>>,
}

impl MaskRun {
    /// Whether nothing is hidden, so that the result may pass as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    /// Hides a whole value of the classified column in `slot`; what replaces it is appended to `out`. What detectors find in
    /// it is hidden as [`Masker::value`] says.
    pub fn value(&mut self, slot: Slot, value: &[u8], out: &mut Vec<u8>) -> Masked {
        let Some(plan) = &self.plan.inner else {
            return Masked::Unchanged;
        };
        let slot = usize::from(slot.0);
        plan.masker.value(slot, value, &mut self.counts, out)
    }

    /// Counts a value of `slot` that the adapter itself replaced by NULL.
    pub fn count_null(&mut self, slot: Slot) {
        if let Some(count) = self.counts.get_mut(usize::from(slot.0)) {
            *count = count.saturating_add(1);
        }
    }

    /// Hides what the detectors find in `value`; what replaces it is appended to `out`.
    pub fn text(&mut self, value: &[u8], out: &mut Vec<u8>) -> Masked {
        let Some(plan) = &self.plan.inner else {
            return Masked::Unchanged;
        };
        plan.masker.text(value, &mut self.counts, out)
    }

    /// Hides what the detectors find in the next piece of a byte stream. The kind is fixed by the first call.
    pub fn push(&mut self, kind: StreamKind, chunk: &[u8], out: &mut Vec<u8>) {
        let Some(plan) = &self.plan.inner else {
            out.extend_from_slice(chunk);
            return;
        };
        let stream = self
            .stream
            .get_or_insert_with(|| Stream::new(Arc::clone(&plan.masker), kind));
        stream.push(chunk, &mut self.counts, out);
    }

    /// Ends the stream that [`MaskRun::push`] began, if any.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(mut stream) = self.stream.take() {
            stream.finish(&mut self.counts, out);
        }
    }

    /// Whether values must be hidden by where they stand in JSON documents.
    #[must_use]
    pub fn has_json_paths(&self) -> bool {
        self.plan.json_paths().next().is_some()
    }

    /// Hides what stands at the plan's JSON paths, and what the detectors find, in the next piece of a body of JSON.
    ///
    /// # Errors
    /// If it is not JSON: what was appended to `out` must not be released, nor anything after it.
    pub fn push_document(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), NotJson> {
        let Some(plan) = &self.plan.inner else {
            out.extend_from_slice(chunk);
            return Ok(());
        };
        let document = self
            .document
            .get_or_insert_with(|| Box::new(Document::new(Arc::clone(&plan.masker))));
        document.push(chunk, &mut self.counts, out)
    }

    /// Ends the body that [`MaskRun::push_document`] began, if any.
    ///
    /// # Errors
    /// If the body is not all of its JSON.
    pub fn finish_document(&mut self, out: &mut Vec<u8>) -> Result<(), NotJson> {
        match self.document.take() {
            Some(mut document) => document.finish(&mut self.counts, out),
            None => Ok(()),
        }
    }

    /// How many values were hidden.
    #[must_use]
    pub fn masked_values(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    pub(crate) fn records(&self) -> (Vec<MaskedRecord>, Vec<ControlRecord>) {
        let mut masked = Vec::new();
        let mut controls = Vec::new();
        for (entry, count) in self
            .plan
            .entries()
            .zip(&self.counts)
            .filter(|(_, count)| **count > 0)
        {
            masked.push(MaskedRecord {
                class: entry.class.clone(),
                rule: entry.rule.clone(),
                values: *count,
            });
            controls.extend(entry.controls.iter().cloned());
        }
        masked.sort_by(|left, right| left.class.cmp(&right.class));
        controls.sort();
        controls.dedup();
        (masked, controls)
    }
}

#[cfg(test)]
mod tests;
