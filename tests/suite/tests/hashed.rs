//! `mask CLASS hash`: tokens are made with the key in the gateway's configuration, and without one nothing that would have
//! to be hashed comes out.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hpol_support::gateway::{self, Deployment, Gateway};
use hpol_support::postgres::PostgresServer;
use hpol_support::psql::{Printed, Psql};
use hpol_support::records::{Records, eventually};
use hpol_support::world::demo_data;

const SSN: &str = "SELECT ssn FROM customers WHERE id <= 2 ORDER BY id";

fn ask(gateway: &Gateway) -> Printed {
    let token = gateway.token("agent-7", &["autonomous-agents"]).unwrap();
    let port = gateway.port("orders-prod").unwrap();
    Psql::new(port, &token).run(&[SSN]).unwrap()
}

fn tokens(gateway: &Gateway) -> Vec<String> {
    let printed = ask(gateway);
    assert!(printed.success, "{printed:?}");
    printed.out.lines().map(str::to_owned).collect()
}

fn write_key(gateway: &Gateway, key: &[u8]) {
    let path = gateway.folder().join("mask.key");
    fs::write(&path, key).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// Reloads and waits for one more record of `event`.
fn reload(gateway: &Gateway, event: &str) -> serde_json::Value {
    let count = |records: &Records| records.events(event).count();
    let before = count(&Records::of(gateway).unwrap());
    gateway.reload().unwrap();
    eventually(gateway, "what came of the reload", |records| {
        records.events(event).nth(before).cloned()
    })
    .unwrap()
}

/// What `check-config` says, on both of its outputs.
fn check_config(gateway: &Gateway) -> (Option<i32>, String) {
    let mut command = gateway::gateway().unwrap();
    command.args(["check-config", "--dev", "--config"]);
    let output = command
        .arg(gateway.folder().join("gateway.toml"))
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).unwrap())
}

#[test]
fn a_column_is_hashed_with_the_gateways_key_and_blocked_without_one() {
    let postgres = PostgresServer::start().unwrap();
    postgres.load("demo", &demo_data()).unwrap();
    let gateway = Gateway::start(&Deployment {
        policy: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/hashed"),
        postgres: Some(&postgres),
        plaintext_clients: true,
        ..Deployment::default()
    })
    .unwrap();
    let warning = "`hashed.hash_ssn` cannot hash without a key";
    let log = || fs::read_to_string(gateway.folder().join("gateway.log")).unwrap();
    assert!(log().contains(warning), "{}", log());
    let (code, told) = check_config(&gateway);
    assert!(code == Some(0) && told.contains(warning), "{told}");
    let blocked = ask(&gateway);
    assert!(!blocked.success && blocked.out.is_empty(), "{blocked:?}");
    assert!(blocked.err.contains("no key"), "{blocked:?}");

    write_key(&gateway, &[7; 32]);
    OpenOptions::new()
        .append(true)
        .open(gateway.folder().join("gateway.toml"))
        .unwrap()
        .write_all(b"\n[masking]\nkey_file = \"mask.key\"\n")
        .unwrap();
    reload(&gateway, "bundle_loaded");
    let (code, told) = check_config(&gateway);
    assert!(code == Some(0) && !told.contains("hash_ssn"), "{told}");
    let first = tokens(&gateway);
    assert_eq!(first.len(), 2);
    for token in &first {
        let letters = token.strip_prefix('#').unwrap();
        assert!(
            letters.len() == 32 && letters.bytes().all(|byte| byte.is_ascii_lowercase()),
            "{token}"
        );
    }
    assert_ne!(first[0], first[1]);
    assert_eq!(first, tokens(&gateway), "the same value has the same token");

    write_key(&gateway, &[7; 31]);
    let refused = reload(&gateway, "configuration_refused");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("the key has 31 bytes"), "{reason}");
    let (code, told) = check_config(&gateway);
    assert!(
        code == Some(2) && told.contains("the key has 31 bytes"),
        "{told}"
    );
    assert_eq!(first, tokens(&gateway), "the old key stays");

    write_key(&gateway, &[8; 32]);
    reload(&gateway, "bundle_loaded");
    let others = tokens(&gateway);
    assert!(others.len() == 2 && first != others, "{others:?}");
}
