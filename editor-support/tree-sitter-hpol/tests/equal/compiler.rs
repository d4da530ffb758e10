//! What the compiler's parser makes of a text.

use hpol_syntax::ast::{Condition, Effect, History, Item, Name, On, Operator, Satisfies, Who};
use hpol_syntax::code::Code;
use hpol_syntax::lex::{Kind, tokens};
use hpol_syntax::parse::parse;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::{Span, Spanned};
use hpol_syntax::split::split;

use super::{Mark, Outcome};

/// Bounds. A text beyond one is not read, so there is nothing to compare.
const BOUNDS: [Code; 2] = [Code::TooDeep, Code::TooLong];

/// What no context-free grammar says. Editors hear it from the language server.
const BEYOND_GRAMMAR: [Code; 2] = [Code::NumberRange, Code::ClauseTwice];

/// What the compiler says of `text`.
pub(crate) fn read(text: &str) -> Outcome {
    let (items, mut problems) = split(text);
    let mut marks = Vec::new();
    let mut complete = true;
    for stretch in items {
        let parsed = parse(&stretch.text);
        problems.extend(parsed.problems);
        let Some(item) = &parsed.item else {
            complete = false;
            continue;
        };
        let last = tokens(&stretch.text)
            .into_iter()
            .rfind(|token| token.kind != Kind::Doc);
        let whole = Span {
            start: parsed.start,
            end: last.map_or(0, |token| token.span.end),
        };
        Marks {
            offset: stretch.offset,
            marks: &mut marks,
        }
        .item(item, whole);
    }
    marks.sort_by(|one, other| super::order(one).cmp(&super::order(other)));
    let has = |codes: &[Code]| problems.iter().any(|found| codes.contains(&found.code));
    let grammatical = |found: &Problem| BEYOND_GRAMMAR.contains(&found.code);
    if has(&BOUNDS) {
        Outcome::Unread
    } else if !problems.iter().all(grammatical) || !complete {
        Outcome::Refused
    } else if problems.is_empty() {
        Outcome::Read(marks)
    } else {
        Outcome::Accepted
    }
}

struct Marks<'m> {
    offset: u32,
    marks: &'m mut Vec<Mark>,
}

