//! The inside of a JSON string as it comes: whether it is one (RFC 8259, section 7, in UTF-8), and its text.

/// Not the inside of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadString {
    Syntax,
    /// A name with a character that readers drop, cut at or replace.
    Ambiguous,
}

/// What becomes of a string's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Purpose {
    /// Nobody wants it.
    #[default]
    Pass,
    /// A member's name, to be compared.
    Name,
    /// A value to be hidden.
    Value,
}

/// The string that is being read.
#[derive(Debug, Default)]
pub(super) struct StringText {
    purpose: Purpose,
    /// Bytes of text that are kept at most.
    most: usize,
    text: Vec<u8>,
    /// Whether the text is longer than what is kept.
    is_cut: bool,
    /// The first bytes of a character.
    begun: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u32>,
    escape: Escape,
}

/// Where in an escape the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Escape {
    /// Behind the backslash.
    #[default]
    Letter,
    /// In `\u` and so many digits.
    Digits { read: u8, value: u32 },
}

impl StringText {
    /// A string begins, of which up to `most` bytes of text are kept.
    pub(super) fn begin(&mut self, purpose: Purpose, most: usize) {
        self.purpose = purpose;
        self.most = most;
        self.text.clear();
        self.is_cut = false;
        self.begun.clear();
        self.high = None;
    }

    /// Its text; `None` if it is longer than what is kept.
    pub(super) fn text(&self) -> Option<&[u8]> {
        (!self.is_cut).then_some(&self.text)
    }

    /// Takes bytes that are neither quote nor backslash; `whole` once one of these follows.
    pub(super) fn plain(&mut self, bytes: &[u8], whole: bool) -> Result<(), BadString> {
        if bytes.iter().any(|byte| *byte < b' ') {
            return Err(BadString::Syntax);
        }
        if !bytes.is_empty() {
            self.alone()?;
        }
        self.check_utf8(bytes)?;
        if whole && !self.begun.is_empty() {
            return Err(BadString::Syntax);
        }
        self.keep(bytes);
        Ok(())
    }

    /// The closing quote.
    pub(super) fn end(&mut self) -> Result<(), BadString> {
        self.alone()
    }

    /// A backslash.
    pub(super) fn begin_escape(&mut self) {
        self.escape = Escape::Letter;
    }

    /// Takes the next byte of an escape; whether that was its last.
    pub(super) fn escape(&mut self, byte: u8) -> Result<bool, BadString> {
        let character = match self.escape {
            Escape::Letter => match byte {
                b'u' => {
                    self.escape = Escape::Digits { read: 0, value: 0 };
                    return Ok(false);
                }
                b'"' | b'\\' | b'/' => char::from(byte),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                _ => return Err(BadString::Syntax),
            },
            Escape::Digits { read, value } => {
                let digit = char::from(byte).to_digit(16).ok_or(BadString::Syntax)?;
                let value = value << 4 | digit;
                if read < 3 {
                    let read = read + 1;
                    self.escape = Escape::Digits { read, value };
                    return Ok(false);
                }
                return self.unit(value).map(|()| true);
            }
        };
        self.alone()?;
        self.character(character)?;
        Ok(true)
    }

    /// A unit of UTF-16.
    fn unit(&mut self, unit: u32) -> Result<(), BadString> {
        if let (Some(high), 0xdc00..=0xdfff) = (self.high, unit) {
            self.high = None;
            let pair = 0x1_0000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
            return self.character(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.alone()?;
        match char::from_u32(unit) {
            Some(character) => self.character(character),
            None if unit < 0xdc00 => {
                self.high = Some(unit);
                Ok(())
            }
            None => self.half(),
        }
    }

    /// The first half of a pair had no second.
    fn alone(&mut self) -> Result<(), BadString> {
        match self.high.take() {
            Some(_) => self.half(),
            None => Ok(()),
        }
    }

    fn half(&mut self) -> Result<(), BadString> {
        match self.purpose {
            Purpose::Name => Err(BadString::Ambiguous),
            Purpose::Pass | Purpose::Value => self.character(char::REPLACEMENT_CHARACTER),
        }
    }

    fn character(&mut self, character: char) -> Result<(), BadString> {
        if character == '\0' && self.purpose == Purpose::Name {
            return Err(BadString::Ambiguous);
        }
        self.keep(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.purpose == Purpose::Pass || self.is_cut {
            return;
        }
        if self.text.len().saturating_add(bytes.len()) > self.most {
            self.is_cut = true;
            self.text.clear();
        } else {
            self.text.extend_from_slice(bytes);
        }
    }

    fn check_utf8(&mut self, bytes: &[u8]) -> Result<(), BadString> {
        let mut rest = bytes;
        while !self.begun.is_empty() {
            let Some((byte, after)) = rest.split_first() else {
                return Ok(());
            };
            self.begun.push(*byte);
            rest = after;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(BadString::Syntax),
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                let begun = rest.get(error.valid_up_to()..).unwrap_or_default();
                self.begun.extend_from_slice(begun);
                Ok(())
            }
            Err(_) => Err(BadString::Syntax),
        }
    }
}
