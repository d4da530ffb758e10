//! Checks a rule and folds `who`, `on` and `when` into one condition.

use std::collections::BTreeSet;

use hpol_bundle::policy::{Condition, Predicate};
use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::{self, Name, On, Satisfies, Who};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Span;

use super::condition::{Reads, span, test};
use super::controls::Flow;
use super::history::looks_back_at_classes;
use super::{Checker, ProtocolFact};
use crate::lowered::{Lowered, Rule};
use crate::symbols::ConnectionSymbol;

/// What decides beside the rules of a policy: the built-in rule that blocks what nothing allows, and the gateway, which
/// refuses what cannot be judged.
pub(super) const BUILT_IN: [&str; 2] = ["default_deny", "gateway"];

/// The connections that an item names: as written, qualified, and what they are.
pub(super) type Connections = Vec<(Name, String, ConnectionSymbol)>;

impl Checker<'_> {
    pub(super) fn rule(&mut self, rule: &ast::Rule) -> Option<Lowered> {
        if BUILT_IN.contains(&rule.name.node.as_str()) {
            let message = format!("`{}` is not a name for a rule", rule.name.node);
            let label = "decides beside the rules of a policy";
            self.report(
                Problem::new(Code::ReservedName, message, rule.name.span, label)
                    .help("choose another name"),
            );
        }
        let who = self.who(rule.who.as_ref());
        let when = match when_and_unless(rule.when.as_ref(), rule.unless.as_ref()) {
            Some(when) => self.whole_condition(&when, Reads::Anything),
            None => Some(everything()),
        };
        let on = self.on(rule.on.as_ref());
        let on = self.fitting(rule.on.as_ref(), limit(rule), on);
        let kind = self.protocol(rule.on.as_ref(), on.as_ref());
        let effect = self.effect(rule);
        let rows = self.has_rows(rule, on.as_ref());
        if let (Some((_, Some(class))), Some(on)) = (&effect, &on) {
            self.masks_something(rule, class, on);
        }
        self.lints(rule);
        let classes = |when: &Condition| looks_back_at_classes(when, self.vocabulary());
        // What is wrong with a condition is said there, and not again as a claim that nothing carries.
        let flow = match when.as_ref().is_none_or(classes) {
            true => Flow::Enforced,
            false => Flow::None,
        };
        let claims = self.claims(rule, effect.as_ref(), flow);
        let condition = all(vec![kind?, rows?, target(self, on.as_ref()?), who?, when?]);
        let condition = self.expanded("rule", &rule.name, condition)?;
        let (effect, _) = effect?;
        Some(Lowered::Rule(Box::new(Rule {
            title: rule
                .title
                .as_ref()
                .map(|title| title.node.clone())
                .unwrap_or_default(),
            because: reason(rule),
            claims: claims?,
            condition,
            effect,
            observe: rule.observe.is_some(),
        })))
    }

    /// The restriction to connections that have rows, where the rule limits them; reports a limit where there are none.
    fn has_rows(&mut self, rule: &ast::Rule, on: Option<&Connections>) -> Option<Condition> {
        let limit = rule.effects.iter().find(|effect| match effect.node {
            ast::Effect::Allow { ref rows } => rows.is_some(),
            ast::Effect::Limit { .. } => true,
            _ => false,
        });
        let Some(limit) = limit.map(|effect| effect.span) else {
            return Some(everything());
        };
        let mut named = on.into_iter().flatten();
        let connection = named.find(|(_, _, symbol)| symbol.protocol != Protocol::Postgres);
        let mut facts = self.protocol_facts.iter();
        let fact = facts.find(|fact| fact.protocol != Protocol::Postgres);
        let (place, span) = match (connection, fact) {
            (Some((name, ..)), _) => (name.node.clone(), name.span),
            (None, Some(fact)) => (fact.name.clone(), fact.span),
            (None, None) => return Some(kind_is(self, Protocol::Postgres)),
        };
        let message = "an HTTP response has no rows to limit";
        self.report(
            Problem::new(Code::LimitProtocol, message, limit, "limits rows")
                .label(span, format!("`{place}` speaks of HTTP"))
                .help("limit rows on `postgres` connections only"),
        );
        None
    }

    /// What the rule means, but perhaps not what was meant.
    fn lints(&mut self, rule: &ast::Rule) {
        if let Some(because) = &rule.because {
            self.has_words(because);
        }
        let open =
            rule.who.is_none() && rule.on.is_none() && rule.when.is_none() && rule.unless.is_none();
        if let ([effect], true, true) = (rule.effects.as_slice(), open, rule.complete)
            && let ast::Effect::Allow { rows } = &effect.node
            && rule.observe.is_none()
        {
            let granted = match rows {
                Some(_) => "on any `postgres` connection",
                None => "on any connection",
            };
            let message = format!("rule `{}` grants everything to everyone", rule.name.node);
            self.report(
                Problem::new(Code::GrantsEverything, message, effect.span, granted)
                    .help("add `who`, `on` or `when`; if it is meant, write `who everyone on any`"),
            );
        }
        let named = matches!(rule.on, Some(On::Connections(_) | On::Labelled(_)));
        // What `unless` reads binds the rule too, although it reads as an exception to something wider.
        let wide = match &rule.when {
            Some(when) => independent(&self.protocol_facts, when, true),
            None => Some(rule.name.span),
        };
        if let (Some(fact), Some(part), false) = (self.protocol_facts.first(), wide, named) {
            let protocol = fact.protocol.as_str();
            let message = format!("rule `{}` applies to {protocol} only", rule.name.node);
            let problem = Problem::new(
                Code::OneProtocol,
                message,
                part,
                "reads as if it held on any connection",
            )
            .label(fact.span, format!("a fact of {protocol}"))
            .help("make two rules of it, or name the connections in `on`");
            self.report(problem);
        }
    }

    pub(super) fn who(&mut self, who: Option<&Who>) -> Option<Condition> {
        match who {
            None | Some(Who::Everyone(_)) => Some(everything()),
            Some(Who::EveryoneExcept(condition)) => {
                let those = self.whole_condition(condition, Reads::Subject)?;
                Some(Condition::Not(Box::new(those)))
            }
            Some(Who::Those(condition)) => self.whole_condition(condition, Reads::Subject),
        }
    }

    /// The connections that a rule or a test names; empty for all of them.
    pub(super) fn on(&mut self, on: Option<&On>) -> Option<Connections> {
        let names = match on {
            None | Some(On::Any(_)) => return Some(Vec::new()),
            Some(On::Labelled(selection)) => {
                return self.selected(&selection.node, selection.span);
            }
            Some(On::Connections(names)) => names,
        };
        let symbols = self.symbols();
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let symbol = self.lookup(&symbols.connections, name, "connection", &[]);
            found.push(symbol.and_then(|(full, symbol)| {
                symbol.map(|symbol| (name.clone(), full, symbol.clone()))
            }));
        }
        found.into_iter().collect()
    }

    /// Reports facts of two protocols: no operation has both.
    pub(super) fn one_protocol(&mut self) -> Option<()> {
        let first = self.protocol_facts.first()?;
        let protocol = first.protocol;
        let Some(other) = self
            .protocol_facts
            .iter()
            .find(|fact| fact.protocol != protocol)
        else {
            return Some(());
        };
        let message = format!(
            "no operation has both `{}` and `{}`",
            first.name, other.name
        );
        let label = format!("a fact of {}", other.protocol.as_str());
        let problem = Problem::new(Code::TwoProtocols, message, other.span, label)
            .label(first.span, format!("a fact of {}", protocol.as_str()))
            .help("make two rules of it, one for each protocol");
        self.report(problem);
        None
    }

    /// The restriction to the protocol whose facts the rule reads.
    pub(super) fn protocol(
        &mut self,
        on: Option<&On>,
        connections: Option<&Connections>,
    ) -> Option<Condition> {
        let Some(first) = self.protocol_facts.first() else {
            return Some(everything());
        };
        let (protocol, first) = (first.protocol, (first.name.clone(), first.span));
        self.one_protocol()?;
        let contradicting = connections
            .into_iter()
            .flatten()
            .find(|(_, _, symbol)| symbol.protocol != protocol);
        if let (Some((name, _, symbol)), Some(_)) = (contradicting, on) {
            let message = format!("`{}` never has `{}`", name.node, first.0);
            let problem = Problem::new(
                Code::OnContradicts,
                message,
                name.span,
                format!("speaks {}", symbol.protocol.as_str()),
            )
            .label(first.1, format!("a fact of {}", protocol.as_str()))
            .help("take the connection out, or make a rule for each protocol");
            self.report(problem);
            return None;
        }
        Some(kind_is(self, protocol))
    }
}

