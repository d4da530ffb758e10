//! What an operator reads when the configuration is wrong: file, line, column, key, and what to do.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::secret::{ReadSecret, SecretSource};
use super::table::{
    AdminTable, AuditTable, BundleTable, ConfigTable, ConnectionTable, DevTable, IdentityTable,
    LimitsTable, LogTable, MaskingTable, StateTable, TlsTable,
};
use super::{ChannelBinding, Config, Mode, Upstream};

const GOOD: &str = r#"
[bundle]
path = "policy.bundle"
trusted_keys = ["signer.pub"]

[audit]
dir = "audit"
signing_key = "audit.pem"

[state]
dir = "/var/lib/hpol"

[tls]
certificate = "gateway.crt"
key = "gateway.key"

[[identity]]
issuer = "https://id.example.com"
audience = "hpol"

[connections.orders-prod]
kind = "postgres"
listen = "0.0.0.0:7432"
upstream = "db.example.com:5432"
user = "hpol"
password_file = "orders.password"
databases = ["orders"]

[connections.crm-api]
kind = "http"
listen = "0.0.0.0:7443"
upstream = "https://crm.example.com"
credential_header = "authorization"
credential_env = "CRM_TOKEN"
"#;

fn check(text: &str, mode: Mode) -> Result<Config, String> {
    Config::parse(Path::new("etc/gateway.toml"), text, mode)
        .map_err(|problems| problems.to_string())
}

/// What is said about `GOOD` with one piece of text replaced.
fn problems(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    check(&GOOD.replacen(from, to, 1), Mode::Production).unwrap_err()
}

#[test]
fn a_good_configuration_is_understood() {
    let config = check(GOOD, Mode::Production).unwrap();
    assert_eq!(config.bundle.path, Path::new("etc/policy.bundle"));
    assert_eq!(config.state_dir, Path::new("/var/lib/hpol"));
    assert_eq!(config.admin.to_string(), "127.0.0.1:7480");
    assert!(config.dev.is_none());
    let Upstream::Postgres(orders) = &config.connections["orders-prod"].upstream else {
        panic!()
    };
    assert_eq!(
        (orders.host.as_str(), orders.port),
        ("db.example.com", 5432)
    );
    assert!(
        orders.tls.is_some(),
        "TLS to the upstream is verified unless disabled"
    );
    assert_eq!(
        orders.password,
        Some(SecretSource::File("etc/orders.password".into()))
    );
    let Upstream::Http(crm) = &config.connections["crm-api"].upstream else {
        panic!()
    };
    assert_eq!(
        crm.credential.as_ref().unwrap().value,
        SecretSource::Environment("CRM_TOKEN".to_owned())
    );
}

