//! The compiled forms of a policy, each of which can decide: what `hpol eval --form` chooses from.

use clap::ValueEnum;
use hpol_bundle::decision::Decision;
use hpol_bundle::facts::Facts;
use hpol_bundle::policy::Effect;
use hpol_bundle::program::dag::{Budget, Dag};
use hpol_bundle::vocabulary::Protocol;
use hpol_engine::{Residuals, Scratch};

use crate::compiled::Compiled;
use crate::requests::Request;

/// Sessions whose graphs are kept, as in the gateway.
const SESSIONS: usize = 512;

/// The compiled forms of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// What is left of the policy for the session, packed: how the gateway decides
    Session,
    /// What is left for the session, over the tables of the whole policy: how it decides where that is not small
    Tables,
    /// Bit vectors of the whole policy, without a session
    Bits,
    /// The diagram; it tells the verdict and what obliges, not every rule that matches
    Dag,
}

/// A policy in one of its forms, and what is used again from decision to decision.
pub(crate) struct Decider<'a> {
    compiled: &'a Compiled,
    form: Form,
    residuals: Residuals,
    diagrams: Vec<(Protocol, Option<Dag>)>,
    scratch: Scratch,
    decision: Decision,
}

impl<'a> Decider<'a> {
    pub(crate) fn new(compiled: &'a Compiled, form: Form) -> Decider<'a> {
        let residuals = Residuals::new(SESSIONS);
        Decider {
            compiled,
            form,
            residuals: match form {
                Form::Tables => residuals.packing_at_most(0),
                Form::Session | Form::Bits | Form::Dag => residuals,
            },
            diagrams: Vec::new(),
            scratch: Scratch::default(),
            decision: Decision::with_capacity(compiled.policy.rules.len()),
        }
    }

    /// Whether decisions name every rule that matches, not only those that oblige.
    pub(crate) fn names_every_rule(&self) -> bool {
        self.form != Form::Dag
    }

    pub(crate) fn decide(&mut self, request: &Request) -> &Decision {
        let program = &self.compiled.program;
        match self.form {
            Form::Session | Form::Tables => {
                let session = self
                    .residuals
                    .specialise(program, request.kind, &request.session);
                hpol_engine::decide(
                    program,
                    &session,
                    &request.operation,
                    &mut self.scratch,
                    &mut self.decision,
                );
            }
            Form::Bits => {
                self.decision = hpol_engine::decide_once(program, request.kind, &both(request));
            }
            Form::Dag => self.by_diagram(request),
        }
        &self.decision
    }

    fn by_diagram(&mut self, request: &Request) {
        let program = &self.compiled.program;
        let known = |(kind, _): &(Protocol, Option<Dag>)| *kind == request.kind;
        if !self.diagrams.iter().any(known) {
            let diagram = Dag::of(program, request.kind, Budget::default());
            self.diagrams.push((request.kind, diagram));
        }
        let facts = both(request);
        let diagram = self.diagrams.iter().find(|diagram| known(diagram));
        self.decision = Decision::with_capacity(0);
        self.decision.unknown = facts.unknown();
        // Without a diagram there are no rules for this kind, and what nothing allows is blocked.
        let Some((_, Some(diagram))) = diagram else {
            return;
        };
        let outcome = hpol_engine::outcome(program, diagram, &facts);
        self.decision.verdict = outcome.verdict;
        self.decision.observed = outcome.observed;
        for id in outcome.obligations {
            let rule = self.compiled.policy.rules.get(id.0 as usize);
            match rule.map(|rule| &rule.effect) {
                Some(Effect::RequireApproval { .. }) => self.decision.approve.push(id),
                Some(Effect::Mask { .. }) => self.decision.mask.push(id),
                Some(Effect::Allow { .. } | Effect::Limit { .. }) => self.decision.limit.push(id),
                Some(Effect::Block { .. } | Effect::RequireJustification { .. }) | None => {}
            }
        }
    }
}

/// The facts of session and operation together.
fn both(request: &Request) -> Facts {
    let mut facts = request.session.clone();
    facts.extend(&request.operation);
    facts
}
