//! One access token: a signed JWT (RFC 7519, profile of RFC 9068) read strictly, and what its claims must say.
//! Fetches nothing; the signature is verified by `identity` with a key of the issuer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use hpol_bundle::claims::{Claim, read_otherwise};
use hpol_session::claims::Claims;
use hpol_session::principal::Principal;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::config::Identity;

/// Longest token read, in bytes: it must fit in a PostgreSQL password message and an HTTP header.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Longest subject or key id, in bytes.
const MAX_NAME_BYTES: usize = 512;

/// Every signature algorithm that may be configured. Symmetric ones are not: they would let a public key sign.
pub(crate) const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// Header parameters that bring their own key, change how the signature is read, or wrap another token.
const REFUSED_PARAMETERS: [&str; 9] = [
    "crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "enc", "cty",
];

/// Claims that only an ID token carries (OpenID Connect Core 1.0, sections 2 and 3.3.2.11).
const ID_TOKEN_CLAIMS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

/// Why a token is not accepted. Holds nothing secret: no signature, and of the claims only names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenRefused {
    #[error("token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    #[error("token is encrypted; only signed tokens are accepted")]
    Encrypted,
    #[error("token is not a JWT: {0}")]
    Malformed(&'static str),
    #[error("token header carries `{0}`, which is never accepted")]
    HeaderParameter(&'static str),
    #[error("token is signed with an algorithm that is not accepted from this issuer")]
    Algorithm,
    #[error("token is not an access token: {0}")]
    NotAnAccessToken(&'static str),
    #[error("token is from an issuer that is not configured")]
    Issuer,
    #[error("signature of the token is not valid")]
    Signature,
    #[error("token is for another audience")]
    Audience,
    #[error("claim `{0}` is missing or not of the right type")]
    Claim(&'static str),
    #[error("groups of the token are not a list of strings")]
    Groups,
    #[error("token has expired")]
    Expired,
    #[error("token is not valid yet")]
    NotYetValid,
    #[error("token says that it was issued in the future, or after its end")]
    IssuedAt,
}

/// A token taken apart. Nothing in it is to be believed before its signature is verified.
#[derive(Debug)]
pub(crate) struct Unverified<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    pub(crate) signed: &'a str,
    pub(crate) signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a compact JWS apart.
    ///
    /// # Errors
    /// When it is not one.
    pub(crate) fn parse(token: &'a str) -> Result<Unverified<'a>, TokenRefused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefused::TooLong);
        }
        if token.matches('.').count() == 4 {
            return Err(TokenRefused::Encrypted);
        }
        let (signed, signature) = token
            .rsplit_once('.')
            .ok_or(TokenRefused::Malformed("it has no signature"))?;
        let (header, claims) = signed
            .split_once('.')
            .ok_or(TokenRefused::Malformed("it has no claims"))?;
        if claims.contains('.') {
            return Err(TokenRefused::Malformed("it has more than three parts"));
        }
        let header = object(header).ok_or(TokenRefused::Malformed(
            "its header is not a JSON object in base64url",
        ))?;
        let claims = object(claims).ok_or(TokenRefused::Malformed(
            "its claims are not a JSON object in base64url",
        ))?;
        Ok(Unverified {
            header,
            claims,
            signed,
            signature,
        })
    }

    /// Who it claims to be from.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// The header, where it is acceptable from `identity`: key id and algorithm.
    ///
    /// # Errors
    /// When the header asks for anything that is not accepted.
    pub(crate) fn header(
        &self,
        identity: &Identity,
    ) -> Result<(Option<&str>, Algorithm), TokenRefused> {
        if let Some(parameter) = REFUSED_PARAMETERS
            .into_iter()
            .find(|name| self.header.contains_key(*name))
        {
            return Err(TokenRefused::HeaderParameter(parameter));
        }
        let name = self
            .header
            .get("alg")
            .and_then(Value::as_str)
            .ok_or(TokenRefused::Algorithm)?;
        let (_, algorithm) = ALGORITHMS
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or(TokenRefused::Algorithm)?;
        if !identity.algorithms.contains(&algorithm) {
            return Err(TokenRefused::Algorithm);
        }
        self.check_type()?;
        match self.header.get("kid") {
            None => Ok((None, algorithm)),
            Some(Value::String(kid)) if kid.len() <= MAX_NAME_BYTES => Ok((Some(kid), algorithm)),
            Some(_) => Err(TokenRefused::Malformed("its key id is not a short string")),
        }
    }

    /// RFC 9068 section 2.1 demands `at+jwt`; many issuers still write `JWT`, and then the claims must not be those of an
    /// ID token.
    fn check_type(&self) -> Result<(), TokenRefused> {
        let header_type = self.header.get("typ").and_then(Value::as_str);
        let header_type =
            header_type.ok_or(TokenRefused::NotAnAccessToken("its header has no `typ`"))?;
        let header_type = header_type.to_ascii_lowercase();
        match header_type
            .strip_prefix("application/")
            .unwrap_or(&header_type)
        {
            "at+jwt" => Ok(()),
            "jwt" => {
                if ID_TOKEN_CLAIMS
                    .iter()
                    .any(|claim| self.claims.contains_key(*claim))
                {
                    return Err(TokenRefused::NotAnAccessToken(
                        "its claims are those of an ID token",
                    ));
                }
                match self.claims.get("typ").and_then(Value::as_str) {
                    None | Some("Bearer") => Ok(()),
                    Some(_) => Err(TokenRefused::NotAnAccessToken(
                        "its claim `typ` names another use",
                    )),
                }
            }
            _ => Err(TokenRefused::NotAnAccessToken(
                "its header `typ` is neither `at+jwt` nor `JWT`",
            )),
        }
    }

    /// Who the claims speak for. Call only after the signature was verified.
    ///
    /// # Errors
    /// When a claim is missing, wrong, or of another time.
    pub(crate) fn principal(
        &self,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Principal, TokenRefused> {
        if self.issuer() != Some(identity.issuer.as_str()) {
            return Err(TokenRefused::Issuer);
        }
        self.check_audience(&identity.audience)?;
        let expires = self.check_times(identity.leeway, now)?;
        let subject = self
            .claims
            .get("sub")
            .and_then(Value::as_str)
            .ok_or(TokenRefused::Claim("sub"))?;
        if subject.is_empty()
            || subject.len() > MAX_NAME_BYTES
            || subject.chars().any(char::is_control)
        {
            return Err(TokenRefused::Claim("sub"));
        }
        Ok(Principal {
            id: subject.to_owned(),
            issuer: identity.issuer.clone(),
            groups: self.groups(&identity.groups_claim)?,
            expires,
            claims: self.readable(),
        })
    }

    fn check_audience(&self, audience: &str) -> Result<(), TokenRefused> {
        let named = match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
            _ => return Err(TokenRefused::Claim("aud")),
        };
        if named {
            Ok(())
        } else {
            Err(TokenRefused::Audience)
        }
    }

    /// The end of the token, with the tolerated difference of clocks.
    fn check_times(&self, leeway: Duration, now: Timestamp) -> Result<Timestamp, TokenRefused> {
        let expires = self.time("exp")?.ok_or(TokenRefused::Claim("exp"))?;
        let end = expires
            .saturating_add(leeway)
            .map_err(|_| TokenRefused::Claim("exp"))?;
        let horizon = now
            .saturating_add(leeway)
            .map_err(|_| TokenRefused::Claim("exp"))?;
        if end <= now {
            return Err(TokenRefused::Expired);
        }
        if self.time("nbf")?.is_some_and(|begin| begin > horizon) {
            return Err(TokenRefused::NotYetValid);
        }
        if self
            .time("iat")?
            .is_some_and(|issued| issued > horizon || issued > expires)
        {
            return Err(TokenRefused::IssuedAt);
        }
        Ok(end)
    }

    /// A NumericDate (RFC 7519 section 2); fractions of a second are cut off.
    fn time(&self, claim: &'static str) -> Result<Option<Timestamp>, TokenRefused> {
        let Some(value) = self.claims.get(claim) else {
            return Ok(None);
        };
        let seconds = value
            .as_i64()
            .or_else(|| value.as_f64().and_then(whole_seconds));
        seconds
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .map(Some)
            .ok_or(TokenRefused::Claim(claim))
    }

    /// The claims that policies may read. One that the token keeps elsewhere (OpenID Connect Core 1.0, section 5.6.2) is there
    /// and not known.
    fn readable(&self) -> Claims {
        let claims = self.claims.iter();
        let mut known: BTreeMap<String, Claim> = claims
            .map(|(name, value)| (name.clone(), readable(name, value)))
            .collect();
        let elsewhere = self.claims.get("_claim_names").and_then(Value::as_object);
        let names = elsewhere.into_iter().flat_map(Map::keys);
        known.extend(names.map(|name| (name.clone(), Claim::Other)));
        Claims::new(known)
    }

    fn groups(&self, claim: &str) -> Result<Vec<String>, TokenRefused> {
        // A token too small for all groups refers to them elsewhere (OpenID Connect Core 1.0, section 5.6.2): a rule that
        // blocks a group would miss it.
        let elsewhere = self
            .claims
            .get("_claim_names")
            .and_then(|names| names.get(claim));
        match (self.claims.get(claim), elsewhere) {
            (None, None) => Ok(Vec::new()),
            (Some(Value::Array(groups)), None) => {
                let groups: Option<Vec<String>> = groups
                    .iter()
                    .map(|group| group.as_str().map(str::to_owned))
                    .collect();
                groups.ok_or(TokenRefused::Groups)
            }
            _ => Err(TokenRefused::Groups),
        }
    }
}

