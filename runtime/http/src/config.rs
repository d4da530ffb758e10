//! What one HTTP connection of the gateway is: its upstream, the credential for it, and the bounds on what clients send.
//! Where this comes from is the gateway's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, Scheme, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// A named upstream that speaks HTTP/1.1.
#[derive(Debug, Clone)]
pub struct HttpConnection {
    /// Its name in the gateway's configuration.
    pub name: String,
    /// Where requests go.
    pub upstream: Upstream,
    /// Bounds.
    pub limits: Limits,
}

/// Where requests go, and as whom.
#[derive(Clone)]
pub struct Upstream {
    pub(crate) authority: Authority,
    pub(crate) port: u16,
    pub(crate) host: HeaderValue,
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(crate) credential: Option<Credential>,
}

/// A header that the gateway adds towards the upstream, in place of what the client sent under that name.
#[derive(Clone)]
pub struct Credential {
    pub(crate) header: HeaderName,
    pub(crate) value: HeaderValue,
}

/// Bounds on what is read, and for how long. Each protects the gateway from one client or one upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body, which is read whole before anything is decided: an approval is for exactly these bytes.
    pub body_bytes: u64,
    /// Bytes of a head, of requests and of responses.
    pub head_bytes: usize,
    /// Header fields of a request or response.
    pub headers: usize,
    /// How long a client may take for a head, also while a connection is idle, and for the TLS handshake.
    pub head_time: Duration,
    /// How long a client may take for a body.
    pub body_time: Duration,
    /// How long reaching the upstream may take.
    pub connect_time: Duration,
    /// How long the upstream may take for the head of its response, and between parts of its body.
    pub response_time: Duration,
}

/// Why an upstream cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUpstream {
    /// Not `http://host:port` or `https://host:port`.
    #[error("`{url}` is not a URL of the form `http://host:port` or `https://host:port`")]
    Url {
        /// As written.
        url: String,
    },
    /// `https` without TLS settings.
    #[error("`{url}` needs TLS settings")]
    NoTls {
        /// As written.
        url: String,
    },
    /// The name of the credential's header is not one, or one that the gateway needs itself.
    #[error("`{header}` cannot be the header of a credential")]
    Header {
        /// As written.
        header: String,
    },
    /// The credential has characters that no header can carry. It is not repeated here.
    #[error("the credential cannot be sent in a header")]
    Secret,
}

impl Limits {
    /// Bounds that suit APIs.
    pub const DEFAULT: Limits = Limits {
        body_bytes: 1 << 20,
        head_bytes: 32 << 10,
        headers: 100,
        head_time: Duration::from_secs(30),
        body_time: Duration::from_secs(60),
        connect_time: Duration::from_secs(10),
        response_time: Duration::from_secs(120),
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

impl Upstream {
    /// The upstream at `url`, which has a host and may have a port, and no path. `tls` is used for `https`.
    ///
    /// # Errors
    /// If `url` is not such a URL, or needs TLS and there is none.
    pub fn new(url: &str, tls: Option<Arc<ClientConfig>>) -> Result<Upstream, BadUpstream> {
        let bad = || BadUpstream::Url {
            url: url.to_owned(),
        };
        let parts = url.parse::<Uri>().map_err(|_| bad())?.into_parts();
        let authority = parts.authority.ok_or_else(bad)?;
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        if !bare || authority.as_str().contains('@') {
            return Err(bad());
        }
        let (port, secure) = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTPS => (443, true),
            Some(scheme) if scheme == Scheme::HTTP => (80, false),
            Some(_) | None => return Err(bad()),
        };
        let tls = match (secure, tls) {
            (false, _) => None,
            (true, None) => {
                return Err(BadUpstream::NoTls {
                    url: url.to_owned(),
                });
            }
            (true, Some(config)) => Some((config, server_name(&authority).ok_or_else(bad)?)),
        };
        Ok(Upstream {
            port: authority.port_u16().unwrap_or(port),
            host: HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?,
            authority,
            tls,
            credential: None,
        })
    }

    /// This upstream, reached with `credential`.
    #[must_use]
    pub fn with_credential(mut self, credential: Credential) -> Upstream {
        self.credential = Some(credential);
        self
    }

    /// The name to look up, without the brackets of an IPv6 address.
    pub(crate) fn name(&self) -> &str {
        let host = self.authority.host();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl Credential {
    /// The value `secret` under the name `header`, such as `authorization` and `Bearer ...`.
    ///
    /// # Errors
    /// If `header` is not a header's name or belongs to the framing of messages, or `secret` cannot be a header's value.
    pub fn new(header: &str, secret: &str) -> Result<Credential, BadUpstream> {
        let name = HeaderName::from_bytes(header.as_bytes()).ok();
        let name = name.filter(|name| !crate::codec::is_framing(name));
        let header = name.ok_or_else(|| BadUpstream::Header {
            header: header.to_owned(),
        })?;
        let mut value = HeaderValue::from_str(secret).map_err(|_| BadUpstream::Secret)?;
        value.set_sensitive(true);
        Ok(Credential { header, value })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Upstream")
            .field("scheme", &self.scheme())
            .field("authority", &self.authority)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

fn server_name(authority: &Authority) -> Option<ServerName<'static>> {
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    ServerName::try_from(host.to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_host_and_a_port() {
        let upstream = Upstream::new("http://[::1]:8080", None).unwrap();
        assert_eq!((upstream.name(), upstream.port), ("::1", 8080));
        assert_eq!(
            Upstream::new("http://api.example.com/", None).unwrap().port,
            80
        );
        for url in [
            "api.example.com",
            "ftp://a",
            "http://u:p@a",
            "http://a/path",
            "http://a/?q",
            "",
        ] {
            assert!(
                matches!(Upstream::new(url, None), Err(BadUpstream::Url { .. })),
                "{url}"
            );
        }
        assert!(matches!(
            Upstream::new("https://a", None),
            Err(BadUpstream::NoTls { .. })
        ));
    }

    #[test]
    fn a_credential_shows_itself_to_nobody() {
        let credential = Credential::new("Authorization", "Bearer s3cret").unwrap();
        let upstream = Upstream::new("http://a", None)
            .unwrap()
            .with_credential(credential);
        insta::assert_snapshot!(
            format!("{upstream:?}"),
            @r#"Upstream { scheme: "http", authority: a, credential: Some(Credential { header: "authorization", .. }), .. }"#
        );
        assert_eq!(
            Credential::new("x-key", "s3cret\n").unwrap_err(),
            BadUpstream::Secret
        );
        assert!(Credential::new("content-length", "5").is_err());
        assert!(Credential::new("bad header", "5").is_err());
    }
}
