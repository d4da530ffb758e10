//! The startup packet's parameters: an allow-list, since a server acts on them before any statement can be judged.

use crate::codec::encode::Report;
use crate::codec::startup::Startup;

/// PostgreSQL's own limit of names; what is longer would be cut there.
const NAME_BYTES: usize = 63;

/// Longest value of a setting that clients may choose.
const VALUE_BYTES: usize = 64;

/// Settings that change how values are written and nothing else.
const FORMATTING: [&str; 4] = [
    "DateStyle",
    "TimeZone",
    "IntervalStyle",
    "extra_float_digits",
];

/// What a client asks for, checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// The database, if it names one.
    pub(crate) database: Option<String>,
    /// What to pass on to the upstream.
    pub(crate) settings: Vec<(String, String)>,
    /// Protocol options that the client must be told are not understood.
    pub(crate) unknown_options: Vec<String>,
    /// Whether the client asked for a newer minor version than 3.0.
    pub(crate) newer: bool,
}

/// Reads a startup packet.
///
/// # Errors
/// What to tell the client, by the name of the parameter.
pub(crate) fn parameters(startup: &Startup) -> Result<Parameters, Report> {
    if startup.major != 3 {
        let asked = format!(
            "protocol {}.{} is not supported",
            startup.major, startup.minor
        );
        return Err(
            Report::fatal("0A000", asked).with_hint("use a client that speaks protocol 3.0")
        );
    }
    let mut read = Parameters {
        database: None,
        settings: Vec::new(),
        unknown_options: Vec::new(),
        newer: startup.minor > 0,
    };
    let mut user = false;
    for (name, value) in &startup.parameters {
        match name.to_ascii_lowercase().as_str() {
            // Who somebody is, is in the token. The name must be there, as it must for PostgreSQL, and counts for nothing.
            "user" => user = !value.is_empty(),
            "database" => read.database = Some(value.clone()),
            "application_name" => read
                .settings
                .push(("application_name".to_owned(), plain(value))),
            "client_encoding" => encoding(value)?,
            lower if lower.starts_with("_pq_.") => read.unknown_options.push(name.clone()),
            lower => match FORMATTING
                .iter()
                .find(|allowed| allowed.eq_ignore_ascii_case(lower))
            {
                Some(allowed) => read
                    .settings
                    .push(((*allowed).to_owned(), formatting(allowed, value)?)),
                None => return Err(refused(lower)),
            },
        }
    }
    if user {
        Ok(read)
    } else {
        Err(Report::fatal("28000", "no user name in the startup packet"))
    }
}

fn refused(name: &str) -> Report {
    let shown = plain(name);
    let report = Report::fatal(
        "0A000",
        format!("startup parameter `{shown}` is not accepted"),
    );
    match name {
        "replication" => report.with_hint("replication connections do not go through the gateway"),
        "options" => report.with_hint(
            "leave out `options` (PGOPTIONS); use SET after login where the policy allows it",
        ),
        _ => report.with_hint("leave it out, or use SET after login where the policy allows it"),
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

fn formatting(name: &str, value: &str) -> Result<String, Report> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b" ,+-_/:.<>".contains(&byte);
    if value.len() <= VALUE_BYTES && value.bytes().all(harmless) {
        return Ok(value.to_owned());
    }
    Err(Report::fatal(
        "22023",
        format!("startup parameter `{name}` has a value that is not accepted"),
    ))
}

/// Printable ASCII of bounded length, as PostgreSQL itself reduces an application name: it appears in logs and screens.
fn plain(value: &str) -> String {
    value
        .chars()
        .take(NAME_BYTES)
        .map(|c| {
            if c == ' ' || c.is_ascii_graphic() {
                c
            } else {
                '?'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(minor: u16, given: &[(&str, &str)]) -> Result<Parameters, String> {
        let parameters = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        parameters_of(3, minor, parameters)
    }

    fn parameters_of(
        major: u16,
        minor: u16,
        parameters: Vec<(String, String)>,
    ) -> Result<Parameters, String> {
        super::parameters(&Startup {
            major,
            minor,
            parameters,
        })
        .map_err(|report| report.message)
    }

    #[test]
    fn formatting_is_passed_on_and_identity_is_not() {
        let read = check(
            2,
            &[
                ("user", "postgres"),
                ("database", "orders"),
                ("application_name", "psql\n\x1b[31m\u{202e}"),
                ("client_encoding", "'utf-8'"),
                ("datestyle", "ISO, MDY"),
                ("_pq_.future", "1"),
            ],
        )
        .unwrap();
        insta::assert_debug_snapshot!(read, @r#"
        Parameters {
            database: Some(
                "orders",
            ),
            settings: [
                (
                    "application_name",
                    "psql??[31m?",
                ),
                (
                    "DateStyle",
                    "ISO, MDY",
                ),
            ],
            unknown_options: [
                "_pq_.future",
            ],
            newer: true,
        }
        "#);
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (name, value) in [
            ("options", "-c role=postgres"),
            ("replication", "database"),
            ("Replication", "1"),
            ("search_path", "evil"),
            ("role", "postgres"),
            ("session_preload_libraries", "x"),
        ] {
            let refused = check(0, &[("user", "u"), (name, value)]).unwrap_err();
            assert!(refused.contains(&name.to_lowercase()), "{refused}");
        }
        assert!(
            check(0, &[("user", "u"), ("client_encoding", "SJIS")])
                .unwrap_err()
                .contains("SJIS")
        );
        assert!(
            check(0, &[("user", "u"), ("TimeZone", "a';b")])
                .unwrap_err()
                .contains("TimeZone")
        );
        assert!(
            check(0, &[("database", "d")])
                .unwrap_err()
                .contains("no user name")
        );
        assert!(
            check(0, &[("user", "")])
                .unwrap_err()
                .contains("no user name")
        );
        assert!(
            parameters_of(2, 0, Vec::new())
                .unwrap_err()
                .contains("protocol 2.0")
        );
    }
}
