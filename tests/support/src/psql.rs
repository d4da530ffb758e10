//! psql before the gateway, as a user runs it: TLS, the token as password, errors with their code.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::process::{Running, START_DEADLINE};

/// A psql that has not started yet.
#[derive(Debug)]
pub struct Psql {
    command: Command,
}

/// What a client printed, and whether it says that all went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A psql in the middle of a statement.
#[derive(Debug)]
pub struct Waiting {
    process: Running,
    out: Option<JoinHandle<String>>,
    lines: Receiver<String>,
    seen: String,
}

impl Psql {
    /// For the database `demo` behind this port.
    #[must_use]
    pub fn new(port: u16, token: &str) -> Psql {
        let mut command = Command::new("psql");
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port.to_string())
            .env("PGUSER", "whoever")
            .env("PGDATABASE", "demo")
            .env("PGPASSWORD", token)
            .env("PGSSLMODE", "require")
            .env("PGCONNECT_TIMEOUT", "30")
            .env("LC_ALL", "C.UTF-8")
            .args(["-X", "-A", "-t", "-w", "-v", "VERBOSITY=verbose"])
            .stdin(Stdio::null());
        Psql { command }
    }

    /// With one more environment variable, such as `PGDATABASE`.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Psql {
        self.command.env(name, value);
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Psql {
        self.command.args(arguments);
        self
    }

    /// Sends each text as one message, in one session.
    pub fn run(mut self, texts: &[&str]) -> Result<Printed> {
        self.add(texts);
        let output = self.command.output().context("cannot run psql")?;
        Ok(Printed {
            success: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The same without waiting for the end.
    pub fn spawn(mut self, texts: &[&str]) -> Result<Waiting> {
        self.add(texts);
        self.start()
    }

    /// Feeds psql a script, which may use its backslash commands, without waiting for the end.
    pub fn spawn_script(mut self, script: &str) -> Result<Waiting> {
        let (reader, mut writer) = std::io::pipe()?;
        self.command.stdin(reader);
        let script = script.to_owned();
        // More than a pipe holds is read while psql works; a psql that ends early has said why.
        std::thread::spawn(move || writer.write_all(script.as_bytes()));
        self.start()
    }

    fn start(mut self) -> Result<Waiting> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Running::start(&mut self.command)?;
        let (stdout, stderr) = process.pipes()?;
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            let mut stdout = stdout;
            // What could not be read is missing from the text, and the test sees that.
            let _ = stdout.read_to_string(&mut text);
            text
        });
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Waiting {
            process,
            out: Some(out),
            lines,
            seen: String::new(),
        })
    }

    fn add(&mut self, texts: &[&str]) {
        for text in texts {
            self.command.args(["-c", text]);
        }
    }
}

impl Waiting {
    /// Reads notices and errors up to a line that holds `wanted`, and returns that line.
    pub fn await_line(&mut self, wanted: &str) -> Result<String> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push_str(&line);
                    self.seen.push('\n');
                    if line.contains(wanted) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("psql did not print `{wanted}` in time"),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("psql ended without `{wanted}`; it printed:\n{}", self.seen)
                }
            }
        }
    }

    /// What Ctrl-C does: psql sends a cancel request.
    pub fn interrupt(&self) -> Result<()> {
        self.process.signal("INT")
    }

    /// The client vanishes.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill()
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Result<Printed> {
        let success = self.process.wait()?;
        let out = self.out.take().and_then(|thread| thread.join().ok());
        for line in self.lines.iter() {
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
        Ok(Printed {
            success,
            out: out.unwrap_or_default(),
            err: std::mem::take(&mut self.seen),
        })
    }
}
