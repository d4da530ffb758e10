//! Turns what the generated parser accepted into the tree, and answers the common slips that the grammar lets through.

use pest::iterators::{Pair, Pairs};

use crate::ast::{
    Column, Condition, Connection, Data, Effect, Group, Item, Masker, Name, On, Package,
    Rule as RuleItem, Satisfies, Test, Use, Who,
};
use crate::code::Code;
use crate::grammar::Rule;
use crate::problem::Problem;
use crate::span::{Span, Spanned};

/// Builds the tree of one item, or of one clause of it.
pub(super) struct Builder {
    /// Where the parsed text begins in the item.
    pub(super) base: u32,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
}

/// Records in `item` whether all its clauses could be read.
pub(super) fn set_complete(item: &mut Item, complete: bool) {
    match item {
        Item::Data(data) => data.complete = complete,
        Item::Rule(rule) => rule.complete = complete,
        Item::Exception(exception) => exception.complete = complete,
        Item::Test(test) => test.complete = complete,
        Item::Package(_)
        | Item::Use(_)
        | Item::Responsibility(_)
        | Item::Connection(_)
        | Item::Group(_)
        | Item::Predicate(_)
        | Item::Schedule(_) => {}
    }
}

impl Builder {
    pub(super) fn new(base: u32) -> Builder {
        Builder {
            base,
            problems: Vec::new(),
        }
    }

    /// The tree of a whole item.
    pub(super) fn item(&mut self, pair: Pair<'_, Rule>) -> Option<Item> {
        let rule = pair.as_rule();
        let mut parts = pair.into_inner();
        parts.next()?; // the item keyword
        let mut item = match rule {
            Rule::package_item => Item::Package(Package {
                name: self.name(&parts.next()?),
            }),
            Rule::use_item => {
                let path = self.name(&parts.next()?);
                let baseline = parts
                    .find(|part| part.as_rule() == Rule::word)
                    .map(|word| self.name(&word));
                Item::Use(Use { path, baseline })
            }
            Rule::connection_item => {
                let name = self.name(&parts.next()?);
                let protocol = self.name(&parts.find(|part| part.as_rule() == Rule::word)?);
                let target = self.string(&parts.next()?);
                let labels = parts.clone().find(|part| part.as_rule() == Rule::labels);
                let labels = labels.map(|labels| self.labels(labels));
                let observe = parts.find(|part| part.as_rule() == Rule::OBSERVE);
                let observe = observe.map(|word| self.span(&word));
                Item::Connection(Connection {
                    name,
                    protocol,
                    target,
                    labels: labels.unwrap_or_default(),
                    observe,
                })
            }
            Rule::group_item => {
                let name = self.name(&parts.next()?);
                let condition = parts.find(|part| part.as_rule() == Rule::condition)?;
                Item::Group(Group {
                    name,
                    condition: self.condition(condition)?,
                })
            }
            Rule::schedule_item => Item::Schedule(self.schedule(&mut parts)?),
            Rule::predicate_item => Item::Predicate(self.predicate(&mut parts)?),
            Rule::data_item => {
                let name = self.name(&parts.next()?);
                Item::Data(Data {
                    name,
                    columns: Vec::new(),
                    json: Vec::new(),
                    detectors: Vec::new(),
                    complete: true,
                })
            }
            Rule::rule_item => Item::Rule(Box::new(self.rule_head(&mut parts)?)),
            Rule::responsibility_item => {
                return self.responsibility(parts).map(Item::Responsibility);
            }
            Rule::exception_item => Item::Exception(Box::new(self.exception_head(&mut parts)?)),
            Rule::test_item => Item::Test(Box::new(Test {
                name: self.string(&parts.next()?),
                subject: None,
                on: None,
                at: None,
                operations: Vec::new(),
                before: Vec::new(),
                expect: None,
                complete: true,
            })),
            _ => return None,
        };
        for part in parts {
            self.clause(&mut item, part);
        }
        Some(item)
    }

    fn rule_head(&mut self, parts: &mut Pairs<'_, Rule>) -> Option<RuleItem> {
        let name = self.name(&parts.next()?);
        let title = parts
            .next()
            .filter(|part| part.as_rule() == Rule::string)
            .map(|part| self.string(&part));
        Some(RuleItem {
            name,
            title,
            satisfies: None,
            because: None,
            who: None,
            on: None,
            when: None,
            unless: None,
            effects: Vec::new(),
            observe: None,
            complete: true,
        })
    }

