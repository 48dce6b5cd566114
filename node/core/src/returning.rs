//! A person who has nothing but the words comes back, on a new device.
//!
//! | state | event | outcome |
//! |---|---|---|
//! | [`Claimant`] | a stream to a node of the person's, or of a contact's, is open | [`Claimant::claims`] is sent |
//! | asked | a frame comes | [`Claimant::hears`]: who the person is; or [`NotClaimedError`] |
//! | - | the person has said which devices are lost | [`Claimant::returns`]: they are removed, and this one is admitted |
//! | [`Returning`] | a stream to a node of the person's is open | [`Returning::asks`] is sent |
//! | asked | a frame comes | [`Returning::hears`]: what an empty store starts with, as after a pairing |
//! | [`Returning`] | no node of the person's is met | [`Returning::alone`]: the person and who speaks for them, and no data |
//!
//! **Invariants.** The root key lives in a [`Claimant`] and nowhere else; it is gone once it has spoken.

use maille_protocol::card::Card;
use maille_protocol::crypto::{Key, SealingSecret, SigningKey};
use maille_protocol::evaluation::Upto;
use maille_protocol::id::{DeviceId, InstallationId, PersonId, TransportId};
use maille_protocol::pairing::Paired;
use maille_protocol::principal::{Authority, DeviceRecord, NewDevice, UnverifiedAuthority, phrase};
use maille_protocol::returning::{Claim, Claimed, Return};
use maille_protocol::statement::{Kind, Signer};
use maille_protocol::sync::Frame;
use maille_protocol::time::Timestamp;
use maille_protocol::wire::{self, V1};
use rand_core::CryptoRng;

use crate::io::Write;
use crate::layout;
use crate::newcomer::{NotPairedError, first_circles, first_node};
use crate::secrets::{Founding, Secrets};

/// Of what comes back by the root nobody of the person's is more senior.
const RANK: u32 = 1;

/// Somebody who holds the words, and asks who they are.
#[derive(Debug)]
pub struct Claimant {
    root: SigningKey,
    transport: TransportId,
}

/// Why words led to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotClaimedError {
    /// What came back is no authority that stands on the root of the words.
    #[error("the answer is not in order")]
    NotInOrder,
    /// The authority takes no more: a device that spoke for the person has filled it.
    #[error("the root cannot speak any more")]
    CannotSpeak,
}

/// Who a claimant is, as another node holds it.
#[derive(Clone, Debug)]
pub struct Person {
    authority: Authority,
    answer: Claimed,
}

impl Person {
    /// Who they are.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.authority.person()
    }

    /// Their devices, the most senior first, with what they are called if that is known.
    #[must_use]
    pub fn devices(&self) -> Vec<(DeviceRecord, String)> {
        let mut devices: Vec<_> = (self.authority.devices().values())
            .map(|device| {
                let of = |it: &&maille_protocol::returning::Place| it.transport == device.transport;
                let place = self.answer.places.iter().find(of);
                let name = place.map_or_else(String::new, |place| place.name.clone());
                (device.clone(), name)
            })
            .collect();
        devices.sort_by_key(|(device, _)| (device.rank, device.signing));
        devices
    }
}

impl Claimant {
    /// Takes the seed that the words yield, for a new device that is met at `transport`.
    #[must_use]
    pub fn new(words_seed: &[u8], transport: TransportId) -> Self {
        Self {
            root: phrase::keys(words_seed).root,
            transport,
        }
    }

    /// Returns the frame to send to the node at `to`.
    #[must_use]
    pub fn claims(&self, to: &TransportId) -> Vec<u8> {
        Frame::Claim(Claim::new(&self.root, &self.transport, to)).to_bytes()
    }

    /// Takes the answer in, and believes it only if it stands on the root of the words.
    ///
    /// # Errors
    /// [`NotClaimedError::NotInOrder`].
    pub fn hears(&self, frame: &[u8]) -> Result<Person, NotClaimedError> {
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
        Ok(Person { authority, answer })
    }

