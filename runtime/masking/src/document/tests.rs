//! Documents cut anywhere, against a reference that walks serde_json's tree.

use hpol_bundle::policy::{JsonPath, JsonStep, Mask};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Detector, Entry, MaskKey, REDACTED};

/// `a.*.b` for `$.a[*].b`.
fn path(text: &str) -> JsonPath {
    let step = |word: &str| match word {
        "*" => JsonStep::Any,
        name => JsonStep::Member(name.to_owned()),
    };
    JsonPath {
        target: "crm".to_owned(),
        steps: text.split('.').map(step).collect(),
    }
}

fn entry(mask: Mask, paths: &[&str], detectors: &[Detector]) -> Entry {
    Entry {
        class: format!("p.{mask:?}"),
        mask,
        paths: paths.iter().map(|text| path(text)).collect(),
        detectors: detectors.to_vec(),
    }
}

fn masker(entries: Vec<Entry>) -> Arc<Masker> {
    let key = MaskKey::new(&[7; 32]).unwrap();
    Arc::new(Masker::new(entries, Some(key)).unwrap())
}

/// What `body` becomes, cut at `cuts`, and what was counted.
fn run(masker: &Arc<Masker>, body: &[u8], cuts: &[usize]) -> Result<(String, Vec<u64>), NotJson> {
    let mut document = Document::new(Arc::clone(masker));
    let mut counts = vec![0; masker.entries().len()];
    let mut out = Vec::new();
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        document.push(&body[pair[0]..pair[1]], &mut counts, &mut out)?;
    }
    document.finish(&mut counts, &mut out)?;
    Ok((String::from_utf8(out).unwrap(), counts))
}

#[track_caller]
fn check(entries: Vec<Entry>, body: &str, expected: &str) {
    let masker = masker(entries);
    let every: Vec<_> = (0..body.len()).collect();
    for cuts in [&[][..], &every] {
        assert_eq!(run(&masker, body.as_bytes(), cuts).unwrap().0, expected);
    }
}

