//! Policy files: parser, checker and compiler.

use hpol_bundle::bundle::{Bundle, Provenance, encode};
use hpol_bundle::signature::SigningKey;
use hpol_hir::{Severity, Workspace};

use crate::Target;

/// A file of a policy.
pub(crate) const POLICY: Target = Target {
    name: "policy",
    run,
    seeds,
    short: 1_500,
};

const FILE: &str = "fuzzed.hpol";

/// A policy that brings facts of its own, and looks back.
const OWN_FACTS: &str = "package a
schedule office = weekdays 09:00-17:00 in \"Europe/Berlin\"
rule b {
    satisfies AC-3
    who (subject.claims[\"team\"] or \"\") == \"core\"
    when not during office and count(sql.verbs has delete) within 1h > 3
    block
}
exception c to b {
    who subject.id == \"x\"
    because \"the night is ours\"
    owner \"team\"
    until 2031-03-31
}
";

fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut workspace = Workspace::new();
    workspace.set_file(FILE, text.clone());
    let diagnostics = workspace.diagnostics();
    for diagnostic in &diagnostics {
        for label in &diagnostic.labels {
            let (start, end) = (label.span.start, label.span.end);
            assert!(text.get(start..end).is_some(), "no place: {label:?}");
        }
    }
    let wrong = diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(workspace.policy().is_err(), wrong, "a policy and errors");
    let (Ok(policy), Ok(program)) = (workspace.policy(), workspace.program()) else {
        return;
    };
    let bundle = Bundle {
        policy,
        program,
        vocabulary: workspace.vocabulary().clone(),
        provenance: Provenance::default(),
    };
    let file = encode(&bundle, &SigningKey::generate().unwrap()).unwrap();
    let loaded = Bundle::load_danger_unverified(&file).and_then(|loaded| loaded.policy());
    assert!(loaded.is_ok(), "compiled, and does not load: {loaded:?}");
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    [
        include_str!("../../../../policies/orders/orders.hpol"),
        include_str!("../../../../policies/orders/orders_test.hpol"),
        include_str!("../../../../policies/baseline-agents/baseline.hpol"),
        include_str!("../../../../policies/read-only-analytics/analytics.hpol"),
        "package a\n\nrule b {\n    allow\n}\n",
        OWN_FACTS,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
