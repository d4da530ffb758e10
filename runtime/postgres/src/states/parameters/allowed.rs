//! The settings that a client may choose before any statement of it can be judged, and which values each may have: how
//! values are written, how plans are made, and limits on the client itself. Nothing that says who runs, what names mean
//! beyond the role's own schemas, or what the server checks.

use super::search_path;

/// Longest value of a setting that clients may choose, but for `search_path`.
const VALUE_BYTES: usize = 64;

/// What a setting may be.
enum Accepts {
    /// Letters, digits and a little punctuation; the server checks it.
    Text,
    Boolean,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A number from the first to the second.
    Number(i32, i32),
    /// Only on; off would weaken something.
    OnlyOn,
}

/// Passed on as the client gives them.
const SENT: &[(&str, Accepts)] = &[
    ("DateStyle", Accepts::Text),
    ("TimeZone", Accepts::Text),
    (
        "IntervalStyle",
        Accepts::OneOf(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
    ),
    ("extra_float_digits", Accepts::Number(-15, 3)),
    ("bytea_output", Accepts::OneOf(&["hex", "escape"])),
    (
        "client_min_messages",
        Accepts::OneOf(&["notice", "warning", "error"]),
    ),
    ("geqo", Accepts::Boolean),
    ("jit", Accepts::Boolean),
    (
        "plan_cache_mode",
        Accepts::OneOf(&["auto", "force_generic_plan", "force_custom_plan"]),
    ),
    (
        "default_transaction_isolation",
        Accepts::OneOf(&[
            "serializable",
            "repeatable read",
            "read committed",
            "read uncommitted",
        ]),
    ),
    ("default_transaction_read_only", Accepts::OnlyOn),
];

/// Pinned by the gateway: a client may ask for what it gets anyway.
const PINNED_ON: [&str; 2] = ["standard_conforming_strings", "row_security"];

/// Limits that a client may set for itself where they are stricter than the role's own.
const TIMEOUTS: [&str; 5] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
];

/// What a client asks of its upstream session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Settings for the upstream's startup packet; each name once.
    pub(crate) sent: Vec<(&'static str, String)>,
    /// Time limits in milliseconds; 0 asks for none.
    pub(crate) timeouts: Vec<(&'static str, u32)>,
    /// Schemas in order.
    pub(crate) search_path: Option<Vec<String>>,
}

/// Why a setting is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    Name,
    Value,
}

impl Wishes {
    /// Adds the setting `lower`, whose name is in lower case. The last value of a name counts, as with the server.
    pub(super) fn add(&mut self, lower: &str, value: &str) -> Result<(), NotAllowed> {
        if let Some((name, accepts)) = find(SENT, lower) {
            let value = accepts.checked(value)?;
            replace(&mut self.sent, name, value);
            return Ok(());
        }
        if let Some(name) = TIMEOUTS.iter().find(|name| **name == lower) {
            replace(&mut self.timeouts, name, milliseconds(value)?);
            return Ok(());
        }
        match lower {
            "search_path" => self.search_path = Some(search_path::schemas(value)?),
            _ if PINNED_ON.contains(&lower) => drop(Accepts::OnlyOn.checked(value)?),
            _ => return Err(NotAllowed::Name),
        }
        Ok(())
    }

    /// The application name, which may be any text and is reduced to what can be shown.
    pub(super) fn application_name(&mut self, shown: String) {
        replace(&mut self.sent, "application_name", shown);
    }
}

fn find<'a>(
    table: &'a [(&'static str, Accepts)],
    lower: &str,
) -> Option<&'a (&'static str, Accepts)> {
    table
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(lower))
}

