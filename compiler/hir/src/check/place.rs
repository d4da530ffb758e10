//! Tests of facts that lie within others: addresses in networks, paths below paths.

use std::net::IpAddr;

use hpol_bundle::address::{Network, NotANetwork};
use hpol_bundle::policy::{Condition, Predicate};
use hpol_bundle::vocabulary::{Fact, FactId};
use hpol_syntax::ast::{Comparison, Literal, LiteralKind, Operator};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;

use super::Checker;
use super::condition::test;

impl Checker<'_> {
    /// The test of an address. It is in a network where its text begins with that of the network.
    pub(super) fn address(
        &mut self,
        id: FactId,
        fact: &Fact,
        comparison: &Comparison,
    ) -> Option<Condition> {
        let operator = comparison.operator.node;
        if !matches!(
            operator,
            Operator::Equal | Operator::NotEqual | Operator::In
        ) {
            return self.misfit(fact, comparison);
        }
        let found: Vec<Option<Network>> = comparison
            .values
            .iter()
            .map(|literal| self.network(fact, literal))
            .collect();
        let mut networks: Vec<Network> = found.into_iter().collect::<Option<_>>()?;
        networks.sort_unstable();
        networks.dedup();
        let within = |network: &Network| test(id, Predicate::StartsWith(network.prefix()));
        let inside = one_of(networks.iter().map(within).collect());
        Some(match operator {
            Operator::NotEqual => Condition::Not(Box::new(inside)),
            _ => inside,
        })
    }

    /// The network or the single address that `literal` names.
    pub(super) fn network(&mut self, fact: &Fact, literal: &Literal) -> Option<Network> {
        let LiteralKind::Network(written) = &literal.node else {
            let help = "write an address or a network, such as `10.0.0.0/8`, without quotes";
            return self.wrong_value(fact, literal, help);
        };
        let (address, length) = match written.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (written.as_str(), None),
        };
        let (message, help) = match (address.parse::<IpAddr>(), length.map(str::parse::<u8>)) {
            (Ok(address), None) => return Some(Network::single(address)),
            (Ok(address), Some(Ok(length))) => match Network::new(address, length) {
                Ok(network) => return Some(network),
                Err(fault @ NotANetwork::HostBits { network }) => (
                    format!("`{written}` is not a network: {fault}"),
                    format!("write `{network}` for the network, or `{address}` for the address"),
                ),
                Err(fault) => (
                    format!("`{written}` is not a network: {fault}"),
                    "write as many bits as the network has behind the `/`".to_owned(),
                ),
            },
            _ => (
                format!("`{written}` is neither an address nor a network"),
                "write it like `10.0.0.0/8`, `fd00::/8` or `192.0.2.7`".to_owned(),
            ),
        };
        let problem = Problem::new(Code::NetworkForm, message, literal.span, "not a network");
        self.report(problem.help(help));
        None
    }

    /// The test whether a path is one of these or stands below it, by whole segments.
    pub(super) fn under(
        &mut self,
        id: FactId,
        fact: &Fact,
        comparison: &Comparison,
    ) -> Option<Condition> {
        let found: Vec<Option<String>> = comparison
            .values
            .iter()
            .map(|literal| self.folder(fact, literal))
            .collect();
        let mut folders: Vec<String> = found.into_iter().collect::<Option<_>>()?;
        folders.sort_unstable();
        folders.dedup();
        let starts = |text: String| test(id, Predicate::StartsWith(text.into()));
        if folders.iter().any(String::is_empty) {
            return Some(starts("/".to_owned()));
        }
        let mut tests: Vec<Condition> = folders
            .iter()
            .map(|folder| starts(format!("{folder}/")))
            .collect();
        let themselves = folders.into_iter().map(Into::into).collect();
        tests.push(test(id, Predicate::In(themselves)));
        Some(one_of(tests))
    }

    /// A path without the slash at its end: nothing for the root.
    fn folder(&mut self, fact: &Fact, literal: &Literal) -> Option<String> {
        let LiteralKind::Text(path) = &literal.node else {
            let help = "write a path in quotes, such as `\"/orders\"`";
            return self.wrong_value(fact, literal, help);
        };
        // What no path ever is under is reported with the other texts that a fact never has.
        Some(path.strip_suffix('/').unwrap_or(path).to_owned())
    }
}

/// One of `tests` holds; no needless level for one alone.
fn one_of(tests: Vec<Condition>) -> Condition {
    match <[Condition; 1]>::try_from(tests) {
        Ok([only]) => only,
        Err(tests) => Condition::Any(tests),
    }
}
