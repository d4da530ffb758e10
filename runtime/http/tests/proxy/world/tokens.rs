//! Who may log in.

use hpol_ports::principal;
use hpol_session::ports::{Authenticate, AuthenticationRefused, Pending};
use hpol_session::principal::Principal;

/// Accepts `agent-N` and `dba-N`.
#[derive(Debug)]
pub(crate) struct Tokens;

impl Authenticate for Tokens {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
    ) -> Pending<'a, Result<Principal, AuthenticationRefused>> {
        Box::pin(async move {
            match token.split_once('-') {
                Some(("agent", _)) => Ok(principal(token, &["agents"])),
                Some(("dba", _)) => Ok(principal(token, &["dba"])),
                Some(("later", _)) => Err(AuthenticationRefused {
                    why: "the issuer is away".to_owned(),
                    temporary: true,
                }),
                _ => Err(AuthenticationRefused {
                    why: "the signature is wrong".to_owned(),
                    temporary: false,
                }),
            }
        })
    }
}
