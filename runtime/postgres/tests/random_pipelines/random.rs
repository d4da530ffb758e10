//! Numbers and names that are the same for the same seed.

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}

/// Few, so that they are used again; the server cuts long ones to one name.
pub(crate) fn names(random: &mut Random, comparable: bool) -> [String; 2] {
    let long = |length: u64| "n".repeat(usize::try_from(length).unwrap());
    match random.below(3) {
        0 => [String::new(), "a".to_owned()],
        1 => ["a".to_owned(), "b".to_owned()],
        _ if comparable => [long(62), long(63)],
        _ => [long(63 + random.below(2)), long(65 + random.below(6))],
    }
}
