//! What can be written where the reader stands.

use super::{Bracket, Reader, Slot};
use crate::roles::{Expected, Role};

impl Reader<'_> {
    /// What can come next.
    pub(in crate::roles) fn expected(&self) -> Expected {
        let value = |argument, listed| match (self.brackets.last(), self.operand) {
            (Some(Bracket::Call { of, arguments }), _) => Expected::Value {
                of: *of,
                argument: Some(*arguments),
                listed,
            },
            (_, Some(of)) => Expected::Value {
                of,
                argument,
                listed,
            },
            (_, None) => Expected::Free,
        };
        match self.slot {
            Slot::Start => Expected::Item,
            Slot::Clause if self.inside => Expected::Clause(self.keyword),
            Slot::Words(words) => Expected::Words(words),
            Slot::Protocol => Expected::Protocol,
            Slot::Package => Expected::Package,
            Slot::Baseline => Expected::Words(&["low", "moderate", "high", "privacy"]),
            Slot::List(role, false) => match role {
                Role::Connection => Expected::Connection,
                Role::Approvers => Expected::Approvers,
                Role::Class => Expected::Class,
                Role::Rule => Expected::Rule,
                Role::Exception => Expected::Exception,
                Role::Control => Expected::Control,
                Role::Detector => Expected::Detector,
                _ => Expected::Free,
            },
            Slot::List(_, true) => Expected::Joint(self.keyword),
            Slot::Operand => Expected::Condition {
                subject: self.subject,
            },
            Slot::Test => match self.operand {
                Some(of) => Expected::Test { of },
                None => Expected::Joint(self.keyword),
            },
            Slot::Value if self.asks_for_class() => Expected::Class,
            Slot::Value => value(None, matches!(self.brackets.last(), Some(Bracket::List))),
            Slot::Schedule => Expected::Schedule,
            Slot::Joint => Expected::Joint(self.keyword),
            Slot::Method => Expected::Method,
            Slot::Name
            | Slot::Parameters
            | Slot::Head
            | Slot::Clause
            | Slot::Place
            | Slot::Day
            | Slot::Claims
            | Slot::Labels
            | Slot::Free => Expected::Free,
        }
    }
}
