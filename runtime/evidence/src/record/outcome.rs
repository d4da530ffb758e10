//! The record of what became of an operation.

use serde::{Deserialize, Serialize};

use super::{ControlRecord, FactsRecord, LeftOut, is_false};

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Id of the operation.
    pub operation: String,
    /// How it ended.
    pub result: OperationResult,
    /// The upstream's own error code or status, where it has one.
    pub code: String,
    /// Rows returned; of an operation that returns none, rows affected. Response messages where there are no rows.
    pub rows: u64,
    /// Bytes of result released to the client.
    pub bytes: u64,
    /// What was masked, by class.
    pub masked: Vec<MaskedRecord>,
    /// Whether rows were left out because of a limit; absent where none were.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cut: bool,
    /// Controls earned by what was masked or cut.
    pub controls: Vec<ControlRecord>,
    /// The facts of the result that conditions over history read; absent where the policy has no such conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<FactsRecord>,
    /// How much did not fit into the lists of this record; absent where all did.
    #[serde(default, skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
}

/// Values of one class that were masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedRecord {
    /// The data class.
    pub class: String,
    /// The rule that hides it.
    pub rule: String,
    /// How many values.
    pub values: u64,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationResult {
    /// The upstream reported success.
    Completed,
    /// The upstream reported an error.
    Failed,
    /// The client or the gateway ended it; what the upstream did is not known.
    Interrupted,
    /// It was prepared and never run.
    NotRun,
}
