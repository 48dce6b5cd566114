//! A person who has nothing but the words comes back, on a new device.
//!
//! | state | event | outcome |
//! |---|---|---|
//! | [`Claimant`] | a stream to a node of the person's, or of a contact's, is open | [`Claimant::claims`] is sent |
//! | asked | a frame comes from there | [`Claimant::hears`]: who the person is, by all that was said until now; or [`NotClaimedError`] |
//! | asked | - | [`Claimant::to_ask`]: nodes of the person's of which nobody had spoken before: they are asked, too |
//! | - | the person has said which devices are lost | [`Claimant::returns`]: they are removed, this one is admitted, and a store can begin |
//!
//! The root says what it says last, once all that can be reached have answered: what it removes stays removed, and
//! who knows little of the person's devices would make it cut off one that another has admitted meanwhile.
//!
//! What the store begins with holds no data. It belongs to a device as any other: when that meets another of the
//! person's, it asks for what a paired one is told (`home::returned`), and contacts hear of it as they do of any.
//!
//! **Invariants.** The root key lives in a [`Claimant`] and nowhere else; it is gone once it has spoken.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::card::{ADDRESSES_MAX, Card};
use maille_protocol::crypto::{Key, SealingSecret, SigningKey};
use maille_protocol::evaluation::{RANK_MAX, Upto};
use maille_protocol::id::{DeviceId, InstallationId, PersonId, TransportId};
use maille_protocol::principal::{Authority, NewDevice, UnverifiedAuthority, phrase};
use maille_protocol::returning::{Claim, Place};
use maille_protocol::statement::{Kind, Signer};
use maille_protocol::sync::Frame;
use maille_protocol::wire;
use rand_core::CryptoRng;

use crate::layout;
use crate::newcomer::first_node;
use crate::secrets::{Founding, RANK_STEP, Secrets};
use crate::state::Contact;

/// Most nodes that are asked because others have named them.
const NAMED_MAX: usize = 64;

/// Somebody who holds the words, and asks who they are.
#[derive(Debug)]
pub struct Claimant {
    root: SigningKey,
    transport: TransportId,
    /// Nodes that were named.
    named: BTreeSet<TransportId>,
    person: Option<Person>,
}

/// Why words led to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotClaimedError {
    /// What came back is no authority in which the root of the words has spoken, or another person's than that of
    /// the answers before.
    #[error("the answer is not in order")]
    NotInOrder,
    /// Another root has taken its place; or the authority takes no more, since a device that spoke for the person has
    /// filled it.
    #[error("the root cannot speak any more")]
    CannotSpeak,
}

/// Who a claimant is, by all that was answered.
#[derive(Clone, Debug)]
pub struct Person {
    authority: Authority,
    /// What each node has said.
    answers: BTreeMap<TransportId, Vec<Place>>,
}

/// A device of a claimant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Which.
    pub device: DeviceId,
    /// What devices of the person's own call it: several names, if they do not agree. What a contact calls it is not
    /// asked: they could have another device removed by its name.
    pub names: Vec<String>,
    /// Whether it has answered itself.
    pub answered: bool,
    /// Whether anybody knew where it is met.
    pub is_somewhere: bool,
}

impl Person {
    /// Who they are.
    #[must_use]
    pub const fn person(&self) -> PersonId {
        self.authority.person()
    }

    /// Their devices, the most senior first.
    #[must_use]
    pub fn devices(&self) -> Vec<KnownDevice> {
        let mut records: Vec<_> = self.authority.devices().values().collect();
        records.sort_by_key(|device| (device.rank, device.signing));
        let known = records.into_iter().map(|device| KnownDevice {
            device: device.signing,
            names: self.names_of(device.transport),
            answered: self.answers.contains_key(&device.transport),
            is_somewhere: !self.addresses_of(device.transport).is_empty(),
        });
        known.collect()
    }

    /// Whether the words may speak for them no more: a next root has taken their place.
    #[must_use]
    pub fn is_root_replaced(&self) -> bool {
        self.authority.is_root_replaced()
    }

