//! Records grouped by the control that they are evidence for. Counts what the records claim; whether a control is met
//! is for an assessor.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{ControlRecord, Event, OutcomeRecord, Record};

/// What the log holds for one control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlEvidence {
    /// Records by strength of the claim: `implements`, `supports`, `evidences`. A record that claims the control more
    /// than once counts once for each strength.
    pub strengths: BTreeMap<String, u64>,
    /// Decisions by verdict: `allow`, `require_approval`, `block`.
    pub verdicts: BTreeMap<String, u64>,
    /// Outcomes with masked values whose masks claim it.
    pub masked: u64,
    /// Outcomes with rows left out whose limits claim it.
    pub cut: u64,
    /// The rules that claim it, by qualified name; `gateway` for mechanisms that are always on.
    pub rules: BTreeSet<String>,
    /// The mechanisms that earn it.
    pub mechanisms: BTreeSet<String>,
    /// Positions of the records, in order.
    pub sequences: Vec<u64>,
}

/// Groups `records` by control id in OSCAL form (`ac-6.9`). Controls that no record claims are not there.
pub fn by_control<'a>(
    records: impl IntoIterator<Item = &'a Record>,
) -> BTreeMap<String, ControlEvidence> {
    let mut controls: BTreeMap<String, ControlEvidence> = BTreeMap::new();
    for record in records {
        let claims = record.event.controls();
        let ids: BTreeSet<&str> = claims.iter().map(|claim| claim.id.as_str()).collect();
        for id in ids {
            let claims = claims.iter().filter(|claim| claim.id == id);
            controls
                .entry(id.to_owned())
                .or_default()
                .add(record, claims);
        }
    }
    controls
}

impl ControlEvidence {
    fn add<'a>(
        &mut self,
        record: &Record,
        claims: impl Iterator<Item = &'a ControlRecord> + Clone,
    ) {
        let mut strengths = BTreeSet::new();
        for claim in claims.clone() {
            strengths.insert(claim.strength.as_str());
            self.rules.insert(claim.rule.clone());
            if !claim.mechanism.is_empty() {
                self.mechanisms.insert(claim.mechanism.clone());
            }
        }
        for strength in strengths {
            increment(&mut self.strengths, strength);
        }
        match &record.event {
            Event::Decision(decision) => increment(&mut self.verdicts, &decision.verdict),
            Event::Outcome(outcome) => self.add_outcome(outcome, claims),
            // No other record claims controls.
            _ => {}
        }
        self.sequences.push(record.sequence);
    }

    /// A rule has one effect, so that a claim is either of a mask or of a limit.
    fn add_outcome<'a>(
        &mut self,
        outcome: &OutcomeRecord,
        mut claims: impl Iterator<Item = &'a ControlRecord> + Clone,
    ) {
        let by_mask = |claim: &ControlRecord| {
            !outcome.cut || outcome.masked.iter().any(|mask| mask.rule == claim.rule)
        };
        if claims.clone().any(by_mask) {
            self.masked = self.masked.saturating_add(1);
        }
        if claims.any(|claim| !by_mask(claim)) {
            self.cut = self.cut.saturating_add(1);
        }
    }
}

fn increment(counts: &mut BTreeMap<String, u64>, name: &str) {
    let count = counts.entry(name.to_owned()).or_default();
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::events;
    use crate::record::{LeftOut, MaskedRecord, OperationResult};

    #[test]
    fn records_are_grouped_by_control_with_what_earned_it() {
        let mut records: Vec<Record> = Vec::new();
        for (mut event, sequence) in events().into_iter().chain(events()).zip(0..) {
            if let (Event::Decision(decision), true) = (&mut event, sequence > 12) {
                decision.verdict = "allow".into();
                let first = decision.controls[0].clone();
                let mut second = first.clone();
                second.strength = "supports".into();
                second.mechanism = String::new();
                let mut third = second.clone();
                third.id = "au-2".into();
                decision.controls = [first, second, third].into();
            }
            records.push(Record {
                sequence,
                time: String::new(),
                session: None,
                buffered: false,
                event,
            });
        }
        let controls = by_control(&records);
        insta::assert_debug_snapshot!(controls["ac-3"], @r#"
        ControlEvidence {
            strengths: {
                "implements": 4,
                "supports": 1,
            },
            verdicts: {
                "allow": 1,
                "block": 1,
            },
            masked: 0,
            cut: 2,
            rules: {
                "no_drop",
            },
            mechanisms: {
                "M10",
            },
            sequences: [
                7,
                12,
                26,
                31,
            ],
        }
        "#);
        assert_eq!(controls.keys().collect::<Vec<_>>(), ["ac-3", "au-2"]);
        assert_eq!(controls["au-2"].sequences, [26]);
        assert!(controls["au-2"].mechanisms.is_empty());
    }

    #[test]
    fn masked_and_cut_outcomes_are_counted_apart() {
        let control = |id: &str, rule: &str| ControlRecord {
            id: id.into(),
            strength: "implements".into(),
            mechanism: "M10".into(),
            rule: rule.into(),
        };
        let outcome = |masks: &[&str], cut: bool, controls: Vec<ControlRecord>| Record {
            sequence: 0,
            time: String::new(),
            session: None,
            buffered: false,
            event: Event::Outcome(Box::new(OutcomeRecord {
                operation: "op".into(),
                result: OperationResult::Completed,
                code: String::new(),
                rows: 1,
                bytes: 1,
                masked: masks
                    .iter()
                    .map(|rule| MaskedRecord {
                        class: "ssn".into(),
                        rule: (*rule).into(),
                        values: 1,
                    })
                    .collect(),
                cut,
                controls,
                history: None,
                left_out: LeftOut::default(),
            })),
        };
        let both = vec![
            control("ac-4", "hide"),
            control("ac-6", "few"),
            control("sc-7", "few"),
            control("sc-7", "hide"),
        ];
        let controls = by_control(&[
            outcome(&["hide"], true, both),
            outcome(&["hide"], false, vec![control("ac-4", "hide")]),
            outcome(&[], true, vec![control("ac-6", "few")]),
        ]);
        let counts = |id: &str| (controls[id].masked, controls[id].cut);
        assert_eq!(counts("ac-4"), (2, 0));
        assert_eq!(counts("ac-6"), (0, 2));
        assert_eq!(counts("sc-7"), (1, 1));
    }
}
