//! Files that are and are not bundles. The numbers are those of the project's abuse cases.

use super::*;
use crate::facts::Value;
use crate::policy::{Condition, Effect, GroupId, Predicate, Rule, Source, Test};
use crate::program::lower::lower;
use crate::vocabulary::FactId;

fn bundle(sequence: u64) -> Bundle {
    let vocabulary = Vocabulary::builtin().clone();
    let (fact, _) = vocabulary.lookup("sql.verbs").unwrap();
    let test = |predicate| {
        Condition::Test(Test {
            fact,
            default: Some(Value::Set(vec![])),
            predicate,
        })
    };
    let rule = |name: &str, condition, effect| Rule {
        name: name.into(),
        title: String::new(),
        because: "why".into(),
        claims: vec![],
        condition,
        effect,
        observe: false,
        source: Source::default(),
    };
    let rules = vec![
        rule(
            "p.drop",
            test(Predicate::HasAny(vec!["drop".into()])),
            Effect::Block {
                message: "no".into(),
                terminates: false,
            },
        ),
        rule(
            "p.read",
            test(Predicate::Within(vec!["select".into()])),
            Effect::ALLOW,
        ),
    ];
    let policy = Policy {
        rules,
        ..Policy::default()
    };
    let program = lower(&policy, &vocabulary).unwrap();
    let provenance = Provenance {
        compiler_version: "0.1.0".into(),
        sequence,
        ..Provenance::default()
    };
    Bundle {
        policy,
        program,
        vocabulary,
        provenance,
    }
}

struct Signed {
    file: Vec<u8>,
    trusted: TrustedKeys,
    key: SigningKey,
}

fn signed(bundle: &Bundle) -> Signed {
    let key = SigningKey::generate().unwrap();
    Signed {
        file: encode(bundle, &key).unwrap(),
        trusted: TrustedKeys::new(vec![key.public()]),
        key,
    }
}

/// The bundle with the conditions read too.
fn whole(loaded: &Loaded) -> Result<Bundle, LoadBundle> {
    let Bundle {
        program,
        vocabulary,
        provenance,
        ..
    } = loaded.bundle.clone();
    Ok(Bundle {
        policy: loaded.policy()?,
        program,
        vocabulary,
        provenance,
    })
}

/// A file with a genuine signature around any payload.
fn sign_payload(payload: &[u8], key: &SigningKey) -> Vec<u8> {
    let header = Header {
        length: payload.len() as u64,
        digest: sha256(payload),
        key: key.public().id(),
    };
    [header.sign(key).unwrap(), payload.to_vec()].concat()
}

#[test]
fn a_bundle_survives_and_the_same_bundle_gives_the_same_bytes() {
    let bundle = bundle(7);
    let Signed { file, trusted, key } = signed(&bundle);
    let loaded = Bundle::load(&file, &trusted, Some(7)).unwrap();
    assert_eq!(whole(&loaded), Ok(bundle.clone()));
    assert_eq!(loaded.key, key.public().id());
    assert_eq!(encode(&bundle, &key).unwrap(), file);
    let other = signed(&bundle);
    assert_eq!(
        Bundle::load(&other.file, &other.trusted, None)
            .unwrap()
            .digest,
        loaded.digest
    );
}

#[test]
fn b_01_bit_flip_is_refused() {
    let Signed { file, trusted, .. } = signed(&bundle(1));
    for index in 0..file.len() {
        for bit in [0, 7] {
            let mut altered = file.clone();
            altered[index] ^= 1 << bit;
            let error = Bundle::load(&altered, &trusted, None).unwrap_err();
            let expected = match index {
                0..8 => matches!(error, LoadBundle::NotABundle),
                8..10 => matches!(
                    error,
                    LoadBundle::NewerFormat { .. }
                        | LoadBundle::OlderFormat { .. }
                        | LoadBundle::UnknownFormat { .. }
                ),
                10..50 => matches!(error, LoadBundle::BadSignature { .. }),
                50..58 => matches!(error, LoadBundle::UnknownKey { .. }),
                58..122 => matches!(error, LoadBundle::BadSignature { .. }),
                _ => error == LoadBundle::Altered,
            };
            assert!(expected, "byte {index}: {error}");
        }
    }
}

#[test]
fn b_01_cut_or_extended_file_is_refused() {
    let Signed {
        mut file, trusted, ..
    } = signed(&bundle(1));
    for end in 0..file.len() {
        let error = Bundle::load(&file[..end], &trusted, None).unwrap_err();
        let expected = if end < 8 {
            LoadBundle::NotABundle
        } else {
            error.clone()
        };
        assert_eq!(error, expected);
        assert!(
            end < 8 || matches!(error, LoadBundle::Truncated { found, .. } if found == end),
            "{end}: {error}"
        );
    }
    file.push(0);
    assert_eq!(
        Bundle::load(&file, &trusted, None),
        Err(LoadBundle::Altered)
    );
}

