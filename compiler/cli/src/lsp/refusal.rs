//! Why a question has no answer, and the codes of JSON-RPC and the protocol for it.

use hpol_hir::Cancelled;
use hpol_hir::navigate::RefuseRename;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the message is not JSON-RPC: {why}")]
    NotAMessage { why: String },
    #[error("`{method}` is not something that this server answers")]
    UnknownMethod { method: String },
    #[error("`{method}` came with parameters that it does not have: {why}")]
    Parameters { method: String, why: String },
    #[error("the first request has to be `initialize`")]
    NotInitialized,
    #[error("the server was told to shut down")]
    ShutDown,
    #[error("the client took the request back")]
    TakenBack,
    #[error(transparent)]
    Changed(#[from] Cancelled),
    #[error("a fault of this program; please report it")]
    Fault,
    #[error("`{uri}` is not a file that the server has open or read")]
    UnknownFile { uri: String },
    #[error("nothing at this place has a name that can be changed")]
    NothingToRename,
    #[error("{0}")]
    Rename(#[from] RefuseRename),
    #[error("there is no command `{command}`, or it takes other arguments")]
    Command { command: String },
    #[error("{why}")]
    Unsound { why: String },
}

impl Refusal {
    /// The error code of the answer (JSON-RPC 2.0, section 5.1; LSP 3.17, "ErrorCodes").
    pub(crate) fn code(&self) -> i32 {
        match self {
            Refusal::NotAMessage { .. } => -32700,
            Refusal::ShutDown => -32600,
            Refusal::UnknownMethod { .. } => -32601,
            Refusal::Parameters { .. } | Refusal::Command { .. } => -32602,
            Refusal::Fault => -32603,
            Refusal::NotInitialized => -32002,
            Refusal::TakenBack => -32800,
            Refusal::Changed(_) => -32801,
            Refusal::UnknownFile { .. }
            | Refusal::NothingToRename
            | Refusal::Rename(_)
            | Refusal::Unsound { .. } => -32803,
        }
    }
}