/// `when` and not `unless`.
pub(super) fn when_and_unless(
    when: Option<&ast::Condition>,
    unless: Option<&ast::Condition>,
) -> Option<ast::Condition> {
    let excepted = unless.map(|unless| ast::Condition::Not(Box::new(unless.clone())));
    match (when.cloned(), excepted) {
        (Some(when), Some(excepted)) => Some(ast::Condition::And(vec![when, excepted])),
        (when, excepted) => when.or(excepted),
    }
}

/// The part that can make `condition` come out as `outcome` without one of `facts`, if there is one.
fn independent(facts: &[ProtocolFact], condition: &ast::Condition, outcome: bool) -> Option<Span> {
    match condition {
        ast::Condition::Not(inner) => independent(facts, inner, !outcome),
        ast::Condition::And(parts) | ast::Condition::Or(parts) => {
            let mut found = parts.iter().map(|part| independent(facts, part, outcome));
            match matches!(condition, ast::Condition::And(_)) == outcome {
                true => found.collect::<Option<Vec<_>>>()?.first().copied(),
                false => found.find_map(|part| part),
            }
        }
        ast::Condition::Atom(_)
        | ast::Condition::Call(_)
        | ast::Condition::During(_)
        | ast::Condition::Present(_)
        | ast::Condition::Comparison(_)
        | ast::Condition::History(_) => {
            let part = span(condition);
            let reads = |fact: &ProtocolFact| part.to(fact.span) == part;
            (!facts.iter().any(reads)).then_some(part)
        }
    }
}

