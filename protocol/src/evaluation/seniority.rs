//! Who comes before whom.

/// Lower is more senior. Compared from the left; who is admitted has a longer path than who
/// admitted them, and so comes right after.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seniority(Vec<u32>);

/// The lowest rank of a device. Below are those who hold grants.
pub const RANK_MAX: u32 = u32::MAX - 2;
/// First level of all who hold a grant: after every owner.
const GRANTED: u32 = u32::MAX;

impl Seniority {
    /// Returns the seniority of rank `rank`, 0 being the most senior.
    #[must_use]
    pub fn of_rank(rank: u32) -> Self {
        Self(vec![rank])
    }

    /// Returns where a principal's own key stands, whose place among its keys is `key`: all of them
    /// come before whoever the principal admits.
    #[must_use]
    pub fn key(&self, key: &Self) -> Self {
        let mut path = self.0.clone();
        if !key.0.is_empty() {
            path.push(0);
            path.extend(&key.0);
        }
        Self(path)
    }

    /// Returns the seniority of whom this one admits in the statement with number `seq` of its log.
    #[must_use]
    pub fn admits(&self, seq: u32) -> Self {
        let mut path = self.0.clone();
        path.push(seq.saturating_add(1));
        Self(path)
    }

    /// Returns the same after all owners of a slice.
    #[must_use]
    pub fn granted(&self) -> Self {
        if self.is_granted() {
            return self.clone();
        }
        let mut path = vec![GRANTED];
        path.extend(&self.0);
        Self(path)
    }

    /// Returns whether this is of somebody who speaks by a grant.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.0.first() == Some(&GRANTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_admitted_comes_right_after_who_admitted() {
        let (first, second) = (Seniority::of_rank(0), Seniority::of_rank(1));
        let phone = first.key(&Seniority::of_rank(7));
        let guest = first.admits(0);
        let guests_guest = guest.admits(u32::MAX);
        let mut all = [&second, &guests_guest, &guest, &phone, &first];
        all.sort();
        assert_eq!(all, [&first, &phone, &guest, &guests_guest, &second]);
    }

    #[test]
    fn who_holds_a_grant_comes_after_every_owner() {
        let last = Seniority::of_rank(u32::MAX - 1);
        let writer = Seniority::of_rank(0).admits(0).granted();
        assert!(last < writer);
        assert!(writer < writer.admits(3).granted());
        assert!(writer.admits(3).granted() < last.admits(0).granted());
    }
}
