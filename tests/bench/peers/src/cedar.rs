//! Cedar: a policy a rule, scope where Cedar has scope (principal, action, resource), entities and requests made before.
//!
//! Cedar permits or forbids; what else a rule is for stands in an annotation, which the application reads off the
//! policies that determined the answer. That reading is not timed.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityUid, PolicySet, Request, Response,
    RestrictedExpression,
};

use crate::measure::Peer;
use crate::workload::{self, Condition, Effect, Outcome, Rule, Workload};

pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    requests: Vec<(Request, Entities)>,
    response: Option<Response>,
}

impl Cedar {
    pub fn new(workload: &Workload) -> Result<Cedar> {
        let text: String = workload.rules.iter().map(policy).collect();
        Ok(Cedar {
            authorizer: Authorizer::new(),
            policies: text.parse().context("the Cedar policies do not parse")?,
            requests: workload
                .requests
                .iter()
                .map(request)
                .collect::<Result<_>>()?,
            response: None,
        })
    }
}

impl Peer for Cedar {
    fn name(&self) -> String {
        "Cedar 4.14.1".to_owned()
    }

    fn decide(&mut self, index: usize) -> Result<()> {
        let (request, entities) = &self.requests[index];
        self.response = Some(
            self.authorizer
                .is_authorized(request, &self.policies, entities),
        );
        Ok(())
    }

    fn outcome(&self) -> Result<Outcome> {
        let diagnostics = self
            .response
            .as_ref()
            .context("nothing was decided")?
            .diagnostics();
        if let Some(error) = diagnostics.errors().next() {
            return Err(error.clone().into());
        }
        let matching = diagnostics.reason().map(|id| {
            let annotation = |key| {
                self.policies
                    .annotation(id, key)
                    .context("a policy has no annotation")
            };
            let effect = match annotation("effect")? {
                "allow" => Effect::Allow,
                "block" => Effect::Block,
                "approve" => Effect::Approve,
                _ => Effect::Mask,
            };
            Ok((effect, annotation("id")?.to_owned()))
        });
        Ok(Outcome::of(
            matching.collect::<Result<Vec<_>>>()?.into_iter(),
        ))
    }
}

fn policy(rule: &Rule) -> String {
    let (word, effect) = match rule.effect {
        Effect::Allow => ("permit", "allow"),
        Effect::Block => ("forbid", "block"),
        Effect::Approve => ("permit", "approve"),
        Effect::Mask => ("permit", "mask"),
    };
    let (mut principal, mut action, mut resource) = (
        "principal".to_owned(),
        "action".to_owned(),
        "resource".to_owned(),
    );
    let mut when = Vec::new();
    for condition in &rule.when {
        match condition {
            Condition::Group { value } if principal == "principal" => {
                principal = format!("principal in Group::{value:?}");
            }
            Condition::Group { value } => when.push(format!("principal in Group::{value:?}")),
            Condition::ConnName { value } => {
                resource = format!("resource == Connection::{value:?}")
            }
            Condition::ActionIn { values } => {
                let actions = values.iter().map(|value| format!("Action::{value:?}"));
                action = format!("action in [{}]", actions.collect::<Vec<_>>().join(", "));
            }
            Condition::ConnKind { value } => when.push(format!("resource.kind == {value:?}")),
            Condition::ConnEnv { value } => when.push(format!("resource.env == {value:?}")),
            Condition::TablesAny { values } => {
                when.push(format!("context.tables.containsAny({values:?})"))
            }
            Condition::RowGt { value } => when.push(format!("context.row_estimate > {value}")),
            // No path of a workload has a star of its own.
            Condition::PathPrefix { value } => when.push(format!("context.path like \"{value}*\"")),
            Condition::HasWhereFalse => when.push("!context.has_where".to_owned()),
        }
    }
    let mut text = format!(
        "@id({:?}) @effect({effect:?})\n{word}({principal}, {action}, {resource})",
        rule.id
    );
    if !when.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, " when {{ {} }}", when.join(" && "));
    }
    text + ";\n"
}

fn request(request: &workload::Request) -> Result<(Request, Entities)> {
    let uid =
        |kind: &str, id: &str| -> Result<EntityUid> { Ok(format!("{kind}::{id:?}").parse()?) };
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let groups: HashSet<EntityUid> = request
        .identity
        .groups
        .iter()
        .map(|group| uid("Group", group))
        .collect::<Result<_>>()?;
    let connection = &request.connection;
    let (principal, resource) = (
        uid("User", &request.identity.sub)?,
        uid("Connection", &connection.name)?,
    );
    let action = uid("Action", &request.action.kind)?;
    let attributes = [
        ("kind".to_owned(), text(&connection.kind)),
        ("env".to_owned(), text(&connection.env)),
    ];
    let mut entities: Vec<Entity> = groups
        .iter()
        .map(|group| Entity::new_no_attrs(group.clone(), HashSet::new()))
        .collect();
    entities.push(Entity::new_no_attrs(principal.clone(), groups));
    entities.push(Entity::new_no_attrs(action.clone(), HashSet::new()));
    entities.push(Entity::new(
        resource.clone(),
        HashMap::from(attributes),
        HashSet::new(),
    )?);
    let tables = request.tables.iter().map(|table| text(table));
    let context = Context::from_pairs([
        ("tables".to_owned(), RestrictedExpression::new_set(tables)),
        (
            "has_where".to_owned(),
            RestrictedExpression::new_bool(request.has_where),
        ),
        (
            "row_estimate".to_owned(),
            RestrictedExpression::new_long(request.row_estimate),
        ),
        ("path".to_owned(), text(&request.path)),
    ])?;
    let request = Request::new(principal, action, resource, context, None)?;
    Ok((request, Entities::from_entities(entities, None)?))
}