    /// Adds one clause to `item`; anything else than a clause is a bracket and is passed over.
    pub(super) fn clause(&mut self, item: &mut Item, pair: Pair<'_, Rule>) {
        let span = self.span(&pair);
        let text = pair.as_str();
        let outcome = match item {
            Item::Data(data) => self.data_clause(data, pair),
            Item::Rule(rule) => self.rule_clause(rule, pair),
            Item::Exception(exception) => self.exception_clause(exception, pair),
            Item::Test(test) => self.test_clause(test, pair),
            Item::Package(_)
            | Item::Use(_)
            | Item::Responsibility(_)
            | Item::Connection(_)
            | Item::Group(_)
            | Item::Predicate(_)
            | Item::Schedule(_) => Outcome::Taken,
        };
        let word = text.split_whitespace().next().unwrap_or(text);
        self.problems.extend(match outcome {
            Outcome::Taken => None,
            Outcome::Twice => Some(
                Problem::new(
                    Code::ClauseTwice,
                    format!("`{word}` stands twice"),
                    span,
                    "the second one",
                )
                .help("join them, or make two of it"),
            ),
            Outcome::Unread => Some(Problem::new(
                Code::Unexpected,
                format!("`{word}` cannot be read"),
                span,
                "this clause",
            )),
        });
    }

    fn data_clause(&mut self, data: &mut Data, pair: Pair<'_, Rule>) -> Outcome {
        let rule = pair.as_rule();
        let mut parts = pair.into_inner().skip(1);
        match rule {
            Rule::column_clause => {
                let (Some(name), Some(connection)) = (parts.next(), parts.nth(1)) else {
                    return Outcome::Unread;
                };
                let span = self.span(&name);
                let connection = self.name(&connection);
                data.columns.push(Column {
                    parts: self.parts(name),
                    span,
                    connection,
                });
                Outcome::Taken
            }
            Rule::json_clause => add(&mut data.json, self.json_place(parts)),
            Rule::detector_clause => add(
                &mut data.detectors,
                parts.next().map(|word| self.name(&word)),
            ),
            _ => Outcome::Taken,
        }
    }

