//! Randomness that is a function of the seed, of who draws, and of what for.
//!
//! Two forms: a [`Seed::stream`] for what consumes an unknown number of bytes (a machine drawing
//! keys), and a stateless [`Seed::draw`] for a single decision (the delay of the third message from
//! node 1 to node 2). Neither shifts when another place draws more or less.

use std::convert::Infallible;
use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

use crate::world::NodeIndex;

/// What a whole run follows from, together with its scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of random bytes that `node` draws for `purpose`.
    pub fn stream(self, node: NodeIndex, purpose: &str) -> NotForRealKeys {
        let key = self.hash("maille-simulator 1 stream", purpose, &[u64::from(node.0)]);
        NotForRealKeys(ChaCha8Rng::from_seed(key))
    }

    /// The one draw for `purpose` under `key`.
    pub fn draw(self, purpose: &str, key: &[u64]) -> Draw {
        let hash = self.hash("maille-simulator 1 draw", purpose, key);
        let [a, b, c, d, e, f, g, h, ..] = hash;
        Draw(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    fn hash(self, domain: &str, purpose: &str, key: &[u64]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(domain);
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&(purpose.len() as u64).to_le_bytes());
        hasher.update(purpose.as_bytes());
        for part in key {
            hasher.update(&part.to_le_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// One random number, not yet bent to a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw(u64);

impl Draw {
    /// A number of `range`.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn within(self, range: Range<u64>) -> u64 {
        assert!(range.start < range.end, "a draw from an empty range");
        let width = u128::from(range.end - range.start);
        // Multiply and shift: uniform but for 2^-64 per value, and no loop.
        range.start + ((u128::from(self.0) * width) >> 64) as u64
    }

    /// Whether an event of `ppm` chances in a million happens.
    pub fn happens(self, ppm: u32) -> bool {
        self.within(0..1_000_000) < u64::from(ppm)
    }
}

/// A generator whose every byte follows from a small seed: fit for machines in a simulation, whose
/// keys protect nothing, and for nothing else.
///
/// It has to be a `CryptoRng`, because the machine rightly asks for one. `maille-node` does not
/// depend on this crate (a test in `tests/house` says so), so no real key can come from here.
#[derive(Debug)]
pub struct NotForRealKeys(ChaCha8Rng);

impl TryRng for NotForRealKeys {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for NotForRealKeys {}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    #[test]
    fn a_stream_depends_on_seed_node_and_purpose_and_on_nothing_else() {
        let first = |seed, node, purpose| Seed(seed).stream(NodeIndex(node), purpose).next_u64();
        assert_eq!(first(1, 1, "keys"), first(1, 1, "keys"));
        assert_ne!(first(1, 1, "keys"), first(2, 1, "keys"));
        assert_ne!(first(1, 1, "keys"), first(1, 2, "keys"));
        assert_ne!(first(1, 1, "keys"), first(1, 1, "wire"));
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_both_ends() {
        let mut seen = [false; 3];
        for key in 0..100 {
            let value = Seed(3).draw("test", &[key]).within(10..13);
            seen[usize::try_from(value - 10).expect("below three")] = true;
        }
        assert_eq!(seen, [true; 3]);
        assert!(Seed(3).draw("test", &[]).happens(1_000_000));
        assert!(!Seed(3).draw("test", &[]).happens(0));
    }
}
