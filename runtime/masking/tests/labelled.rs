//! The detectors on labelled lines, hard negatives among them: what is found must be exactly what is labelled.

use hpol_bundle::policy::Mask;
use hpol_masking::{Detector, Entry, Masker};

#[test]
fn findings_are_exactly_those_labelled() {
    let entries = Detector::ALL.map(|detector| Entry::of_detectors(Mask::Redact, vec![detector]));
    let masker = Masker::new(entries.into(), None).unwrap();
    let mut wrong = Vec::new();
    for line in include_str!("data/labelled.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        let found: Vec<_> = masker
            .findings(text.as_bytes())
            .map(|(slot, range)| serde_json::json!([Detector::ALL[slot].name(), text[range]]))
            .collect();
        if case["findings"] != serde_json::Value::Array(found.clone()) {
            wrong.push(format!(
                "{text:?}\n  labelled {}\n  found    {found:?}",
                case["findings"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
