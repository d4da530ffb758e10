//! psql through the gateway to a real PostgreSQL, by the policy package `orders`: what is allowed, masked and refused, in
//! which state the session is afterwards, and what the log says of each.

mod log;
mod login;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_support::psql::Printed;
use hpol_support::records::{Records, controls, strings};
use hpol_support::world::{Shared, World};

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD.get(|| World::start(&policy())).unwrap()
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/orders")
}

/// Runs the texts in one session of an agent of this name.
fn agent(world: &World, name: &str, texts: &[&str]) -> Printed {
    let token = world.gateway.token(name, &["autonomous-agents"]).unwrap();
    world.psql(&token).unwrap().run(texts).unwrap()
}

fn records(world: &World) -> Records {
    Records::of(&world.gateway).unwrap()
}

#[test]
fn an_allowed_read_is_masked_and_recorded() {
    let world = world();
    let printed = agent(
        &world,
        "reader",
        &["SELECT id, ssn FROM customers WHERE id IN (1, 2) ORDER BY id"],
    );
    assert_eq!(printed.out, "1|***-**-4321\n2|***-**-4322\n", "{printed:?}");
    assert!(printed.success);

    let records = records(&world);
    let decision = records.decision("reader").unwrap();
    assert_eq!(decision["verdict"], "allow");
    assert_eq!(strings(&decision["rules"]), ["orders.read_orders"]);
    assert_eq!(strings(&decision["obligations"]), ["orders.hide_ssn"]);
    assert_eq!(decision["connection"]["name"], "orders-prod");
    assert_eq!(
        strings(&decision["subject"]["groups"]),
        ["autonomous-agents"]
    );
    assert_eq!(
        decision["masked"],
        "SELECT id, ssn FROM customers WHERE id IN (?, ?) ORDER BY id"
    );
    let controls_of_decision = controls(decision).unwrap();
    for id in ["ac-3", "ac-6", "au-12"] {
        assert!(
            controls_of_decision.contains(&id),
            "{id}: {controls_of_decision:?}"
        );
    }
    let outcome = records.outcome(decision).unwrap();
    assert_eq!(outcome["result"], "completed");
    assert_eq!(outcome["rows"], 2);
    assert_eq!(outcome["masked"][0]["class"], "orders.pii.ssn");
    assert_eq!(outcome["masked"][0]["rule"], "orders.hide_ssn");
    assert_eq!(outcome["masked"][0]["values"], 2);
    assert!(controls(outcome).unwrap().contains(&"si-19.4"), "{outcome}");
}

#[test]
fn detectors_find_what_no_column_declares() {
    let world = world();
    let printed = agent(
        &world,
        "note-reader",
        &["SELECT notes FROM customers WHERE id = 7"],
    );
    assert_eq!(printed.out, "called about ***-**-4327\n", "{printed:?}");
    let records = records(&world);
    let outcome = records.outcome(records.decision("note-reader").unwrap());
    assert_eq!(outcome.unwrap()["masked"][0]["values"], 1);
}

#[test]
fn those_whom_no_mask_names_read_in_clear() {
    let world = world();
    let token = world.gateway.token("dana", &["dba"]).unwrap();
    let sql = "SELECT ssn FROM customers WHERE id = 1";
    let printed = world.psql(&token).unwrap().run(&[sql]).unwrap();
    assert_eq!(printed.out, "987-65-4321\n", "{printed:?}");
    let records = records(&world);
    let decision = records.decision("dana").unwrap();
    assert_eq!(decision["obligations"], serde_json::json!([]));
    assert_eq!(
        records.outcome(decision).unwrap()["masked"],
        serde_json::json!([])
    );
}

