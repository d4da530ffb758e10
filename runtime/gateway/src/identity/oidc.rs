//! An issuer's own documents: finds its keys through OpenID Connect Discovery 1.0 and turns them into verifying keys.
//! Keeps nothing; see `keys`.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use openidconnect::IssuerUrl;
use openidconnect::core::{CoreJsonWebKey, CoreProviderMetadata};

use super::fetch::{Fetcher, with_causes};

/// Most keys taken from one issuer; real sets hold two to ten.
const MAX_KEYS: usize = 64;

/// Why an issuer's keys are not known.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Discover {
    #[error("`{issuer}` is not a URL")]
    NotAUrl { issuer: String },
    #[error("discovery at `{issuer}` failed: {why}")]
    Failed { issuer: String, why: String },
    #[error("discovery at `{issuer}` names another issuer, `{found}`")]
    AnotherIssuer { issuer: String, found: String },
    #[error("`{issuer}` publishes more than {MAX_KEYS} keys")]
    TooManyKeys { issuer: String },
    #[error("`{issuer}` publishes no key that can verify a token")]
    NoKeys { issuer: String },
}

/// A key of an issuer, and the algorithms it may verify.
#[derive(Debug, Clone)]
pub(crate) struct VerifyingKey {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(crate) key: DecodingKey,
}

impl VerifyingKey {
    /// Whether a token with this header may have been signed by the key. The key decides the algorithm, not the token.
    pub(crate) fn fits(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        (kid.is_none() || self.kid.as_deref() == kid) && self.algorithms.contains(&algorithm)
    }
}

/// The keys that `issuer` publishes now.
///
/// # Errors
/// When its documents cannot be fetched, or do not say what discovery demands.
pub(crate) async fn discover(
    issuer: &str,
    fetcher: &Fetcher,
) -> Result<Vec<VerifyingKey>, Discover> {
    let url = IssuerUrl::new(issuer.to_owned()).map_err(|_| Discover::NotAUrl {
        issuer: issuer.to_owned(),
    })?;
    let metadata = CoreProviderMetadata::discover_async(url, fetcher)
        .await
        .map_err(|error| Discover::Failed {
            issuer: issuer.to_owned(),
            why: with_causes(&error),
        })?;
    if metadata.issuer().as_str() != issuer {
        return Err(Discover::AnotherIssuer {
            issuer: issuer.to_owned(),
            found: metadata.issuer().to_string(),
        });
    }
    let published = metadata.jwks().keys();
    if published.len() > MAX_KEYS {
        return Err(Discover::TooManyKeys {
            issuer: issuer.to_owned(),
        });
    }
    let keys: Vec<VerifyingKey> = published.iter().filter_map(verifying_key).collect();
    if keys.is_empty() {
        return Err(Discover::NoKeys {
            issuer: issuer.to_owned(),
        });
    }
    Ok(keys)
}

/// `None` for a key that signs nothing we accept: for encryption, symmetric, or of an unknown kind.
fn verifying_key(published: &CoreJsonWebKey) -> Option<VerifyingKey> {
    let jwk: Jwk = serde_json::from_value(serde_json::to_value(published).ok()?).ok()?;
    let signs = jwk
        .common
        .public_key_use
        .as_ref()
        .is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let verifies = jwk
        .common
        .key_operations
        .as_ref()
        .is_none_or(|list| list.contains(&KeyOperations::Verify));
    if !signs || !verifies {
        return None;
    }
    let possible: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => return None,
    };
    let declared = jwk
        .common
        .key_algorithm
        .map(|algorithm| algorithm.to_string());
    let algorithms = possible
        .iter()
        .copied()
        .filter(|algorithm| {
            declared
                .as_ref()
                .is_none_or(|declared| *declared == format!("{algorithm:?}"))
        })
        .collect();
    Some(VerifyingKey {
        kid: jwk.common.key_id.clone(),
        algorithms,
        key: DecodingKey::from_jwk(&jwk).ok()?,
    })
}
