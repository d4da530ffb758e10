//! The claims of a token that policies may read: those that the policy in force names are kept while a session lasts, and
//! no others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hpol_bundle::claims::Claim;
use hpol_bundle::facts::{Fact, Facts};
use hpol_bundle::vocabulary::{Derived, Vocabulary};

/// The claims of one token. Shows their names and never their values.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Claims {
    known: BTreeMap<String, Claim>,
    /// The names that were looked for when the others were dropped; `None` as long as all are here.
    kept: Option<BTreeSet<String>>,
}

impl Claims {
    /// All claims of a token.
    #[must_use]
    pub fn new(known: BTreeMap<String, Claim>) -> Claims {
        Claims { known, kept: None }
    }

    /// Drops what no condition of the policy with this vocabulary reads.
    pub(crate) fn keep_for(&mut self, vocabulary: &Vocabulary) {
        let named: BTreeSet<String> = names(vocabulary).map(str::to_owned).collect();
        self.known.retain(|name, _| named.contains(name));
        self.kept = Some(named);
    }

    /// The claims as facts. One that a later policy reads and that was dropped is not known.
    pub(crate) fn facts(&self, vocabulary: &Vocabulary) -> Facts {
        let mut facts = Facts::new();
        for (id, derived) in vocabulary.derived() {
            let (Derived::Claim { name, .. }, Some(fact)) = (derived, vocabulary.fact(id)) else {
                continue;
            };
            let dropped = self.kept.as_ref().is_some_and(|kept| !kept.contains(name));
            let value = match self.known.get(name) {
                Some(claim) => claim.fact(&fact.ty),
                None if dropped => Fact::Unknown,
                None => Fact::Missing,
            };
            facts.set(id, value);
        }
        facts
    }
}

fn names(vocabulary: &Vocabulary) -> impl Iterator<Item = &str> {
    vocabulary
        .derived()
        .filter_map(|(_, derived)| match derived {
            Derived::Claim { name, .. } => Some(name.as_str()),
            Derived::During(_) => None,
        })
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use hpol_bundle::facts::Value;

    use super::*;

    fn vocabulary(names: &[&str]) -> Vocabulary {
        let derived = names.iter().map(|name| Derived::Claim {
            name: (*name).to_owned(),
            set: false,
        });
        Vocabulary::builtin().with(derived)
    }

    fn fact(claims: &Claims, vocabulary: &Vocabulary, name: &str) -> Fact {
        let name = hpol_bundle::claims::fact_name(name);
        let (id, _) = vocabulary.lookup(&name).unwrap();
        claims.facts(vocabulary).fact(id).clone()
    }

    #[test]
    fn only_claims_that_the_policy_names_are_kept() {
        let text = |text: &str| Claim::Text(text.to_owned());
        let known = [("team", text("core")), ("salary", text("90000"))];
        let known = known.map(|(name, claim)| (name.to_owned(), claim));
        let mut claims = Claims::new(BTreeMap::from(known));
        let later = vocabulary(&["salary", "team", "title"]);
        let known = |text: &str| Fact::Known(Value::Text(text.into()));
        assert_eq!(fact(&claims, &later, "salary"), known("90000"));
        assert_eq!(fact(&claims, &later, "title"), Fact::Missing);
        claims.keep_for(&vocabulary(&["team", "level"]));
        assert_eq!(fact(&claims, &later, "team"), known("core"));
        // Whether the token had them is not known any more.
        assert_eq!(fact(&claims, &later, "salary"), Fact::Unknown);
        assert_eq!(fact(&claims, &later, "title"), Fact::Unknown);
        assert_eq!(
            fact(&claims, &vocabulary(&["level"]), "level"),
            Fact::Missing
        );
        assert_eq!(format!("{claims:?}"), r#"{"team"}"#);
    }
}
