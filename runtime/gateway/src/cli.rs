//! The command line of `hpol-gateway`: verbs and options, nothing of what they do.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// The enforcing gateway: stands before databases and HTTP services and lets through what the policy allows.
#[derive(Debug, Parser)]
#[command(
    name = "hpol-gateway",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Serve until SIGTERM; SIGHUP reads configuration and bundle again
    Run(Run),
    /// Check the configuration and every file it names, and serve nothing
    CheckConfig(CheckConfig),
    /// Make the key that signs the audit log
    Keygen(Keygen),
    /// Print a completion script
    Completion {
        /// For which shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "HPOL_GATEWAY_CONFIG")]
    pub(crate) config: PathBuf,
    /// Try it on this machine: an issuer that gives a token to whoever asks (loopback only), a self-signed certificate
    #[arg(long)]
    pub(crate) dev: bool,
    /// Write the bound addresses here, as JSON, once clients are accepted
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfig {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "HPOL_GATEWAY_CONFIG")]
    pub(crate) config: PathBuf,
    /// Check it as `run --dev` would
    #[arg(long)]
    pub(crate) dev: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// Where the private key goes; the public key goes beside it, with `.pub` at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: PathBuf,
}