impl Marks<'_> {
    fn mark(&mut self, kind: &'static str, span: Span) {
        let span = span.shifted(self.offset);
        self.marks
            .push((kind.to_owned(), span.start as usize..span.end as usize));
    }

    fn marks<'a, T: 'a>(
        &mut self,
        kind: &'static str,
        all: impl IntoIterator<Item = &'a Spanned<T>>,
    ) {
        for one in all {
            self.mark(kind, one.span);
        }
    }

    fn item(&mut self, item: &Item, whole: Span) {
        let (kind, name) = match item {
            Item::Package(package) => ("package_item", Some(package.name.span)),
            Item::Use(import) => {
                self.marks("baseline", &import.baseline);
                ("use_item", Some(import.path.span))
            }
            Item::Connection(connection) => {
                self.mark("protocol", connection.protocol.span);
                self.mark("target", connection.target.span);
                self.marks("label", connection.labels.iter().map(|label| &label.name));
                ("connection_item", Some(connection.name.span))
            }
            Item::Group(group) => {
                self.condition(&group.condition);
                ("group_item", Some(group.name.span))
            }
            Item::Predicate(predicate) => {
                self.marks("parameter", &predicate.parameters);
                self.condition(&predicate.condition);
                ("predicate_item", Some(predicate.name.span))
            }
            Item::Data(data) => {
                self.marks(
                    "connection",
                    data.columns.iter().map(|column| &column.connection),
                );
                self.marks(
                    "connection",
                    data.json.iter().map(|place| &place.connection),
                );
                ("data_item", Some(data.name.span))
            }
            Item::Rule(rule) => {
                self.marks("title", &rule.title);
                self.satisfies(rule.satisfies.as_ref());
                self.marks("reason", &rule.because);
                self.scope(
                    rule.who.as_ref(),
                    rule.on.as_ref(),
                    [&rule.when, &rule.unless],
                );
                for effect in &rule.effects {
                    self.effect(&effect.node);
                }
                ("rule_item", Some(rule.name.span))
            }
            Item::Responsibility(responsibility) => {
                self.marks("control", &responsibility.controls);
                self.mark("reason", responsibility.because.span);
                ("responsibility_item", None)
            }
            Item::Schedule(schedule) => {
                self.mark("zone", schedule.zone.span);
                ("schedule_item", Some(schedule.name.span))
            }
            Item::Exception(exception) => {
                self.mark("rule", exception.rule.span);
                self.marks("reason", &exception.because);
                self.scope(
                    exception.who.as_ref(),
                    exception.on.as_ref(),
                    [&exception.when, &exception.unless],
                );
                ("exception_item", Some(exception.name.span))
            }
            Item::Test(test) => {
                if let Some(expect) = &test.expect {
                    self.marks("control", &expect.citing);
                }
                ("test_item", Some(test.name.span))
            }
        };
        self.mark(kind, whole);
        if let Some(name) = name {
            self.mark("name", name);
        }
    }

    fn satisfies(&mut self, satisfies: Option<&Satisfies>) {
        match satisfies {
            None => {}
            Some(Satisfies::None { because }) => self.mark("reason", because.span),
            Some(Satisfies::Controls { controls, because }) => {
                self.marks("control", controls);
                self.marks("reason", because);
            }
        }
    }

    fn scope(&mut self, who: Option<&Who>, on: Option<&On>, conditions: [&Option<Condition>; 2]) {
        match who {
            None => {}
            Some(Who::Everyone(span)) => self.mark("everyone", *span),
            Some(Who::EveryoneExcept(condition) | Who::Those(condition)) => {
                self.condition(condition);
            }
        }
        match on {
            None => {}
            Some(On::Any(span)) => self.mark("any_connection", *span),
            Some(On::Connections(connections)) => self.marks("connection", connections),
            Some(On::Labelled(_)) => {}
        }
        for condition in conditions.into_iter().flatten() {
            self.condition(condition);
        }
    }

    /// By what is named in it: the compiler's span of an effect may take in what follows.
    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Allow { rows } => self.marks("rows", rows),
            Effect::Block { message, .. } => self.marks("message", message),
            Effect::RequireApproval {
                quorum,
                group,
                within,
                stands,
            } => {
                self.mark("quorum", quorum.span);
                self.mark("group", group.span);
                self.mark("within", within.span);
                self.marks("stands", stands);
            }
            Effect::RequireJustification { reviewers } => self.mark("group", reviewers.span),
            Effect::Mask { class, .. } => self.mark("class", class.span),
            Effect::Limit { rows } => self.mark("rows", rows.span),
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                for part in parts {
                    self.condition(part);
                }
            }
            Condition::Not(inner) => self.condition(inner),
            Condition::Atom(name) | Condition::Present(name) => self.operand(name),
            Condition::During(during) => self.mark("during", during.span),
            Condition::Call(call) => {
                self.mark("call", call.span);
                self.mark("callee", call.name.span);
            }
            Condition::Comparison(comparison) => {
                let alone = comparison.operator.node == Operator::Holds;
                self.mark(
                    if alone { "defaulted" } else { "comparison" },
                    comparison.span,
                );
                self.operand(&comparison.fact);
                self.marks("literal", &comparison.default);
                self.marks("literal", &comparison.values);
            }
            Condition::History(history) => self.history(history),
        }
    }

    fn operand(&mut self, name: &Name) {
        let kind = match name.node.as_str() {
            claim if claim.starts_with("subject.claims[") => "claim",
            _ => "path",
        };
        self.mark(kind, name.span);
    }

    fn history(&mut self, history: &History) {
        self.mark("history", history.span);
        self.mark("within", history.within.span);
        if let Some(bound) = history.measure.node.bound() {
            self.mark("literal", bound.number.span);
        }
        if let Some(filter) = &history.filter {
            self.condition(filter);
        }
    }
}
