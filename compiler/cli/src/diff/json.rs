//! A comparison as JSON; a format, documented in `docs/cli.md`.

use hpol_analysis::Output;
use hpol_analysis::compare::{Change, Common, Comparison, OnConnection, Region};
use hpol_bundle::address;
use hpol_bundle::facts::{Fact, Value as Known};
use hpol_bundle::vocabulary::{FactType, Scalar};
use serde_json::{Map, Value, json};

use super::confirm;
use super::text::{controls, outcome};

pub(super) fn of(both: &Common, comparison: &Comparison) -> Value {
    let connections = comparison.connections.iter();
    json!({
        "connections": connections.map(|on| connection(both, on)).collect::<Vec<_>>(),
    })
}

fn connection(both: &Common, on: &OnConnection) -> Value {
    let changes = on
        .changes
        .iter()
        .map(|change| self::change(both, on, change));
    let places = on.places.iter().map(|change| {
        json!({
            "class": change.class, "direction": change.direction.as_str(),
            "added": change.added, "removed": change.removed,
        })
    });
    let left = on.not_analysed.iter();
    let left = left.map(|(output, why)| json!({"output": self::output(output), "why": why}));
    json!({
        "kind": on.kind.as_str(),
        "target": on.target,
        "relation": on.relation.as_str(),
        "enforcement": on.enforcement.map(|direction| direction.as_str()),
        "changes": changes.collect::<Vec<_>>(),
        "data_classes": places.collect::<Vec<_>>(),
        "controls": {"gained": controls(&on.controls_gained), "lost": controls(&on.controls_lost)},
        "not_analysed": left.collect::<Vec<_>>(),
    })
}

fn output(output: &Output) -> Value {
    match output {
        Output::Verdict | Output::Approvals | Output::Limit | Output::Ends => {
            json!({"of": output.as_str()})
        }
        Output::Mask(class) => json!({"of": output.as_str(), "class": class}),
        Output::Observed(rule, would) => {
            json!({"of": output.as_str(), "rule": rule, "would": would.as_str()})
        }
    }
}

fn change(both: &Common, on: &OnConnection, change: &Change) -> Value {
    let regions = change
        .regions
        .iter()
        .map(|region| self::region(both, on, change, region));
    json!({
        "output": output(&change.output),
        "direction": change.direction.as_str(),
        "before": outcome(&change.before),
        "after": outcome(&change.after),
        "regions": regions.collect::<Vec<_>>(),
        "more": change.more,
    })
}

fn region(both: &Common, on: &OnConnection, change: &Change, region: &Region) -> Value {
    let said = confirm::said(both, on, change, region);
    let when = region.when.iter().map(|sentence| &sentence.text);
    json!({
        "when": when.collect::<Vec<_>>(),
        "example": request(both, region),
        "says": region.witness.says.iter().map(|sentence| &sentence.text).collect::<Vec<_>>(),
        "decided_by": {"before": said.before, "after": said.after},
        "confirmed": said.confirmed,
    })
}

/// The example as `hpol eval` takes it.
fn request(both: &Common, region: &Region) -> Value {
    let mut facts = Map::new();
    for (id, fact) in both.vocabulary.iter() {
        let value = match region.witness.facts.fact(id) {
            Fact::Missing => continue,
            Fact::Unknown => Value::Null,
            Fact::Known(Known::Bool(value)) => json!(value),
            Fact::Known(Known::Int(value)) => json!(value),
            Fact::Known(Known::Text(value)) if fact.ty == FactType::Scalar(Scalar::Address) => {
                json!(address::network(value).map(|address| address.to_string()))
            }
            Fact::Known(Known::Text(value)) => json!(value),
            Fact::Known(Known::Set(values)) => json!(values),
        };
        facts.insert(fact.name.clone(), value);
    }
    json!({"id": null, "kind": region.witness.kind.as_str(), "facts": facts})
}
