//! A small town through everything that links and nodes can suffer.

use super::*;
use crate::fault::Installation;
use crate::network::{Bandwidth, Region};
use crate::town::{Life, Town};

const PAIR: Town = Town {
    circles: 1,
    people: 2,
    changes_per_day: 4,
    history_days: 2,
};

/// Rows that readers of a pair hold after they have shared, and shares that differ.
fn share(links: Links, prepare: impl FnOnce(&mut World<'_>)) -> (usize, usize) {
    let mut log = Log::Off;
    let mut world = World::new(Seed(1), links, &mut log);
    let mut life = Life::found(PAIR, &mut world);
    prepare(life.world);
    life.share();
    let held = life.held();
    assert_eq!(world.broken(), Vec::new());
    held
}

#[test]
fn a_node_that_is_down_is_waited_for() {
    let mut log = Log::Off;
    let mut world = World::new(Seed(1), Links::default(), &mut log);
    let node = world.person("Inès");
    assert!(!world.is_up(node), "it starts when time passes");
    assert!(matches!(
        world.ask(node, Command::Status),
        Ok(Ok(maille_core::command::Done::Status(_)))
    ));
    assert!(world.is_up(node));
}

#[test]
fn nodes_meet_only_if_a_router_lets_one_of_them_in() {
    let meet = |nats: [Nat; 2]| {
        let (rows, differ) = share(Links::default(), |world| {
            world.behind(NodeIndex(0), nats[0]);
            world.behind(NodeIndex(1), nats[1]);
        });
        assert_eq!(rows > 0, differ == 0, "all arrives, or nothing");
        rows > 0
    };
    use Nat::{AddressDependent, EndpointIndependent, None, Open, Symmetric};
    for (nats, met) in [
        ([Open, Symmetric], true),
        ([None, Open], true),
        ([Symmetric, Symmetric], false),
        ([Symmetric, None], false),
        // Both dial: each has sent something to the other when the other's dial comes.
        ([AddressDependent, AddressDependent], true),
        ([EndpointIndependent, Symmetric], true),
    ] {
        assert_eq!(meet(nats), met, "{nats:?}");
    }
}

#[test]
fn a_second_connection_that_nobody_uses_keeps_nothing_from_arriving() {
    let links = Links {
        double_dial_ppm: 1_000_000,
        ..Links::default()
    };
    let (rows, differ) = share(links, |_| ());
    assert!(rows > 0);
    assert_eq!(differ, 0);
}

#[test]
fn a_slow_line_delays_what_is_long() {
    let line = |bytes_per_s| {
        let bandwidth = Bandwidth {
            bytes_per_s,
            burst_bytes: 1_000,
        };
        Links {
            up: Some(bandwidth),
            down: Some(bandwidth),
            ..Links::default()
        }
    };
    let (rows, differ) = share(line(10_000), |_| ());
    assert!(rows > 0 && differ == 0, "slow, but it arrives");
    let (rows, _) = share(line(1), |_| ());
    assert_eq!(rows, 0, "a byte a second is not enough");
}

#[test]
fn an_offline_node_answers_its_person_and_meets_nobody() {
    let (rows, _) = share(Links::default(), |world| {
        world.plan(world.now(), NodeIndex(1), Fault::Offline);
    });
    assert_eq!(rows, 0);
    let (rows, differ) = share(Links::default(), |world| {
        world.plan(world.now(), NodeIndex(1), Fault::Offline);
        let later = world.now().plus(VirtualSpan::from_secs(600));
        world.plan(later, NodeIndex(1), Fault::Online);
    });
    assert!(rows > 0 && differ == 0);
}

#[test]
fn what_is_asked_of_a_node_that_is_down_is_lost_and_of_one_that_is_paused_waits() {
    let mut log = Log::Off;
    let mut world = World::new(Seed(1), Links::default(), &mut log);
    let node = world.person("Inès");
    let at = |seconds| VirtualTime::START.plus(VirtualSpan::from_secs(seconds));
    let down = VirtualSpan::from_secs(10);
    world.plan(at(10), node, Fault::Crash { down, torn: false });
    world.plan(at(30), node, Fault::Pause { lasts: down });
    for seconds in [5, 15, 35] {
        world.tell_at(at(seconds), node, Command::Status);
    }
    world.pass_until(at(60));
    let answers: Vec<_> = world
        .drain_answers()
        .into_iter()
        .map(|answered| (answered.at, answered.answer.is_ok()))
        .collect();
    assert_eq!(
        answers,
        [(at(5), true), (at(15), false), (at(40), true)],
        "(when, whether it was answered)"
    );
}

#[test]
fn a_full_disk_refuses_and_a_wiped_one_starts_only_from_a_backup() {
    let mut log = Log::Off;
    let mut world = World::new(Seed(1), Links::default(), &mut log);
    let node = world.person("Inès");
    let records = |number| {
        let (seed, days) = (Seed(1), 3);
        let traveller = crate::workload::Traveller { seed, node, days };
        let records = vec![traveller.trip(number)];
        Command::Record { records }
    };
    let trips = |world: &mut World<'_>| {
        let Ok(Ok(done)) = world.ask(node, Command::Trips { month: None }) else {
            panic!("a list")
        };
        let maille_core::command::Done::Trips { trips } = done else {
            panic!("trips")
        };
        trips.len()
    };
    assert!(matches!(world.ask(node, records(1)), Ok(Ok(_))));
    let old = world.secrets(node).installation;
    world.plan(world.now(), node, Fault::Backup);
    assert!(matches!(world.ask(node, records(2)), Ok(Ok(_))));

    let lasts = VirtualSpan::from_secs(60);
    world.plan(world.now(), node, Fault::FullDisk { lasts });
    let refused = world.ask(node, records(3));
    let Ok(Err(maille_core::command::CommandError::Disk { .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(trips(&mut world), 2, "what was durable is still there");

    world.plan(world.now(), node, Fault::Wipe);
    world.pass(VirtualSpan::from_secs(3_600));
    assert!(!world.is_up(node));
    let installation = Installation::New;
    world.plan(world.now(), node, Fault::Restore { installation });
    assert_eq!(trips(&mut world), 1, "what was in the backup");
    assert_ne!(world.secrets(node).installation, old);
    assert_eq!(world.broken(), Vec::new());
}

/// A town whose links have everything that links can have, under faults of every kind.
fn hard_day(pieces: usize, log: &mut Log) -> (TraceHash, u64) {
    let region = |east_km, weight| Region {
        east_km,
        north_km: 0,
        spread_km: 50,
        weight,
    };
    let links = Links {
        regions: vec![region(0, 3), region(465, 1)],
        up: Some(Bandwidth {
            bytes_per_s: 20_000,
            burst_bytes: 10_000,
        }),
        down: Some(Bandwidth {
            bytes_per_s: 100_000,
            burst_bytes: 10_000,
        }),
        nat: vec![
            (Nat::Open, 2),
            (Nat::AddressDependent, 1),
            (Nat::Symmetric, 1),
        ],
        double_dial_ppm: 200_000,
        ..Links::default()
    };
    let mut world = World::new(Seed(9), links, log);
    world.split(pieces);
    let town = Town {
        circles: 2,
        people: 5,
        changes_per_day: 2,
        history_days: 1,
    };
    let mut life = Life::found(town, &mut world);
    life.share();
    let begin = life.world.now();
    let at = |minutes| begin.plus(VirtualSpan::from_secs(minutes * 60));
    let minute = VirtualSpan::from_secs(60);
    life.world.lose(Loss {
        from: at(0),
        until: at(200),
        stalls_ppm: 100_000,
        ends_ppm: 20_000,
    });
    let faults = [
        Fault::Crash {
            down: minute,
            torn: true,
        },
        Fault::FullDisk { lasts: minute },
        Fault::Backup,
        Fault::Pause { lasts: minute },
        Fault::ClockJump { by_ms: -90_000 },
        Fault::ClockDrift { ppm: 200 },
        Fault::Offline,
        Fault::Online,
        Fault::Restore {
            installation: Installation::New,
        },
    ];
    for (number, fault) in (0..).zip(faults) {
        for node in [1, 3, 6] {
            let when = at(60 * number + u64::from(node));
            // Nobody is asked for a change in these minutes: `day` wants every change answered.
            life.world.plan(when, NodeIndex(node), fault);
        }
    }
    let nodes: Vec<NodeIndex> = life.world.nodes().collect();
    for partition in Partition::gradual(Seed(9), &nodes, at(400), at(430), at(460)) {
        life.world.cut(partition);
    }
    life.world.pass_until(at(600));
    let waiting = life.world.waiting();
    assert!(
        waiting < 200,
        "one ring per node, and little else: {waiting}"
    );
    let steps = life.world.steps();
    (world.trace(), steps)
}

#[test]
fn a_world_in_pieces_does_the_same_whether_or_not_it_is_told() {
    let whole = hard_day(1, &mut Log::Off);
    assert!(whole.1 > 3_000, "much happens: {}", whole.1);
    for pieces in [2, 4, 7] {
        assert_eq!(hard_day(pieces, &mut Log::Off), whole, "{pieces} pieces");
    }
    let lines = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = Arc::clone(&lines);
    let mut log = Log::Trace(Box::new(move |_| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }));
    assert_eq!(hard_day(3, &mut log), whole, "told");
    assert!(lines.load(std::sync::atomic::Ordering::Relaxed) > whole.1);
}
