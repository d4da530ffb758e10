//! Reads the units of an item in order and knows at each what can come next. Never fails: what does not fit is
//! `Role::Unknown`, and the next clause sets it right.

use hpol_syntax::span::Span;
use hpol_syntax::words;

use super::units::{Shape, Unit};
use super::{Expected, Mention, Role};

/// Words of an effect or of a test behind which a condition of its own stands.
const JOINTS: &[&str] = &["and", "or", "where"];
/// Words that begin a test of a fact.
const TESTS: &[&str] = &["in", "within", "has", "starts", "under"];
/// What comes behind the verdict of an expectation.
const EXPECTED: &[&str] = &["by", "citing", "masking", "limit", "observing", "excepting"];
const VERDICTS: &[&str] = &["allow", "block", "require"];
/// What says who asks in a test.
const SUBJECT: &[&str] = &["subject", "groups", "issuer", "from", "claims"];
const MASKERS: &[&str] = &["redact", "hash", "null", "keep"];
const APPROVAL: &[&str] = &["approval", "by", "of", "within", "for", "this", "operation"];

/// The facts whose values are data classes.
const OF_CLASSES: &[&str] = &["result.classes", "result.masked"];

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

    /// What can come next.
    pub(super) fn expected(&self) -> Expected {
        let value = |argument, listed| match (self.brackets.last(), self.operand) {
            (Some(Bracket::Call { of, arguments }), _) => Expected::Value {
                of: *of,
                argument: Some(*arguments),
                listed,
            },
            (_, Some(of)) => Expected::Value {
                of,
                argument,
                listed,
            },
            (_, None) => Expected::Free,
        };
        match self.slot {
            Slot::Start => Expected::Item,
            Slot::Clause if self.inside => Expected::Clause(self.keyword),
            Slot::Words(words) => Expected::Words(words),
            Slot::Protocol => Expected::Protocol,
            Slot::Package => Expected::Package,
            Slot::Baseline => Expected::Words(&["low", "moderate", "high", "privacy"]),
            Slot::List(role, false) => match role {
                Role::Connection => Expected::Connection,
                Role::Approvers => Expected::Approvers,
                Role::Class => Expected::Class,
                Role::Rule => Expected::Rule,
                Role::Exception => Expected::Exception,
                Role::Control => Expected::Control,
                Role::Detector => Expected::Detector,
                _ => Expected::Free,
            },
            Slot::List(_, true) => Expected::Joint(self.keyword),
            Slot::Operand => Expected::Condition {
                subject: self.subject,
            },
            Slot::Test => match self.operand {
                Some(of) => Expected::Test { of },
                None => Expected::Joint(self.keyword),
            },
            Slot::Value if self.asks_for_class() => Expected::Class,
            Slot::Value => value(None, matches!(self.brackets.last(), Some(Bracket::List))),
            Slot::Joint => Expected::Joint(self.keyword),
            Slot::Method => Expected::Method,
            Slot::Name
            | Slot::Parameters
            | Slot::Head
            | Slot::Clause
            | Slot::Place
            | Slot::Day
            | Slot::Claims
            | Slot::Labels
            | Slot::Free => Expected::Free,
        }
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
                // Schedules are no items that a place in a file is resolved to.
                let role = match self.keyword {
                    "schedule" => Role::Value,
                    _ => Role::Declared,
                };
                self.mention(unit, role);
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
            && clauses(self.keyword).contains(&word)
            && (self.slot != Slot::Value || unit.first)
            && (unit.first || self.keyword != "rule" || word != "limit")
    }

    fn item(&mut self, word: &str, unit: &Unit) {
        self.mention(unit, Role::Keyword);
        let items = words::ITEMS.iter().chain(words::UNSUPPORTED_ITEMS);
        self.keyword = items.copied().find(|item| *item == word).unwrap_or("");
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
            "require" => Slot::Words(APPROVAL),
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
            "require" => Slot::Words(&["approval"]),
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

    fn operand(&mut self, word: &str, unit: &Unit) {
        if words::RESERVED.contains(&word) {
            self.mention(unit, Role::Keyword);
            if word == "within" || word == "during" {
                (self.operand, self.slot) = (None, Slot::Value);
            } else if matches!(word, "true" | "false") {
                self.slot = Slot::Joint;
            }
            return;
        }
        self.mention(unit, Role::Operand);
        self.operand = Some(unit.span);
        self.slot = Slot::Test;
    }

    /// A word behind a name or a test.
    fn behind(&mut self, word: &str, unit: &Unit, default: Option<(usize, Option<Span>)>) {
        if JOINTS.contains(&word) {
            if let (Slot::Test, Some(Bracket::Group { default, operand })) =
                (self.slot, self.brackets.last_mut())
                && word == "or"
            {
                (*default, *operand) = (Some(self.mentions.len() + 1), self.operand);
            }
            self.mention(unit, Role::Keyword);
            self.slot = Slot::Operand;
        } else if TESTS.contains(&word) || words::unsupported(word).is_some() {
            self.tested(default);
            self.mention(unit, Role::Keyword);
            self.slot = Slot::Value;
        } else {
            self.part(word, unit);
        }
    }

    fn value(&mut self, word: &str, unit: &Unit) {
        let direct = !matches!(
            self.brackets.last(),
            Some(Bracket::List | Bracket::Call { .. })
        );
        let before = self.last.map(|last| last.span.of(self.text));
        let second = matches!(
            (before, word),
            (Some("has"), "any" | "all") | (Some("starts"), "with")
        );
        // `in this session`.
        let session = match (before, word) {
            (Some("in"), "this") => Some(Slot::Value),
            (Some("this"), "session") => Some(Slot::Joint),
            _ => None,
        };
        if let (true, Some(slot)) = (direct, session) {
            self.mention(unit, Role::Keyword);
            self.slot = slot;
        } else if direct && second {
            self.mention(unit, Role::Keyword);
        } else {
            let class = self.asks_for_class() && !self.is_parameter(word);
            self.mention(unit, if class { Role::Class } else { Role::Value });
            self.value_read();
        }
    }

    /// Whether the value of the operand is a data class.
    fn asks_for_class(&self) -> bool {
        let call = matches!(self.brackets.last(), Some(Bracket::Call { .. }));
        let operand = self.operand.map(|operand| operand.of(self.text));
        !call && operand.is_some_and(|operand| OF_CLASSES.contains(&operand))
    }

    fn is_parameter(&self, word: &str) -> bool {
        let mut parameters = self.mentions.iter();
        parameters.any(|known| known.role == Role::Parameter && known.span.of(self.text) == word)
    }

    /// A value ends a test, unless it stands in a bracket.
    fn value_read(&mut self) {
        if !matches!(
            self.brackets.last(),
            Some(Bracket::List | Bracket::Call { .. })
        ) {
            self.slot = Slot::Joint;
        }
    }

    /// A test behind a bracket shows that what stood behind `or` in it was a value.
    fn tested(&mut self, default: Option<(usize, Option<Span>)>) {
        let Some((index, operand)) = default else {
            return;
        };
        if let Some(mention) = self.mentions.get_mut(index)
            && mention.role == Role::Operand
        {
            (mention.role, mention.of) = (Role::Value, operand);
        }
        self.operand = operand;
    }

    fn comma(&mut self) {
        match (self.slot, self.brackets.last_mut()) {
            (Slot::List(role, _), _) => self.slot = Slot::List(role, false),
            (_, Some(Bracket::Call { arguments, .. })) => *arguments += 1,
            _ => {}
        }
    }

    fn operator(&mut self, unit: &Unit, default: Option<(usize, Option<Span>)>) {
        self.mention(unit, Role::Operator);
        let written = unit.span.of(self.text);
        match self.slot {
            Slot::Test | Slot::Joint => match written {
                "&&" | "||" => self.slot = Slot::Operand,
                _ => {
                    self.tested(default);
                    self.slot = Slot::Value;
                }
            },
            Slot::Head | Slot::Parameters if written == "=" => {
                self.brackets.clear();
                self.slot = match self.keyword {
                    "group" | "predicate" => Slot::Operand,
                    "connection" => Slot::Protocol,
                    "schedule" => Slot::Claims,
                    _ => Slot::Free,
                };
            }
            _ => {}
        }
    }

    fn open(&mut self, unit: &Unit, bracket: char) {
        let touching = self.last.filter(|last| last.span.end == unit.span.start);
        match (bracket, self.slot) {
            (_, Slot::Claims) => self.brackets.push(Bracket::List),
            ('{', _) => {
                self.inside = true;
                self.slot = Slot::Clause;
            }
            ('(', Slot::Test) => {
                if let (Some(of), Some(_)) = (self.operand, touching) {
                    self.brackets.push(Bracket::Call { of, arguments: 0 });
                    self.slot = Slot::Value;
                }
            }
            ('(', Slot::Operand | Slot::Joint | Slot::Parameters) => {
                self.brackets.push(Bracket::Group {
                    default: None,
                    operand: None,
                });
                if self.slot == Slot::Joint {
                    self.slot = Slot::Operand;
                }
            }
            ('[', Slot::Value) => self.brackets.push(Bracket::List),
            _ => {}
        }
    }

    fn close(&mut self, bracket: char) {
        match (bracket, self.brackets.last()) {
            (_, Some(Bracket::List)) if self.slot == Slot::Claims => {
                self.brackets.pop();
                if self.brackets.is_empty() {
                    self.slot = match self.keyword {
                        "test" => Slot::Words(SUBJECT),
                        _ => Slot::Free,
                    };
                }
            }
            ('}', _) => {
                self.inside = false;
                self.brackets.clear();
                self.slot = Slot::Free;
            }
            (')', Some(Bracket::Group { default, operand })) => {
                self.default = default.map(|index| (index, *operand));
                self.brackets.pop();
                if self.slot != Slot::Parameters {
                    self.slot = Slot::Joint;
                }
            }
            (')', Some(Bracket::Call { .. })) | (']', Some(Bracket::List)) => {
                self.brackets.pop();
                self.slot = Slot::Joint;
            }
            _ => {}
        }
    }
}

/// The words that begin a clause of an item.
pub(super) fn clauses(keyword: &str) -> &'static [&'static str] {
    match keyword {
        "rule" => words::RULE_CLAUSES,
        "exception" => words::EXCEPTION_CLAUSES,
        "data" => words::DATA_CLAUSES,
        "test" => words::TEST_CLAUSES,
        _ => &[],
    }
}
