//! What seeds of the simulator found: each story is one that happened there.

use super::*;

/// Seed 5 of `lying`: a reader's clock was set half an hour back, and a share given then stayed
/// away for ever, though both people had done all there was to do.
#[test]
fn a_share_from_a_clock_that_is_ahead_is_taken_in_when_its_time_comes() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    world.ahead.insert(0, 1_800_000);
    let (_, link) = world.shares_from(0, 1, None);
    world.accepts(1, &link);
    world.deliver();
    for n in [0, 1] {
        world.input(n, Input::Tick);
    }
    world.deliver();
    assert_eq!(world.received(1).remove(0).state, ShareState::Pending);
    world.settle(); // an hour
    world.assert_same_view(0, 1);
}
