//! What an approval is for: exactly one operation, as the approver saw it.

use crate::*;

#[test]
fn an_approval_is_used_once() {
    let world = world();
    let (asker, approver) = (agent(&world, "repeater"), dba(&world, "once"));
    let sql = "UPDATE orders SET quantity = quantity + 1 WHERE id = 105";
    let (mut psql, first) = ask(&world, &asker, &[sql, sql]);
    assert_eq!(vote(&world, &approver, "approve", &first).0, 0);
    // The very same statement waits again.
    let notice = psql.await_line("waiting for approval").unwrap();
    assert!(!notice.contains(&first), "{notice}");
    let second = await_request(&world, &approver, "repeater");
    assert_ne!(second["id"], *first);
    let second = second["id"].as_str().unwrap();
    assert_eq!(
        vote(&world, &approver, "approve", &first).0,
        1,
        "the first is spent"
    );
    assert_eq!(vote(&world, &approver, "reject", second).0, 0);
    let printed = psql.finish().unwrap();
    assert_eq!(printed.out, "UPDATE 1\n", "{printed:?}");
    let quantity = world
        .postgres
        .execute("demo", "SELECT quantity FROM orders WHERE id = 105");
    assert_eq!(quantity.unwrap(), "2");
}

#[test]
fn p_03_an_approval_is_for_one_of_two_that_are_alike() {
    let world = world();
    let (asker, approver) = (agent(&world, "twins"), dba(&world, "of-twins"));
    let sql = "UPDATE orders SET quantity = quantity + 100 WHERE id = 113";
    let (one, first) = ask(&world, &asker, &[sql]);
    let (other, second) = ask(&world, &asker, &[sql]);
    assert_ne!(first, second);
    assert_eq!(vote(&world, &approver, "approve", &first).0, 0);
    assert_eq!(one.finish().unwrap().out, "UPDATE 1\n");
    let still: Vec<_> = listed(&world, &approver, "twins")
        .into_iter()
        .filter(|approval| approval["state"] == "pending")
        .collect();
    assert_eq!(still.len(), 1);
    assert_eq!(still[0]["id"], *second);
    assert_eq!(vote(&world, &approver, "reject", &second).0, 0);
    assert!(!other.finish().unwrap().success);
    let quantity = world
        .postgres
        .execute("demo", "SELECT quantity FROM orders WHERE id = 113");
    assert_eq!(quantity.unwrap(), "104", "it ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn p_02_an_approval_is_for_the_parameters_too() {
    let world = world();
    let approver = dba(&world, "of-parameters");
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(world.gateway.port("orders-prod").unwrap())
        .user("whoever")
        .dbname("demo")
        .password(agent(&world, "binder"))
        .connect(tokio_postgres::NoTls)
        .await
        .unwrap();
    let driver = tokio::spawn(connection);
    let client = Arc::new(client);
    let sql = "UPDATE orders SET status = $1 WHERE id = $2";
    let statement = client.prepare(sql).await.unwrap();
    let mut digests = Vec::new();
    for (id, verb) in [(114, "approve"), (115, "reject")] {
        let (client, statement) = (Arc::clone(&client), statement.clone());
        let update = tokio::spawn(async move {
            client
                .execute(&statement, &[&format!("bound-{id}"), &id])
                .await
        });
        let request = await_request(&world, &approver, "binder");
        let exact = request["exact"].as_str().unwrap();
        assert!(
            exact.contains(sql)
                && exact.contains(&format!("as text \"bound-{id}\""))
                && exact.contains(&format!("as an integer {id}")),
            "the approver sees the parameters: {exact}"
        );
        digests.push(request["digest"].clone());
        let approval = request["id"].as_str().unwrap();
        assert_eq!(vote(&world, &approver, verb, approval).0, 0);
        assert_eq!(update.await.unwrap().is_ok(), verb == "approve");
    }
    assert_ne!(digests[0], digests[1]);
    assert_eq!(status(&world, 114), "bound-114");
    assert_ne!(status(&world, 115), "bound-115");
    drop(client);
    driver.await.unwrap().unwrap();
}

#[test]
fn in_a_transaction_the_approved_statement_is_part_of_it() {
    let world = world();
    let approver = dba(&world, "in-between");
    let (psql, id) = ask(
        &world,
        &agent(&world, "transactor"),
        &[
            "BEGIN",
            "UPDATE orders SET status = 'in-transaction' WHERE id = 111",
            "ROLLBACK",
        ],
    );
    assert_eq!(vote(&world, &approver, "approve", &id).0, 0);
    let printed = psql.finish().unwrap();
    assert_eq!(printed.out, "BEGIN\nUPDATE 1\nROLLBACK\n", "{printed:?}");
    assert_ne!(status(&world, 111), "in-transaction");
}

#[test]
fn p_07_an_approver_sees_what_is_there() {
    let world = world();
    let approver = dba(&world, "watchful");
    let sql = "UPDATE orders SET status = 'a\u{1b}[2Kb\u{202e}c' WHERE id = 112";
    let (psql, id) = ask(&world, &agent(&world, "trickster"), &[sql]);
    let (_, shown, _) = hpol(&world, &approver, &["show", &id]);
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown:?}"
    );
    assert!(shown.contains("WHERE id = 112"), "{shown}");
    assert_eq!(vote(&world, &approver, "reject", &id).0, 0);
    psql.finish().unwrap();
}
