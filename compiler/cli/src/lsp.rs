//! `hpol lsp`: the language server, for editors. It speaks the Language Server Protocol 3.17 over standard input and
//! output; nothing outside of this folder knows that protocol.
//!
//! `messages` frames JSON-RPC, `server` owns the state and hands questions out, `workers` answer them on snapshots, and
//! each capability has a file of its own. What policies mean is the compiler's matter.

mod actions;
mod capabilities;
mod commands;
mod completion;
mod definition;
mod diagnostics;
mod folding;
mod formatting;
mod hints;
mod hover;
mod lenses;
mod messages;
mod position;
mod projects;
mod questions;
mod references;
mod refusal;
mod rename;
mod selection;
mod server;
mod signature;
mod symbols;
mod tokens;
mod uri;
mod view;
mod workers;

use clap::Args;

use crate::exit::{Failure, Outcome};
use crate::vocabulary::VocabularyFile;

/// Serve editors: diagnostics, completion, renaming and more, over standard input and output
#[derive(Debug, Args)]
#[command(after_help = "\
Editors start it; docs/editors.md tells how to set them up. It reads the `.hpol` files of the folders that the editor has \
open, each folder with its `hpol.toml` one policy, and writes none.")]
pub(crate) struct Lsp {
    /// Use standard input and output, which it always does; some editors pass it
    #[arg(long)]
    stdio: bool,
    #[command(flatten)]
    vocabulary: VocabularyFile,
}

impl Lsp {
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        server::serve(self.vocabulary.load()?)
    }
}
