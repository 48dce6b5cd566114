//! Members, those who were removed, and strangers who cheat; and honest ones whom chance treats badly.

use std::slice;

use maille_protocol::crypto::{self, Key, SigningKey};
use maille_protocol::entry::{LogId, LogPlace};
use maille_protocol::evaluation::{After, Rule, Upto, Who};
use maille_protocol::id::{InstallationId, MembershipId};
use maille_protocol::invite::{Answer, Knock};
use maille_protocol::principal::{Charter, NewDevice, NextRoot, UnverifiedAuthority, phrase};
use maille_protocol::statement::{
    Consent, Kind, SignedStatement, Signer, Statement, Subject, UnverifiedStatement,
};
use maille_protocol::wire::{self, V1};
use minicbor::bytes::ByteVec;

use super::super::peers::{assert_nobody_at_fault, on_disk, put};
use super::*;
use crate::state::{CircleRecord, Contact, Holding};

/// Somebody who runs no node, but speaks to others' by hand.
struct Puppet {
    secrets: Secrets,
    authority: Vec<u8>,
}

impl Puppet {
    fn at(number: u8, transport: TransportId) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(number));
        let founding = found(&[number; 64], transport, &mut rng);
        let (_, authority) = founding.batch.into_iter().next().unwrap();
        Self {
            secrets: founding.secrets,
            authority: authority.unwrap(),
        }
    }

    fn new(number: u8) -> Self {
        Self::at(number, TransportId::from_bytes([number; 32]))
    }

    fn knock(&self, link: &InviteLink) -> Knock {
        let person = self.secrets.person;
        let consent = Consent::of_person(link.circle, link.admitter, person, link.role);
        Knock {
            version: V1,
            invite: link.id(),
            proof: link.proof(&self.secrets.transport),
            name: "puppet".to_owned(),
            addresses: Vec::new(),
            by: self.secrets.signing_key().public(),
            consent: consent.sign(&self.secrets.signing_key()),
            authority: self.authority.clone(),
        }
    }
}

impl World {
    /// Somebody connects to a node from outside.
    fn connects(&mut self, n: usize, peer: TransportId) -> ConnectionId {
        self.next += 1;
        let connection = ConnectionId(1_000_000 + self.next);
        let role = crate::io::Role::Acceptor;
        self.input(
            n,
            Input::Connected {
                connection,
                peer,
                role,
            },
        );
        connection
    }

    fn receives(&mut self, n: usize, from: ConnectionId, frame: Frame) {
        let frame = frame.to_bytes();
        self.input(
            n,
            Input::Received {
                from,
                frame: &frame,
            },
        );
    }

    fn answers(&self, n: usize) -> Vec<Answer> {
        let frames = self.nodes[n].sent_frames.iter();
        frames
            .filter_map(|frame| match Frame::from_bytes(frame) {
                Ok(Frame::Answer(answer)) => Some(answer),
                _ => None,
            })
            .collect()
    }

    /// Gives items of a circle to a node as if another had sent them.
    pub(super) fn is_given(
        &mut self,
        n: usize,
        from: usize,
        items: impl IntoIterator<Item = CircleItem>,
    ) {
        let id = self.the_circle(n).id;
        let (now, peer) = (self.now, self.nodes[from].secrets.transport);
        let from = (self.person_of(from), peer);
        for item in items {
            let node = &mut self.nodes[n];
            let taken = (node.home).take_circle_item(now, &mut node.rng, from, (id, item));
            taken.unwrap();
            self.input(n, Input::Tick);
        }
    }

    /// The items of its circle that a node holds, in the order in which they came.
    pub(super) fn items_of(&mut self, n: usize) -> Vec<CircleItem> {
        let id = self.the_circle(n).id;
        let items = self.nodes[n].disk.scan(&layout::circle_items(id)).unwrap();
        let items = items
            .iter()
            .map(|(_, item)| minicbor::decode(item).unwrap());
        items.collect()
    }

