//! How a vocabulary file writes the types of facts.

use std::collections::BTreeMap;
use std::fmt;

use super::{FactType, ParseVocabulary, Scalar};

/// The type that `ty` is, which the file says of `fact`.
pub(super) fn parse(
    fact: &str,
    ty: &str,
    enums: &BTreeMap<String, Vec<String>>,
) -> Result<FactType, ParseVocabulary> {
    let (set, scalar) = match ty.strip_prefix("set of ") {
        Some(rest) => (true, rest),
        None => (false, ty),
    };
    let scalar = match scalar {
        "bool" => Scalar::Bool,
        "int" => Scalar::Int,
        "string" => Scalar::String,
        "path" => Scalar::Path,
        "address" => Scalar::Address,
        "name" => Scalar::Name,
        "class" => Scalar::Class,
        other => match other.strip_prefix("enum ") {
            Some(name) if enums.contains_key(name) => Scalar::Enum(name.to_owned()),
            Some(name) => {
                return Err(ParseVocabulary::Enum {
                    fact: fact.to_owned(),
                    name: name.to_owned(),
                });
            }
            None => {
                return Err(ParseVocabulary::Type {
                    fact: fact.to_owned(),
                    ty: ty.to_owned(),
                });
            }
        },
    };
    Ok(if set {
        FactType::Set(scalar)
    } else {
        FactType::Scalar(scalar)
    })
}

/// As a vocabulary file writes it.
impl fmt::Display for FactType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalar = match self {
            FactType::Scalar(scalar) => scalar,
            FactType::Set(scalar) => {
                f.write_str("set of ")?;
                scalar
            }
        };
        f.write_str(match scalar {
            Scalar::Bool => "bool",
            Scalar::Int => "int",
            Scalar::String => "string",
            Scalar::Path => "path",
            Scalar::Address => "address",
            Scalar::Name => "name",
            Scalar::Class => "class",
            Scalar::Enum(list) => return write!(f, "enum {list}"),
        })
    }
}
