//! One accepted TCP connection from its first byte to its last: transport, login, upstream, relay.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hpol_session::door::Door;
use hpol_session::ports::Authenticate;
use hpol_session::session::Session;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::cancel::CancelKey;
use crate::catalogue;
use crate::codec::backend::TransactionStatus;
use crate::codec::encode::{self, Report};
use crate::codec::login::{backend_key, write};
use crate::codec::startup::Startup;
use crate::connection::PostgresConnection;
use crate::facts::Reader;
use crate::forward::settings::FixedSettings;
use crate::refuse;
use crate::relay::Relay;
use crate::states::TurnedAway;
use crate::states::login::{LoggedIn, NoSession, log_in};
use crate::states::parameters::{INVALID_VALUE, Wishes};
use crate::states::startup::{Arrival, arrive};
use crate::upstream::{self, Login, ReachUpstream};
use crate::wire::Wire;

const AUTHENTICATION_OK: u32 = 0;

/// Serves one client connection until it ends. `shutdown` becoming true ends it once nothing of it is running.
///
/// Cancel-safe in that what has begun is recorded as interrupted when the future is dropped.
pub async fn serve(
    stream: TcpStream,
    connection: Arc<PostgresConnection>,
    door: Arc<Door>,
    identity: Arc<dyn Authenticate>,
    tls: Option<Arc<ServerConfig>>,
    mut shutdown: watch::Receiver<bool>,
) {
    // Messages are small and waited for; waiting to fill a packet only delays them.
    let (Ok(peer), Ok(())) = (stream.peer_addr(), stream.set_nodelay(true)) else {
        // The client has gone already.
        return;
    };
    let client = peer.to_string();
    let visit = Visit {
        connection: &connection,
        door: &door,
        client: &client,
        address: peer.ip(),
    };
    let handshake = connection.settings().limits.handshake;
    let arrived = timeout(
        handshake,
        visit.begin(stream, identity.as_ref(), tls.as_ref()),
    )
    .await;
    match arrived {
        Ok(Some(ready)) => visit.relay(ready, &mut shutdown).await,
        Ok(None) => {}
        Err(_) => {
            visit
                .turn_away(None, TurnedAway::silently("the login took too long"))
                .await
        }
    }
}

/// One client's stay.
struct Visit<'a> {
    connection: &'a PostgresConnection,
    door: &'a Arc<Door>,
    client: &'a str,
    address: IpAddr,
}

/// A client that has been told it may go ahead.
struct Ready<'a> {
    wire: Wire,
    upstream: Login,
    session: Session,
    reader: Reader,
    settings: FixedSettings,
    key: CancelKey<'a>,
}

/// An upstream that is as it must be.
struct Reached {
    login: Login,
    reader: Reader,
    settings: FixedSettings,
}

