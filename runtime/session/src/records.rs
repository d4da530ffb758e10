//! Builds the records of decisions and outcomes. Which shapes there are stands in `hpol_evidence::record`.

use std::io;
use std::sync::Arc;

use hpol_bundle::policy::{Rule, Strength, Unread};
use hpol_evidence::canonical::INTEGER_LIMIT;
use hpol_evidence::record::{ControlRecord, DecisionRecord, LeftOut, OutcomeRecord, StandsRecord};
use serde::Serialize;

use crate::approvals::Requirement;
use crate::judgement::Judgement;

/// The built-in rule that decides where no rule of the policy does.
pub(crate) const DEFAULT_DENY: &str = "default_deny";

/// Who decided where a connection is in observe, and rules would have blocked or held the operation.
pub(crate) const OBSERVE: &str = "observe";

/// Who decided where the gateway itself could not go on.
pub(crate) const GATEWAY: &str = "gateway";

/// Longest masked text in a record, as it is written there; the digest covers the whole.
pub(crate) const MAX_MASKED_BYTES: usize = 16 * 1024;

/// Longest reason in a record, as it is written there: some come from what a client sent.
pub(crate) const MAX_REASON_BYTES: usize = 4 * 1024;

/// Longest code of an upstream in a record; SQLSTATE has five characters, an HTTP status three.
pub(crate) const MAX_CODE_BYTES: usize = 64;

/// Bytes of a decision's lists, so that with the longest texts the record still fits into the log.
const MAX_RULES_BYTES: usize = 6 * 1024;
const MAX_OBSERVED_BYTES: usize = 4 * 1024;
const MAX_EXCEPTIONS_BYTES: usize = 2 * 1024;

const MAX_CONTROLS_BYTES: usize = 8 * 1024;

/// What each decision record shows of the mechanisms that are always on (nist-mappings, M01 and M15): who asked is bound
/// to the record, and the record itself has been generated with its content.
const ALWAYS: [(&str, &str, &str); 3] = [
    ("au-3", "implements", "M15"),
    ("au-10.1", "implements", "M01"),
    ("au-12", "implements", "M15"),
];

/// What a default denial shows (nist-mappings, M05).
const DENIED_BY_DEFAULT: [(&str, &str, &str); 3] = [
    ("ac-3", "implements", "M05"),
    ("ac-24", "implements", "M05"),
    ("sc-7.5", "supports", "M05"),
];

/// The mechanism that a row limit exercises (nist-mappings).
pub(crate) const LIMITS: &str = "M23";

/// What a decision's record says of why it was decided so, with as much as fits.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) rules: Vec<String>,
    pub(crate) reason: String,
    pub(crate) controls: Arc<[ControlRecord]>,
    /// Of rules and controls.
    pub(crate) left_out: LeftOut,
}

impl Said {
    pub(crate) fn of(judgement: &Judgement) -> Said {
        let by_gateway =
            (judgement.refusal.is_some() && judgement.rules.is_empty()) || judgement.is_observed();
        let mut rules = judgement.rule_names();
        let mut controls = if by_gateway {
            always()
        } else {
            controls(judgement.determining())
        };
        let left_out = LeftOut {
            rules: fit(&mut rules, MAX_RULES_BYTES),
            controls: fit_controls(&mut controls),
            ..LeftOut::default()
        };
        Said {
            rules,
            reason: cut(&judgement.reason(), MAX_REASON_BYTES),
            controls: controls.into(),
            left_out,
        }
    }
}

/// The controls that `rule` claims.
pub(crate) fn claims<C>(rule: &Rule<C>) -> Vec<ControlRecord> {
    rule.claims
        .iter()
        .map(|claim| ControlRecord {
            id: claim.control.clone(),
            strength: claim.strength.as_str().to_owned(),
            mechanism: claim.mechanism.clone(),
            rule: rule.name.clone(),
        })
        .collect()
}

/// The controls of a decision by `rules`; by `default_deny` where there is none.
pub(crate) fn controls<'a>(
    rules: impl IntoIterator<Item = &'a Rule<Unread>>,
) -> Vec<ControlRecord> {
    let mut rules = rules.into_iter().peekable();
    // A rule may claim nothing, and then nobody else may claim for it.
    let mut controls: Vec<ControlRecord> = match rules.peek() {
        None => builtin(&DENIED_BY_DEFAULT, DEFAULT_DENY),
        Some(_) => rules.flat_map(claims).collect(),
    };
    controls.extend(always());
    controls.sort();
    controls.dedup();
    controls
}

/// The controls of any record of the gateway.
pub(crate) fn always() -> Vec<ControlRecord> {
    builtin(&ALWAYS, GATEWAY)
}

/// Leaves out what does not fit of the lists that [`Said`] has not, and counts it.
pub(crate) fn fit_decision(record: &mut DecisionRecord) {
    let left_out = &mut record.left_out;
    left_out.obligations = fit(&mut record.obligations, MAX_RULES_BYTES / 2);
    left_out.observed = fit(&mut record.observed, MAX_OBSERVED_BYTES);
    left_out.exceptions = fit(&mut record.exceptions, MAX_EXCEPTIONS_BYTES);
}

/// Leaves out what does not fit, and counts it.
pub(crate) fn fit_outcome(record: &mut OutcomeRecord) {
    record.left_out.masked = fit(&mut record.masked, MAX_RULES_BYTES);
    record.left_out.controls = fit_controls(&mut record.controls);
}

