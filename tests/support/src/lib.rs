//! Starts and stops the real servers that tests and the quickstart work against, on 127.0.0.1 and ports the system picks.
//! Holds no expectation of any test.

pub mod postgres;
pub mod process;
