//! Who a client connection speaks for, and its link to the upstream, from request to request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hpol_session::Protocol;
use hpol_session::door::Door;
use hpol_session::ports::Authenticate;
use hpol_session::principal::Connection;
use hpol_session::refusal::Refusal;
use hpol_session::session::Session;
use zeroize::Zeroizing;

use crate::config::HttpConnection;
use crate::forward::Link;

/// What all requests of one client connection share.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) config: Arc<HttpConnection>,
    pub(crate) door: Arc<Door>,
    identity: Arc<dyn Authenticate>,
    address: String,
    /// Taken by the one request that is being answered and put back after it. If the client goes away in between, it goes
    /// with the request, and the session ends.
    parked: Mutex<Option<Parked>>,
}

/// What is kept between requests.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    speaker: Option<Speaker>,
    link: Option<Link>,
}

/// A session, and the token that opened it: another token is another session.
#[derive(Debug)]
struct Speaker {
    token: Zeroizing<String>,
    session: Session,
}

/// Why a request is not somebody's.
#[derive(Debug)]
pub(crate) enum Nobody {
    /// The token was not accepted.
    Unauthenticated,
    /// Whether it would be cannot be told now.
    Unavailable,
    /// The door does not open.
    Refused(Refusal),
}

impl Client {
    pub(crate) fn new(
        config: Arc<HttpConnection>,
        door: Arc<Door>,
        identity: Arc<dyn Authenticate>,
        address: SocketAddr,
    ) -> Client {
        Client {
            config,
            door,
            identity,
            address: address.to_string(),
            parked: Mutex::default(),
        }
    }

    pub(crate) fn take(&self) -> Parked {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.take().unwrap_or_default()
    }

    pub(crate) fn put(&self, parked: Parked) {
        *self.parked.lock().unwrap_or_else(PoisonError::into_inner) = Some(parked);
    }

    fn connection(&self) -> Connection {
        Connection {
            name: self.config.name.clone(),
            protocol: Protocol::Http,
        }
    }

    /// Records that a request or connection was turned away before it had a session.
    pub(crate) async fn turn_away(&self, reason: &str) {
        let connection = self.connection();
        self.door
            .turn_away(Some(&connection), &self.address, reason)
            .await;
    }
}

impl Parked {
    /// Makes sure that the session is the one `token` speaks for: the one it opened before on this connection, or a new one.
    pub(crate) async fn identify(&mut self, client: &Client, token: &str) -> Result<(), Nobody> {
        let same = |speaker: &Speaker| *speaker.token == token && !speaker.session.expired();
        if !self.speaker.as_ref().is_some_and(same) {
            self.close("another token").await;
            self.speaker = Some(open(client, token).await?);
        }
        Ok(())
    }

    /// The session, and the link that it uses.
    pub(crate) fn speaking(&mut self) -> Option<(&Session, &mut Option<Link>)> {
        let speaker = self.speaker.as_ref()?;
        Some((&speaker.session, &mut self.link))
    }

    /// Ends the session, if there is one.
    pub(crate) async fn close(&mut self, reason: &str) {
        // Another client of the upstream must not continue where this one was.
        self.link = None;
        if let Some(speaker) = self.speaker.take() {
            speaker.session.close(reason).await;
        }
    }
}

async fn open(client: &Client, token: &str) -> Result<Speaker, Nobody> {
    let principal = match client.identity.authenticate(token).await {
        Ok(principal) => principal,
        Err(refused) => {
            client.turn_away(&refused.why).await;
            return Err(if refused.temporary {
                Nobody::Unavailable
            } else {
                Nobody::Unauthenticated
            });
        }
    };
    let opened = client
        .door
        .open(principal, client.connection(), &client.address)
        .await;
    let session = opened.map_err(Nobody::Refused)?;
    let token = Zeroizing::new(token.to_owned());
    Ok(Speaker { token, session })
}
