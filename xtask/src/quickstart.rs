//! The main job end to end, as a newcomer would see it: an agent works through the gateway against a real PostgreSQL and a
//! real HTTP server, and the log is verified afterwards. Uses only what a user has: the two programs, psql and curl.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hpol_support::gateway::{Deployment, Gateway, hpol};
use hpol_support::postgres::PostgresServer;
use hpol_support::process::check;
use hpol_support::upstream::HttpUpstream;
use serde_json::Value;

use crate::setup;
use crate::test::{cargo, root, run_step};

/// Who answers the approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Approver {
    /// This program, from a process of its own.
    Scripted,
    /// The person who runs it, from a second terminal.
    Person,
}

/// Runs the whole demonstration; anything that does not go as told is an error.
pub(crate) fn run(approver: Approver) -> Result<()> {
    setup::ensure(&setup::QUICKSTART)?;
    let root = root()?;
    run_step(
        "build (the first time takes a few minutes)",
        cargo(&root).args(["build", "--locked", "-p", "hpol-cli", "-p", "hpol-gateway"]),
    )?;
    let policy = root.join("policies/orders");
    let demo = Demo::start(&root, &policy)?;
    demo.show_policy(&policy)?;
    demo.read_with_mask()?;
    demo.refuse_drop()?;
    demo.approve_update(approver)?;
    demo.http()?;
    demo.show_log()
}

struct Demo {
    _postgres: PostgresServer,
    upstream: HttpUpstream,
    gateway: Gateway,
    agent: String,
    dba: String,
}

impl Demo {
    fn start(root: &Path, policy: &Path) -> Result<Demo> {
        println!("== start PostgreSQL, an HTTP service, and the gateway before both");
        let postgres = PostgresServer::start()?;
        postgres.load("demo", &root.join("tests/support/data/demo.sql"))?;
        let upstream = HttpUpstream::start()?;
        let gateway = Gateway::start(&Deployment {
            policy: policy.to_owned(),
            postgres: Some(&postgres),
            http: Some(&upstream),
            ..Deployment::default()
        })?;
        let agent = gateway.token("agent-7", &["autonomous-agents"])?;
        let dba = gateway.token("dana", &["dba"])?;
        Ok(Demo {
            _postgres: postgres,
            upstream,
            gateway,
            agent,
            dba,
        })
    }

    fn show_policy(&self, policy: &Path) -> Result<()> {
        println!("== the policy: {}", policy.display());
        show(hpol()?.arg("test").arg(policy).env("NO_COLOR", "1"))?;
        Ok(())
    }

    fn read_with_mask(&self) -> Result<()> {
        println!("== agent-7 reads customers: allowed, and the SSN arrives masked");
        let output =
            show(&mut self.psql("SELECT id, name, ssn FROM customers ORDER BY id LIMIT 3")?)?;
        expect(&output, "***-**-4321")?;
        expect_not(&output, "987-65-4321")
    }

    fn refuse_drop(&self) -> Result<()> {
        println!(
            "== agent-7 tries to drop a table: refused, with the rule, the reason and what to do"
        );
        let output = show(&mut self.psql("DROP TABLE orders")?)?;
        expect(&output, "destructive_sql")
    }

    fn approve_update(&self, approver: Approver) -> Result<()> {
        println!(
            "== agent-7 updates an order: it waits until a DBA approves exactly this statement"
        );
        let mut psql = self.psql("UPDATE orders SET status = 'shipped' WHERE id = 42")?;
        println!("$ {}", words(&psql));
        let waiting = psql.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        match approver {
            Approver::Scripted => self.approve()?,
            Approver::Person => self.ask_person()?,
        }
        let output = finish(waiting)?;
        expect(&output, "UPDATE 1")
    }

    /// What the approver does in the second terminal.
    fn approve(&self) -> Result<()> {
        let id = self.await_approval()?;
        println!("-- second terminal: dana, a DBA, looks at the request and approves it");
        show(
            self.gateway
                .hpol(&self.dba)?
                .args(["approvals", "show", &id]),
        )?;
        show(self.gateway.hpol(&self.dba)?.args([
            "approvals",
            "approve",
            &id,
            "--reason",
            "order 42 has left the house",
        ]))?;
        Ok(())
    }

    fn ask_person(&self) -> Result<()> {
        self.await_approval()?;
        let token_file = self.gateway.folder().join("dana.token");
        std::fs::write(&token_file, &self.dba)?;
        let program = PathBuf::from(hpol()?.get_program().to_owned());
        println!("-- you are dana, a DBA. In a second terminal:");
        println!("     export HPOL_GATEWAY={}", self.gateway.admin()?);
        println!(
            "     {} approvals list --token-file {}",
            program.display(),
            token_file.display()
        );
        println!(
            "     {} approvals approve ID --reason WHY --token-file {}",
            program.display(),
            token_file.display()
        );
        Ok(())
    }

