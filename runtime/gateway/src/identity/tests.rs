//! Tokens against a real issuer on loopback: its keys are fetched over HTTP, its tokens are verified. The ids are those of
//! the abuse cases.

mod keys;
mod world;

use serde_json::{Value, json};

use self::world::World;

/// Refusals of good claims under altered headers.
async fn refused_header(world: &World, alter: Value) -> String {
    let mut header = world.header();
    merge(&mut header, alter);
    world.refused(&world.sign(&header, &world.claims())).await
}

async fn refused_claims(world: &World, alter: Value) -> String {
    world.refused(&world.with_claims(alter)).await
}

/// Replaces the members of `object`; null removes one.
fn merge(object: &mut Value, alter: Value) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in alter.as_object().unwrap() {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
}

#[tokio::test]
async fn a_good_token_tells_who_asks() {
    let world = World::new().await;
    let principal = world
        .accepted(&world.with_claims(json!({ "groups": ["dba", "agents"] })))
        .await;
    assert_eq!(principal.id, "agent-7");
    assert_eq!(principal.issuer, world.issuer());
    assert_eq!(principal.groups, ["dba", "agents"]);
    assert_eq!(principal.expires.as_second(), world.now() + 600 + 5);
}

#[tokio::test]
async fn o_01_alg_none_or_absent() {
    let world = World::new().await;
    for alg in ["none", "None", "nOnE", ""] {
        assert_eq!(
            refused_header(&world, json!({ "alg": alg })).await,
            "token is signed with an algorithm that is not accepted from this issuer"
        );
    }
    for alg in [json!(null), json!(1), json!(["ES256"])] {
        assert!(
            refused_header(&world, json!({ "alg": alg }))
                .await
                .contains("algorithm")
        );
    }
    let good = world.sign(&world.header(), &world.claims());
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    assert_eq!(
        world.refused(&format!("{unsigned}.")).await,
        "signature of the token is not valid"
    );
    assert_eq!(
        world.refused(unsigned).await,
        "token is not a JWT: it has no claims"
    );
}

#[tokio::test]
async fn o_02_public_key_as_shared_secret() {
    let world = World::new().await;
    let public = world.public_key();
    for (alg, algorithm) in [
        ("HS256", jsonwebtoken::Algorithm::HS256),
        ("HS512", jsonwebtoken::Algorithm::HS512),
    ] {
        for secret in [
            public["x"].as_str().unwrap().as_bytes(),
            public.to_string().as_bytes(),
        ] {
            let mut header = jsonwebtoken::Header::new(algorithm);
            header.kid = world.header()["kid"].as_str().map(str::to_owned);
            header.typ = Some("at+jwt".to_owned());
            let key = jsonwebtoken::EncodingKey::from_secret(secret);
            let token = jsonwebtoken::encode(&header, &world.claims(), &key).unwrap();
            assert!(
                world
                    .refused(&token)
                    .await
                    .contains("algorithm that is not accepted"),
                "{alg}"
            );
        }
    }
}

