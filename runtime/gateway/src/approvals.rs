//! Stores of approvals behind the session's port, one file each. A store keeps; it judges nothing.

pub(crate) mod memory;
