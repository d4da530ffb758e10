//! Starts and stops the real servers that tests and the quickstart work against, on 127.0.0.1 and ports the system picks.
//! Holds no expectation of any test.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexes to null, never to a panic"
)]

pub mod approvals;
pub mod curl;
pub mod gateway;
pub mod issuer;
pub mod postgres;
pub mod process;
pub mod psql;
pub mod records;
pub mod upstream;
pub mod wire;
pub mod world;
