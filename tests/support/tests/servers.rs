//! The servers come up, hold the demo data, and go away.

use std::path::Path;

use hpol_support::postgres::PostgresServer;

#[test]
fn postgres_starts_with_the_demo_data() {
    let server = PostgresServer::start().unwrap();
    server
        .load(
            "demo",
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo.sql"),
        )
        .unwrap();
    assert_eq!(
        server
            .execute("demo", "SELECT count(*) FROM customers")
            .unwrap(),
        "1000"
    );
}
