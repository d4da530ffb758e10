//! Requests for approval on the screen. An approver must see exactly what would run: nothing hidden, nothing cut unsaid.

use crate::exit::Failure;
use crate::table;
use crate::terminal::{Style, Terminal};
use crate::visible;

use super::approval::{Approval, List, Rule};

/// Characters of the operation in a list.
const BRIEF: usize = 60;

/// One line a request.
pub(super) fn list(terminal: &mut Terminal, list: &List) -> Result<(), Failure> {
    if list.approvals.is_empty() {
        terminal.note(format_args!("no requests that you made or may answer"))?;
        return Ok(());
    }
    let rows: Vec<_> = list.approvals.iter().map(row).collect();
    for line in table::lines(
        [
            "ID",
            "STATE",
            "REQUESTER",
            "CONNECTION",
            "EXPIRES",
            "OPERATION",
        ],
        &rows,
    ) {
        terminal.line(format_args!("{line}"))?;
    }
    Ok(())
}

/// Everything about one request.
pub(super) fn whole(terminal: &mut Terminal, approval: &Approval) -> Result<(), Failure> {
    let requester = &approval.requester;
    let state = state(terminal, approval);
    terminal.line(format_args!(
        "approval    {}  {state}",
        visible::line(&approval.id)
    ))?;
    terminal.line(format_args!(
        "requester   {} (from {})",
        visible::line(&requester.id),
        visible::line(&requester.issuer)
    ))?;
    terminal.line(format_args!(
        "groups      {}",
        visible::line(&requester.groups.join(", "))
    ))?;
    terminal.line(format_args!(
        "connection  {} ({})",
        visible::line(&approval.connection.name),
        visible::line(&approval.connection.kind)
    ))?;
    terminal.line(format_args!("requested   {}", time(&approval.requested)))?;
    terminal.line(format_args!("expires     {}", time(&approval.expires)))?;
    for rule in &approval.rules {
        terminal.line(format_args!(""))?;
        show_rule(terminal, rule)?;
    }
    terminal.line(format_args!(""))?;
    show_exact(terminal, approval)?;
    show_standing(terminal, approval)
}

/// What became of the request after a vote.
pub(super) fn answered(terminal: &mut Terminal, approval: &Approval) -> Result<(), Failure> {
    let state = state(terminal, approval);
    terminal.line(format_args!(
        "approval {}: {state}",
        visible::line(&approval.id)
    ))?;
    for rule in &approval.rules {
        terminal.line(format_args!("  {}", progress(rule)))?;
    }
    Ok(())
}

fn row(approval: &Approval) -> [String; 6] {
    [
        visible::line(&approval.id),
        visible::line(&approval.state),
        visible::line(&approval.requester.id),
        visible::line(&approval.connection.name),
        time(&approval.expires),
        visible::brief(&approval.exact, BRIEF),
    ]
}

fn state(terminal: &Terminal, approval: &Approval) -> String {
    let style = match approval.state.as_str() {
        "pending" => Style::Warn,
        "approved" => Style::Good,
        _ => Style::Bad,
    };
    terminal.paint(style, &visible::line(&approval.state))
}

fn show_rule(terminal: &mut Terminal, rule: &Rule) -> Result<(), Failure> {
    let name = terminal.paint(Style::Strong, &visible::line(&rule.name));
    terminal.line(format_args!("rule {name}  {}", visible::line(&rule.title)))?;
    for (label, text) in [("because", &rule.because), ("message", &rule.message)] {
        if !text.is_empty() {
            terminal.line(format_args!("  {label}  {}", visible::line(text)))?;
        }
    }
    terminal.line(format_args!("  {}", progress(rule)))?;
    for vote in &rule.votes {
        let [vote_word, approver, reason] =
            [&vote.vote, &vote.approver, &vote.reason].map(|t| visible::line(t));
        let time = time(&vote.time);
        terminal.line(format_args!(
            "    {vote_word} by {approver} at {time}: {reason}"
        ))?;
    }
    Ok(())
}

/// A time to the second, which is enough for people.
fn time(text: &str) -> String {
    let second = text.split_once('.').filter(|(_, rest)| rest.ends_with('Z'));
    second.map_or_else(
        || visible::line(text),
        |(second, _)| format!("{}Z", visible::line(second)),
    )
}

fn progress(rule: &Rule) -> String {
    let yes = rule
        .votes
        .iter()
        .filter(|vote| vote.vote == "approve")
        .count();
    format!(
        "{yes} of {} approved, by members of {}",
        rule.quorum,
        visible::line(&rule.approvers)
    )
}

/// The operation itself, each line marked, so that its end and its blank lines show.
fn show_exact(terminal: &mut Terminal, approval: &Approval) -> Result<(), Failure> {
    let exact = &approval.exact;
    let (lines, characters) = (exact.split('\n').count(), exact.chars().count());
    terminal.line(format_args!(
        "would run exactly this: {lines} {}, {characters} characters",
        if lines == 1 { "line" } else { "lines" }
    ))?;
    let margin = terminal.paint(Style::Dim, "│");
    for line in visible::block(exact).split('\n') {
        terminal.line(format_args!("  {margin} {line}"))?;
    }
    if let Some(note) = visible::lookalikes(exact) {
        let note = terminal.paint(Style::Warn, &format!("note: {note}"));
        terminal.line(format_args!("  {note}"))?;
    }
    terminal.line(format_args!(
        "digest      sha256:{}",
        visible::line(&approval.digest)
    ))?;
    Ok(())
}

/// What else an approval would cover.
fn show_standing(terminal: &mut Terminal, approval: &Approval) -> Result<(), Failure> {
    for rule in &approval.rules {
        let Some(seconds) = rule.stands_seconds else {
            continue;
        };
        let warning = terminal.paint(Style::Warn, "and not only this");
        let [subject, connection, name] = [
            &approval.requester.id,
            &approval.connection.name,
            &rule.name,
        ]
        .map(|text| visible::line(text));
        terminal.line(format_args!(
            "{warning}: for {seconds} s from the approval on, whatever {subject} asks for on {connection} that {name} \
             requires approval of"
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_second() {
        for (text, shown) in [
            ("2026-11-22T23:46:33.333011333Z", "2026-11-22T23:46:33Z"),
            ("2026-11-22T23:46:33Z", "2026-11-22T23:46:33Z"),
            ("soon\u{1b}.", "soon\\u{1b}."),
        ] {
            assert_eq!(time(text), shown);
        }
    }
}
