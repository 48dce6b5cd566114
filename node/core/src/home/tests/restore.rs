//! A disk comes back from a backup, under a new installation.

use maille_protocol::entry::LogId;
use maille_protocol::id::InstallationId;

use super::peers::assert_nobody_at_fault;
use super::*;

/// Puts an old copy of a node's disk back; the keys are there, the installation is another.
fn restores(world: &mut World, n: usize, backup: &BTreeMap<Vec<u8>, Vec<u8>>) {
    world.goes_away(n);
    let node = &mut world.nodes[n];
    node.disk.0.borrow_mut().clone_from(backup);
    let mut installation = [0; 32];
    rand_core::Rng::fill_bytes(&mut node.rng, &mut installation);
    node.secrets.installation = InstallationId::from_bytes(installation);
    node.home = Home::open(node.disk.clone(), node.secrets.clone(), world.now).unwrap();
    world.comes_back(n);
    world.listen(n);
}

pub(super) fn copy(world: &World, n: usize) -> BTreeMap<Vec<u8>, Vec<u8>> {
    world.nodes[n].disk.0.borrow().clone()
}

/// The numbers of a slice's entries by log, as a node holds them.
fn logs(world: &World, n: usize, share: &GivenShare) -> BTreeMap<LogId, Vec<u64>> {
    let mut logs: BTreeMap<LogId, Vec<u64>> = BTreeMap::new();
    for (_, bytes) in world.nodes[n].disk.scan(&entries_of(share.slice)).unwrap() {
        let entry = UnverifiedEntry::decode(&bytes).unwrap();
        let prefix = entry.claimed();
        logs.entry(prefix.log).or_default().push(prefix.seq);
    }
    logs
}

/// Found by thinking the fault `restore` through before it was simulated: the giver's next entry
/// had the number after the old log's last and the new log's key, so no reader could take it;
/// and what it put into its feed again had positions that the reader had passed already.
#[test]
fn a_giver_that_goes_on_from_a_backup_reaches_its_reader_in_new_logs() {
    let (mut world, share) = shared();
    let backup = copy(&world, 0);
    world.imports(0, 5, "2026-01"); // after the backup: lost
    world.settle();
    let before = logs(&world, 1, &share);

    restores(&mut world, 0, &backup);
    world.imports(0, 2, "2026-02");
    world.settle();

    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
    let after = logs(&world, 1, &share);
    for (log, numbers) in &after {
        let whole: Vec<u64> = (0..numbers.len() as u64).collect();
        assert_eq!(*numbers, whole, "a log begins at 0 and has no hole");
        if let Some(before) = before.get(log) {
            assert_eq!(numbers, before, "an old log does not grow");
        }
    }
    assert!(after.len() > before.len(), "and there are new ones");
}

/// What the backup does not know would otherwise stand at the reader for ever.
#[test]
fn rows_of_the_time_that_a_backup_lost_leave_the_reader() {
    let (mut world, _) = shared();
    let backup = copy(&world, 0);
    world.imports(0, 2, "2025-11"); // weeks of their own, in parts of their own
    world.settle();
    world.assert_same_view(0, 1);

    restores(&mut world, 0, &backup);
    world.settle();
    world.assert_same_view(0, 1);
}

/// Seeds 2, 5 and 7 of `backups`: one old copy came back twice.
#[test]
fn a_backup_that_comes_back_twice_voids_what_was_published_in_between() {
    let (mut world, _) = shared();
    let backup = copy(&world, 0);
    restores(&mut world, 0, &backup);
    world.imports(0, 2, "2025-11");
    world.settle();
    world.assert_same_view(0, 1);

    restores(&mut world, 0, &backup);
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn a_reader_that_goes_on_from_a_backup_catches_up() {
    let (mut world, _) = shared();
    let backup = copy(&world, 1);
    world.imports(0, 2, "2026-02");
    world.settle();
    restores(&mut world, 1, &backup);
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_plain_restart_goes_on_in_its_logs() {
    let (mut world, share) = shared();
    let before = logs(&world, 0, &share).len();
    world.crashes(0);
    world.imports(0, 5, "2026-01");
    world.settle();
    world.assert_same_view(0, 1);
    assert_eq!(logs(&world, 0, &share).len(), before);
}
