//! Who a token speaks for. Finds the issuer that a token names among those configured, verifies the signature with that
//! issuer's published keys and its claims against the configuration. Decides nothing about what the subject may do.

pub(crate) mod dev_issuer;
pub(crate) mod fetch;
mod keys;
mod oidc;
pub(crate) mod token;

use std::sync::Arc;

use arc_swap::ArcSwap;
use hpol_session::ports::{Authenticate, AuthenticationRefused, Clock, Pending};
use hpol_session::principal::Principal;
use jsonwebtoken::Algorithm;

use self::fetch::Fetcher;
use self::keys::{Keys, NoKey, Timing};
use self::oidc::VerifyingKey;
use self::token::{TokenRefused, Unverified};
use crate::config::Identity;
use crate::tls::LoadTls;

/// The configured issuers.
#[derive(Debug)]
pub(crate) struct Identities {
    clock: Arc<dyn Clock>,
    timing: Timing,
    issuers: ArcSwap<Vec<Arc<Issuer>>>,
}

#[derive(Debug)]
struct Issuer {
    identity: Identity,
    keys: Keys,
}

/// Issuers that are ready to be trusted.
#[derive(Debug)]
pub(crate) struct Prepared(Vec<Arc<Issuer>>);

/// Why nobody is authenticated.
#[derive(Debug, thiserror::Error)]
enum Authentication {
    #[error(transparent)]
    Token(#[from] TokenRefused),
    #[error(transparent)]
    Key(#[from] NoKey),
}

impl Identities {
    /// Starts to fetch the keys of every issuer.
    ///
    /// # Errors
    /// When the roots of trust of one cannot be read.
    pub(crate) fn start(
        identities: &[Identity],
        clock: Arc<dyn Clock>,
    ) -> Result<Identities, LoadTls> {
        Identities::with_timing(identities, clock, Timing::default())
    }

    fn with_timing(
        identities: &[Identity],
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> Result<Identities, LoadTls> {
        let this = Identities {
            clock,
            timing,
            issuers: ArcSwap::default(),
        };
        this.adopt(this.prepare(identities)?);
        Ok(this)
    }

    /// The issuers of a changed configuration; those that did not change keep their keys.
    ///
    /// # Errors
    /// When the roots of trust of one cannot be read.
    pub(crate) fn prepare(&self, identities: &[Identity]) -> Result<Prepared, LoadTls> {
        let current = self.issuers.load();
        let mut issuers = Vec::with_capacity(identities.len());
        for identity in identities {
            if let Some(same) = current.iter().find(|issuer| issuer.identity == *identity) {
                issuers.push(Arc::clone(same));
                continue;
            }
            let fetcher = Fetcher::new(identity.ca_file.as_deref())?;
            let keys = Keys::start(identity.issuer.clone(), fetcher, self.timing);
            issuers.push(Arc::new(Issuer {
                identity: identity.clone(),
                keys,
            }));
        }
        Ok(Prepared(issuers))
    }

    /// Tokens are judged by these issuers from now on.
    pub(crate) fn adopt(&self, Prepared(issuers): Prepared) {
        self.issuers.store(Arc::new(issuers));
    }

    async fn verify(&self, token: &str) -> Result<Principal, Authentication> {
        let unverified = Unverified::parse(token)?;
        let named = unverified.issuer().ok_or(TokenRefused::Claim("iss"))?;
        let issuer = self
            .issuers
            .load()
            .iter()
            .find(|issuer| issuer.identity.issuer == named)
            .map(Arc::clone);
        let issuer = issuer.ok_or(TokenRefused::Issuer)?;
        let (kid, algorithm) = unverified.header(&issuer.identity)?;
        let known = issuer.keys.candidates(kid, algorithm).await?;
        if !is_signed_by(&unverified, &known, algorithm) {
            let anew = issuer.keys.candidates_anew(kid, algorithm).await;
            if !is_signed_by(&unverified, &anew, algorithm) {
                return Err(TokenRefused::Signature.into());
            }
        }
        Ok(unverified.principal(&issuer.identity, self.clock.now())?)
    }
}

impl Authenticate for Identities {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
    ) -> Pending<'a, Result<Principal, AuthenticationRefused>> {
        Box::pin(async move {
            self.verify(token)
                .await
                .map_err(|refused| AuthenticationRefused {
                    why: refused.to_string(),
                    temporary: matches!(refused, Authentication::Key(NoKey::Unavailable(_))),
                })
        })
    }
}

fn is_signed_by(token: &Unverified<'_>, keys: &[VerifyingKey], algorithm: Algorithm) -> bool {
    keys.iter().any(|key| {
        jsonwebtoken::crypto::verify(
            token.signature,
            token.signed.as_bytes(),
            &key.key,
            algorithm,
        )
        .unwrap_or(false)
    })
}

#[cfg(test)]
mod tests;
