//! How a record reads in these tests.

use hpol_evidence::record::Event;
use hpol_ports::log;

/// One line for each record.
pub(super) fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Decision(record) => format!(
            "{} by {}: {}",
            record.verdict,
            record.rules.join("+"),
            record.masked
        ),
        Event::Outcome(record) => {
            let masked: Vec<_> = record
                .masked
                .iter()
                .map(|masked| format!(" {} {}", masked.values, masked.class))
                .collect();
            format!(
                "outcome {:?} {}{}",
                record.result,
                record.code,
                masked.concat()
            )
        }
        Event::ApprovalClosed { state, .. } => format!("closed {state:?}"),
        Event::SessionOpened { subject, .. } => format!("opened by {}", subject.id),
        Event::SessionRefused { reason, .. } => format!("turned away: {reason}"),
        Event::SessionClosed { reason, operations } => {
            format!("ended after {operations}: {reason}")
        }
        other => log::kind(other),
    })
}
