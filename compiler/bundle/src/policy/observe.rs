//! Which connections are only observed. What that means for an operation the gateway says.

use super::Policy;

impl<C> Policy<C> {
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
    }
}