    /// By which admission a member speaks.
    fn membership_of(&mut self, n: usize, member: usize) -> MembershipId {
        let of = self.person_of(member);
        let mut said = self.items_of(n).into_iter().filter_map(|item| match item {
            CircleItem::Statement(bytes) => {
                UnverifiedStatement::decode(&bytes).unwrap().verify().ok()
            }
            _ => None,
        });
        let admits = |said: &SignedStatement| matches!(said.statement().kind, Kind::Person { person, .. } if person == of);
        said.find(admits).expect("admitted").membership()
    }
}

fn entries(items: impl IntoIterator<Item = CircleItem>) -> Vec<CircleItem> {
    let is_entry = |item: &CircleItem| matches!(item, CircleItem::Entry(_));
    items.into_iter().filter(is_entry).collect()
}

#[test]
fn what_waits_for_ever_takes_little_memory() {
    let mut world = World::of(2);
    world.circle(2);
    let id = world.the_circle(0).id;
    world.is_given(0, 1, (0..800).map(|number| waits_for_ever(id, number, 200)));
    let kept = world.nodes[0].home.waiting_in_memory(id);
    assert!(kept <= 8 << 20, "{kept}");
}

/// Each of these took a signature check, and a judgement of the circle, for every item that came later.
#[test]
fn what_waits_for_ever_is_not_looked_at_for_each_item() {
    let mut world = World::of(2);
    world.circle(2);
    let id = world.the_circle(0).id;
    world.is_given(0, 1, (0..4_000).map(|number| waits_for_ever(id, number, 0)));
    for number in 0..40 {
        world.adds(1, &number.to_string());
        world.deliver();
    }
    assert_eq!(world.texts(0).len(), 40);
    assert_eq!(world.nodes[0].home.waiting_looked_at(id), 0);
}

/// A statement that cites what nobody has.
fn waits_for_ever(id: CircleId, number: u64, logs: u8) -> CircleItem {
    let key = SigningKey::from_seed(&[9; 32]);
    let mut cited = [0; 32];
    cited[..8].copy_from_slice(&number.to_be_bytes());
    let place = |log| LogPlace {
        log: LogId::from_bytes([log; 32]),
        seq: 0,
        hash: [0; 32],
    };
    let keep = Upto {
        statements: Vec::new(),
        logs: (0..logs).map(place).collect(),
    };
    let statement = Statement {
        version: V1,
        subject: Subject::Circle(id),
        membership: MembershipId::from_bytes(cited),
        key: key.public(),
        after: After::Nothing(InstallationId::from_bytes([7; 32])),
        heads: Vec::new(),
        kind: Kind::Remove {
            membership: MembershipId::from_bytes([1; 32]),
            key: None,
            keep,
            trusted: None,
        },
    };
    CircleItem::Statement(SignedStatement::sign(statement, &key).unwrap().to_bytes())
}

#[test]
fn what_waited_goes_to_who_brought_what_it_waited_for() {
    let mut world = World::of(3);
    world.circle(3);
    world.goes_away(2);
    let before = entries(world.items_of(2));
    world.adds(2, "first");
    world.adds(2, "second");
    let mut new = entries(world.items_of(2));
    new.retain(|item| !before.contains(item));
    let [first, second] = &new[..] else {
        panic!("{} entries", new.len());
    };
    // The third never comes back. What it wrote last came to the first, what it wrote before to the second.
    world.is_given(0, 2, [second.clone()]);
    world.is_given(1, 2, [first.clone()]);
    world.settle();
    assert_eq!(world.texts(0), ["first", "second"]);
    assert_eq!(world.texts(1), ["first", "second"]);
}

#[test]
fn who_comes_back_is_given_what_others_wrote_meanwhile() {
    let mut world = World::of(3);
    world.circle(3);
    let circle = CIRCLE.to_owned();
    world.asks(2, Command::CircleLeave { circle }).unwrap();
    world.settle();
    world.goes_away(0);
    world.adds(1, "meanwhile");
    world.settle();
    world.goes_away(1);
    world.comes_back(0);
    let link = world.invites(0, 1);
    world.joins(2, &link).unwrap();
    world.settle();
    assert_eq!(world.the_circle(2).standing, CircleStanding::Member);
    // Who let them in again has not heard of it, and never comes back.
    world.goes_away(0);
    world.comes_back(1);
    world.settle();
    assert_eq!(world.texts(2), ["meanwhile"]);
}