#[test]
fn b_01_wrong_key_and_no_key_are_refused() {
    let Signed { file, key, .. } = signed(&bundle(1));
    let unknown = Err(LoadBundle::UnknownKey {
        key: key.public().id(),
    });
    assert_eq!(Bundle::load(&file, &TrustedKeys::default(), None), unknown);
    let other = SigningKey::generate().unwrap();
    assert_eq!(
        Bundle::load(&file, &TrustedKeys::new(vec![other.public()]), None),
        unknown
    );
}

/// Naming a trusted key does not help who does not have it.
#[test]
fn b_01_signature_of_another_key_is_refused() {
    let Signed { file, trusted, key } = signed(&bundle(1));
    let other = SigningKey::generate().unwrap();
    let mut forged = file[..58].to_vec();
    forged.extend_from_slice(&other.sign(&file[..58]).unwrap());
    forged.extend_from_slice(&file[122..]);
    let bad = LoadBundle::BadSignature {
        key: key.public().id(),
    };
    assert_eq!(Bundle::load(&forged, &trusted, None), Err(bad));
}

#[test]
fn b_01_unsigned_is_refused() {
    let Signed {
        mut file,
        trusted,
        key,
    } = signed(&bundle(1));
    file[58..122].fill(0);
    assert_eq!(
        Bundle::load(&file, &trusted, None),
        Err(LoadBundle::BadSignature {
            key: key.public().id()
        })
    );
    let payload = postcard::to_stdvec(&bundle(1)).unwrap();
    assert_eq!(
        Bundle::load(&payload, &trusted, None),
        Err(LoadBundle::NotABundle)
    );
}

#[test]
fn b_02_older_bundle_is_refused() {
    let Signed { file, trusted, .. } = signed(&bundle(4));
    assert_eq!(
        Bundle::load(&file, &trusted, Some(5)),
        Err(LoadBundle::Rollback {
            offered: 4,
            loaded: 5
        })
    );
    assert!(Bundle::load(&file, &trusted, Some(4)).is_ok());
    assert!(Bundle::load(&file, &trusted, Some(3)).is_ok());
}

/// Header of one bundle, payload of another, both genuine.
#[test]
fn b_02_mixed_and_matched_bundle_is_refused() {
    let key = SigningKey::generate().unwrap();
    let trusted = TrustedKeys::new(vec![key.public()]);
    let (old, new) = (
        encode(&bundle(1), &key).unwrap(),
        encode(&bundle(2), &key).unwrap(),
    );
    let mixed = [&new[..122], &old[122..]].concat();
    assert_eq!(
        Bundle::load(&mixed, &trusted, None),
        Err(LoadBundle::Altered)
    );
}

#[test]
fn b_03_too_large_is_refused_before_anything_else() {
    let file = vec![0; MAX_BYTES + 1];
    let too_large = LoadBundle::TooLarge {
        bytes: MAX_BYTES + 1,
    };
    assert_eq!(
        Bundle::load(&file, &TrustedKeys::default(), None),
        Err(too_large)
    );
}

#[test]
fn newer_older_and_unknown_formats_are_told_apart() {
    let Signed { file, trusted, .. } = signed(&bundle(1));
    let with_format = |format: u16| [&file[..8], &format.to_le_bytes(), &file[10..]].concat();
    assert_eq!(
        Bundle::load(&with_format(FORMAT + 1), &trusted, None),
        Err(LoadBundle::NewerFormat { found: FORMAT + 1 })
    );
    assert_eq!(
        Bundle::load(&with_format(FORMAT - 1), &trusted, None),
        Err(LoadBundle::OlderFormat { found: FORMAT - 1 })
    );
    assert_eq!(
        Bundle::load(&with_format(0), &trusted, None),
        Err(LoadBundle::UnknownFormat { found: 0 })
    );
}

