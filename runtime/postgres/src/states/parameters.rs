//! The startup packet's parameters: an allow-list, since a server acts on them before any statement can be judged.
//! This file owns the packet; which settings may be chosen is in `allowed`, the command line in `options`.

mod allowed;
mod options;
mod search_path;

pub(crate) use allowed::{Wishes, boolean, is_timeout, milliseconds};

use allowed::NotAllowed;
use hpol_session::Justification;

use crate::codec::encode::Report;
use crate::codec::startup::Startup;

/// The newest minor version of protocol 3 spoken here, that of PostgreSQL 18.
pub(crate) const NEWEST_MINOR: u16 = 2;

/// SQLSTATE of a setting that has a value it may not have.
pub(crate) const INVALID_VALUE: &str = "22023";

/// PostgreSQL's own limit of names; what is longer would be cut there.
const NAME_BYTES: usize = 63;

/// What a client asks for, checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// The database, if it names one.
    pub(crate) database: Option<String>,
    /// What it asks of its upstream session.
    pub(crate) wishes: Wishes,
    /// The reason that it gives for what it will ask; the upstream is not told.
    pub(crate) justification: Option<Justification>,
    /// Protocol options that the client must be told are not understood.
    pub(crate) unknown_options: Vec<String>,
    /// The minor version of protocol 3 that both sides speak.
    pub(crate) minor: u16,
    /// Whether the client asked for a newer one.
    pub(crate) newer: bool,
}

/// Reads a startup packet.
///
/// # Errors
/// What to tell the client, by the name of the parameter.
pub(crate) fn parameters(startup: &Startup) -> Result<Parameters, Report> {
    if startup.major != 3 {
        let (major, minor) = (startup.major, startup.minor);
        return Err(Report::fatal(
            "0A000",
            format!("protocol {major}.{minor} is not supported"),
        )
        .with_hint("use a client that speaks protocol 3.0 or 3.2"));
    }
    let mut read = Parameters {
        database: None,
        wishes: Wishes::default(),
        justification: None,
        unknown_options: Vec::new(),
        minor: startup.minor.min(NEWEST_MINOR),
        newer: startup.minor > NEWEST_MINOR,
    };
    let mut user = false;
    // As with the server, what is given by name counts more than what stands in the command line.
    if let Some((_, line)) = given(startup, "options") {
        let settings = options::settings(line).map_err(|bad| {
            Report::fatal("0A000", shown(&bad.to_string()))
                .with_hint("write settings as `-c name=value`")
        })?;
        for (name, value) in settings {
            read.setting(&name.to_ascii_lowercase(), &value)?;
        }
    }
    for (name, value) in &startup.parameters {
        match name.to_ascii_lowercase().as_str() {
            // Who somebody is, is in the token. The name must be there, as it must for PostgreSQL, and counts for nothing.
            "user" => user = !value.is_empty(),
            "database" => read.database = Some(value.clone()),
            "options" => {}
            "replication" if boolean(value) == Some(false) => {}
            lower if lower.starts_with("_pq_.") => read.unknown_options.push(name.clone()),
            lower => read.setting(lower, value)?,
        }
    }
    if user {
        Ok(read)
    } else {
        Err(Report::fatal("28000", "no user name in the startup packet"))
    }
}

fn given<'a>(startup: &'a Startup, wanted: &str) -> Option<&'a (String, String)> {
    startup
        .parameters
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
}

impl Parameters {
    fn setting(&mut self, lower: &str, value: &str) -> Result<(), Report> {
        match lower {
            "application_name" => self.wishes.application_name(plain(value)),
            "client_encoding" => encoding(value)?,
            "hpol.justification" => {
                let given = Justification::read(value).map_err(|none| {
                    Report::fatal(INVALID_VALUE, none.to_string())
                        .with_hint("name a ticket, and a few words: hpol.justification=INC-4711")
                })?;
                self.justification = Some(given);
            }
            _ => self
                .wishes
                .add(lower, value)
                .map_err(|reason| refused(lower, reason))?,
        }
        Ok(())
    }
}

fn refused(name: &str, reason: NotAllowed) -> Report {
    let shown = plain(name);
    match reason {
        NotAllowed::Name => Report::fatal(
            "0A000",
            format!("startup parameter `{shown}` is not accepted"),
        )
        .with_hint(hint(name)),
        NotAllowed::Value => Report::fatal(
            INVALID_VALUE,
            format!("startup parameter `{shown}` has a value that is not accepted"),
        )
        .with_hint("leave it out, or choose another value"),
    }
}

fn hint(name: &str) -> &'static str {
    match name {
        "replication" => "replication connections do not go through the gateway",
        "role" | "session_authorization" => {
            "leave it out: the role in the database belongs to the gateway"
        }
        "session_replication_role" | "session_preload_libraries" | "local_preload_libraries" => {
            "leave it out: what the server checks and loads is decided by its operator"
        }
        _ => "leave it out, or use SET after login where the policy allows it",
    }
}

/// The upstream session is pinned to UTF-8. SQL_ASCII means "no conversion", so a client that asks for it (psql in the C
/// locale) gets the very bytes it would get, and is told that they are UTF-8.
fn encoding(value: &str) -> Result<(), Report> {
    let letters: String = value
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match letters.as_str() {
        "utf8" | "unicode" | "sqlascii" => Ok(()),
        _ => {
            let shown = plain(value);
            Err(Report::fatal(
                "0A000",
                format!("client_encoding `{shown}` is not accepted"),
            )
            .with_hint("use UTF8 (PGCLIENTENCODING=UTF8)"))
        }
    }
}

/// Printable ASCII of bounded length, as PostgreSQL itself reduces an application name: it appears in logs and screens.
fn plain(value: &str) -> String {
    shown(value).chars().take(NAME_BYTES).collect()
}

/// The same at a length that a message may have.
fn shown(value: &str) -> String {
    let printable = |c: char| c == ' ' || c.is_ascii_graphic();
    value
        .chars()
        .take(200)
        .map(|c| if printable(c) { c } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests;
