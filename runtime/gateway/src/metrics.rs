//! What the gateway counts, in Prometheus' text format. Counted where records are appended, so that the numbers and the
//! audit log tell the same story. Labels are few and never come from clients.

mod found;

use std::time::Duration;

use hpol_bundle::decision::Verdict;
use hpol_bundle::vocabulary::Protocol;
use hpol_evidence::log::Health;
use hpol_evidence::record::{ApprovalEnd, Event, Finding, OperationResult, OutcomeRecord};
use jiff::Timestamp;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

/// So that between two times there are a few hundred thousand durations at most.
const GATHER_EVERY: Duration = Duration::from_secs(5);

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
    gauge!("hpol_start_time_seconds").set(now());
    gauge!("hpol_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

fn describe() {
    describe_counter!("hpol_sessions_opened_total", "sessions opened, by protocol");
    describe_counter!("hpol_sessions_closed_total", "sessions ended");
    describe_counter!(
        "hpol_sessions_refused_total",
        "clients turned away before they had a session"
    );
    describe_counter!(
        "hpol_justified_total",
        "operations that went ahead by a justification"
    );
    describe_counter!("hpol_reviews_total", "reviews of these, by what they found");
    describe_gauge!("hpol_sessions_open", "sessions open now");
    describe_counter!(
        "hpol_operations_total",
        "operations judged, by protocol, connection and verdict"
    );
    describe_histogram!(
        "hpol_decision_seconds",
        "time from an operation that was read to its decision, its record included"
    );
    describe_counter!(
        "hpol_operations_ended_total",
        "operations that were let through and have ended, by how"
    );
    describe_counter!(
        "hpol_masked_values_total",
        "values hidden in results, by data class"
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
        "hpol_evidence_state",
        "1 for the state that the audit log is in"
    );
    describe_gauge!(
        "hpol_bundle_sequence",
        "sequence number of the bundle in force"
    );
    describe_gauge!(
        "hpol_bundle_loaded_time_seconds",
        "when the bundle came into force"
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
    describe_gauge!("hpol_start_time_seconds", "when the gateway started");
    describe_gauge!("hpol_build_info", "1, with the version of the gateway");
}

/// Gathers the durations that were measured, which the histograms keep one by one until somebody does; never ends.
pub(crate) async fn gather(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(GATHER_EVERY).await;
        metrics.run_upkeep();
    }
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
            if decision.verdict == "allow" && decision.justification.is_some() {
                counter!("hpol_justified_total").increment(1);
            }
            found::operations(&decision.connection, &decision.verdict, |counter| {
                counter.increment(1);
            });
        }
        Event::JustificationReviewed { finding, .. } => {
            let finding = match finding {
                Finding::Justified => "justified",
                Finding::Unjustified => "unjustified",
            };
            counter!("hpol_reviews_total", "finding" => finding).increment(1);
        }
        Event::ApprovalRequested { .. } => counter!("hpol_approvals_requested_total").increment(1),
        Event::ApprovalClosed { state, .. } => {
            let state = match state {
                ApprovalEnd::Approved => "approved",
                ApprovalEnd::Rejected => "rejected",
                ApprovalEnd::Expired => "expired",
                ApprovalEnd::Withdrawn => "withdrawn",
            };
            counter!("hpol_approvals_closed_total", "state" => state).increment(1);
        }
        Event::BundleLoaded {
            policy_sequence, ..
        } => {
            // Exact up to 2^53; a policy is not built that often.
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float by format")]
            gauge!("hpol_bundle_sequence").set(*policy_sequence as f64);
            gauge!("hpol_bundle_loaded_time_seconds").set(now());
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
        | Event::ApprovalVote { .. } => {}
        Event::Outcome(outcome) => observe_outcome(outcome),
    }
}

/// Counts what has happened although there is no record of it: a session is over also when the log does not take its end.
pub(crate) fn unrecorded(event: &Event) {
    if matches!(event, Event::SessionClosed { .. }) {
        gauge!("hpol_sessions_open").decrement(1.0);
    }
}

fn observe_outcome(outcome: &OutcomeRecord) {
    let result = match outcome.result {
        OperationResult::Completed => "completed",
        OperationResult::Failed => "failed",
        OperationResult::Interrupted => "interrupted",
        OperationResult::NotRun => "not_run",
    };
    found::ended(result, |counter| counter.increment(1));
    for masked in &outcome.masked {
        counter!("hpol_masked_values_total", "class" => masked.class.clone())
            .increment(masked.values);
    }
}

/// Seconds since the Unix epoch, as Prometheus counts them.
fn now() -> f64 {
    Timestamp::now().as_duration().as_secs_f64()
}

pub(crate) fn decided(protocol: Protocol, verdict: Verdict, took: Duration) {
    let verdict = match verdict {
        Verdict::Allow => "allow",
        Verdict::RequireApproval => "require_approval",
        Verdict::Block => "block",
    };
    found::decisions(protocol.as_str(), verdict, |histogram| {
        histogram.record(took.as_secs_f64());
    });
}

/// Tells the state of the audit log in its word; see [`state`].
pub(crate) fn evidence_state(health: &Health) {
    let current = state(health);
    for name in ["serving", "nearly_full", "full", "failed", "closed"] {
        let value = if name == current { 1.0 } else { 0.0 };
        gauge!("hpol_evidence_state", "state" => name).set(value);
    }
}

fn state(health: &Health) -> &'static str {
    match health {
        Health::Serving => "serving",
        Health::NearlyFull => "nearly_full",
        Health::Full => "full",
        Health::Failed { .. } => "failed",
        Health::Closed => "closed",
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
