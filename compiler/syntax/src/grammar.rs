//! The parser generated from `lang-spec/grammar/hpol.pest`.

#![allow(missing_debug_implementations, reason = "generated")]

#[derive(pest_derive::Parser)]
#[grammar = "../../../lang-spec/grammar/hpol.pest"]
pub(crate) struct Grammar;
