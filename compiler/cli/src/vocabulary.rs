//! `--vocabulary`: the facts that conditions can read, where they are not those of this version of hpol.

use std::path::PathBuf;

use clap::Args;
use hpol_bundle::vocabulary::Vocabulary;

use crate::exit::Failure;
use crate::sources;
use crate::visible;

/// Largest vocabulary file; that of hpol is a fiftieth.
const BYTES: u64 = 256 << 10;

/// Which facts there are.
#[derive(Debug, Args)]
pub(crate) struct VocabularyFile {
    /// Vocabulary to use instead of the built-in one, for tests and benchmarks; no gateway loads a bundle of another
    #[arg(long, value_name = "FILE")]
    pub(crate) vocabulary: Option<PathBuf>,
}

impl VocabularyFile {
    pub(crate) fn load(&self) -> Result<Vocabulary, Failure> {
        let Some(path) = &self.vocabulary else {
            return Ok(Vocabulary::builtin().clone());
        };
        let text = sources::read_text(path, BYTES)?;
        Vocabulary::parse(&text).map_err(|fault| Failure::Vocabulary {
            path: path.clone(),
            why: visible::line(&fault.to_string()),
        })
    }
}
