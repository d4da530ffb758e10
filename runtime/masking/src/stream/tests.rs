//! Streams against whole values, cut anywhere.

use hpol_bundle::policy::Mask;
use proptest::prelude::*;

use super::*;
use crate::{Detector, Entry, Masked};

const SSN: &str = "987-65-4320";
const CARD: &str = "4111111111111111";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZ2VudC03In0.SflKxwRJSMeKKF2QT4fwpMeJf36";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG-----END x\n-----END PRIVATE KEY-----";

fn masker(mask: Mask) -> Arc<Masker> {
    let detectors = Detector::ALL.to_vec();
    Arc::new(Masker::new(vec![Entry::of_detectors(mask, detectors)], None).unwrap())
}

/// The stream's output for `input` cut at `cuts`, and how many findings it counted.
fn run(kind: StreamKind, mask: Mask, input: &[u8], cuts: &[usize]) -> (Vec<u8>, u64) {
    let mut stream = Stream::new(masker(mask), kind);
    let (mut counts, mut out) = ([0], Vec::new());
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    cuts.extend([0, input.len()]);
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        stream.push(&input[pair[0]..pair[1]], &mut counts, &mut out);
    }
    stream.finish(&mut counts, &mut out);
    (out, counts[0])
}

#[track_caller]
fn check(kind: StreamKind, input: &str, expected: &str) {
    let every: Vec<_> = (0..input.len()).collect();
    for cuts in [&[][..], &every] {
        let (out, _) = run(kind, Mask::KeepLast(4), input.as_bytes(), cuts);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn text_is_masked_across_chunks() {
    check(
        StreamKind::Text,
        &format!("a {SSN}, {CARD}; {TOKEN}.\n{KEY}!"),
        "a ***-**-4320, ************1111; ***.\n***!",
    );
}

#[test]
fn a_key_without_an_end_hides_the_rest() {
    check(
        StreamKind::Text,
        "-----BEGIN EC PRIVATE KEY-----\nabc -----END EC",
        "***",
    );
}

#[test]
fn a_number_that_is_hidden_becomes_a_string() {
    check(
        StreamKind::Json,
        r#"{"card":4111111111111111,"n":[1,-2.5e3,4111111111111111.0],"t":true}"#,
        r#"{"card":"************1111","n":[1,-2.5e3,"************1111"],"t":true}"#,
    );
}

#[test]
fn escapes_hide_nothing() {
    check(
        StreamKind::Json,
        r#"{"a":"\u0039\u00387-65-4320","b":"x\n987-65-4320\\","c":"\ud83d\ude00 \"é\" \ud800"}"#,
        "{\"a\":\"***-**-4320\",\"b\":\"x\\n***-**-4320\\\\\",\"c\":\"😀 \\\"é\\\" \u{fffd}\"}",
    );
}

#[test]
fn a_finding_never_spans_two_strings() {
    check(
        StreamKind::Json,
        r#"["987-65-","4320"]"#,
        r#"["987-65-","4320"]"#,
    );
}

#[test]
fn documents_may_follow_one_another() {
    check(
        StreamKind::Json,
        "{\"a\":\"987-65-4320\"}\n{\"a\":null}\n",
        "{\"a\":\"***-**-4320\"}\n{\"a\":null}\n",
    );
}

#[test]
fn h_13_numbers_side_by_side_are_no_json() {
    for text in ["4111 1111 1111 1111", "987 65 4320", "1,\t987 65 4320"] {
        let (out, found) = run(StreamKind::Json, Mask::Redact, text.as_bytes(), &[]);
        assert_eq!(found, 1, "{text}: {}", String::from_utf8_lossy(&out));
    }
    let address = "{\"a\" : 1 } 2001:10:20::17";
    check(StreamKind::Json, address, "{\"a\" : 1 } ****:**:20::17");
    let spaced = format!("[1{0},2{0}]", " ".repeat(600));
    check(StreamKind::Json, &spaced, &spaced);
}

#[test]
fn what_is_not_json_is_read_as_text() {
    check(
        StreamKind::Json,
        "SSN: 987-65-4320 \"x",
        "SSN: ***-**-4320 \"x",
    );
    check(
        StreamKind::Json,
        "{broken \"987-65-4320\\",
        "{broken \"***-**-4320\\",
    );
    check(StreamKind::Json, "987-65-4320", "\"***-**-4320\"");
}

#[test]
fn strings_cut_short_stay_as_they_were() {
    for text in [r#"{"a":"x\u00"#, r#""\"#, r#""\uzz""#, r#""987-65-432"#] {
        let (out, count) = run(StreamKind::Json, Mask::Redact, text.as_bytes(), &[]);
        assert_eq!(count, 0);
        assert_eq!(String::from_utf8(out).unwrap().replace("\\\\", "\\"), text);
    }
}

#[test]
fn null_hides_the_finding_in_a_stream_and_the_value_elsewhere() {
    let (out, count) = run(StreamKind::Text, Mask::Null, b"a 987-65-4320", &[]);
    assert_eq!((out.as_slice(), count), (&b"a ***"[..], 1));
    let (mut counts, mut out) = ([0], vec![7]);
    let masked = masker(Mask::Null).text(b"a 987-65-4320", &mut counts, &mut out);
    assert_eq!((masked, out, counts), (Masked::Null, vec![7], [1]));
}

#[test]
fn holds_little_of_a_long_body() {
    let mut stream = Stream::new(masker(Mask::Redact), StreamKind::Text);
    let (mut counts, mut out) = ([0], Vec::new());
    let long = "eyJ".to_owned() + &"a".repeat(1_000_000);
    stream.push(long.as_bytes(), &mut counts, &mut out);
    assert!(
        long.len() - out.len() < 4096,
        "held {}",
        long.len() - out.len()
    );
    let key = "-----BEGIN PRIVATE KEY-----".to_owned() + &"b".repeat(1_000_000);
    stream.push(key.as_bytes(), &mut counts, &mut out);
    let State::Text(text) = &stream.state else {
        panic!("a text stream")
    };
    assert!(text.held() < 4096, "held {}", text.held());
}

/// Pieces that findings are made of, so that random texts have many.
fn pieces() -> impl Strategy<Value = String> {
    joined("")
}

fn joined(separator: &'static str) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(SSN.to_owned()),
        Just(CARD.to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just(TOKEN.to_owned()),
        Just(KEY.to_owned()),
        Just("ana@example.com".to_owned()),
        Just("+1 646 292 6211".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("2001:db8::17".to_owned()),
        Just("192.0.2.17".to_owned()),
        Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        "[-a-z0-9@.:+(), \"\\\\\n{}é]{0,6}",
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(move |pieces| pieces.join(separator))
}

fn masks() -> impl Strategy<Value = Mask> {
    prop_oneof![
        Just(Mask::Redact),
        (0_u32..8).prop_map(Mask::KeepLast),
        (0_u32..8).prop_map(Mask::KeepFirst),
    ]
}

proptest! {
    #[test]
    fn cuts_make_no_difference(
        text in pieces(),
        mask in masks(),
        json in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let kind = if json { StreamKind::Json } else { StreamKind::Text };
        let whole = run(kind, mask, text.as_bytes(), &[]);
        prop_assert_eq!(run(kind, mask, text.as_bytes(), &cuts), whole);
    }

    #[test]
    fn a_stream_of_text_hides_what_a_value_does(text in pieces(), mask in masks()) {
        let (mut counts, mut out) = ([0], Vec::new());
        if masker(mask).text(text.as_bytes(), &mut counts, &mut out) == Masked::Unchanged {
            out = text.clone().into_bytes();
        }
        prop_assert_eq!(run(StreamKind::Text, mask, text.as_bytes(), &[]), (out, counts[0]));
    }

    #[test]
    fn a_finding_does_not_stay_in_clear(before in pieces(), after in pieces()) {
        for value in [SSN, CARD, "ana@example.com", "AKIAIOSFODNN7EXAMPLE"] {
            let text = format!("{before} {value}, {after}");
            let (out, _) = run(StreamKind::Text, Mask::Redact, text.as_bytes(), &[]);
            let out = String::from_utf8(out).unwrap();
            let word = format!(" {value}, ");
            prop_assert!(!out.contains(&word), "{}", out);
        }
    }

    #[test]
    fn what_is_masked_has_nothing_more_to_hide(text in joined(" | ")) {
        let (once, _) = run(StreamKind::Text, Mask::Redact, text.as_bytes(), &[]);
        let (twice, _) = run(StreamKind::Text, Mask::Redact, &once, &[]);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn json_stays_json_and_strings_hide_what_values_do(texts in prop::collection::vec(pieces(), 0..4), number: i64) {
        let document = serde_json::json!({"texts": texts, "number": number, "none": null});
        let encoded = serde_json::to_string(&document).unwrap();
        let (out, _) = run(StreamKind::Json, Mask::Redact, encoded.as_bytes(), &[]);
        let out: serde_json::Value = serde_json::from_slice(&out).unwrap();
        for (text, masked) in texts.iter().zip(out["texts"].as_array().unwrap()) {
            let (expected, _) = run(StreamKind::Text, Mask::Redact, text.as_bytes(), &[]);
            prop_assert_eq!(masked.as_str().unwrap().as_bytes(), expected);
        }
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200), json in any::<bool>()) {
        let kind = if json { StreamKind::Json } else { StreamKind::Text };
        run(kind, Mask::KeepLast(4), &bytes, &[3, 50]);
    }
}
