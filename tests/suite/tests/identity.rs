//! Who somebody is comes from a token of an issuer the gateway is told to believe: here npm's certified `oidc-provider`,
//! found by discovery, with its key set and RFC 9068 access tokens, beside the embedded issuer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use hpol_support::curl::curl;
use hpol_support::gateway::Deployment;
use hpol_support::issuer::OidcProvider;
use hpol_support::psql::Printed;
use hpol_support::records::{Records, strings};
use hpol_support::world::{Shared, World};

static PLACE: Shared<Place> = Shared::new();

/// A world whose gateway believes `provider`, and another provider that it does not know.
struct Place {
    world: World,
    provider: OidcProvider,
    stranger: OidcProvider,
}

fn place() -> Arc<Place> {
    PLACE
        .get(|| {
            let people: &[(&str, &[&str])] = &[
                ("agent-7", &["autonomous-agents"]),
                ("dana", &["dba"]),
                ("nobody", &[]),
            ];
            let provider = OidcProvider::start(&packages(), people)?;
            let stranger = OidcProvider::start(&packages(), people)?;
            let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/orders");
            let world = World::start_with(Deployment {
                policy,
                issuer: Some(provider.issuer()),
                ..Deployment::default()
            })?;
            Ok(Place {
                world,
                provider,
                stranger,
            })
        })
        .unwrap()
}

/// The folder with the provider's packages.
fn packages() -> PathBuf {
    let folder = std::env::var_os("HPOL_TEST_OIDC_PROVIDER");
    folder
        .expect(
            "HPOL_TEST_OIDC_PROVIDER names no folder with `oidc-provider`; run `cargo xtask test`",
        )
        .into()
}

impl Place {
    fn psql(&self, token: &str, sql: &str) -> Printed {
        self.world.psql(token).unwrap().run(&[sql]).unwrap()
    }

    /// Both protocols turn this token away, and the log says why with these words.
    fn refused(&self, token: &str, why: &str) {
        let before = self.turned_away(why);
        let printed = self.psql(token, "SELECT count(*) FROM orders");
        assert!(!printed.success && printed.out.is_empty(), "{printed:?}");
        assert!(printed.err.contains("authentication failed"), "{printed:?}");
        let url = self.world.url("/customers/7").unwrap();
        let answer = curl(Some(token), &[&url]).unwrap();
        assert_eq!(answer.status, 401, "{answer:?}");
        // Why is for the operator: a stranger could learn from it.
        assert!(!answer.body.contains(why), "{answer:?}");
        assert_eq!(self.turned_away(why), before + 2, "{why}");
    }

    fn turned_away(&self, why: &str) -> usize {
        let records = Records::of(&self.world.gateway).unwrap();
        records
            .events("session_refused")
            .filter(|record| record["reason"].as_str().unwrap().contains(why))
            .count()
    }
}

#[test]
fn a_token_of_the_provider_opens_both_doors() {
    let place = place();
    let token = place.provider.token("agent-7").unwrap();
    let printed = place.psql(&token, "SELECT ssn FROM customers WHERE id = 1");
    assert_eq!(printed.out, "***-**-4321\n", "{printed:?}");
    let url = place.world.url("/customers/7").unwrap();
    let answer = curl(Some(&token), &[&url]).unwrap();
    assert_eq!(answer.json().unwrap()["ssn"], "***-**-4327");

    let records = Records::of(&place.world.gateway).unwrap();
    let decisions = records.decisions("agent-7");
    let by_provider: Vec<_> = decisions
        .iter()
        .filter(|decision| decision["subject"]["issuer"] == place.provider.issuer())
        .collect();
    assert!(by_provider.len() >= 2);
    for decision in by_provider {
        assert_eq!(
            strings(&decision["subject"]["groups"]),
            ["autonomous-agents"]
        );
        assert_eq!(decision["verdict"], "allow");
    }
}

