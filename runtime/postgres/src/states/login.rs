//! From the startup packet to a session at the door: version, parameters, and the token that is sent as a password.

use std::sync::Arc;

use hpol_session::door::Door;
use hpol_session::ports::Authenticate;
use hpol_session::refusal::Refusal;
use hpol_session::session::Session;
use pgwire::messages::startup::NegotiateProtocolVersion;
use zeroize::Zeroizing;

use super::TurnedAway;
use super::parameters::{Parameters, Wishes, parameters};
use crate::codec::encode::{self, Report};
use crate::codec::frontend;
use crate::codec::login::write;
use crate::codec::startup::Startup;
use crate::connection::PostgresConnection;
use crate::refuse;
use crate::wire::{Receive, Wire};

/// AuthenticationCleartextPassword: the token has to arrive as it is, and TLS keeps it.
const CLEARTEXT_PASSWORD: u32 = 3;

/// A client with a session, not yet told so.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    pub(crate) session: Session,
    pub(crate) database: String,
    pub(crate) wishes: Wishes,
    /// The minor version of protocol 3 that the client speaks.
    pub(crate) minor: u16,
}

/// Why there is no session; a refusal by the door has been recorded already.
#[derive(Debug)]
pub(crate) enum NoSession {
    TurnedAway(TurnedAway),
    Refused(Refusal),
}

impl From<Report> for NoSession {
    fn from(report: Report) -> NoSession {
        NoSession::TurnedAway(TurnedAway::with(report))
    }
}

/// Asks for the token and opens a session at the door.
pub(crate) async fn log_in(
    wire: &mut Wire,
    startup: &Startup,
    connection: &PostgresConnection,
    door: &Arc<Door>,
    identity: &dyn Authenticate,
    client: &str,
) -> Result<LoggedIn, NoSession> {
    let Parameters {
        database,
        wishes,
        justification,
        unknown_options,
        minor,
        newer,
    } = parameters(startup)?;
    if newer || !unknown_options.is_empty() {
        negotiate(wire, minor, unknown_options)?;
    }
    let token = token(wire).await?;
    let principal = identity.authenticate(&token).await.map_err(|refused| {
        let report = if refused.temporary {
            Report::fatal("57P03", "the token cannot be verified now")
                .with_hint("try again in a moment")
        } else {
            Report::fatal("28P01", "authentication failed")
                .with_hint("send a valid access token as the password")
        };
        NoSession::TurnedAway(TurnedAway {
            report: Some(report),
            reason: format!("token not accepted: {}", refused.why),
        })
    })?;
    drop(token);
    // Which databases there are is told to those with a token only.
    let Some(database) = connection.database(database.as_deref()) else {
        return Err(no_database(connection, database.as_deref()).into());
    };
    let opened = door
        .open(principal, connection.connection().clone(), client)
        .await;
    let session = opened.map_err(NoSession::Refused)?;
    session.justify(justification);
    Ok(LoggedIn {
        session,
        database: database.to_owned(),
        wishes,
        minor,
    })
}

fn no_database(connection: &PostgresConnection, asked: Option<&str>) -> Report {
    let names: Vec<&str> = connection
        .settings()
        .databases
        .keys()
        .map(String::as_str)
        .collect();
    let message = match asked {
        Some(name) => {
            let shown: String = name
                .chars()
                .take(63)
                .map(|c| if c.is_ascii_graphic() { c } else { '?' })
                .collect();
            format!(
                "database `{shown}` is not offered by connection `{}`",
                connection.settings().name
            )
        }
        None => "no database in the startup packet".to_owned(),
    };
    Report::fatal("3D000", message).with_hint(format!("offered are: {}", names.join(", ")))
}

/// NegotiateProtocolVersion: the version that will be spoken, and the options that are not known. The manual calls the
/// number a minor version; servers send the whole version, and clients expect that.
fn negotiate(wire: &mut Wire, minor: u16, unknown_options: Vec<String>) -> Result<(), NoSession> {
    let version = (3 << 16) | i32::from(minor);
    let message = NegotiateProtocolVersion::new(version, unknown_options);
    write(&mut wire.out, &message).map_err(|malformed| {
        Report::fatal(refuse::PROTOCOL_VIOLATION, malformed.to_string()).into()
    })
}

async fn token(wire: &mut Wire) -> Result<Zeroizing<String>, NoSession> {
    encode::authentication(&mut wire.out, CLEARTEXT_PASSWORD);
    let frame = match wire.receive(frontend::password_limit).await {
        Ok(frame) => frame,
        // A client that asks its user for the password hangs up here and comes again with it.
        Err(Receive::Closed | Receive::Lost(_)) => {
            return Err(NoSession::TurnedAway(TurnedAway::silently(
                "the client left without sending a token",
            )));
        }
        Err(Receive::Malformed(malformed)) => {
            return Err(Report::fatal(
                refuse::PROTOCOL_VIOLATION,
                format!("password expected: {malformed}"),
            )
            .into());
        }
    };
    if frame.tag() == frontend::TERMINATE {
        return Err(NoSession::TurnedAway(TurnedAway::silently(
            "the client left without sending a token",
        )));
    }
    match frontend::single_text(frame.body()) {
        Ok(token) => Ok(Zeroizing::new(token.to_owned())),
        Err(malformed) => Err(Report::fatal(
            refuse::PROTOCOL_VIOLATION,
            format!("password expected: {malformed}"),
        )
        .into()),
    }
}
