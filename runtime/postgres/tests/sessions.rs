//! Approvals, cancelling, and the ends of sessions.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod world;

use hpol_ports::log::Failing;
use hpol_ports::principal;
use hpol_session::Vote;
use insta::assert_snapshot;
use world::World;
use world::client::{bind, execute, parse, query, run, sync};

const UPDATE: &str = "UPDATE orders SET status = 'paid' WHERE id = 1";

impl World {
    /// Votes on the one approval that is pending.
    async fn vote(&self, vote: Vote) {
        let dana = principal("dana", &["dba"]);
        let approvals = self.door.approvals(&dana).await.unwrap();
        let view = serde_json::to_value(&approvals).unwrap();
        let pending = view
            .as_array()
            .unwrap()
            .iter()
            .find(|approval| approval["state"] == "pending")
            .unwrap();
        self.door
            .vote(&dana, pending["id"].as_str().unwrap(), vote, "looked at it")
            .await
            .unwrap();
    }
}

/// A notice names the approval, whose id is random.
fn notice(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if let Some(word) = words
        .iter()
        .position(|word| *word == "approval")
        .and_then(|at| words.get_mut(at + 1))
    {
        *word = "ID";
    }
    words.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_waits_for_its_approver() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.send(&query(UPDATE)).await;
    assert_snapshot!(notice(&client.line().await), @"N NOTICE / 01000 / waiting for approval ID by 1 of shop.dbas (rule shop.ask_for_update), until 1970-01-01T00:10:00Z / the statement waits; cancel it to withdraw the request");
    assert_eq!(
        world
            .server
            .execute("demo", "SELECT status FROM orders WHERE id = 1")
            .unwrap(),
        "open"
    );
    world.vote(Vote::Approve).await;
    assert_snapshot!(client.lines(1).await, @r#"
    C UPDATE 1
    Z I
    "#);
    assert_eq!(
        world
            .server
            .execute("demo", "SELECT status FROM orders WHERE id = 1")
            .unwrap(),
        "paid"
    );

    // In a pipeline what follows waits as well.
    let pipeline = [
        parse("", "UPDATE orders SET status = $1 WHERE id = 2"),
        bind("", "", &["sent"], 0),
        execute("", 0),
        run("SELECT status FROM orders WHERE id = 2"),
        sync(),
    ];
    client.send(&pipeline.concat()).await;
    assert_snapshot!(notice(&client.line().await), @"N NOTICE / 01000 / waiting for approval ID by 1 of shop.dbas (rule shop.ask_for_update), until 1970-01-01T00:10:00Z / the statement waits; cancel it to withdraw the request");
    world.vote(Vote::Approve).await;
    assert_snapshot!(client.lines(1).await, @r#"
    1
    2
    C UPDATE 1
    1
    2
    D sent
    C SELECT 1
    Z I
    "#);

    client.query("BEGIN").await;
    client.send(&query(UPDATE)).await;
    client.line().await;
    world.vote(Vote::Reject).await;
    assert_snapshot!(notice(&client.lines(1).await), @r#"
    E ERROR / 42501 / approval ID was rejected by dana: looked at it
    Z E
    "#);
    client.query("ROLLBACK").await;
    let mut words = world.log.words();
    words.retain(|word| !word.contains("BEGIN") && !word.contains("ROLLBACK"));
    assert_snapshot!(words.join("\n"), @r#"
    require_approval by shop.ask_for_update: UPDATE orders SET status = ? WHERE id = ?
    closed Approved
    allow by shop.ask_for_update: UPDATE orders SET status = ? WHERE id = ?
    Completed  rows 1
    require_approval by shop.ask_for_update: UPDATE orders SET status = $1 WHERE id = ?
    closed Approved
    allow by shop.ask_for_update: UPDATE orders SET status = $1 WHERE id = ?
    allow by shop.agents_work: SELECT status FROM orders WHERE id = ?
    Completed  rows 1
    Completed  rows 1
    Completed  rows 0
    require_approval by shop.ask_for_update: UPDATE orders SET status = ? WHERE id = ?
    closed Rejected
    Completed  rows 0
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_withdrawn_with_its_client() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.send(&query(UPDATE)).await;
    client.line().await;
    client.cancel(world.address).await;
    assert_snapshot!(client.lines(1).await, @r#"
    E ERROR / 57014 / canceled while waiting for approval
    Z I
    "#);
    assert_snapshot!(client.query("SELECT 1").await, @r#"
    T 1 columns
    D 1
    C SELECT 1
    Z I
    "#);
    client.send(&query(UPDATE)).await;
    client.line().await;
    drop(client);
    let ended = |words: &[String]| {
        words
            .iter()
            .filter(|word| *word == "closed Withdrawn")
            .count()
    };
    while ended(&world.log.words()) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        world
            .server
            .execute("demo", "SELECT status FROM orders WHERE id = 1")
            .unwrap(),
        "open"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_30_cancelling_reaches_what_runs_and_nothing_else() {
    let world = World::start().await;
    let mut client = world.login().await;
    // Late: nothing runs.
    client.cancel(world.address).await;
    assert_snapshot!(client.query("SELECT 1").await, @r#"
    T 1 columns
    D 1
    C SELECT 1
    Z I
    "#);
    let mut other = world.login().await;
    client.send(&query("SELECT pg_sleep(60)")).await;
    world
        .log
        .until("allow by shop.agents_work: SELECT pg_sleep")
        .await;
    while !world.server.execute("demo", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'").unwrap().starts_with('1') {}
    (other.process, other.secret) = (other.process, client.secret);
    other.cancel(world.address).await;
    (other.process, other.secret) = (client.process, client.secret);
    other.cancel(world.address).await;
    assert_snapshot!(client.lines(1).await, @r#"
    T 1 columns
    E ERROR / 57014 / canceling statement due to user request
    Z I
    "#);
    assert_snapshot!(other.query("SELECT 1").await, @r#"
    T 1 columns
    D 1
    C SELECT 1
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_can_be_cancelled_after_its_connection_was_configured_anew() {
    let world = World::start().await;
    let anew = world.anew().await;
    let mut client = world.login().await;
    client.send(&query("SELECT pg_sleep(60)")).await;
    world
        .log
        .until("allow by shop.agents_work: SELECT pg_sleep")
        .await;
    while !world.server.execute("demo", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'").unwrap().starts_with('1') {}
    client.cancel(anew.address).await;
    assert_snapshot!(client.lines(1).await, @r#"
    T 1 columns
    E ERROR / 57014 / canceling statement due to user request
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_result_waits_for_its_record() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.query("SELECT 1").await;
    world.log.fail(Failing::Everything);
    assert_snapshot!(client.query("SELECT 1").await, @r#"
    E ERROR / 58000 / the audit log cannot be written: disk full / nothing was forwarded; the operator of the gateway sees the cause
    Z I
    "#);
    world.log.fail(Failing::Nothing);
    assert_snapshot!(client.query("SELECT 1").await, @r#"
    T 1 columns
    D 1
    C SELECT 1
    Z I
    "#);
    // The log fails after the statement has begun.
    client.send(&query("SELECT 2, pg_sleep(0.5)")).await;
    world
        .log
        .until("allow by shop.agents_work: SELECT ?, pg_sleep")
        .await;
    world.log.fail(Failing::Everything);
    assert_snapshot!(client.lines(1).await, @r#"
    T 2 columns
    D 2 | 
    E FATAL / 58000 / the audit log cannot be written: disk full / the operation may have run; its end is withheld until the audit log works again
    (closed)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_with_their_token_and_with_the_gateway() {
    let world = World::start().await;
    let mut client = world.login().await;
    let mut waiting = world.login().await;
    waiting.query("BEGIN").await;
    world.shutdown.send(true).unwrap();
    assert_snapshot!(client.lines(1).await, @r#"
    E FATAL / 57P01 / the gateway is shutting down
    (closed)
    "#);
    // An open transaction may end first.
    assert_snapshot!(waiting.query("COMMIT").await, @r#"
    C COMMIT
    Z I
    "#);
    assert_snapshot!(waiting.lines(1).await, @r#"
    E FATAL / 57P01 / the gateway is shutting down
    (closed)
    "#);
    world.shutdown.send(false).unwrap();

    let mut client = world.login().await;
    world.clock.set_second(3600);
    assert_snapshot!(client.query("SELECT 1").await, @r#"
    E FATAL / 28000 / the token of this session has ended / connect again with a fresh token
    (closed)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_follows_what_is_created() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.query("CREATE TABLE fresh (a int)").await;
    assert_snapshot!(client.query("SELECT * FROM fresh").await, @r#"
    T 1 columns
    C SELECT 0
    Z I
    "#);
    world
        .server
        .execute(
            "demo",
            "CREATE TABLE others (a int); GRANT SELECT ON others TO hpol_gateway",
        )
        .unwrap();
    assert_snapshot!(client.query("SELECT * FROM others").await, @r#"
    T 1 columns
    C SELECT 0
    Z I
    "#);
    // A classified table that is made anew under another oid is still masked.
    world.server.execute("demo", "ALTER TABLE customers RENAME TO old; CREATE TABLE customers (ssn text); INSERT INTO customers VALUES ('000-11-2222'); ALTER TABLE customers OWNER TO hpol_gateway").unwrap();
    assert_snapshot!(client.query("SELECT ssn FROM customers").await, @r#"
    T 1 columns
    D NULL
    C SELECT 1
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_longer_than_the_queue_comes_through() {
    let world = World::start().await;
    let client = world.login().await;
    let one = run("SELECT 1");
    let mut pipeline = one.repeat(3000);
    pipeline.extend(sync());
    let (mut reading, mut writing) = client.stream.into_split();
    let sent = tokio::spawn(async move {
        tokio::io::AsyncWriteExt::write_all(&mut writing, &pipeline)
            .await
            .unwrap();
        writing
    });
    // ParseComplete, BindComplete, DataRow and CommandComplete of each, and ReadyForQuery.
    let expected = 3000 * (5 + 5 + 12 + 14) + 6;
    let mut answer = vec![0; expected];
    tokio::io::AsyncReadExt::read_exact(&mut reading, &mut answer)
        .await
        .unwrap();
    assert_eq!(&answer[expected - 6..], b"Z\0\0\0\x05I");
    drop(sent.await.unwrap());
}

/// What is masked in a COPY is told by the catalogue, so that has to be the one by which it was judged.
#[tokio::test(flavor = "multi_thread")]
async fn pg_40_a_copy_that_waited_for_approval_does_not_run_on_other_tables() {
    let world = World::start().await;
    let mut client = world.login().await;
    let copy = query(
        "COPY (WITH paid AS (UPDATE orders SET status = 'paid' WHERE id = 1 RETURNING 1) \
         SELECT id, ssn FROM customers) TO STDOUT",
    );
    client.send(&copy).await;
    client.line().await;
    let change = "ALTER TABLE customers RENAME ssn TO old; ALTER TABLE customers RENAME name TO ssn; \
         ALTER TABLE customers RENAME old TO name";
    world.server.execute("demo", change).unwrap();
    world.vote(Vote::Approve).await;
    let told = client.lines(1).await;
    assert!(told.contains("while the COPY waited"), "{told}");
    assert!(told.ends_with("Z I"), "{told}");
    client.send(&copy).await;
    client.line().await;
    world.vote(Vote::Approve).await;
    let told = client.lines(1).await;
    assert!(told.contains("C COPY 2") && !told.contains("Ada"), "{told}");
}
