//! Changes of settings that the gateway has fixed which leave the session no freer than it was, as `pg_dump` makes them:
//! an empty search path and the one of the login again, `row_security`, and time limits that are not laxer than the role's
//! own.

use hpol_operation::sql::SessionEffect;
use hpol_session::refusal::NotAccepted;

use crate::codec::backend::TransactionStatus;
use crate::facts::Reading;
use crate::relay::Relay;
use crate::states::parameters::{boolean, is_timeout, milliseconds};

/// How the clients of PostgreSQL ask for an empty search path. What else could stand in such a text is not looked into.
const EMPTY_PATH: [&str; 2] = [
    "SELECT pg_catalog.set_config('search_path', '', false);",
    "SELECT pg_catalog.set_config('search_path', '', false)",
];

/// How `pg_dump` has the server refuse what a dump does not need, where the server can.
const RESTRICTED: &str = "SELECT set_config(name, 'view, foreign-table', false) \
     FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'";

/// How a text came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Simple,
    Extended,
}

/// Whether a text may be sent as far as the state of its session goes.
pub(super) enum Carried {
    Yes,
    No(NotAccepted),
    /// Everything owed has to come first.
    Later,
}

/// Whether it asks for an empty search path, and for nothing else.
pub(super) fn empties_path(reading: &Reading) -> bool {
    EMPTY_PATH.contains(&reading.analysis.text())
}

/// Whether it asks for the search path of the login again, and for nothing else.
pub(super) fn resets_path(reading: &Reading) -> bool {
    let effects = reading.analysis.effects();
    reading.analysis.statements() == 1
        && matches!(
            effects,
            [SessionEffect::Reset { name: Some(name) }, SessionEffect::ChangesNameResolution] if name == "search_path"
        )
}

/// Whether it restricts the kinds of relations, and does nothing else. Its names mean PostgreSQL's own where the search path
/// is empty.
fn restricts_kinds(reading: &Reading) -> bool {
    let functions = reading.analysis.functions();
    reading.analysis.text() == RESTRICTED
        && functions.complete
        && functions.known.iter().eq(["pg_catalog.set_config"])
}

/// The time limits that a text sets, in milliseconds; zero is none. `None` where it also changes something that is not
/// known to tighten.
fn limits_set(effects: &[SessionEffect]) -> Option<Vec<(&str, u32)>> {
    let mut limits = Vec::new();
    let mut before: Option<&SessionEffect> = None;
    for effect in effects {
        match (effect, before) {
            (
                SessionEffect::ChangesProtection { name },
                Some(SessionEffect::Set {
                    name: set,
                    value: Some(value),
                    ..
                }),
            ) if name == set => {
                if is_timeout(name) {
                    // The server rounds less than half a millisecond to zero, which is no limit.
                    if value.trim_end().ends_with("us") {
                        return None;
                    }
                    limits.push((name.as_str(), milliseconds(value).ok()?));
                } else if name != "row_security" || boolean(value).is_none() {
                    return None;
                }
            }
            _ if crate::facts::is_forbidden(effect) => return None,
            _ => {}
        }
        before = Some(effect);
    }
    Some(limits)
}

impl Relay<'_> {
    /// Whether the text of `reading` may change what it changes of the session.
    pub(super) fn carries(&mut self, reading: &Reading, protocol: Protocol) -> Carried {
        let Some(not_carried) = reading.not_carried() else {
            return Carried::Yes;
        };
        if self.reader.has_empty_path() && restricts_kinds(reading) {
            return Carried::Yes;
        }
        let changes_path = empties_path(reading) || resets_path(reading);
        let Some(limits) = (if changes_path {
            Some(Vec::new())
        } else {
            limits_set(reading.analysis.effects())
        }) else {
            return Carried::No(not_carried);
        };
        if changes_path && !self.segment_open && !self.prepared.is_idle() {
            return Carried::Later;
        }
        // It is set again before anything else is asked, also where a ROLLBACK undoes it; but no cursor was declared with
        // another path.
        if changes_path
            && (protocol == Protocol::Extended
                || self.segment_open
                || self.status == TransactionStatus::Failed
                || self.prepared.has_portals())
        {
            return Carried::No(NotAccepted::Unsupported {
                what: "emptying or resetting search_path is supported in a simple query of its own, and without open \
                       cursors"
                    .to_owned(),
            });
        }
        let laxer = limits
            .iter()
            .any(|(name, limit)| !self.settings.allows(name, *limit));
        if laxer {
            Carried::No(not_carried)
        } else {
            Carried::Yes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: Option<&str>) -> [SessionEffect; 2] {
        [
            SessionEffect::Set {
                name: name.to_owned(),
                value: value.map(str::to_owned),
                local: false,
            },
            SessionEffect::ChangesProtection {
                name: name.to_owned(),
            },
        ]
    }

    #[test]
    fn limits_and_row_security_are_told_from_what_could_loosen() {
        let both = [
            set("lock_timeout", Some("5s")),
            set("row_security", Some("off")),
        ];
        assert_eq!(
            limits_set(&both.concat()),
            Some(vec![("lock_timeout", 5000)])
        );
        for (name, value) in [
            ("lock_timeout", None),
            ("lock_timeout", Some("-1")),
            ("lock_timeout", Some("1us")),
            ("lock_timeout", Some("0x10")),
            ("row_security", None),
            ("row_security", Some("x")),
            ("session_replication_role", Some("replica")),
            ("log_statement", Some("none")),
        ] {
            assert_eq!(limits_set(&set(name, value)), None, "{name} {value:?}");
        }
        let [_, alone] = set("lock_timeout", Some("1"));
        assert_eq!(limits_set(&[alone]), None);
        let role = [SessionEffect::ChangesIdentity];
        assert_eq!(limits_set(&role), None);
    }
}
