//! Facts in records: written so that history can be measured again after a restart, and read back.

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::schedule;
use hpol_bundle::vocabulary::{self, Derived, FactId, Phase, Protocol, Vocabulary};
use hpol_evidence::canonical::INTEGER_LIMIT;
use hpol_evidence::record::{FactValue, FactsRecord, KnownFact};

/// Bytes of the facts in one record. One that does not fit is unknown after a restart.
pub(crate) const MAX_FACTS_BYTES: usize = 3 * 1024;

/// Those of `facts` that are of `phase`, of the protocol `kind` or of none, and among `remembered`.
pub(crate) fn record(
    facts: &Facts,
    phase: Phase,
    kind: Protocol,
    remembered: &[FactId],
) -> FactsRecord {
    let mut record = FactsRecord::default();
    let mut room = MAX_FACTS_BYTES;
    for id in remembered {
        let fact = Vocabulary::builtin().fact(*id);
        let Some(fact) = fact.filter(|fact| fact.phase == phase && is_of(fact, kind)) else {
            continue;
        };
        let name = || fact.name.clone();
        let value = match facts.fact(*id) {
            Fact::Missing => {
                record.missing.push(name());
                continue;
            }
            Fact::Unknown => None,
            Fact::Known(value) => written(value).map(|value| (bytes(&value), value)),
        };
        match value {
            Some((bytes, value)) if bytes <= room => {
                room -= bytes;
                record.known.push(KnownFact {
                    fact: name(),
                    value,
                });
            }
            _ => record.unknown.push(name()),
        }
    }
    record
}

/// Whether operations of the protocol `kind` can have `fact`.
fn is_of(fact: &vocabulary::Fact, kind: Protocol) -> bool {
    fact.protocol.is_none_or(|protocol| protocol == kind)
}

fn bytes(value: &FactValue) -> usize {
    // INVARIANT: texts and numbers can be written.
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

fn written(value: &Value) -> Option<FactValue> {
    Some(match value {
        Value::Bool(value) => FactValue::Bool(*value),
        Value::Int(value) if value.unsigned_abs() <= INTEGER_LIMIT => FactValue::Int(*value),
        Value::Int(_) => return None,
        Value::Text(text) => FactValue::Text(text.to_string()),
        Value::Set(elements) => {
            FactValue::Set(elements.iter().map(|element| element.to_string()).collect())
        }
    })
}

/// Sets the facts of `phase` of an operation of the protocol `kind`. What `record` does not tell of them is unknown: the
/// policy of then did not read it.
pub(crate) fn restore(
    record: Option<&FactsRecord>,
    phase: Phase,
    kind: Protocol,
    facts: &mut Facts,
) {
    let of_phase = Vocabulary::builtin()
        .iter()
        .filter(|(_, fact)| fact.phase == phase && is_of(fact, kind));
    for (id, fact) in of_phase {
        let told = record.and_then(|record| match known(record, &fact.name) {
            Some(value) => Some(Fact::Known(read(value))),
            None => record.missing.contains(&fact.name).then_some(Fact::Missing),
        });
        facts.set(id, told.unwrap_or(Fact::Unknown));
    }
}

/// Sets the facts that the policy of `vocabulary` brings itself: no record tells of them.
pub(crate) fn restore_derived(vocabulary: &Vocabulary, facts: &mut Facts) {
    for (id, _) in vocabulary.derived() {
        facts.set(id, Fact::Unknown);
    }
}

/// Makes the facts of an operation that another policy judged those of the policy of `vocabulary`, which `session` are the
/// session's facts under: what policies bring themselves stands under the same ids.
pub(crate) fn carry_over(facts: &mut Facts, vocabulary: &Vocabulary, session: &Facts) {
    restore_derived(vocabulary, facts);
    for (id, derived) in vocabulary.derived() {
        if let Derived::Claim { .. } = derived {
            facts.set(id, session.fact(id).clone());
        }
    }
    let asked = vocabulary.lookup("time.now").map(|(id, _)| facts.fact(id));
    if let Some(Fact::Known(Value::Int(asked))) = asked {
        let times = schedule::facts(vocabulary, *asked);
        facts.extend(&times);
    }
}

fn known<'a>(record: &'a FactsRecord, name: &str) -> Option<&'a FactValue> {
    let known = record.known.iter().find(|known| known.fact == name);
    known.map(|known| &known.value)
}

fn read(value: &FactValue) -> Value {
    match value {
        FactValue::Bool(value) => Value::Bool(*value),
        FactValue::Int(value) => Value::Int(*value),
        FactValue::Text(text) => Value::Text(text.as_str().into()),
        FactValue::Set(elements) => Value::Set(
            elements
                .iter()
                .map(|element| element.as_str().into())
                .collect(),
        ),
    }
}
