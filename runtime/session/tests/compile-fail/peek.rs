//! The bytes to forward cannot be reached past the permit.

use hpol_session::permit::Permit;

fn peek(permit: &Permit<Vec<u8>>) -> &Vec<u8> {
    &permit.payload
}

fn main() {}
