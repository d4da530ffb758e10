//! Which policy is in force: reloads under open sessions, bundles that are not to be trusted, and none at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_support::gateway::{Deployment, Gateway, hpol};
use hpol_support::postgres::PostgresServer;
use hpol_support::process::check;
use hpol_support::psql::{Printed, Psql};
use hpol_support::records::{Records, eventually};
use hpol_support::world::{Shared, demo_data};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

static POSTGRES: Shared<PostgresServer> = Shared::new();

const COUNT: &str = "SELECT count(*) FROM orders";

fn policy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn postgres() -> Arc<PostgresServer> {
    POSTGRES
        .get(|| {
            let postgres = PostgresServer::start()?;
            postgres.load("demo", &demo_data())?;
            Ok(postgres)
        })
        .unwrap()
}

fn gateway(postgres: &PostgresServer, path: &str) -> Gateway {
    Gateway::start(&Deployment {
        policy: policy(path),
        postgres: Some(postgres),
        plaintext_clients: true,
        ..Deployment::default()
    })
    .unwrap()
}

fn agent(gateway: &Gateway) -> String {
    gateway.token("agent-7", &["autonomous-agents"]).unwrap()
}

fn ask(gateway: &Gateway, sql: &str) -> Printed {
    let port = gateway.port("orders-prod").unwrap();
    Psql::new(port, &agent(gateway)).run(&[sql]).unwrap()
}

