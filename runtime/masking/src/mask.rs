//! How one value is hidden. Counts and chooses nothing.

use std::ops::Range;

use hpol_bundle::policy::Mask;

/// What stands in place of a value that is hidden whole. It is the same for all, so it tells no length.
pub const REDACTED: &str = "***";

const HIDDEN: u8 = b'*';

/// What a part of a value is hidden by, beside the mask of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its bytes in the value.
    pub(crate) at: Range<usize>,
    pub(crate) mask: Mask,
}

/// Appends what `mask` leaves of `value`; a mask that makes the value NULL, or that needs a key, leaves [`REDACTED`] here.
///
/// ASCII punctuation and spaces stay where they are; of all other characters the first or last stay as the mask says.
/// A mask that would hide no more characters than it leaves hides all, as it does with what is not UTF-8.
pub(crate) fn write(mask: Mask, value: &[u8], out: &mut Vec<u8>) {
    write_with(mask, value, std::iter::empty(), out);
}

/// Appends the characters of `value` that `mask` leaves and that the masks of all `parts` they are in leave too. The parts
/// ascend and do not overlap. Where the mask of one hides all of it, all of the value is hidden.
pub(crate) fn write_with(
    mask: Mask,
    value: &[u8],
    parts: impl Iterator<Item = Part>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let text = std::str::from_utf8(value).map_err(|_| HideAll);
    let written = text.and_then(|text| write_text(mask, text, parts, out));
    if let Err(HideAll) = written {
        out.truncate(start);
        out.extend_from_slice(REDACTED.as_bytes());
    }
}

/// Nothing of the value may be left.
struct HideAll;

fn write_text(
    mask: Mask,
    text: &str,
    mut parts: impl Iterator<Item = Part>,
    out: &mut Vec<u8>,
) -> Result<(), HideAll> {
    let stays = kept(mask, text)?;
    let mut next = || parts.next().map(|part| part.kept_in(text)).transpose();
    let mut part = next()?;
    for (index, character) in text.char_indices() {
        while part.as_ref().is_some_and(|(at, _)| at.end <= index) {
            part = next()?;
        }
        let of_part = part.as_ref().filter(|(at, _)| at.contains(&index));
        let is_left =
            stays.contains(&index) && of_part.is_none_or(|(_, stays)| stays.contains(&index));
        if is_left || is_separator(character) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            out.push(HIDDEN);
        }
    }
    Ok(())
}

impl Part {
    /// Where it is in `text`, and which bytes of that its mask leaves.
    fn kept_in(self, text: &str) -> Result<(Range<usize>, Range<usize>), HideAll> {
        let part = text.get(self.at.clone()).ok_or(HideAll)?;
        let stays = kept(self.mask, part)?;
        let start = self.at.start;
        Ok((self.at, start + stays.start..start + stays.end))
    }
}

/// The bytes of `text` that `mask` leaves.
fn kept(mask: Mask, text: &str) -> Result<Range<usize>, HideAll> {
    let most = match mask {
        Mask::KeepFirst(most) | Mask::KeepLast(most) => usize::try_from(most).unwrap_or(usize::MAX),
        Mask::Hash | Mask::Redact | Mask::Null => return Err(HideAll),
    };
    let mut characters = text
        .char_indices()
        .filter(|(_, character)| !is_separator(*character));
    let count = characters.clone().count();
    let hidden = count.saturating_sub(most);
    if most == 0 || hidden <= most {
        return Err(HideAll);
    }
    let is_first = matches!(mask, Mask::KeepFirst(_));
    let (border, _) = characters
        .nth(if is_first { most } else { hidden })
        .ok_or(HideAll)?;
    Ok(if is_first {
        0..border
    } else {
        border..text.len()
    })
}

fn is_separator(character: char) -> bool {
    character.is_ascii_punctuation() || character == ' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mask: Mask, value: &str, expected: &str) {
        let mut out = Vec::new();
        write(mask, value.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    /// `value` hidden by `mask`, and where `part` stands in it by `of_part`.
    fn with_part(mask: Mask, value: &str, part: &str, of_part: Mask) -> String {
        let start = value.find(part).unwrap();
        let at = start..start + part.len();
        let part = Part { at, mask: of_part };
        let mut out = Vec::new();
        write_with(mask, value.as_bytes(), std::iter::once(part), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn shows_only_what_the_masks_of_the_whole_and_of_the_part_leave() {
        let note = "Ω: call 987-65-4320 now";
        let masked = |mask, of_part| with_part(mask, note, "987-65-4320", of_part);
        let (first, last) = (Mask::KeepFirst, Mask::KeepLast);
        assert_eq!(masked(first(7), last(4)), "Ω: call ***-**-**** ***");
        assert_eq!(masked(first(8), first(2)), "Ω: call 98*-**-**** ***");
        assert_eq!(masked(last(6), last(2)), "*: **** ***-**-**20 now");
        assert_eq!(masked(last(6), last(5)), REDACTED, "more than half of it");
        assert_eq!(masked(first(2), Mask::Redact), REDACTED);
    }

    #[test]
    fn keeps_the_last_characters_and_all_separators() {
        check(Mask::KeepLast(4), "987-65-4320", "***-**-4320");
        check(
            Mask::KeepLast(4),
            "4111 1111 1111 1111",
            "**** **** **** 1111",
        );
    }

    #[test]
    fn keeps_the_first_characters() {
        check(Mask::KeepFirst(2), "ana@example.com", "an*@*******.***");
    }

    #[test]
    fn hides_all_where_less_would_be_hidden_than_shown() {
        check(Mask::KeepLast(4), "12345678", REDACTED);
        check(Mask::KeepLast(4), "123456789", "*****6789");
        check(Mask::KeepLast(4), "4320", REDACTED);
        check(Mask::KeepFirst(4), "", REDACTED);
        check(Mask::KeepFirst(0), "12345", REDACTED);
        check(Mask::KeepFirst(u32::MAX), "12345", REDACTED);
    }

    #[test]
    fn counts_characters_not_bytes() {
        check(Mask::KeepLast(2), "Müllerín", "******ín");
        check(Mask::KeepFirst(1), "Ω\u{301}ώ", "Ω**");
    }

    #[test]
    fn hides_all_of_what_is_not_text() {
        let mut out = Vec::new();
        write(Mask::KeepLast(1), b"12345\xff", &mut out);
        assert_eq!(out, REDACTED.as_bytes());
    }

    #[test]
    fn tells_no_length() {
        check(Mask::Redact, "x", REDACTED);
        check(Mask::Redact, "987-65-4320", REDACTED);
    }
}
