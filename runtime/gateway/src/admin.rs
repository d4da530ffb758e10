//! The admin API: health, metrics, and approvals for people who bring their own token. It decides nothing: who may vote is
//! judged by the door, who somebody is by `identity`.

mod approvals;
mod health;
mod reviews;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use hpol_session::door::Door;
use hpol_session::ports::Authenticate;
use http::{Method, Request, StatusCode};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::approvals::memory::MemoryApprovals;
use crate::evidence::AuditLog;
use crate::metrics;
use crate::web::{self, Answer, Reply};

/// Prometheus' text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the admin API shows and reaches.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) door: Arc<Door>,
    pub(crate) identities: Arc<dyn Authenticate>,
    pub(crate) log: Arc<AuditLog>,
    /// The folder of the log, to read what is reviewed.
    pub(crate) log_folder: PathBuf,
    pub(crate) approvals: Arc<MemoryApprovals>,
    pub(crate) metrics: PrometheusHandle,
}

impl Answer for Admin {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        let path = request.uri().path().to_owned();
        let path: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method(), path.as_slice()) {
            (&Method::GET | &Method::HEAD, ["healthz"]) => {
                web::with_type(StatusCode::OK, "text/plain", b"up\n".to_vec())
            }
            (&Method::GET | &Method::HEAD, ["readyz"]) => self.ready(),
            (&Method::GET, ["metrics"]) => self.numbers(),
            (_, ["api", "v1", "approvals", rest @ ..]) => self.approvals(&request, rest).await,
            (_, ["api", "v1", "reviews", rest @ ..]) => self.reviews(&request, rest).await,
            (_, ["healthz" | "readyz" | "metrics"]) => {
                web::problem(StatusCode::METHOD_NOT_ALLOWED, "this page can only be read")
            }
            _ => web::problem(
                StatusCode::NOT_FOUND,
                "there are `/healthz`, `/readyz`, `/metrics`, `/api/v1/approvals` and `/api/v1/reviews`",
            ),
        }
    }
}

impl Admin {
    fn numbers(&self) -> Reply {
        metrics::approvals_pending(u32::try_from(self.approvals.pending()).unwrap_or(u32::MAX));
        metrics::evidence_state(&self.log.health());
        self.metrics.run_upkeep();
        web::with_type(
            StatusCode::OK,
            PROMETHEUS_TEXT,
            self.metrics.render().into_bytes(),
        )
    }
}

#[cfg(test)]
mod tests;