/// Even who holds the key cannot make the loader panic, loop or allocate beyond the file: every truncation and many
/// alterations of a payload, signed again, are refused or give a bundle that holds together.
#[test]
fn b_05_hostile_payload_with_a_genuine_signature_does_no_harm() {
    let key = SigningKey::generate().unwrap();
    let trusted = TrustedKeys::new(vec![key.public()]);
    let payload = super::payload(&bundle(1)).unwrap();
    let mut unread = 0;
    for end in (0..payload.len()).step_by(7) {
        let error = Bundle::load(&sign_payload(&payload[..end], &key), &trusted, None).unwrap_err();
        assert!(matches!(error, LoadBundle::Corrupt { .. }), "{error}");
    }
    for index in (0..payload.len()).step_by(3) {
        for byte in [0x00, 0x7f, 0xff] {
            let mut altered = payload.clone();
            altered[index] = byte;
            match Bundle::load(&sign_payload(&altered, &key), &trusted, None) {
                Ok(loaded) => {
                    let Bundle {
                        program,
                        policy,
                        vocabulary,
                        ..
                    } = &loaded.bundle;
                    assert!(program.validate(policy, vocabulary).is_ok());
                    match loaded.policy() {
                        Ok(policy) => assert_eq!(policy.rules.len(), program.rules()),
                        Err(LoadBundle::Corrupt { .. }) => unread += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
                Err(error) => assert!(matches!(error, LoadBundle::Corrupt { .. }), "{error}"),
            }
        }
    }
    assert!(unread > 10, "{unread}");
    let lie = [0xff, 0xff, 0xff, 0xff, 0x0f].repeat(4);
    assert!(Bundle::load(&sign_payload(&lie, &key), &trusted, None).is_err());
}

#[test]
fn b_05_parts_that_do_not_fit_together_are_refused() {
    let refused = |bundle: &Bundle| {
        let Signed { file, trusted, .. } = signed(bundle);
        match Bundle::load(&file, &trusted, None) {
            Err(LoadBundle::Corrupt { what }) => what,
            other => panic!("{other:?}"),
        }
    };
    let mut missing_rule = bundle(1);
    missing_rule.policy.rules.pop();
    assert_eq!(
        refused(&missing_rule),
        "the graph is of another number of rules"
    );

    let mut no_group = bundle(1);
    no_group.policy.rules[0].effect = Effect::RequireApproval {
        quorum: 1,
        group: GroupId(0),
        within_seconds: 1,
        stands_seconds: None,
    };
    assert_eq!(
        refused(&no_group),
        "a rule names a group or class that is not there, or needs no approver"
    );

    let mut other_vocabulary = bundle(1);
    let entry =
        "[[fact]]\nname = \"a\"\ntype = \"int\"\nphase = \"session\"\ndoc = \"\"\nexample = \"\"\n";
    other_vocabulary.vocabulary = Vocabulary::parse(entry).unwrap();
    other_vocabulary
        .policy
        .rules
        .iter_mut()
        .for_each(|rule| rule.condition = Condition::All(vec![]));
    assert_eq!(
        refused(&other_vocabulary),
        "the graph reads a fact that is not there"
    );
}

/// What decides does not read conditions. Who does is told where they are not those of the policy.
#[test]
fn b_05_conditions_that_do_not_fit_are_refused_when_they_are_read() {
    let key = SigningKey::generate().unwrap();
    let trusted = TrustedKeys::new(vec![key.public()]);
    let load = |payload: &[u8]| Bundle::load(&sign_payload(payload, &key), &trusted, None);
    let corrupt = |payload: &[u8]| match load(payload).unwrap().policy() {
        Err(LoadBundle::Corrupt { what }) => what,
        other => panic!("{other:?}"),
    };
    let parts = |bundle: &Bundle| {
        let (policy, conditions) = Conditions::apart(bundle.policy.clone()).unwrap();
        let Bundle {
            program,
            vocabulary,
            provenance,
            ..
        } = bundle;
        let parts = (policy, program, vocabulary, provenance);
        (postcard::to_stdvec(&parts).unwrap(), conditions)
    };
    let mut no_fact = bundle(1);
    let test = Test {
        fact: FactId(60),
        default: None,
        predicate: Predicate::Present,
    };
    no_fact.policy.rules[0].condition = Condition::Test(test);
    assert_eq!(
        corrupt(&super::payload(&no_fact).unwrap()),
        "a condition reads a fact that is not there"
    );
    let (head, conditions) = parts(&bundle(1));
    let with = |conditions: &[u8]| [&head[..], &postcard::to_stdvec(conditions).unwrap()].concat();
    let conditions = conditions.as_bytes();
    assert_eq!(
        load(&with(conditions)).unwrap().policy(),
        Ok(bundle(1).policy)
    );
    for end in 0..conditions.len() {
        assert!(!corrupt(&with(&conditions[..end])).is_empty());
    }
    assert_eq!(
        corrupt(&with(&[conditions, &[0]].concat())),
        "there are more conditions than rules and groups"
    );
    // Without them, or with something behind them, the file is no bundle at all.
    for payload in [head.clone(), [with(conditions), vec![0]].concat()] {
        assert!(matches!(load(&payload), Err(LoadBundle::Corrupt { .. })));
    }
}

#[test]
fn tools_read_a_bundle_of_any_key_and_nothing_that_is_no_bundle() {
    let bundle = bundle(3);
    let Signed { file, .. } = signed(&bundle);
    let loaded = Bundle::load_danger_unverified(&file).unwrap();
    assert_eq!(whole(&loaded), Ok(bundle));
    for (place, fault) in [
        (0, "not a bundle"),
        (8, "format"),
        (file.len() - 1, "altered"),
    ] {
        let mut altered = file.clone();
        altered[place] ^= 0x10;
        let refused = Bundle::load_danger_unverified(&altered)
            .unwrap_err()
            .to_string();
        assert!(refused.contains(fault), "{place}: {refused}");
    }
    assert!(matches!(
        Bundle::load_danger_unverified(&file[..file.len() - 1]),
        Err(LoadBundle::Truncated { .. })
    ));
}
