//! tokio-postgres on the walk: binary values, statements that stay prepared, pipelining, portals, COPY, cancel over TLS.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hpol_support::approvals;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, Error};
use tokio_rustls::TlsConnector;

use crate::{assert_walked, world};

const NAME: &str = "tokio";
const ID: i32 = 15;
const LONG: &str =
    "SELECT count(*) FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_postgres() {
    let world = world();
    let token = world.gateway.token(NAME, &["autonomous-agents"]).unwrap();
    let port = world.gateway.port("orders-prod").unwrap();
    let tls = Tls::trusting(&world.gateway.certificate());
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut config = tokio_postgres::Config::new();
    config
        .user("whoever")
        .dbname("demo")
        .password(token)
        .ssl_mode(tokio_postgres::config::SslMode::Require);
    let (mut client, connection) = config.connect_raw(stream, tls.clone()).await.unwrap();
    let connection = tokio::spawn(connection);

    reads(&client).await;
    refusals(&client).await;
    transactions(&mut client).await;
    portions(&mut client).await;
    copies(&client).await;
    cancelled(&client, port, &tls).await;
    let sql = "UPDATE payments SET status = $1 WHERE id = $2";
    let held = client.execute(sql, &[&NAME, &ID]);
    let person = tokio::task::spawn_blocking({
        let world = Arc::clone(&world);
        move || {
            let dba = world.gateway.token("agreeable", &["dba"]).unwrap();
            let request = approvals::await_request(&world.gateway, &dba, NAME, || false).unwrap();
            let id = request["id"].as_str().unwrap();
            approvals::vote(&world.gateway, &dba, "approve", id).unwrap()
        }
    });
    let (held, said) = tokio::join!(held, person);
    assert_eq!(held.unwrap(), 1);
    assert_eq!(said.unwrap().code, 0);
    drop(client);
    connection.await.unwrap().unwrap();
    assert_walked(&world, NAME, ID.unsigned_abs());
}

async fn reads(client: &Client) {
    let by_id = client
        .prepare("SELECT id, ssn FROM customers WHERE id = $1")
        .await
        .unwrap();
    // All at once: the client sends them without waiting for answers.
    let found = futures_util::future::join_all((1_i32..9).map(|id| {
        let by_id = &by_id;
        async move { client.query_one(by_id, &[&id]).await.unwrap() }
    }))
    .await;
    for (row, id) in found.iter().zip(1_i32..) {
        assert_eq!(row.get::<_, i32>(0), id);
        assert_eq!(row.get::<_, &str>(1), format!("***-**-432{id}"));
    }
    let wide = client
        .query(
            "SELECT n, c.ssn FROM generate_series(1, 50000) n JOIN customers c ON c.id = 1 + n % 1000",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(wide.len(), 50_000);
    assert!(
        wide.iter()
            .all(|row| row.get::<_, &str>(1).starts_with("***-**-432"))
    );
}

/// The code and the message of an error of the server's kind.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: &SqlState) -> String {
    let error = result.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code(), code, "{error:?}");
    format!("{} {}", error.message(), error.hint().unwrap_or_default())
}

async fn refusals(client: &Client) {
    let simple = client.simple_query("DROP TABLE orders").await;
    let told = refused(simple, &SqlState::INSUFFICIENT_PRIVILEGE);
    assert!(
        told.contains("clients.no_schema") && told.ends_with("Ask for a migration"),
        "{told}"
    );
    let extended = client.execute("DROP TABLE orders", &[]).await;
    refused(extended, &SqlState::INSUFFICIENT_PRIVILEGE);
    let again = client
        .execute(
            "INSERT INTO orders VALUES ($1, 1, 'again', 1, 'new')",
            &[&ID],
        )
        .await;
    refused(again, &SqlState::UNIQUE_VIOLATION);
    refused(
        client.execute("SELEC 1", &[]).await,
        &SqlState::SYNTAX_ERROR,
    );
}

async fn transactions(client: &mut Client) {
    let update = "UPDATE orders SET item = $1 WHERE id = $2";
    let transaction = client.transaction().await.unwrap();
    transaction
        .execute(update, &[&"undone", &ID])
        .await
        .unwrap();
    let drop = transaction.batch_execute("DROP TABLE orders").await;
    refused(drop, &SqlState::INSUFFICIENT_PRIVILEGE);
    let after = transaction.batch_execute("SELECT 1").await;
    refused(after, &SqlState::IN_FAILED_SQL_TRANSACTION);
    transaction.rollback().await.unwrap();
    let mut transaction = client.transaction().await.unwrap();
    transaction.execute(update, &[&NAME, &ID]).await.unwrap();
    let savepoint = transaction.savepoint("before").await.unwrap();
    let drop = savepoint.batch_execute("DROP TABLE orders").await;
    refused(drop, &SqlState::INSUFFICIENT_PRIVILEGE);
    savepoint.rollback().await.unwrap();
    transaction.commit().await.unwrap();
}

async fn portions(client: &mut Client) {
    let transaction = client.transaction().await.unwrap();
    let portal = transaction
        .bind("SELECT id, ssn FROM customers ORDER BY id", &[])
        .await
        .unwrap();
    let mut count = 0;
    loop {
        let rows = transaction.query_portal(&portal, 300).await.unwrap();
        for row in &rows {
            count += 1;
            assert_eq!(row.get::<_, i32>(0), count);
            assert_eq!(row.get::<_, &str>(1), format!("***-**-432{}", count % 10));
        }
        if rows.is_empty() {
            break;
        }
    }
    assert_eq!(count, 1000);
    transaction.commit().await.unwrap();
}

async fn copies(client: &Client) {
    let sink = client.copy_in("COPY orders FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    for n in 0..50 {
        let line = format!("{}\t1\tmany\t1\tnew\n", ID * 1000 + n);
        sink.send(Bytes::from(line)).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 50);
    let rows = client
        .copy_out("COPY (SELECT item FROM orders WHERE item = 'many' AND id / 1000 = 15) TO STDOUT")
        .await
        .unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect().await;
    assert_eq!(rows.len(), 50);
}

async fn cancelled(client: &Client, port: u16, tls: &Tls) {
    let token = client.cancel_token();
    let running = client.simple_query(LONG);
    tokio::pin!(running);
    let ended = loop {
        // Asked again until it meets the statement: one that comes early finds nothing to cancel.
        match tokio::time::timeout(Duration::from_millis(200), &mut running).await {
            Ok(ended) => break ended,
            Err(_) => {
                let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                token.cancel_query_raw(stream, tls.clone()).await.unwrap();
            }
        }
    };
    refused(ended, &SqlState::QUERY_CANCELED);
}

/// TLS that believes one certificate.
#[derive(Clone)]
struct Tls(TlsConnector);

impl Tls {
    fn trusting(certificate: &Path) -> Tls {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(certificate).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Tls(TlsConnector::from(Arc::new(config)))
    }
}

impl TlsConnect<TcpStream> for Tls {
    type Stream = Encrypted;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: TcpStream) -> Self::Future {
        let name = ServerName::try_from("localhost").unwrap();
        Box::pin(async move { self.0.connect(name, stream).await.map(Encrypted) })
    }
}

/// What tokio-postgres speaks over.
struct Encrypted(tokio_rustls::client::TlsStream<TcpStream>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