#[test]
fn pg_24_a_refusal_names_rule_reason_and_help_and_the_session_goes_on() {
    let world = world();
    let printed = agent(
        &world,
        "dropper",
        &["DROP TABLE orders", "SELECT count(*) FROM orders"],
    );
    assert_eq!(
        printed.out, "1000\n",
        "the session is usable afterwards: {printed:?}"
    );
    for wanted in [
        "ERROR:  42501: ",
        "orders.destructive_sql",
        "A dropped table or an unfiltered DELETE cannot be taken back.",
        "HINT:  Open a change ticket first (runbook RB-12)",
    ] {
        assert!(printed.err.contains(wanted), "{wanted}: {}", printed.err);
    }
    let records = records(&world);
    let [drop, count] = records.decisions("dropper")[..] else {
        panic!("two operations were judged")
    };
    assert_eq!(drop["verdict"], "block");
    assert_eq!(strings(&drop["rules"]), ["orders.destructive_sql"]);
    assert_eq!(drop["masked"], "DROP TABLE orders");
    let operation = drop["operation"].as_str().unwrap();
    let detail = format!("DETAIL:  operation {operation} in the audit log");
    assert!(printed.err.contains(&detail), "{detail}: {}", printed.err);
    let cited = controls(drop).unwrap();
    for id in ["ac-3", "ac-6.10", "cm-7"] {
        assert!(cited.contains(&id), "{id}: {cited:?}");
    }
    assert!(
        records.outcome(drop).is_none(),
        "nothing went ahead, so there is no outcome"
    );
    assert_eq!(count["verdict"], "allow");
}

#[test]
fn what_no_rule_allows_is_blocked_by_default_deny() {
    let world = world();
    let printed = agent(&world, "curious", &["SELECT id FROM payments"]);
    assert!(
        printed.err.contains("ERROR:  42501: ") && printed.err.contains("default_deny"),
        "{printed:?}"
    );
    assert_eq!(printed.out, "");
    let records = records(&world);
    let decision = records.decision("curious").unwrap();
    assert_eq!(strings(&decision["rules"]), ["default_deny"]);
    let cited = controls(decision).unwrap();
    for id in ["ac-3", "ac-24", "sc-7.5"] {
        assert!(cited.contains(&id), "{id}: {cited:?}");
    }
}

#[test]
fn b_08_what_nobody_thought_of_is_denied() {
    let world = world();
    for sql in [
        "SECURITY LABEL ON TABLE orders IS 'open'",
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CHECKPOINT",
        "LOAD 'auto_explain'",
        "REASSIGN OWNED BY hpol_gateway TO postgres",
        "ALTER SYSTEM SET log_statement = 'all'",
    ] {
        let printed = agent(&world, "inventive", &[sql]);
        assert!(
            !printed.success
                && (printed.err.contains("42501: ") || printed.err.contains("0A000: ")),
            "{sql}: {printed:?}"
        );
        let records = records(&world);
        let decision = records.decisions("inventive").pop().unwrap();
        assert_eq!(decision["verdict"], "block", "{sql}: {decision}");
        assert!(records.outcome(decision).is_none(), "{sql}");
    }
}

#[test]
fn pg_40_a_classified_column_is_not_used_where_it_cannot_be_masked() {
    let world = world();
    for (index, sql) in [
        "SELECT id FROM customers WHERE ssn LIKE '987-65-4321%'",
        "SELECT upper(ssn) FROM customers",
        "SELECT id FROM customers ORDER BY ssn",
        "SELECT name FROM customers UNION SELECT ssn FROM customers",
        "SELECT c FROM customers c",
        "SELECT min(ssn) FROM customers",
        "SELECT id, CASE WHEN ssn > '987-65-4325' THEN 1 ELSE 0 END FROM customers",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("prober-{index}");
        let printed = agent(&world, &name, &[sql, "SELECT count(*) FROM orders"]);
        assert!(
            printed.err.contains("ERROR:  42501: ") && printed.err.contains("ssn"),
            "{sql}: {printed:?}"
        );
        assert_eq!(printed.out, "1000\n", "{sql}: {printed:?}");
        let records = records(&world);
        let refused = records.decisions(&name)[0];
        assert_eq!(refused["verdict"], "block", "{sql}");
    }
}

