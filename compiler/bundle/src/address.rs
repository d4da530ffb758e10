//! Internet addresses as facts: a text of bits, so that an address lies in a network exactly where the text begins with
//! that of the network. IPv4 addresses that IPv6 carries (RFC 4291 section 2.5.5.2) are IPv4 addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bits of an IPv6 address that an IPv4 address stands behind.
const MAPPED_BITS: u8 = 96;

/// A network: the addresses that begin with the same bits (RFC 4632 section 3.1, RFC 4291 section 2.3). One of full length
/// is a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

/// Why something is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    /// More bits than an address has.
    #[error("an address has {bits} bits")]
    TooLong {
        /// Bits of such an address.
        bits: u8,
    },
    /// Bits behind those of the network.
    #[error("it names an address within the network `{network}`")]
    HostBits {
        /// The network.
        network: Network,
    },
}

impl Network {
    /// The addresses that begin with the first `length` bits of `address`.
    ///
    /// # Errors
    /// More bits than there are, and bits behind them that are set: then it is not clear what is meant.
    pub fn new(address: IpAddr, length: u8) -> Result<Network, NotANetwork> {
        let bits = bits_of(address);
        if length > bits {
            return Err(NotANetwork::TooLong { bits });
        }
        let (address, length) = match (address.to_canonical(), length.checked_sub(MAPPED_BITS)) {
            (IpAddr::V4(plain), Some(length)) if address.is_ipv6() => (IpAddr::V4(plain), length),
            _ => (address, length),
        };
        let network = Network {
            address: first(address, length),
            length,
        };
        if network.address == address {
            Ok(network)
        } else {
            Err(NotANetwork::HostBits { network })
        }
    }

    /// One address alone.
    #[must_use]
    pub fn single(address: IpAddr) -> Network {
        let address = address.to_canonical();
        Network {
            address,
            length: bits_of(address),
        }
    }

    /// What the texts of its addresses, and of no others, begin with.
    #[must_use]
    pub fn prefix(&self) -> Box<str> {
        let text = text(self.address);
        // The family and the bits are one byte each.
        let end = usize::from(self.length) + 1;
        text.get(..end).unwrap_or(&text).into()
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match bits_of(self.address) == self.length {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.length),
        }
    }
}

/// The fact that `address` is: `4` or `6` and its bits, the highest first.
#[must_use]
pub fn text(address: IpAddr) -> Box<str> {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("4{:032b}", address.to_bits()).into(),
        IpAddr::V6(address) => format!("6{:0128b}", address.to_bits()).into(),
    }
}

/// The network whose addresses begin with `prefix`, if it is one: for showing conditions.
#[must_use]
pub fn network(prefix: &str) -> Option<Network> {
    let (family, bits) = prefix.split_at_checked(1)?;
    let length = u8::try_from(bits.len()).ok()?;
    let binary = bits.bytes().all(|bit| matches!(bit, b'0' | b'1'));
    let width = match family {
        "4" => 32,
        "6" => 128,
        _ => return None,
    };
    let missing = (width as usize)
        .checked_sub(bits.len())
        .filter(|_| binary)?;
    let padded = format!("{bits}{}", "0".repeat(missing));
    let address = match family {
        "4" => IpAddr::V4(Ipv4Addr::from_bits(u32::from_str_radix(&padded, 2).ok()?)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(u128::from_str_radix(&padded, 2).ok()?)),
    };
    Some(Network { address, length })
}

fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// `address` with nothing behind its first `length` bits.
fn first(address: IpAddr, length: u8) -> IpAddr {
    let behind = u32::from(bits_of(address).saturating_sub(length));
    match address {
        IpAddr::V4(address) => {
            let kept = u32::MAX.checked_shl(behind).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & kept))
        }
        IpAddr::V6(address) => {
            let kept = u128::MAX.checked_shl(behind).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<Network, NotANetwork> {
        let (address, length) = text.split_once('/').unwrap();
        Network::new(address.parse().unwrap(), length.parse().unwrap())
    }

    fn holds(net: &str, address: &str) -> bool {
        let net = network(net).unwrap();
        text(address.parse().unwrap()).starts_with(&*net.prefix())
    }

    #[test]
    fn an_address_lies_in_a_network_where_it_begins_like_it() {
        for (net, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.0.0/22", "10.1.3.255", "10.1.4.0"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.0.0.1", "11.0.0.1"),
        ] {
            assert!(holds(net, inside), "{inside} in {net}");
            assert!(!holds(net, outside), "{outside} in {net}");
        }
    }

    #[test]
    fn what_is_not_clear_is_not_a_network() {
        assert_eq!(
            network("10.0.0.0/33"),
            Err(NotANetwork::TooLong { bits: 32 })
        );
        let Err(NotANetwork::HostBits { network: meant }) = network("10.1.2.3/8") else {
            panic!("a host was taken for a network");
        };
        assert_eq!(meant.to_string(), "10.0.0.0/8");
        assert!(network("fd00::1/64").is_err());
    }

    #[test]
    fn the_text_tells_the_network() {
        for net in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/8"] {
            let prefix = network(net).unwrap().prefix();
            assert_eq!(super::network(&prefix).unwrap().to_string(), net);
        }
        let single = Network::single("192.0.2.7".parse().unwrap());
        assert_eq!(
            super::network(&single.prefix()).unwrap().to_string(),
            "192.0.2.7"
        );
        for other in ["", "5", "42", "4é", &format!("4{}", "0".repeat(33))] {
            assert_eq!(super::network(other), None, "{other}");
        }
    }
}
