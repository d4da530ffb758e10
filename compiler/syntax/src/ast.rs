//! The tree of one item, as written: names are not resolved, types are not checked. All spans count from the first
//! byte of the item.

mod exception;
mod responsibility;
mod schedule;

use crate::span::{Span, Spanned};

pub use exception::Exception;
pub use responsibility::Responsibility;
pub use schedule::{ClockRange, DaySpan, Schedule, WeekTimes};

/// A name of one word or of several with dots, such as `orders_db` or `pii.ssn`.
pub type Name = Spanned<String>;

/// One item of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// `package orders.production`.
    Package(Package),
    /// `use nist.sp800_53r5 baseline moderate`.
    Use(Use),
    /// `connection orders_db = postgres "orders-prod"`.
    Connection(Connection),
    /// `group agents = subject.groups has "autonomous-agents"`.
    Group(Group),
    /// `predicate writes(table) = sql.writes has table`.
    Predicate(Predicate),
    /// `data pii.ssn { ... }`.
    Data(Data),
    /// `rule read_orders "Title" { ... }`.
    Rule(Box<Rule>),
    /// `responsibility AC-2 "Identity team" because "..."`.
    Responsibility(Responsibility),
    /// `schedule office = weekdays 09:00-17:00 in "Europe/Berlin"`.
    Schedule(Schedule),
    /// `exception nightly to no_drops { ... }`.
    Exception(Box<Exception>),
    /// `test "agents cannot drop tables" { ... }`.
    Test(Box<Test>),
}

/// The package that a file belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: Name,
}

/// An import: the control catalogue, or another package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What is imported.
    pub path: Name,
    /// The baseline, for the catalogue.
    pub baseline: Option<Name>,
}

/// A named upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name in the policy.
    pub name: Name,
    /// The protocol's word.
    pub protocol: Name,
    /// Its name in the gateway's configuration.
    pub target: Spanned<String>,
    /// What rules can choose it by.
    pub labels: Vec<Label>,
    /// Where it says that it is only observed.
    pub observe: Option<Span>,
}

/// `env = "prod"` of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Spanned<String>,
}

/// A named condition over the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// Who belongs to it.
    pub condition: Condition,
}

/// A named condition with parameters, which stand for values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Its name.
    pub name: Name,
    /// The names of its parameters.
    pub parameters: Vec<Name>,
    /// What it stands for.
    pub condition: Condition,
}

/// A kind of sensitive data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Its name, such as `pii.ssn`.
    pub name: Name,
    /// Where it is stored.
    pub columns: Vec<Column>,
    /// Where it stands in JSON documents.
    pub json: Vec<JsonPlace>,
    /// How it looks.
    pub detectors: Vec<Name>,
    /// False where a clause could not be read.
    pub complete: bool,
}

/// `column public.customers.ssn on orders_db`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Schema, table and column, if written right.
    pub parts: Vec<Part>,
    /// Where the parts stand.
    pub span: Span,
    /// The connection.
    pub connection: Name,
}

/// `json $.customer.ssn on crm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPlace {
    /// The path as written, `$` and all.
    pub path: Name,
    /// The connection.
    pub connection: Name,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: Name,
    /// The title in quotes.
    pub title: Option<Spanned<String>>,
    /// What it claims.
    pub satisfies: Option<Satisfies>,
    /// Why it exists.
    pub because: Option<Spanned<String>>,
    /// Whom it concerns.
    pub who: Option<Who>,
    /// Where it applies.
    pub on: Option<On>,
    /// When it applies.
    pub when: Option<Condition>,
    /// When it does not, although all else holds.
    pub unless: Option<Condition>,
    /// What it does; a rule that is right has exactly one.
    pub effects: Vec<Spanned<Effect>>,
    /// Where it says that it is only observed.
    pub observe: Option<Span>,
    /// False where a clause could not be read, so that what is missing may only be misspelt.
    pub complete: bool,
}

/// The controls that a rule claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Satisfies {
    /// `satisfies none because "..."`.
    None {
        /// Why.
        because: Spanned<String>,
    },
    /// `satisfies AC-3, AC-6(10) because "..."`.
    Controls {
        /// As written, blanks taken out.
        controls: Vec<Name>,
        /// Why, for controls that the mechanism table does not carry.
        because: Option<Spanned<String>>,
    },
}

/// Whom a rule concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// `everyone`.
    Everyone(Span),
    /// `everyone except dbas`.
    EveryoneExcept(Condition),
    /// `agents`, or any condition over the subject.
    Those(Condition),
}

/// Where a rule applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// `on any`.
    Any(Span),
    /// `on orders_db, crm`.
    Connections(Vec<Name>),
    /// `on connections where env == "prod"`.
    Labelled(Spanned<Selection>),
}

