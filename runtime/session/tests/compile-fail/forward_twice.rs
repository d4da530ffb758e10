//! A permit is for one operation.

use hpol_session::permit::Permit;

fn forward_twice(permit: Permit<Vec<u8>>) {
    let _first = permit.forward();
    let _second = permit.forward();
}

fn main() {}
