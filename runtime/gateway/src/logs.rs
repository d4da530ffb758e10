//! The gateway's own log: for the operator, on standard error. Not the audit log; nothing here is evidence.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Sets up the log for the whole process. `HPOL_LOG` overrides the level, `NO_COLOR` turns colours off.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_from_env("HPOL_LOG").unwrap_or_else(|_| EnvFilter::new(&log.level));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would report a failed write on the same stream and panic over that: a full disk under the operator's log must
        // not end connections that could still be told why.
        .log_internal_errors(false)
        .with_ansi(colours);
    let started = match log.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    if let Err(error) = started {
        eprintln!("the log cannot be set up: {error}");
    }
}
