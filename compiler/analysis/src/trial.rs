//! For tests: operations that there can be, at random, and what the reference interpreter says comes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use hpol_bundle::address;
use hpol_bundle::decision::{Decision, Observed, Verdict, Would};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{Effect, Policy, RuleId};
use hpol_bundle::vocabulary::{FactType, Protocol, Scalar, Vocabulary};
use hpol_oracle::generate::{self, Random};

const ADDRESSES: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// The seeds of the cases that a test runs: `usual` of them from 0, or as many as `HPOL_ANALYSIS_CASES` says from
/// `HPOL_ANALYSIS_SEED` on.
pub(crate) fn seeds(usual: u64) -> Range<u64> {
    let number = |name: &str| {
        let set = std::env::var(name).ok();
        set.map(|number| number.parse::<u64>().expect("a number"))
    };
    let first = number("HPOL_ANALYSIS_SEED").unwrap_or(0);
    first..first + number("HPOL_ANALYSIS_CASES").unwrap_or(usual)
}

/// Facts that an operation on a connection of `kind` can have.
pub(crate) fn facts(random: &mut Random, kind: Protocol) -> Facts {
    let vocabulary = Vocabulary::builtin();
    let mut facts = generate::facts(random);
    for (id, fact) in vocabulary.iter() {
        let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
        let words = match scalar {
            Scalar::Enum(list) => vocabulary.words(list),
            _ => None,
        };
        let is_word = |text: &str| words.is_none_or(|words| words.iter().any(|word| word == text));
        let possible = match facts.fact(id).clone() {
            _ if fact.name == "connection.kind" => Fact::Known(Value::Text(kind.as_str().into())),
            _ if fact.protocol.is_some_and(|of| of != kind) => Fact::Missing,
            Fact::Missing if !fact.optional => match (&fact.ty, words) {
                (FactType::Set(_), _) => Fact::Known(Value::Set(vec![])),
                (_, Some(words)) => {
                    let word = random.pick(words).unwrap();
                    Fact::Known(Value::Text(word.as_str().into()))
                }
                _ => Fact::Unknown,
            },
            Fact::Known(Value::Text(text)) if !is_word(&text) => {
                let word = random.pick(words.unwrap()).unwrap();
                Fact::Known(Value::Text(word.as_str().into()))
            }
            Fact::Known(Value::Set(mut elements)) => {
                elements.retain(|element| is_word(element));
                Fact::Known(Value::Set(elements))
            }
            // Conditions compare with texts of any kind; what there can be is addresses.
            Fact::Known(Value::Text(_)) if *scalar == Scalar::Address => {
                let address = random.pick(&ADDRESSES).unwrap();
                Fact::Known(Value::Text(address::text(*address)))
            }
            fact => fact,
        };
        facts.set(id, possible);
    }
    facts
}

/// All that comes of an operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Upshot {
    verdict: Verdict,
    demands: BTreeSet<(u32, String, u64, Option<u64>)>,
    masks: BTreeMap<String, (u8, u32)>,
    limit: Option<u64>,
    ends: bool,
    observed: BTreeSet<(String, Would)>,
}

pub(crate) fn upshot(policy: &Policy, decision: &Decision) -> Upshot {
    let effect = |id: &RuleId| policy.rules[id.0 as usize].effect.clone();
    let mut masks = BTreeMap::new();
    for mask in decision.mask.iter().map(effect) {
        let Effect::Mask { class, mask } = mask else {
            panic!("a rule that masks has a mask");
        };
        let class = policy.classes[class.0 as usize].name.clone();
        let strictest: &mut (u8, u32) = masks.entry(class).or_default();
        *strictest = (*strictest).max(mask.strictness());
    }
    let demands = decision.approve.iter().map(effect).map(|effect| {
        let Effect::RequireApproval {
            quorum,
            group,
            within_seconds,
            stands_seconds,
        } = effect
        else {
            panic!("a rule that requires approval says whose");
        };
        let group = &policy.groups[group.0 as usize];
        (quorum, format!("{group:?}"), within_seconds, stands_seconds)
    });
    let goes_ahead = decision.verdict != Verdict::Block;
    let held = decision.verdict == Verdict::RequireApproval;
    let limits = decision.limit.iter().map(effect);
    let ends = |effect| {
        matches!(
            effect,
            Effect::Block {
                terminates: true,
                ..
            }
        )
    };
    let observed = decision
        .observed
        .iter()
        .map(|Observed { would, rule }| (policy.rules[rule.0 as usize].name.clone(), *would));
    Upshot {
        verdict: decision.verdict,
        demands: if held {
            demands.collect()
        } else {
            BTreeSet::new()
        },
        limit: limits
            .filter_map(|effect| effect.row_limit())
            .min()
            .filter(|_| goes_ahead),
        ends: decision.block.iter().map(effect).any(ends),
        masks: if goes_ahead { masks } else { BTreeMap::new() },
        observed: observed.collect(),
    }
}
