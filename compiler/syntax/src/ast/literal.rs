//! The tree of a value.

use crate::span::Spanned;

/// A value in a condition.
pub type Literal = Spanned<LiteralKind>;

/// What a literal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiteralKind {
    /// `"text"`.
    Text(String),
    /// `10_000`.
    Int(i64),
    /// `15m`, in seconds.
    Duration(u64),
    /// `10MB`, in bytes.
    Size(u64),
    /// `10.0.0.0/8`, as it is written.
    Network(String),
    /// `public.orders`, `drop`, `"Weird".name`.
    Name(Vec<Part>),
}

/// One part of a dotted name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// Its text, without quotes.
    pub text: String,
    /// Whether it stands in quotes, so that its case and every character count.
    pub quoted: bool,
}
