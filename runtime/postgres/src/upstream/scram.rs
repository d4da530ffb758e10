//! SCRAM-SHA-256 as a client (RFC 5802, RFC 7677). The exchange is pgwire's; what it does not check is checked here
//! first: it takes any server nonce, any iteration count, and panics on zero.

use pgwire::api::auth::sasl::scram::{
    ScramClientAuth, ScramClientAuthWaitingForServerFinal, ScramClientAuthWaitingForServerFirst,
};

use super::ReachUpstream;

/// RFC 7677 asks for at least this many.
const MIN_ITERATIONS: u32 = 4096;

/// About a second of one core. A hostile server must not make us compute for longer.
const MAX_ITERATIONS: u32 = 1_000_000;

/// PostgreSQL's first message has about 80 bytes.
const MAX_MESSAGE_BYTES: usize = 1024;

/// Waits for the server's first message.
pub(super) struct First {
    nonce: String,
    state: ScramClientAuthWaitingForServerFirst,
}

/// Waits for the server's proof.
pub(super) struct Final {
    state: ScramClientAuthWaitingForServerFinal,
}

fn refused(why: &'static str) -> ReachUpstream {
    ReachUpstream::Scram { why }
}

/// The client's first message. The user name in it is empty: the server takes the one of the startup packet.
pub(super) fn begin(password: &str) -> Result<(String, First), ReachUpstream> {
    let exchange = ScramClientAuth::new(String::new(), password.to_owned());
    let (message, state) = exchange
        .build_client_first()
        .map_err(|_| refused("it cannot be begun"))?;
    let nonce = message.rsplit(",r=").next().unwrap_or_default().to_owned();
    Ok((message, First { nonce, state }))
}

impl First {
    /// Answers the server's first message. Computes for a while: call it where blocking is allowed.
    pub(super) fn answer(self, message: &[u8]) -> Result<(String, Final), ReachUpstream> {
        check(&self.nonce, message)?;
        let (answer, state) = self
            .state
            .build_client_final(message)
            .map_err(|_| refused("the server's first message is malformed"))?;
        Ok((answer, Final { state }))
    }
}

impl Final {
    /// Whether the server knows the password too.
    pub(super) fn verify(self, message: &[u8]) -> Result<(), ReachUpstream> {
        self.state
            .verify_server_final(message)
            .map_err(|_| refused("the server could not prove that it knows the password"))
    }
}

fn check(client_nonce: &str, message: &[u8]) -> Result<(), ReachUpstream> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(refused("the server's first message is too long"));
    }
    let message = std::str::from_utf8(message)
        .map_err(|_| refused("the server's first message is malformed"))?;
    let mut parts = message.split(',');
    let (nonce, salt, iterations) = (parts.next(), parts.next(), parts.next());
    let nonce = nonce
        .and_then(|part| part.strip_prefix("r="))
        .ok_or(refused("there is no server nonce"))?;
    if client_nonce.is_empty()
        || nonce.len() <= client_nonce.len()
        || !nonce.starts_with(client_nonce)
    {
        return Err(refused("the server nonce does not extend ours"));
    }
    if salt
        .and_then(|part| part.strip_prefix("s="))
        .is_none_or(str::is_empty)
    {
        return Err(refused("there is no salt"));
    }
    let iterations: u32 = iterations
        .and_then(|part| part.strip_prefix("i="))
        .and_then(|count| count.parse().ok())
        .ok_or(refused("there is no iteration count"))?;
    if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
        return Err(refused(
            "the iteration count is not between 4,096 and 1,000,000",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_message_is_checked_before_it_costs_anything() {
        for (message, why) in [
            ("r=abcdef,s=c2FsdA==,i=4096", None),
            ("r=abc,s=c2FsdA==,i=4096", Some("does not extend ours")),
            ("r=xbcdef,s=c2FsdA==,i=4096", Some("does not extend ours")),
            ("r=abcdef,s=,i=4096", Some("no salt")),
            ("r=abcdef,s=c2FsdA==,i=0", Some("iteration count")),
            ("r=abcdef,s=c2FsdA==,i=1", Some("iteration count")),
            ("r=abcdef,s=c2FsdA==,i=2147483648", Some("iteration count")),
            ("r=abcdef,s=c2FsdA==,i=-1", Some("iteration count")),
            ("m=x,r=abcdef,s=c2FsdA==,i=4096", Some("no server nonce")),
            ("", Some("no server nonce")),
        ] {
            let error = check("abc", message.as_bytes())
                .err()
                .map(|error| error.to_string());
            match (error, why) {
                (None, None) => {}
                (Some(error), Some(why)) => assert!(error.contains(why), "{message}: {error}"),
                (error, _) => panic!("{message}: {error:?}"),
            }
        }
    }

    #[test]
    fn the_nonce_is_that_of_the_first_message() {
        let (message, first) = begin("pencil").unwrap();
        assert!(message.starts_with("n,,n=,r="), "{message}");
        assert!(first.nonce.len() >= 18 && message.ends_with(&first.nonce));
    }
}
