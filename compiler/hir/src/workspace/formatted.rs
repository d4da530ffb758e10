//! The formatter keeps what a policy means: its typed form, its tests and what is wrong with it, places aside.

use std::sync::LazyLock;

use hpol_bundle::policy::{Policy, Source};
use hpol_syntax::format::{Unformatted, format};
use hpol_syntax::lex::tokens;
use proptest::prelude::*;

use crate::samples::{self, Sample};
use crate::test_case::TestCase;

/// What a policy means wherever its words stand.
#[derive(Debug, PartialEq)]
struct Meaning {
    wrong: Vec<String>,
    policy: Option<Policy>,
    tests: Vec<TestCase>,
}

fn meaning(sample: &Sample) -> Meaning {
    let workspace = sample.workspace();
    let wrong = workspace.diagnostics().into_iter();
    let wrong = wrong.map(|found| format!("{} {}", found.code, found.message));
    let mut policy = workspace.policy().ok();
    if let Some(policy) = &mut policy {
        let rules = policy.rules.iter_mut().map(|rule| &mut rule.source);
        let exceptions = policy.exceptions.iter_mut();
        let responsibilities = policy.responsibilities.iter_mut();
        rules
            .chain(exceptions.map(|exception| &mut exception.source))
            .chain(responsibilities.map(|found| &mut found.source))
            .for_each(|source| *source = Source::default());
    }
    let mut tests = workspace.tests();
    for test in &mut tests {
        test.source = Source::default();
    }
    Meaning {
        wrong: wrong.collect(),
        policy,
        tests,
    }
}

/// The sample with each file formatted; nothing where one cannot be read.
fn formatted(sample: &Sample) -> Option<Sample> {
    let mut files = Vec::new();
    for (name, text) in &sample.files {
        match format(text) {
            Ok(text) => files.push((name.clone(), text)),
            Err(Unformatted::Broken) => return None,
            Err(Unformatted::Meaning) => panic!("{}: would mean something else", sample.from),
        }
    }
    Some(Sample {
        from: sample.from.clone(),
        files,
    })
}

/// The same words with other gaps between them. What stands in the first column stays there.
fn disarranged(text: &str, choices: &[u8]) -> String {
    let mut written = String::with_capacity(text.len());
    let mut end = 0;
    for (token, choice) in tokens(text).into_iter().zip(choices.iter().cycle()) {
        let (start, stop) = (token.span.start as usize, token.span.end as usize);
        let gap = &text[end..start];
        let keeps = gap.is_empty() || gap.contains("//") || gap.ends_with('\n');
        written.push_str(match choice % 5 {
            0 if !keeps => "\n    ",
            1 if !keeps => "\n\n\n\t",
            2 if !keeps && !gap.contains('\n') => "   ",
            _ => gap,
        });
        written.push_str(&text[start..stop]);
        end = stop;
    }
    written.push_str(&text[end..]);
    written
}

static SOUND: LazyLock<Vec<Sample>> = LazyLock::new(samples::sound);

#[test]
fn every_policy_means_the_same_when_it_is_formatted() {
    for sample in &*SOUND {
        let settled = formatted(sample).unwrap();
        assert_eq!(meaning(&settled), meaning(sample), "{}", sample.from);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn however_its_words_are_arranged(
        which in any::<prop::sample::Index>(),
        choices in prop::collection::vec(any::<u8>(), 1..60),
    ) {
        let sample = which.get(&SOUND);
        let files = sample.files.iter();
        let arranged = Sample {
            from: sample.from.clone(),
            files: files
                .map(|(name, text)| (name.clone(), disarranged(text, &choices)))
                .collect(),
        };
        if let Some(settled) = formatted(&arranged) {
            prop_assert_eq!(meaning(&settled), meaning(&arranged), "{:#?}", arranged.files);
        }
    }
}
