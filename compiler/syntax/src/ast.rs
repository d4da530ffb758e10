//! The tree of one item, as written: names are not resolved, types are not checked. All spans count from the first
//! byte of the item.

mod condition;
mod exception;
mod literal;
mod responsibility;
mod rule;
mod schedule;
mod test;

use crate::span::{Span, Spanned};

pub use condition::{Bound, Call, Comparison, Condition, During, History, Measure, Operator};
pub use exception::Exception;
pub use literal::{Literal, LiteralKind, Part};
pub use responsibility::Responsibility;
pub use rule::{Effect, Masker, On, Rule, Satisfies, Selection, Who};
pub use schedule::{ClockRange, DaySpan, Schedule, WeekTimes};
pub use test::{Before, ClaimValue, Expect, Operation, Subject, Test, Verdict};

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