    /// Whether a node is one of theirs that speak for them.
    #[must_use]
    pub fn is_own(&self, node: TransportId) -> bool {
        self.authority.device_of_transport(&node).is_some()
    }

    fn names_of(&self, node: TransportId) -> Vec<String> {
        let of_own = self.answers.iter().filter(|(from, _)| self.is_own(**from));
        let names = of_own
            .flat_map(|(_, places)| places)
            .filter(|place| place.transport == node)
            .map(|place| place.name.clone());
        // A screen would obey what is no text.
        let names = names.filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Where a node is met: what it says itself comes first.
    fn addresses_of(&self, node: TransportId) -> Vec<String> {
        let own = self.answers.get(&node).into_iter();
        let mut addresses: Vec<String> = Vec::new();
        for place in own.chain(self.answers.values()).flatten() {
            for address in &place.addresses {
                if place.transport == node
                    && addresses.len() < ADDRESSES_MAX
                    && !addresses.contains(address)
                {
                    addresses.push(address.clone());
                }
            }
        }
        addresses
    }

    /// Where their nodes are met, as far as anybody knew.
    fn cards(&self) -> Vec<Card> {
        let nodes: BTreeSet<TransportId> = (self.authority.devices().values())
            .map(|device| device.transport)
            .collect();
        (nodes.into_iter())
            .map(|node| (node, self.addresses_of(node)))
            .filter(|(_, addresses)| !addresses.is_empty())
            .filter_map(|(node, addresses)| Card::new(self.person(), node, addresses).ok())
            .collect()
    }
}

impl Claimant {
    /// Takes the seed that the words yield, for a new device that is met at `transport`.
    #[must_use]
    pub fn new(words_seed: &[u8], transport: TransportId) -> Self {
        Self {
            root: phrase::keys(words_seed).root,
            transport,
            named: BTreeSet::new(),
            person: None,
        }
    }

    /// Returns the frame to send to the node at `to`.
    #[must_use]
    pub fn claims(&self, to: &TransportId) -> Vec<u8> {
        Frame::Claim(Claim::new(&self.root, &self.transport, to)).to_bytes()
    }

    /// Takes in what the node at `from` has answered, and believes it only if the root of the words has spoken there.
    ///
    /// # Errors
    /// [`NotClaimedError`]; what was answered before stays.
    pub fn hears(&mut self, from: TransportId, frame: &[u8]) -> Result<(), NotClaimedError> {
        let Ok(Frame::Claimed(answer)) = Frame::from_bytes(frame) else {
            return Err(NotClaimedError::NotInOrder);
        };
        let read = || {
            let unverified = UnverifiedAuthority::decode(&answer.authority).ok()?;
            let person = unverified.claimed_person()?;
            unverified.verify(person).ok()
        };
        let authority = read().filter(|it| it.root_key() == self.root.public());
        let authority = authority.ok_or(NotClaimedError::NotInOrder)?;
        if !authority.has_root_spoken() {
            return Err(match authority.is_root_replaced() {
                true => NotClaimedError::CannotSpeak,
                false => NotClaimedError::NotInOrder,
            });
        }
        match &mut self.person {
            Some(person) if person.person() != authority.person() => {
                return Err(NotClaimedError::NotInOrder);
            }
            Some(person) => {
                person.authority.merge(&authority);
                person.answers.insert(from, answer.places);
            }
            None => {
                let answers = BTreeMap::from([(from, answer.places)]);
                self.person = Some(Person { authority, answers });
            }
        }
        Ok(())
    }

    /// Returns who they are, once anybody has answered.
    #[must_use]
    pub const fn person(&self) -> Option<&Person> {
        self.person.as_ref()
    }

    /// Returns nodes of the person's that were not returned before, and where they are met.
    pub fn to_ask(&mut self) -> Vec<Card> {
        let cards = self.person.iter().flat_map(Person::cards);
        let mut new = Vec::new();
        for card in cards.collect::<Vec<_>>() {
            if self.named.len() < NAMED_MAX && self.named.insert(card.transport) {
                new.push(card);
            }
        }
        new
    }

