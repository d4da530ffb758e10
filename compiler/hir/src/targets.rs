//! Connections that name one target and say different things of it. A bundle knows targets only, so that what one connection says
//! holds for all of them.

use std::collections::BTreeMap;

use hpol_syntax::code::Code;

use crate::assemble::place;
use crate::database::Inputs;
use crate::declared::{self, Declaration, Target};
use crate::diagnostic::Diagnostic;

/// Targets that connections name with different protocols or different labels.
pub(crate) fn disagreements(db: &dyn salsa::Database, inputs: Inputs) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&str, (&Target, Declaration)> = BTreeMap::new();
    let mut found = Vec::new();
    for file in inputs.files(db) {
        for target in declared::targets(db, *file) {
            let here = Declaration {
                file: *file,
                index: target.index,
            };
            let (known, before) = *first.entry(&target.name).or_insert((target, here));
            let Some(fault) = Fault::between(target, known) else {
                continue;
            };
            let label = |at, of| Some(place(db, at)?.label(db, &fault.said(of)));
            let labels = [label(here, target), label(before, known)];
            found.push(Diagnostic {
                code: fault.code(),
                severity: fault.code().severity(),
                message: fault.message(&target.name),
                labels: labels.into_iter().flatten().collect(),
                help: Some(fault.help().to_owned()),
                fix: Vec::new(),
            });
        }
    }
    found
}

/// What two connections do not agree on.
#[derive(Clone, Copy)]
enum Fault {
    Protocol,
    Labels,
}

impl Fault {
    fn between(one: &Target, other: &Target) -> Option<Fault> {
        if one.protocol != other.protocol {
            Some(Fault::Protocol)
        } else if one.labels != other.labels {
            Some(Fault::Labels)
        } else {
            None
        }
    }

    fn code(self) -> Code {
        match self {
            Fault::Protocol => Code::TargetProtocol,
            Fault::Labels => Code::TargetLabels,
        }
    }

    fn message(self, target: &str) -> String {
        match self {
            Fault::Protocol => format!("target `{target}` is named with two protocols"),
            Fault::Labels => format!("target `{target}` is labelled in two ways"),
        }
    }

    fn help(self) -> &'static str {
        match self {
            Fault::Protocol => "a target speaks one protocol: that of the gateway's configuration",
            Fault::Labels => "give all connections of a target the same labels",
        }
    }

    /// What the connection to `target` says.
    fn said(self, target: &Target) -> String {
        match self {
            Fault::Protocol => format!("as {}", target.protocol.as_str()),
            Fault::Labels if target.labels.is_empty() => "without labels".to_owned(),
            Fault::Labels => {
                let labels = target.labels.iter();
                let labels: Vec<String> = labels
                    .map(|(name, value)| format!("{name} = \"{value}\""))
                    .collect();
                format!("with {}", labels.join(", "))
            }
        }
    }
}
