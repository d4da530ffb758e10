//! Settings that the gateway has fixed for a session, kept through RESET ALL and DISCARD ALL.
//!
//! Those give every setting the value it had when the session began, and the gateway fixes some after that. So it sets them
//! again before anything else is asked. In a transaction a ROLLBACK undoes that too, so only what is set outside one stays.

use super::tightening::{empties_path, resets_path};
use crate::codec::backend::TransactionStatus;
use crate::codec::encode::Report;
use crate::ended::Ended;
use crate::facts::Reading;
use crate::refuse;
use crate::relay::Relay;
use crate::states::parameters::milliseconds;
use crate::upstream;

/// The values, and whether the server has them.
#[derive(Debug)]
pub(crate) struct FixedSettings {
    values: Vec<(String, String)>,
    /// The search path at login.
    login_path: String,
    /// The search path was changed in the transaction that is open, so the server has another one once it is undone.
    path_undoable: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fixed,
    /// They were set again in a transaction: up to its next command that may roll back.
    ForNow,
    /// A command that resets them was sent, or one that may undo what was set again.
    Lost,
}

const SEARCH_PATH: &str = "search_path";

/// What a text that is sent now finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    Kept,
    Lost,
    /// Everything owed must come first.
    Undecided,
}

impl FixedSettings {
    /// Settings that the server has now, outside any transaction.
    pub(crate) fn new(values: Vec<(String, String)>) -> FixedSettings {
        let mut paths = values.iter().filter(|(name, _)| name == SEARCH_PATH);
        FixedSettings {
            login_path: paths
                .next()
                .map(|(_, path)| path.clone())
                .unwrap_or_default(),
            path_undoable: false,
            values,
            state: State::Fixed,
        }
    }

    /// Whether a time limit of this many milliseconds, zero being none, is no laxer than the session's own.
    pub(super) fn allows(&self, name: &str, limit: u32) -> bool {
        let mut values = self.values.iter();
        let own = values.find(|(known, _)| known == name);
        own.and_then(|(_, value)| milliseconds(value).ok())
            .is_some_and(|own| own == 0 || (limit != 0 && limit <= own))
    }

    /// Whether a text undoes a change of the search path and goes on with the one before.
    pub(super) fn goes_on_undone(&self, reading: &Reading) -> bool {
        self.path_undoable && reading.analysis.statements() > 1 && reading.may_roll_back()
    }

    /// A text was sent upstream, in a session that stands at `status`.
    pub(crate) fn sent(&mut self, reading: &Reading, status: TransactionStatus) {
        let empties = empties_path(reading);
        if empties || resets_path(reading) {
            // Temporary tables come last then too; in the first place `current_schemas` would make a schema for them, and
            // a dump tell of it. What the server has is set to this before anything else is asked.
            let path = if empties {
                "pg_catalog, pg_temp"
            } else {
                &self.login_path
            };
            let values = self.values.iter_mut();
            values
                .filter(|(name, _)| name == SEARCH_PATH)
                .for_each(|(_, value)| path.clone_into(value));
            self.path_undoable |= status != TransactionStatus::Idle;
            self.state = State::Lost;
        }
        let undone = self.state == State::ForNow && reading.may_roll_back();
        if reading.resets_all() || undone {
            self.state = State::Lost;
        }
    }
}

impl Relay<'_> {
    /// Sets the settings again where they may be lost and the server can be asked.
    pub(super) async fn keep_settings(&mut self) -> Result<Settings, Ended> {
        match self.settings.state {
            State::Fixed => return Ok(Settings::Kept),
            State::ForNow if self.segment_open => return Ok(Settings::Kept),
            State::Lost if self.segment_open => return Ok(Settings::Lost),
            State::ForNow | State::Lost => {}
        }
        // Only then it is known whether the transaction has failed.
        if !self.prepared.is_idle() {
            return Ok(Settings::Undecided);
        }
        if self.status == TransactionStatus::Failed {
            return Ok(Settings::Lost);
        }
        self.restore_settings().await?;
        self.settings.path_undoable &= self.status != TransactionStatus::Idle;
        self.settings.state = match self.status {
            TransactionStatus::Idle => State::Fixed,
            TransactionStatus::Open | TransactionStatus::Failed => State::ForNow,
        };
        Ok(Settings::Kept)
    }

    /// Sets what is not as it was. The upstream must be idle.
    async fn restore_settings(&mut self) -> Result<(), Ended> {
        let rows: Vec<String> = self
            .settings
            .values
            .iter()
            .map(|(name, value)| format!("({}, {})", literal(name), literal(value)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES {}) AS fixed(name, value) \
             WHERE value OPERATOR(pg_catalog.<>) pg_catalog.current_setting(name)",
            rows.join(", ")
        );
        let query = upstream::query(&mut self.upstream, &sql, |_| Ok(()));
        let time = self.connection.settings().limits.handshake;
        let why = match tokio::time::timeout(time, query).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the upstream did not answer in time".to_owned(),
        };
        Err(Ended::with(Report::fatal(
            refuse::CONNECTION_FAILURE,
            format!("the settings of the session cannot be kept: {why}"),
        )))
    }
}

/// A string literal; sessions have standard_conforming_strings on.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