#[test]
fn groups_of_the_token_decide() {
    let place = place();
    let sql = "SELECT ssn FROM customers WHERE id = 1";
    let dana = place.provider.token("dana").unwrap();
    assert_eq!(place.psql(&dana, sql).out, "987-65-4321\n");
    let nobody = place.provider.token("nobody").unwrap();
    let printed = place.psql(&nobody, sql);
    assert!(printed.err.contains("default_deny"), "{printed:?}");
}

#[test]
fn o_05_a_token_of_another_issuer_is_not_believed() {
    let place = place();
    let token = place.stranger.token("agent-7").unwrap();
    place.refused(&token, "issuer that is not configured");
    // Not even when it says that it is from ours: the signature is not.
    let own = place.provider.token("agent-7").unwrap();
    let claims = own.split('.').nth(1).unwrap();
    let mut parts = token.split('.');
    let (header, signature) = (parts.next().unwrap(), parts.nth(1).unwrap());
    place.refused(&format!("{header}.{claims}.{signature}"), "signature");
}

#[test]
fn a_tampered_token_is_not_believed() {
    let place = place();
    let token = place.provider.token("nobody").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let claims = String::from_utf8(BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap()).unwrap();
    let raised = claims.replace("\"groups\":[]", "\"groups\":[\"dba\"]");
    assert_ne!(claims, raised);
    let forged = format!(
        "{}.{}.{}",
        parts[0],
        BASE64URL_NOPAD.encode(raised.as_bytes()),
        parts[2]
    );
    place.refused(&forged, "signature");
}

#[test]
fn o_01_02_03_a_header_cannot_talk_the_gateway_out_of_the_key() {
    let place = place();
    let token = place.provider.token("agent-7").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    for (header, why) in [
        (r#"{"alg":"none","typ":"at+jwt"}"#, "algorithm"),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, "algorithm"),
        (
            r#"{"alg":"RS256","typ":"at+jwt","jku":"http://127.0.0.1:1/"}"#,
            "jku",
        ),
        (r#"{"alg":"RS256","typ":"at+jwt","jwk":{}}"#, "jwk"),
        (r#"{"alg":"RS256","typ":"at+jwt","crit":["exp"]}"#, "crit"),
    ] {
        let forged = format!(
            "{}.{}.{}",
            BASE64URL_NOPAD.encode(header.as_bytes()),
            parts[1],
            parts[2]
        );
        place.refused(&forged, why);
    }
}

#[test]
fn o_06_an_expired_token_is_refused() {
    let place = place();
    let gateway = &place.world.gateway;
    let agents = ["autonomous-agents"];
    let token = gateway
        .token_with("expired", &agents, &["expires_in=0"])
        .unwrap();
    // The embedded issuer's leeway is five seconds.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while place.psql(&token, "SELECT count(*) FROM orders").success {
        assert!(std::time::Instant::now() < deadline, "it never expires");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    place.refused(&token, "token has expired");
}

#[test]
fn o_04_a_token_for_somebody_else_is_refused() {
    let place = place();
    let agents = ["autonomous-agents"];
    for audience in ["audience=other", "audience=hpol-staging", "audience=hpo"] {
        let token = place
            .world
            .gateway
            .token_with("elsewhere", &agents, &[audience])
            .unwrap();
        place.refused(&token, "another audience");
    }
}

#[test]
fn a_session_ends_with_its_token() {
    let place = place();
    let gateway = &place.world.gateway;
    let token = gateway
        .token_with("short", &["autonomous-agents"], &["expires_in=1"])
        .unwrap();
    // One session that asks again and again: at first it is served, and once the token has ended it is not.
    let psql = place.world.psql(&token).unwrap();
    let mut session = psql
        .spawn_script("SELECT count(*) FROM orders \\watch 0.5\n")
        .unwrap();
    let told = session.await_line("FATAL").unwrap();
    assert!(told.contains("28000") && told.contains("token"), "{told}");
    let printed = session.finish().unwrap();
    assert!(printed.out.contains("1000"), "{printed:?}");
    let records = Records::of(gateway).unwrap();
    let verdicts: Vec<_> = records
        .decisions("short")
        .into_iter()
        .map(|decision| decision["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts.first(), Some(&"allow"));
    assert_eq!(verdicts.last(), Some(&"block"));
}