#[tokio::test]
async fn o_03_header_that_brings_or_points_to_a_key() {
    let world = World::new().await;
    let own_key = world.public_key();
    for (name, value) in [
        ("jwk", own_key),
        ("jku", json!("http://127.0.0.1/keys")),
        ("x5u", json!("http://127.0.0.1/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ] {
        let why = refused_header(&world, json!({ name: value })).await;
        assert_eq!(
            why,
            format!("token header carries `{name}`, which is never accepted")
        );
    }
    for kid in [
        "../../../../dev/null",
        "' OR '1'='1",
        "http://127.0.0.1:1/key",
        "\u{0}",
        "",
    ] {
        let why = refused_header(&world, json!({ "kid": kid })).await;
        assert_eq!(
            why, "token is signed by a key that the issuer does not publish",
            "{kid}"
        );
    }
    assert!(
        refused_header(&world, json!({ "kid": "k".repeat(10_000) }))
            .await
            .contains("key id")
    );
    assert!(
        refused_header(&world, json!({ "kid": 7 }))
            .await
            .contains("key id")
    );
}

#[tokio::test]
async fn o_04_audience() {
    let world = World::new().await;
    for audience in [
        json!("hpo"),
        json!("hpol2"),
        json!("HPOL"),
        json!(["other", "hpol "]),
        json!([]),
        json!([["hpol"]]),
    ] {
        let why = refused_claims(&world, json!({ "aud": audience, "azp": "hpol" })).await;
        assert_eq!(why, "token is for another audience");
    }
    for audience in [json!(null), json!(7), json!({ "hpol": true })] {
        assert!(
            refused_claims(&world, json!({ "aud": audience }))
                .await
                .contains("`aud`")
        );
    }
    world
        .accepted(&world.with_claims(json!({ "aud": ["other", "hpol"] })))
        .await;
}

#[tokio::test]
async fn o_05_issuer_mix_up() {
    let world = World::new().await;
    let exact = world.issuer();
    for issuer in [
        format!("{exact}/"),
        exact.to_uppercase(),
        "https://evil.example.com".to_owned(),
        format!("{exact}.evil"),
    ] {
        assert_eq!(
            refused_claims(&world, json!({ "iss": issuer })).await,
            "token is from an issuer that is not configured"
        );
    }
    assert!(
        refused_claims(&world, json!({ "iss": null }))
            .await
            .contains("`iss`")
    );
    // Signed by one trusted issuer in the name of another.
    let other = World::beside(&world).await;
    let mut claims = other.claims();
    merge(&mut claims, json!({ "iss": world.issuer() }));
    let token = other.sign(&world.header(), &claims);
    assert_eq!(
        other.refused(&token).await,
        "signature of the token is not valid"
    );
    other
        .accepted(&other.sign(&other.header(), &other.claims()))
        .await;
}

#[tokio::test]
async fn o_06_times() {
    let world = World::new().await;
    let now = world.now();
    for (alter, why) in [
        (json!({ "exp": now - 6 }), "token has expired"),
        (json!({ "exp": now - 5 }), "token has expired"),
        (json!({ "exp": 0 }), "token has expired"),
        (json!({ "exp": -1e10 }), "token has expired"),
        (json!({ "nbf": now + 6 }), "token is not valid yet"),
        (
            json!({ "iat": now + 6 }),
            "token says that it was issued in the future, or after its end",
        ),
        (
            json!({ "iat": now + 4, "exp": now + 3 }),
            "token says that it was issued in the future, or after its end",
        ),
        (
            json!({ "exp": null }),
            "claim `exp` is missing or not of the right type",
        ),
        (
            json!({ "exp": (now + 60).to_string() }),
            "claim `exp` is missing or not of the right type",
        ),
        (
            json!({ "exp": 1e300 }),
            "claim `exp` is missing or not of the right type",
        ),
        (
            json!({ "exp": i64::MAX }),
            "claim `exp` is missing or not of the right type",
        ),
        (
            json!({ "exp": u64::MAX }),
            "claim `exp` is missing or not of the right type",
        ),
        (
            json!({ "nbf": "soon" }),
            "claim `nbf` is missing or not of the right type",
        ),
        (
            json!({ "iat": [] }),
            "claim `iat` is missing or not of the right type",
        ),
    ] {
        assert_eq!(refused_claims(&world, alter.clone()).await, why, "{alter}");
    }
    for alter in [
        json!({ "exp": now - 4, "iat": now - 60 }),
        json!({ "nbf": now + 5 }),
        json!({ "exp": now as f64 + 30.5 }),
    ] {
        world.accepted(&world.with_claims(alter)).await;
    }
}

#[tokio::test]
async fn o_09_other_kinds_of_token() {
    let world = World::new().await;
    for alter in [
        json!({ "typ": null }),
        json!({ "typ": "id+jwt" }),
        json!({ "typ": "dpop+jwt" }),
        json!({ "typ": "logout+jwt" }),
    ] {
        assert!(
            refused_header(&world, alter)
                .await
                .starts_with("token is not an access token")
        );
    }
    let mut header = world.header();
    merge(&mut header, json!({ "typ": "JWT" }));
    for alter in [
        json!({ "nonce": "n" }),
        json!({ "at_hash": "h" }),
        json!({ "typ": "ID" }),
        json!({ "typ": "Refresh" }),
    ] {
        let mut claims = world.claims();
        merge(&mut claims, alter);
        assert!(
            world
                .refused(&world.sign(&header, &claims))
                .await
                .starts_with("token is not an access token")
        );
    }
    world.accepted(&world.sign(&header, &world.claims())).await;
    assert_eq!(
        world.refused("a.b.c.d.e").await,
        "token is encrypted; only signed tokens are accepted"
    );
    for shapeless in [
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b.c",
        "é.é.é",
        "e30.e30.",
        "bnVsbA.bnVsbA.x",
    ] {
        world.refused(shapeless).await;
    }
}

#[tokio::test]
async fn o_10_oversize_token() {
    let world = World::new().await;
    let why = world
        .refused(&world.with_claims(json!({ "sub": "x".repeat(1 << 20) })))
        .await;
    assert_eq!(why, "token is longer than 16384 bytes");
}

#[tokio::test]
async fn claims_with_two_readings_are_refused() {
    let world = World::new().await;
    let claims = world.claims().to_string();
    let doubled = claims.replacen('{', "{\"sub\":\"root\",", 1);
    let token = world.sign_text(&world.header().to_string(), &doubled);
    assert_eq!(
        world.refused(&token).await,
        "token is not a JWT: its claims are not a JSON object in base64url"
    );
    world
        .accepted(&world.sign_text(&world.header().to_string(), &claims))
        .await;
    for subject in [
        json!(null),
        json!(""),
        json!(7),
        json!("a\nb"),
        json!("x".repeat(513)),
    ] {
        assert!(
            refused_claims(&world, json!({ "sub": subject }))
                .await
                .contains("`sub`")
        );
    }
}

#[tokio::test]
async fn groups_that_cannot_be_known_are_refused() {
    let world = World::new().await;
    for alter in [
        json!({ "groups": "dba" }),
        json!({ "groups": { "dba": true } }),
        json!({ "groups": ["dba", 7] }),
        json!({ "groups": null, "_claim_names": { "groups": "src1" } }),
    ] {
        assert_eq!(
            refused_claims(&world, alter).await,
            "groups of the token are not a list of strings"
        );
    }
    assert!(
        world
            .accepted(&world.with_claims(json!({ "groups": null })))
            .await
            .groups
            .is_empty()
    );
}

#[tokio::test]
async fn an_altered_token_is_refused_and_refusals_show_nothing_of_it() {
    let world = World::new().await;
    let good = world.sign(&world.header(), &world.claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = world.with_claims(json!({ "sub": "root" }));
    let claims_of_root = other.split('.').nth(1).unwrap();
    let forged = format!("{header}.{claims_of_root}.{signature}");
    let why = world.refused(&forged).await;
    assert_eq!(why, "signature of the token is not valid");
    assert!(!why.contains(signature) && !why.contains("root"));
}
