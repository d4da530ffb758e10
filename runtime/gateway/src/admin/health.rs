//! Whether the gateway can do its work, and if not, why: for load balancers and for the operator who looks.

use hpol_evidence::log::Health;
use http::StatusCode;
use serde_json::json;

use super::Admin;
use crate::web::{self, Reply};

impl Admin {
    /// 200 when operations can go ahead; 503 with every reason why not.
    pub(super) fn ready(&self) -> Reply {
        let bundle = self.door.in_force();
        let mut reasons = Vec::new();
        if bundle.is_none() {
            reasons.push("no policy bundle is in force, so everything is denied".to_owned());
        }
        let log = match self.log.health() {
            Health::Serving => "serving",
            Health::NearlyFull => "nearly full",
            Health::Full => {
                reasons.push("the disk of the audit log is full, so no session begins".to_owned());
                "full"
            }
            Health::Failed { why } => {
                reasons.push(format!(
                    "the audit log has failed, so every operation is refused: {why}"
                ));
                "failed"
            }
            Health::Closed => {
                reasons.push("the audit log is closed: the gateway is stopping".to_owned());
                "closed"
            }
        };
        let status = if reasons.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let bundle = bundle
            .map(|bundle| json!({ "digest": bundle.digest(), "sequence": bundle.sequence() }));
        web::json(
            status,
            &json!({ "ready": reasons.is_empty(), "reasons": reasons, "audit_log": log, "bundle": bundle }),
        )
    }
}
