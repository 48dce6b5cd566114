//! The attacks of the threat page (`protocol/spec/threats.md`) on a whole node: what it keeps, sends and believes.
//!
//! Each is told twice, as things are and with the one defence off that stops it: [`Defence::stops`]. Those on what is
//! said are in `maille_protocol::attacks`.

use maille_protocol::crypto::SigningKey;
use maille_protocol::defence::{Attack, Defence};
use maille_protocol::evaluation::Upto;
use maille_protocol::generation::PartKey;
use maille_protocol::id::{DeviceId, InstallationId};
use maille_protocol::principal::{NewDevice, UnverifiedAuthority, phrase};
use maille_protocol::statement::{Kind, Signer};

use super::peers::{as_if_from, on_disk, put};
use super::restore::copy;
use super::*;
use crate::state::Contact;

/// Marc came in by an invite for one, and passes it on.
#[test]
fn replay_of_an_invite() {
    Defence::InviteUses.stops(|| {
        let mut world = World::of(3);
        world.invite_for_one_is_used_twice();
        Attack::works_if(world.members(0).contains(&"member 2".to_owned()))
    });
}

/// Inès's phone was stolen, and she removed it. Whoever has it shows Marc her authority as it was before.
#[test]
fn rollback_by_a_peer() {
    Defence::AuthorityGrows.stops(|| {
        let (mut world, _) = shared();
        let ines = world.person_of(0);
        let mut authority =
            UnverifiedAuthority::decode(&world.nodes[0].home.me.authority.to_bytes())
                .unwrap()
                .verify(ines)
                .unwrap();
        let root = Signer {
            key: &phrase::keys(&[0; 64]).root,
            membership: authority.root(),
            installation: InstallationId::from_bytes([80; 32]),
        };
        let signing = SigningKey::from_seed(&[77; 32]);
        let phone = DeviceId::from_bytes(signing.public());
        let device = NewDevice {
            signing: &signing,
            sealing: &world.nodes[2].secrets.sealing_secret().public(),
            transport: TransportId::from_bytes([79; 32]),
        };
        let membership = authority.admit(&root, &device).unwrap();
        let before = authority.to_bytes();
        let gone = Kind::Remove {
            membership,
            key: None,
            keep: Upto::default(),
            trusted: None,
        };
        authority.say(&root, gone).unwrap();
        let at = layout::contact(ines);
        let mut contact: Contact = on_disk(&world, 1, &at);
        contact.authority = Some(authority.to_bytes().into());
        put(&world, 1, at.clone(), &contact);
        as_if_from(&mut world, 1, 0, &Frame::Authority(before));
        let contact: Contact = on_disk(&world, 1, &at);
        let held = world.nodes[1].home.authority_of(&contact).unwrap();
        Attack::works_if(held.unwrap().device(&phone).is_some())
    });
}

/// A relay puts back an older copy of its disk. What Inès had put there is gone, she is asleep since she wrote it down
/// as kept, and Marc, who comes later, does not miss what he never saw.
#[test]
fn rollback_by_a_relay() {
    Defence::LossIsSeen.stops(|| {
        let mut world = World::of(3);
        world.carried_circle(2);
        let before = copy(&world, 2);
        world.only(2, &[0]);
        world.adds(0, "bread");
        world.settle();
        world.nodes[2].disk.0.borrow_mut().clone_from(&before);
        world.crashes(2);
        world.settle();
        world.only(2, &[1]);
        let told = world.relay_of(0).lost > 0;
        Attack::works_if(world.texts(1).is_empty() && !told)
    });
}

/// A relay does not hand out one entry, which Marc has read there, to Zoé.
#[test]
fn withholding() {
    Defence::HolesShow.stops(|| {
        let mut world = World::of(4);
        world.loses_one_entry_at_its_relay();
        assert!(!world.texts(2).contains(&"bread".to_owned()));
        Attack::works_if(world.relay_of(2).withheld == 0)
    });
}

/// Inès stops her share with Marc, and records on. Somebody who carries her entries hands him what came after.
#[test]
fn revoked_reader_keeps_reading() {
    Defence::StopRotates.stops(|| {
        let (mut world, share) = shared();
        world.revokes(0, &share);
        world.imports(0, 2, "2026-01"); // in parts that he could read
        world.settle();
        let (ines, marc) = (&world.nodes[0].disk, &world.nodes[1].disk);
        let mut after = 0;
        let mut opened = 0;
        for (at, bytes) in ines.scan(&entries_of(share.slice)).unwrap() {
            if marc.get(&at).unwrap().is_some() {
                continue;
            }
            after += 1;
            let entry = UnverifiedEntry::decode(&bytes).unwrap().assume_verified();
            let key = layout::part_key(entry.slice(), entry.part(), entry.generation());
            let Some(key) = marc.get(&key).unwrap() else {
                continue;
            };
            let key: PartKey = minicbor::decode(&key).unwrap();
            opened += usize::from(entry.open(&key.key).is_ok());
        }
        assert!(after > 0);
        Attack::works_if(opened > 0)
    });
}

/// Zoé shares something with Marc, and gives him a link with a slice of Inès's on it, so that his node says to hers what
/// it is entitled to at Inès's. She reads that slice too, and so learns that he does, and since when.
#[test]
fn confused_deputy() {
    Defence::NamesForGrants.stops(|| {
        let (mut world, of_ines) = shared();
        let zoe = world.card(2);
        let grant = GrantId::from_bytes([8; 32]);
        let (label, marc) = (LENS.to_owned(), world.person_of(1));
        let link = ShareLink::new(zoe, grant, of_ines.slice, label, of_ines.until, marc).unwrap();
        world.accepts(1, &link);
        // Zoé knows Marc, so that their nodes meet.
        let with = world.card(1);
        let command = world.wish(with);
        world.imports(2, 3, "2026-01");
        world.asks(2, command).unwrap();
        world.settle();
        let keys = world.nodes[1].disk.scan(&layout::keys_of(of_ines.slice));
        let keys: Vec<PartKey> = (keys.unwrap().iter())
            .map(|(_, key)| minicbor::decode(key).unwrap())
            .collect();
        assert!(!keys.is_empty());
        let at_zoes = &world.nodes[2].home;
        let session = at_zoes.session_with(transport(1)).expect("they have met");
        let session = &at_zoes.sessions[&session].session();
        let named = |key: &PartKey| session.peer_named(&key.key.access());
        Attack::works_if(keys.iter().any(named))
    });
}

/// Marc's node sends what makes no sense, and comes back at once whenever it is closed.
#[test]
fn reconnect_storm() {
    Defence::LeftAlone.stops(|| {
        let (mut world, _) = shared();
        let mut sessions = 0;
        for _ in 0..50 {
            let peer = world.nodes[1].secrets.transport;
            if world.nodes[0].home.session_with(peer).is_some() {
                sessions += 1;
                as_if_from(&mut world, 0, 1, &Frame::Authority(vec![1, 2, 3]));
            }
            world.now = world.now.plus_millis(1_000);
            world.dial(1, transport(0));
            world.tick();
        }
        Attack::works_if(sessions > 10)
    });
}

/// Marc's node is gone for an hour: what a contact who is away costs everybody who knows them.
#[test]
fn reconnect_storm_of_one_who_is_away() {
    Defence::DialsGrowRare.stops(|| {
        let (mut world, _) = shared();
        world.goes_away(1);
        let before = world.dials[0];
        world.settle();
        Attack::works_if(world.dials[0] - before > 200)
    });
}
