//! The programs that come with PostgreSQL: psql, pgbench.

use std::process::Command;

use hpol_support::approvals;
use hpol_support::postgres::{GATEWAY_USER, find_bin};
use hpol_support::process::check;
use hpol_support::records::Records;

use crate::{assert_walked, client, world};

/// What a person types: psql's own commands, which ask the catalogue, and statements.
const WALK: &str = r"
\d customers
\dt
SELECT id, ssn FROM customers WHERE id IN (1, 2) ORDER BY id;
SELECT ssn AS kept FROM customers WHERE id = 3 \gset
\echo kept :kept
DROP TABLE orders;
SELEC 1;
INSERT INTO orders VALUES (16, 1, 'again', 1, 'new');
BEGIN;
UPDATE orders SET item = 'undone' WHERE id = 16;
DROP TABLE orders;
SELECT 1;
ROLLBACK;
SELECT item FROM orders WHERE id = 16;
BEGIN;
UPDATE orders SET item = 'psql' WHERE id = 16;
COMMIT;
\copy orders (id, customer_id, item, quantity, status) FROM PROGRAM 'seq -f %.0f,1,many,1,new 16001 16002' CSV
\copy (SELECT id, item FROM orders WHERE id > 16000 ORDER BY id) TO STDOUT CSV
\o /dev/null
SELECT n, c.ssn FROM generate_series(1, 50000) n JOIN customers c ON c.id = 1 + n % 1000;
\o
UPDATE payments SET status = 'psql' WHERE id = 16;
";

#[test]
fn psql() {
    let world = world();
    let token = world.gateway.token("psql", &["autonomous-agents"]).unwrap();
    let certificate = world.gateway.certificate();
    let psql = world
        .psql(&token)
        .unwrap()
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", certificate.to_str().unwrap())
        .spawn_script(WALK)
        .unwrap();
    let dba = world.gateway.token("agreeable", &["dba"]).unwrap();
    let request = approvals::await_request(&world.gateway, &dba, "psql", || false).unwrap();
    let id = request["id"].as_str().unwrap();
    assert_eq!(
        approvals::vote(&world.gateway, &dba, "approve", id)
            .unwrap()
            .code,
        0
    );
    let printed = psql.finish().unwrap();
    for wanted in [
        "ssn|text||not null|\n",
        "public|orders|table|hpol_gateway\n",
        "1|***-**-4321\n2|***-**-4322\n",
        "kept ***-**-4323\n",
        "ROLLBACK\nitem-16\n",
        "COPY 2\n16001,many\n16002,many\n",
    ] {
        assert!(printed.out.contains(wanted), "{wanted}: {printed:?}");
    }
    let codes: Vec<&str> = printed
        .err
        .lines()
        .filter_map(|line| line.split_once("ERROR:  "))
        .map(|(_, error)| &error[..5])
        .collect();
    assert_eq!(
        codes,
        ["42501", "42601", "23505", "42501", "25P02"],
        "{printed:?}"
    );
    assert_walked(&world, "psql", 16);
}

#[test]
fn pgbench_in_every_mode() {
    let world = world();
    let mut prepare = Command::new(find_bin().unwrap().join("pgbench"));
    prepare
        .args(["--initialize", "--quiet", "--scale", "1"])
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", world.postgres.port().to_string())
        .env("PGUSER", GATEWAY_USER)
        .env("PGPASSWORD", world.postgres.password())
        .env("PGDATABASE", "demo");
    check(&mut prepare).unwrap();
    for mode in ["simple", "extended", "prepared"] {
        for (script, name) in [("select-only", "reads"), ("tpcb-like", "writes")] {
            let name = format!("pgbench-{mode}-{name}");
            let mut bench = client(&world, find_bin().unwrap().join("pgbench"), &name);
            bench
                .args(["--no-vacuum", "--protocol", mode, "--builtin", script])
                .args(["--client", "2", "--transactions", "50"]);
            let printed = check(&mut bench).unwrap();
            let printed = String::from_utf8(printed.stdout).unwrap();
            assert!(
                printed.contains("number of transactions actually processed: 100/100"),
                "{printed}"
            );
            let records = Records::of(&world.gateway).unwrap();
            assert!(records.decisions(&name).len() >= 100);
        }
    }
}
