//! A decision and its reasons for people.

use hpol_evidence::record::DecisionRecord;

use super::reasons::{Named, Other, Reasons};
use super::record::Found;
use crate::audit::line;
use crate::bundle::control;
use crate::exit::Failure;
use crate::terminal::{Style, Terminal};
use crate::visible;

const NOT_RECORDED: &str = "not recorded";

pub(super) fn print(
    found: &Found,
    reasons: Option<&Reasons<'_>>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let Found {
        record,
        decision,
        others,
    } = found;
    let (word, style) = line::verdict(decision);
    let verdict = terminal.paint(style, word);
    let by = with_left_out(&decision.rules, decision.left_out.rules);
    terminal.line(format_args!("{verdict} by {}", visible::line(&by)))?;
    let head = format!("{} of {}", record.sequence, record.time);
    field(terminal, "record", &head)?;
    for (name, text) in fields(decision) {
        field(terminal, name, &text)?;
    }
    match reasons {
        Some(reasons) => rules(reasons, terminal)?,
        None => field(
            terminal,
            "rules",
            "where they stand and why they match is not recorded; `--policy` shows it",
        )?,
    }
    let Some(others) = others else {
        return field(terminal, "outcome", "not looked for; `--log` does");
    };
    let head = terminal.paint(Style::Strong, "the operation otherwise");
    terminal.line(format_args!("{head}"))?;
    if others.is_empty() {
        terminal.line(format_args!("  {NOT_RECORDED}"))?;
    }
    for other in others {
        let line = line::line(terminal, other);
        terminal.line(format_args!("  {line}"))?;
    }
    Ok(())
}

/// What the record says, by name.
fn fields(decision: &DecisionRecord) -> Vec<(&'static str, String)> {
    let DecisionRecord {
        subject,
        connection,
        ..
    } = decision;
    let groups = match subject.groups.is_empty() {
        true => "no groups".to_owned(),
        false => subject.groups.join(", "),
    };
    let controls = decision.controls.iter().map(|claim| {
        let (id, rule) = (control(&claim.id), &claim.rule);
        format!("{id} {} by {rule}", claim.strength)
    });
    let controls: Vec<String> = controls.collect();
    let mut fields = vec![
        ("operation", decision.operation.clone()),
        ("asked", decision.masked.clone()),
        (
            "by",
            format!("{} of {}; {groups}", subject.id, subject.issuer),
        ),
        ("on", format!("{} ({})", connection.name, connection.kind)),
        ("reason", or_not_recorded(&decision.reason)),
        (
            "controls",
            or_not_recorded(&with_left_out(&controls, decision.left_out.controls)),
        ),
    ];
    if let Some(would) = &decision.would {
        let verdict = would.verdict.replace('_', " ");
        let text = format!(
            "{verdict} by {}, were it not in observe",
            would.rules.join(", ")
        );
        fields.push(("would", text));
    }
    if let Some(rows) = decision.limit {
        fields.push(("limit", format!("{rows} rows")));
    }
    for exception in &decision.exceptions {
        let (name, rule) = (&exception.exception, &exception.rule);
        let (owner, until) = (&exception.owner, &exception.until);
        fields.push((
            "excepted",
            format!("{rule} by {name} of {owner}, until {until}"),
        ));
    }
    let left_out = decision.left_out;
    for (name, count) in [
        ("obliging", left_out.obligations),
        ("observed", left_out.observed),
        ("excepted", left_out.exceptions),
    ] {
        if count > 0 {
            fields.push((name, format!("{count} more, {NOT_RECORDED}")));
        }
    }
    if !decision.unknown.is_empty() {
        fields.push(("unknown", decision.unknown.join(", ")));
    }
    if let Some(approval) = &decision.approval {
        let stands = decision.stands_until.iter();
        let stands = stands.map(|until| format!(", of another operation; stands until {until}"));
        fields.push((
            "approval",
            format!("{approval}{}", stands.collect::<String>()),
        ));
    }
    if let Some(justification) = &decision.justification {
        let reviewers = justification.reviewers.join(", ");
        let text = format!("{}; reviewed by {reviewers}", justification.text);
        fields.push(("justified", text));
    }
    if decision.ends_session {
        fields.push(("session", "ended by a rule".to_owned()));
    }
    let bundle = match decision.bundle.as_str() {
        "" => "none was in force".to_owned(),
        digest => format!("sha256:{digest}"),
    };
    fields.push(("bundle", bundle));
    fields
}

fn or_not_recorded(text: &str) -> String {
    match text {
        "" => NOT_RECORDED.to_owned(),
        text => text.to_owned(),
    }
}

fn with_left_out(items: &[String], left_out: u64) -> String {
    let items = items.join(", ");
    match left_out {
        0 => items,
        more => format!("{items} and {more} more, {NOT_RECORDED}"),
    }
}

fn rules(reasons: &Reasons<'_>, terminal: &mut Terminal) -> Result<(), Failure> {
    let head = terminal.paint(Style::Strong, "rules that the record names");
    terminal.line(format_args!("{head}"))?;
    if reasons.named.is_empty() {
        terminal.line(format_args!("  none"))?;
    }
    for rule in &reasons.named {
        terminal.line(format_args!("  {}", named(rule)))?;
    }
    if !reasons.others.is_empty() {
        let head = terminal.paint(Style::Strong, "other rules");
        terminal.line(format_args!("{head}"))?;
    }
    for rule in &reasons.others {
        terminal.line(format_args!("  {}", other(rule)))?;
    }
    Ok(())
}

fn named(rule: &Named<'_>) -> String {
    let name = visible::line(&format!("{} {}", rule.rule, rule.did));
    let Some(written) = &rule.written else {
        return format!("{name}: the policy has no such rule");
    };
    let doubt = match rule.holds {
        Some("false") => {
            "; with what the record tells it does not match: the policy was another one"
        }
        _ => "",
    };
    format!(
        "{name} ({}, {}:{}): {}; saw {}{doubt}",
        written.effect,
        visible::line(&written.source.file),
        written.source.line,
        written.condition,
        written.saw.join(", "),
    )
}

fn other(rule: &Other<'_>) -> String {
    let (name, file) = (visible::line(rule.rule), visible::line(&rule.source.file));
    let why = match &rule.part {
        None => "matches".to_owned(),
        Some(part) => part.said(),
    };
    format!(
        "{name} ({}, {file}:{}): {why}",
        rule.effect, rule.source.line
    )
}

fn field(terminal: &mut Terminal, name: &str, text: &str) -> Result<(), Failure> {
    terminal.line(format_args!("  {name:<9} {}", visible::line(text)))?;
    Ok(())
}