#[test]
fn every_problem_is_told_at_its_place() {
    let all = [
        ("path = \"policy.bundle\"", "pathh = \"policy.bundle\""),
        ("path = \"policy.bundle\"\n", ""),
        ("dir = \"audit\"", "dir = 7"),
        ("[state]\ndir = \"/var/lib/hpol\"\n", ""),
        ("trusted_keys = [\"signer.pub\"]", "trusted_keys = []"),
        (
            "signing_key = \"audit.pem\"",
            "signing_key = \"audit.pem\"\nreads = \"sometimes\"",
        ),
        (
            "signing_key = \"audit.pem\"",
            "signing_key = \"audit.pem\"\norigin = \"my log\"",
        ),
        ("[state]", "[admin]\nlisten = \"localhost\"\n\n[state]"),
        (
            "issuer = \"https://id.example.com\"",
            "issuer = \"http://id.example.com\"",
        ),
        (
            "issuer = \"https://id.example.com\"",
            "issuer = \"https://id.example.com/?tenant=1\"",
        ),
        (
            "audience = \"hpol\"",
            "audience = \"hpol\"\nalgorithms = [\"ES256\", \"HS256\"]",
        ),
        (
            "audience = \"hpol\"",
            "audience = \"hpol\"\nalgorithms = [\"none\"]",
        ),
        (
            "audience = \"hpol\"",
            "audience = \"\"\nleeway_seconds = 3600",
        ),
        (
            "audience = \"hpol\"",
            "audience = \"hpol\"\n[[identity]]\nissuer = \"https://id.example.com\"\naudience = \"x\"",
        ),
        ("kind = \"postgres\"", "kind = \"mysql\""),
        (
            "upstream = \"db.example.com:5432\"",
            "upstream = \"db.example.com\"",
        ),
        ("user = \"hpol\"\n", ""),
        ("password_file = \"orders.password\"\n", ""),
        (
            "password_file = \"orders.password\"",
            "password = \"hunter2\"",
        ),
        (
            "password_file = \"orders.password\"",
            "password_file = \"a\"\npassword_env = \"B\"",
        ),
        ("databases = [\"orders\"]", "databases = []"),
        (
            "databases = [\"orders\"]",
            "databases = [\"orders\"]\nallow_plaintext = true",
        ),
        (
            "databases = [\"orders\"]",
            "databases = [\"orders\"]\nmax_body_bytes = 5",
        ),
        (
            "upstream = \"https://crm.example.com\"",
            "upstream = \"https://crm.example.com/v1\"",
        ),
        ("credential_header = \"authorization\"\n", ""),
        ("credential_env = \"CRM_TOKEN\"\n", ""),
        ("listen = \"0.0.0.0:7443\"", "listen = \"0.0.0.0:7432\""),
        ("[connections.crm-api]", "[connections.\"crm api\"]"),
        (
            "[tls]\ncertificate = \"gateway.crt\"\nkey = \"gateway.key\"\n",
            "",
        ),
        ("[tls]", "[limits]\nclients = 0\n\n[tls]"),
        ("[tls]", "[log]\nlevel = \"loud\"\n\n[tls]"),
        ("[tls]", "[tls"),
    ];
    let told: Vec<String> = all
        .iter()
        .map(|(from, to)| format!("{to:?}\n{}", problems(from, to)))
        .collect();
    insta::assert_snapshot!("problems", told.join("\n\n"));
}

#[test]
fn certificate_password_and_binding_towards_an_upstream_fit_together() {
    const PASSWORD: &str = "password_file = \"orders.password\"\n";
    const OWN: &str = "client_certificate = \"own.crt\"\nclient_key = \"own.key\"\n";
    let by_certificate = GOOD.replacen(PASSWORD, OWN, 1);
    let config = check(&by_certificate, Mode::Production).unwrap();
    let Upstream::Postgres(orders) = &config.connections["orders-prod"].upstream else {
        panic!()
    };
    assert_eq!(orders.password, None);
    let tls = orders.tls.as_ref().unwrap();
    assert_eq!(tls.channel_binding, ChannelBinding::Prefer);
    let own = tls.client_certificate.as_ref().unwrap();
    assert_eq!(own.key, Path::new("etc/own.key"));

    let binding = |binding: &str| format!("channel_binding = \"{binding}\"\n");
    for (to, told) in [
        ("", "password_file: is missing"),
        (
            "client_certificate = \"own.crt\"\n",
            "client_certificate: has no key",
        ),
        (
            "client_key = \"own.key\"\n",
            "client_key: has no certificate",
        ),
        (
            &format!("{OWN}{}", binding("require")),
            "channel_binding: requires a login by password",
        ),
        (
            &format!("{PASSWORD}{}", binding("maybe")),
            "channel_binding",
        ),
        (
            &format!(
                "{PASSWORD}{}upstream_tls = \"disable\"\n",
                binding("require")
            ),
            "channel_binding: has no effect with `upstream_tls = \"disable\"`",
        ),
        (
            &format!("{OWN}upstream_tls = \"disable\"\n"),
            "client_certificate: has no effect with `upstream_tls = \"disable\"`",
        ),
    ] {
        let problem = problems(PASSWORD, to);
        assert!(problem.contains(told), "{told}: {problem}");
    }
    for key in [OWN.to_owned(), binding("prefer")] {
        let header = "credential_header = \"authorization\"\n";
        let problem = problems(header, &format!("{header}{key}"));
        assert!(
            problem.contains("does not belong to `kind = \"http\"`"),
            "{problem}"
        );
    }
}

