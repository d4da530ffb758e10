//! The report as an OSCAL component definition (OSCAL 1.1.2, "Component Definition Model"): two components, the policy and the
//! gateway, each with the requirements that it carries. What is open is in neither; rules in observe that would carry something are
//! properties of the policy.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use hpol_bundle::digest::sha256;
use hpol_bundle::policy::Policy;
use hpol_nist_mappings::catalogue;
use serde_json::{Value, json};

use super::assess::{Coverage, Covered, mechanism};
use crate::exit::Failure;
use crate::visible;

const OSCAL: &str = "1.1.2";
/// The catalogue that control ids are of, as NIST publishes it.
const SOURCE: &str = "https://raw.githubusercontent.com/usnistgov/oscal-content/main/nist.gov/SP800-53/rev5/json/NIST_SP-800-53_rev5_catalog.json";
/// Whose names of properties these are.
const NAMESPACE: &str = "https://hpol.invalid/ns/oscal";
const DAY: u64 = 24 * 3600;

/// The component definition of a policy; `now` is its `last-modified`.
pub(super) fn definition(coverage: &Coverage, policy: &Policy, baseline: &str, now: &str) -> Value {
    let names = policy.rules.iter().map(|rule| rule.name.as_str());
    let digest = sha256(names.collect::<Vec<_>>().join("\n").as_bytes());
    let ids = Ids(digest.to_vec());
    let mut components = Vec::new();
    for (name, kind, title, about, requirements) in [
        (
            "policy",
            "policy",
            "hpol policy",
            "Rules that the gateway enforces on every operation.",
            requirements(coverage, &ids, "policy", of_rules),
        ),
        (
            "gateway",
            "software",
            "hpol gateway",
            "What the gateway does for every operation, whatever the policy says.",
            requirements(coverage, &ids, "gateway", of_gateway),
        ),
    ] {
        let mut component = json!({
            "uuid": ids.uuid(name), "type": kind, "title": title, "description": about,
        });
        // An implementation has at least one requirement.
        if let (false, Some(object)) = (requirements.is_empty(), component.as_object_mut()) {
            let implementation = json!([{
                "uuid": ids.uuid(&format!("{name}/implementation")),
                "source": SOURCE,
                "description": format!("Controls of the {baseline} baseline (SP 800-53B) of {}.", catalogue().release()),
                "implemented-requirements": requirements,
            }]);
            object.insert("control-implementations".to_owned(), implementation);
        }
        let idle = if name == "policy" {
            idle(coverage)
        } else {
            Vec::new()
        };
        if let (false, Some(object)) = (idle.is_empty(), component.as_object_mut()) {
            object.insert("props".to_owned(), json!(idle));
        }
        components.push(component);
    }
    json!({"component-definition": {
        "uuid": ids.uuid("definition"),
        "metadata": {
            "title": format!("Controls of the {baseline} baseline that an hpol policy and its gateway carry"),
            "last-modified": now,
            "version": env!("CARGO_PKG_VERSION"),
            "oscal-version": OSCAL,
        },
        "components": components,
    }})
}

/// The rules in observe, as properties: each with the controls that it would carry.
fn idle(coverage: &Coverage) -> Vec<Value> {
    let mut rules: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for covered in &coverage.controls {
        for (claim, why) in &covered.idle {
            let controls = rules.entry((&claim.rule, why.said())).or_default();
            controls.push(covered.control.id.oscal());
        }
    }
    let prop = |((rule, why), controls): ((&str, &str), Vec<String>)| {
        let remarks = format!("Carries nothing, {why}; claims {}.", controls.join(", "));
        json!({"name": "in-observe", "ns": NAMESPACE, "value": visible::line(rule), "remarks": remarks})
    };
    rules.into_iter().map(prop).collect()
}

/// What one component does for a control: who, how strongly, and by what.
type Carries = Vec<(String, &'static str, String)>;

fn of_rules(covered: &Covered) -> Carries {
    let claim = covered.rules.iter().map(|claim| {
        let rule = visible::line(&claim.rule);
        (rule, claim.strength.as_str(), claim.by())
    });
    claim.collect()
}

fn of_gateway(covered: &Covered) -> Carries {
    let mapping = covered.always.iter().map(|mapping| {
        let strength = mapping.strength.as_str();
        (
            mapping.mechanism.to_owned(),
            strength,
            mechanism(mapping.mechanism),
        )
    });
    mapping.collect()
}

fn requirements(
    coverage: &Coverage,
    ids: &Ids,
    component: &str,
    carries: fn(&Covered) -> Carries,
) -> Vec<Value> {
    let of = |covered: &Covered| {
        let carries = carries(covered);
        let id = covered.control.id.oscal();
        let prop = |(who, strength, _): &(String, &str, String)| json!({"name": strength, "ns": NAMESPACE, "value": who});
        let said = carries
            .iter()
            .map(|(who, strength, by)| format!("`{who}` {strength} it: {by}."));
        (!carries.is_empty()).then(|| {
            json!({
                "uuid": ids.uuid(&format!("{component}/{id}")),
                "control-id": id,
                "description": said.collect::<Vec<_>>().join(" "),
                "props": carries.iter().map(prop).collect::<Vec<_>>(),
            })
        })
    };
    coverage.controls.iter().filter_map(of).collect()
}

/// Ids that are the same for the same policy: version 5 in form (RFC 9562), of SHA-256.
struct Ids(Vec<u8>);

impl Ids {
    fn uuid(&self, name: &str) -> String {
        let digest = sha256(&[self.0.as_slice(), name.as_bytes()].concat());
        let mut bytes: [u8; 16] = digest.first_chunk().copied().unwrap_or_default();
        for (index, byte) in bytes.iter_mut().enumerate() {
            match index {
                6 => *byte = *byte & 0x0f | 0x50,
                8 => *byte = *byte & 0x3f | 0x80,
                _ => {}
            }
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        [
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32),
        ]
        .join("-")
    }
}

/// The time, or that of `SOURCE_DATE_EPOCH` where the same input is to give the same bytes.
pub(super) fn now() -> Result<String, Failure> {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok();
    let fixed = fixed.and_then(|seconds| seconds.parse().ok());
    let clock = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map(|since| since.as_secs())
    };
    let seconds = fixed.map_or_else(clock, Ok);
    let seconds = seconds.map_err(|fault| Failure::Internal {
        what: fault.to_string(),
    })?;
    Ok(stamp(seconds))
}

/// Seconds since 1970 as RFC 3339. Days to dates by the algorithm of Hinnant, "chrono-compatible low-level date algorithms".
fn stamp(seconds: u64) -> String {
    let (days, second) = (seconds / DAY, seconds % DAY);
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_dates() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(stamp(1_709_210_096), "2024-02-29T12:34:56Z");
        assert_eq!(stamp(1_798_761_599), "2026-12-31T23:59:59Z");
    }

    #[test]
    fn ids_are_of_version_five() {
        let uuid = Ids(vec![1]).uuid("a");
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "5"));
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
