//! The path and query of a request: one reading, or refused. Source: RFC 3986 sections 2 and 3.3.

use percent_encoding::percent_decode_str;

/// Longest path and longest query.
const MAX_BYTES: usize = 8 << 10;

/// A path with one reading.
pub(super) struct Path {
    /// Decoded, for policies.
    pub(super) decoded: String,
    /// To forward: escapes of characters that need none are decoded, the others in upper case.
    pub(super) encoded: String,
}

/// Reads the path of an origin-form target.
pub(super) fn normalise(path: &str) -> Result<Path, &'static str> {
    if path.len() > MAX_BYTES {
        return Err("it is too long");
    }
    if !path.starts_with('/') {
        return Err("it does not begin with `/`");
    }
    let encoded = canonical(path)?;
    let decoded = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| "it is not UTF-8")?
        .into_owned();
    if decoded.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if decoded.contains("//") {
        return Err("it has an empty segment");
    }
    if decoded
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        return Err("it has a dot segment");
    }
    let mut escapes = decoded.split('%').skip(1);
    if escapes.any(|after| {
        after
            .as_bytes()
            .get(..2)
            .is_some_and(|next| next.iter().all(u8::is_ascii_hexdigit))
    }) {
        return Err("it is encoded twice");
    }
    Ok(Path { decoded, encoded })
}

/// The path with escapes in one form, if it holds no escape that servers read differently.
fn canonical(path: &str) -> Result<String, &'static str> {
    let mut encoded = String::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let escaped =
                    escape(rest.next(), rest.next()).ok_or("an escape of it is not two digits")?;
                match escaped {
                    b'/' | b'\\' => return Err("it has an encoded slash or backslash"),
                    b';' => return Err("it has parameters after `;`"),
                    b'?' | b'#' => return Err("it has an encoded `?` or `#`"),
                    0 => return Err("it holds a NUL"),
                    _ if is_unreserved(escaped) => encoded.push(char::from(escaped)),
                    _ => encoded.push_str(&format!("%{escaped:02X}")),
                }
            }
            b';' => return Err("it has parameters after `;`"),
            b'\\' => return Err("it has a backslash"),
            _ if is_unreserved(byte) || b"/!$&'()*+,=:@".contains(&byte) => {
                encoded.push(char::from(byte))
            }
            _ => return Err("it holds a character that must be encoded"),
        }
    }
    Ok(encoded)
}

/// Whether a query can be forwarded as it is.
pub(super) fn check_query(query: &str) -> Result<(), &'static str> {
    if query.len() > MAX_BYTES {
        return Err("it is too long");
    }
    let fits = query
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if fits {
        Ok(())
    } else {
        Err("it holds a character that must be encoded")
    }
}

/// The names of a query without its values.
pub(super) fn masked_query(query: &str) -> String {
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if is_plain(name) => format!("{name}=?"),
        _ => "?".to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

/// Whether a name looks like one: what does not may be a value.
fn is_plain(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn escape(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