#[test]
fn development_mode_makes_up_for_what_is_missing_and_nothing_else() {
    let bare = GOOD.replace(
        "[tls]\ncertificate = \"gateway.crt\"\nkey = \"gateway.key\"\n",
        "",
    );
    let bare = bare.replace(
        "[[identity]]\nissuer = \"https://id.example.com\"\naudience = \"hpol\"\n",
        "",
    );
    assert!(
        check(&bare, Mode::Production)
            .unwrap_err()
            .contains("no issuer is trusted")
    );
    let config = check(&bare, Mode::Development).unwrap();
    assert_eq!(config.dev.unwrap().listen.to_string(), "127.0.0.1:7481");
    for address in ["0.0.0.0:7481", "192.0.2.1:7481", "[::]:7481"] {
        let exposed = format!("{bare}\n[dev]\nlisten = \"{address}\"\n");
        let problem = check(&exposed, Mode::Development).unwrap_err();
        assert!(
            problem.contains("dev.listen: the embedded issuer gives a token to whoever asks"),
            "{problem}"
        );
        assert!(
            check(
                &format!("{GOOD}\n[dev]\nlisten = \"{address}\"\n"),
                Mode::Production
            )
            .unwrap()
            .dev
            .is_none()
        );
    }
}

#[test]
fn u_08_an_inline_secret_is_refused_without_being_repeated() {
    let problem = problems(
        "password_file = \"orders.password\"",
        "password = \"hunter2\"",
    );
    assert!(
        problem.contains("unknown key `password`") && !problem.contains("hunter2"),
        "{problem}"
    );
}

#[test]
fn secrets_are_read_from_private_files_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "hunter2\n").unwrap();
    let source = SecretSource::File(path.clone());
    for (mode, accepted) in [
        (0o600, true),
        (0o400, true),
        (0o640, true),
        (0o644, false),
        (0o604, false),
        (0o660, false),
    ] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        match source.read() {
            Ok(secret) => assert!(accepted && secret.as_str() == "hunter2", "{mode:o}"),
            Err(error) => assert!(
                !accepted && matches!(error, ReadSecret::Exposed { .. }),
                "{mode:o}: {error}"
            ),
        }
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(source.read(), Err(ReadSecret::Empty { .. })));
    std::fs::write(&path, "x".repeat(70_000)).unwrap();
    assert!(matches!(source.read(), Err(ReadSecret::TooLong { .. })));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(source.read(), Err(ReadSecret::NotText { .. })));
    assert!(matches!(
        SecretSource::File(folder.path().into()).read(),
        Err(ReadSecret::NotAFile { .. })
    ));
    let missing = SecretSource::Environment("HPOL_TEST_NOT_SET".to_owned());
    assert!(matches!(missing.read(), Err(ReadSecret::NotSet { .. })));
}

#[test]
fn a_file_that_cannot_be_a_configuration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let load = || {
        Config::load(&path, Mode::Production)
            .unwrap_err()
            .to_string()
    };
    assert!(load().contains("cannot be read"));
    std::fs::write(&path, "#".repeat(2 << 20)).unwrap();
    assert!(load().contains("at most 1048576 are read"));
    std::fs::write(&path, [0xff]).unwrap();
    assert!(load().contains("cannot be read"));
}

/// The keys of a section, as its type knows them.
fn keys<T: DeserializeOwned + std::fmt::Debug>() -> BTreeSet<String> {
    let error = toml::from_str::<T>("\"not a key\" = 1").unwrap_err();
    let (_, expected) = error.message().split_once("expected").unwrap();
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_key_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let sections = [
        ("bundle", keys::<BundleTable>()),
        ("audit", keys::<AuditTable>()),
        ("state", keys::<StateTable>()),
        ("admin", keys::<AdminTable>()),
        ("tls", keys::<TlsTable>()),
        ("masking", keys::<MaskingTable>()),
        ("identity", keys::<IdentityTable>()),
        ("connections", keys::<ConnectionTable>()),
        ("dev", keys::<DevTable>()),
        ("limits", keys::<LimitsTable>()),
        ("log", keys::<LogTable>()),
    ];
    let named: BTreeSet<String> = sections
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(keys::<ConfigTable>(), named);
    for (section, keys) in sections {
        let begin = page
            .find(&format!("\n## `[{section}"))
            .or_else(|| page.find(&format!("\n## `[[{section}")));
        let text = page
            .get(begin.unwrap_or_else(|| panic!("no part on `{section}`")) + 1..)
            .unwrap();
        let text = text.split("\n## ").next().unwrap();
        for key in keys {
            assert!(
                text.contains(&format!("| `{key}` |")),
                "`{section}.{key}` is not in docs/configuration.md"
            );
        }
    }
}
