//! What the gateway counts, in Prometheus' text format. Counted where records are appended, so that the numbers and the
//! audit log tell the same story. Labels are few and never come from clients.

use std::time::Duration;

use hpol_evidence::record::Event;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

/// Why the counters are not there.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be set up: {0}")]
pub(crate) struct InstallMetrics(String);

/// Installs the counters for the whole process.
///
/// # Errors
/// When others are installed already.
pub(crate) fn install() -> Result<PrometheusHandle, InstallMetrics> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .map_err(|error| InstallMetrics(error.to_string()))?;
    let recorder = recorder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| InstallMetrics(error.to_string()))?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_counter!("hpol_sessions_opened_total", "sessions opened, by protocol");
    describe_counter!("hpol_sessions_closed_total", "sessions ended");
    describe_counter!(
        "hpol_sessions_refused_total",
        "clients turned away before they had a session"
    );
    describe_gauge!("hpol_sessions_open", "sessions open now");
    describe_counter!(
        "hpol_operations_total",
        "operations judged, by protocol and verdict"
    );
    describe_counter!("hpol_approvals_requested_total", "approvals asked for");
    describe_counter!(
        "hpol_approvals_closed_total",
        "approvals that ended, by how"
    );
    describe_gauge!(
        "hpol_approvals_pending",
        "approvals that wait for a vote now"
    );
    describe_histogram!(
        "hpol_evidence_append_seconds",
        "time until a record was as durable as asked"
    );
    describe_counter!(
        "hpol_evidence_failures_total",
        "records that the audit log did not take"
    );
    describe_counter!(
        "hpol_evidence_lost_total",
        "records of what had happened already that the queue of the audit log did not hold"
    );
    describe_gauge!(
        "hpol_bundle_sequence",
        "sequence number of the bundle in force"
    );
    describe_counter!("hpol_bundle_refusals_total", "bundles that were refused");
    describe_counter!(
        "hpol_configuration_refusals_total",
        "configurations that were refused at a reload"
    );
    describe_counter!(
        "hpol_clients_refused_total",
        "network connections closed at once, by limit"
    );
    describe_counter!(
        "hpol_connection_panics_total",
        "connections that ended by a fault of the gateway"
    );
}

/// Counts what a record tells.
pub(crate) fn observe(event: &Event) {
    match event {
        Event::SessionOpened { connection, .. } => {
            counter!("hpol_sessions_opened_total", "protocol" => connection.kind.clone())
                .increment(1);
            gauge!("hpol_sessions_open").increment(1.0);
        }
        Event::SessionClosed { .. } => {
            counter!("hpol_sessions_closed_total").increment(1);
            gauge!("hpol_sessions_open").decrement(1.0);
        }
        Event::SessionRefused { .. } => counter!("hpol_sessions_refused_total").increment(1),
        Event::Decision(decision) => {
            let (protocol, verdict) = (decision.connection.kind.clone(), decision.verdict.clone());
            counter!("hpol_operations_total", "protocol" => protocol, "verdict" => verdict)
                .increment(1);
        }
        Event::ApprovalRequested { .. } => counter!("hpol_approvals_requested_total").increment(1),
        Event::ApprovalClosed { state, .. } => {
            let state = match state {
                hpol_evidence::record::ApprovalEnd::Approved => "approved",
                hpol_evidence::record::ApprovalEnd::Rejected => "rejected",
                hpol_evidence::record::ApprovalEnd::Expired => "expired",
                hpol_evidence::record::ApprovalEnd::Withdrawn => "withdrawn",
            };
            counter!("hpol_approvals_closed_total", "state" => state).increment(1);
        }
        Event::BundleLoaded {
            policy_sequence, ..
        } => {
            // Exact up to 2^53; a policy is not built that often.
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float by format")]
            gauge!("hpol_bundle_sequence").set(*policy_sequence as f64);
        }
        Event::BundleRefused { .. } => counter!("hpol_bundle_refusals_total").increment(1),
        Event::ConfigurationRefused { .. } => {
            counter!("hpol_configuration_refusals_total").increment(1);
        }
        // Counted as they were turned away and lost.
        Event::SessionsRefused { .. } | Event::RecordsLost { .. } | Event::KeyChanged { .. } => {}
        Event::LogFailed { .. } => counter!("hpol_evidence_failures_total").increment(1),
        Event::ConfigurationLoaded { .. }
        | Event::GatewayStarted { .. }
        | Event::GatewayStopped { .. }
        | Event::ApprovalVote { .. }
        | Event::Outcome(_) => {}
    }
}

pub(crate) fn evidence_append(took: Duration) {
    histogram!("hpol_evidence_append_seconds").record(took.as_secs_f64());
}

pub(crate) fn evidence_failure() {
    counter!("hpol_evidence_failures_total").increment(1);
}

pub(crate) fn evidence_lost() {
    counter!("hpol_evidence_lost_total").increment(1);
}

pub(crate) fn approvals_pending(count: u32) {
    gauge!("hpol_approvals_pending").set(f64::from(count));
}

pub(crate) fn client_refused(limit: &'static str) {
    counter!("hpol_clients_refused_total", "limit" => limit).increment(1);
}

pub(crate) fn connection_panic() {
    counter!("hpol_connection_panics_total").increment(1);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_is_documented() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let described = include_str!("metrics.rs").split("describe_").skip(1);
        let names = described
            .filter_map(|text| text.split('"').nth(1))
            .filter(|name| name.starts_with("hpol_"));
        let names: Vec<&str> = names.collect();
        assert!(names.len() >= 15, "{names:?}");
        for name in names {
            assert!(
                page.contains(name),
                "`{name}` is not in docs/configuration.md"
            );
        }
    }
}
