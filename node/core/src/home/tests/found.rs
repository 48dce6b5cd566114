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
    world.tick();
    assert_eq!(world.received(1).remove(0).state, ShareState::Pending);
    world.settle(); // an hour
    world.assert_same_view(0, 1);
}

/// Seed 1 of `circle-200`: of two sessions with one contact the one with the lesser number spoke
/// last and closed nothing, and the feed that it numbered anew was sent on the other one.
#[test]
fn when_a_spare_session_speaks_it_is_the_only_one_left() {
    for (spare, dialled) in
        [(9_001, 9_002), (9_002, 9_001)].map(|(a, b)| (ConnectionId(a), ConnectionId(b)))
    {
        let (mut world, _) = shared();
        let peer = transport(1);
        let open = *world.nodes[0]
            .home
            .sessions
            .keys()
            .next()
            .expect("a session");
        let connects = |connection, role| Input::Connected {
            connection,
            peer,
            role,
        };
        world.input(0, connects(spare, Role::Acceptor));
        world.input(0, Input::Disconnected { connection: open });
        world.input(0, connects(dialled, Role::Dialler));
        let is_hello = |frame: &&Vec<u8>| matches!(Frame::from_bytes(frame), Ok(Frame::Hello(_)));
        let hello = world.nodes[1]
            .sent_frames
            .iter()
            .rfind(is_hello)
            .expect("it said hello")
            .clone();
        world.input(
            0,
            Input::Received {
                from: spare,
                frame: &hello,
            },
        );
        let left: Vec<_> = world.nodes[0].home.sessions.keys().copied().collect();
        assert_eq!(left, [spare]);
    }
}
