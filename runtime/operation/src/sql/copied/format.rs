//! How the rows of a COPY are written, by its options.

use super::super::tree::{Node, Tree};

/// How the rows of a COPY are written. Source: PostgreSQL manual, "COPY", File Formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyFormat {
    /// Fields between delimiters, with backslashes before what would be taken for one.
    Text {
        /// Stands between fields.
        delimiter: u8,
        /// Stands for NULL: `\N`, or nothing, as an empty value does.
        null: Vec<u8>,
        /// The first row holds the names of the columns.
        header: bool,
    },
    /// Fields between delimiters, in quotes where they hold one.
    Csv {
        /// Stands between fields.
        delimiter: u8,
        /// Stands around a field.
        quote: u8,
        /// Stands before a quote in a field.
        escape: u8,
        /// Stands for NULL, without quotes.
        null: Vec<u8>,
        /// The first row holds the names of the columns.
        header: bool,
    },
    /// Fields with their length in front.
    Binary,
}

/// What stands for NULL in text format, and for no value: a backslash of a value has another before it.
const NO_VALUE: &[u8] = b"\\N";

/// How rows are written; `None` where an option is not known, or a value can be written as NULL is.
pub(super) fn format(options: &[Tree]) -> Option<CopyFormat> {
    let mut given = Given::default();
    for option in options {
        given.take(option.of_kind("DefElem")?)?;
    }
    let binary = Given {
        format: given.format.clone(),
        ..Given::default()
    };
    match given.format.as_deref() {
        None | Some("text") => {
            let null = given.null.unwrap_or_else(|| NO_VALUE.to_vec());
            // Any other text can be a value too, and then nothing tells it from NULL.
            let tells = null.is_empty() || null == NO_VALUE;
            (tells && given.quote.is_none() && given.escape.is_none()).then(|| CopyFormat::Text {
                delimiter: given.delimiter.unwrap_or(b'\t'),
                null,
                header: given.header,
            })
        }
        Some("csv") => {
            let quote = given.quote.unwrap_or(b'"');
            Some(CopyFormat::Csv {
                delimiter: given.delimiter.unwrap_or(b','),
                quote,
                escape: given.escape.unwrap_or(quote),
                null: given.null.unwrap_or_default(),
                header: given.header,
            })
        }
        Some("binary") => (given == binary).then_some(CopyFormat::Binary),
        Some(_) => None,
    }
}

/// The options of a COPY TO.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given {
    format: Option<String>,
    delimiter: Option<u8>,
    quote: Option<u8>,
    escape: Option<u8>,
    null: Option<Vec<u8>>,
    header: bool,
}

impl Given {
    fn take(&mut self, option: &Node) -> Option<()> {
        let argument = option.child("arg");
        let text = || {
            argument
                .filter(|argument| argument.kind == "String")
                .map(|argument| argument.text("sval"))
        };
        match option.text("defname") {
            "format" => self.format = Some(text()?.to_owned()),
            "delimiter" => self.delimiter = Some(one_byte(text()?)?),
            "quote" => self.quote = Some(one_byte(text()?)?),
            "escape" => self.escape = Some(one_byte(text()?)?),
            "null" => self.null = Some(text()?.as_bytes().to_vec()),
            "header" => self.header = flag(argument)?,
            // Quotes can stand around any field.
            "force_quote" => {}
            "encoding" => {
                let name = text()?.to_ascii_lowercase();
                ["utf8", "utf-8", "unicode"]
                    .contains(&name.as_str())
                    .then_some(())?;
            }
            _ => return None,
        }
        Some(())
    }
}

/// An ASCII character. PostgreSQL takes no others.
fn one_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => None,
    }
}

/// The value of an option that is on where it has none.
fn flag(argument: Option<&Node>) -> Option<bool> {
    let Some(argument) = argument else {
        return Some(true);
    };
    match argument.kind {
        "String" => match argument.text("sval").to_ascii_lowercase().as_str() {
            "true" | "on" => Some(true),
            "false" | "off" => Some(false),
            _ => None,
        },
        "Boolean" => Some(argument.flag("boolval")),
        "Integer" => match argument.int("ival") {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        _ => None,
    }
}
