//! The Merkle tree of RFC 6962 section 2.1 over the canonical bytes of records: the compact range that the writer
//! keeps, and inclusion proofs. Knows nothing of files or signatures.

use aws_lc_rs::digest::{Context, SHA256, digest};

/// A SHA-256 hash of a leaf, an inner node or a whole tree.
pub type Hash = [u8; 32];

/// Hash of the leaf that holds `entry`: SHA-256(0x00 || entry).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    whole(context.finish())
}

/// The tree over a log that only grows: the roots of its perfect subtrees, largest first. Enough to append and to know
/// the root, at most 64 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    subtrees: Vec<Hash>,
}

impl CompactRange {
    /// The range of a tree of `size` leaves whose perfect subtrees are `subtrees`; `None` when their number does not fit.
    #[must_use]
    pub fn from_parts(size: u64, subtrees: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()) == Ok(subtrees.len()))
            .then_some(Self { size, subtrees })
    }

    /// How many leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, largest first.
    #[must_use]
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.subtrees.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// The root. Of no leaves it is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(smallest) = subtrees.next() else {
            return whole(digest(&SHA256, &[]));
        };
        subtrees.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

/// The path of leaf `index` in the tree over `leaves`, from the leaf upwards (RFC 6962 section 2.1.1); `None` when there
/// is no such leaf.
#[must_use]
pub fn inclusion_path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut path = Vec::new();
    let (mut leaves, mut index) = (leaves, index);
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at_checked(split(leaves.len()))?;
        if index < left.len() {
            path.push(root_of(right));
            leaves = left;
        } else {
            path.push(root_of(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
}

/// Whether `leaf` at `index` is in the tree of `size` leaves with this `root`, as `path` claims (RFC 9162 section 2.1.3.2).
#[must_use]
pub fn included(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut node) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            node = node_hash(sibling, &node);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut range = CompactRange::default();
    leaves.iter().for_each(|leaf| range.push(*leaf));
    range.root()
}

/// The largest power of two below `length`, which is at least 2.
fn split(length: usize) -> usize {
    length.div_ceil(2).next_power_of_two()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut node = [1; 65];
    node.iter_mut()
        .skip(1)
        .zip(left.iter().chain(right))
        .for_each(|(to, from)| *to = *from);
    whole(digest(&SHA256, &node))
}

fn whole(digest: aws_lc_rs::digest::Digest) -> Hash {
    // SHA-256 is 32 bytes, so this does not fail.
    Hash::try_from(digest.as_ref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use sha2::Sha256;

    fn hex(hash: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(hash)
    }

    #[test]
    fn the_empty_tree_and_the_empty_leaf_are_those_of_the_rfc() {
        // Test vectors of RFC 6962's reference implementation.
        insta::assert_snapshot!(hex(&CompactRange::default().root()), @"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        insta::assert_snapshot!(hex(&leaf_hash(b"")), @"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn roots_and_proofs_are_those_of_ct_merkle() {
        let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let (mut range, mut leaves) = (CompactRange::default(), Vec::new());
        for number in 0..70_u8 {
            oracle.push(vec![number]);
            range.push(leaf_hash(&[number]));
            leaves.push(leaf_hash(&[number]));
            let root = range.root();
            assert_eq!(hex(&root), hex(oracle.root().as_bytes()), "{number}");
            let again = CompactRange::from_parts(range.size(), range.subtrees().to_vec());
            assert_eq!(again.as_ref(), Some(&range));
            for (index, leaf) in leaves.iter().enumerate() {
                let path = inclusion_path(&leaves, index).unwrap();
                assert_eq!(path.concat(), oracle.prove_inclusion(index).as_bytes());
                let (place, size) = (index as u64, range.size());
                assert!(included(*leaf, place, size, &path, &root));
                assert!(!included(*leaf, place + 1, size, &path, &root));
                assert!(!included(leaf_hash(b"other"), place, size, &path, &root));
                let longer = [&path[..], &[*leaf]].concat();
                assert!(!included(*leaf, place, size, &longer, &root));
            }
        }
        assert_eq!(inclusion_path(&leaves, leaves.len()), None);
        assert_eq!(CompactRange::from_parts(3, vec![[0; 32]]), None);
    }
}
