//! Reads the units of an item in order and knows at each what can come next. Never fails: what does not fit is
//! `Role::Unknown`, and the next clause sets it right.

mod condition;
mod expected;
mod signs;

use hpol_syntax::span::Span;
use hpol_syntax::words;

use super::units::{Shape, Unit};
use super::{Mention, Role};

/// What comes behind the verdict of an expectation.
const EXPECTED: &[&str] = &["by", "citing", "masking", "limit", "observing", "excepting"];
const VERDICTS: &[&str] = &["allow", "block", "require"];
/// What says who asks in a test.
const SUBJECT: &[&str] = &[
    "subject",
    "groups",
    "issuer",
    "from",
    "justification",
    "claims",
];
const MASKERS: &[&str] = &["redact", "hash", "null", "keep"];
const APPROVAL: &[&str] = &["approval", "by", "of", "within", "for", "this", "operation"];

/// Where the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// Before the item.
    Start,
    /// The name that the item declares.
    Name,
    /// A day of the calendar.
    Day,
    /// Behind the name of a predicate.
    Parameters,
    /// Before `=` or `{`.
    Head,
    Protocol,
    /// One of these words, then more of the same.
    Words(&'static [&'static str]),
    Package,
    Baseline,
    /// Names in a list with commas; whether one was read and no comma since.
    List(Role, bool),
    Operand,
    /// Behind a name in a condition.
    Test,
    Value,
    /// Behind `during`.
    Schedule,
    /// Behind a test.
    Joint,
    Clause,
    Place,
    Method,
    /// In the claims of a test's subject, or the labels of a connection.
    Claims,
    /// What chooses connections by labels: before a label, or behind one.
    Labels,
    Free,
}

/// A bracket that is open in a condition.
#[derive(Debug, Clone, Copy)]
enum Bracket {
    Group {
        default: Option<usize>,
        operand: Option<Span>,
    },
    List,
    Call {
        of: Span,
        arguments: usize,
    },
}