#[test]
fn pg_24_a_refusal_fails_the_transaction_as_an_error_of_the_server_would() {
    let world = world();
    let printed = agent(
        &world,
        "transactor",
        &[
            "BEGIN",
            "DROP TABLE orders",
            "SELECT count(*) FROM orders",
            "ROLLBACK",
            "SELECT count(*) FROM customers",
        ],
    );
    assert!(printed.err.contains("ERROR:  42501: "), "{printed:?}");
    assert!(printed.err.contains("ERROR:  25P02: "), "{printed:?}");
    assert_eq!(printed.out, "BEGIN\nROLLBACK\n1000\n", "{printed:?}");
    let records = records(&world);
    let decisions = records.decisions("transactor");
    let verdicts: Vec<&str> = decisions
        .iter()
        .map(|decision| decision["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["allow", "block", "allow", "allow", "allow"]);
    let failed = records.outcome(decisions[2]).unwrap();
    assert_eq!(failed["result"], "failed");
    assert_eq!(failed["code"], "25P02");
}

#[test]
fn pg_18_multi_statement() {
    let world = world();
    for (name, text) in [
        ("two-at-once", "SELECT id FROM orders; DROP TABLE orders"),
        (
            "transaction-at-once",
            "BEGIN; DROP TABLE customers CASCADE; COMMIT",
        ),
    ] {
        let printed = agent(&world, name, &[text]);
        assert!(
            printed.err.contains("ERROR:  42501: ")
                && printed.err.contains("orders.destructive_sql"),
            "{printed:?}"
        );
        assert_eq!(printed.out, "", "nothing of the message ran");
        assert_eq!(records(&world).decision(name).unwrap()["verdict"], "block");
    }
    let left = world
        .postgres
        .execute(
            "demo",
            "SELECT count(*) FROM pg_class WHERE relname IN ('orders', 'customers')",
        )
        .unwrap();
    assert_eq!(left, "2");
}

#[test]
fn pg_19_what_does_not_parse_is_refused() {
    let world = world();
    let printed = agent(
        &world,
        "stutterer",
        &["SELEC 1", "SELECT count(*) FROM orders"],
    );
    assert!(printed.err.contains("ERROR:  42601: "), "{printed:?}");
    assert_eq!(printed.out, "1000\n");
    let records = records(&world);
    let refused = records.decisions("stutterer")[0];
    assert_eq!(refused["verdict"], "block");
    assert_eq!(strings(&refused["rules"]), ["gateway"]);
}

#[test]
fn pg_31_32_writes_in_disguise_are_writes() {
    let world = world();
    for (index, sql) in [
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
        "EXPLAIN ANALYZE DELETE FROM orders",
        "DO $$ BEGIN DELETE FROM orders; END $$",
        "COPY orders TO PROGRAM 'cat > /dev/null'",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("disguised-{index}");
        let printed = agent(&world, &name, &[sql]);
        assert!(
            !printed.success && printed.out.is_empty(),
            "{sql}: {printed:?}"
        );
        assert_eq!(
            records(&world).decision(&name).unwrap()["verdict"],
            "block",
            "{sql}"
        );
    }
    let left = world
        .postgres
        .execute("demo", "SELECT count(*) FROM orders")
        .unwrap();
    assert_eq!(left, "1000");
}

#[test]
fn pg_42_an_error_of_the_server_does_not_quote_classified_values() {
    let world = world();
    let printed = agent(
        &world,
        "caster",
        &["SELECT notes::integer FROM customers WHERE id = 7"],
    );
    assert!(!printed.success, "{printed:?}");
    assert!(!printed.err.contains("987-65-4327"), "{printed:?}");
}

#[test]
fn pg_46_a_statement_beyond_the_limit_is_refused_and_the_session_goes_on() {
    let world = world();
    let token = world
        .gateway
        .token("too-wordy", &["autonomous-agents"])
        .unwrap();
    let huge = format!("SELECT '{}';\n", "x".repeat((1 << 20) + 100_000));
    let deep = format!("SELECT {}1{};\n", "(".repeat(100_000), ")".repeat(100_000));
    let script = format!("{huge}{deep}SELECT count(*) FROM orders;\n");
    let psql = world.psql(&token).unwrap().spawn_script(&script).unwrap();
    let printed = psql.finish().unwrap();
    assert_eq!(printed.out, "1000\n", "{}", printed.err);
    assert_eq!(
        printed.err.matches("ERROR:  ").count(),
        2,
        "{}",
        printed.err
    );
    let records = records(&world);
    let verdicts: Vec<_> = records
        .decisions("too-wordy")
        .into_iter()
        .map(|decision| decision["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["block", "block", "allow"]);
}
