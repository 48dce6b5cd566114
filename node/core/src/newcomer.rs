//! A device that would speak for a person who has others.
//!
//! | state | event | outcome |
//! |---|---|---|
//! | [`Newcomer`] | a stream to the node that the code names is open | [`Newcomer::asks`] is sent; [`Newcomer::words`] are shown |
//! | asked | a frame comes | [`Newcomer::hears`]: what an empty store starts with, or why not |
//! | asked | the stream closes | the other end said no, or the time is up |

use maille_protocol::card::Card;
use maille_protocol::crypto::{Key, SealingSecret, SigningKey};
use maille_protocol::evaluation::{Rule, Who};
use maille_protocol::id::{DeviceId, InstallationId, PersonId, TransportId};
use maille_protocol::pairing::{Pair, PairCode, Paired, PairedCircle, WORDS};
use maille_protocol::principal::{Charter, NewDevice};
use maille_protocol::sync::Frame;
use maille_protocol::time::Timestamp;
use maille_protocol::wire;
use rand_core::CryptoRng;

use crate::home::record_of;
use crate::io::Write;
use crate::layout;
use crate::secrets::{Founding, Secrets};
use crate::state::{Feed, Node};

/// A device with its keys made, which holds a code and has not been let in.
#[derive(Debug)]
pub struct Newcomer {
    code: PairCode,
    secrets: Secrets,
    pair: Pair,
    called: String,
}

/// Why a new device is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPairedError {
    /// The person said no, on the other device.
    #[error("the other device said no")]
    Refused,
    /// What the other end said is not what the code promised.
    #[error("the answer is not in order")]
    NotInOrder,
}

impl Newcomer {
    /// Makes the keys of a device that is called `called` and met at `transport`.
    #[must_use]
    pub fn new(
        code: PairCode,
        transport: TransportId,
        called: String,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut installation = [0; 32];
        rng.fill_bytes(&mut installation);
        let secrets = Secrets {
            person: code.card.person,
            device: Key::random(rng),
            sealing: Key::random(rng),
            transport,
            installation: InstallationId::from_bytes(installation),
        };
        let sealing = SealingSecret::from_seed(secrets.sealing.as_bytes()).public();
        let signing = SigningKey::from_seed(secrets.device.as_bytes());
        let device = NewDevice {
            signing: &signing,
            sealing: &sealing,
            transport,
        };
        // Where it is met it tells when it runs.
        let pair = code.pair(&device, called.clone(), Vec::new());
        Self {
            code,
            secrets,
            pair,
            called,
        }
    }

    /// Returns the frame to send to the node that the code names.
    #[must_use]
    pub fn asks(&self) -> Vec<u8> {
        Frame::Pair(self.pair.clone()).to_bytes()
    }

    /// Returns the words to compare, by their places in the list.
    #[must_use]
    pub fn words(&self) -> [u16; WORDS] {
        self.code.words(&self.pair, &self.secrets.transport)
    }

    /// Takes the answer in.
    ///
    /// # Errors
    /// [`NotPairedError`]: this device is none of the person's.
    pub fn hears(
        self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        frame: &[u8],
    ) -> Result<Founding, NotPairedError> {
        let (authority, circles) = match Frame::from_bytes(frame) {
            Ok(Frame::Paired(Paired::Welcome { authority, circles })) => (authority, circles),
            Ok(Frame::Paired(Paired::NotWelcome)) => return Err(NotPairedError::Refused),
            _ => return Err(NotPairedError::NotInOrder),
        };
        let device: DeviceId = self.secrets.device_id();
        let mine = (device, self.secrets.transport);
        let authority = self.code.welcomes(&authority, mine);
        let authority = authority.ok_or(NotPairedError::NotInOrder)?;
        let mut batch = vec![(layout::AUTHORITY.to_vec(), Some(authority.to_bytes()))];
        let circles = first_circles(now, (authority.person(), &self.called), &circles);
        batch.extend(circles.ok_or(NotPairedError::NotInOrder)?);
        batch.extend(first_node(&self.code.card, rng));
        Ok(Founding {
            secrets: self.secrets,
            batch,
        })
    }
}

/// What a store of `person`'s holds first of the circles that a welcome tells of; `called` is what the device is called.
/// Nothing if that is not in order: one of them is that of the person's own devices, which the person alone has founded.
/// All that is kept here goes there.
pub(crate) fn first_circles(
    now: Timestamp,
    (person, called): (PersonId, &str),
    circles: &[PairedCircle],
) -> Option<Vec<Write>> {
    let mut own = circles.iter().filter(|circle| circle.own);
    let (Some(first), None) = (own.next(), own.next()) else {
        return None;
    };
    let charter = Charter::decode(&first.circle).ok()?;
    if charter.rule != Rule::Admins || charter.founders != [Who::Person(person)] {
        return None;
    }
    let write = |circle: &PairedCircle| {
        let called = if circle.own { called } else { &circle.called };
        let (id, record) = record_of(circle, now, called.to_owned())?;
        Some((layout::circle(id), Some(wire::encode(&record))))
    };
    let own = (
        layout::OWN_CIRCLE.to_vec(),
        Some(wire::encode(&charter.circle()?)),
    );
    let all = circles.iter().map(write);
    all.chain([Some(own)]).collect()
}

/// What a store holds first of another node of the person's.
pub(crate) fn first_node(card: &Card, rng: &mut impl CryptoRng) -> [Write; 2] {
    let node = Node {
        person: card.person,
        addresses: card.addresses.clone(),
    };
    let feed = Feed::begin(rng);
    [
        (layout::node(card.transport), Some(wire::encode(&node))),
        (layout::feed(card.transport), Some(wire::encode(&feed))),
    ]
}
