//! What the checker makes of one item: the policy's own types, with names in place of ids, since ids depend on every
//! other item.

use std::collections::BTreeSet;

use hpol_bundle::policy::{Claim, Condition, Mask};
use hpol_bundle::vocabulary::{FactId, Protocol};

use crate::test_case::TestCase;

/// An item that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lowered {
    /// A connection.
    Connection {
        /// The protocol it speaks.
        protocol: Protocol,
        /// Its name in the gateway's configuration.
        target: String,
        /// Whether it is only observed.
        observe: bool,
    },
    /// Controls that somebody else covers.
    Responsibility(Responsibility),
    /// A group's condition.
    Group(Condition),
    /// A schedule that is right; what it means stands in the vocabulary.
    Schedule,
    /// A predicate that is right; what it means is expanded where it is used.
    Predicate,
    /// A data class.
    Class {
        /// Where it is stored.
        columns: Vec<hpol_bundle::policy::Column>,
        /// Where it stands in JSON documents.
        json: Vec<hpol_bundle::policy::JsonPath>,
        /// How it looks.
        detectors: Vec<String>,
    },
    /// A rule.
    Rule(Box<Rule>),
    /// An exception to a rule.
    Exception(Box<Exception>),
    /// A test; its place is filled in when the tests are collected.
    Test(Box<TestCase>),
}

/// A rule whose names are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) title: String,
    pub(crate) because: String,
    pub(crate) claims: Vec<Claim>,
    pub(crate) condition: Condition,
    pub(crate) effect: Effect,
    pub(crate) observe: bool,
}

/// Controls that somebody else covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Responsibility {
    /// In OSCAL form.
    pub(crate) controls: Vec<String>,
    pub(crate) who: String,
    pub(crate) because: String,
}

/// An exception whose names are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    /// The rule, by qualified name.
    pub(crate) rule: String,
    /// With that it has not ended.
    pub(crate) condition: Condition,
    pub(crate) because: String,
    pub(crate) owner: String,
    /// The last day.
    pub(crate) until: String,
}

/// An effect with qualified names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow {
        rows: Option<u64>,
    },
    Block {
        message: String,
        terminates: bool,
    },
    RequireApproval {
        quorum: u32,
        group: String,
        within_seconds: u64,
        stands_seconds: Option<u64>,
    },
    RequireJustification {
        reviewers: String,
        given: FactId,
    },
    Mask {
        class: String,
        mask: Mask,
    },
    Limit {
        rows: u64,
    },
}

/// Where a data class can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whereabouts {
    /// Targets of the connections that store it.
    pub(crate) targets: BTreeSet<String>,
    /// Whether it stands in columns.
    pub(crate) has_columns: bool,
    /// Whether it stands in JSON documents.
    pub(crate) has_json: bool,
    /// Whether detectors find it anywhere.
    pub(crate) has_detectors: bool,
}