/// The state of reading one item.
pub(super) struct Reader<'t> {
    text: &'t str,
    pub(super) mentions: Vec<Mention>,
    /// The item's own word.
    keyword: &'static str,
    slot: Slot,
    /// Whether the brace of the item is open.
    inside: bool,
    brackets: Vec<Bracket>,
    /// The name that a test is about.
    operand: Option<Span>,
    /// A value behind `or` that belongs to the name before, if a test follows the bracket.
    default: Option<(usize, Option<Span>)>,
    /// Whether the condition is about the subject alone.
    subject: bool,
    last: Option<Unit>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Reader<'t> {
        Reader {
            text,
            mentions: Vec::new(),
            keyword: "",
            slot: Slot::Start,
            inside: false,
            brackets: Vec::new(),
            operand: None,
            default: None,
            subject: false,
            last: None,
        }
    }

    pub(super) fn read(&mut self, unit: &Unit) {
        let default = self.default.take();
        match unit.shape {
            Shape::Doc => self.mention(unit, Role::Doc),
            Shape::Text => self.string(unit),
            Shape::Number => self.number(unit),
            Shape::Name => self.name(unit, default),
            Shape::Comma => self.comma(),
            Shape::Operator => self.operator(unit, default),
            Shape::Open(bracket) => self.open(unit, bracket),
            Shape::Close(bracket) => self.close(bracket),
        }
        self.last = Some(*unit);
    }

    fn mention(&mut self, unit: &Unit, role: Role) {
        let of = match (role, self.brackets.last()) {
            (Role::Value, Some(Bracket::Call { of, .. })) => Some(*of),
            (Role::Value, _) => self.operand,
            _ => None,
        };
        self.mentions.push(Mention {
            span: unit.span,
            role,
            of,
        });
    }

    fn string(&mut self, unit: &Unit) {
        self.mention(unit, Role::Text);
        match self.slot {
            Slot::Value => self.value_read(),
            Slot::Name => self.slot = Slot::Head,
            Slot::Method => self.slot = Slot::Words(&["content_type", "body"]),
            Slot::Free if self.inside => self.slot = Slot::Clause,
            _ => {}
        }
    }

    fn number(&mut self, unit: &Unit) {
        self.mention(unit, Role::Number);
        match self.slot {
            Slot::Value => self.value_read(),
            Slot::Free | Slot::Day if self.inside => self.slot = Slot::Clause,
            _ => {}
        }
    }

    fn name(&mut self, unit: &Unit, default: Option<(usize, Option<Span>)>) {
        let word = unit.span.of(self.text);
        if self.begins_clause(word, unit) {
            self.mention(unit, Role::Keyword);
            return self.clause(word);
        }
        match self.slot {
            Slot::Start => self.item(word, unit),
            Slot::Name => {
                self.mention(unit, Role::Declared);
                self.slot = match self.keyword {
                    "predicate" => Slot::Parameters,
                    "package" => Slot::Free,
                    "exception" => Slot::Words(&["to"]),
                    _ => Slot::Head,
                };
            }
            Slot::Parameters if matches!(self.brackets.last(), Some(Bracket::Group { .. })) => {
                self.mention(unit, Role::Parameter);
            }
            Slot::Protocol => {
                self.mention(unit, Role::Protocol);
                self.slot = Slot::Free;
            }
            Slot::Package => {
                self.mention(unit, Role::Package);
                self.slot = Slot::Words(&["baseline"]);
            }
            Slot::Baseline => {
                self.mention(unit, Role::Baseline);
                self.slot = Slot::Free;
            }
            Slot::Operand => self.operand(word, unit),
            Slot::Test | Slot::Joint => self.behind(word, unit, default),
            Slot::Value => self.value(word, unit),
            Slot::Schedule => {
                self.mention(unit, Role::Schedule);
                self.slot = Slot::Joint;
            }
            Slot::List(role, read) => self.listed(word, unit, role, read),
            Slot::Place => {
                self.mention(unit, Role::Place);
                self.slot = Slot::Words(&["on"]);
            }
            Slot::Method => self.mention(unit, Role::Method),
            Slot::Claims => self.mention(unit, Role::Value),
            Slot::Labels => self.label(word, unit),
            Slot::Day => {
                self.mention(unit, Role::Number);
                self.slot = Slot::Clause;
            }
            Slot::Words(_) | Slot::Head => self.part(word, unit),
            Slot::Parameters | Slot::Clause | Slot::Free => self.part(word, unit),
        }
    }

    /// Whether a word begins a clause here, whatever came before.
    fn begins_clause(&self, word: &str, unit: &Unit) -> bool {
        let open = self
            .brackets
            .iter()
            .any(|bracket| !matches!(bracket, Bracket::Group { .. }));
        self.inside
            && (unit.first || !open)
            && words::clauses(self.keyword).contains(&word)
            && (self.slot != Slot::Value || unit.first)
            && (unit.first || self.keyword != "rule" || word != "limit")
    }

    fn item(&mut self, word: &str, unit: &Unit) {
        self.mention(unit, Role::Keyword);
        let mut items = words::ITEMS.iter().copied();
        self.keyword = items.find(|item| *item == word).unwrap_or("");
        self.subject = word == "group";
        self.slot = match word {
            "use" => Slot::Package,
            "responsibility" => Slot::List(Role::Control, false),
            "" => Slot::Free,
            _ => Slot::Name,
        };
    }

    fn clause(&mut self, word: &str) {
        self.brackets.clear();
        self.operand = None;
        self.subject = word == "who";
        self.slot = match word {
            "satisfies" => Slot::List(Role::Control, false),
            "who" | "when" | "unless" => Slot::Operand,
            "on" => Slot::List(Role::Connection, false),
            "allow" | "permit" => Slot::Words(&["limit"]),
            "require" => Slot::Words(&["approval", "justification"]),
            "mask" => Slot::List(Role::Class, false),
            "limit" => Slot::Words(&["rows"]),
            "observe" => Slot::Clause,
            "until" => Slot::Day,
            "column" | "json" => Slot::Place,
            "detector" => Slot::List(Role::Detector, false),
            "as" => Slot::Words(SUBJECT),
            "http" => Slot::Method,
            "expect" => Slot::Words(VERDICTS),
            _ => Slot::Free,
        };
    }

    /// A word of the language inside of a clause.
    fn part(&mut self, word: &str, unit: &Unit) {
        let expect = self.keyword == "test";
        let slot = match word {
            "baseline" => Slot::Baseline,
            "of" => Slot::List(Role::Approvers, false),
            "by" if expect => Slot::List(Role::Rule, false),
            // `reviewed by`.
            "by" if matches!(self.slot, Slot::Words(["by"])) => Slot::List(Role::Approvers, false),
            "reviewed" => Slot::Words(&["by"]),
            "justification" if expect => Slot::Words(SUBJECT),
            "justification" => Slot::Words(&["reviewed"]),
            "observing" => Slot::List(Role::Rule, false),
            "excepting" => Slot::List(Role::Exception, false),
            "citing" => Slot::List(Role::Control, false),
            "masking" | "releasing" => Slot::List(Role::Class, false),
            "ago" | "times" | "bytes" | "flight" | "session" if expect => Slot::Free,
            "in" | "this" if expect => Slot::Free,
            "on" => Slot::List(Role::Connection, false),
            "to" => Slot::List(Role::Rule, false),
            "limit" => Slot::Words(&["rows"]),
            "rows" if expect => Slot::Words(EXPECTED),
            "allow" | "block" | "permit" | "deny" if expect => Slot::Words(EXPECTED),
            "terminate" => Slot::Words(&["session"]),
            "session" if matches!(self.slot, Slot::Words(["session"])) => Slot::Free,
            "require" => Slot::Words(&["approval", "justification"]),
            "approval" if expect => Slot::Words(EXPECTED),
            "keep" => Slot::Words(&["last", "first"]),
            "approval" | "by" | "within" | "for" | "this" | "operation" => Slot::Words(APPROVAL),
            "claims" | "labels" => Slot::Claims,
            "subject" | "groups" | "issuer" | "from" => Slot::Words(SUBJECT),
            "content_type" | "body" => Slot::Words(&["content_type", "body"]),
            "redact" | "hash" | "null" | "last" | "first" | "rows" | "because" => Slot::Free,
            _ => return self.mention(unit, Role::Unknown),
        };
        self.mention(unit, Role::Keyword);
        self.slot = slot;
    }

    fn listed(&mut self, word: &str, unit: &Unit, role: Role, read: bool) {
        let behind = self.text.get(unit.span.end as usize..).unwrap_or("");
        if role == Role::Connection
            && word == "connections"
            && behind.trim_start().starts_with("where")
        {
            self.mention(unit, Role::Keyword);
            self.slot = Slot::Labels;
            return;
        }
        let keyword = match role {
            Role::Control => matches!(word, "none" | "because"),
            Role::Connection => word == "any",
            _ => false,
        };
        if keyword {
            self.mention(unit, Role::Keyword);
            self.slot = Slot::Free;
        } else if read {
            self.part(word, unit);
        } else {
            self.mention(unit, role);
            self.slot = match (role, self.keyword) {
                (Role::Approvers, _) => Slot::Words(APPROVAL),
                (Role::Class, "rule") => Slot::Words(MASKERS),
                (Role::Connection, "data") | (Role::Detector, _) => Slot::Clause,
                _ => Slot::List(role, true),
            };
        }
    }

    /// A word of what chooses connections: one of the language, or the name of a label.
    fn label(&mut self, word: &str, unit: &Unit) {
        let keyword = matches!(word, "where" | "and" | "or" | "not" | "has" | "in");
        self.mention(unit, if keyword { Role::Keyword } else { Role::Value });
    }
}
