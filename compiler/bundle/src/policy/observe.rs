//! Which connections are only observed. What that means for an operation the gateway says.

use std::collections::BTreeSet;

use super::Policy;

impl<C> Policy<C> {
    /// Connections that are only observed, by their names in the gateway's configuration; sorted.
    pub fn observed(&self) -> impl Iterator<Item = &str> {
        let targets = self.connections.iter().map(|on| on.target.as_str());
        let targets: BTreeSet<&str> = targets.collect();
        targets.into_iter().filter(|target| self.observes(target))
    }

    /// Whether the connection called `target` in the gateway's configuration is only observed: whoever names it says so.
    #[must_use]
    pub fn observes(&self, target: &str) -> bool {
        let connections = self.connections.iter();
        let mut named = connections.filter(|on| on.target == target).peekable();
        named.peek().is_some() && named.all(|on| on.observe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Connection;
    use crate::vocabulary::Protocol;

    #[test]
    fn a_connection_is_observed_where_all_who_name_it_say_so() {
        let on = |name: &str, target: &str, observe| Connection {
            name: name.to_owned(),
            protocol: Protocol::Postgres,
            target: target.to_owned(),
            observe,
        };
        let policy: Policy = Policy {
            connections: vec![
                on("a.lab", "lab", true),
                on("a.prod", "prod", true),
                on("b.lab", "lab", true),
                on("b.prod", "prod", false),
            ],
            ..Policy::default()
        };
        let observed = ["lab", "prod", "elsewhere"].map(|target| policy.observes(target));
        assert_eq!(observed, [true, false, false]);
        assert!(policy.observed().eq(["lab"]));
    }
}
