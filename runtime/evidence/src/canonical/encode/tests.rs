use super::*;
use crate::canonical::canonical;
use crate::record::tests::events;
use proptest::prelude::*;
use serde_json::{Value, json};

fn encoded(value: &impl Serialize) -> Result<String, Canonicalise> {
    let mut encoder = Encoder::default();
    value.serialize(&mut encoder)?;
    Ok(String::from_utf8(encoder.bytes).unwrap())
}

fn through_a_tree(value: &impl Serialize) -> String {
    String::from_utf8(canonical(&serde_json::to_value(value).unwrap()).unwrap()).unwrap()
}

#[test]
fn every_event_is_as_through_a_tree() {
    for event in events() {
        assert_eq!(encoded(&event).unwrap(), through_a_tree(&event));
        let record = crate::record::Record {
            sequence: 7,
            time: "2026-01-01T00:00:00.000Z".into(),
            session: Some("s".into()),
            buffered: true,
            event,
        };
        assert_eq!(encoded(&record).unwrap(), through_a_tree(&record));
    }
}

#[test]
fn what_has_no_canonical_form_is_refused() {
    assert_eq!(encoded(&1.5), Err(Canonicalise::Float("1.5".into())));
    assert_eq!(
        encoded(&-9_007_199_254_740_992_i64),
        Err(Canonicalise::LargeInteger("-9007199254740992".into()))
    );
    assert_eq!(
        encoded(&json!({"a b": 1})),
        Err(Canonicalise::Name("a b".into()))
    );
    assert_eq!(
        Encoder::default().members(&7).unwrap_err(),
        Canonicalise::NotAnObject
    );
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z0-9_]{0,4}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_as_through_a_tree(value in values()) {
        prop_assert_eq!(encoded(&value).unwrap(), through_a_tree(&value));
    }
}
