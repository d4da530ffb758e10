//! Which addresses count as one client, for whatever is counted by address.

use std::net::{IpAddr, Ipv6Addr};

/// Whom an address counts as: an IPv6 client has a whole /64 to itself (RFC 4291 section 2.5.1).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}
