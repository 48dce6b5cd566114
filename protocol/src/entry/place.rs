//! Where a log is cut.

use minicbor::{Decode, Encode};

use super::LogId;

/// One header of a log, and so one branch of it up to there. On the wire: `[log, seq, hash]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(array)]
pub struct LogPlace {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// The number of the last entry that is meant.
    #[n(1)]
    pub seq: u64,
    /// The hash of its header.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

/// Returns of how many entries of each branch of `log` what `cut` leaves.
///
/// `cut` has one list for each removal. A removal keeps what any of its places keeps, and an empty
/// list keeps nothing; what every removal keeps is left; no removal at all leaves everything.
/// `branches` are the hashes of the log's headers as far as they are held, each from entry 0: one
/// list, or one for each branch if the log forks. A place keeps its header and all those before it,
/// so of two places on two branches is left what they have in common.
///
/// A place whose header is not held keeps nothing yet: which branch it is on is not known, and
/// what comes in its place may be another's. Holding more headers therefore only ever adds.
/// Places of other logs keep nothing here. The cost is places x branches x length.
#[must_use]
pub fn standing(log: LogId, cut: &[Vec<LogPlace>], branches: &[&[[u8; 32]]]) -> Vec<usize> {
    let kept = |branch: &[[u8; 32]], place: &LogPlace| {
        let upto = |other: &&[[u8; 32]]| {
            let at = usize::try_from(place.seq).ok()?;
            let on_it = place.log == log && other.get(at) == Some(&place.hash);
            on_it.then(|| common(branch, &other[..=at]))
        };
        branches.iter().filter_map(upto).max().unwrap_or(0)
    };
    let left = |branch: &&[[u8; 32]]| {
        cut.iter()
            .map(|places| {
                places
                    .iter()
                    .map(|place| kept(branch, place))
                    .max()
                    .unwrap_or(0)
            })
            .min()
            .unwrap_or(branch.len())
    };
    branches.iter().map(left).collect()
}

/// How many headers two branches have in common. A header hash stands for all before it.
fn common(a: &[[u8; 32]], b: &[[u8; 32]]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::keeps_the_rules;

    const LOG: LogId = LogId::from_bytes([1; 32]);

    fn hash(name: u8) -> [u8; 32] {
        [name; 32]
    }

    /// A branch of which each header is named by a byte.
    fn chain(names: &[u8]) -> Vec<[u8; 32]> {
        names.iter().copied().map(hash).collect()
    }

    fn place(seq: u64, name: u8) -> LogPlace {
        LogPlace {
            log: LOG,
            seq,
            hash: hash(name),
        }
    }

    #[test]
    fn a_place_keeps_the_rules_of_the_wire() {
        keeps_the_rules(&place(300, 7), 128);
    }

    #[test]
    fn each_removal_keeps_what_any_of_its_places_keeps_and_all_must_keep_it() {
        let branch = chain(b"abcd");
        let left = |cut: &[Vec<LogPlace>]| standing(LOG, cut, &[&branch])[0];
        assert_eq!(left(&[]), 4, "no removal");
        assert_eq!(left(&[vec![]]), 0, "a removal that keeps nothing");
        assert_eq!(left(&[vec![place(0, b'a')]]), 1);
        assert_eq!(left(&[vec![place(3, b'd')]]), 4);
        assert_eq!(left(&[vec![place(0, b'a'), place(2, b'c')]]), 3, "the most");
        let two = [vec![place(0, b'a'), place(2, b'c')], vec![place(1, b'b')]];
        assert_eq!(left(&two), 2, "the least");
        assert_eq!(left(&[two[0].clone(), two[1].clone(), vec![]]), 0);
    }

    #[test]
    fn a_place_on_a_branch_that_is_not_held_keeps_nothing() {
        let branch = chain(b"abcd");
        let left = |place| standing(LOG, &[vec![place]], &[&branch])[0];
        assert_eq!(left(place(2, b'x')), 0, "another branch");
        assert_eq!(left(place(1, b'c')), 0, "the hash of another place");
        assert_eq!(left(place(4, b'e')), 0, "not known yet");
        assert_eq!(left(place(u64::MAX, b'e')), 0);
        let elsewhere = LogPlace {
            log: LogId::from_bytes([2; 32]),
            ..place(3, b'd')
        };
        assert_eq!(left(elsewhere), 0, "another log");
        let longer = chain(b"abcde");
        let cut = [vec![place(4, b'e')]];
        assert_eq!(standing(LOG, &cut, &[&longer]), [5], "known now");
    }

    #[test]
    fn of_places_on_two_branches_is_left_what_they_have_in_common() {
        let (a, b) = (chain(b"abcd"), chain(b"abxyz"));
        let both = [a.as_slice(), b.as_slice()];
        let (on_a, on_b) = (place(3, b'd'), place(3, b'y'));
        let left = |cut: &[Vec<LogPlace>]| standing(LOG, cut, &both);
        assert_eq!(left(&[vec![on_a]]), [4, 2]);
        assert_eq!(left(&[vec![on_b]]), [2, 4]);
        assert_eq!(left(&[vec![on_a], vec![on_b]]), [2, 2]);
        assert_eq!(left(&[vec![on_a, on_b]]), [4, 4], "each up to its own");
    }

    /// Branches of one log: how many entries each has of the one before, and how many of its own.
    fn branches() -> impl Strategy<Value = Vec<Vec<[u8; 32]>>> {
        proptest::collection::vec((0usize..6, 0usize..6), 1..4).prop_map(|shapes| {
            let mut branches: Vec<Vec<[u8; 32]>> = Vec::new();
            for (at, (shared, own)) in shapes.into_iter().enumerate() {
                let before = branches.last().cloned().unwrap_or_default();
                let mut branch: Vec<_> = before.into_iter().take(shared).collect();
                for _ in 0..own {
                    let name = u8::try_from(at * 16 + branch.len()).unwrap();
                    branch.push(hash(name));
                }
                branches.push(branch);
            }
            branches
        })
    }

    fn places() -> impl Strategy<Value = Vec<Vec<LogPlace>>> {
        let place = (0u64..8, 0u8..3).prop_map(|(seq, branch)| {
            let name = branch * 16 + u8::try_from(seq).unwrap();
            place(seq, name)
        });
        proptest::collection::vec(proptest::collection::vec(place, 0..3), 0..3)
    }

    proptest! {
        #[test]
        fn an_entry_stands_if_every_removal_has_a_place_at_or_after_it_on_its_branch(
            branches in branches(),
            cut in places(),
        ) {
            let held: Vec<_> = branches.iter().map(Vec::as_slice).collect();
            let left = standing(LOG, &cut, &held);
            for (branch, left) in branches.iter().zip(left) {
                for (at, entry) in branch.iter().enumerate() {
                    let kept_by = |place: &LogPlace| {
                        let last = usize::try_from(place.seq).unwrap();
                        let through = |other: &Vec<[u8; 32]>| {
                            other.get(last) == Some(&place.hash) && other.get(at) == Some(entry)
                        };
                        at <= last && branches.iter().any(through)
                    };
                    let stands = cut.iter().all(|places| places.iter().any(kept_by));
                    prop_assert_eq!(at < left, stands, "entry {}", at);
                }
            }
        }

        #[test]
        fn holding_more_headers_never_takes_anything(
            branches in branches(),
            cut in places(),
            held in 0usize..8,
        ) {
            let whole: Vec<_> = branches.iter().map(Vec::as_slice).collect();
            let part: Vec<_> = whole.iter().map(|branch| &branch[..held.min(branch.len())]).collect();
            for (less, more) in standing(LOG, &cut, &part).iter().zip(standing(LOG, &cut, &whole)) {
                prop_assert!(*less <= more);
            }
        }

        #[test]
        fn a_removal_more_never_adds_and_a_place_more_never_takes(
            branches in branches(),
            cut in places(),
            more in places(),
        ) {
            let held: Vec<_> = branches.iter().map(Vec::as_slice).collect();
            let before = standing(LOG, &cut, &held);
            let removals = [cut.clone(), more.clone()].concat();
            let after = standing(LOG, &removals, &held);
            prop_assert!(after.iter().zip(&before).all(|(after, before)| after <= before));
            let mut longer = cut;
            for (places, more) in longer.iter_mut().zip(more) {
                places.extend(more);
            }
            let after = standing(LOG, &longer, &held);
            prop_assert!(after.iter().zip(&before).all(|(after, before)| after >= before));
        }
    }
}
