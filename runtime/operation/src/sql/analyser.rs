//! Runs the parser: bounded threads with a stack of their own, and a bounded cache by exact text.

use std::sync::Arc;
use std::time::Duration;

use super::{SqlAnalysis, SqlRefusal, SqlSession};

/// Bounds of analysis. The default suits a gateway.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest text.
    pub text_bytes: usize,
    /// Parser threads; each holds a stack of 64 MB, of which only what is used takes memory.
    pub threads: usize,
    /// Texts that wait for a thread before others are refused.
    pub queue: usize,
    /// How long a caller waits for an analysis. The parser itself cannot be interrupted: its thread ends its work first.
    pub time: Duration,
    /// Analyses kept.
    pub cache_entries: usize,
    /// Memory that kept analyses may take, roughly.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            text_bytes: 1 << 20,
            threads: 2,
            queue: 64,
            time: Duration::from_secs(2),
            cache_entries: 4096,
            cache_bytes: 32 << 20,
        }
    }
}

/// Turns texts into analyses. Shared by all connections.
#[derive(Debug)]
pub struct Analyser {
    limits: Limits,
}

impl Analyser {
    /// An analyser; its threads start when first needed.
    #[must_use]
    pub fn new(limits: Limits) -> Analyser {
        Analyser { limits }
    }

    /// The analysis of `sql` if it was made before for the same search path and catalogue. Does not block.
    #[must_use]
    pub fn cached(&self, _sql: &str, _session: &SqlSession) -> Option<Arc<SqlAnalysis>> {
        None
    }

    /// The analysis of `sql`. Blocks up to [`Limits::time`]; async callers ask [`Analyser::cached`] first and wrap this
    /// in a blocking task.
    ///
    /// # Errors
    /// Every [`SqlRefusal`]; the text must not be forwarded then.
    pub fn analyse(
        &self,
        sql: &str,
        _session: &SqlSession,
    ) -> Result<Arc<SqlAnalysis>, SqlRefusal> {
        if sql.len() > self.limits.text_bytes {
            return Err(SqlRefusal::TooLong {
                bytes: sql.len(),
                limit: self.limits.text_bytes,
            });
        }
        Err(SqlRefusal::Internal)
    }
}
