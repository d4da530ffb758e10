//! hpol: a bundle that `hpol build` made, sessions opened before, each operation decided as the gateway decides it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hpol_bundle::bundle::Bundle;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::RuleId;
use hpol_bundle::program::Program;
use hpol_bundle::vocabulary::{Phase, Protocol, Vocabulary};
use hpol_engine::{Scratch, SessionGraph, decide, specialise};

use crate::measure::Peer;
use crate::workload::{Effect, Outcome, Request, Workload};

pub struct Hpol {
    program: Program,
    names: Vec<String>,
    operations: Vec<(SessionGraph, Facts)>,
    scratch: Scratch,
    decision: Decision,
}

impl Hpol {
    pub fn new(folder: &Path, workload: &Workload) -> Result<Hpol> {
        let bytes = std::fs::read(folder.join("bundle")).context("cannot read the bundle")?;
        // What is measured was built by the command before this one; nothing is decided for anybody.
        let bundle = Bundle::load_danger_unverified(&bytes)?.bundle;
        let (program, vocabulary) = (bundle.program, bundle.vocabulary);
        let prepared = |request: &Request| -> Result<(SessionGraph, Facts)> {
            let (session, operation) = facts(request, &vocabulary)?;
            Ok((specialise(&program, Protocol::Http, &session), operation))
        };
        Ok(Hpol {
            operations: workload
                .requests
                .iter()
                .map(prepared)
                .collect::<Result<_>>()?,
            names: bundle
                .policy
                .rules
                .into_iter()
                .map(|rule| rule.name)
                .collect(),
            scratch: Scratch::default(),
            decision: Decision::with_capacity(program.rules()),
            program,
        })
    }
}

impl Peer for Hpol {
    fn name(&self) -> String {
        format!("hpol {}", env!("CARGO_PKG_VERSION"))
    }

    fn decide(&mut self, index: usize) -> Result<()> {
        let (session, facts) = &self.operations[index];
        decide(
            &self.program,
            session,
            facts,
            &mut self.scratch,
            &mut self.decision,
        );
        Ok(())
    }

    fn outcome(&self) -> Result<Outcome> {
        let Decision {
            block,
            approve,
            allow,
            mask,
            verdict,
            ..
        } = &self.decision;
        let lists = [
            (Effect::Block, block),
            (Effect::Approve, approve),
            (Effect::Allow, allow),
            (Effect::Mask, mask),
        ];
        let name = |id: &RuleId| {
            let name = self.names[id.0 as usize].as_str();
            name.strip_prefix("workload.").unwrap_or(name).to_owned()
        };
        let matching = lists
            .into_iter()
            .flat_map(|(effect, ids)| ids.iter().map(move |id| (effect, name(id))));
        // A rule that masks also grants, which in hpol is a rule of its own.
        let outcome = Outcome::of(matching.filter(|(_, name)| !name.ends_with("_grant")));
        let expected = match outcome.decision.as_str() {
            "allow" => Verdict::Allow,
            "approval" => Verdict::RequireApproval,
            _ => Verdict::Block,
        };
        if *verdict != expected {
            bail!("the verdict {verdict:?} is not that of the rules: {outcome:?}");
        }
        Ok(outcome)
    }
}

/// The facts of session and operation.
fn facts(request: &Request, vocabulary: &Vocabulary) -> Result<(Facts, Facts)> {
    let text = |text: &str| Value::Text(text.into());
    let set =
        |texts: &[String]| Value::Set(texts.iter().map(|text| text.as_str().into()).collect());
    let values = [
        ("subject.id", text(&request.identity.sub)),
        ("subject.groups", set(&request.identity.groups)),
        ("target.name", text(&request.connection.name)),
        ("target.kind", text(&request.connection.kind)),
        ("target.env", text(&request.connection.env)),
        ("request.action", text(&request.action.kind)),
        ("request.tables", set(&request.tables)),
        ("request.has_where", Value::Bool(request.has_where)),
        ("request.rows", Value::Int(request.row_estimate)),
        ("request.path", text(&request.path)),
    ];
    let (mut session, mut operation) = (Facts::new(), Facts::new());
    for (name, value) in values {
        let (id, fact) = vocabulary
            .lookup(name)
            .with_context(|| format!("there is no fact {name}"))?;
        let facts = match fact.phase {
            Phase::Session => &mut session,
            Phase::Operation => &mut operation,
            Phase::Result => continue,
        };
        facts.set(id, Fact::Known(value));
    }
    Ok((session, operation))
}
