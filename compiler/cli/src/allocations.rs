//! Counts what this process allocates, for `hpol bench`. The counting stands in a crate of its own, since an allocator
//! takes unsafe code, which this workspace forbids; `docs/benchmarks.md` says what it costs the other verbs.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often memory was asked for so far, by any thread.
pub(crate) fn so_far() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations.saturating_add(stats.reallocations)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_allocated_is_counted() {
        let before = super::so_far();
        let boxes: Vec<Box<usize>> = (0..100).map(Box::new).collect();
        assert!(super::so_far() >= before + 101, "{}", boxes.len());
    }
}
