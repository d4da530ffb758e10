//! Settings that the gateway has fixed for a session, kept through RESET ALL and DISCARD ALL.
//!
//! Those give every setting the value it had when the session began, and the gateway fixes some after that. So it notes
//! their values before the first such command, and sets them again before anything else is asked.

use crate::codec::encode::Report;
use crate::ended::Ended;
use crate::facts::Reading;
use crate::refuse;
use crate::relay::Relay;
use crate::upstream::{self, ReachUpstream};

/// Who runs what follows, what names mean, what rows are seen, and how long anything may take.
const FIXED: &str = "SELECT name, pg_catalog.current_setting(name, true) FROM pg_catalog.unnest('{role, search_path, \
     row_security, statement_timeout, lock_timeout, transaction_timeout, idle_session_timeout, \
     idle_in_transaction_session_timeout}'::pg_catalog.text[]) AS name";

/// Whether the settings are as they must be.
#[derive(Debug, Default)]
pub(crate) struct FixedSettings {
    /// Their values, once they were needed.
    values: Option<Vec<(String, String)>>,
    /// A command that resets them was sent, and they have not been set again.
    lost: bool,
}

impl FixedSettings {
    pub(crate) fn are_lost(&self) -> bool {
        self.lost
    }

    pub(crate) fn are_known(&self) -> bool {
        self.values.is_some()
    }

    /// A text was sent upstream.
    pub(crate) fn sent(&mut self, reading: &Reading) {
        self.lost |= reading.resets_all();
    }
}

impl Relay<'_> {
    /// Notes the values. The upstream must be idle.
    pub(super) async fn note_settings(&mut self) -> Result<(), Ended> {
        let mut values = Vec::new();
        let query = upstream::query(&mut self.upstream, FIXED, |row| {
            let [Some(name), value] = row else {
                return Err(ReachUpstream::Catalogue);
            };
            // A server that does not know the setting has nothing to keep.
            if let Some(value) = value {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
                let pair = text(name).and_then(|name| Ok((name, text(value)?)));
                values.push(pair.map_err(|_| ReachUpstream::Catalogue)?);
            }
            Ok(())
        });
        let time = self.connection.settings().limits.handshake;
        in_time(tokio::time::timeout(time, query).await)?;
        self.settings.values = Some(values);
        Ok(())
    }

    /// Sets what is not as it was. The upstream must be idle.
    pub(super) async fn restore_settings(&mut self) -> Result<(), Ended> {
        let values = self.settings.values.as_deref().unwrap_or_default();
        let rows: Vec<String> = values
            .iter()
            .map(|(name, value)| format!("({}, {})", literal(name), literal(value)))
            .collect();
        if !rows.is_empty() {
            let sql = format!(
                "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES {}) AS fixed(name, value) \
                 WHERE value OPERATOR(pg_catalog.<>) pg_catalog.current_setting(name)",
                rows.join(", ")
            );
            let query = upstream::query(&mut self.upstream, &sql, |_| Ok(()));
            let time = self.connection.settings().limits.handshake;
            in_time(tokio::time::timeout(time, query).await)?;
        }
        self.settings.lost = false;
        Ok(())
    }
}

fn in_time<T, E>(asked: Result<Result<T, ReachUpstream>, E>) -> Result<(), Ended> {
    let why = match asked {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the upstream did not answer in time".to_owned(),
    };
    Err(Ended::with(Report::fatal(
        refuse::CONNECTION_FAILURE,
        format!("the settings of the session cannot be kept: {why}"),
    )))
}

/// A string literal; sessions have standard_conforming_strings on.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
