//! One record on one line.

use hpol_evidence::record::{
    ApprovalEnd, DecisionRecord, Event, Finding, OperationResult, OutcomeRecord, Record, Vote,
};

use crate::bundle::control;
use crate::project::counted;
use crate::terminal::{Style, Terminal};
use crate::visible;

/// Characters of an operation.
const OPERATION: usize = 100;

/// Position, time, kind and what happened.
pub(crate) fn line(terminal: &Terminal, record: &Record) -> String {
    let (kind, style, text) = summary(&record.event);
    let kind = terminal.paint(style, &format!("{kind:<15}"));
    format!(
        "{:>6}  {}  {kind}  {text}",
        record.sequence,
        visible::line(&record.time)
    )
}

/// A word for what happened, how it is painted, and the rest of the line.
fn summary(event: &Event) -> (&'static str, Style, String) {
    match event {
        Event::GatewayStarted { version, .. } => (
            "started",
            Style::Dim,
            format!("gateway {}", visible::line(version)),
        ),
        Event::GatewayStopped { reason } => ("stopped", Style::Dim, visible::line(reason)),
        Event::BundleLoaded {
            bundle,
            policy_sequence,
            signer,
        } => {
            let [bundle, signer] = [bundle, signer].map(|text| visible::line(text));
            (
                "bundle",
                Style::Dim,
                format!("sequence {policy_sequence}, sha256:{bundle}, signed by {signer}"),
            )
        }
        Event::BundleRefused { reason } => ("bundle refused", Style::Bad, visible::line(reason)),
        Event::SessionOpened {
            subject,
            connection,
            client,
            ..
        } => {
            let [subject, connection, client] =
                [&subject.id, &connection.name, client].map(|text| visible::line(text));
            (
                "session",
                Style::Dim,
                format!("{subject} on {connection} from {client}"),
            )
        }
        Event::SessionRefused {
            connection,
            client,
            reason,
        } => {
            let connection = connection
                .as_ref()
                .map_or_else(String::new, |connection| format!("on {} ", connection.name));
            let [connection, client, reason] =
                [&connection, client, reason].map(|text| visible::line(text));
            (
                "session refused",
                Style::Bad,
                format!("{connection}from {client}: {reason}"),
            )
        }
        Event::SessionClosed { reason, operations } => (
            "session end",
            Style::Dim,
            format!(
                "{}; {}",
                counted(*operations, "operation"),
                visible::line(reason)
            ),
        ),
        Event::Decision(decision) => {
            let (word, style) = verdict(decision);
            let controls: Vec<_> = decision
                .controls
                .iter()
                .filter(|c| decision.rules.contains(&c.rule))
                .map(|c| control(&c.id))
                .collect();
            let [rules, operation] = [
                visible::line(&decision.rules.join(", ")),
                visible::brief(&decision.masked, OPERATION),
            ];
            let who = visible::line(&format!(
                "{} on {}",
                decision.subject.id, decision.connection.name
            ));
            (
                word,
                style,
                format!(
                    "{who}  {operation}  by {rules} [{}]{}",
                    controls.join(", "),
                    justified(decision)
                ),
            )
        }
        Event::ApprovalRequested {
            approval,
            rules,
            stands,
            expires,
            ..
        } => {
            let stands = stands.iter();
            let stands = stands.map(|one| format!(", stands {} s for {}", one.seconds, one.rule));
            let text = format!(
                "{approval} for {}, until {expires}{}",
                rules.join(", "),
                stands.collect::<String>()
            );
            ("approval asked", Style::Warn, visible::line(&text))
        }
        Event::ApprovalVote {
            approval,
            approver,
            vote,
            reason,
            accepted,
            why,
        } => {
            let word = match vote {
                Vote::Approve => "approve",
                Vote::Reject => "reject",
            };
            let refused = if *accepted {
                String::new()
            } else {
                format!(" - not counted: {why}")
            };
            let text = format!("{approval}: {} says {word}: {reason}{refused}", approver.id);
            (
                "vote",
                if *accepted { Style::Strong } else { Style::Bad },
                visible::line(&text),
            )
        }
        Event::ApprovalClosed {
            approval,
            state,
            stands_until,
            ..
        } => {
            let (word, style) = end(*state);
            let until = stands_until
                .iter()
                .map(|until| format!(", stands until {until}"));
            let text = format!("{approval}: {word}{}", until.collect::<String>());
            ("approval end", style, visible::line(&text))
        }
        Event::JustificationReviewed {
            reviewed,
            reviewer,
            finding,
            reason,
            ..
        } => {
            let word = crate::reviews::word(*finding);
            let text = format!("record {reviewed}: {} says {word}: {reason}", reviewer.id);
            let style = match finding {
                Finding::Justified => Style::Good,
                Finding::Unjustified => Style::Bad,
            };
            ("review", style, visible::line(&text))
        }
        Event::Outcome(outcome) => {
            let masked: Vec<_> = outcome
                .masked
                .iter()
                .map(|masked| format!(", {} {} masked", masked.values, masked.class))
                .collect();
            // Protocols without a code for it leave it empty.
            let ended = [result(outcome.result), outcome.code.as_str()];
            let text = format!(
                "{}  {}, {}, {}{}{}",
                outcome.operation,
                ended.join(" ").trim_end(),
                counted(outcome.rows, "row"),
                counted(outcome.bytes, "byte"),
                masked.concat(),
                cut(outcome)
            );
            ("outcome", Style::Dim, visible::line(&text))
        }
        Event::ConfigurationLoaded { config } => {
            ("configuration", Style::Strong, visible::line(config))
        }
        Event::ConfigurationRefused { reason } => {
            ("configuration refused", Style::Bad, visible::line(reason))
        }
        Event::SessionsRefused {
            count,
            addresses,
            since,
            ..
        } => {
            let text = format!(
                "{} since {since}, from {}",
                counted(*count, "more client"),
                addresses.join(", ")
            );
            ("refused", Style::Bad, visible::line(&text))
        }
        Event::RecordsLost { count } => (
            "records lost",
            Style::Bad,
            format!("{} that the queue did not hold", counted(*count, "record")),
        ),
        Event::KeyChanged { from, to, .. } => (
            "key changed",
            Style::Strong,
            visible::line(&format!("checkpoints by {from} end, those by {to} begin")),
        ),
        Event::LogFailed { reason } => ("log failed", Style::Bad, visible::line(reason)),
    }
}