/// A session that stays open.
async fn session(gateway: &Gateway) -> Client {
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(gateway.port("orders-prod").unwrap())
        .user("whoever")
        .dbname("demo")
        .password(agent(gateway))
        .connect(NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// The first value of the answer, or SQLSTATE and message of the refusal.
async fn first(client: &Client, sql: &str) -> Result<String, (String, String)> {
    let answer = client.simple_query(sql).await.map_err(|error| {
        let told = error.as_db_error().expect("the gateway answers");
        (told.code().code().to_owned(), told.message().to_owned())
    })?;
    let value = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(value.unwrap_or_default())
}

/// Has the gateway read its bundle again and waits until the log says what came of it.
fn reload(gateway: &Gateway) -> serde_json::Value {
    let told = |records: &Records| {
        let about = |event: &str| event == "bundle_loaded" || event == "bundle_refused";
        let events: Vec<_> = records
            .0
            .iter()
            .filter(|record| about(record["event"].as_str().unwrap()))
            .cloned()
            .collect();
        events
    };
    let before = told(&Records::of(gateway).unwrap()).len();
    gateway.reload().unwrap();
    eventually(gateway, "what came of the reload", |records| {
        told(records).get(before).cloned()
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn b_04_a_new_bundle_judges_the_next_operation_of_an_open_session() {
    let postgres = postgres();
    let gateway = gateway(&postgres, "../../policies/orders");
    let client = session(&gateway).await;
    assert_eq!(first(&client, COUNT).await.unwrap(), "1000");
    client.simple_query("BEGIN").await.unwrap();
    assert_eq!(first(&client, COUNT).await.unwrap(), "1000");

    gateway.build_policy(&policy("policies/frozen"), 2).unwrap();
    let loaded = reload(&gateway);
    assert_eq!(loaded["event"], "bundle_loaded");
    assert_eq!(loaded["policy_sequence"], 2);
    let (code, message) = first(&client, COUNT).await.unwrap_err();
    assert_eq!(code, "42501");
    assert!(
        message.contains("frozen.frozen") && message.contains("An incident is being looked into."),
        "{message}"
    );

    gateway
        .build_policy(&policy("../../policies/orders"), 3)
        .unwrap();
    reload(&gateway);
    client.simple_query("ROLLBACK").await.unwrap();
    assert_eq!(first(&client, COUNT).await.unwrap(), "1000");

    let records = Records::of(&gateway).unwrap();
    let bundles: Vec<_> = records
        .events("bundle_loaded")
        .map(|record| record["bundle"].as_str().unwrap())
        .collect();
    let decisions = records.decisions("agent-7");
    for (decision, bundle) in decisions.iter().zip([0, 0, 0, 1, 2, 2]) {
        assert_eq!(decision["bundle"], bundles[bundle], "{decision}");
    }
    assert_eq!(decisions.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn b_01_02_a_bundle_that_is_not_to_be_trusted_is_refused_and_the_old_one_stays() {
    let postgres = postgres();
    let gateway = gateway(&postgres, "../../policies/orders");
    let client = session(&gateway).await;
    gateway
        .build_policy(&policy("../../policies/orders"), 5)
        .unwrap();
    assert_eq!(reload(&gateway)["policy_sequence"], 5);
    let file = gateway.folder().join("policy.hpolb");
    let good = fs::read(&file).unwrap();

    let older = {
        gateway.build_policy(&policy("policies/frozen"), 4).unwrap();
        fs::read(&file).unwrap()
    };
    let by_a_stranger = {
        let key = gateway.folder().join("stranger.key");
        check(hpol().unwrap().arg("keygen").arg(&key)).unwrap();
        let mut build = hpol().unwrap();
        build.arg("build").arg(policy("policies/frozen"));
        build.arg("--output").arg(&file).arg("--key").arg(&key);
        check(build.args(["--sequence", "6"])).unwrap();
        fs::read(&file).unwrap()
    };
    let altered = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut unsigned = good.clone();
    unsigned.truncate(good.len() - 40);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("older", older, "older"),
        ("by a stranger", by_a_stranger, "not trust"),
        ("altered in the middle", altered(good.len() / 2), ""),
        ("altered at the end", altered(good.len() - 1), ""),
        ("altered at the start", altered(0), ""),
        ("cut off", unsigned, ""),
        ("longer", [good.clone(), vec![0]].concat(), ""),
        ("empty", Vec::new(), ""),
        ("something else", b"package orders\n".to_vec(), ""),
    ];
    for (name, bytes, words) in cases {
        fs::write(&file, bytes).unwrap();
        let refused = reload(&gateway);
        assert_eq!(refused["event"], "bundle_refused", "{name}: {refused}");
        let reason = refused["reason"].as_str().unwrap();
        assert!(
            reason.contains(words) && reason.contains("policy.hpolb"),
            "{name}: {reason}"
        );
        assert_eq!(first(&client, COUNT).await.unwrap(), "1000", "{name}");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(reload(&gateway)["event"], "bundle_refused");
    assert_eq!(first(&client, COUNT).await.unwrap(), "1000");
    // And after all of them a good one is taken.
    gateway.build_policy(&policy("policies/frozen"), 6).unwrap();
    assert_eq!(reload(&gateway)["policy_sequence"], 6);
    assert!(first(&client, COUNT).await.is_err());
}

#[test]
fn b_01_without_a_bundle_everything_is_denied() {
    let postgres = postgres();
    let mut gateway = gateway(&postgres, "../../policies/orders");
    let file = gateway.folder().join("policy.hpolb");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(gateway.stop().unwrap());
    gateway.restart().unwrap();

    let printed = ask(&gateway, COUNT);
    assert!(!printed.success && printed.out.is_empty(), "{printed:?}");
    assert!(
        printed
            .err
            .contains("no policy is in force, so everything is denied"),
        "{printed:?}"
    );
    let records = Records::of(&gateway).unwrap();
    assert_eq!(records.events("bundle_refused").count(), 1);
    assert!(records.decisions("agent-7").is_empty());
    assert!(records.events("session_refused").any(|record| {
        record["connection"]["name"] == "orders-prod"
            && record["reason"].as_str().unwrap().contains("no policy")
    }));
    // A good one ends that, without a restart.
    gateway
        .build_policy(&policy("../../policies/orders"), 2)
        .unwrap();
    assert_eq!(reload(&gateway)["event"], "bundle_loaded");
    assert_eq!(ask(&gateway, COUNT).out, "1000\n");
}

#[test]
fn b_02_a_restart_is_no_way_back_to_an_older_bundle() {
    let postgres = postgres();
    let mut gateway = gateway(&postgres, "../../policies/orders");
    let old = fs::read(gateway.folder().join("policy.hpolb")).unwrap();
    gateway.build_policy(&policy("policies/frozen"), 2).unwrap();
    assert_eq!(reload(&gateway)["policy_sequence"], 2);
    gateway.kill().unwrap();
    fs::write(gateway.folder().join("policy.hpolb"), old).unwrap();
    gateway.restart().unwrap();
    let printed = ask(&gateway, COUNT);
    assert!(!printed.success && printed.out.is_empty(), "{printed:?}");
    let records = Records::of(&gateway).unwrap();
    let refused = records.events("bundle_refused").last().unwrap();
    assert!(
        refused["reason"].as_str().unwrap().contains("older"),
        "{refused}"
    );
}

#[test]
fn p_02_a_change_of_the_policy_voids_what_it_was_asked_for() {
    let postgres = postgres();
    let gateway = gateway(&postgres, "policies/approvals");
    let psql = Psql::new(gateway.port("orders-prod").unwrap(), &agent(&gateway));
    let mut psql = psql
        .spawn(&["UPDATE orders SET status = 'stale' WHERE id = 900"])
        .unwrap();
    let notice = psql.await_line("waiting for approval ").unwrap();
    let (_, rest) = notice.split_once("waiting for approval ").unwrap();
    let (id, _) = rest.split_once(' ').unwrap();
    gateway
        .build_policy(&policy("policies/approvals"), 2)
        .unwrap();
    assert_eq!(reload(&gateway)["event"], "bundle_loaded");
    let dana = gateway.token("dana", &["dba"]).unwrap();
    let mut approve = gateway.hpol(&dana).unwrap();
    let output = approve
        .args(["approvals", "approve", id, "--reason", "too late"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the policy has changed"), "{told}");
    psql.interrupt().unwrap();
    assert!(!psql.finish().unwrap().success);
    let stale = postgres.execute("demo", "SELECT count(*) FROM orders WHERE status = 'stale'");
    assert_eq!(stale.unwrap(), "0");
}

#[test]
fn p_10_a_request_does_not_outlive_the_gateway() {
    let postgres = postgres();
    let mut gateway = gateway(&postgres, "policies/approvals");
    let psql = Psql::new(gateway.port("orders-prod").unwrap(), &agent(&gateway));
    let mut psql = psql
        .spawn(&["UPDATE orders SET status = 'orphaned' WHERE id = 901"])
        .unwrap();
    let notice = psql.await_line("waiting for approval ").unwrap();
    let (_, rest) = notice.split_once("waiting for approval ").unwrap();
    let (id, _) = rest.split_once(' ').unwrap();
    gateway.kill().unwrap();
    gateway.restart().unwrap();
    assert!(!psql.finish().unwrap().success);
    let dana = gateway.token("dana", &["dba"]).unwrap();
    let mut approve = gateway.hpol(&dana).unwrap();
    let output = approve
        .args(["approvals", "approve", id, "--reason", "too late"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let orphaned = postgres.execute(
        "demo",
        "SELECT count(*) FROM orders WHERE status = 'orphaned'",
    );
    assert_eq!(orphaned.unwrap(), "0");
    gateway.verify().unwrap();
}

#[test]
fn a_broken_configuration_changes_nothing() {
    let postgres = postgres();
    let gateway = gateway(&postgres, "../../policies/orders");
    let config = gateway.folder().join("gateway.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("databases = [\"demo\"]", "databses = [\"demo\"]"),
    )
    .unwrap();
    let mut command = hpol_support::gateway::gateway().unwrap();
    let output = command
        .args(["check-config", "--dev", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for wanted in ["gateway.toml", "databses"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    gateway.reload().unwrap();
    gateway
        .build_policy(&policy("../../policies/orders"), 2)
        .unwrap();
    // The bundle is read all the same; by then the configuration has been refused.
    eventually(&gateway, "the second bundle", |records| {
        gateway.reload().unwrap();
        (records.events("bundle_loaded").count() == 2).then_some(())
    })
    .unwrap();
    assert_eq!(ask(&gateway, COUNT).out, "1000\n");
}

#[test]
fn a_broken_policy_gives_every_error_with_its_place_and_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (key, bundle) = (folder.path().join("key"), folder.path().join("out.hpolb"));
    check(hpol().unwrap().arg("keygen").arg(&key)).unwrap();
    let build = |json: bool| {
        let mut build = hpol().unwrap();
        build.arg("build").arg(policy("policies/broken"));
        build.arg("--output").arg(&bundle).arg("--key").arg(&key);
        build.args(json.then_some("--json"));
        build.env("NO_COLOR", "1").output().unwrap()
    };
    let output = build(false);
    assert_eq!(output.status.code(), Some(1));
    assert!(!bundle.exists(), "no bundle was written");
    let told = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    for wanted in [
        "broken.hpol:13:11",
        "did you mean `sql.verbs`?",
        "broken.hpol:27:15",
        "`AC-3(6)` is withdrawn",
        "broken.hpol:36:11",
        "did you mean `agents`?",
        "broken.hpol:46:29",
        "`[` is never closed",
        "broken.hpol:54:5",
        "write `block`",
        "no bundle was written",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let output = build(true);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let diagnostics = json["diagnostics"].as_array().unwrap();
    assert_eq!(diagnostics.len(), 6, "{json:#}");
    assert!(
        diagnostics
            .iter()
            .all(|diagnostic| diagnostic["code"].as_str().unwrap().starts_with("HP"))
    );
    assert!(!bundle.exists());
}

#[test]
fn a_policy_whose_test_fails_gives_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (key, bundle) = (folder.path().join("key"), folder.path().join("out.hpolb"));
    check(hpol().unwrap().arg("keygen").arg(&key)).unwrap();
    let text = fs::read_to_string(policy("policies/frozen/frozen.hpol")).unwrap();
    let test = "\ntest \"a read goes ahead\" {\n    as     subject \"a\"\n    on     db\n    sql    \"SELECT 1\"\n    expect allow\n}\n";
    fs::write(folder.path().join("frozen.hpol"), text + test).unwrap();
    let mut build = hpol().unwrap();
    build.arg("build").arg(folder.path());
    let build = build.arg("--output").arg(&bundle).arg("--key").arg(&key);
    let output = build.env("NO_COLOR", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!bundle.exists());
    let told = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("a read goes ahead"), "{told}");
}

/// There is neither a loop nor a pattern that could run away in the language, so what is left to bound is size.
#[test]
fn b_07_a_policy_without_bounds_is_refused_by_name() {
    let rule = |condition: &str| {
        let folder = tempfile::tempdir().unwrap();
        let head = "package deep\nconnection db = postgres \"orders-prod\"\nrule deep \"Deep\" {\n satisfies AC-3\n";
        let text = format!(
            "{head} because \"A test.\"\n who everyone\n on db\n when {condition}\n allow\n}}\n"
        );
        fs::write(folder.path().join("deep.hpol"), text).unwrap();
        let output = hpol()
            .unwrap()
            .arg("check")
            .arg(folder.path())
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(printed).unwrap())
    };
    let nested = format!(
        "{}sql.statements > 0{}",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    let (code, printed) = rule(&nested);
    assert_eq!(code, Some(1));
    assert!(printed.contains("HP0010"), "{:.400}", printed);
    let (code, printed) = rule(&"sql.statements > 1 or ".repeat(60_000));
    assert_eq!(code, Some(1));
    assert!(printed.contains("HP0011"), "{:.400}", printed);
    // Long, and within the bounds.
    let (code, printed) = rule(&format!("{}sql.statements > 0", "not ".repeat(20_000)));
    assert_eq!(code, Some(0), "{:.400}", printed);
}