    /// Waits until the request is there; the agent's psql was only just started.
    fn await_approval(&self) -> Result<String> {
        for _ in 0..600 {
            let output =
                check(
                    self.gateway
                        .hpol(&self.dba)?
                        .args(["approvals", "list", "--json"]),
                )?;
            let list: Value = serde_json::from_slice(&output.stdout)?;
            let approvals = list
                .get("approvals")
                .and_then(Value::as_array)
                .context("a list of approvals")?;
            if let Some(id) = approvals
                .iter()
                .find(|one| one.get("state").is_some_and(|state| state == "pending"))
                .and_then(|one| one.get("id")?.as_str())
            {
                return Ok(id.to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the update did not ask for approval")
    }

    fn http(&self) -> Result<()> {
        println!("== the same policy over HTTP: reading is allowed and masked, a POST is blocked");
        let url = format!("http://{}/customers/7", self.gateway.address("crm-api")?);
        let output = show(&mut self.curl(&[&url]))?;
        expect_not(&output, "987-65-4327")?;
        let output = show(&mut self.curl(&["-X", "POST", "-d", "{\"note\":\"hello\"}", &url]))?;
        expect(&output, "403")?;
        let posts = self
            .upstream
            .requests()?
            .iter()
            .filter(|request| request.get("method").is_some_and(|method| method == "POST"))
            .count();
        if posts != 0 {
            bail!("a blocked POST reached the upstream");
        }
        Ok(())
    }

    fn show_log(mut self) -> Result<()> {
        println!("== every operation, the rules that decided, and their NIST SP 800-53 controls");
        show(
            hpol()?
                .args(["audit", "tail", "--operations", "--log"])
                .arg(self.gateway.log())
                .env("NO_COLOR", "1"),
        )?;
        println!("== the evidence by control");
        show(
            hpol()?
                .args(["evidence", "--by", "control", "--log"])
                .arg(self.gateway.log())
                .env("NO_COLOR", "1"),
        )?;
        println!("== stop the gateway and verify its log offline");
        if !self.gateway.stop()? {
            bail!("the gateway did not stop in good order");
        }
        let mut verify = hpol()?;
        verify
            .args(["audit", "verify", "--log"])
            .arg(self.gateway.log());
        let output = verify
            .arg("--key")
            .arg(self.gateway.audit_key())
            .env("NO_COLOR", "1")
            .output()?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            bail!(
                "the log does not verify: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        println!("\ndone: the policy that was read is the policy that ran, and the log proves it");
        Ok(())
    }

    fn psql(&self, sql: &str) -> Result<Command> {
        let mut psql = Command::new("psql");
        psql.env("PGPASSWORD", &self.agent)
            .env("PGSSLMODE", "require");
        let port = self.gateway.port("orders-prod")?.to_string();
        psql.args([
            "-X",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "agent-7",
            "-d",
            "demo",
            "-c",
            sql,
        ]);
        Ok(psql)
    }

    /// The token comes from a file, since command lines can be seen by every user of a machine.
    fn curl(&self, arguments: &[&str]) -> Command {
        let config = self.gateway.folder().join("agent.curl");
        let mut curl = Command::new("curl");
        if std::fs::write(
            &config,
            format!("header = \"Authorization: Bearer {}\"\n", self.agent),
        )
        .is_ok()
        {
            curl.arg("--config").arg(config);
        }
        curl.args(["-sS", "-w", "%{stderr}HTTP %{http_code}\\n"])
            .args(arguments);
        curl
    }
}

/// Runs a command and shows it with what it prints; its own failure is part of the show.
fn show(command: &mut Command) -> Result<String> {
    println!("$ {}", words(command));
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    finish(child.with_context(|| format!("cannot run {:?}", command.get_program()))?)
}

fn finish(mut child: Child) -> Result<String> {
    let stderr = child.stderr.take().context("standard error is piped")?;
    let notices = std::thread::spawn(move || {
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        lines
            .map(|line| {
                println!("  {line}");
                line + "\n"
            })
            .collect::<String>()
    });
    let output = child.wait_with_output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let notices = notices.join().unwrap_or_default();
    for line in printed.lines() {
        println!("  {line}");
    }
    println!();
    Ok(notices + &printed)
}

fn words(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let arguments = command.get_args().map(|argument| {
        let argument = argument.to_string_lossy();
        if argument.contains(' ') {
            format!("\"{argument}\"")
        } else {
            argument.into_owned()
        }
    });
    [program]
        .into_iter()
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn expect(output: &str, wanted: &str) -> Result<()> {
    if output.contains(wanted) {
        Ok(())
    } else {
        bail!("expected `{wanted}` in the output above")
    }
}

fn expect_not(output: &str, unwanted: &str) -> Result<()> {
    if output.contains(unwanted) {
        bail!("`{unwanted}` must not be in the output above")
    } else {
        Ok(())
    }
}
