//! Where nodes are, and how far that is.

use crate::clock::VirtualSpan;
use crate::random::Seed;
use crate::world::NodeIndex;

/// A part of the country, on a flat map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its middle, in kilometres east of some origin.
    pub east_km: i32,
    /// Its middle, in kilometres north of it.
    pub north_km: i32,
    /// How far from the middle its nodes are at most, east and north.
    pub spread_km: u16,
    /// How many nodes it has, compared with the other regions.
    pub weight: u32,
}

/// What a kilometre of distance costs, one way: light in glass takes 5 microseconds, and routes are
/// about twice as long as the straight line.
const MICROS_PER_KM: u64 = 10;

/// Where `node` is: the same whenever it is asked for.
///
/// # Panics
/// If no region has any weight.
pub(super) fn of(seed: Seed, regions: &[Region], node: NodeIndex) -> (i64, i64) {
    let key = [u64::from(node.0)];
    let all = regions.iter().map(|region| u64::from(region.weight)).sum();
    let mut at = seed.draw("region", &key).within(0..all);
    let region = regions.iter().find(|region| {
        let weight = u64::from(region.weight);
        let here = at < weight;
        at = at.saturating_sub(weight);
        here
    });
    let region = region.expect("the draw is below the sum of weights");
    let off = |purpose| {
        let spread = i64::from(region.spread_km);
        let drawn = seed
            .draw(purpose, &key)
            .within(0..u64::from(region.spread_km) * 2 + 1);
        i64::try_from(drawn).expect("below 2^17") - spread
    };
    (
        i64::from(region.east_km) + off("east"),
        i64::from(region.north_km) + off("north"),
    )
}

/// How long light and routers take between two places.
pub(super) fn delay(a: (i64, i64), b: (i64, i64)) -> VirtualSpan {
    let square = |from: i64, to: i64| from.abs_diff(to).saturating_pow(2);
    let km = square(a.0, b.0).saturating_add(square(a.1, b.1)).isqrt();
    VirtualSpan::from_micros(km * MICROS_PER_KM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_where_their_regions_are_and_as_many_as_they_weigh() {
        let region = |east_km, weight| Region {
            east_km,
            north_km: -300,
            spread_km: 20,
            weight,
        };
        let regions = [region(0, 3), region(1_000, 0), region(500, 1)];
        let places: Vec<_> = (0..4_000)
            .map(|node| of(Seed(1), &regions, NodeIndex(node)))
            .collect();
        let first = places.iter().filter(|(east, _)| east.abs() <= 20).count();
        let last = places.iter().filter(|(east, _)| (480..=520).contains(east));
        assert_eq!(
            first + last.count(),
            4_000,
            "nobody lives where nothing weighs"
        );
        assert!((2_900..3_100).contains(&first), "{first}");
        assert!(
            places
                .iter()
                .all(|(_, north)| (-320..=-280).contains(north))
        );
    }

    #[test]
    fn delay_grows_with_the_straight_line() {
        assert_eq!(delay((0, 0), (0, 0)), VirtualSpan::ZERO);
        assert_eq!(delay((-3, 0), (0, 4)), VirtualSpan::from_micros(50));
        assert_eq!(delay((0, 0), (465, -660)), VirtualSpan::from_micros(8_070));
    }
}
