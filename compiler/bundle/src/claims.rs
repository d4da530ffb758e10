//! Claims of tokens as facts. Which claims a policy reads it names itself; each is a fact of its own.
//!
//! Who signs tokens decides which form a claim has, and a policy says which one it reads. A claim of another form is not
//! known, so that nothing is allowed by it and what restricts counts.

use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Value};
use crate::vocabulary::FactType;

/// Elements of one claim; groups, the longest lists seen, have some hundreds.
pub const MAX_ELEMENTS: usize = 1_024;
/// Bytes of one text of a claim. Longer ones are not of the kind that rules compare.
pub const MAX_TEXT_BYTES: usize = 1_024;

/// The value of one claim, as far as policies read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// A text; numbers without a fraction are their digits, truth values `true` and `false`.
    Text(String),
    /// A list of such texts.
    Texts(Vec<String>),
    /// Anything else.
    Other,
}

impl Claim {
    /// The claim as a fact of type `ty`.
    #[must_use]
    pub fn fact(&self, ty: &FactType) -> Fact {
        let fits = |text: &String| text.len() <= MAX_TEXT_BYTES;
        match (self, ty) {
            (Claim::Text(text), FactType::Scalar(_)) if fits(text) => {
                Fact::Known(Value::Text(text.as_str().into()))
            }
            (Claim::Texts(texts), FactType::Set(_))
                if texts.len() <= MAX_ELEMENTS && texts.iter().all(fits) =>
            {
                let elements = texts.iter().map(|text| text.as_str().into());
                Fact::Known(Value::Set(elements.collect()))
            }
            (Claim::Text(_) | Claim::Texts(_) | Claim::Other, _) => Fact::Unknown,
        }
    }
}

/// What conditions read instead of the claim called `name`, for those that no policy reads as claims: the gateway checks them
/// (RFC 7519, section 4.1) or makes facts of the subject of them, which tests state. An empty text where there is no such fact.
#[must_use]
pub fn read_otherwise(name: &str) -> Option<&'static str> {
    Some(match name {
        "sub" => "subject.id",
        "iss" => "subject.issuer",
        "groups" => "subject.groups",
        "aud" | "exp" | "nbf" | "iat" | "jti" => "",
        _ => return None,
    })
}

/// The fact that the claim called `name` is: `subject.claims["department"]`, as conditions write it.
#[must_use]
pub fn fact_name(name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("subject.claims[\"{escaped}\"]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Scalar;

    #[test]
    fn a_claim_of_another_form_is_not_known() {
        let text = Claim::Text("finance".to_owned());
        let texts = Claim::Texts(vec!["a".to_owned(), "b".to_owned()]);
        let long = Claim::Text("x".repeat(MAX_TEXT_BYTES + 1));
        let many = Claim::Texts(vec![String::new(); MAX_ELEMENTS + 1]);
        let (one, set) = (
            FactType::Scalar(Scalar::String),
            FactType::Set(Scalar::String),
        );
        assert_eq!(text.fact(&one), Fact::Known(Value::Text("finance".into())));
        assert_eq!(
            texts.fact(&set),
            Fact::Known(Value::Set(vec!["a".into(), "b".into()]))
        );
        for (claim, ty) in [
            (&text, &set),
            (&texts, &one),
            (&Claim::Other, &one),
            (&Claim::Other, &set),
            (&long, &one),
            (&many, &set),
        ] {
            assert_eq!(claim.fact(ty), Fact::Unknown, "{claim:?} as {ty:?}");
        }
    }

    #[test]
    fn names_are_written_as_in_conditions() {
        assert_eq!(fact_name("a"), r#"subject.claims["a"]"#);
        assert_eq!(fact_name(r#"a"\b"#), r#"subject.claims["a\"\\b"]"#);
    }
}
