//! Checks what a rule claims against the catalogue and the mechanism table.

use hpol_bundle::policy::{Claim, Strength};
use hpol_nist_mappings::{ALWAYS_ON, ControlId, Mapping, never_claimed};
use hpol_syntax::ast::{self, Name, Satisfies};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;
use hpol_syntax::words;

use super::Checker;
use crate::lowered::{Effect, Whereabouts};

/// Whether a rule looks back at which data classes came out, and so decides where they may flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// It does.
    Enforced,
    /// It does not.
    None,
}

/// Mechanisms named in one message.
const MAX_NAMED: usize = 3;

impl Checker<'_> {
    /// The claims of a rule, in OSCAL order. `effect` is missing where the rule's effect is wrong: then it is not known
    /// what the rule exercises, and only the ids are checked.
    pub(super) fn claims(
        &mut self,
        rule: &ast::Rule,
        effect: Option<&(Effect, Option<Whereabouts>)>,
        flow: Flow,
    ) -> Option<Vec<Claim>> {
        let (controls, because) = match &rule.satisfies {
            Some(Satisfies::None { because }) => {
                return self.has_words(because).then(Vec::new);
            }
            Some(Satisfies::Controls { controls, because }) => (controls, because.as_ref()),
            None => {
                if rule.complete {
                    let message = format!(
                        "rule `{}` does not say which controls it satisfies",
                        rule.name.node
                    );
                    self.report(
                        Problem::new(
                            Code::NothingClaimed,
                            message,
                            rule.name.span,
                            "no `satisfies`",
                        )
                        .help("write `satisfies AC-3`, or `satisfies none because \"...\"`"),
                    );
                }
                return None;
            }
        };
        let mut ids: Vec<(ControlId, &Name)> = Vec::new();
        for name in controls {
            let Some(id) = self.control(name) else {
                continue;
            };
            if let Some((_, first)) = ids.iter().find(|(known, _)| *known == id) {
                let problem = Problem::new(
                    Code::ClaimedTwice,
                    format!("`{id}` is claimed twice"),
                    name.span,
                    "again",
                )
                .label(first.span, "first here")
                .help("leave one of them out");
                self.report(problem);
                continue;
            }
            ids.push((id, name));
        }
        let (effect, class) = effect?;
        let mechanisms = mechanisms(effect, class.as_ref(), flow);
        let reason = match because {
            Some(because) if !self.has_words(because) => return None,
            because => because.map(|because| because.node.as_str()),
        };
        let found: Vec<Option<Claim>> = ids
            .iter()
            .map(|(id, name)| self.claim(*id, name, &mechanisms, reason))
            .collect();
        let complete = ids.len() == controls.len();
        let mut claims: Vec<(ControlId, Claim)> = ids
            .iter()
            .map(|(id, _)| *id)
            .zip(found)
            .filter_map(|(id, claim)| Some((id, claim?)))
            .collect();
        let whole = complete && claims.len() == ids.len();
        let by_table = whole && claims.iter().all(|(_, claim)| claim.because.is_none());
        if let (Some(because), true) = (because, by_table) {
            let message = "the controls are evidenced without a reason";
            self.report(
                Problem::new(
                    Code::NeedlessReason,
                    message,
                    because.span,
                    "not needed for the claim",
                )
                .help("to give the reason of the rule, put `because` on a line of its own"),
            );
        }
        claims.sort_by_key(|(id, _)| *id);
        whole.then(|| claims.into_iter().map(|(_, claim)| claim).collect())
    }

    /// Whether a reason says something; what does not is reported.
    pub(super) fn has_words(&mut self, because: &Spanned<String>) -> bool {
        if because.node.chars().any(char::is_alphanumeric) {
            return true;
        }
        let message = "a reason has no words";
        self.report(
            Problem::new(Code::EmptyReason, message, because.span, "says nothing")
                .help("say why, for those who read the evidence"),
        );
        false
    }

    /// The control that `name` means, active in the catalogue.
    pub(super) fn control(&mut self, name: &Name) -> Option<ControlId> {
        if self.is_full() {
            return None;
        }
        let catalogue = self.inputs.catalogue(self.db);
        let entry = ControlId::parse(&name.node)
            .ok()
            .and_then(|id| catalogue.lookup(&id));
        let Some(entry) = entry else {
            let near: Vec<String> = catalogue
                .nearest(&name.node)
                .iter()
                .map(|control| format!("`{}` ({})", control.id, control.title))
                .collect();
            let problem = Problem::new(
                Code::UnknownControl,
                format!("there is no control `{}`", name.node),
                name.span,
                "unknown",
            );
            self.report(match near.is_empty() {
                true => problem.help("controls are those of NIST SP 800-53 Rev 5, such as `AC-3`"),
                false => problem.help(format!("near are {}", near.join(", "))),
            });
            return None;
        };
        if entry.withdrawn {
            let moved: Vec<String> = entry.moved_to.iter().map(|id| format!("`{id}`")).collect();
            let problem = Problem::new(
                Code::WithdrawnControl,
                format!("`{}` is withdrawn", entry.id),
                name.span,
                "withdrawn",
            );
            let help = format!("what it asked for is now in {}", moved.join(", "));
            self.report(match entry.moved_to.as_slice() {
                [] => problem.help("the catalogue names no successor; leave it out"),
                [one] => problem.help(help).replace(&one.to_string()),
                _ => problem.help(help),
            });
            return None;
        }
        Some(entry.id)
    }

    fn claim(
        &mut self,
        id: ControlId,
        name: &Name,
        mechanisms: &[&str],
        reason: Option<&str>,
    ) -> Option<Claim> {
        let table = self.inputs.mechanisms(self.db);
        let strongest = mechanisms
            .iter()
            .filter_map(|mechanism| table.claim(mechanism, &id))
            .max_by(|left, right| {
                left.strength
                    .cmp(&right.strength)
                    .then(right.mechanism.cmp(left.mechanism))
            });
        if let Some(mapping) = strongest {
            return Some(Claim {
                control: id.oscal(),
                strength: strength(mapping),
                mechanism: mapping.mechanism.to_owned(),
                because: None,
            });
        }
        let never = never_claimed(&id);
        if let (Some(reason), None) = (reason, never) {
            return Some(Claim {
                control: id.oscal(),
                strength: Strength::Evidences,
                mechanism: String::new(),
                because: Some(reason.to_owned()),
            });
        }
        let problem = Problem::new(
            Code::NotEvidenced,
            format!("nothing in this rule evidences `{id}`"),
            name.span,
            "claimed here",
        );
        self.report(problem.help(match never {
            Some(why) => why.to_owned(),
            None => self.advice(id),
        }));
        None
    }

    /// Which mechanisms could carry the claim.
    fn advice(&self, id: ControlId) -> String {
        let table = self.inputs.mechanisms(self.db);
        let mut able: Vec<&Mapping> = table.for_control(&id).collect();
        able.sort_by(|left, right| {
            right
                .strength
                .cmp(&left.strength)
                .then(left.mechanism.cmp(right.mechanism))
        });
        let names: Vec<&str> = able
            .iter()
            .take(MAX_NAMED)
            .filter_map(|mapping| Some(table.get(mapping.mechanism)?.name))
            .collect();
        let beyond = "claim it with a reason on the same line: `satisfies ... because \"...\"`";
        match names.is_empty() {
            true => format!("no mechanism of the gateway does; {beyond}"),
            false => format!("it takes {}; or {beyond}", words::list(&names)),
        }
    }
}

