//! Builds the records of decisions and outcomes. Which shapes there are stands in `hpol_evidence::record`.

use hpol_bundle::policy::{Rule, Strength};
use hpol_evidence::record::ControlRecord;

/// The built-in rule that decides where no rule of the policy does.
pub(crate) const DEFAULT_DENY: &str = "default_deny";

/// Who decided where the gateway itself could not go on.
pub(crate) const GATEWAY: &str = "gateway";

/// Longest masked text in a record; the digest covers the whole.
pub(crate) const MAX_MASKED_BYTES: usize = 16 * 1024;

/// Longest reason in a record: some come from what a client sent.
pub(crate) const MAX_REASON_BYTES: usize = 4 * 1024;

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

/// The controls that `rule` claims.
pub(crate) fn claims(rule: &Rule) -> Vec<ControlRecord> {
    rule.claims
        .iter()
        .map(|claim| ControlRecord {
            id: claim.control.clone(),
            strength: strength(claim.strength).to_owned(),
            mechanism: claim.mechanism.clone(),
            rule: rule.name.clone(),
        })
        .collect()
}

/// The controls of a decision by `rules`; by `default_deny` where there is none.
pub(crate) fn controls<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<ControlRecord> {
    let mut controls: Vec<ControlRecord> = rules.into_iter().flat_map(claims).collect();
    if controls.is_empty() {
        controls = builtin(&DENIED_BY_DEFAULT, DEFAULT_DENY);
    }
    controls.extend(always());
    controls.sort();
    controls.dedup();
    controls
}

/// The controls of any record of the gateway.
pub(crate) fn always() -> Vec<ControlRecord> {
    builtin(&ALWAYS, GATEWAY)
}

/// `text`, cut to `limit` bytes at a character boundary.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let kept = text
        .get(..text.floor_char_boundary(limit))
        .unwrap_or_default();
    format!("{kept}... [{} bytes in all]", text.len())
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

fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Evidences => "evidences",
        Strength::Supports => "supports",
        Strength::Implements => "implements",
    }
}
