//! The id of a control or enhancement: reading the spellings in use, printing the catalogue's and OSCAL's.

use std::fmt;
use std::str::FromStr;

/// Id of a control (`AC-6`) or of an enhancement of one (`AC-6(9)`). Ordered as in the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlId {
    family: [u8; 2],
    number: u8,
    enhancement: u8,
}

/// The text is not the id of a control.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not written like a control; write `AC-6` or `AC-6(9)`")]
pub struct ParseControlId {
    /// What was read.
    pub text: String,
}

impl ControlId {
    /// Reads `AC-6(9)`, `ac-6.9` and `AC-06(09)`. Whether the catalogue has it is another question:
    /// [`crate::Catalogue::lookup`].
    ///
    /// # Errors
    /// Text of any other shape.
    pub fn parse(text: &str) -> Result<ControlId, ParseControlId> {
        split(text).ok_or_else(|| ParseControlId {
            text: text.to_owned(),
        })
    }

    /// The family in capitals, such as `AC`.
    #[must_use]
    pub fn family(&self) -> &str {
        std::str::from_utf8(&self.family).unwrap_or_default()
    }

    /// The number within the family.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// The number of the enhancement; `None` for a control itself.
    #[must_use]
    pub fn enhancement(&self) -> Option<u8> {
        (self.enhancement != 0).then_some(self.enhancement)
    }

    /// The control that this enhances; itself for a control.
    #[must_use]
    pub fn parent(&self) -> ControlId {
        ControlId {
            enhancement: 0,
            ..*self
        }
    }

    /// The OSCAL form: `ac-6.9`.
    #[must_use]
    pub fn oscal(&self) -> String {
        let family = self.family().to_ascii_lowercase();
        match self.enhancement() {
            Some(enhancement) => format!("{family}-{}.{enhancement}", self.number),
            None => format!("{family}-{}", self.number),
        }
    }
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.enhancement() {
            Some(enhancement) => write!(f, "{}-{}({enhancement})", self.family(), self.number),
            None => write!(f, "{}-{}", self.family(), self.number),
        }
    }
}

impl fmt::Debug for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ControlId {
    type Err = ParseControlId;

    fn from_str(text: &str) -> Result<ControlId, ParseControlId> {
        ControlId::parse(text)
    }
}

fn split(text: &str) -> Option<ControlId> {
    let (family, rest) = text.split_once('-')?;
    let [first, second] = <[u8; 2]>::try_from(family.as_bytes()).ok()?;
    if !(first.is_ascii_alphabetic() && second.is_ascii_alphabetic()) {
        return None;
    }
    let (number, enhancement) = match (rest.split_once('('), rest.split_once('.')) {
        (Some((number, enhancement)), None) => (number, positive(enhancement.strip_suffix(')')?)?),
        (None, Some((number, enhancement))) => (number, positive(enhancement)?),
        (None, None) => (rest, 0),
        (Some(_), Some(_)) => return None,
    };
    Some(ControlId {
        family: [first.to_ascii_uppercase(), second.to_ascii_uppercase()],
        number: positive(number)?,
        enhancement,
    })
}

/// One to three digits, not zero, at most 255: more than any control or enhancement has.
fn positive(digits: &str) -> Option<u8> {
    let plain =
        (1..=3).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_in_use_is_one_id() {
        let id = ControlId::parse("AC-6(9)").unwrap();
        for text in ["ac-6.9", "AC-06(09)", "ac-06.09", "Ac-6(9)"] {
            assert_eq!(ControlId::parse(text), Ok(id), "{text}");
        }
        assert_eq!(
            (id.to_string(), id.oscal()),
            ("AC-6(9)".into(), "ac-6.9".into())
        );
        assert_eq!(ControlId::parse("sc-7").unwrap().to_string(), "SC-7");
    }

    #[test]
    fn other_text_is_no_id() {
        for text in [
            "",
            "AC",
            "AC-",
            "AC6",
            "AC-6()",
            "AC-6(9",
            "AC-6 (9)",
            "AC-6(0)",
            "AC-0",
            "AC-+6",
            "A-6",
            "ACC-6",
            "AC-6.9(1)",
            "AC-6(9)x",
            "AC-999",
            "AC-2.k",
            "\u{c4}C-6",
            "AC-6(9))",
        ] {
            assert!(ControlId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn order_is_that_of_the_catalogue() {
        let order = ["AC-2", "AC-2(1)", "AC-2(13)", "AC-3", "AC-24", "AU-1"];
        assert!(
            order
                .map(|text| ControlId::parse(text).unwrap())
                .is_sorted()
        );
    }
}