/// Why the rule exists. The reason for claiming nothing is one, where the author gives no other.
fn reason(rule: &ast::Rule) -> String {
    let none = match &rule.satisfies {
        Some(Satisfies::None { because }) => Some(because),
        Some(Satisfies::Controls { .. }) | None => None,
    };
    rule.because
        .as_ref()
        .or(none)
        .map(|because| because.node.clone())
        .unwrap_or_default()
}

/// Where the rule limits rows.
fn limit(rule: &ast::Rule) -> Option<Span> {
    let limits = |effect: &ast::Effect| match effect {
        ast::Effect::Allow { rows } => rows.is_some(),
        effect => matches!(effect, ast::Effect::Limit { .. }),
    };
    let mut effects = rule.effects.iter();
    let found = effects.find(|effect| limits(&effect.node))?;
    Some(found.span)
}

/// True always.
pub(super) fn everything() -> Condition {
    Condition::All(Vec::new())
}

pub(super) fn kind_is(checker: &Checker<'_>, protocol: Protocol) -> Condition {
    match checker.vocabulary().lookup("connection.kind") {
        Some((id, _)) => test(id, Predicate::In(vec![protocol.as_str().into()])),
        None => everything(),
    }
}

pub(super) fn target(checker: &Checker<'_>, connections: &Connections) -> Condition {
    let targets: BTreeSet<Box<str>> = connections
        .iter()
        .map(|(_, _, connection)| connection.target.as_str().into())
        .collect();
    match checker.vocabulary().lookup("connection.name") {
        Some((id, _)) if !targets.is_empty() => {
            test(id, Predicate::In(targets.into_iter().collect()))
        }
        _ => everything(),
    }
}

/// All of `parts`, without needless levels.
pub(super) fn all(parts: Vec<Condition>) -> Condition {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Condition::All(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match <[Condition; 1]>::try_from(flat) {
        Ok([only]) => only,
        Err(flat) => Condition::All(flat),
    }
}
