//! What somebody gives as the reason for an operation that needs one: bounded, and of characters that can be shown. Whether
//! one is needed is the policy's matter; how it is given, the protocol's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The fact that tells it.
pub const FACT: &str = "operation.justification";

/// Longest justification, in bytes: a ticket and a sentence.
pub const MAX_BYTES: usize = 256;

/// A justification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Justification(Box<str>);

/// Why a text is no justification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoJustification {
    /// It says nothing.
    #[error("a justification says something")]
    Empty,
    /// It is too long.
    #[error("a justification has at most {MAX_BYTES} bytes")]
    TooLong,
    /// It has characters that steer a terminal, or that nobody sees.
    #[error("a justification has only characters that can be seen")]
    NotPrintable,
}

impl Justification {
    /// Reads what was given, without white space around it.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(given: &str) -> Result<Justification, NoJustification> {
        let text = given.trim();
        if text.is_empty() {
            Err(NoJustification::Empty)
        } else if text.len() > MAX_BYTES {
            Err(NoJustification::TooLong)
        } else if text.chars().any(|c| c.is_control() || is_unseen(c)) {
            Err(NoJustification::NotPrintable)
        } else {
            Ok(Justification(text.into()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters of no width, and those that turn the direction of others around (Unicode, general category Cf and the separators
/// of lines and paragraphs).
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for Justification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Justification {
    type Error = NoJustification;

    fn try_from(text: String) -> Result<Justification, NoJustification> {
        Justification::read(&text)
    }
}

impl From<Justification> for String {
    fn from(justification: Justification) -> String {
        justification.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_justification_is_short_and_can_be_seen() {
        let read = |given: &str| Justification::read(given).map(|read| read.to_string());
        assert_eq!(
            read("  INC-4711: prod is down "),
            Ok("INC-4711: prod is down".to_owned())
        );
        assert_eq!(read("Störung 7"), Ok("Störung 7".to_owned()));
        assert_eq!(read(" \t "), Err(NoJustification::Empty));
        assert_eq!(
            read(&"x".repeat(MAX_BYTES)).map(|text| text.len()),
            Ok(MAX_BYTES)
        );
        assert_eq!(
            read(&"x".repeat(MAX_BYTES + 1)),
            Err(NoJustification::TooLong)
        );
        for unseen in ["a\nb", "a\u{1b}[2Jb", "a\u{202e}b", "a\u{200b}b", "a\u{0}b"] {
            assert_eq!(
                read(unseen),
                Err(NoJustification::NotPrintable),
                "{unseen:?}"
            );
        }
    }
}