#[test]
fn who_went_on_from_a_backup_is_given_back_what_they_had_passed_on() {
    let mut world = World::of(3);
    world.circle(3);
    let backup = world.nodes[2].disk.0.borrow().clone();
    world.adds(1, "after the backup");
    world.settle();
    world.goes_away(1);
    *world.nodes[2].disk.0.borrow_mut() = backup;
    world.nodes[2].secrets.installation = InstallationId::from_bytes([77; 32]);
    world.crashes(2);
    world.settle();
    assert_eq!(world.texts(2), ["after the backup"]);
}

#[test]
fn who_passes_on_what_others_wrote_is_not_blamed_for_how_much_it_is() {
    let mut world = World::of(3);
    world.circle(3);
    world.goes_away(2);
    world.adds(0, "of the first");
    world.settle();
    world.goes_away(0);
    // What the second has sent to the third before is as much as one contact may have it keep.
    let at = layout::holding(world.person_of(1));
    let full = Holding {
        bytes: 256 << 20,
        ..Holding::default()
    };
    put(&world, 2, at, &full);
    world.comes_back(2);
    world.settle();
    assert_nobody_at_fault(&world);
    assert_eq!(world.texts(2), ["of the first"]);
}

/// A node's transport key is what its owner's authority says; so anybody's authority may name anybody's.
#[test]
fn a_member_who_claims_anothers_node_does_not_keep_them_out() {
    let mut world = World::of(3);
    world.founds(0);
    let command = Command::CircleInvite {
        circle: CIRCLE.to_owned(),
        uses: 1,
        until: world.now.plus_millis(DAY),
        admin: true,
    };
    let Ok(Done::CircleInvited { link, .. }) = world.asks(0, command) else {
        panic!("no invite")
    };
    world.joins(1, &link).unwrap();
    world.settle();
    // The second, an admin, lets somebody in who says that they are met at the third's node.
    let puppet = Puppet::at(50, world.nodes[2].secrets.transport);
    let link = world.invites(1, 1);
    let from = world.connects(1, puppet.secrets.transport);
    world.receives(1, from, Frame::Knock(puppet.knock(&link)));
    world.settle();
    assert_eq!(world.members(0).len(), 3);
    world.goes_away(1);
    let link = world.invites(0, 1);
    world.joins(2, &link).unwrap();
    world.settle();
    world.adds(2, "of the third");
    world.settle();
    assert_eq!(world.texts(0), ["of the third"]);
}

/// A person whose charter names the root key `claimed`, which nobody asks about: what replaces it speaks for them.
pub(in crate::home::tests) fn person_with_root(claimed: [u8; 32], salt: u8) -> (PersonId, Vec<u8>) {
    let puppet = Puppet::new(50).secrets;
    let root = SigningKey::from_seed(&[8; 32]);
    let charter = Charter {
        version: V1,
        rule: Rule::Rank,
        founders: vec![Who::Key(claimed)],
        recovery: Some(puppet.sealing_secret().public()),
        next_root: Some(NextRoot::of(&root.public())),
        opens_past: false,
        salt: [salt; 16],
    };
    let charter = wire::encode(&charter);
    let set = |statements: &[Vec<u8>]| {
        let mut bytes = vec![0x83, 0x01];
        bytes.extend(wire::encode(&ByteVec::from(charter.clone())));
        bytes.push(0x80 + u8::try_from(statements.len()).unwrap());
        bytes.extend(statements.concat());
        bytes
    };
    let person = UnverifiedAuthority::decode(&set(&[])).unwrap();
    let person = person.claimed_person().unwrap();
    let place = [person.as_bytes().as_slice(), &1u32.to_le_bytes()];
    let membership = MembershipId::from_bytes(crypto::hash(crypto::domain::FOUNDER, &place));
    let (device, sealing) = (puppet.device_id(), puppet.sealing_secret().public());
    let transport = puppet.transport;
    let consent = Consent::of_device(person, membership, device, &sealing, transport, 1);
    let statement = Statement {
        version: V1,
        subject: Subject::Person(person),
        membership,
        key: root.public(),
        after: After::Nothing(puppet.installation),
        heads: Vec::new(),
        kind: Kind::Device {
            device,
            sealing: sealing.clone(),
            transport,
            rank: 1,
            consent: consent.sign(&puppet.signing_key()),
        },
    };
    let said = SignedStatement::sign(statement, &root).unwrap();
    (person, set(&[said.to_bytes()]))
}

