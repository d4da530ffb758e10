//! U-11: every control that a record carries is an active one of the catalogue, its mechanism can carry it, and the strength
//! is not more than the mechanism table gives. Held against a run in which everything happens that the gateway records.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_nist_mappings::{ControlId, Strength, catalogue, mechanisms, never_claimed};
use hpol_support::curl::curl;
use hpol_support::gateway::hpol;
use hpol_support::process::check;
use hpol_support::records::Records;
use hpol_support::world::{Shared, World};
use serde_json::Value;

static RUN: Shared<Run> = Shared::new();

/// A gateway that has seen a bit of everything, and its log.
struct Run {
    world: World,
    records: Records,
}

fn policy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run() -> Arc<Run> {
    RUN.get(|| {
        let world = World::start(&policy("../../policies/orders"))?;
        let agent = world.gateway.token("agent-7", &["autonomous-agents"])?;
        let dana = world.gateway.token("dana", &["dba"])?;
        world.psql(&agent)?.run(&[
            "SELECT id, ssn FROM customers LIMIT 1",
            "SELECT id FROM customers WHERE ssn = '1'",
            "DROP TABLE orders",
            "SELECT id FROM payments",
            "SELEC",
            "LISTEN x",
        ])?;
        let mut psql = world
            .psql(&agent)?
            .spawn(&["UPDATE orders SET status = 'seen' WHERE id = 1"])?;
        let notice = psql.await_line("waiting for approval ")?;
        let id = notice
            .split("waiting for approval ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .unwrap();
        let mut approve = world.gateway.hpol(&dana)?;
        check(approve.args(["approvals", "approve", id, "--reason", "seen"]))?;
        psql.finish()?;
        world
            .psql(&dana)?
            .run(&["SELECT ssn FROM customers LIMIT 1"])?;
        curl(Some(&agent), &[&world.url("/customers/7")?])?;
        curl(Some(&agent), &["-X", "POST", &world.url("/customers/7")?])?;
        curl(None, &[&world.url("/customers/7")?])?;
        let records = Records::of(&world.gateway)?;
        Ok(Run { world, records })
    })
    .unwrap()
}

/// Every control of every record, with the record.
fn claims(records: &Records) -> Vec<(&Value, &Value)> {
    let with_controls = records.0.iter().flat_map(|record| {
        let controls = record["controls"].as_array();
        controls
            .into_iter()
            .flatten()
            .map(move |control| (record, control))
    });
    with_controls.collect()
}

#[test]
fn u_11_every_control_of_a_record_is_an_active_one_of_the_catalogue() {
    let run = run();
    let claims = claims(&run.records);
    assert!(claims.len() > 50, "{}", claims.len());
    for (record, control) in claims {
        let text = control["id"].as_str().unwrap();
        let id = ControlId::parse(text).unwrap_or_else(|why| panic!("{text}: {why}: {record}"));
        assert_eq!(id.oscal(), text, "records hold the OSCAL form");
        let known = catalogue()
            .lookup(&id)
            .unwrap_or_else(|| panic!("{text} is not in the catalogue: {record}"));
        assert!(!known.withdrawn, "{text} is withdrawn: {record}");
        assert_eq!(never_claimed(&id), None, "{text}: {record}");
    }
}

#[test]
fn u_11_no_record_claims_more_than_the_mechanism_table_gives() {
    let run = run();
    for (record, control) in claims(&run.records) {
        let (id, mechanism) = (
            control["id"].as_str().unwrap(),
            control["mechanism"].as_str().unwrap(),
        );
        let strength = Strength::parse(control["strength"].as_str().unwrap()).unwrap();
        assert!(
            !mechanism.is_empty(),
            "no policy of this run claims by reason alone"
        );
        let mapping = mechanisms()
            .claim(mechanism, &ControlId::parse(id).unwrap())
            .unwrap_or_else(|| panic!("{mechanism} does nothing for {id}: {record}"));
        assert!(
            strength <= mapping.strength,
            "{mechanism} {id}: {strength:?} is more than {:?}",
            mapping.strength
        );
        // What the gateway itself claims is a constant in its code; it says just what the table says.
        if control["rule"] == "gateway" || control["rule"] == "default_deny" {
            assert_eq!(strength, mapping.strength, "{mechanism} {id}");
        }
    }
}

#[test]
fn every_decision_carries_what_is_always_on_and_the_controls_of_its_rules() {
    let run = run();
    let mut seen = BTreeSet::new();
    for decision in run.records.events("decision") {
        let controls = decision["controls"].as_array().unwrap();
        let of = |rule: &str| controls.iter().any(|control| control["rule"] == rule);
        assert!(of("gateway"), "{decision}");
        for rule in decision["rules"].as_array().unwrap() {
            let rule = rule.as_str().unwrap();
            seen.insert(rule.to_owned());
            assert!(
                of(rule),
                "`{rule}` decided and nothing is cited: {decision}"
            );
        }
        // And of no rule that did not decide.
        for control in controls {
            let rule = &control["rule"];
            assert!(
                *rule == "gateway"
                    || *rule == "default_deny"
                    || decision["rules"].as_array().unwrap().contains(rule)
                    || decision["obligations"].as_array().unwrap().contains(rule),
                "{rule} is cited and did not decide: {decision}"
            );
        }
    }
    for rule in [
        "default_deny",
        "gateway",
        "orders.dbas_read",
        "orders.destructive_sql",
        "orders.hide_ssn",
        "orders.no_writes_to_crm",
        "orders.read_crm",
        "orders.read_orders",
        "orders.writes_need_a_dba",
    ] {
        assert!(seen.contains(rule), "the run never saw `{rule}`: {seen:?}");
    }
}

#[test]
fn the_evidence_by_control_counts_what_the_log_holds() {
    let run = run();
    let mut evidence = hpol().unwrap();
    evidence.args(["evidence", "--by", "control", "--json", "--log"]);
    let output = check(evidence.arg(run.world.gateway.log())).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let cited: BTreeSet<&str> = claims(&run.records)
        .into_iter()
        .map(|(_, control)| control["id"].as_str().unwrap())
        .collect();
    for id in cited {
        assert!(text.contains(&format!("\"{id}\"")), "{id}: {text}");
    }
}
