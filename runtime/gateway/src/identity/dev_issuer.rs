//! The embedded issuer of `--dev`: discovery, keys and tokens for whoever asks, on loopback only, with a key that exists
//! in memory only. It lets a developer try the gateway; nobody proves who they are here.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use bytes::Bytes;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use openidconnect::url::form_urlencoded;
use serde_json::{Value, json};

use crate::config::Identity;
use crate::web::{self, Answer, Reply};

/// Longest name of a subject, group or audience, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Why the embedded issuer did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartIssuer {
    #[error(
        "the embedded issuer gives tokens to whoever asks and may listen on loopback only, not on `{0}`"
    )]
    NotLoopback(SocketAddr),
    #[error("the embedded issuer could not make a key")]
    Key,
}

/// Issues tokens for any name.
pub(crate) struct DevIssuer {
    issuer: String,
    authority: String,
    audience: String,
    lifetime: Duration,
    pub(super) kid: String,
    pub(super) jwk: Value,
    key: EncodingKey,
}

impl std::fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevIssuer")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl DevIssuer {
    /// An issuer that is reached at `address`.
    ///
    /// # Errors
    /// When `address` is not on loopback, or no key can be made.
    pub(crate) fn new(
        address: SocketAddr,
        audience: &str,
        lifetime: Duration,
    ) -> Result<DevIssuer, StartIssuer> {
        if !address.ip().is_loopback() {
            return Err(StartIssuer::NotLoopback(address));
        }
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| StartIssuer::Key)?;
        let document = pair.to_pkcs8v1().map_err(|_| StartIssuer::Key)?;
        // SEC 1, section 2.3.3: 0x04, then x and y of 32 bytes each.
        let point = pair.public_key().as_ref();
        let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
            return Err(StartIssuer::Key);
        };
        let kid: String = HEXLOWER.encode(x).chars().take(16).collect();
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y),
        });
        Ok(DevIssuer {
            issuer: format!("http://{address}"),
            authority: address.to_string(),
            audience: audience.to_owned(),
            lifetime,
            kid,
            jwk,
            key: EncodingKey::from_ec_der(document.as_ref()),
        })
    }

    /// How the gateway trusts it.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            groups_claim: "groups".to_owned(),
            algorithms: vec![Algorithm::ES256],
            ca_file: None,
            leeway: Duration::from_secs(5),
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A token with any header and claims.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> Option<String> {
        let signed = [header, claims]
            .map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()))
            .join(".");
        let signature = self.signature(&signed)?;
        Some(format!("{signed}.{signature}"))
    }

    pub(super) fn signature(&self, signed: &str) -> Option<String> {
        jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::ES256).ok()
    }

    /// RFC 9068, section 2.1.
    pub(super) fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": "ES256", "kid": self.kid })
    }

    fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["none"],
        })
    }

    /// RFC 6749, section 4.4, without a secret.
    fn token(&self, request: &Request<Bytes>) -> Reply {
        match self.issue(request) {
            Ok(reply) => web::json(StatusCode::OK, &reply),
            Err((error, description)) => {
                let body = json!({ "error": error, "error_description": description });
                web::json(StatusCode::BAD_REQUEST, &body)
            }
        }
    }

    fn issue(&self, request: &Request<Bytes>) -> Result<Value, (&'static str, &'static str)> {
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !content_type.starts_with("application/x-www-form-urlencoded") {
            return Err((
                "invalid_request",
                "send a form: application/x-www-form-urlencoded",
            ));
        }
        let form = Form::read(request.body())?;
        match form.grant_type.as_deref() {
            Some("client_credentials") => {}
            Some(_) => {
                return Err((
                    "unsupported_grant_type",
                    "only client_credentials is offered",
                ));
            }
            None => {
                return Err((
                    "invalid_request",
                    "grant_type=client_credentials is missing",
                ));
            }
        }
        let subject = form.client_id.filter(|id| !id.is_empty());
        let subject = subject.ok_or((
            "invalid_client",
            "client_id is missing; it becomes the subject of the token",
        ))?;
        let groups: Vec<&str> = form
            .groups
            .as_deref()
            .unwrap_or_default()
            .split_ascii_whitespace()
            .collect();
        let now = Timestamp::now().as_second();
        let seconds = form
            .expires_in
            .map_or(self.lifetime, Duration::from_secs)
            .min(self.lifetime)
            .as_secs();
        let expires = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| now.checked_add(seconds));
        let claims = json!({
            "iss": self.issuer,
            "sub": subject,
            "client_id": subject,
            "aud": form.audience.as_deref().unwrap_or(&self.audience),
            "groups": groups,
            "iat": now,
            "exp": expires,
        });
        let token = self
            .sign(&self.header(), &claims)
            .ok_or(("server_error", "the token could not be signed"))?;
        Ok(json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds }))
    }
}

/// The parameters of a token request that mean something here.
#[derive(Debug, Default)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    groups: Option<String>,
    audience: Option<String>,
    expires_in: Option<u64>,
}

impl Form {
    fn read(body: &[u8]) -> Result<Form, (&'static str, &'static str)> {
        let mut form = Form::default();
        for (name, value) in form_urlencoded::parse(body) {
            if value.len() > MAX_NAME_BYTES.saturating_mul(16)
                || value.chars().any(char::is_control)
            {
                return Err((
                    "invalid_request",
                    "a parameter is too long or holds control characters",
                ));
            }
            let place = match name.as_ref() {
                "grant_type" => &mut form.grant_type,
                "client_id" => &mut form.client_id,
                "groups" => &mut form.groups,
                "audience" | "resource" => &mut form.audience,
                "expires_in" => {
                    let seconds = value.parse().map_err(|_| {
                        ("invalid_request", "expires_in is not a number of seconds")
                    })?;
                    form.expires_in = Some(seconds);
                    continue;
                }
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(("invalid_request", "a parameter occurs twice"));
            }
        }
        Ok(form)
    }
}

impl Answer for DevIssuer {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        // A page in a developer's browser must not reach it under a name of its own (DNS rebinding).
        let host = request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok());
        if host != Some(self.authority.as_str()) {
            return web::problem(
                StatusCode::MISDIRECTED_REQUEST,
                "this issuer answers only under its own address",
            );
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/.well-known/openid-configuration") => {
                web::json(StatusCode::OK, &self.discovery())
            }
            (&Method::GET, "/jwks") => web::json(StatusCode::OK, &json!({ "keys": [self.jwk] })),
            (&Method::POST, "/token") => self.token(&request),
            (_, "/.well-known/openid-configuration" | "/jwks" | "/token") => web::problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "this page does not know that method",
            ),
            _ => web::problem(
                StatusCode::NOT_FOUND,
                "the embedded issuer serves discovery, `/jwks` and `/token`",
            ),
        }
    }
}
