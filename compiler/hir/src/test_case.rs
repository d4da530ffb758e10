//! The tests of a policy as typed values, for `hpol test`. Running them is the caller's matter.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hpol_bundle::claims::Claim;
use hpol_bundle::decision::Verdict;
use hpol_bundle::justification::Justification;
use hpol_bundle::policy::Source;
use hpol_bundle::vocabulary::Protocol;
use hpol_nist_mappings::ControlId;
use jiff::Timestamp;

/// One `test` item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// Its name.
    pub name: String,
    /// The package it stands in.
    pub package: String,
    /// Where it stands.
    pub source: Source,
    /// Who asks.
    pub subject: TestSubject,
    /// On which connection.
    pub connection: TestConnection,
    /// When, in seconds since 1970, where the test says it.
    pub at: Option<i64>,
    /// What is asked; fits the connection's protocol.
    pub operation: TestOperation,
    /// What the subject did before, as it is written.
    pub before: Vec<TestBefore>,
    /// What is expected.
    pub expect: Expectation,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSubject {
    /// `subject.id`.
    pub id: String,
    /// `subject.groups`.
    pub groups: Vec<String>,
    /// `subject.issuer`, where the test says one.
    pub issuer: Option<String>,
    /// `session.client_address`, where the test says one.
    pub from: Option<IpAddr>,
    /// What it gives as a justification.
    pub justification: Option<Justification>,
    /// The claims of its token.
    pub claims: BTreeMap<String, Claim>,
}

/// The connection of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestConnection {
    /// Qualified name in the policy.
    pub name: String,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// Its name in the gateway's configuration.
    pub target: String,
}

/// What a test asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestOperation {
    /// Statements.
    Sql(String),
    /// A request.
    Http {
        /// The method, one of the vocabulary's words.
        method: String,
        /// URL or path.
        target: String,
        /// Media type of the body.
        content_type: Option<String>,
        /// The body.
        body: Option<String>,
    },
}

/// What the subject of a test did before: an operation that was let through, whatever the policy says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestBefore {
    /// How long ago it ended; `None` where it is in flight.
    pub seconds_ago: Option<u64>,
    /// How often; from 1 to [`MAX_TIMES`].
    pub times: u32,
    /// On which connection.
    pub connection: TestConnection,
    /// What was asked; fits the connection's protocol.
    pub operation: TestOperation,
    /// Whether it was in the session of the test.
    pub in_session: bool,
    /// The rows of its result.
    pub rows: i64,
    /// The bytes of its result.
    pub bytes: i64,
    /// Qualified names of the data classes that came back in clear, sorted.
    pub releasing: Vec<String>,
    /// Qualified names of the data classes that were hidden, sorted.
    pub masking: Vec<String>,
}

/// The time that `text` says (RFC 3339), in seconds since 1970.
#[must_use]
pub fn test_time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// How often an operation of a test can have happened; every limit worth a test can be shown with a smaller one.
pub const MAX_TIMES: u32 = 10_000;

/// What a test expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The verdict.
    pub verdict: Verdict,
    /// Qualified names of exactly the rules that determine it, or `default_deny`, or
    /// `gateway` for what is refused before any rule; sorted; empty where the test names none.
    pub by: Vec<String>,
    /// Controls that those rules must claim, in OSCAL order; empty where the test names none.
    pub citing: Vec<ControlId>,
    /// Qualified names of the data classes that are masked, sorted; empty where the test names none.
    pub masking: Vec<String>,
    /// The rows that come back at most, where the test names a number.
    pub limit: Option<u64>,
    /// Qualified names of the rules in observe that match, sorted; empty where the test names none.
    pub observing: Vec<String>,
    /// Qualified names of the exceptions that lift a rule, sorted; empty where the test names none.
    pub excepting: Vec<String>,
}