/// Which connections labels choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them hold.
    All(Vec<Selection>),
    /// One of them holds.
    Any(Vec<Selection>),
    /// It does not hold.
    Not(Box<Selection>),
    /// The label has one of these values.
    Is {
        /// The label.
        label: Name,
        /// The values.
        values: Vec<Spanned<String>>,
    },
    /// There is such a label.
    Has(Name),
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// `allow limit rows 10_000`.
    Allow {
        /// Rows at most.
        rows: Option<Spanned<i64>>,
    },
    /// `block "message"`.
    Block {
        /// What to do instead.
        message: Option<Spanned<String>>,
    },
    /// `require approval by 2 of dbas within 15m`.
    RequireApproval {
        /// How many.
        quorum: Spanned<i64>,
        /// Of whom.
        group: Name,
        /// Seconds that the request waits.
        within: Spanned<u64>,
    },
    /// `mask pii.ssn keep last 4`.
    Mask {
        /// What.
        class: Name,
        /// How.
        masker: Masker,
    },
    /// `limit rows 10_000`.
    Limit {
        /// Rows at most.
        rows: Spanned<i64>,
    },
}

/// How a value is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Masker {
    /// `redact`, also where nothing is written.
    Redact,
    /// `hash`.
    Hash,
    /// `null`.
    Null,
    /// `keep last 4`.
    KeepLast(Spanned<i64>),
    /// `keep first 4`.
    KeepFirst(Spanned<i64>),
}

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

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// One of them.
    Or(Vec<Condition>),
    /// Not so.
    Not(Box<Condition>),
    /// A boolean fact, a group, or a predicate without parameters.
    Atom(Name),
    /// `writes(public.orders)`.
    Call(Call),
    /// `has http.content_type`.
    Present(Name),
    /// A test of one fact.
    Comparison(Comparison),
    /// `earlier within 30m (result.classes has pii.ssn)`.
    History(Box<History>),
}

/// A test of what happened before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What is measured.
    pub measure: Spanned<Measure>,
    /// Over which operations; all of them where nothing is said.
    pub filter: Option<Condition>,
    /// Seconds that it looks back.
    pub within: Spanned<u64>,
    /// Whether it says `in this session`.
    pub in_session: bool,
    /// All of it.
    pub span: Span,
}

/// What is measured of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// `earlier`: there is one.
    Earlier,
    /// `never`: there is none.
    Never,
    /// `count(...) > 10`.
    Count(Bound),
    /// `sum(result.rows where ...) > 500`.
    Sum(Name, Bound),
    /// `distinct(sql.reads where ...) > 20`.
    Distinct(Name, Bound),
}

impl Measure {
    /// The word that it begins with.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Measure::Earlier => "earlier",
            Measure::Never => "never",
            Measure::Count(_) => "count",
            Measure::Sum(..) => "sum",
            Measure::Distinct(..) => "distinct",
        }
    }

    /// What its number is compared with, where it is written.
    #[must_use]
    pub fn bound(&self) -> Option<&Bound> {
        match self {
            Measure::Earlier | Measure::Never => None,
            Measure::Count(bound) | Measure::Sum(_, bound) | Measure::Distinct(_, bound) => {
                Some(bound)
            }
        }
    }

    /// As [`Measure::bound`], to be replaced.
    pub fn bound_mut(&mut self) -> Option<&mut Bound> {
        match self {
            Measure::Earlier | Measure::Never => None,
            Measure::Count(bound) | Measure::Sum(_, bound) | Measure::Distinct(_, bound) => {
                Some(bound)
            }
        }
    }
}

/// What a number is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// How; one of those that order numbers.
    pub operator: Spanned<Operator>,
    /// With what.
    pub number: Literal,
}

/// A predicate with values for its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: Name,
    /// The values.
    pub arguments: Vec<Literal>,
    /// All of it.
    pub span: Span,
}

/// `(http.content_type or "none") == "application/json"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The fact.
    pub fact: Name,
    /// What to read where it is missing.
    pub default: Option<Literal>,
    /// The test.
    pub operator: Spanned<Operator>,
    /// What it is compared with: one literal, or a list for the operators that take one.
    pub values: Vec<Literal>,
    /// All of it.
    pub span: Span,
}

/// How a fact is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    Greater,
    /// `>=`.
    AtLeast,
    /// `in [..]`.
    In,
    /// `starts with`.
    StartsWith,
    /// `under`.
    Under,
    /// `has`.
    Has,
    /// `has any [..]`.
    HasAny,
    /// `has all [..]`.
    HasAll,
    /// `within [..]`.
    Within,
    /// `(fact or true)` with no test behind it.
    Holds,
}

impl Operator {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Greater => ">",
            Operator::AtLeast => ">=",
            Operator::In => "in",
            Operator::StartsWith => "starts with",
            Operator::Under => "under",
            Operator::Has => "has",
            Operator::HasAny => "has any",
            Operator::HasAll => "has all",
            Operator::Within => "within",
            Operator::Holds => "or",
        }
    }
}

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