/// A claim as policies read it. What they could misread is none of their forms: a number with a fraction has several
/// spellings. Nor is what facts of the subject say.
fn readable(name: &str, value: &Value) -> Claim {
    match value {
        _ if read_otherwise(name).is_some() => Claim::Other,
        Value::Array(elements) => {
            let texts: Option<Vec<String>> = elements.iter().map(text).collect();
            texts.map_or(Claim::Other, Claim::Texts)
        }
        value => text(value).map_or(Claim::Other, Claim::Text),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn whole_seconds(seconds: f64) -> Option<i64> {
    let range = -1e11..1e11;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked, and fractions are cut off on purpose"
    )]
    range.contains(&seconds).then_some(seconds.trunc() as i64)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let json = BASE64URL_NOPAD.decode(part.as_bytes()).ok()?;
    serde_json::from_slice::<Unambiguous>(&json)
        .ok()
        .map(|object| object.0)
}

/// A JSON object in which no name occurs twice: with duplicates, two readers could believe two different tokens.
struct Unambiguous(Map<String, Value>);

impl<'de> de::Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(UnambiguousVisitor)
            .map(Unambiguous)
    }
}

struct UnambiguousVisitor;

impl<'de> Visitor<'de> for UnambiguousVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("a name occurs twice"));
            }
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_facts_of_the_subject_say_is_not_read_as_a_claim() {
        let text = Value::String("x".to_owned());
        for name in ["sub", "iss", "aud", "exp", "nbf", "iat", "jti", "groups"] {
            assert_eq!(readable(name, &text), Claim::Other, "{name}");
        }
        assert_eq!(readable("department", &text), Claim::Text("x".to_owned()));
    }
}