/// The mechanisms that a rule exercises, those that are always on among them.
fn mechanisms(effect: &Effect, class: Option<&Whereabouts>, flow: Flow) -> Vec<&'static str> {
    let decides = match effect {
        Effect::Allow { .. }
        | Effect::Block { .. }
        | Effect::RequireApproval { .. }
        | Effect::RequireJustification { .. } => true,
        Effect::Mask { .. } | Effect::Limit { .. } => false,
    };
    let flow: &[&str] = match flow {
        Flow::Enforced if decides => &["M27"],
        Flow::Enforced | Flow::None => &[],
    };
    let own: &[&str] = match effect {
        Effect::Allow { rows: None } => &["M04"],
        Effect::Allow { rows: Some(_) } => &["M04", "M23"],
        Effect::Block {
            terminates: true, ..
        } => &["M04", "M11", "M20"],
        Effect::Block { .. } => &["M04", "M11"],
        // Of what an approval that stands covers, nobody has authorised the single operation.
        Effect::RequireApproval {
            quorum,
            stands_seconds: None,
            ..
        } if *quorum >= 2 => &["M06", "M07", "M08"],
        Effect::RequireApproval { .. } => &["M06", "M08"],
        Effect::RequireJustification { .. } => &["M04", "M25"],
        Effect::Mask { .. } if class.is_some_and(|class| class.has_detectors) => &["M10", "M12"],
        Effect::Mask { .. } => &["M10"],
        Effect::Limit { .. } => &["M23"],
    };
    own.iter().chain(flow).chain(ALWAYS_ON).copied().collect()
}

fn strength(mapping: &Mapping) -> Strength {
    match mapping.strength {
        hpol_nist_mappings::Strength::Evidences => Strength::Evidences,
        hpol_nist_mappings::Strength::Supports => Strength::Supports,
        hpol_nist_mappings::Strength::Implements => Strength::Implements,
    }
}
