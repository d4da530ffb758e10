//! The program in its folder: files an operator would write, signals an operator would send.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use hpol_bundle::policy::Policy;
use hpol_bundle::signature::SigningKey;
use hpol_evidence::key::AuditPublicKey;
use hpol_evidence::reader::LogReader;
use serde_json::Value;
use tempfile::TempDir;

use crate::http::Request;
use crate::policy;

/// The connection that the test policy speaks of.
pub(crate) const CONNECTION: &str = "crm";

/// What the gateway shows to the upstream and to nobody else.
pub(crate) const CREDENTIAL: &str = "canary-5f1c9a";

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the program to its end: exit code, standard output, standard error.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hpol-gateway"))
        .args(arguments)
        .env("HPOL_TEST_CREDENTIAL", CREDENTIAL)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// What a gateway needs on disk.
pub(crate) struct Folder {
    dir: TempDir,
    upstream: SocketAddr,
    /// Where the embedded issuer listens. With a port that the system chooses it is another issuer after a restart.
    issuer: SocketAddr,
    signer: SigningKey,
}

impl Folder {
    pub(crate) fn new(upstream: SocketAddr) -> Folder {
        Folder::with_issuer(upstream, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub(crate) fn with_issuer(upstream: SocketAddr, issuer: SocketAddr) -> Folder {
        let folder = Folder {
            dir: tempfile::tempdir().unwrap(),
            upstream,
            issuer,
            signer: SigningKey::generate().unwrap(),
        };
        let (code, _, told) = run(&["keygen", "--audit", &folder.text("audit.pem")]);
        assert_eq!(code, 0, "{told}");
        fs::write(folder.path("signer.pub"), folder.signer.public().to_text()).unwrap();
        folder.write_config("");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn config(&self) -> String {
        self.text("gateway.toml")
    }

    /// The configuration with `more` at its end.
    pub(crate) fn write_config(&self, more: &str) {
        let config = format!(
            r#"
[bundle]
path = "policy.bundle"
trusted_keys = ["signer.pub"]
[audit]
dir = "audit"
signing_key = "audit.pem"
[state]
dir = "state"
[admin]
listen = "127.0.0.1:0"
[dev]
listen = "{}"
[connections.{CONNECTION}]
kind = "http"
listen = "127.0.0.1:0"
upstream = "http://{}"
allow_plaintext = true
credential_header = "x-api-key"
credential_env = "HPOL_TEST_CREDENTIAL"
{more}"#,
            self.issuer, self.upstream
        );
        fs::write(self.config(), config).unwrap();
    }

    pub(crate) fn write_bundle(&self, sequence: u64) {
        fs::write(
            self.path("policy.bundle"),
            policy::bundle(sequence, &self.signer),
        )
        .unwrap();
    }

    pub(crate) fn write_bundle_of(&self, policy: Policy) {
        let bundle = policy::bundle_of(policy, 1, &self.signer);
        fs::write(self.path("policy.bundle"), bundle).unwrap();
    }

    pub(crate) fn write_bundle_of_a_stranger(&self, sequence: u64) {
        let stranger = SigningKey::generate().unwrap();
        fs::write(
            self.path("policy.bundle"),
            policy::bundle(sequence, &stranger),
        )
        .unwrap();
    }

    pub(crate) fn write_altered_bundle(&self, sequence: u64) {
        let mut bundle = policy::bundle(sequence, &self.signer);
        *bundle.last_mut().unwrap() ^= 1;
        fs::write(self.path("policy.bundle"), bundle).unwrap();
    }

    pub(crate) fn remove_bundle(&self) {
        fs::remove_file(self.path("policy.bundle")).unwrap();
    }

    /// What is open stays so; nothing new can be made there.
    pub(crate) fn remove_audit_log(&self) {
        fs::remove_dir_all(self.path("audit")).unwrap();
    }

    pub(crate) fn remove_audit_key(&self) {
        fs::remove_file(self.path("audit.pem")).unwrap();
    }

    /// Everything that the gateway has written: its log, its audit log, its state.
    pub(crate) fn written(&self) -> Vec<u8> {
        let mut all = fs::read(self.path("log")).unwrap();
        for folder in ["audit", "state"] {
            for file in fs::read_dir(self.path(folder)).unwrap() {
                let path = file.unwrap().path();
                if path.is_file() {
                    all.extend(fs::read(path).unwrap());
                }
            }
        }
        all
    }

    /// The events of the audit log, which must verify and be sealed to its end.
    pub(crate) fn events(&self) -> Vec<String> {
        let key =
            AuditPublicKey::load(&fs::read_to_string(self.path("audit.pem.pub")).unwrap()).unwrap();
        let verified = hpol_evidence::verify::verify(&self.path("audit"), &key).unwrap();
        assert_eq!((verified.unsealed(), verified.unfinished), (0, false));
        let reader = LogReader::open(&self.path("audit")).unwrap();
        let word = |event| {
            serde_json::to_value(event).unwrap()["event"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        reader
            .records(0)
            .unwrap()
            .map(|record| word(record.unwrap().record.event))
            .collect()
    }
}

/// A running gateway; killed when a test fails.
pub(crate) struct Gateway {
    child: Mutex<Child>,
    id: u32,
    ready: PathBuf,
    log: PathBuf,
}

impl Gateway {
    pub(crate) fn start(folder: &Folder) -> Gateway {
        Gateway::start_by(folder, Command::new(env!("CARGO_BIN_EXE_hpol-gateway")))
    }

    /// With so many open files and sockets at most.
    pub(crate) fn start_with_descriptors(folder: &Folder, most: u32) -> Gateway {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_hpol-gateway")]);
        Gateway::start_by(folder, shell)
    }

    fn start_by(folder: &Folder, mut program: Command) -> Gateway {
        let ready = folder.path("ready.json");
        if ready.exists() {
            fs::remove_file(&ready).unwrap();
        }
        let child = program
            // Everything is logged, so that a secret that ever gets there is seen.
            .env("HPOL_LOG", "trace")
            .env("HPOL_TEST_CREDENTIAL", CREDENTIAL)
            .stderr(
                fs::File::options()
                    .create(true)
                    .append(true)
                    .open(folder.path("log"))
                    .unwrap(),
            )
            .args([
                "run",
                "--dev",
                "--config",
                &folder.config(),
                "--ready-file",
                ready.to_str().unwrap(),
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let gateway = Gateway {
            id: child.id(),
            child: Mutex::new(child),
            ready,
            log: folder.path("log"),
        };
        gateway.wait_for(|gateway| Path::exists(&gateway.ready));
        gateway
    }

    /// Where it listens, as the ready file says now.
    pub(crate) fn addresses(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(&self.ready).unwrap()).unwrap()
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.addresses()["admin"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn issuer(&self) -> SocketAddr {
        let issuer = self.addresses()["issuer"].as_str().unwrap().to_owned();
        issuer.strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub(crate) fn connection(&self, name: &str) -> SocketAddr {
        self.addresses()["connections"][name]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// The sum of a metric over its labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = Request::get("/metrics").send(self.admin()).body;
        let values = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            (series.split('{').next() == Some(name)).then(|| value.parse::<f64>().unwrap())
        });
        values.reduce(|sum, value| sum + value)
    }

    /// The arguments that every user of the machine can read.
    pub(crate) fn process_list_entry(&self) -> String {
        fs::read_to_string(format!("/proc/{}/cmdline", self.id)).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.id.to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Asks until it holds.
    pub(crate) fn wait_for(&self, holds: impl Fn(&Gateway) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "waited too long\n{}", self.log());
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                panic!("the gateway ended with {status}\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The warnings and errors it has logged.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap();
        let told = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ");
        log.lines().filter(told).collect::<Vec<_>>().join("\n")
    }

    /// Waits for its end in good order.
    pub(crate) fn ended(&self) {
        assert_eq!(self.child.lock().unwrap().wait().unwrap().code(), Some(0));
    }

    pub(crate) fn terminate(self) {
        self.signal("TERM");
        self.ended();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Gone already where the test went well.
        let _ = self.child.lock().unwrap().kill();
        let _ = self.child.lock().unwrap().wait();
    }
}
