//! International bank account numbers, in one piece or in groups of four. Source: ISO 13616, the registry's lengths.

use crate::input::{Input, More};

const GROUP: usize = 4;

/// Where the number that begins at `start` ends.
pub(super) fn find(input: &Input<'_>, start: usize) -> Result<Option<usize>, More> {
    let head = input.begins_word(start)
        && input.run(start, 2, |byte| byte.is_ascii_alphabetic())? == 2
        && input.digits(start + 2, 2)? == 2;
    if !head || input.is_escape_letter(start) {
        return Ok(None);
    }
    let Some(length) = input.bytes().get(start..start + 2).and_then(length) else {
        return Ok(None);
    };
    let separator = input
        .at(start + GROUP)?
        .filter(|byte| matches!(byte, b' ' | b'-'));
    let mut check = Check::default();
    let mut end = start;
    for index in 0..length {
        if index > 0 && index % GROUP == 0 && separator.is_some() {
            if input.at(end)? != separator {
                return Ok(None);
            }
            end += 1;
        }
        match input.at(end)? {
            Some(byte) if byte.is_ascii_alphanumeric() => check.add(index, byte),
            _ => return Ok(None),
        }
        end += 1;
    }
    let valid = check.is_valid() && input.ends_word(end)?;
    Ok(valid.then_some(end))
}

/// ISO 7064 MOD 97-10 over the number with its first four characters moved to the end.
#[derive(Default)]
struct Check {
    account: u32,
    head: u32,
    head_weight: u32,
}

impl Check {
    fn add(&mut self, index: usize, byte: u8) {
        if index < GROUP {
            self.head = append(self.head, byte);
            self.head_weight = append_weight(self.head_weight.max(1), byte);
        } else {
            self.account = append(self.account, byte);
        }
    }

    fn is_valid(&self) -> bool {
        (self.account * self.head_weight + self.head) % 97 == 1
    }
}

fn append(remainder: u32, byte: u8) -> u32 {
    let value = char::from(byte).to_digit(36).unwrap_or(0);
    (remainder * weight(byte) + value) % 97
}

fn append_weight(product: u32, byte: u8) -> u32 {
    product * weight(byte) % 97
}

/// A letter counts as two digits.
fn weight(byte: u8) -> u32 {
    if byte.is_ascii_digit() { 10 } else { 100 }
}

/// How long the numbers of a country are.
fn length(country: &[u8]) -> Option<usize> {
    let mut code = [0_u8; 2];
    for (upper, byte) in code.iter_mut().zip(country) {
        *upper = byte.to_ascii_uppercase();
    }
    LENGTHS
        .iter()
        .find(|(_, countries)| countries.chunks_exact(2).any(|country| country == code))
        .map(|(length, _)| *length)
}

/// Lengths, and the two letters of each country that has it, one after another.
const LENGTHS: [(usize, &[u8]); 18] = [
    (15, b"NO"),
    (16, b"BE"),
    (18, b"DKFOFIGLNLSDFK"),
    (19, b"MKSI"),
    (20, b"ATBAEEKZXKLTLUMN"),
    (21, b"HRLVLICH"),
    (22, b"BHBGCRGEDEIEMERSGBVA"),
    (23, b"AEIQILTLGIOMSO"),
    (24, b"ADCZMDPKROSASKESSETNVG"),
    (25, b"LYPTST"),
    (26, b"ISTR"),
    (27, b"BIFRGRITMCMRSMDJ"),
    (28, b"ALAZBYCYDOGTHNHULBNIPLSV"),
    (29, b"BREGPSQAUA"),
    (30, b"JOKWMUYE"),
    (31, b"MTSC"),
    (32, b"LC"),
    (33, b"RU"),
];