impl<'a> Visit<'a> {
    /// Everything up to ReadyForQuery; `None` when there is no session.
    async fn begin(
        &self,
        stream: TcpStream,
        identity: &dyn Authenticate,
        tls: Option<&Arc<ServerConfig>>,
    ) -> Option<Ready<'a>> {
        let plaintext = self.connection.settings().danger_plaintext_clients;
        match arrive(stream, tls, plaintext).await {
            Ok(Arrival::Session { wire, startup }) => self.open(wire, &startup, identity).await,
            Ok(Arrival::Cancel {
                wire,
                process,
                secret,
            }) => {
                let cancels = &self.connection.cancels;
                cancels.request(process, &secret, self.address, Instant::now());
                // libpq takes a TLS connection that ends without close_notify for a cancel that failed.
                wire.close().await;
                None
            }
            Err(refused) => {
                let (turned_away, wire) = *refused;
                self.turn_away(wire, turned_away).await;
                None
            }
        }
    }

    async fn open(
        &self,
        mut wire: Wire,
        startup: &Startup,
        identity: &dyn Authenticate,
    ) -> Option<Ready<'a>> {
        let logged_in = log_in(
            &mut wire,
            startup,
            self.connection,
            self.door,
            identity,
            self.client,
        )
        .await;
        let LoggedIn {
            session,
            database,
            wishes,
            minor,
        } = match logged_in {
            Ok(logged_in) => logged_in,
            Err(NoSession::TurnedAway(turned_away)) => {
                self.turn_away(Some(wire), turned_away).await;
                return None;
            }
            Err(NoSession::Refused(refusal)) => {
                say(wire, &refuse::fatal(&refusal)).await;
                return None;
            }
        };
        match self.reach(&database, &wishes).await {
            Ok(reached) => self.welcome(wire, reached, session, minor).await,
            Err(error) => {
                say(wire, &self.no_upstream(&error, &wishes)).await;
                session.close(&format!("no upstream: {error}")).await;
                None
            }
        }
    }

    /// What the client is told: its own fault by name, and of the upstream's troubles only that there are some.
    fn no_upstream(&self, error: &ReachUpstream, wishes: &Wishes) -> Report {
        match error {
            ReachUpstream::Schema { .. } => Report::fatal(refuse::UNSUPPORTED, error.to_string())
                .with_hint(
                    "leave `search_path` out, or name schemas of the role's own search path",
                ),
            ReachUpstream::Timeout { .. } => {
                Report::fatal(refuse::UNSUPPORTED, error.to_string()).with_hint("leave it out")
            }
            ReachUpstream::Refused { sqlstate } if sqlstate == INVALID_VALUE => {
                let names: Vec<&str> = wishes.sent.iter().map(|(name, _)| *name).collect();
                Report::fatal(
                    INVALID_VALUE,
                    "the upstream does not accept the value of a startup parameter",
                )
                .with_hint(format!("correct one of: {}", names.join(", ")))
            }
            _ => {
                tracing::error!(connection = self.connection.settings().name, %error, "the upstream cannot be used");
                Report::fatal(
                    refuse::CANNOT_CONNECT_NOW,
                    "the upstream database cannot be reached",
                )
                .with_hint("the operator of the gateway sees the cause in its log")
            }
        }
    }

    async fn reach(&self, database: &str, wishes: &Wishes) -> Result<Reached, ReachUpstream> {
        let mut login = upstream::open(self.connection, database, &wishes.sent).await?;
        self.tell_powers(&mut login.wire).await?;
        let role = &self.connection.settings().user;
        let search_path =
            upstream::pin_search_path(&mut login.wire, role, wishes.search_path.as_deref()).await?;
        let catalogue = catalogue::load(
            &mut login.wire,
            TransactionStatus::Idle,
            &self.connection.catalogues,
        )
        .await?;
        upstream::limit(&mut login.wire, &wishes.timeouts).await?;
        let settings = FixedSettings::new(upstream::fixed_settings(&mut login.wire).await?);
        let reader = Reader::new(
            Arc::clone(&self.connection.analyser),
            search_path,
            catalogue,
        );
        Ok(Reached {
            login,
            reader,
            settings,
        })
    }

    /// Once for each connection: what its role could do past the gateway.
    async fn tell_powers(&self, upstream: &mut Wire) -> Result<(), ReachUpstream> {
        if !self.connection.powers_told.swap(true, Ordering::Relaxed) {
            let settings = self.connection.settings();
            let told = match upstream::powers(upstream).await {
                Ok(powers) => powers,
                // An older server without one of the roles that are asked for.
                Err(ReachUpstream::Refused { sqlstate }) => {
                    tracing::warn!(
                        connection = settings.name,
                        sqlstate,
                        "what the upstream role may do is not known"
                    );
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            for power in told {
                tracing::warn!(
                    connection = settings.name,
                    role = settings.user,
                    "the upstream role {power}; the gateway does not need that"
                );
            }
        }
        Ok(())
    }

    async fn welcome(
        &self,
        mut wire: Wire,
        reached: Reached,
        session: Session,
        minor: u16,
    ) -> Option<Ready<'a>> {
        let Reached {
            login: upstream,
            reader,
            settings,
        } = reached;
        let key = match self.connection.cancels.register(minor, self.address) {
            Ok(key) => key,
            Err(error) => {
                say(wire, &Report::fatal(refuse::INTERNAL, error.to_string())).await;
                session.close("no cancel key").await;
                return None;
            }
        };
        encode::authentication(&mut wire.out, AUTHENTICATION_OK);
        for (name, value) in &upstream.parameters {
            encode::parameter_status(&mut wire.out, name, value);
        }
        // No key is too long to be written; without one a session just could not be cancelled.
        drop(write(&mut wire.out, &backend_key(key.process, &key.secret)));
        encode::ready_for_query(&mut wire.out, b'I');
        Some(Ready {
            wire,
            upstream,
            session,
            reader,
            settings,
            key,
        })
    }

    async fn relay(&self, ready: Ready<'_>, shutdown: &mut watch::Receiver<bool>) {
        let Ready {
            wire,
            upstream,
            session,
            reader,
            settings,
            key,
        } = ready;
        let mut relay = Relay::new(
            wire,
            upstream.wire,
            &session,
            self.connection,
            upstream.key,
            reader,
            settings,
        );
        let reason = relay.run(&key, shutdown).await;
        let (client, upstream) = relay.into_wires();
        session.close(&reason).await;
        tokio::join!(client.close(), upstream.close());
    }

    async fn turn_away(&self, wire: Option<Wire>, turned_away: TurnedAway) {
        self.door
            .turn_away(
                Some(self.connection.connection()),
                self.client,
                &turned_away.reason,
            )
            .await;
        if let (Some(wire), Some(report)) = (wire, turned_away.report) {
            say(wire, &report).await;
        }
    }
}

async fn say(mut wire: Wire, report: &Report) {
    report.write(&mut wire.out);
    wire.close().await;
}
