//! The host of a request: one spelling, or refused.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest host name. Source: RFC 1035 section 2.3.4.
const MAX_HOST_BYTES: usize = 253;

/// An authority that was understood.
pub(super) struct Authority {
    /// The host in lower case; an IPv6 address in brackets and in the form of RFC 5952.
    pub(super) host: String,
    /// The same with the port, if one was given.
    pub(super) shown: String,
}

/// Reads `host`, `host:port` or `[address]:port`.
pub(super) fn authority(text: &str) -> Result<Authority, &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest
                .split_once(']')
                .ok_or("an address has no closing bracket")?;
            let address: Ipv6Addr = address.parse().map_err(|_| "it is not an IPv6 address")?;
            (format!("[{address}]"), after)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let (host, after) = text.split_at_checked(end).ok_or("it is not a host name")?;
            (name(host)?, after)
        }
    };
    let shown = match port.strip_prefix(':') {
        Some(port) => format!("{host}:{}", number(port)?),
        None if port.is_empty() => host.clone(),
        None => return Err("something follows the address"),
    };
    Ok(Authority { host, shown })
}

fn name(host: &str) -> Result<String, &'static str> {
    if host.is_empty() {
        return Err("it is empty");
    }
    if host.len() > MAX_HOST_BYTES {
        return Err("it is too long");
    }
    if host.ends_with('.') {
        return Err("it ends with a dot");
    }
    if !host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    {
        return Err("it holds a character that does not belong into a host name");
    }
    let host = host.to_ascii_lowercase();
    if host
        .split('.')
        .any(|label| label.is_empty() || label.len() > 63)
    {
        return Err("a label of it is empty or too long");
    }
    // `127.1`, `0x7f000001` and `2130706433` are addresses to some and names to others.
    let numeric = host.rsplit('.').next().is_some_and(|label| {
        label.bytes().all(|byte| byte.is_ascii_digit())
            || label.strip_prefix("0x").is_some_and(is_hexadecimal)
    });
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err("it is an unusual spelling of an address");
    }
    Ok(host)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn number(port: &str) -> Result<u16, &'static str> {
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the port is not a number");
    }
    port.parse().map_err(|_| "the port is too large")
}
