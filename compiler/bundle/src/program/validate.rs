//! Checks a program that comes out of a file: every index and length that the engine relies on.

use super::Program;

/// A program whose tables do not fit together. The text says which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct InvalidProgram {
    /// What does not fit.
    pub what: &'static str,
}

impl Program {
    /// Checks that the engine can evaluate the program: all indices within bounds, all lengths as they must be.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn validate(
        &self,
        _facts: usize,
        _rules: usize,
        _groups: usize,
    ) -> Result<(), InvalidProgram> {
        Err(InvalidProgram {
            what: "validation is not written yet",
        })
    }
}
