//! What comes back with masks: in every protocol and format, from tables, and errors.

mod world;

use insta::assert_snapshot;
use world::World;
use world::client::{bind, close, describe, execute, parse, query, run, sync};

#[tokio::test(flavor = "multi_thread")]
async fn classified_columns_and_findings_are_hidden() {
    let world = World::start().await;
    let mut client = world.login().await;
    assert_snapshot!(client.query("SELECT id, ssn, note FROM customers ORDER BY id").await, @r#"
    T 3 columns
    D 1 | ***-**-4320 | call ***-**-4321 today
    D 2 | NULL | none
    C SELECT 2
    Z I
    "#);
    assert_snapshot!(client.query("SELECT * FROM customers c WHERE id = 1; SELECT ssn AS harmless FROM customers").await, @r#"
    T 4 columns
    D 1 | Ada | ***-**-4320 | call ***-**-4321 today
    C SELECT 1
    T 1 columns
    D ***-**-4320
    D NULL
    C SELECT 2
    Z I
    "#);
    // Without Describe there is no RowDescription; the gateway asks for it and keeps it to itself.
    let undescribed = [
        parse("s", "SELECT ssn, note FROM customers WHERE id = $1"),
        bind("", "s", &["1"], 0),
        execute("", 0),
        sync(),
    ];
    assert_snapshot!(client.ask(&undescribed.concat()).await, @r#"
    1
    2
    D ***-**-4320 | call ***-**-4321 today
    C SELECT 1
    Z I
    "#);
    let binary = [
        bind("", "s", &["1"], 1),
        describe(b'P', ""),
        execute("", 0),
        sync(),
    ];
    assert_snapshot!(client.ask(&binary.concat()).await, @r#"
    2
    T 2 columns
    D ***-**-4320 | call ***-**-4321 today
    C SELECT 1
    Z I
    "#);
    // Text inside of other binary values.
    let numbers = [
        parse(
            "",
            "SELECT 7::int8, ARRAY['987-65-4320'], ARRAY['x'], '\"987-65-4320\"'::jsonb",
        ),
        bind("", "", &[], 1),
        execute("", 0),
        sync(),
    ];
    assert_snapshot!(client.ask(&numbers.concat()).await, @r#"
    1
    2
    D [0, 0, 0, 0, 0, 0, 0, 7] | [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 11, 42, 42, 42, 45, 42, 42, 45, 52, 51, 50, 48] | [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 120] | [1, 34, 42, 42, 42, 45, 42, 42, 45, 52, 51, 50, 48, 34]
    C SELECT 1
    Z I
    "#);
    // Errors quote values.
    assert_snapshot!(client.query("SELECT note::int FROM customers").await, @r#"
    T 1 columns
    E ERROR / 22P02 / invalid input syntax for type integer: "call ***-**-4321 today"
    Z I
    "#);
    assert_snapshot!(client.query("INSERT INTO customers VALUES (1, 'x', '987-65-4322', 'x')").await, @r#"
    E ERROR / 23505 / duplicate key value violates unique constraint "customers_pkey"
    Z I
    "#);
    assert_snapshot!(world.log.words().join("\n"), @r#"
    allow by shop.agents_work: SELECT id, ssn, note FROM customers ORDER BY id
    Completed  rows 2 shop.pii.ssnx2
    allow by shop.agents_work: SELECT * FROM customers c WHERE id = ?; SELECT ssn AS harmless FROM customers
    Completed  rows 3 shop.pii.ssnx3
    allow by shop.agents_work: SELECT ssn, note FROM customers WHERE id = $1
    Completed  rows 1 shop.pii.ssnx2
    allow by shop.agents_work: SELECT ssn, note FROM customers WHERE id = $1
    Completed  rows 1 shop.pii.ssnx2
    allow by shop.agents_work: SELECT ?::int8, ARRAY[?], ARRAY[?], ?::jsonb
    Completed  rows 1 shop.pii.ssnx2
    allow by shop.agents_work: SELECT note::int FROM customers
    Failed 22P02 rows 0 shop.pii.ssnx1
    allow by shop.agents_work: INSERT INTO customers VALUES (?, ?, ?, ?)
    Failed 23505 rows 0
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_returns_is_hidden() {
    let world = World::start().await;
    let mut client = world.login().await;
    let insert =
        "INSERT INTO customers VALUES (7, 'Eve', 'no pattern', 'none') RETURNING ssn AS x, *";
    assert_snapshot!(client.query(insert).await, @r"
    T 5 columns
    D ** ***tern | 7 | Eve | ** ***tern | none
    C INSERT 0 1
    Z I
    ");
    let delete = run("DELETE FROM customers WHERE id = 7 RETURNING lower(name), ssn");
    assert_snapshot!(client.ask(&[delete, sync()].concat()).await, @r"
    1
    2
    D eve | ** ***tern
    C DELETE 1
    Z I
    ");
    assert_snapshot!(client.query("DELETE FROM customers RETURNING upper(ssn)").await, @r"
    E ERROR / 42501 / blocked by shop.hide_ssn: `shop.pii.ssn` would leave unmasked: `ssn` is used other than as a plain column of the result in a function call in RETURNING / ask for the column itself in the select list of one plain SELECT, or leave it out
    Z I
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_that_cannot_be_masked_are_refused() {
    let world = World::start().await;
    let mut client = world.login().await;
    world.server.execute("demo", "CREATE VIEW people AS SELECT ssn FROM customers; ALTER VIEW people OWNER TO hpol_gateway").unwrap();
    let texts = [
        "SELECT upper(ssn) FROM customers",
        "SELECT id FROM customers WHERE ssn LIKE '987%'",
        "SELECT c FROM customers c",
        "SELECT ssn FROM people",
        "COPY (SELECT upper(ssn) FROM customers) TO STDOUT",
        "COPY (SELECT ssn FROM customers UNION SELECT 'x') TO STDOUT",
        "COPY (DELETE FROM customers RETURNING ssn) TO STDOUT",
        "COPY (SELECT *, x.* FROM customers, unnest('{a}'::text[]) x) TO STDOUT",
        "COPY customers TO STDOUT; SELECT 1",
        "COPY customers TO STDOUT (ENCODING 'latin1')",
        "COPY (SELECT id, ssn FROM customers) TO STDOUT (NULL '987-65-4320')",
        "COPY (SELECT c.ssn, x FROM customers c, unnest('{a}'::text[]) x) TO STDOUT",
        "COPY (SELECT count(*) FROM customers) TO STDOUT (FORMAT binary)",
        "COPY (SELECT status FROM orders UNION SELECT '987-65-4320') TO STDOUT (FORMAT csv, QUOTE '8')",
    ];
    assert_snapshot!(client.told(&texts).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_42_what_fails_while_it_is_planned_quotes_nothing_that_is_masked() {
    let world = World::start().await;
    let mut client = world.login().await;
    let planned = [
        run("SELECT ssn FROM customers WHERE id = ('987-65-4320' || '')::int"),
        sync(),
    ];
    assert_snapshot!(client.ask(&planned.concat()).await, @r#"
    1
    E ERROR / 22P02 / invalid input syntax for type integer: "***-**-4320"
    Z I
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_41_arrays_of_domains_are_hidden_as_those_of_their_base_type() {
    let world = World::start().await;
    let mut client = world.login().await;
    client
        .query("CREATE DOMAIN inner_number AS text; CREATE DOMAIN number AS inner_number")
        .await;
    client.query("SELECT 1").await;
    let sql =
        "SELECT '{none,987-65-4320}'::number[], '987-65-4320'::number, '{987-65-4320}'::text[]";
    assert_snapshot!(client.query(sql).await);
    let binary = [parse("", sql), bind("", "", &[], 1), execute("", 0), sync()];
    let answer = client.ask(&binary.concat()).await;
    // `***-**-4320` in both arrays, and nowhere `987`.
    let masked = "42, 42, 42, 45, 42, 42, 45, 52, 51, 50, 48";
    assert_eq!(answer.matches(masked).count(), 2, "{answer}");
    assert!(!answer.contains("57, 56, 55"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn portals_in_portions_and_names_that_are_reused() {
    let world = World::start().await;
    let mut client = world.login().await;
    client.query("BEGIN").await;
    let first = [
        parse("s", "SELECT ssn FROM customers ORDER BY id"),
        bind("p", "s", &[], 0),
        execute("p", 1),
        execute("p", 1),
        sync(),
    ];
    assert_snapshot!(client.ask(&first.concat()).await, @r#"
    1
    2
    D ***-**-4320
    s
    D NULL
    s
    Z T
    "#);
    assert_snapshot!(client.ask(&[execute("p", 0), sync()].concat()).await, @r#"
    C SELECT 0
    Z T
    "#);
    client.query("COMMIT").await;
    // The portal ended with its transaction, the statement did not.
    assert_snapshot!(client.ask(&[execute("p", 0), sync()].concat()).await, @r#"
    E ERROR / 34000 / portal "p" does not exist
    Z I
    "#);
    // A name that is taken keeps its meaning: the second Parse fails.
    let taken = [
        parse("s", "SELECT 2"),
        sync(),
        bind("", "s", &[], 0),
        execute("", 0),
        sync(),
    ];
    client.send(&taken.concat()).await;
    assert_snapshot!(client.lines(2).await, @r#"
    E ERROR / 42P05 / prepared statement "s" already exists
    Z I
    2
    D ***-**-4320
    D NULL
    C SELECT 2
    Z I
    "#);
    let renamed = [
        close(b'S', "s"),
        parse("s", "SELECT 2"),
        bind("", "s", &[], 0),
        execute("", 0),
        sync(),
    ];
    assert_snapshot!(client.ask(&renamed.concat()).await, @r#"
    3
    1
    2
    D 2
    C SELECT 1
    Z I
    "#);
    // Bound and never run.
    assert_snapshot!(client.ask(&[bind("", "s", &[], 0), sync()].concat()).await, @r#"
    2
    Z I
    "#);
    assert_eq!(world.log.words().last().unwrap(), "NotRun  rows 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_were_put_off_quote_no_rows() {
    let world = World::start().await;
    let put_off = "ALTER TABLE customers ADD UNIQUE (ssn);
        CREATE TABLE cards (ssn text REFERENCES customers (ssn) DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO cards VALUES ('987-65-4320')";
    world.server.execute("demo", put_off).unwrap();
    let mut client = world.login().await;
    let delete = "DELETE FROM customers WHERE id = 1";
    // At the Sync, and at a COMMIT that is not masked itself.
    let implicit = [run(delete), sync()];
    client.query("BEGIN").await;
    client.query(delete).await;
    for message in [query("COMMIT"), implicit.concat()] {
        client.send(&message).await;
        let mut answer = Vec::new();
        while let Some((tag, body)) = client.receive().await
            && tag != b'Z'
        {
            answer.extend(body);
        }
        let answer = String::from_utf8_lossy(&answer).replace('\0', "|");
        assert!(answer.contains("|C23503|"), "{answer}");
        assert!(
            answer.contains("violates foreign key constraint"),
            "{answer}"
        );
        assert!(!answer.contains("4320"), "{answer}");
    }
}

/// What a cursor holds is computed at the COMMIT, which is not masked itself; and triggers can be put off to it.
#[tokio::test(flavor = "multi_thread")]
async fn pg_48_what_fails_or_is_told_of_at_a_commit_quotes_no_rows() {
    let world = World::start().await;
    let tell = "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE NOTICE 'it was %', OLD.note; RAISE EXCEPTION 'it stays %', OLD.note; END $$; \
         CREATE CONSTRAINT TRIGGER told AFTER DELETE ON customers DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION tell()";
    world.server.execute("demo", tell).unwrap();
    let mut client = world.login().await;
    let put_off = [
        "DECLARE c CURSOR WITH HOLD FOR SELECT note::int FROM customers",
        "DELETE FROM customers WHERE id = 1",
    ];
    let extended = |text: &str| [run(text), sync()].concat();
    for text in put_off {
        for commit in [query("COMMIT"), extended("COMMIT")] {
            client.query("BEGIN").await;
            let told = client.query(text).await;
            assert!(told.ends_with("Z T"), "{told}");
            let told = client.ask(&commit).await;
            assert!(told.contains("message withheld"), "{told}");
            assert!(!told.contains("call"), "{told}");
            assert_eq!(told.contains("N NOTICE"), text.starts_with("DELETE"));
        }
    }
    let told = client
        .ask(&extended("DELETE FROM customers WHERE id = 1"))
        .await;
    assert!(told.contains("message withheld"), "{told}");
    assert!(!told.contains("call"), "{told}");
}