    fn rule_clause(&mut self, rule: &mut RuleItem, pair: Pair<'_, Rule>) -> Outcome {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::satisfies_clause => put(&mut rule.satisfies, self.satisfies(pair)),
            Rule::because_clause => {
                let reason = pair.into_inner().nth(1).map(|text| self.string(&text));
                put(&mut rule.because, reason)
            }
            Rule::who_clause => put(&mut rule.who, self.who(pair)),
            Rule::on_clause => put(&mut rule.on, self.on(pair)),
            Rule::when_clause => put(&mut rule.when, self.clause_condition(pair)),
            Rule::unless_clause => put(&mut rule.unless, self.clause_condition(pair)),
            Rule::observed_effect => self.observed(rule, pair),
            Rule::allow_effect
            | Rule::block_effect
            | Rule::approval_effect
            | Rule::justification_effect
            | Rule::mask_effect
            | Rule::limit_effect => add(
                &mut rule.effects,
                self.effect(pair).map(|node| Spanned { node, span }),
            ),
            _ => Outcome::Taken,
        }
    }

    /// The condition behind the keyword of a clause.
    pub(super) fn clause_condition(&mut self, pair: Pair<'_, Rule>) -> Option<Condition> {
        let condition = pair.into_inner().nth(1)?;
        self.condition(condition)
    }

    fn satisfies(&mut self, pair: Pair<'_, Rule>) -> Option<Satisfies> {
        let claims = pair.into_inner().nth(1)?;
        let rule = claims.as_rule();
        let mut controls = Vec::new();
        let mut because = None;
        for part in claims.into_inner() {
            match part.as_rule() {
                Rule::control => controls.push(self.control(&part)),
                Rule::string => because = Some(self.string(&part)),
                Rule::claim_reason => {
                    because = part
                        .into_inner()
                        .find(|part| part.as_rule() == Rule::string)
                        .map(|s| self.string(&s));
                }
                _ => {}
            }
        }
        Some(match rule {
            Rule::nothing => Satisfies::None { because: because? },
            _ => Satisfies::Controls { controls, because },
        })
    }

    /// A control, with the canonical form demanded.
    pub(super) fn control(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let span = self.span(pair);
        let written = pair.as_str().trim_end();
        let right: String = written
            .split_whitespace()
            .collect::<String>()
            .to_ascii_uppercase();
        if right != written {
            self.problems.push(
                Problem::new(
                    Code::ControlForm,
                    format!("`{written}` is not how a control is written"),
                    span,
                    "here",
                )
                .write(&right),
            );
        }
        Spanned { node: right, span }
    }

    pub(super) fn who(&mut self, pair: Pair<'_, Rule>) -> Option<Who> {
        let whom = pair.into_inner().nth(1)?;
        let span = self.span(&whom);
        Some(match whom.as_rule() {
            Rule::everyone => Who::Everyone(span),
            Rule::everyone_but => Who::EveryoneExcept(self.condition(whom.into_inner().nth(2)?)?),
            _ => Who::Those(self.condition(whom)?),
        })
    }

    pub(super) fn on(&mut self, pair: Pair<'_, Rule>) -> Option<On> {
        let mut connections = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::any_connection => return Some(On::Any(self.span(&part))),
                Rule::labelled => {
                    let span = self.span(&part);
                    let mut parts = part.into_inner();
                    let selection = parts.find(|part| part.as_rule() == Rule::selection)?;
                    let node = self.selection(selection)?;
                    return Some(On::Labelled(Spanned { node, span }));
                }
                Rule::path => connections.push(self.name(&part)),
                _ => {}
            }
        }
        Some(On::Connections(connections))
    }

    pub(super) fn effect(&mut self, pair: Pair<'_, Rule>) -> Option<Effect> {
        let rule = pair.as_rule();
        let mut parts = pair.into_inner();
        let keyword = parts.next()?;
        self.slip(&keyword);
        Some(match rule {
            Rule::allow_effect => Effect::Allow {
                rows: match parts.next() {
                    Some(limit) => Some(self.limit(limit)?),
                    None => None,
                },
            },
            Rule::limit_effect => Effect::Limit {
                rows: self.limit(keyword)?,
            },
            Rule::block_effect => {
                let mut effect = (None, false);
                for part in parts {
                    match part.as_rule() {
                        Rule::string => effect.0 = Some(self.string(&part)),
                        _ => effect.1 = true,
                    }
                }
                let (message, terminates) = effect;
                Effect::Block {
                    message,
                    terminates,
                }
            }
            Rule::justification_effect => Effect::RequireJustification {
                reviewers: self.name(&parts.find(|part| part.as_rule() == Rule::path)?),
            },
            Rule::approval_effect => {
                let quorum = self.int(&parts.find(|part| part.as_rule() == Rule::int)?);
                let group = self.name(&parts.find(|part| part.as_rule() == Rule::path)?);
                let within = self.duration(&parts.find(|part| part.as_rule() == Rule::duration)?);
                let stands = parts
                    .find(|part| part.as_rule() == Rule::duration)
                    .map(|stands| self.duration(&stands));
                Effect::RequireApproval {
                    quorum,
                    group,
                    within,
                    stands,
                }
            }
            _ => {
                let class = self.name(&parts.next()?);
                let masker = parts
                    .next()
                    .map_or(Some(Masker::Redact), |masker| self.masker(masker))?;
                Effect::Mask { class, masker }
            }
        })
    }

    fn masker(&mut self, pair: Pair<'_, Rule>) -> Option<Masker> {
        let mut parts = pair.into_inner();
        Some(match parts.next()?.as_rule() {
            Rule::REDACT => Masker::Redact,
            Rule::NULL => Masker::Null,
            Rule::HASH => {
                if let Some(more) = parts.next() {
                    self.more_than_hash(&more);
                }
                Masker::Hash
            }
            _ => {
                let end = parts.next()?.as_rule();
                let kept = self.int(&parts.next()?);
                if end == Rule::LAST {
                    Masker::KeepLast(kept)
                } else {
                    Masker::KeepFirst(kept)
                }
            }
        })
    }

    /// Answers `permit` and `deny`.
    pub(super) fn slip(&mut self, pair: &Pair<'_, Rule>) {
        let right = match pair.as_rule() {
            Rule::slip_permit => "allow",
            Rule::slip_deny => "block",
            _ => return,
        };
        let span = self.span(pair);
        let message = format!("`{}` is called `{right}` here", pair.as_str());
        self.problems
            .push(Problem::new(Code::ForeignEffect, message, span, "no such effect").write(right));
    }

    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        let trimmed = span.as_str().trim_end().len();
        Span::new(span.start(), span.start() + trimmed).shifted(self.base)
    }

    pub(super) fn name(&self, pair: &Pair<'_, Rule>) -> Name {
        Spanned {
            node: pair.as_str().to_owned(),
            span: self.span(pair),
        }
    }
}

/// What became of a clause.
pub(super) enum Outcome {
    /// It is in the tree, or it is a bracket.
    Taken,
    /// It was there already.
    Twice,
    /// It could not be read, although the grammar accepts it. Never passed over: a condition that is left out would
    /// widen its rule.
    Unread,
}

/// Fills `slot` with what was read.
pub(super) fn put<T>(slot: &mut Option<T>, value: Option<T>) -> Outcome {
    match (&slot, value) {
        (_, None) => Outcome::Unread,
        (Some(_), Some(_)) => Outcome::Twice,
        (None, value) => {
            *slot = value;
            Outcome::Taken
        }
    }
}

/// Adds what was read to a list.
pub(super) fn add<T>(list: &mut Vec<T>, value: Option<T>) -> Outcome {
    let Some(value) = value else {
        return Outcome::Unread;
    };
    list.push(value);
    Outcome::Taken
}
