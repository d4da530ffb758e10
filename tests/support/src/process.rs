//! Processes that end with their owner, free ports, and running as somebody else than root.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longest that a server may take to come up; generous, since machines that test are busy.
pub const START_DEADLINE: Duration = Duration::from_secs(60);

/// A child process that is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Result<Running> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Running { child })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends `signal` (such as `TERM` or `HUP`).
    pub fn signal(&self, signal: &str) -> Result<()> {
        check(
            Command::new("kill")
                .arg(format!("-{signal}"))
                .arg(self.child.id().to_string()),
        )
        .map(|_| ())
    }

    /// Kills it at once and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the process")?;
        self.child.wait().context("cannot wait for the process")?;
        Ok(())
    }

    /// Takes the output and the error output of a process that was started with both piped.
    pub fn pipes(&mut self) -> Result<(ChildStdout, ChildStderr)> {
        let stdout = self.child.stdout.take();
        let stderr = self.child.stderr.take();
        stdout.zip(stderr).context("the output is not piped")
    }

    /// Waits until it ends by itself and tells whether it succeeded.
    pub fn wait(&mut self) -> Result<bool> {
        Ok(self
            .child
            .wait()
            .context("cannot wait for the process")?
            .success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about a failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end and returns what it printed; its standard error is in the error.
pub fn check(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !output.status.success() {
        bail!(
            "{:?} failed with {}:\n{}{}",
            command.get_program(),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output)
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Calls `ready` until it says yes, or the deadline passes, or `process` ends.
pub fn wait_until(
    process: &mut Running,
    what: &str,
    mut ready: impl FnMut() -> bool,
) -> Result<()> {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        if ready() {
            return Ok(());
        }
        if !process.is_alive() {
            bail!("{what} ended before it was ready");
        }
        if Instant::now() >= deadline {
            bail!("{what} was not ready within {START_DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether this process runs as root.
#[must_use]
pub fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A program of this workspace, next to the running executable (`target/<profile>/`) or in its parent folder.
pub fn workspace_binary(name: &str) -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let found = exe
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join(name))
        .find(|path| is_file(path));
    found.with_context(|| {
        format!("`{name}` is not built; run `cargo build -p hpol-gateway -p hpol-cli`")
    })
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// The first line that a process started with piped output prints: how it says that it is ready.
pub fn first_line(process: &mut Running) -> Result<String> {
    let stdout = process
        .child
        .stdout
        .as_mut()
        .context("the output is not piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line)
}