#[test]
fn nobody_takes_a_members_name_by_a_charter_with_their_key() {
    let mut world = World::of(3);
    world.circle(3);
    world.adds(2, "bread");
    world.settle();
    let theirs = ("bread".to_owned(), false, "member 2".to_owned());
    assert_eq!(world.list(0), slice::from_ref(&theirs));
    let victim = world.nodes[2].secrets.signing_key().public();
    let (person, authority) = (0..=255)
        .map(|salt| person_with_root(victim, salt))
        .find(|(person, _)| *person < world.person_of(2))
        .expect("one of many");
    let (id, membership) = (world.the_circle(0).id, world.membership_of(0, 1));
    let key: SigningKey = world.nodes[1].secrets.signing_key();
    let consent = Consent::of_person(id, membership, person, Role::Member).sign(&key);
    let statement = Statement {
        version: V1,
        subject: Subject::Circle(id),
        membership,
        key: key.public(),
        after: After::Nothing(InstallationId::from_bytes([7; 32])),
        heads: Vec::new(),
        kind: Kind::Person {
            person,
            role: Role::Member,
            by: key.public(),
            consent,
        },
    };
    let said = SignedStatement::sign(statement, &key).unwrap();
    let items = [
        CircleItem::Statement(said.to_bytes()),
        CircleItem::Person(authority),
    ];
    world.is_given(0, 1, items);
    assert_eq!(world.list(0), [theirs]);
}

#[test]
fn a_knock_whose_consent_does_not_hold_leaves_nothing_behind() {
    let mut world = World::of(1);
    let id = world.founds(0).id;
    let link = world.invites(0, 9);
    for number in 50..55 {
        let puppet = Puppet::new(number);
        let from = world.connects(0, puppet.secrets.transport);
        let mut knock = puppet.knock(&link);
        knock.consent = [0; 64];
        world.receives(0, from, Frame::Knock(knock));
    }
    let refused = Answer::NotWelcome(WhyNot::NotInOrder);
    assert_eq!(world.answers(0), vec![refused; 5]);
    assert_eq!(world.nodes[0].home.people_in_memory(id), 1, "the founder");
}

#[test]
fn a_stranger_is_answered_once() {
    let mut world = World::of(1);
    world.founds(0);
    let link = world.invites(0, 9);
    let puppet = Puppet::new(50);
    let mut knock = puppet.knock(&link);
    knock.consent = [0; 64];
    let from = world.connects(0, puppet.secrets.transport);
    for _ in 0..5 {
        world.receives(0, from, Frame::Knock(knock.clone()));
    }
    assert_eq!(world.the_invite(0).refused, 1);
    assert!(world.nodes[0].home.strangers.is_empty());
}

#[test]
fn who_takes_all_places_of_strangers_keeps_nobody_from_knocking() {
    let mut world = World::of(2);
    world.founds(0);
    let link = world.invites(0, 1);
    for number in 50..90 {
        world.connects(0, TransportId::from_bytes([number; 32]));
    }
    world.joins(1, &link).unwrap();
    assert_eq!(world.members(0).len(), 2);
}