    /// Removes the devices that are `lost`, makes this one, `called` so, the most senior, and returns what its store
    /// begins with. `asked` are the cards by which it was asked: contacts on them are its contacts.
    ///
    /// # Errors
    /// [`NotClaimedError`]: nobody has answered, or [`NotClaimedError::CannotSpeak`]; nothing was changed anywhere.
    pub fn returns(
        self,
        lost: &[DeviceId],
        called: &str,
        asked: &[Card],
        rng: &mut impl CryptoRng,
    ) -> Result<Founding, NotClaimedError> {
        let mut person = self.person.ok_or(NotClaimedError::NotInOrder)?;
        if person.is_root_replaced() {
            return Err(NotClaimedError::CannotSpeak);
        }
        let authority = &mut person.authority;
        let (mut installation, mut of_root) = ([0; 32], [0; 32]);
        rng.fill_bytes(&mut installation);
        rng.fill_bytes(&mut of_root);
        let secrets = Secrets {
            person: authority.person(),
            device: Key::random(rng),
            sealing: Key::random(rng),
            transport: self.transport,
            installation: InstallationId::from_bytes(installation),
        };
        let signer = Signer {
            key: &self.root,
            membership: authority.root(),
            // Its own: what the root said elsewhere, and is not known here, is another log.
            installation: InstallationId::from_bytes(of_root),
        };
        let cannot = |_| NotClaimedError::CannotSpeak;
        for device in lost {
            let Some(record) = authority.device(device) else {
                continue;
            };
            let membership = record.membership;
            let mut statements = authority.statements().history().tips_of(&membership);
            statements.sort_unstable();
            let keep = Upto {
                statements,
                logs: Vec::new(),
            };
            let removal = Kind::Remove {
                membership,
                key: None,
                keep,
                trusted: None,
            };
            authority.say(&signer, removal).map_err(cannot)?;
        }
        let device = NewDevice {
            signing: &secrets.signing_key(),
            sealing: &SealingSecret::from_seed(secrets.sealing.as_bytes()).public(),
            transport: self.transport,
        };
        let rank = rank_above_all(authority).ok_or(NotClaimedError::CannotSpeak)?;
        let admission = device.consent(authority.person(), authority.root(), rank);
        authority.say(&signer, admission).map_err(cannot)?;
        let gone = |device: &DeviceId| authority.device(device).is_none();
        if gone(&secrets.device_id()) || !lost.iter().all(gone) {
            // A next root has spoken, and let this one be.
            return Err(NotClaimedError::CannotSpeak);
        }
        let mut batch = vec![
            (layout::AUTHORITY.to_vec(), Some(authority.to_bytes())),
            (layout::CALLED.to_vec(), Some(wire::encode(&called))),
        ];
        for card in person.cards() {
            batch.extend(first_node(&card, rng));
        }
        for card in asked {
            // A card of a device that does not speak any more is nobody's.
            if card.person != secrets.person && !person.is_own(card.transport) {
                let contact = Contact {
                    person: card.person,
                    name: String::new(),
                    transport: card.transport,
                    authority: None,
                };
                let at = layout::contact(card.person);
                batch.push((at, Some(wire::encode(&contact))));
                batch.extend(first_node(card, rng));
            }
        }
        Ok(Founding { secrets, batch })
    }
}

/// A rank above every device that speaks, or spoke, for the person. The root vouches for what comes back, so no other
/// is to remove it; and only who is senior to a device says, in circles, how much stays of what that wrote. Of a person
/// whose first device has the first rank there is none: then it is the first that is free.
fn rank_above_all(authority: &Authority) -> Option<u32> {
    let above = (authority.ranks().first()).map_or(1, |most| most.saturating_sub(RANK_STEP).max(1));
    let held: BTreeSet<u32> = authority.devices().values().map(|it| it.rank).collect();
    (above..=RANK_MAX).find(|rank| !held.contains(rank))
}