/// As many of `rules` as fit, for a record whose operation has a decision that counts the others.
pub(crate) fn fit_rules(mut rules: Vec<String>) -> Vec<String> {
    fit(&mut rules, MAX_RULES_BYTES);
    rules
}

/// The rules among `required` that let the approval stand, as many as fit.
pub(crate) fn fit_stands(required: &[Requirement]) -> Vec<StandsRecord> {
    let stands = required.iter().filter_map(|rule| {
        Some(StandsRecord {
            rule: rule.name.clone(),
            seconds: rule.stands_seconds?,
        })
    });
    let mut stands: Vec<StandsRecord> = stands.collect();
    fit(&mut stands, MAX_RULES_BYTES);
    stands
}

/// Keeps each control once, by its strongest claim, before keeping one twice: what is evidence of a control is found by it.
fn fit_controls(controls: &mut Vec<ControlRecord>) -> u64 {
    controls.sort_by(|left, right| {
        let by_strength = rank(&right.strength).cmp(&rank(&left.strength));
        let by_control = left.id.cmp(&right.id).then(by_strength);
        by_control.then_with(|| left.cmp(right))
    });
    let (mut once, mut again) = (Vec::new(), Vec::new());
    for claim in controls.drain(..) {
        let before = once.last().map(|claim: &ControlRecord| claim.id.as_str());
        if before == Some(claim.id.as_str()) {
            again.push(claim);
        } else {
            once.push(claim);
        }
    }
    once.append(&mut again);
    *controls = once;
    let left_out = fit(controls, MAX_CONTROLS_BYTES);
    controls.sort();
    left_out
}

/// Cuts `items` where their JSON would be longer than `limit` bytes; returns how many were left out.
fn fit<T: Serialize>(items: &mut Vec<T>, limit: usize) -> u64 {
    let mut written = Counted(0);
    let fits = items.iter().take_while(|item| {
        // INVARIANT: records hold nothing that cannot be written. What could not be takes all the room.
        let comma = serde_json::to_writer(&mut written, item).map_or(limit, |()| 1);
        written.0 = written.0.saturating_add(comma);
        written.0 <= limit
    });
    let kept = fits.count();
    let left_out = items.len().saturating_sub(kept);
    items.truncate(kept);
    u64::try_from(left_out).unwrap_or(u64::MAX)
}

/// How many bytes were written.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `text`, cut where its canonical JSON would be longer than `limit` bytes: escaping makes some characters six times as
/// long, and a record that does not fit is no record.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    let mut written: usize = 0;
    for (at, character) in text.char_indices() {
        written = written.saturating_add(written_bytes(character));
        if written > limit {
            let kept = text.get(..at).unwrap_or_default();
            return format!("{kept}... [{} bytes in all]", text.len());
        }
    }
    text.to_owned()
}

/// `count`, or the largest number that a record can hold.
pub(crate) fn count(count: u64) -> u64 {
    count.min(INTEGER_LIMIT)
}

/// `why` without what it quotes, which can be a literal of what was sent: nothing from a quotation mark on, since parsers
/// quote last and may cut what they quote, and nothing between backticks, which are in messages of our own.
pub(crate) fn unquoted(why: &str) -> String {
    let words = match why.split_once('"') {
        Some((words, _)) => format!("{words}\"...\""),
        None => why.to_owned(),
    };
    match words.split_once('`') {
        // Literals hold backticks too, so only the last one is known to be the end.
        Some((before, quoted)) => {
            let after = quoted.rsplit_once('`').map_or("", |(_, after)| after);
            format!("{before}`...`{after}")
        }
        None => words,
    }
}

/// Bytes of `character` in canonical JSON (RFC 8785 section 3.2.2.2).
fn written_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        control if control < ' ' => 6,
        plain => plain.len_utf8(),
    }
}

fn builtin(entries: &[(&str, &str, &str)], rule: &str) -> Vec<ControlRecord> {
    entries
        .iter()
        .map(|(id, strength, mechanism)| ControlRecord {
            id: (*id).to_owned(),
            strength: (*strength).to_owned(),
            mechanism: (*mechanism).to_owned(),
            rule: rule.to_owned(),
        })
        .collect()
}

/// The strength that a claim is written with, to compare by.
fn rank(written: &str) -> Option<Strength> {
    let all = [
        Strength::Evidences,
        Strength::Supports,
        Strength::Implements,
    ];
    all.into_iter().find(|known| known.as_str() == written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_control_that_is_claimed_very_often_the_strongest_claim_stays() {
        let claim = |strength: &str, index: usize| ControlRecord {
            id: "ac-23".to_owned(),
            strength: strength.to_owned(),
            mechanism: "M23".to_owned(),
            rule: format!("{index:03}_{}", "x".repeat(60)),
        };
        let mut controls: Vec<ControlRecord> =
            (0..200).map(|index| claim("evidences", index)).collect();
        controls.push(claim("supports", 200));
        controls.push(claim("implements", 201));
        let left_out = fit_controls(&mut controls);
        assert_eq!(controls.len() as u64 + left_out, 202);
        assert!(left_out > 0);
        for strength in ["implements", "supports"] {
            assert!(
                controls.iter().any(|claim| claim.strength == strength),
                "{strength}"
            );
        }
    }
}
