//! Checks data classes: where they are stored, and how they look.

use std::collections::BTreeSet;

use hpol_bundle::policy::{Column, JsonPath};
use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::{self, Data};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::words;

use super::Checker;
use super::value::part_text;
use crate::lowered::Lowered;

/// The detectors that the gateway has.
pub const DETECTORS: &[&str] = &[
    "us_ssn",
    "payment_card",
    "email",
    "phone",
    "ip_address",
    "iban",
    "aws_access_key",
    "jwt",
    "private_key",
];

impl Checker<'_> {
    pub(super) fn data(&mut self, data: &Data) -> Option<Lowered> {
        let found: Vec<Option<Column>> = data
            .columns
            .iter()
            .map(|column| self.column(column))
            .collect();
        let json: Vec<Option<JsonPath>> = data
            .json
            .iter()
            .map(|place| self.json_path(place))
            .collect();
        let mut detectors = BTreeSet::new();
        let mut known = true;
        for detector in &data.detectors {
            if DETECTORS.contains(&detector.node.as_str()) {
                detectors.insert(detector.node.clone());
                continue;
            }
            known = false;
            let message = format!("there is no detector `{}`", detector.node);
            let problem = Problem::new(Code::UnknownDetector, message, detector.span, "unknown");
            self.report(
                match words::nearest(&detector.node, DETECTORS.iter().copied()) {
                    Some(near) => problem.did_you_mean(near),
                    None => problem.help(format!("it is one of {}", words::list(DETECTORS))),
                },
            );
        }
        let mut columns: Vec<Column> = found.into_iter().collect::<Option<_>>()?;
        let mut json: Vec<JsonPath> = json.into_iter().collect::<Option<_>>()?;
        json.sort();
        json.dedup();
        columns.sort();
        columns.dedup();
        known.then(|| Lowered::Class {
            columns,
            json,
            detectors: detectors.into_iter().collect(),
        })
    }

    fn column(&mut self, column: &ast::Column) -> Option<Column> {
        let parts: Vec<String> = column.parts.iter().map(part_text).collect();
        let symbols = self.symbols();
        let connection = self
            .lookup(&symbols.connections, &column.connection, "connection", &[])
            .and_then(|(_, found)| found);
        let [schema, table, name] = parts.as_slice() else {
            let message = format!("`{}` is not a column", parts.join("."));
            self.report(
                Problem::new(Code::ColumnForm, message, column.span, "needs three parts")
                    .help("write schema, table and column: `public.customers.ssn`"),
            );
            return None;
        };
        let connection = connection?;
        if connection.protocol != Protocol::Postgres {
            let message = format!("`{}` has no columns", column.connection.node);
            let label = format!("speaks {}", connection.protocol.as_str());
            self.report(
                Problem::new(
                    Code::ColumnConnection,
                    message,
                    column.connection.span,
                    label,
                )
                .help(
                    "name a `postgres` connection; on others data classes are found by JSON paths and detectors",
                ),
            );
            return None;
        }
        Some(Column {
            target: connection.target.clone(),
            schema: schema.clone(),
            table: table.clone(),
            column: name.clone(),
        })
    }
}
