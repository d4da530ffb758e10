//! The startup packet's parameters: an allow-list, since a server acts on them before any statement can be judged.
//! This file owns the packet; which settings may be chosen is in `allowed`, the command line in `options`.

mod allowed;
mod options;
mod search_path;

pub(crate) use allowed::Wishes;

use allowed::{NotAllowed, boolean};

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

    fn wishes(given: &[(&str, &str)]) -> Result<Wishes, String> {
        check(0, &[&[("user", "u")], given].concat()).map(|read| read.wishes)
    }

    #[test]
    fn pg_09_identity_is_not_taken_from_the_packet() {
        let read = check(2, &[("User", "postgres"), ("DATABASE", "orders")]).unwrap();
        assert_eq!(read.database.as_deref(), Some("orders"));
        assert_eq!(read.wishes, Wishes::default());
        for nameless in [&[("database", "d")][..], &[("user", "")]] {
            let refused = check(0, nameless).unwrap_err();
            assert_eq!(refused, "no user name in the startup packet");
        }
    }

    #[test]
    fn pg_08_versions_are_agreed_on() {
        for (asked, agreed, newer) in [
            (0, 0, false),
            (1, 1, false),
            (2, 2, false),
            (3, 2, true),
            (9999, 2, true),
        ] {
            let read = check(asked, &[("user", "u"), ("_pq_.future", "1")]).unwrap();
            assert_eq!((read.minor, read.newer), (agreed, newer), "{asked}");
            assert_eq!(read.unknown_options, ["_pq_.future"]);
        }
        for major in [0, 1, 2, 4, 9999] {
            let refused = parameters_of(major, 0, Vec::new()).unwrap_err();
            assert_eq!(refused, format!("protocol {major}.0 is not supported"));
        }
    }

    /// What drivers send when nobody configured anything, and what their users often add.
    #[test]
    fn the_startup_packets_of_real_clients_are_accepted() {
        for (client, given) in [
            (
                "psql",
                &[("application_name", "psql"), ("client_encoding", "UTF8")][..],
            ),
            (
                "pg_dump",
                &[
                    ("application_name", "pg_dump"),
                    ("client_encoding", "SQL_ASCII"),
                ],
            ),
            (
                "libpq",
                &[
                    ("datestyle", "ISO, DMY"),
                    ("timezone", "UTC"),
                    ("geqo", "off"),
                    ("options", "-c geqo=on"),
                ],
            ),
            (
                "jdbc",
                &[
                    ("client_encoding", "UTF8"),
                    ("DateStyle", "ISO"),
                    ("TimeZone", "Europe/Berlin"),
                    ("extra_float_digits", "3"),
                    ("search_path", "app,public"),
                ],
            ),
            (
                "asyncpg",
                &[
                    ("client_encoding", "'utf-8'"),
                    ("jit", "off"),
                    ("application_name", "worker"),
                ],
            ),
            (
                "node-postgres",
                &[
                    ("client_encoding", "UTF8"),
                    ("replication", "false"),
                    ("statement_timeout", "5000"),
                    ("lock_timeout", "1000"),
                    ("idle_in_transaction_session_timeout", "60000"),
                    ("options", "--search_path=public"),
                ],
            ),
            (
                "tokio-postgres",
                &[
                    ("client_encoding", "UTF8"),
                    ("options", "-c statement_timeout=5s"),
                ],
            ),
            (
                "npgsql",
                &[
                    ("client_encoding", "UTF8"),
                    ("TimeZone", "UTC"),
                    ("search_path", "\"$user\",public"),
                ],
            ),
            (
                "lib/pq",
                &[
                    ("client_encoding", "UTF8"),
                    ("datestyle", "ISO, MDY"),
                    ("extra_float_digits", "2"),
                ],
            ),
        ] {
            let wishes = wishes(given);
            assert!(wishes.is_ok(), "{client}: {wishes:?}");
        }
    }

    #[test]
    fn what_a_client_wishes_is_sorted_by_how_it_is_granted() {
        let wishes = wishes(&[
            ("application_name", "psql\n\x1b[31m\u{202e}"),
            ("geqo", "off"),
            (
                "options",
                "-c geqo=on --statement-timeout=5s -c search_path=a,\\ B -cDateStyle=ISO",
            ),
        ]);
        let expected = Wishes {
            sent: vec![
                ("DateStyle", "ISO".to_owned()),
                ("application_name", "psql??[31m?".to_owned()),
                ("geqo", "off".to_owned()),
            ],
            timeouts: vec![("statement_timeout", 5000)],
            search_path: Some(vec!["a".to_owned(), "b".to_owned()]),
        };
        assert_eq!(wishes, Ok(expected));
    }

    #[test]
    fn pg_12_an_application_name_is_reduced_to_what_can_be_shown() {
        for (given, expected) in [
            ("a\nb\tc\u{1b}[31m".to_owned(), "a?b?c?[31m".to_owned()),
            ("\u{202e}evil\u{200b}".to_owned(), "?evil?".to_owned()),
            ("x".repeat(9_000), "x".repeat(63)),
        ] {
            let wishes = wishes(&[("application_name", &given)]).unwrap();
            assert_eq!(wishes.sent, [("application_name", expected)]);
        }
    }

    #[test]
    fn pg_10_replication_is_refused_whatever_it_is_called() {
        for value in [
            "true", "database", "on", "1", "yes", "t", "TRUE", "", "maybe",
        ] {
            for name in ["replication", "Replication"] {
                let refused = wishes(&[(name, value)]).unwrap_err();
                assert_eq!(
                    refused, "startup parameter `replication` is not accepted",
                    "{value}"
                );
            }
            let refused = wishes(&[("options", &format!("-creplication={value}"))]).unwrap_err();
            assert_eq!(
                refused, "startup parameter `replication` is not accepted",
                "{value}"
            );
        }
    }

    #[test]
    fn pg_11_everything_else_is_refused_by_name() {
        for name in [
            "role",
            "session_authorization",
            "session_preload_libraries",
            "local_preload_libraries",
            "session_replication_role",
            "synchronous_commit",
            "work_mem",
            "log_statement",
            "default_tablespace",
            "temp_tablespaces",
            "pgaudit.log",
            "app.user",
            "nonsense",
        ] {
            let expected = Err(format!("startup parameter `{name}` is not accepted"));
            let capitals = name.to_uppercase();
            for given in [
                (name, "x"),
                (capitals.as_str(), "x"),
                ("options", &format!("-c {name}=x")),
                (
                    "options",
                    &format!("-c geqo=on --{}=x", name.replace('_', "-")),
                ),
            ] {
                assert_eq!(wishes(&[given]), expected, "{given:?}");
            }
        }
        for (given, told) in [
            (
                ("client_encoding", "SJIS"),
                "client_encoding `SJIS` is not accepted",
            ),
            (
                ("options", "-c client_encoding=BIG5"),
                "client_encoding `BIG5` is not accepted",
            ),
            (
                ("TimeZone", "a';b"),
                "startup parameter `timezone` has a value that is not accepted",
            ),
            (
                ("row_security", "off"),
                "startup parameter `row_security` has a value that is not accepted",
            ),
            (
                ("options", "-c row-security=off"),
                "startup parameter `row_security` has a value that is not accepted",
            ),
            (
                ("search_path", "a;b"),
                "startup parameter `search_path` has a value that is not accepted",
            ),
            (
                ("options", "-\u{1b}[31m"),
                "`-?[31m` in startup parameter `options` is not accepted",
            ),
        ] {
            assert_eq!(wishes(&[given]), Err(told.to_owned()), "{given:?}");
        }
    }
}
