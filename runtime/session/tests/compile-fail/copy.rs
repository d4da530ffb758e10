//! A permit cannot be copied.

use hpol_session::permit::Permit;

fn copy(permit: &Permit<Vec<u8>>) -> Permit<Vec<u8>> {
    Permit::clone(permit)
}

fn main() {}
