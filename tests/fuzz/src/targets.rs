//! One file a decoder.

pub(crate) mod bundle;
pub(crate) mod facts;
pub(crate) mod format;
pub(crate) mod frames;
pub(crate) mod http;
pub(crate) mod masking;
pub(crate) mod policy;
pub(crate) mod records;