#[track_caller]
fn refused(body: &[u8], expected: NotJson) {
    let masker = masker(vec![entry(Mask::Redact, &["a.b"], &[])]);
    let every: Vec<_> = (0..body.len()).collect();
    for cuts in [&[][..], &every] {
        let why = run(&masker, body, cuts).unwrap_err();
        assert_eq!(why, expected, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_value_is_hidden_where_it_stands_and_nothing_else_changes() {
    check(
        vec![entry(Mask::KeepLast(4), &["customer.ssn"], &[])],
        "{ \"ssn\" : \"987-65-4320\",\r\n\t\"customer\" :{\"ssn\"\n:  \"987-65-4320\" , \"n\\u0061me\":\"\\u0041\\/\" } }\n",
        "{ \"ssn\" : \"987-65-4320\",\r\n\t\"customer\" :{\"ssn\"\n:  \"***-**-4320\" , \"n\\u0061me\":\"\\u0041\\/\" } }\n",
    );
}

#[test]
fn whatever_stands_there_is_hidden() {
    for (value, hidden) in [
        ("987654320", "\"*****4320\""),
        ("-9876.54320e-7", "\"-****.***20e-7\""),
        ("true", "\"***\""),
        ("null", "\"***\""),
        ("{}", "\"***\""),
        ("[ ]", "\"***\""),
        (r#"{"a":[{"s":"987-65-4320"}, 1, "x\"]}"]}"#, "\"***\""),
        (r#""987\u002d65-43\u0032\u0030""#, "\"***-**-4320\""),
        (r#""a\"b\\c\n12345678""#, r#""*\"*\\******5678""#),
    ] {
        let masks = vec![entry(Mask::KeepLast(4), &["s"], &[])];
        check(
            masks,
            &format!("{{\"s\":{value},\"t\":1}}"),
            &format!("{{\"s\":{hidden},\"t\":1}}"),
        );
        let masks = vec![entry(Mask::Null, &["s"], &[])];
        check(masks, &format!("{{\"s\":{value}}} "), "{\"s\":null} ");
    }
}

#[test]
fn what_is_left_of_a_value_stays_a_string() {
    check(
        vec![entry(Mask::KeepLast(1), &["*"], &[])],
        r#"["ab\"c\\\u00e9", "😀\ud83d\ude00x"]"#,
        r#"["**\"*\\é", "**x"]"#,
    );
}

#[test]
fn h_21_of_members_with_one_name_each_is_hidden_however_the_name_is_written() {
    check(
        vec![entry(Mask::Redact, &["ssn"], &[])],
        r#"{"ssn":1,"s\u0073n":2,"\u0073\u0073\u006e":3,"SSN":4,"ssn ":5,"ss":6}"#,
        r#"{"ssn":"***","s\u0073n":"***","\u0073\u0073\u006e":"***","SSN":4,"ssn ":5,"ss":6}"#,
    );
}

#[test]
fn steps_go_into_arrays_and_over_all_members() {
    check(
        vec![entry(Mask::Redact, &["list.*.ssn", "*.*.deep"], &[])],
        r#"{"list":[{"ssn":1},[{"ssn":2}],{"x":{"ssn":3}},{"deep":4}],"ssn":5,"o":{"p":{"deep":[6]}}}"#,
        r#"{"list":[{"ssn":"***"},[{"ssn":2}],{"x":{"ssn":3}},{"deep":"***"}],"ssn":5,"o":{"p":{"deep":"***"}}}"#,
    );
    // A name goes into objects only (RFC 9535, section 2.3.1).
    check(
        vec![entry(Mask::Redact, &["list.ssn"], &[])],
        r#"{"list":[{"ssn":1}]}"#,
        r#"{"list":[{"ssn":1}]}"#,
    );
}

#[test]
fn documents_may_follow_one_another_each_with_a_root() {
    check(
        vec![entry(Mask::Redact, &["a"], &[])],
        "\u{feff}{\"a\":1}\n{\"a\":2}{\"a\":3}\n\u{1e}{\"a\":4}\n\u{1e}5\n\"a\" null",
        "\u{feff}{\"a\":\"***\"}\n{\"a\":\"***\"}{\"a\":\"***\"}\n\u{1e}{\"a\":\"***\"}\n\u{1e}5\n\"a\" null",
    );
    check(vec![entry(Mask::Redact, &["a"], &[])], "", "");
    check(vec![entry(Mask::Redact, &["a"], &[])], "17", "17");
}

#[test]
fn the_strictest_of_paths_and_detectors_decides() {
    let ssn = r#"{"s":"987-65-4320","t":"987-65-4320","u":"ask 987-65-4320"}"#;
    check(
        vec![
            entry(Mask::KeepLast(4), &["s", "u"], &[]),
            entry(Mask::Redact, &["*"], &[]),
        ],
        ssn,
        r#"{"s":"***","t":"***","u":"***"}"#,
    );
    check(
        vec![
            entry(Mask::KeepLast(4), &["s"], &[]),
            entry(Mask::Redact, &[], &[Detector::UsSsn]),
        ],
        ssn,
        r#"{"s":"***","t":"***","u":"ask ***"}"#,
    );
    check(
        vec![
            entry(Mask::KeepLast(4), &[], &[Detector::UsSsn]),
            entry(Mask::Null, &["s"], &[]),
        ],
        ssn,
        r#"{"s":null,"t":"***-**-4320","u":"ask ***-**-4320"}"#,
    );
}

#[test]
fn hidden_values_are_counted_once() {
    let masker = masker(vec![
        entry(Mask::KeepLast(4), &[], &[Detector::UsSsn]),
        entry(Mask::Redact, &["s", "t"], &[]),
    ]);
    let body = br#"{"s":["987-65-4320","987-65-4320"],"t":1,"u":"987-65-4320"}"#;
    let (_, counts) = run(&masker, body, &[]).unwrap();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn what_is_kept_of_a_value_shows_no_more_of_a_finding_than_its_own_mask_leaves() {
    let masker = masker(vec![
        entry(Mask::KeepLast(4), &[], &[Detector::UsSsn]),
        entry(Mask::KeepFirst(12), &["s"], &[]),
    ]);
    let body = br#"{"s":"987-65-4320 is the number of Ana"}"#;
    let (out, counts) = run(&masker, body, &[]).unwrap();
    assert_eq!(out, r#"{"s":"***-**-4320 is t** ****** ** ***"}"#);
    assert_eq!(counts, [1, 1], "as in a column");
}

#[test]
fn a_long_value_is_hidden_whole() {
    let long = "9".repeat(Document::LONGEST_VALUE + 1);
    check(
        vec![entry(Mask::KeepLast(4), &["s"], &[])],
        &format!(r#"{{"s":"{long}","t":"{long}"}}"#),
        &format!(r#"{{"s":"{REDACTED}","t":"{long}"}}"#),
    );
    let mut document = Document::new(masker(vec![entry(Mask::Hash, &["s"], &[])]));
    let (mut counts, mut out) = ([0], Vec::new());
    document.push(b"{\"s\":\"", &mut counts, &mut out).unwrap();
    for _ in 0..100 {
        document
            .push(long.as_bytes(), &mut counts, &mut out)
            .unwrap();
    }
    assert_eq!(out, b"{\"s\":");
}

#[test]
fn h_10_what_is_not_json_by_the_letter_is_refused() {
    for (body, at) in [
        ("<html>", 0),
        ("{'a':1}", 1),
        ("{a:1}", 1),
        ("{\"a\":1,}", 7),
        ("[1,]", 3),
        ("[,1]", 1),
        ("[1 2]", 3),
        ("{\"a\" 1}", 5),
        ("{\"a\"}", 4),
        ("{\"a\":}", 5),
        ("[1}", 2),
        ("{\"a\":1]", 6),
        ("]", 0),
        ("// x\n{}", 0),
        ("{}/**/", 2),
        ("[NaN]", 1),
        ("[Infinity]", 1),
        ("\"\\x41\"", 2),
        ("\"\\u00g0\"", 5),
        ("truefalse ", 9),
        ("1\"a\"", 1),
        ("[01]", 3),
        ("[1.]", 3),
        ("[.5]", 1),
        ("[-]", 2),
        ("[1e+]", 4),
        ("[+1]", 1),
        ("\u{feff}\u{feff}{}", 3),
    ] {
        refused(body.as_bytes(), NotJson::Syntax { at });
    }
}

#[test]
fn broken_characters_and_control_characters_are_refused() {
    for body in [
        &b"\"\xc3\x28\""[..],
        b"\"\xc3\"",
        b"\"\xff\"",
        b"\"\xed\xa0\x80\"",
        b"{\"s\xff\":1}",
        b"\"\xc3\\n\"",
    ] {
        let masker = masker(vec![entry(Mask::Redact, &["a.b"], &[])]);
        let every: Vec<_> = (0..body.len()).collect();
        for cuts in [&[][..], &every] {
            let refused = run(&masker, body, cuts);
            assert!(matches!(refused, Err(NotJson::Syntax { .. })), "{body:?}");
        }
    }
}

#[test]
fn what_has_no_end_or_two_readings_is_refused() {
    for body in ["{", "[1", "\"a", "{\"a\":\"\\", "{\"a\":1", "{\"a\""] {
        refused(body.as_bytes(), NotJson::Unfinished);
    }
    refused(br#"{"s\ud800n":1}"#, NotJson::Ambiguous);
    refused(br#"{"\udc00":1}"#, NotJson::Ambiguous);
    refused(br#"{"a\u0000":1}"#, NotJson::Ambiguous);
    refused(
        "[".repeat(Document::DEEPEST + 1).as_bytes(),
        NotJson::TooDeep,
    );
    refused(
        "1".repeat(Document::LONGEST_NUMBER + 1).as_bytes(),
        NotJson::TooLong,
    );
}

#[test]
fn after_an_error_nothing_is_released() {
    let mut document = Document::new(masker(vec![entry(Mask::Redact, &["a"], &[])]));
    let (mut counts, mut out) = ([0], Vec::new());
    let first = document
        .push(b"{\"a\":1}x", &mut counts, &mut out)
        .unwrap_err();
    out.clear();
    assert_eq!(document.push(b"{}", &mut counts, &mut out), Err(first));
    assert_eq!(document.finish(&mut counts, &mut out), Err(first));
    assert!(out.is_empty());
}

/// Any document, with few names, so that paths meet them.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c\"\\\\\n é😀0-9-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[ab\"é]|ssn", inner, 0..5)
                .prop_map(|members| Value::from(serde_json::Map::from_iter(members))),
        ]
    })
}

fn paths() -> impl Strategy<Value = Vec<String>> {
    let step = prop_oneof![Just("*".to_owned()), "[ab\"é]|ssn"];
    let path = proptest::collection::vec(step, 1..4).prop_map(|steps| steps.join("."));
    proptest::collection::vec(path, 0..3)
}

/// The same document in other bytes: spaces between, characters escaped.
fn written(value: &Value, seed: &mut u32, out: &mut String) {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    let space = ["", " ", "\n\t", "\r\n"][(*seed >> 28) as usize % 4];
    out.push_str(space);
    match value {
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                written(element, seed, out);
            }
            out.push_str(space);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                written(&Value::from(name.as_str()), seed, out);
                out.push_str(space);
                out.push(':');
                written(member, seed, out);
            }
            out.push('}');
        }
        Value::String(text) if *seed >> 30 == 0 => {
            out.push('"');
            for unit in text.encode_utf16() {
                out.push_str(&format!("\\u{unit:04X}"));
            }
            out.push('"');
        }
        plain => out.push_str(&plain.to_string()),
    }
    out.push_str(space);
}

/// The reference: the tree with what is at a path replaced, of one mask.
fn hide(value: &Value, paths: &[Vec<String>], masker: &Masker) -> Value {
    if paths.iter().any(Vec::is_empty) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Value::from(REDACTED),
        };
        let mut out = Vec::new();
        masker.value(0, text.as_bytes(), &mut [], &mut out);
        return Value::from(String::from_utf8(out).unwrap());
    }
    let into = |name: Option<&str>| -> Vec<Vec<String>> {
        let leads = paths
            .iter()
            .filter(|path| path[0] == "*" || name == Some(&path[0]));
        leads.map(|path| path[1..].to_vec()).collect()
    };
    match value {
        Value::Array(elements) => {
            let elements = elements
                .iter()
                .map(|element| hide(element, &into(None), masker));
            Value::from(elements.collect::<Vec<_>>())
        }
        Value::Object(members) => Value::from_iter(
            members
                .iter()
                .map(|(name, member)| (name.clone(), hide(member, &into(Some(name)), masker))),
        ),
        leaf => leaf.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn agrees_with_the_reference_wherever_it_is_cut(
        document in documents(),
        paths in paths(),
        mask in prop_oneof![Just(Mask::Redact), Just(Mask::KeepLast(2)), Just(Mask::Hash)],
        mut seed in any::<u32>(),
        cuts in proptest::collection::vec(any::<usize>(), 0..9),
    ) {
        let named: Vec<&str> = paths.iter().map(String::as_str).collect();
        let masker = masker(vec![entry(mask, &named, &[])]);
        let mut body = String::new();
        written(&document, &mut seed, &mut body);
        let (out, counts) = run(&masker, body.as_bytes(), &cuts).unwrap();
        let steps: Vec<Vec<String>> = paths
            .iter()
            .map(|path| path.split('.').map(str::to_owned).collect())
            .collect();
        let expected = hide(&document, &steps, &masker);
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
        if counts == [0] {
            prop_assert_eq!(out, body);
        }
    }

    /// What is let through, serde_json reads too: nothing is JSON here that is not JSON elsewhere.
    #[test]
    fn lets_nothing_through_that_others_do_not_read(
        document in documents(),
        mut seed in any::<u32>(),
        edits in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let mut body = String::new();
        written(&document, &mut seed, &mut body);
        let mut body = body.into_bytes();
        for (at, byte) in edits {
            let at = at % body.len();
            body[at] = b"{}[]:,\"\\ 01e-.tn\x80\x00u"[usize::from(byte) % 19];
        }
        let masker = masker(vec![entry(Mask::Redact, &["nowhere"], &[])]);
        let accepted = run(&masker, &body, &[1]).is_ok();
        let documents = serde_json::Deserializer::from_slice(&body).into_iter::<serde::de::IgnoredAny>();
        let read = documents.collect::<Result<Vec<_>, _>>().is_ok();
        prop_assert!(!accepted || read, "{}", String::from_utf8_lossy(&body));
    }
}
