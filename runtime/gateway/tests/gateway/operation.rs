//! What an operator does: reload, stop, limit, and start with something missing.

use std::thread;

use crate::http::{self, KeptOpen, Request, Upstream};
use crate::process::{self, CONNECTION, Folder, Gateway};
use crate::{Serving, serving, token};

/// The table of a second connection.
fn connection_more(upstream: &Upstream) -> String {
    format!(
        "[connections.more]\nkind = \"http\"\nlisten = \"127.0.0.1:0\"\nallow_plaintext = true\nupstream = \"http://{}\"\n",
        upstream.address()
    )
}

#[test]
fn a_reload_applies_all_of_a_configuration_or_nothing() {
    let Serving {
        upstream,
        folder,
        gateway,
        address: old_address,
        agent,
    } = serving();
    for (broken, refusals) in [
        ("[limits]\nclients = 0\n", 1.0),
        ("[connections.more]\nkind = \"http\"\n", 2.0),
    ] {
        folder.write_config(broken);
        gateway.hang_up();
        gateway.wait_for(|gateway| {
            gateway.metric("hpol_configuration_refusals_total") == Some(refusals)
        });
        assert_eq!(
            Request::get("/x").bearer(&agent).send(old_address).status,
            200
        );
    }

    folder.write_config(&connection_more(&upstream));
    gateway.hang_up();
    gateway.wait_for(|gateway| gateway.addresses()["connections"]["more"].is_string());
    let more = Request::get("/x")
        .bearer(&agent)
        .send(gateway.connection("more"));
    assert_eq!(
        more.status, 403,
        "the policy knows nothing of the new connection: {}",
        more.body
    );
    assert_eq!(gateway.connection(CONNECTION), old_address);

    folder.write_config("");
    gateway.hang_up();
    gateway.wait_for(|gateway| gateway.addresses()["connections"]["more"].is_null());
    assert_eq!(
        Request::get("/x").bearer(&agent).send(old_address).status,
        200
    );
    gateway.terminate();
    let count = |event: &str| {
        folder
            .events()
            .iter()
            .filter(|found| *found == event)
            .count()
    };
    assert_eq!(
        (
            count("configuration_refused"),
            count("configuration_loaded")
        ),
        (2, 2)
    );
}

/// Or it would go on with the credential and the upstream of before for as long as it likes.
#[test]
fn a_reload_ends_http_connections_that_are_kept_open_to_what_it_changes() {
    let Serving {
        folder,
        gateway,
        address,
        agent,
        upstream,
    } = serving();
    let mut open = KeptOpen::to(address);
    assert!(open.get(&agent).starts_with("HTTP/1.1 200 "));
    folder.write_config(&connection_more(&upstream));
    gateway.hang_up();
    gateway.wait_for(|gateway| gateway.addresses()["connections"]["more"].is_string());
    assert!(open.get(&agent).starts_with("HTTP/1.1 200 "));
    folder.write_config("max_body_bytes = 1000\n");
    gateway.hang_up();
    assert!(open.closed());
    let mut again = KeptOpen::to(address);
    assert!(again.get(&agent).starts_with("HTTP/1.1 200 "));
    gateway.terminate();
}

#[test]
fn d_02_what_is_under_way_is_finished_before_the_gateway_ends() {
    let Serving {
        upstream,
        folder,
        gateway,
        address,
        agent,
    } = serving();
    let gate = upstream.hold();
    let under_way = thread::spawn(move || Request::get("/slow").bearer(&agent).send(address));
    gateway.wait_for(|_| upstream.requests() == 1);
    gateway.signal("TERM");
    gateway.wait_for(|_| std::net::TcpStream::connect(address).is_err());
    drop(gate);
    let reply = under_way.join().unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (200, "thing"));
    gateway.ended();
    let events = folder.events();
    assert_eq!(
        events[events.len() - 3..],
        ["outcome", "session_closed", "gateway_stopped"],
        "{events:?}"
    );
}

#[test]
fn pg_03_one_address_cannot_take_all_places() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    folder.write_config("[limits]\nclients_per_address = 3\n");
    let gateway = Gateway::start(&folder);
    let address = gateway.connection(CONNECTION);
    let mut idle: Vec<_> = (0..3)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    gateway.wait_for(|gateway| {
        let one_more = std::net::TcpStream::connect(address).unwrap();
        http::is_closed_by_peer(&one_more);
        gateway.metric("hpol_clients_refused_total").is_some()
    });
    idle.clear();
    let agent = token(&gateway, "agent-7", "agents");
    gateway.wait_for(|_| {
        Request::get("/x")
            .bearer(&agent)
            .try_send(address)
            .is_some_and(|reply| reply.status == 200)
    });
    gateway.terminate();
}

#[test]
fn d_01_without_descriptors_the_listener_waits_and_goes_on() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    folder.write_bundle(1);
    let gateway = Gateway::start_with_descriptors(&folder, 48);
    let agent = token(&gateway, "agent-7", "agents");
    let address = gateway.connection(CONNECTION);
    let greedy: Vec<_> = (0..60)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    gateway.wait_for(|gateway| gateway.log().contains("a client could not be accepted"));
    drop(greedy);
    gateway.wait_for(|_| {
        let reply = Request::get("/x").bearer(&agent).try_send(address);
        reply.is_some_and(|reply| reply.status == 200)
    });
    gateway.terminate();
}

#[test]
fn wrong_configuration_and_missing_keys_have_their_exit_codes() {
    let upstream = Upstream::start();
    let folder = Folder::new(upstream.address());
    let check =
        |folder: &Folder| process::run(&["check-config", "--dev", "--config", &folder.config()]);
    let (code, _, told) = check(&folder);
    assert_eq!(code, 2);
    assert!(told.contains("policy.bundle` cannot be read"), "{told}");
    folder.write_bundle(1);
    let (code, told, _) = check(&folder);
    assert_eq!(code, 0);
    assert!(told.contains("ok: 1 connection, "), "{told}");
    folder.write_config("[masking]\nkey_file = \"mask.key\"\n");
    let (code, _, told) = check(&folder);
    assert_eq!(code, 2);
    assert!(told.contains("mask.key` cannot be read"), "{told}");
    let (code, _, told) = process::run(&["run", "--dev", "--config", &folder.config()]);
    assert_eq!(code, 1);
    assert!(told.contains("key of hash masks: "), "{told}");
    folder.write_config("[limits]\nclient = 1\n");
    let (code, _, told) = check(&folder);
    assert_eq!(code, 2);
    assert!(
        told.contains("limits.client: unknown key `client`"),
        "{told}"
    );
    let (code, _, told) = process::run(&["run", "--config", &folder.config()]);
    assert_eq!(code, 2, "{told}");
    folder.write_config("");
    folder.remove_audit_key();
    let (code, _, told) = process::run(&["run", "--dev", "--config", &folder.config()]);
    assert_eq!(code, 1);
    assert!(told.contains("hpol-gateway keygen --audit FILE"), "{told}");
}