fn replace<V>(list: &mut Vec<(&'static str, V)>, name: &'static str, value: V) {
    list.retain(|(known, _)| *known != name);
    list.push((name, value));
}

impl Accepts {
    fn checked(&self, value: &str) -> Result<String, NotAllowed> {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b" ,+-_/:.<>".contains(&byte);
        let accepted = value.len() <= VALUE_BYTES
            && match self {
                Accepts::Text => value.bytes().all(harmless),
                Accepts::Boolean => boolean(value).is_some(),
                Accepts::OneOf(words) => words.iter().any(|word| word.eq_ignore_ascii_case(value)),
                Accepts::Number(from, to) => value
                    .trim()
                    .parse()
                    .is_ok_and(|number: i32| (*from..=*to).contains(&number)),
                Accepts::OnlyOn => boolean(value) == Some(true),
            };
        accepted.then(|| value.to_owned()).ok_or(NotAllowed::Value)
    }
}

/// Whether a setting is a time limit that clients may tighten.
pub(crate) fn is_timeout(lower: &str) -> bool {
    TIMEOUTS.contains(&lower)
}

/// A truth value in the words of the server.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" | "t" | "y" => Some(true),
        "off" | "false" | "no" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// A time in the words of the server: a whole number, and a unit unless it is milliseconds.
pub(crate) fn milliseconds(value: &str) -> Result<u32, NotAllowed> {
    let value = value.trim();
    let digits = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(digits).ok_or(NotAllowed::Value)?;
    let number: u64 = number.parse().map_err(|_| NotAllowed::Value)?;
    let total = match unit.trim() {
        // Less than a millisecond is one: zero would be no limit.
        "us" => Some(number.div_ceil(1000)),
        "" | "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    };
    total
        .and_then(|total| i32::try_from(total).ok())
        .and_then(|total| u32::try_from(total).ok())
        .ok_or(NotAllowed::Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("250", Ok(250)),
            (" 5 s ", Ok(5000)),
            ("5s", Ok(5000)),
            ("1us", Ok(1)),
            ("2min", Ok(120_000)),
            ("24h", Ok(86_400_000)),
            ("2147483647", Ok(2_147_483_647)),
            ("2147483648", Err(NotAllowed::Value)),
            ("99999999999999999999d", Err(NotAllowed::Value)),
            ("300d", Err(NotAllowed::Value)),
            ("-1", Err(NotAllowed::Value)),
            ("5 weeks", Err(NotAllowed::Value)),
            ("0; DROP", Err(NotAllowed::Value)),
            ("", Err(NotAllowed::Value)),
            ("\u{665}s", Err(NotAllowed::Value)),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn values_are_checked_by_kind() {
        let check = |name, value| Wishes::default().add(name, value);
        for (name, value) in [
            ("timezone", "Europe/Berlin"),
            ("timezone", "<+02>-2"),
            ("datestyle", "ISO, DMY"),
            ("intervalstyle", "ISO_8601"),
            ("extra_float_digits", "3"),
            ("extra_float_digits", "-15"),
            ("geqo", "OFF"),
            ("jit", "off"),
            ("row_security", "on"),
            ("standard_conforming_strings", "true"),
            ("default_transaction_isolation", "repeatable read"),
            ("default_transaction_read_only", "on"),
            ("statement_timeout", "30s"),
            ("search_path", "\"$user\", public"),
        ] {
            assert_eq!(check(name, value), Ok(()), "{name}={value}");
        }
        for (name, value) in [
            ("timezone", "a';b"),
            ("timezone", "x\u{202e}"),
            ("intervalstyle", "evil"),
            ("extra_float_digits", "4"),
            ("geqo", "maybe"),
            ("row_security", "off"),
            ("standard_conforming_strings", "off"),
            ("default_transaction_read_only", "off"),
            ("client_min_messages", "debug5"),
            ("statement_timeout", "forever"),
        ] {
            assert_eq!(check(name, value), Err(NotAllowed::Value), "{name}={value}");
        }
        assert_eq!(check("role", "postgres"), Err(NotAllowed::Name));
    }

    #[test]
    fn the_last_value_counts() {
        let mut wishes = Wishes::default();
        wishes.add("geqo", "on").unwrap();
        wishes.add("lock_timeout", "1s").unwrap();
        wishes.add("geqo", "off").unwrap();
        wishes.add("lock_timeout", "2s").unwrap();
        assert_eq!(wishes.sent, [("geqo", "off".to_owned())]);
        assert_eq!(wishes.timeouts, [("lock_timeout", 2000)]);
    }
}
