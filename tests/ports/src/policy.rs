//! The parts of a policy built by hand, and what puts it in force without a compiler.

use std::sync::Arc;

use hpol_bundle::bundle::{Bundle, Provenance, Tests};
use hpol_bundle::policy::{
    Claim, Condition, Effect, Group, Policy, Predicate, Rule, Source, Strength, Test,
};
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_session::policy::InForce;

/// The policy as [`hpol_session::door::Door::install`] takes it, under a digest of `digest` alone.
pub fn in_force(policy: Policy, digest: u8) -> Arc<InForce> {
    in_force_with(policy, Vocabulary::builtin().clone(), digest)
}

/// As [`in_force`], with facts of its own in `vocabulary`.
pub fn in_force_with(policy: Policy, vocabulary: Vocabulary, digest: u8) -> Arc<InForce> {
    let bundle = Bundle {
        program: lower(&policy, &vocabulary).unwrap(),
        policy,
        vocabulary,
        provenance: Provenance {
            compiler_version: "test".to_owned(),
            sequence: 1,
            sources: Vec::new(),
            catalogue: "test".to_owned(),
            tests: Tests {
                passed: 0,
                failed: 0,
            },
        },
    };
    Arc::new(InForce::new(bundle, [digest; 32]).unwrap())
}

/// The rule `shop.<name>`, which implements AC-3.
pub fn rule(name: &str, condition: Condition, effect: Effect) -> Rule {
    Rule {
        name: format!("shop.{name}"),
        title: name.to_owned(),
        because: format!("reason of {name}"),
        claims: vec![Claim {
            control: "ac-3".to_owned(),
            strength: Strength::Implements,
            mechanism: "M04".to_owned(),
            because: None,
        }],
        condition,
        effect,
        observe: false,
        source: Source::default(),
    }
}

/// The approvers `shop.dbas`: who is in `dba`.
pub fn dbas() -> Group {
    Group {
        name: "shop.dbas".to_owned(),
        condition: member("dba"),
    }
}

/// The subject is in `group`.
pub fn member(group: &str) -> Condition {
    test("subject.groups", Predicate::HasAny(vec![group.into()]))
}

/// The fact of this name fulfils `predicate`.
pub fn test(fact: &str, predicate: Predicate) -> Condition {
    let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}
