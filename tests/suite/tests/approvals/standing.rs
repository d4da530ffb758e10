//! Approvals that stand for an hour: what comes next goes through, and its record says whose approval it was.

use crate::over_http::arrived;
use crate::*;

/// What the log says of the last operation of `subject`: verdict, rules, approval, and that it says until when that stands.
fn last(world: &World, subject: &str) -> (String, Vec<String>, String, bool) {
    let records = records(world);
    let decision = *records.decisions(subject).last().unwrap();
    (
        decision["verdict"].as_str().unwrap().to_owned(),
        strings(&decision["rules"])
            .into_iter()
            .map(str::to_owned)
            .collect(),
        decision["approval"].as_str().unwrap_or_default().to_owned(),
        decision["stands_until"].is_string(),
    )
}

#[test]
fn what_comes_within_the_hour_goes_through_and_names_the_approval() {
    let world = world();
    let (asker, approver) = (agent(&world, "restocker"), dba(&world, "of-hours"));
    let insert = |id: u32| format!("INSERT INTO orders VALUES ({id}, 1, 'box', 1, 'standing')");
    let (psql, id) = ask(&world, &asker, &[&insert(9001)]);
    let (_, shown, _) = hpol(&world, &approver, &["show", &id]);
    let told = "for 3600 s from the approval on, whatever restocker asks for on orders-prod that approvals.new_orders";
    assert!(shown.contains(told), "{shown}");
    assert_eq!(vote(&world, &approver, "approve", &id).0, 0);
    assert!(psql.finish().unwrap().success);

    // In a session of its own, without waiting.
    let printed = world.psql(&asker).unwrap().run(&[&insert(9002)]).unwrap();
    assert_eq!(printed.out, "INSERT 0 1\n", "{printed:?}");
    assert!(!printed.err.contains("waiting"), "{printed:?}");
    let rules = vec!["approvals.new_orders".to_owned()];
    assert_eq!(
        last(&world, "restocker"),
        ("allow".to_owned(), rules, id.clone(), true)
    );
    assert_eq!(
        course(&records(&world), &id),
        [
            "approval_requested",
            "approval_vote approve true",
            "approval_closed approved",
            "decision allow",
            "decision allow",
        ]
    );

    // Another rule, and another subject, wait as ever.
    let (other, second) = ask(
        &world,
        &asker,
        &["UPDATE orders SET status = 'no' WHERE id = 9001"],
    );
    assert_eq!(vote(&world, &approver, "reject", &second).0, 0);
    assert!(!other.finish().unwrap().success);
    let (other, third) = ask(&world, &agent(&world, "bystander"), &[&insert(9003)]);
    assert_eq!(vote(&world, &approver, "reject", &third).0, 0);
    assert!(!other.finish().unwrap().success);
}

#[test]
fn over_http_too() {
    let world = world();
    let approver = dba(&world, "http-of-hours");
    let token = agent(&world, "http-batch");
    let put = |name: &str| world.url(&format!("/contacts/{name}")).unwrap();
    let first = put("batch-1");
    let waiting = curl::start(Some(&token), &["-X", "PUT", "-d", "{}", &first]).unwrap();
    let request = await_request(&world, &approver, "http-batch");
    let id = request["id"].as_str().unwrap().to_owned();
    assert_eq!(request["rules"][0]["stands_seconds"], 3600);
    assert_eq!(vote(&world, &approver, "approve", &id).0, 0);
    curl::finish(waiting).unwrap();
    let second = put("batch-2");
    curl::curl(Some(&token), &["-X", "PUT", "-d", "{}", &second]).unwrap();
    assert_eq!(arrived(&world, "batch-2").len(), 1);
    let rules = vec!["approvals.batch".to_owned()];
    let told = last(&world, "http-batch");
    assert_eq!(told, ("allow".to_owned(), rules, id, true));
}
