//! Why a text was not analysed.

/// A text that has no facts and must not be forwarded. The messages can quote the text: they are for the client that
/// sent it, not for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlRefusal {
    /// PostgreSQL's grammar does not accept it.
    #[error("{message}")]
    Syntax {
        /// PostgreSQL's own message.
        message: String,
    },
    /// The text is longer than is analysed, alone or together with the texts that the names in it stand for.
    #[error("statement of {bytes} bytes is longer than the limit of {limit}")]
    TooLong {
        /// Length of the text, or of all those texts.
        bytes: usize,
        /// [`Limits::text_bytes`](super::Limits::text_bytes), or twice that for all those texts.
        limit: usize,
    },
    /// Expressions, joins or subselects nest deeper than is analysed.
    #[error("statement nests too deeply")]
    TooDeep,
    /// Comments or operators are written so that scanning them takes time out of proportion, or names of statements and
    /// cursors are used so often that following them does.
    #[error(
        "comments or operators of the statement take too long to scan, or it uses prepared statements or cursors too often"
    )]
    TooCostly,
    /// The analysis did not end within [`Limits::time`](super::Limits::time).
    #[error("statement could not be analysed in time")]
    TooSlow,
    /// More statements wait for analysis than [`Limits::queue`](super::Limits::queue).
    #[error("too many statements wait for analysis")]
    Busy,
    /// The analyser failed; the fault is ours.
    #[error("statement analysis failed")]
    Internal,
    /// A text holds a NUL character.
    #[error("statement holds a NUL character")]
    Nul,
    /// The parser built something that this version does not know the meaning of.
    #[error("`{kind}` is not supported")]
    Unsupported {
        /// PostgreSQL's name of the construct.
        kind: &'static str,
    },
    /// COPY from or to a file or program of the database server.
    #[error("copy {what} of the database server is refused")]
    ServerCopy {
        /// `from a file`, `to a program`, ...
        what: &'static str,
    },
    /// EXECUTE or FETCH of a name that stands for a command rather than for a query.
    #[error("`{name}` is a command, which EXECUTE and FETCH are not supported for")]
    NamedCommand {
        /// The name.
        name: String,
    },
}
