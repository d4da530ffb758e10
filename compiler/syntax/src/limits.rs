//! Bounds on what is read, each with its reason. A text beyond one is an error with a place, never a crash.

/// Bytes of one file. 10,000 rules of ordinary size take about 3 MiB.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of one item. Keeps the work on a single edit small; the longest rule of a real policy is below 4 KiB.
pub const MAX_ITEM_BYTES: usize = 1024 * 1024;

/// Open brackets inside each other. The parser recurses once per level, a level becomes up to three levels of a
/// condition, and a bundle holds 64; people stop reading at about five.
pub const MAX_NESTING: usize = 18;

/// Bytes of one text in quotes. Room for a long statement in a test.
pub const MAX_STRING_BYTES: usize = 64 * 1024;

/// Problems reported for one item. A text that is not a policy at all needs no more.
pub const MAX_PROBLEMS_PER_ITEM: usize = 50;

/// Bytes of the name of an item. It stands in every record; the longest identifier of PostgreSQL has 63.
pub const MAX_NAME_BYTES: usize = 100;
