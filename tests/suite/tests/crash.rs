//! `kill -9` of the gateway under load, again and again: nothing that a client was told is missing from the log, nothing is
//! in the database that the log does not announce, and the log verifies after every crash. `HPOL_CRASHES` sets how often.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hpol_support::gateway::Deployment;
use hpol_support::gateway::Gateway;
use hpol_support::postgres::PostgresServer;
use hpol_support::records::Records;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

/// Clients at a time, of each kind.
const CLIENTS: u32 = 2;

/// What a client was told, by its name.
#[derive(Debug, Default)]
struct Told {
    /// Rows that the gateway acknowledged.
    written: u64,
    /// Results that arrived to their end.
    read: u64,
}

/// How a client works.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// INSERTs in the simple protocol.
    Simple,
    /// INSERTs by a prepared statement.
    Prepared,
    /// SELECTs.
    Reader,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u_02_09_kill_9_under_load_loses_nothing_that_was_acknowledged() {
    let crashes = match std::env::var("HPOL_CRASHES") {
        Ok(number) => number.parse().expect("HPOL_CRASHES is a number"),
        Err(_) => 20,
    };
    let postgres = PostgresServer::start().unwrap();
    postgres
        .execute(
            "demo",
            "CREATE TABLE ledger (client text NOT NULL, entry bigint NOT NULL); ALTER TABLE ledger OWNER TO hpol_gateway",
        )
        .unwrap();
    let mut gateway = Gateway::start(&Deployment {
        policy: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/ledger"),
        postgres: Some(&postgres),
        plaintext_clients: true,
        ..Deployment::default()
    })
    .unwrap();
    let mut told = BTreeMap::new();
    for round in 0..crashes {
        told.extend(work_until_killed(&mut gateway, round).await);
        gateway.restart().unwrap();
        let verified = gateway.verify().unwrap();
        hold(&gateway, &postgres, &told);
        println!(
            "crash {round}: {}",
            verified.lines().next().unwrap_or_default()
        );
    }
    assert!(told.values().map(|told| told.written).sum::<u64>() > u64::from(crashes) * 10);
    assert!(told.values().any(|told| told.read > 0));
    assert!(gateway.stop().unwrap());
    gateway.verify().unwrap();
    let records = Records::of(&gateway).unwrap();
    assert_eq!(
        records.events("gateway_started").count(),
        crashes as usize + 1
    );
    assert_eq!(records.events("gateway_stopped").count(), 1);
}

/// Lets clients work and kills the gateway in the middle of it.
async fn work_until_killed(gateway: &mut Gateway, round: u32) -> Vec<(String, Told)> {
    let port = gateway.port("orders-prod").unwrap();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let progress = Arc::new(Notify::new());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        for kind in [Kind::Simple, Kind::Prepared, Kind::Reader] {
            let name = format!("{kind:?}-{round}-{number}").to_lowercase();
            let token = gateway.token(&name, &["writers"]).unwrap();
            let (acknowledged, progress) = (Arc::clone(&acknowledged), Arc::clone(&progress));
            clients.spawn(async move {
                let told = work(port, &name, &token, kind, &acknowledged, &progress).await;
                (name, told)
            });
        }
    }
    // Another moment in each round, and always in the middle of work.
    let enough = 20 + u64::from(round) * 7 % 31;
    while acknowledged.load(Ordering::SeqCst) < enough {
        progress.notified().await;
    }
    gateway.kill().unwrap();
    let mut told = Vec::new();
    while let Some(ended) = clients.join_next().await {
        told.push(ended.unwrap());
    }
    told
}

/// Works until the connection breaks and returns what was acknowledged.
async fn work(
    port: u16,
    name: &str,
    token: &str,
    kind: Kind,
    acknowledged: &AtomicU64,
    progress: &Notify,
) -> Told {
    let mut told = Told::default();
    // The gateway may be killed while a client logs in.
    let Ok((client, connection)) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(port)
        .user("whoever")
        .dbname("demo")
        .password(token)
        .connect(NoTls)
        .await
    else {
        return told;
    };
    let driver = tokio::spawn(connection);
    while step(&client, name, kind, &mut told).await.is_ok() {
        acknowledged.fetch_add(1, Ordering::SeqCst);
        progress.notify_one();
    }
    drop(client);
    // It ends with the broken connection; how does not matter.
    let _ = driver.await;
    told
}

/// One operation. An error other than a broken connection is none that this test knows.
async fn step(
    client: &Client,
    name: &str,
    kind: Kind,
    told: &mut Told,
) -> Result<(), tokio_postgres::Error> {
    let entry = told.written;
    let done = match kind {
        Kind::Simple => {
            let sql = format!("INSERT INTO ledger VALUES ('{name}', {entry})");
            client.simple_query(&sql).await.map(|_| ())
        }
        Kind::Prepared => {
            let sql = "INSERT INTO ledger VALUES ($1, $2)";
            let entry = i64::try_from(entry).unwrap();
            client.execute(sql, &[&name, &entry]).await.map(|_| ())
        }
        Kind::Reader => client
            .query("SELECT entry FROM ledger WHERE client = $1", &[&name])
            .await
            .map(|_| ()),
    };
    match done {
        Ok(()) => match kind {
            Kind::Simple | Kind::Prepared => told.written += 1,
            Kind::Reader => told.read += 1,
        },
        Err(ref error) => assert!(
            error.as_db_error().is_none(),
            "the gateway refused: {error:?}"
        ),
    }
    done
}

/// What clients were told, what is in the table and what the log says, held against one another.
fn hold(gateway: &Gateway, postgres: &PostgresServer, told: &BTreeMap<String, Told>) {
    let records = Records::of(gateway).unwrap();
    // Which operations completed, and how many were announced by whom.
    let completed: std::collections::BTreeSet<&str> = records
        .events("outcome")
        .filter(|outcome| outcome["result"] == "completed")
        .map(|outcome| outcome["operation"].as_str().unwrap())
        .collect();
    let mut announced: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for decision in records.events("decision") {
        assert_eq!(decision["verdict"], "allow", "{decision}");
        let counts = announced
            .entry(decision["subject"]["id"].as_str().unwrap())
            .or_default();
        counts.0 += 1;
        if completed.contains(decision["operation"].as_str().unwrap()) {
            counts.1 += 1;
        }
    }
    let rows = postgres
        .execute(
            "demo",
            "SELECT client, count(*) FROM ledger GROUP BY client",
        )
        .unwrap();
    let rows: BTreeMap<&str, u64> = rows
        .lines()
        .map(|line| {
            let (client, count) = line.split_once('|').unwrap();
            (client, count.parse().unwrap())
        })
        .collect();
    for (name, told) in told {
        let (decided, settled) = announced.get(name.as_str()).copied().unwrap_or_default();
        let acknowledged = told.written + told.read;
        assert!(
            settled >= acknowledged,
            "`{name}` was told of {acknowledged} operations, and the log holds {settled} outcomes"
        );
        let present = rows.get(name.as_str()).copied().unwrap_or_default();
        assert!(
            present >= told.written,
            "`{name}` was told of {} rows, and {present} are there",
            told.written
        );
        assert!(
            decided >= present,
            "`{name}` has {present} rows, and only {decided} were announced in the log"
        );
    }
}