/// Somebody gave Marc an invite with Inès's card on it that she never made. They share already.
#[test]
fn an_invite_that_is_none_does_not_come_between_two_who_share() {
    let (mut world, _) = shared();
    let forged = InviteLink {
        version: V1,
        secret: [9; 16],
        card: world.card(0),
        circle: CircleId::from_bytes([5; 32]),
        admitter: MembershipId::from_bytes([6; 32]),
        role: Role::Member,
        kind: "household".to_owned(),
        name: CIRCLE.to_owned(),
        inviter: "Inès".to_owned(),
        uses: 1,
        until: world.now.plus_millis(DAY),
    };
    world.joins(1, &forged).unwrap();
    world.settle();
    world.import_of(0, 2, "2026-02");
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
    let (_, joining) = world.circles(1);
    assert_eq!(joining[0].refused, Some(WhyNot::NotInOrder));
}

/// Somebody who was removed welcomes the third, by an invite that nobody may give.
#[test]
fn a_false_welcome_keeps_nobody_out_of_the_circle() {
    let mut world = World::of(3);
    world.circle(2);
    world.adds(0, "bread");
    world.removes(0, 1);
    world.settle();
    let id = world.the_circle(0).id;
    let link = world.invites(0, 1);
    let mut forged = link.clone();
    forged.card = world.card(1);
    world.joins(2, &forged).unwrap();
    let record: CircleRecord = on_disk(&world, 0, &layout::circle(id));
    let welcome = Answer::Welcome {
        circle: record.charter.to_vec(),
        slice: record.slice.to_vec(),
        tag_key: Key::from_bytes([3; 32]),
    };
    let (now, liar) = (world.now, world.person_of(1));
    let node = &mut world.nodes[2];
    (node.home)
        .answered(now, &mut node.rng, (liar, forged.id()), welcome)
        .unwrap();
    world.tick();
    assert_eq!(world.the_circle(2).standing, CircleStanding::Arriving);
    world.joins(2, &link).unwrap();
    world.settle();
    assert_eq!(world.the_circle(2).standing, CircleStanding::Member);
    assert_eq!(world.texts(2), ["bread"]);
}

/// What the third wrote fell to its removal by the first, who had not heard of it. The second had, and wrote on.
#[test]
fn an_edit_that_rests_on_what_a_removal_cut_is_written_again() {
    let mut world = World::of(3);
    world.circle(3);
    world.goes_away(0);
    world.adds(2, "of the removed");
    world.settle();
    world.adds(1, "on top of it");
    world.settle();
    world.goes_away(1);
    world.goes_away(2);
    world.comes_back(0);
    world.removes(0, 2);
    world.settle();
    world.comes_back(1);
    world.settle();
    assert_eq!(world.texts(0), ["on top of it"]);
    assert_eq!(world.texts(1), ["on top of it"]);
}

/// The third's node writes twice at one place of its log, so that what it wrote there falls.
#[test]
fn an_edit_that_rests_on_what_a_fork_felled_is_written_again() {
    let mut world = World::of(3);
    world.circle(3);
    let copy = world.nodes[2].disk.0.borrow().clone();
    world.adds(2, "one thing");
    world.settle();
    world.adds(1, "on top of it");
    world.settle();
    *world.nodes[2].disk.0.borrow_mut() = copy;
    world.crashes(2);
    world.adds(2, "another thing");
    world.settle();
    for n in 0..2 {
        let texts = world.texts(n);
        assert!(texts.contains(&"on top of it".to_owned()), "{texts:?}");
    }
}

#[test]
fn a_clock_that_is_put_back_keeps_no_duty_from_being_done() {
    let mut world = World::of(3);
    world.circle(3);
    world.adds(2, "bread");
    world.settle();
    world.ahead.insert(0, 20 * DAY);
    let circle = CIRCLE.to_owned();
    world.asks(2, Command::CircleLeave { circle }).unwrap();
    world.deliver();
    world.ahead.remove(&0);
    world.settle();
    // The admin has said how much stays of what they wrote.
    assert_eq!(world.texts(1), ["bread"]);
}