    /// Removes the devices that are `lost`, and makes this one, `called` so, the most senior.
    ///
    /// # Errors
    /// [`NotClaimedError::CannotSpeak`]; nothing was changed anywhere.
    pub fn returns(
        self,
        person: Person,
        lost: &[DeviceId],
        called: String,
        rng: &mut impl CryptoRng,
    ) -> Result<Returning, NotClaimedError> {
        let Person {
            mut authority,
            answer,
        } = person;
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
            let said = authority.say(&signer, removal);
            said.map_err(|_| NotClaimedError::CannotSpeak)?;
        }
        let device = NewDevice {
            signing: &secrets.signing_key(),
            sealing: &SealingSecret::from_seed(secrets.sealing.as_bytes()).public(),
            transport: self.transport,
        };
        let admission = device.consent(authority.person(), authority.root(), RANK);
        let said = authority.say(&signer, admission);
        said.map_err(|_| NotClaimedError::CannotSpeak)?;
        let gone = |device: &DeviceId| authority.device(device).is_none();
        if gone(&secrets.device_id()) || !lost.iter().all(gone) {
            // Another root has taken its place.
            return Err(NotClaimedError::CannotSpeak);
        }
        Ok(Returning {
            secrets,
            authority,
            called,
            answer,
        })
    }
}

/// A device that the root has admitted, and that no other knows of yet.
#[derive(Debug)]
pub struct Returning {
    secrets: Secrets,
    authority: Authority,
    called: String,
    answer: Claimed,
}

impl Returning {
    /// Whose device it is.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.authority.person()
    }

    /// The person's other nodes, as far as it is known where they are met.
    #[must_use]
    pub fn others(&self) -> Vec<Card> {
        let places = self.answer.places.iter();
        places
            .filter(|it| !it.addresses.is_empty() && it.transport != self.secrets.transport)
            .filter(|it| self.is_device(it.transport))
            .filter_map(|it| Card::new(self.person(), it.transport, it.addresses.clone()).ok())
            .collect()
    }

    /// Whether a node is one of the person's that speak for them.
    #[must_use]
    pub fn is_device(&self, node: TransportId) -> bool {
        self.authority.device_of_transport(&node).is_some()
    }

    /// Returns the frame to send to a node of the person's.
    #[must_use]
    pub fn asks(&self) -> Vec<u8> {
        let authority = self.authority.to_bytes();
        Frame::Return(Return {
            version: V1,
            authority,
        })
        .to_bytes()
    }

    /// Returns the frame by which a contact hears who speaks for the person now.
    #[must_use]
    pub fn tells(&self) -> Vec<u8> {
        Frame::Authority(self.authority.to_bytes()).to_bytes()
    }

    /// Takes in what the node of the person's that `card` names has answered.
    ///
    /// # Errors
    /// [`NotPairedError::NotInOrder`].
    pub fn hears(
        &self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (card, frame): (&Card, &[u8]),
    ) -> Result<Founding, NotPairedError> {
        let Ok(Frame::Paired(Paired::Welcome { authority, circles })) = Frame::from_bytes(frame)
        else {
            return Err(NotPairedError::NotInOrder);
        };
        let theirs = UnverifiedAuthority::decode(&authority)
            .ok()
            .and_then(|it| it.verify(self.person()).ok())
            .ok_or(NotPairedError::NotInOrder)?;
        let mut authority = self.authority.clone();
        authority.merge(&theirs);
        let in_order = authority.device(&self.secrets.device_id()).is_some()
            && authority.device_of_transport(&card.transport).is_some();
        let circles = first_circles(now, &self.called, &circles).filter(|_| in_order);
        let mut founding = self.founding(&authority);
        founding
            .batch
            .extend(circles.ok_or(NotPairedError::NotInOrder)?);
        founding.batch.extend(first_node(card, rng));
        Ok(founding)
    }

    /// What a store starts with where no node of the person's was met: it holds no data, and asks for them when it
    /// meets one.
    #[must_use]
    pub fn alone(&self, rng: &mut impl CryptoRng) -> Founding {
        let mut founding = self.founding(&self.authority);
        let called = Some(wire::encode(&self.called));
        founding.batch.push((layout::CALLED.to_vec(), called));
        for card in self.others() {
            founding.batch.extend(first_node(&card, rng));
        }
        founding
    }

    fn founding(&self, authority: &Authority) -> Founding {
        let batch: Vec<Write> = vec![(layout::AUTHORITY.to_vec(), Some(authority.to_bytes()))];
        Founding {
            secrets: self.secrets.clone(),
            batch,
        }
    }
}
