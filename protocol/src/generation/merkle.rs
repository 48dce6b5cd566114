//! One signature over many records, of which a reader is shown one.
//!
//! The tree of RFC 9162 (2.1), for any number of leaves: neighbours are paired, and who has no
//! neighbour goes up alone. Leaves and nodes are hashed under domains of their own, so that no
//! node can pass for a leaf. A leaf is not the generation's id: siblings in a path tell nothing
//! to somebody who sees that id in the clear beside entries, but has not the record.

use crate::crypto::{self, domain};

/// A hash in the tree.
pub(super) type Hash = [u8; 32];

/// Most hashes in a path: as many as [`RECORDS_MAX`](super::RECORDS_MAX) leaves ask for.
pub const PATH_MAX: usize = 16;

/// Returns the leaf that stands for a record.
pub(super) fn leaf(record: &[u8]) -> Hash {
    crypto::hash(domain::BATCH_LEAF, &[record])
}

/// Returns the node over two others.
pub(super) fn node(left: &Hash, right: &Hash) -> Hash {
    crypto::hash(domain::BATCH_NODE, &[left, right])
}

/// All hashes over some leaves.
pub(super) struct Tree {
    /// From the leaves up to the root.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Returns the tree over `leaves`, of which there is at least one.
    pub(super) fn over(leaves: Vec<Hash>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                alone => alone[0],
            });
            let above = above.collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// Returns the one hash over all, or nothing if there was no leaf.
    pub(super) fn root(&self) -> Option<Hash> {
        self.levels.last()?.first().copied()
    }

    /// Returns the hashes beside the way from the leaf `index` up to the root.
    pub(super) fn path(&self, index: usize) -> Vec<Hash> {
        let beside =
            |(height, level): (usize, &Vec<Hash>)| level.get((index >> height) ^ 1).copied();
        self.levels.iter().enumerate().filter_map(beside).collect()
    }
}

/// Returns whether `leaf` is number `index` of the `count` leaves under `root`.
pub(super) fn holds(leaf: Hash, index: u32, count: u32, path: &[Hash], root: &Hash) -> bool {
    if index >= count {
        return false;
    }
    let (mut at, mut last) = (index, count - 1);
    let mut hash = leaf;
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(beside, &hash);
            // Levels at which this node had no neighbour and went up alone.
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, beside);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf(&i.to_le_bytes())).collect()
    }

    #[test]
    fn every_leaf_holds_in_its_place_and_nowhere_else() {
        for count in 1..=33u32 {
            let leaves = leaves(count as usize);
            let tree = Tree::over(leaves.clone());
            let root = tree.root().unwrap();
            for index in 0..count {
                let path = tree.path(index as usize);
                assert!(path.len() <= PATH_MAX);
                let own = leaves[index as usize];
                for claimed in 0..=count {
                    assert_eq!(
                        holds(own, claimed, count, &path, &root),
                        claimed == index,
                        "{index} of {count} as {claimed}"
                    );
                }
                for cut in 0..path.len() {
                    assert!(!holds(own, index, count, &path[..cut], &root));
                }
                let longer = [path.as_slice(), &[root]].concat();
                assert!(!holds(own, index, count, &longer, &root));
                assert!(!holds(leaf(b"another"), index, count, &path, &root));
            }
        }
    }

    #[test]
    fn the_tree_is_that_of_the_rfc() {
        // RFC 9162, 2.1.1: the left subtree has the largest power of two below the count.
        fn root(leaves: &[Hash]) -> Hash {
            if let [one] = leaves {
                return *one;
            }
            let left = (leaves.len() - 1).ilog2();
            let (left, right) = leaves.split_at(1 << left);
            node(&root(left), &root(right))
        }
        for count in 1..=65 {
            let leaves = leaves(count);
            assert_eq!(Tree::over(leaves.clone()).root(), Some(root(&leaves)));
        }
    }

    #[test]
    fn a_node_is_no_leaf() {
        let leaves = leaves(2);
        let root = Tree::over(leaves.clone()).root().unwrap();
        assert!(!holds(leaf(&leaves.concat()), 0, 1, &[], &root));
        assert_eq!(Tree::over(Vec::new()).root(), None);
    }

    #[test]
    fn a_path_has_the_length_that_the_count_says() {
        // Whoever signs can say that a root over two leaves is over one, or over four.
        let leaves = leaves(2);
        let root = Tree::over(leaves.clone()).root().unwrap();
        assert!(holds(leaves[1], 1, 2, &leaves[..1], &root));
        assert!(!holds(leaves[1], 0, 1, &leaves[..1], &root));
        assert!(!holds(leaves[1], 1, 4, &leaves[..1], &root));
        assert!(!holds(leaves[0], 0, 0, &[], &leaves[0]));
    }
}