/// Two invites of one person, to two circles. Both are over, and their nodes share something besides.
#[test]
fn who_holds_two_invites_of_one_person_breaks_no_session() {
    let (mut world, _) = shared();
    let mut links = Vec::new();
    for name in [CIRCLE, "Association sportive"] {
        let (name, called) = (name.to_owned(), "Inès".to_owned());
        let kind = CircleKind::Household;
        let founded = world.asks(0, Command::CircleCreate { name, kind, called });
        let Ok(Done::CircleCreated { circle }) = founded else {
            panic!("{founded:?}")
        };
        let command = Command::CircleInvite {
            circle: circle.id.to_string(),
            uses: 1,
            until: world.now.plus_millis(DAY),
            admin: false,
        };
        let Ok(Done::CircleInvited { link, .. }) = world.asks(0, command) else {
            panic!("no invite")
        };
        links.push(link);
    }
    let invite = links[0].to_string();
    world.asks(0, Command::CircleUninvite { invite }).unwrap();
    let invite = links[1].to_string();
    world.asks(0, Command::CircleUninvite { invite }).unwrap();
    world.goes_away(0);
    for link in &links {
        world.joins(1, link).unwrap();
    }
    world.comes_back(0);
    // It is theirs that dials, and so knocks before any hello.
    world.now = world.now.plus_millis(120_000);
    world.input(1, Input::Tick);
    world.settle();
    assert_nobody_at_fault(&world);
    let refused = world.circles(1).1.into_iter().map(|it| it.refused);
    assert_eq!(refused.collect::<Vec<_>>(), [Some(WhyNot::Revoked); 2]);
}

#[test]
fn an_invite_that_is_over_takes_no_other_one_with_it() {
    let mut world = World::of(2);
    world.founds(0);
    let over = world.invites(0, 1);
    let invite = over.to_string();
    world.asks(0, Command::CircleUninvite { invite }).unwrap();
    let link = world.invites(0, 1);
    let other = InviteLink {
        circle: CircleId::from_bytes([5; 32]),
        ..over
    };
    world.goes_away(0);
    world.joins(1, &other).unwrap();
    world.joins(1, &link).unwrap();
    // The answer to the first is all that comes before the connection is lost.
    let (now, inviter) = (world.now, world.person_of(0));
    let node = &mut world.nodes[1];
    let refused = Answer::NotWelcome(WhyNot::Revoked);
    (node.home)
        .answered(now, &mut node.rng, (inviter, other.id()), refused)
        .unwrap();
    world.comes_back(0);
    world.settle();
    assert_eq!(world.members(0).len(), 2);
}

/// Marc has lost his phone and shown Inès that he removed it. Whoever found it shows what was so before.
#[test]
fn a_removed_device_comes_in_by_no_invite() {
    let (mut world, _) = shared();
    world.founds(0);
    let marc = world.person_of(1);
    let before = UnverifiedAuthority::decode(&world.nodes[1].home.me.authority.to_bytes());
    let mut newer = before.unwrap().verify(marc).unwrap();
    let root = Signer {
        key: &phrase::keys(&[1; 64]).root,
        membership: newer.root(),
        installation: InstallationId::from_bytes([80; 32]),
    };
    let other = Puppet::new(60).secrets;
    let device = NewDevice {
        signing: &other.signing_key(),
        sealing: &other.sealing_secret().public(),
        transport: other.transport,
    };
    newer.admit(&root, &device).unwrap();
    let kind = Kind::Remove {
        membership: world.nodes[1].home.me.membership,
        key: None,
        keep: Upto::default(),
        trusted: None,
    };
    newer.say(&root, kind).unwrap();
    let at = layout::contact(marc);
    let mut contact: Contact = on_disk(&world, 0, &at);
    contact.authority = Some(newer.to_bytes().into());
    put(&world, 0, at, &contact);
    let link = world.invites(0, 1);
    world.joins(1, &link).unwrap();
    world.settle();
    assert_eq!(world.members(0), ["member 0"]);
}
