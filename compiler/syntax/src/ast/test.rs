//! The tree of a test: who asks for what, what happened before, and what is expected.

use super::{Name, On};
use crate::span::{Span, Spanned};

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub name: Spanned<String>,
    /// Who asks.
    pub subject: Option<Subject>,
    /// On which connection.
    pub on: Option<On>,
    /// When, where the test says it: RFC 3339.
    pub at: Option<Spanned<String>>,
    /// What is asked; a test that is right has exactly one.
    pub operations: Vec<Spanned<Operation>>,
    /// What happened before.
    pub before: Vec<Spanned<Before>>,
    /// What is expected.
    pub expect: Option<Expect>,
    /// False where a clause could not be read.
    pub complete: bool,
}

/// `as subject "agent-7" groups ["autonomous-agents"] issuer "https://..."`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The identity.
    pub id: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// Who vouches for it.
    pub issuer: Option<String>,
    /// The address that it comes from.
    pub from: Option<Spanned<String>>,
    /// What it gives as a justification.
    pub justification: Option<Spanned<String>>,
    /// Claims of its token.
    pub claims: Vec<(Name, ClaimValue)>,
}

/// The value of a claim in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimValue {
    /// `team = "core"`.
    Text(String),
    /// `level = 3`.
    Int(i64),
    /// `admin = true`.
    Word(Name),
    /// `roles = ["a", "b"]`.
    Texts(Vec<String>),
}

/// What a test asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `sql "..."`.
    Sql(String),
    /// `http GET "/path" content_type "..." body "..."`.
    Http {
        /// The method as written.
        method: Name,
        /// URL or path.
        target: Spanned<String>,
        /// Media type of the body.
        content_type: Option<String>,
        /// The body.
        body: Option<String>,
    },
}

/// `earlier 5m ago (sql "..." on orders_db rows 3 releasing pii.ssn)`: what the subject of a test did before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Before {
    /// How many seconds ago it ended; `None` where it is in flight.
    pub ago: Option<Spanned<u64>>,
    /// How often; once where nothing is said.
    pub times: Option<Spanned<i64>>,
    /// What was asked; one that is right has exactly one.
    pub operations: Vec<Spanned<Operation>>,
    /// On which connection; that of the test where nothing is said.
    pub on: Vec<Name>,
    /// Where it says `in this session`.
    pub in_session: Vec<Span>,
    /// How many rows came back or were changed.
    pub rows: Vec<Spanned<i64>>,
    /// How many bytes came back.
    pub bytes: Vec<Spanned<i64>>,
    /// The data classes that came back in clear.
    pub releasing: Vec<Name>,
    /// The data classes that were hidden.
    pub masking: Vec<Name>,
}

/// `expect block by destructive_sql citing AC-3 masking pii.ssn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The verdict.
    pub verdict: Spanned<Verdict>,
    /// The rules that determine it; empty where none is named.
    pub by: Vec<Name>,
    /// The controls they claim; empty where none is named.
    pub citing: Vec<Name>,
    /// The data classes that are masked; empty where none is named.
    pub masking: Vec<Name>,
    /// The rows that come back at most, where a number is named.
    pub limit: Option<Spanned<i64>>,
    /// The rules in observe that match; empty where none is named.
    pub observing: Vec<Name>,
    /// The exceptions that lift a rule; empty where none is named.
    pub excepting: Vec<Name>,
}

/// An outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Goes ahead.
    Allow,
    /// Refused.
    Block,
    /// Waits.
    RequireApproval,
}
