//! Only the door makes a permit.

use hpol_session::permit::{Permit, Receipt};

fn forge(payload: Vec<u8>, receipt: Receipt) -> Permit<Vec<u8>> {
    Permit { payload, receipt }
}

fn main() {}
