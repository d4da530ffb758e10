//! Who asks in a test: the address that it comes from, and the claims of its token.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hpol_bundle::claims::{Claim, read_otherwise};
use hpol_bundle::justification::Justification;
use hpol_syntax::ast::{ClaimValue, Subject};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;

use super::Checker;
use crate::test_case::TestSubject;

impl Checker<'_> {
    pub(super) fn test_subject(&mut self, subject: &Subject) -> Option<TestSubject> {
        let from = subject.from.as_ref().map(|from| {
            from.node.parse::<IpAddr>().map_err(|_| {
                let message = format!("`{}` is not an address", from.node);
                self.report(
                    Problem::new(Code::TestSubject, message, from.span, "not an address")
                        .help("write an address, such as `\"192.0.2.7\"`"),
                );
            })
        });
        let justification = subject.justification.as_ref().map(|given| {
            Justification::read(&given.node).map_err(|none| {
                let message = none.to_string();
                self.report(
                    Problem::new(Code::TestSubject, message, given.span, "no justification")
                        .help("write what a client would give, such as `\"INC-4711\"`"),
                );
            })
        });
        let mut claims = BTreeMap::new();
        let mut right = true;
        for (name, value) in &subject.claims {
            if read_otherwise(&name.node).is_some() {
                let message = format!("no policy reads `{}` as a claim", name.node);
                self.report(
                    Problem::new(Code::TestSubject, message, name.span, "not read").help(
                        "who asks, from which issuer and in which groups, stands beside `claims`",
                    ),
                );
                right = false;
                continue;
            }
            let claim = match value {
                ClaimValue::Text(text) => Claim::Text(text.clone()),
                ClaimValue::Texts(texts) => Claim::Texts(texts.clone()),
                ClaimValue::Int(number) => Claim::Text(number.to_string()),
                ClaimValue::Word(word) if matches!(word.node.as_str(), "true" | "false") => {
                    Claim::Text(word.node.clone())
                }
                ClaimValue::Word(word) => {
                    let message = format!("`{}` is not the value of a claim", word.node);
                    self.report(
                        Problem::new(Code::TestSubject, message, word.span, "a bare word")
                            .help(format!("put it in quotes: `\"{}\"`", word.node)),
                    );
                    right = false;
                    continue;
                }
            };
            if claims.insert(name.node.clone(), claim).is_some() {
                let message = format!("claim `{}` stands twice", name.node);
                self.report(
                    Problem::new(Code::TestSubject, message, name.span, "again")
                        .help("a token has a claim once"),
                );
                right = false;
            }
        }
        let from = from.transpose().ok()?;
        let justification = justification.transpose().ok()?;
        right.then(|| TestSubject {
            id: subject.id.clone(),
            groups: subject.groups.clone(),
            issuer: subject.issuer.clone(),
            from,
            justification,
            claims,
        })
    }
}
