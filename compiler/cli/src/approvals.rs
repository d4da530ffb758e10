//! `hpol approvals`: sees and answers requests for approval, through the gateway's admin API.
//!
//! Judges nothing: who may vote is the gateway's decision, made from the token.

mod approval;
mod gateway;
mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exit::{Failure, Outcome};
use crate::terminal::Terminal;

use approval::Approval;
use gateway::{Answer, ApprovalId};
pub(crate) use gateway::{Gateway, GatewayFailure};

/// See and answer requests for approval
#[derive(Debug, Args)]
#[command(after_help = "\
The token says who you are. It is read from a file or from HPOL_TOKEN, never from the command line.

Examples:
  hpol approvals list --token-file ~/.hpol/token
  hpol approvals show 8f2c
  hpol approvals approve 8f2c --reason \"ticket CHG-4711\"
  hpol approvals reject 8f2c --reason \"no change window today\"")]
pub(crate) struct Approvals {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Requests that you made or may answer
    List,
    /// One request: exactly what would run, who asks, and why it needs approval
    Show {
        /// Id of the request, as `list` shows it
        id: ApprovalId,
    },
    /// Say yes; it takes effect once every rule has its quorum
    Approve {
        /// Id of the request, as `list` shows it
        id: ApprovalId,
        /// Why; ends up in the audit log
        #[arg(long)]
        reason: String,
    },
    /// Say no; one is enough
    Reject {
        /// Id of the request, as `list` shows it
        id: ApprovalId,
        /// Why; the requester reads it, and it ends up in the audit log
        #[arg(long)]
        reason: String,
    },
}

/// Which gateway, and who asks.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// Address of the gateway's admin API
    #[arg(
        long,
        global = true,
        env = "HPOL_GATEWAY",
        default_value = "http://127.0.0.1:7480",
        value_name = "URL"
    )]
    gateway: String,
    /// File that holds your token [default: the value of HPOL_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// PEM file of authorities to trust besides the system's
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Access {
    /// The gateway, with the token to show it.
    pub(crate) fn gateway(&self) -> Result<Gateway, Failure> {
        let (token, authorities) = (self.token_file.as_deref(), self.ca_file.as_deref());
        Ok(Gateway::connect(&self.gateway, token, authorities)?)
    }
}

/// What runs a request to the gateway.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_all()
        .build()
        .map_err(|source| Failure::Internal {
            what: format!("cannot start the event loop: {source}"),
        })
}

impl Approvals {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let access = &self.access;
        let (gateway, runtime) = (access.gateway()?, runtime()?);
        match &self.verb {
            Verb::List => {
                let approvals = runtime.block_on(gateway.list())?;
                if access.json {
                    terminal.json(&approvals)?;
                } else {
                    view::list(terminal, &approvals)?;
                }
            }
            Verb::Show { id } => self.print(terminal, &runtime.block_on(gateway.show(id))?)?,
            Verb::Approve { id, reason } => {
                self.answered(
                    terminal,
                    &runtime.block_on(gateway.answer(id, Answer::Approve, reason))?,
                )?;
            }
            Verb::Reject { id, reason } => {
                self.answered(
                    terminal,
                    &runtime.block_on(gateway.answer(id, Answer::Reject, reason))?,
                )?;
            }
        }
        Ok(Outcome::Clean)
    }

    fn print(&self, terminal: &mut Terminal, approval: &Approval) -> Result<(), Failure> {
        if self.access.json {
            terminal.json(approval)?;
        } else {
            view::whole(terminal, approval)?;
        }
        Ok(())
    }

    fn answered(&self, terminal: &mut Terminal, approval: &Approval) -> Result<(), Failure> {
        if self.access.json {
            terminal.json(approval)?;
        } else {
            view::answered(terminal, approval)?;
        }
        Ok(())
    }
}
