//! Remembering what was checked changes nothing but the time it takes. One process with one test,
//! since there is one memory.

use maille_protocol::crypto::{BadSignature, SigningKey, verify};
use maille_simulator::memo::{remember, remembered};
use maille_simulator::network::Links;
use maille_simulator::random::Seed;
use maille_simulator::scenario::Log;
use maille_simulator::town::{Life, Town};
use maille_simulator::world::World;

fn checks(signature: &[u8; 64]) -> Result<(), BadSignature> {
    let public = SigningKey::from_seed(&[1; 32]).public();
    verify(&public, "use", b"bytes", signature)
}

#[test]
fn a_forged_signature_is_refused_each_time_and_a_run_is_the_same_with_and_without_memory() {
    let run = || {
        let mut log = Log::Off;
        let mut world = World::new(Seed(4), Links::default(), &mut log);
        let town = Town {
            circles: 1,
            people: 3,
            changes_per_day: 2,
            history_days: 1,
        };
        let mut life = Life::found(town, &mut world);
        life.share();
        life.day();
        world.trace()
    };
    remember(false);
    let anew = run();
    remember(true);
    assert_eq!(run(), anew);
    let known = remembered();
    assert!(known > 0);
    assert_eq!(run(), anew);
    assert_eq!(remembered(), known, "nothing new was checked");

    let good = SigningKey::from_seed(&[1; 32]).sign("use", b"bytes");
    let mut forged = good;
    forged[0] ^= 1;
    for _ in 0..2 {
        assert_eq!(checks(&good), Ok(()));
        assert_eq!(checks(&forged), Err(BadSignature));
    }
    assert_eq!(remembered(), known + 2);
    remember(false);
}
