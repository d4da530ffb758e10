//! Checks what a test says that happened before.

use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::{Before, Name};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::{Span, Spanned};

use super::Checker;
use crate::test_case::{MAX_TIMES, TestBefore, TestConnection};

impl Checker<'_> {
    /// What `before` means in a test on the connection `test`.
    pub(super) fn earlier(
        &mut self,
        before: &Spanned<Before>,
        test: Option<&TestConnection>,
    ) -> Option<TestBefore> {
        let Before {
            ago,
            times,
            operations,
            on,
            in_session,
            rows,
            bytes,
            releasing,
            masking,
        } = &before.node;
        let asked = self.once("`sql` or `http`", operations, |part| part.span);
        let on = self.once("`on`", on, |name| name.span);
        let session = self.once("`in this session`", in_session, |span| *span);
        let (rows, bytes) = (self.amount("rows", rows), self.amount("bytes", bytes));
        let released = self.classes(releasing);
        let masked = self.classes(masking);
        let times = self.times(times.as_ref());
        let connection = match on? {
            Some(name) => self.earlier_connection(name)?,
            None => test?.clone(),
        };
        if let (Some(span), Some(test)) = (session?, test)
            && *test != connection
        {
            self.wrong(
                *span,
                "a session has one connection, and it is another",
                "leave it out",
            );
            return None;
        }
        let Some(asked) = asked? else {
            self.wrong(
                before.span,
                "it does not say what was asked",
                "add `sql \"...\"` or `http METHOD \"...\"`",
            );
            return None;
        };
        let operation = self.operation(asked, Some(&connection))?;
        let (rows, bytes, released, masked) = (rows?, bytes?, released?, masked?);
        let result = [rows.map(|(_, span)| span), bytes.map(|(_, span)| span)];
        let named = releasing.iter().chain(masking).map(|name| name.span);
        if let (None, Some(span)) = (ago, result.into_iter().flatten().chain(named).next()) {
            self.wrong(
                span,
                "nothing is known of a result in flight",
                "leave it out, or say `5m ago`",
            );
            return None;
        }
        if let (Protocol::Http, Some((_, span))) = (connection.protocol, rows) {
            self.wrong(span, "an HTTP response has no rows", "leave it out");
            return None;
        }
        Some(TestBefore {
            seconds_ago: ago.as_ref().map(|ago| ago.node),
            times: times?,
            connection,
            operation,
            in_session: session?.is_some(),
            rows: rows.map_or(0, |(rows, _)| rows),
            bytes: bytes.map_or(0, |(bytes, _)| bytes),
            releasing: released,
            masking: masked,
        })
    }

    fn wrong(&mut self, span: Span, message: &str, help: &str) {
        self.report(
            Problem::new(Code::TestBefore, message, span, "what happened before").help(help),
        );
    }

    /// The one of `parts`, if there is one; reports a second.
    fn once<'p, T>(
        &mut self,
        what: &str,
        parts: &'p [T],
        span: impl Fn(&T) -> Span,
    ) -> Option<Option<&'p T>> {
        if let [_, second, ..] = parts {
            let message = format!("{what} stands twice");
            self.wrong(
                span(second),
                &message,
                "write `earlier` once for each operation",
            );
            return None;
        }
        Some(parts.first())
    }

    fn amount(&mut self, what: &str, amounts: &[Spanned<i64>]) -> Option<Option<(i64, Span)>> {
        let amount = self.once(&format!("`{what}`"), amounts, |amount| amount.span)?;
        match amount {
            Some(amount) if amount.node < 0 => {
                let message = format!("there are no `{}` {what}", amount.node);
                self.wrong(amount.span, &message, "a number from 0 on");
                None
            }
            amount => Some(amount.map(|amount| (amount.node, amount.span))),
        }
    }

    fn times(&mut self, times: Option<&Spanned<i64>>) -> Option<u32> {
        let Some(times) = times else {
            return Some(1);
        };
        let count = u32::try_from(times.node).ok();
        let count = count.filter(|count| (1..=MAX_TIMES).contains(count));
        if count.is_none() {
            let message = format!("`{}` times are not possible", times.node);
            self.wrong(
                times.span,
                &message,
                &format!("write a number from 1 to {MAX_TIMES}"),
            );
        }
        count
    }

    fn classes(&mut self, names: &[Name]) -> Option<Vec<String>> {
        let found: Vec<Option<String>> = names
            .iter()
            .map(|name| self.class(name).map(|(full, _)| full))
            .collect();
        let mut classes: Vec<String> = found.into_iter().collect::<Option<_>>()?;
        classes.sort();
        classes.dedup();
        Some(classes)
    }

    fn earlier_connection(&mut self, name: &Name) -> Option<TestConnection> {
        let symbols = self.symbols();
        let (full, symbol) = self.lookup(&symbols.connections, name, "connection", &[])?;
        let symbol = symbol?;
        Some(TestConnection {
            name: full,
            protocol: symbol.protocol,
            target: symbol.target.clone(),
        })
    }
}
