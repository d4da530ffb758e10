//! What is left of a policy where something is certain: that a session is on one connection, that its subject is in a
//! group. Tests that are then settled go; all others stay as they are, so that what is left decides the same.

use hpol_bundle::policy::{Condition, Policy, Predicate, Test};

/// What is taken to be definitely true.
#[derive(Debug, Default)]
pub(super) struct Assumptions {
    tests: Vec<Test>,
    /// Conditions that are more than tests which all hold; found again where they stand as a whole.
    wholes: Vec<Condition>,
}

impl Assumptions {
    /// Takes `condition` to be true.
    pub(super) fn assume(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) => parts.iter().for_each(|part| self.assume(part)),
            Condition::Test(test) => self.tests.push(test.clone()),
            Condition::Any(_) | Condition::Not(_) | Condition::History(_) => {
                self.wholes.push(condition.clone())
            }
        }
    }

    /// The policy with what is settled left out. Rules keep their places.
    pub(super) fn specialise(&self, mut policy: Policy) -> Policy {
        for rule in &mut policy.rules {
            rule.condition = self.rest(&rule.condition);
        }
        for exception in &mut policy.exceptions {
            exception.condition = self.rest(&exception.condition);
        }
        policy
    }

    fn rest(&self, condition: &Condition) -> Condition {
        if self.wholes.contains(condition) {
            return certain(true);
        }
        match condition {
            Condition::All(parts) => self.joined(parts, true),
            Condition::Any(parts) => self.joined(parts, false),
            Condition::Not(inner) => match self.rest(inner) {
                Condition::All(parts) if parts.is_empty() => certain(false),
                Condition::Any(parts) if parts.is_empty() => certain(true),
                rest => Condition::Not(Box::new(rest)),
            },
            Condition::Test(test) => {
                let settled = self.tests.iter().find_map(|known| settled(known, test));
                settled.map_or_else(|| condition.clone(), certain)
            }
            // Other operations can have been of other sessions.
            Condition::History(_) => condition.clone(),
        }
    }

    /// `parts` joined by AND (`neutral` is true) or OR, without those that change nothing.
    fn joined(&self, parts: &[Condition], neutral: bool) -> Condition {
        let mut rest: Vec<Condition> = Vec::new();
        for part in parts {
            match self.rest(part) {
                part if part == certain(neutral) => {}
                part if part == certain(!neutral) => return part,
                part => rest.push(part),
            }
        }
        match (rest.pop(), neutral) {
            (Some(only), _) if rest.is_empty() => only,
            (last, true) => Condition::All(rest.into_iter().chain(last).collect()),
            (last, false) => Condition::Any(rest.into_iter().chain(last).collect()),
        }
    }
}

fn certain(truth: bool) -> Condition {
    match truth {
        true => Condition::All(Vec::new()),
        false => Condition::Any(Vec::new()),
    }
}

/// What `test` comes to where `known` is true; `None` where that does not say.
fn settled(known: &Test, test: &Test) -> Option<bool> {
    if known.fact != test.fact {
        return None;
    }
    match (&known.predicate, &test.predicate) {
        // Only a fact that is there can be present, or pass a test without a default.
        (Predicate::Present, Predicate::Present) => Some(true),
        (_, Predicate::Present) if known.default.is_none() => Some(true),
        (Predicate::Present, _) | (_, Predicate::Present) => None,
        // Where the fact may be missing, both must read the same instead.
        (known_is, asked) if known.default.is_none() || known.default == test.default => {
            implied(known_is, asked)
        }
        _ => None,
    }
}

/// What `asked` is of a value that `known` is true of.
fn implied(known: &Predicate, asked: &Predicate) -> Option<bool> {
    use Predicate::{Between, HasAll, HasAny, In, IsTrue, StartsWith, Within};
    match (known, asked) {
        (IsTrue, IsTrue) => Some(true),
        (In(known), In(asked)) => every_or_none(known, |text| asked.contains(text)),
        (In(known), StartsWith(asked)) => {
            every_or_none(known, |text| text.starts_with(asked.as_ref()))
        }
        (StartsWith(known), StartsWith(asked)) if known.starts_with(asked.as_ref()) => Some(true),
        (StartsWith(known), StartsWith(asked)) if asked.starts_with(known.as_ref()) => None,
        (StartsWith(_), StartsWith(_)) => Some(false),
        (Between(low, high), Between(from, to)) if from <= low && high <= to => Some(true),
        (Between(low, high), Between(from, to)) if to < low || high < from => Some(false),
        (HasAny(known), HasAny(asked)) if within(known, asked) => Some(true),
        (HasAny(known), HasAll(asked)) => match known.as_slice() {
            [only] if asked.iter().all(|text| text == only) => Some(true),
            _ => None,
        },
        (HasAny(known), Within(asked)) if apart(known, asked) => Some(false),
        (HasAll(known), HasAny(asked)) if !apart(known, asked) => Some(true),
        (HasAll(known), HasAll(asked)) if within(asked, known) => Some(true),
        (HasAll(known), Within(asked)) if !within(known, asked) => Some(false),
        (Within(known), Within(asked)) if within(known, asked) => Some(true),
        (Within(known), HasAny(asked)) if apart(known, asked) => Some(false),
        (Within(known), HasAll(asked)) if !within(asked, known) => Some(false),
        _ => None,
    }
}

fn every_or_none(texts: &[Box<str>], holds: impl Fn(&Box<str>) -> bool) -> Option<bool> {
    match texts.iter().filter(|text| holds(text)).count() {
        0 => Some(false),
        some if some == texts.len() => Some(true),
        _ => None,
    }
}

fn within(some: &[Box<str>], all: &[Box<str>]) -> bool {
    some.iter().all(|text| all.contains(text))
}

fn apart(some: &[Box<str>], others: &[Box<str>]) -> bool {
    !some.iter().any(|text| others.contains(text))
}

#[cfg(test)]
mod tests {
    use hpol_bundle::policy::GroupId;
    use hpol_oracle::generate::{self, Random};

    use super::*;

    /// Whatever is assumed: where it holds, what is left decides as the whole does.
    #[test]
    fn what_is_left_decides_the_same() {
        let mut random = Random::new(11);
        let (mut compared, mut shorter) = (0, 0);
        while compared < 20_000 {
            let mut policy = generate::policy(&mut random);
            // So that rules meet what is assumed: its parts, and itself.
            if let (Some(group), Some(rule)) = (policy.groups.first(), policy.rules.first_mut()) {
                let of_group = group.condition.clone();
                rule.condition = Condition::Any(vec![of_group, rule.condition.clone()]);
            }
            let mut assumptions = Assumptions::default();
            for group in &policy.groups {
                assumptions.assume(&group.condition);
            }
            let rest = assumptions.specialise(policy.clone());
            shorter += usize::from(rest != policy);
            for _ in 0..40 {
                let facts = generate::facts(&mut random);
                let mut groups = (0..).map(GroupId).take(policy.groups.len());
                if groups.all(|group| hpol_oracle::is_member(&policy, group, &facts)) {
                    let decisions = (
                        hpol_oracle::decide(&rest, &facts),
                        hpol_oracle::decide(&policy, &facts),
                    );
                    assert_eq!(decisions.0, decisions.1, "{policy:#?}\n{facts:#?}");
                    compared += 1;
                }
            }
        }
        assert!(shorter > 300, "{shorter}");
    }
}
