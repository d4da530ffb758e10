//! Startup packets of clients that mean well, and of others.

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

#[test]
fn a_justification_is_given_by_name_or_in_the_command_line_and_is_not_for_the_server() {
    for given in [
        ("hpol.justification", "INC-4711: prod is down"),
        (
            "options",
            "-c hpol.justification=INC-4711:\\ prod\\ is\\ down",
        ),
        (
            "options",
            "--hpol.justification=INC-4711:\\ prod\\ is\\ down",
        ),
    ] {
        let read = check(0, &[("user", "u"), given]).unwrap();
        let justification = read.justification.map(String::from);
        assert_eq!(justification.as_deref(), Some("INC-4711: prod is down"));
        assert_eq!(read.wishes, Wishes::default(), "nothing of it is sent on");
    }
    assert_eq!(check(0, &[("user", "u")]).unwrap().justification, None);
    let long = "x".repeat(257);
    for (given, why) in [
        ("", "a justification says something"),
        (&long, "a justification has at most 256 bytes"),
        (
            "a\u{1b}[2J",
            "a justification has only characters that can be seen",
        ),
    ] {
        let refused = check(0, &[("user", "u"), ("hpol.justification", given)]);
        assert_eq!(refused.unwrap_err(), why);
    }
}
