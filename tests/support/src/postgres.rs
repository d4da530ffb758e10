//! A real PostgreSQL server in a temporary folder, with SCRAM passwords. PostgreSQL refuses to run as root, so there it
//! runs as the `postgres` account that Debian's package brings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::process::{Running, check, free_port, is_root, wait_until};

/// The account the gateway uses.
pub const GATEWAY_USER: &str = "hpol_gateway";

/// The superuser of the server.
pub const ADMIN_USER: &str = "postgres";

/// A server that stops when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    process: Running,
    bin: PathBuf,
    port: u16,
    password: String,
    folder: TempDir,
}

impl PostgresServer {
    /// Initialises and starts a server with an empty database `demo` and the login role [`GATEWAY_USER`], which owns it.
    pub fn start() -> Result<PostgresServer> {
        PostgresServer::start_with(&[])
    }

    /// The same with more settings, each `name=value`.
    pub fn start_with(settings: &[&str]) -> Result<PostgresServer> {
        let bin = find_bin()?;
        let folder = tempfile::Builder::new()
            .prefix("hpol-postgres-")
            .tempdir()?;
        let data = folder.path().join("data");
        let password = "correct-horse-battery-staple".to_owned();
        let password_file = folder.path().join("password");
        fs::write(&password_file, &password)?;
        if is_root() {
            check(
                Command::new("chown")
                    .arg("-R")
                    .arg("postgres:")
                    .arg(folder.path()),
            )?;
        }
        let mut initdb = as_server_account(&bin.join("initdb"));
        initdb.args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ]);
        initdb
            .arg("--username")
            .arg(ADMIN_USER)
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&data);
        check(initdb.current_dir(folder.path()))?;
        let port = free_port()?;
        let mut server = as_server_account(&bin.join("postgres"));
        server.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        server.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
            "-c",
            "log_min_messages=fatal",
        ]);
        server.arg("-c").arg(format!(
            "unix_socket_directories={}",
            folder.path().display()
        ));
        for setting in settings {
            server.arg("-c").arg(setting);
        }
        server
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(folder.path());
        let process = Running::start(&mut server)?;
        let mut server = PostgresServer {
            process,
            bin,
            port,
            password,
            folder,
        };
        server.await_ready()?;
        server.execute(
            "postgres",
            &format!(
                "CREATE ROLE {GATEWAY_USER} LOGIN PASSWORD '{}'",
                server.password
            ),
        )?;
        server.execute(
            "postgres",
            &format!("CREATE DATABASE demo OWNER {GATEWAY_USER}"),
        )?;
        Ok(server)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of [`ADMIN_USER`] and of [`GATEWAY_USER`].
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The folder that holds everything of the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs SQL as the superuser and returns what `psql` prints, unaligned and without headers.
    pub fn execute(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.psql(database);
        let output = check(psql.args(["-AtX", "-v", "ON_ERROR_STOP=1", "-c", sql]))?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned())
    }

    /// Runs a script as [`GATEWAY_USER`], who then owns what it creates.
    pub fn load(&self, database: &str, script: &Path) -> Result<()> {
        let mut psql = self.psql(database);
        check(
            psql.env("PGUSER", GATEWAY_USER)
                .args(["-qX", "-v", "ON_ERROR_STOP=1", "-f"])
                .arg(script),
        )
        .map(|_| ())
    }

    /// Stops the server at once, as if the machine had lost it.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", ADMIN_USER);
        psql.env("PGPASSWORD", &self.password)
            .env("PGDATABASE", database)
            .env("PGSSLMODE", "prefer");
        psql
    }

    fn await_ready(&mut self) -> Result<()> {
        let mut probe = Command::new(self.bin.join("pg_isready"));
        probe
            .args(["-q", "-h", "127.0.0.1", "-p"])
            .arg(self.port.to_string());
        wait_until(&mut self.process, "PostgreSQL", || {
            probe.status().is_ok_and(|status| status.success())
        })
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // An immediate shutdown waits for the server's own processes, which would write to the folder while it is removed.
        if self.process.is_alive() && self.process.signal("QUIT").is_ok() {
            let _ = self.process.wait();
        }
    }
}

/// The folder of PostgreSQL's programs: Debian's newest version, or wherever `postgres` is on the PATH.
pub fn find_bin() -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, bin)| bin.join("postgres").exists() && bin.join("initdb").exists())
        .collect();
    versions.sort();
    if let Some((_, bin)) = versions.pop() {
        return Ok(bin);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .find(|folder| folder.join("postgres").exists() && folder.join("initdb").exists());
    match found {
        Some(folder) => Ok(folder),
        None => bail!("no PostgreSQL server is installed; `cargo xtask setup` says how to get it"),
    }
}

/// A command that runs as an account PostgreSQL accepts.
fn as_server_account(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program);
    command
}
