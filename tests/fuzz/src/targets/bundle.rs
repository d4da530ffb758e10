//! Bundle files. Whoever can write one without a trusted key gets as far as the signature; the payload is fuzzed behind it,
//! since whoever holds a key may still not crash a gateway.

use std::sync::LazyLock;

use hpol_bundle::bundle::{Bundle, LoadBundle, Provenance, TrustedKeys, encode};
use hpol_bundle::digest::sha256;
use hpol_bundle::facts::Facts;
use hpol_bundle::policy::RuleId;
use hpol_bundle::signature::SigningKey;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_engine::decide_once;
use hpol_hir::Workspace;

use crate::Target;

/// The whole file.
pub(crate) const FILE: Target = Target {
    name: "bundle_file",
    run: file,
    seeds: || vec![sample()],
    short: 2_000,
};

/// The payload, under a header that fits it.
pub(crate) const PAYLOAD: Target = Target {
    name: "bundle_payload",
    run: payload,
    seeds: || vec![sample().split_off(HEADER_BYTES)],
    short: 1_000,
};

/// Bytes before the payload, and where in them the length and the digest of the payload stand (`bundle/header.rs`).
const HEADER_BYTES: usize = 122;
const FITTED: std::ops::Range<usize> = 10..50;

const POLICY: &str = include_str!("../../../../policies/orders/orders.hpol");

/// A bundle of a real policy, and the key that signed it.
fn signed() -> &'static (Vec<u8>, TrustedKeys) {
    static SIGNED: LazyLock<(Vec<u8>, TrustedKeys)> = LazyLock::new(|| {
        let mut workspace = Workspace::new();
        workspace.set_file("orders.hpol", POLICY);
        let bundle = Bundle {
            policy: workspace.policy().unwrap(),
            program: workspace.program().unwrap(),
            vocabulary: Vocabulary::builtin().clone(),
            provenance: Provenance::default(),
        };
        let key = SigningKey::generate().unwrap();
        let file = encode(&bundle, &key).unwrap();
        (file, TrustedKeys::new(vec![key.public()]))
    });
    &SIGNED
}

fn sample() -> Vec<u8> {
    signed().0.clone()
}

/// Nothing is loaded but what the trusted key signed.
fn file(bytes: &[u8]) {
    let (genuine, trusted) = signed();
    let loaded = Bundle::load(bytes, trusted, None);
    assert_eq!(loaded.is_ok(), bytes == genuine, "{loaded:?}");
}

/// Whatever was signed is refused, or can be decided by.
fn payload(bytes: &[u8]) {
    let mut file = sample();
    file.truncate(HEADER_BYTES);
    let length = u64::try_from(bytes.len()).unwrap().to_le_bytes();
    let fitting = length.into_iter().chain(sha256(bytes));
    file.splice(FITTED, fitting);
    file.extend_from_slice(bytes);
    match Bundle::load_danger_unverified(&file) {
        Ok(loaded) => {
            // Tools read the conditions too: they fit the rules, or are refused.
            if let Ok(policy) = loaded.policy() {
                assert_eq!(policy.rules.len(), loaded.bundle.policy.rules.len());
            }
            for protocol in [Protocol::Postgres, Protocol::Http] {
                let program = &loaded.bundle.program;
                let decision = decide_once(program, protocol, &Facts::new());
                let rules = loaded.bundle.policy.rules.len();
                let lists = [&decision.block, &decision.approve, &decision.allow];
                let known = |rule: &RuleId| usize::try_from(rule.0).is_ok_and(|rule| rule < rules);
                assert!(
                    lists.into_iter().flatten().all(known),
                    "a rule that is not there"
                );
            }
        }
        Err(LoadBundle::Corrupt { .. } | LoadBundle::TooLarge { .. }) => {}
        Err(other) => panic!("the header fits, and yet: {other}"),
    }
}
