//! What a detector reads: the bytes there are, and whether more may come. Knows words and numbers, no detector.

/// Bytes before a position that a detector may look at; a stream keeps so many.
pub(crate) const LOOK_BEHIND: usize = 8;

/// The answer depends on bytes that have not arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct More;

/// Where the next byte of a kind stands that some findings cannot do without. Looked for once for all positions before it.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    at_sign: Option<usize>,
    colon: Option<usize>,
}

impl Ahead {
    /// Whether there is surely no `@` in the `window` bytes from `start` on.
    pub(crate) fn lacks_at_sign(&mut self, input: &Input<'_>, start: usize, window: usize) -> bool {
        lacks(b'@', &mut self.at_sign, input, start, window)
    }

    /// Whether there is surely no `:` in the `window` bytes from `start` on.
    pub(crate) fn lacks_colon(&mut self, input: &Input<'_>, start: usize, window: usize) -> bool {
        lacks(b':', &mut self.colon, input, start, window)
    }
}

fn lacks(
    byte: u8,
    next: &mut Option<usize>,
    input: &Input<'_>,
    start: usize,
    window: usize,
) -> bool {
    let at_hand = input.bytes.len();
    let next = match *next {
        Some(next) if next >= start => next,
        _ => {
            let rest = input.bytes.get(start..).unwrap_or_default();
            let found = memchr::memchr(byte, rest).map_or(at_hand, |offset| start + offset);
            *next = Some(found);
            found
        }
    };
    let end = start.saturating_add(window);
    next >= end || (next >= at_hand && input.complete)
}

/// A value, or the part of a stream that is at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    bytes: &'a [u8],
    complete: bool,
}

impl<'a> Input<'a> {
    /// A value that is all there.
    pub(crate) fn whole(bytes: &'a [u8]) -> Input<'a> {
        Input {
            bytes,
            complete: true,
        }
    }

    /// A part of a stream; `complete` once nothing follows.
    pub(crate) fn part(bytes: &'a [u8], complete: bool) -> Input<'a> {
        Input { bytes, complete }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte at `index`; `None` past the end of the value.
    pub(crate) fn at(&self, index: usize) -> Result<Option<u8>, More> {
        match self.bytes.get(index) {
            Some(byte) => Ok(Some(*byte)),
            None if self.complete => Ok(None),
            None => Err(More),
        }
    }

    /// Whether the byte at `index` is one of those `accepts` names.
    pub(crate) fn is(&self, index: usize, accepts: impl Fn(u8) -> bool) -> Result<bool, More> {
        Ok(self.at(index)?.is_some_and(accepts))
    }

    /// Whether `text` stands at `index`.
    pub(crate) fn starts_with(&self, index: usize, text: &[u8]) -> Result<bool, More> {
        for (offset, expected) in text.iter().enumerate() {
            if self.at(index + offset)? != Some(*expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many bytes from `from` on `accepts` names, counted up to `most`.
    pub(crate) fn run(
        &self,
        from: usize,
        most: usize,
        accepts: impl Fn(u8) -> bool,
    ) -> Result<usize, More> {
        let mut length = 0;
        while length < most && self.is(from + length, &accepts)? {
            length += 1;
        }
        Ok(length)
    }

    /// How many digits stand at `from`, counted up to `most`.
    pub(crate) fn digits(&self, from: usize, most: usize) -> Result<usize, More> {
        self.run(from, most, |byte| byte.is_ascii_digit())
    }

    /// The byte `distance` before `index`.
    pub(crate) fn before(&self, index: usize, distance: usize) -> Option<u8> {
        self.bytes.get(index.checked_sub(distance)?).copied()
    }

    /// The number that the decimal digits of `from..from + length` spell; other bytes count as nothing.
    pub(crate) fn number(&self, from: usize, length: usize) -> u32 {
        let digits = self.bytes.get(from..from + length).unwrap_or_default();
        digits
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .fold(0_u32, |number, byte| {
                number.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'))
            })
    }

    /// Whether a word may begin at `index`: what stands before it is no letter or digit, or the end of an escape.
    pub(crate) fn begins_word(&self, index: usize) -> bool {
        match self.before(index, 1) {
            Some(byte) if byte.is_ascii_alphanumeric() => self.follows_escape(index),
            _ => true,
        }
    }

    /// Whether a number may begin at `index` that is not the later part of `12.34` or `12-34`.
    pub(crate) fn begins_number(&self, index: usize) -> bool {
        let joined = self
            .before(index, 1)
            .is_some_and(|byte| matches!(byte, b'.' | b'-'))
            && self
                .before(index, 2)
                .is_some_and(|byte| byte.is_ascii_digit());
        self.begins_word(index) && !joined
    }

    /// Whether a word that ends before `index` is not continued there.
    pub(crate) fn ends_word(&self, index: usize) -> Result<bool, More> {
        Ok(!self.is(index, |byte| byte.is_ascii_alphanumeric())?)
    }

    /// Whether a number that ends before `index` is not continued there, also not by `-5` or `.5`.
    pub(crate) fn ends_number(&self, index: usize) -> Result<bool, More> {
        let joined = self.is(index, |byte| matches!(byte, b'.' | b'-'))?
            && self.is(index + 1, |byte| byte.is_ascii_digit())?;
        Ok(!joined && self.ends_word(index)?)
    }

    /// Whether the byte at `index` is the letter of an escape like `\n`.
    pub(crate) fn is_escape_letter(&self, index: usize) -> bool {
        let letter = self
            .bytes
            .get(index)
            .is_some_and(|byte| b"nrtbfv0".contains(byte));
        letter && self.before(index, 1) == Some(b'\\')
    }

    /// Whether `\n`, `\t` and their like or `%20` and its like stand right before `index`.
    fn follows_escape(&self, index: usize) -> bool {
        let hex = |distance| {
            self.before(index, distance)
                .is_some_and(|byte| byte.is_ascii_hexdigit())
        };
        let percent = self.before(index, 3) == Some(b'%') && hex(2) && hex(1);
        percent
            || index
                .checked_sub(1)
                .is_some_and(|letter| self.is_escape_letter(letter))
    }
}
