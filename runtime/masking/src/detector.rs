//! The built-in detectors: their names, and how each is tried at one position. What is done with a finding is not here.

mod aws_access_key;
mod email;
mod iban;
mod ip_address;
mod jwt;
mod payment_card;
mod phone;
mod private_key;
mod us_ssn;

pub(crate) use email::LONGEST_LOCAL;

use crate::input::{Ahead, Input, More};

/// A kind of value that is recognised by how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    /// US social security number, separated by `-` or a space; areas 000 and 666, group 00 and serial 0000 do not exist.
    UsSsn,
    /// Payment card number of 13 to 19 digits: issuer prefix and Luhn check digit (ISO/IEC 7812).
    PaymentCard,
    /// E-mail address with a domain of at least two labels.
    Email,
    /// Telephone number: international with `+`, or in the forms usual in North America.
    Phone,
    /// IPv4 or IPv6 address.
    IpAddress,
    /// International bank account number: country, length and check digits (ISO 13616).
    Iban,
    /// Id of an AWS access key.
    AwsAccessKey,
    /// JSON web token (RFC 7519), signed or encrypted.
    Jwt,
    /// Private key in PEM form (RFC 7468).
    PrivateKey,
}

impl Detector {
    /// Every detector, in the order of their declaration.
    pub const ALL: [Detector; 9] = [
        Detector::UsSsn,
        Detector::PaymentCard,
        Detector::Email,
        Detector::Phone,
        Detector::IpAddress,
        Detector::Iban,
        Detector::AwsAccessKey,
        Detector::Jwt,
        Detector::PrivateKey,
    ];

    /// The name policies use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Detector::UsSsn => "us_ssn",
            Detector::PaymentCard => "payment_card",
            Detector::Email => "email",
            Detector::Phone => "phone",
            Detector::IpAddress => "ip_address",
            Detector::Iban => "iban",
            Detector::AwsAccessKey => "aws_access_key",
            Detector::Jwt => "jwt",
            Detector::PrivateKey => "private_key",
        }
    }

    /// The detector that policies call `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Detector> {
        Detector::ALL
            .into_iter()
            .find(|detector| detector.name() == name)
    }

    /// Whether a finding may begin with `byte`; a cheap test before [`Detector::find`].
    pub(crate) fn may_begin_with(self, byte: u8) -> bool {
        match self {
            Detector::UsSsn | Detector::PaymentCard => byte.is_ascii_digit(),
            Detector::Email => email::is_word(byte),
            Detector::Phone => byte.is_ascii_digit() || matches!(byte, b'+' | b'('),
            Detector::IpAddress => byte.is_ascii_hexdigit() || byte == b':',
            Detector::Iban => byte.is_ascii_alphabetic(),
            Detector::AwsAccessKey => byte == b'A',
            Detector::Jwt => byte == b'e',
            Detector::PrivateKey => byte == b'-',
        }
    }

    /// Whether a byte or two tell that nothing begins at `start`, so that [`Detector::find`] need not be asked. Says so only
    /// where that would find nothing, whatever follows.
    pub(crate) fn is_ruled_out(self, input: &Input<'_>, start: usize, ahead: &mut Ahead) -> bool {
        let other = |distance: usize, expected: fn(&u8) -> bool| {
            let byte = input.bytes().get(start.saturating_add(distance));
            byte.is_some_and(|byte| !expected(byte))
        };
        match self {
            Detector::Email => ahead.lacks_at_sign(input, start, email::LONGEST_LOCAL + 1),
            Detector::IpAddress => {
                // A number can begin an address of either kind.
                other(0, u8::is_ascii_digit)
                    && ahead.lacks_colon(input, start, ip_address::LONGEST_GROUP + 1)
            }
            Detector::Iban => other(2, u8::is_ascii_digit),
            Detector::AwsAccessKey => other(1, |byte| b"KSBC".contains(byte)),
            Detector::Jwt => other(1, |byte| *byte == b'y'),
            Detector::UsSsn | Detector::PaymentCard | Detector::Phone | Detector::PrivateKey => {
                false
            }
        }
    }

    /// What begins exactly at `start`, if anything.
    pub(crate) fn find(self, input: &Input<'_>, start: usize) -> Result<Option<Extent>, More> {
        let closed = |end: Option<usize>| end.map(|end| Extent { end, tail: None });
        match self {
            Detector::UsSsn => us_ssn::find(input, start).map(closed),
            Detector::PaymentCard => payment_card::find(input, start).map(closed),
            Detector::Email => email::find(input, start).map(closed),
            Detector::Phone => phone::find(input, start).map(closed),
            Detector::IpAddress => ip_address::find(input, start).map(closed),
            Detector::Iban => iban::find(input, start).map(closed),
            Detector::AwsAccessKey => aws_access_key::find(input, start).map(closed),
            Detector::Jwt => jwt::find(input, start),
            Detector::PrivateKey => private_key::find(input, start),
        }
    }
}

/// How far a finding reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Where it ends, or the tail begins.
    pub(crate) end: usize,
    /// What follows without a bound on its length.
    pub(crate) tail: Option<Tail>,
}

/// The rest of a finding that can be of any length. It is hidden as it comes, never held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Until a byte that no token has.
    Jwt,
    /// Until the end marker.
    PrivateKey,
}

/// How much of a tail is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TailEnd {
    /// It ends here.
    At(usize),
    /// It goes on; up to here the bytes are not needed any more.
    After(usize),
}

impl Tail {
    /// How far the tail that goes on at `from` reaches.
    pub(crate) fn end(self, input: &Input<'_>, from: usize) -> TailEnd {
        match self {
            Tail::Jwt => jwt::end(input, from),
            Tail::PrivateKey => private_key::end(input, from),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is ruled out is nothing, whole or cut anywhere.
        #[test]
        fn only_nothing_is_ruled_out(text in "([a-fxAKISPLeyJ0-9@:.+%\\\\(-]|192\\.0\\.2\\.1|a@b\\.cd|::1|DE89|AKIA| |\u{e9}|x{120}){0,24}", complete in any::<bool>()) {
            let input = Input::part(text.as_bytes(), complete);
            for detector in Detector::ALL {
                let mut ahead = Ahead::default();
                for (start, byte) in text.bytes().enumerate() {
                    if detector.may_begin_with(byte) && detector.is_ruled_out(&input, start, &mut ahead) {
                        prop_assert_eq!(detector.find(&input, start), Ok(None), "{:?} at {}", detector, start);
                    }
                }
            }
        }
    }
}
