//! `hpol coverage`: what carries the controls of a baseline, in each form.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::process::{Command, Output};

use serde_json::Value;

#[path = "shared/folder.rs"]
mod folder;

use folder::folder_of;

const POLICY: &str = r#"package shop

connection db  = postgres "shop-prod"
connection lab = postgres "shop-lab" observe

data pii.mail {
    column public.customers.mail on lab
}

group agents = subject.groups has "agents"
group dbas   = subject.groups has "dba"

rule read "Agents <read>" {
    satisfies AC-3, AC-6
    who agents
    on db
    when sql.verbs within [select]
    allow
}

rule write {
    satisfies AC-5
    who agents
    on db
    when sql.verbs has any [insert, update]
    require approval by 1 of dbas within 15m
}

responsibility AT-2 "People team" because "They train everybody, each year"

rule seen {
    satisfies CM-7
    who agents
    on db
    when sql.verbs has drop
    observe block "Do not"
}

rule lab_blocks {
    satisfies CM-7
    who agents
    on lab
    when sql.verbs has truncate
    block "Do not"
}

rule lab_hides {
    satisfies SI-12(1)
    on lab
    mask pii.mail redact
}
"#;

fn coverage(arguments: &[&str]) -> Output {
    let folder = folder_of(&[("shop.hpol", POLICY)]);
    let output = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(folder.path())
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .args(["coverage", "shop.hpol"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

fn text(arguments: &[&str]) -> String {
    String::from_utf8(coverage(arguments).stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(arguments)).unwrap()
}

#[test]
fn what_carries_each_control_is_told() {
    let told = text(&["--baseline", "low"]);
    // The head is a table and the rules; what is open is long.
    let until_open = told.split("\nOpen\n").next().unwrap();
    insta::assert_snapshot!("text", until_open);
}

#[test]
fn counts_agree() {
    let told = json(&["--baseline", "low", "--format", "json"]);
    let controls = told["controls"].as_array().unwrap();
    let of = |id: &str| {
        controls
            .iter()
            .find(|control| control["control"] == id)
            .unwrap()
    };
    assert_eq!(of("AC-3")["standing"], "rules");
    let total = &told["total"];
    let sum: u64 = ["rules", "gateway", "others", "open"]
        .iter()
        .map(|word| total[word].as_u64().unwrap())
        .sum();
    assert_eq!(sum, controls.len() as u64);
    assert!(total["open"].as_u64().unwrap() > 0 && total["gateway"].as_u64().unwrap() > 0);
    assert_eq!(of("AT-2")["standing"], "others");
    assert_eq!(of("AT-2")["others"][0]["who"], "People team");
    // AC-5 is in moderate, and not in low.
    assert!(!controls.iter().any(|control| control["control"] == "AC-5"));
    let moderate = json(&["--baseline", "moderate", "--format", "json"]);
    let controls = moderate["controls"].as_array().unwrap();
    assert!(
        controls
            .iter()
            .any(|control| control["control"] == "AC-5" && control["standing"] == "rules")
    );
}

#[test]
fn what_is_in_observe_carries_nothing_and_is_named_in_every_form() {
    let told = json(&["--baseline", "high", "--format", "json"]);
    let controls = told["controls"].as_array().unwrap();
    let of = |id: &str| {
        controls
            .iter()
            .find(|control| control["control"] == id)
            .unwrap()
    };
    assert!(of("CM-7")["rules"].as_array().unwrap().is_empty());
    let idle = |rule: &str, why: &str| serde_json::json!({"rule": rule, "strength": "supports", "in_observe": why});
    assert_eq!(
        of("CM-7")["idle"],
        Value::from(vec![
            idle("shop.lab_blocks", "connections"),
            idle("shop.seen", "rule")
        ])
    );
    for (format, named) in [
        (
            "text",
            "does nothing: shop.lab_blocks supports, only on connections in observe\n",
        ),
        (
            "html",
            "does nothing: <code>shop.seen</code> supports, in observe",
        ),
        (
            "csv",
            "shop.lab_blocks,supports,M04,only on connections in observe\n",
        ),
        (
            "oscal",
            "\"remarks\": \"Carries nothing, only on connections in observe; claims cm-7.\"",
        ),
    ] {
        let told = text(&["--baseline", "high", "--format", format]);
        assert!(told.contains(named), "{format}: {told}");
    }
    // A mask holds on such a connection.
    let told = text(&["--baseline", "privacy", "--format", "csv"]);
    assert!(
        told.contains(",rules,shop.lab_hides,supports,M10,\n"),
        "{told}"
    );
}

#[test]
fn a_line_of_csv_for_each_thing_that_carries_a_control() {
    let told = text(&["--baseline", "low", "--format", "csv"]);
    assert!(told.starts_with("control,title,standing,by,strength,mechanism,idle\n"));
    assert!(
        told.contains("AC-3,Access Enforcement,rules,shop.read,"),
        "{told}"
    );
}

#[test]
fn a_page_stands_alone() {
    let page = text(&["--baseline", "low", "--format", "html"]);
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<code>shop.read</code>"));
    for from_elsewhere in ["<script", "src=", "href=\"http", "@import", "url("] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
}

/// What the schema of OSCAL 1.1.2 demands of the parts that are there: names, required ones, patterns of ids and times.
#[test]
fn the_component_definition_is_in_the_form_of_oscal() {
    let told = json(&["--baseline", "moderate", "--format", "oscal"]);
    let definition = &told["component-definition"];
    only(definition, &["uuid", "metadata", "components"], &[]);
    only(
        &definition["metadata"],
        &["title", "last-modified", "version", "oscal-version"],
        &[],
    );
    assert_eq!(
        definition["metadata"]["last-modified"],
        "2023-11-14T22:13:20Z"
    );
    let mut uuids = vec![definition["uuid"].clone()];
    let mut requirements = 0;
    for component in definition["components"].as_array().unwrap() {
        only(
            component,
            &["uuid", "type", "title", "description"],
            &["props", "control-implementations"],
        );
        uuids.push(component["uuid"].clone());
        for implementation in component["control-implementations"].as_array().unwrap() {
            only(
                implementation,
                &["uuid", "source", "description", "implemented-requirements"],
                &[],
            );
            uuids.push(implementation["uuid"].clone());
            for requirement in implementation["implemented-requirements"]
                .as_array()
                .unwrap()
            {
                only(
                    requirement,
                    &["uuid", "control-id", "description"],
                    &["props"],
                );
                uuids.push(requirement["uuid"].clone());
                let id = requirement["control-id"].as_str().unwrap();
                assert!(
                    id.chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)),
                    "{id}"
                );
                for prop in requirement["props"].as_array().unwrap() {
                    only(prop, &["name", "ns", "value"], &[]);
                    let value = prop["value"].as_str().unwrap();
                    assert!(!value.is_empty() && value.trim() == value);
                }
                requirements += 1;
            }
        }
    }
    assert!(requirements > 20, "{requirements}");
    let all = uuids.len();
    for uuid in &uuids {
        assert!(is_uuid(uuid.as_str().unwrap()), "{uuid}");
    }
    uuids.sort_by_key(Value::to_string);
    uuids.dedup();
    assert_eq!(uuids.len(), all, "an id stands twice");
    assert_eq!(told, json(&["--baseline", "moderate", "--format", "oscal"]));
}

fn only(object: &Value, required: &[&str], optional: &[&str]) {
    let object = object.as_object().unwrap();
    for name in required {
        assert!(object.contains_key(*name), "{name} is missing");
    }
    for name in object.keys() {
        let known = required.contains(&name.as_str()) || optional.contains(&name.as_str());
        assert!(known, "{name} is not of OSCAL");
    }
}

/// `^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[45][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$`
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let at = |index: usize| text.chars().nth(index).unwrap();
    lengths == [8, 4, 4, 4, 12]
        && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
        && "45".contains(at(14))
        && "89ab".contains(at(19))
}
