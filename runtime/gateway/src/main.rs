//! `hpol-gateway`: reads the command line and starts what it asks for.

mod admin;
mod approvals;
mod check_config;
mod cli;
mod clock;
mod config;
mod courier;
mod evidence;
mod history;
mod identity;
mod keygen;
mod listeners;
mod logs;
mod mask_key;
mod metrics;
mod peers;
mod policy;
mod ready;
mod reload;
mod run;
mod serving;
mod shutdown;
mod signals;
mod state;
mod tls;
mod web;
mod workers;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{CheckConfig, Cli, Keygen, Run, Verb};
use crate::config::{Config, Mode};

/// A request takes and gives back a few dozen small pieces of memory; with the system's allocator, that was a sixth of the
/// CPU time that lookups in PostgreSQL took in user mode.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for a configuration that is not accepted; clap uses it for wrong usage.
const MISCONFIGURED: u8 = 2;

fn main() -> ExitCode {
    // What an idle session holds lies scattered: in huge pages it would take half as much memory again. A system that does
    // not know them refuses, which is as good.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Before anything makes a TLS configuration. It can only fail when it is there already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Cli::parse().verb {
        Verb::Run(options) => run(&options),
        Verb::CheckConfig(options) => check_config(&options),
        Verb::Keygen(options) => keygen(&options),
        Verb::Completion { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "hpol-gateway",
                &mut std::io::stdout(),
            );
            ExitCode::SUCCESS
        }
    }
}

fn mode(dev: bool) -> Mode {
    if dev {
        Mode::Development
    } else {
        Mode::Production
    }
}

fn run(options: &Run) -> ExitCode {
    let mode = mode(options.dev);
    let config = match Config::load(&options.config, mode) {
        Ok(config) => config,
        Err(problems) => return fail(&problems, MISCONFIGURED),
    };
    logs::start(&config.log);
    for warning in check_config::warnings(&config) {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 1),
    };
    let options = run::Options {
        config: options.config.clone(),
        mode,
        ready_file: options.ready_file.clone(),
    };
    let running = run::run(options, config);
    match runtime.block_on(running) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn check_config(options: &CheckConfig) -> ExitCode {
    let mode = mode(options.dev);
    let config = match Config::load(&options.config, mode) {
        Ok(config) => config,
        Err(problems) => return fail(&problems, MISCONFIGURED),
    };
    let found = check_config::check(&config);
    for warning in check_config::warnings(&config)
        .into_iter()
        .chain(found.warning)
    {
        // A reader that is gone is no failure of the command.
        let _ = writeln!(std::io::stderr(), "warning: {warning}");
    }
    if found.problems.is_empty() {
        say(&check_config::summary(&options.config, &config, mode));
        return ExitCode::SUCCESS;
    }
    fail(&found.problems.join("\n"), MISCONFIGURED)
}

fn keygen(options: &Keygen) -> ExitCode {
    match keygen::make_audit_key(&options.audit) {
        Ok(public) => {
            say(&format!(
                "private key in {}, public key for auditors in {}",
                options.audit.display(),
                public.display()
            ));
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error, 1),
    }
}

fn say(line: &str) {
    // A reader that is gone is no failure of the command.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    for line in error.to_string().lines() {
        let _ = writeln!(std::io::stderr(), "error: {line}");
    }
    ExitCode::from(code)
}
