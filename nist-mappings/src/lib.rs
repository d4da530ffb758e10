//! What NIST SP 800-53 Rev 5 holds, and what the gateway's mechanisms do for it.
//!
//! Owns the ids, the catalogue facts and the mechanism table, which stand as rows under `data/`. Does not know which
//! mechanisms a rule exercises; that is the compiler's. No I/O: the rows are part of the program.

mod catalogue;
mod control;
mod mechanism;
mod table;

pub use catalogue::{Catalogue, Control, catalogue};
pub use control::{ControlId, ParseControlId};
pub use mechanism::{
    ALWAYS_ON, Mapping, Mechanism, Mechanisms, Strength, mechanisms, never_claimed,
};