/// The word for a decision, and how it is painted.
pub(crate) fn verdict(decision: &DecisionRecord) -> (&'static str, Style) {
    match (decision.verdict.as_str(), &decision.approval) {
        ("allow", Some(_)) => ("approved", Style::Good),
        ("allow", None) => ("allowed", Style::Good),
        ("require_approval", _) => ("waits", Style::Warn),
        _ if decision.ends_session => ("denied, ended", Style::Bad),
        _ => ("denied", Style::Bad),
    }
}

/// What was given as the reason, where one was required.
fn justified(decision: &DecisionRecord) -> String {
    let text = decision.justification.iter().map(|one| &one.text);
    text.map(|text| format!("  justified: {}", visible::line(text)))
        .collect()
}

/// The word for how an approval ended, and how it is painted.
pub(super) fn end(state: ApprovalEnd) -> (&'static str, Style) {
    match state {
        ApprovalEnd::Approved => ("approved", Style::Good),
        ApprovalEnd::Rejected => ("rejected", Style::Bad),
        ApprovalEnd::Expired => ("expired", Style::Bad),
        ApprovalEnd::Withdrawn => ("withdrawn", Style::Dim),
    }
}

/// What is added where rows were left out because of a limit.
pub(super) fn cut(outcome: &OutcomeRecord) -> &'static str {
    if outcome.cut { ", cut" } else { "" }
}

/// The word for how an operation ended.
pub(super) fn result(result: OperationResult) -> &'static str {
    match result {
        OperationResult::Completed => "completed",
        OperationResult::Failed => "failed",
        OperationResult::Interrupted => "interrupted",
        OperationResult::NotRun => "not run",
    }
}
