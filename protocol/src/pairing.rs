//! How another device of a person's comes to speak for them.
//!
//! | who | says | outcome |
//! |---|---|---|
//! | a device of the person's | a [`PairCode`], shown as text or as a picture | - |
//! | the new one, to the node that the code names | [`Pair`]: the proof that it holds the code, its keys, its consent | both show the same [`words`](PairCode::words) |
//! | that node, once the person has compared them there | [`Paired`] | the person's authority with the new device in it, and their circles; or no |
//!
//! The code is a secret for the ten minutes that it lives, and for one device that holds it: of its 128 bits none is
//! guessed, so who does not hold it, and could reach the node, uses nothing up. Whoever saw it may come first: the
//! words on the one device are then none that the other shows. They are made of what only the new device and whoever
//! it speaks to have seen, its keys, so they are not known before. The consent is to this person, admitter and
//! rank, see [`Consent`].

use std::fmt;

use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq as _;

use crate::card::{self, ADDRESS_BYTES_MAX, ADDRESSES_MAX, Card};
use crate::crypto::{self, Key, SealingPublic, domain};
use crate::id::{DeviceId, MembershipId, TransportId};
use crate::invite::{AUTHORITY_BYTES_MAX, NAME_BYTES_MAX};
use crate::principal::{Authority, NewDevice, UnverifiedAuthority};
use crate::statement::{Consent, Kind};
use crate::time::Timestamp;
use crate::wire::{self, STATEMENT_BYTES_MAX, V1};

/// How long a code lives: long enough to fetch the other device, milliseconds.
pub const CODE_MS: u64 = 600_000;
/// How many words are compared: an attacker's device shows the same ones once in eight thousand million times.
pub const WORDS: usize = 3;
/// Each word is one of so many.
pub const WORDS_OF: u16 = 2_048;
/// Most circles that a new device is told of.
pub const CIRCLES_MAX: usize = 96;

const CODE_KIND: &str = "pair";
pub(crate) const CODE_START: &str = "maille:device#";

/// Adds a device to a person's: shown by one of them, held by the new one.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PairCode {
    /// Version of the code.
    #[n(0)]
    pub version: V1,
    /// Who holds this may ask.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub secret: [u8; 16],
    /// Whose device it will be, and where the one that admits it is met.
    #[n(2)]
    pub card: Card,
    /// By which membership it will be admitted.
    #[n(3)]
    pub admitter: MembershipId,
    /// Its seniority: the greater, the more junior.
    #[n(4)]
    pub rank: u32,
    /// Until when, not included.
    #[n(5)]
    pub until: Timestamp,
}

/// A new device asks to speak for the person. Nothing else may be said by a node that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Pair {
    /// Version of this.
    #[n(0)]
    pub version: V1,
    /// That it holds the code.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// Its signing key.
    #[n(2)]
    pub device: DeviceId,
    /// What is boxed to it.
    #[n(3)]
    pub sealing: SealingPublic,
    /// Its signature under its consent.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub consent: [u8; 64],
    /// What it is called.
    #[n(5)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub name: String,
    /// Where it can be reached.
    #[n(6)]
    #[cbor(decode_with = "wire::texts::<Ctx, ADDRESSES_MAX, ADDRESS_BYTES_MAX>")]
    pub addresses: Vec<String>,
}

/// What comes of asking.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Paired {
    /// The device speaks for the person. All else comes through the feed.
    #[n(0)]
    Welcome {
        /// The person's authority, with the device in it.
        #[n(0)]
        #[cbor(
            decode_with = "wire::bytes::<Ctx, AUTHORITY_BYTES_MAX>",
            encode_with = "minicbor::bytes::encode"
        )]
        authority: Vec<u8>,
        /// The circles that the person belongs to.
        #[n(1)]
        #[cbor(decode_with = "wire::list::<Ctx, PairedCircle, CIRCLES_MAX>")]
        circles: Vec<PairedCircle>,
    },
    /// It does not.
    #[n(1)]
    NotWelcome,
}

/// How a circle of the person's begins.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PairedCircle {
    /// Its charter.
    #[n(0)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, STATEMENT_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub circle: Vec<u8>,
    /// The charter of the slice that its members write together.
    #[n(1)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, STATEMENT_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub slice: Vec<u8>,
    /// By what key objects of the circle are found.
    #[n(2)]
    pub tag_key: Key,
    /// What the person is called there.
    #[n(3)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub called: String,
    /// Whether it is the one of the person's own devices.
    #[n(4)]
    pub own: bool,
}

impl PairCode {
    const EXPECTED: &'static str = "pairing code";

    /// Asks, from the node at `from`, for a device that is called `name`.
    #[must_use]
    pub fn pair(&self, device: &NewDevice<'_>, name: String, addresses: Vec<String>) -> Pair {
        let mut pair = Pair {
            version: V1,
            proof: [0; 32],
            device: DeviceId::from_bytes(device.signing.public()),
            sealing: device.sealing.clone(),
            consent: [0; 64],
            name,
            addresses,
        };
        let said = self.consent(&pair, device.transport);
        pair.consent = said.sign(device.signing);
        pair.proof = self.proof(&pair, &device.transport);
        pair
    }

    /// Returns whether the device of `pair`, whose node is at `from`, holds this very code.
    #[must_use]
    pub fn is_held_by(&self, pair: &Pair, from: &TransportId) -> bool {
        self.proof(pair, from).ct_eq(&pair.proof).into()
    }

    /// What the device of `pair`, whose node is at `from`, is admitted by: nothing if it does not hold this very code,
    /// or its consent is to something else.
    #[must_use]
    pub fn admission(&self, pair: &Pair, from: &TransportId) -> Option<Kind> {
        if !self.is_held_by(pair, from) {
            return None;
        }
        let said = self.consent(pair, *from);
        said.holds(pair.device.as_bytes(), &pair.consent)
            .then(|| Kind::Device {
                device: pair.device,
                sealing: pair.sealing.clone(),
                transport: *from,
                rank: self.rank,
                consent: pair.consent,
            })
    }

    /// Returns what both devices show for their person to compare: places in a list of [`WORDS_OF`] words.
    #[must_use]
    pub fn words(&self, pair: &Pair, from: &TransportId) -> [u16; WORDS] {
        let bytes = crypto::hash(
            domain::PAIR_WORDS,
            &[from.as_bytes(), &wire::encode(self), &wire::encode(pair)],
        );
        let mut all = bytes.chunks_exact(2);
        [(); WORDS].map(|()| {
            let two = all.next().map_or([0; 2], |two| [two[0], two[1]]);
            u16::from_be_bytes(two) % WORDS_OF
        })
    }

    /// Reads the authority in a welcome: it is the person's, and the device of `pair` speaks by what it consented to.
    #[must_use]
    pub fn welcomes(
        &self,
        authority: &[u8],
        (device, transport): (DeviceId, TransportId),
    ) -> Option<Authority> {
        let unverified = UnverifiedAuthority::decode(authority).ok()?;
        let authority = unverified.verify(self.card.person).ok()?;
        let record = authority.device(&device)?;
        let fits = record.transport == transport && record.rank == self.rank;
        fits.then_some(authority)
    }

    fn consent<'a>(&self, pair: &'a Pair, from: TransportId) -> Consent<'a> {
        Consent::of_device(
            self.card.person,
            self.admitter,
            pair.device,
            &pair.sealing,
            from,
            self.rank,
        )
    }

    fn proof(&self, pair: &Pair, from: &TransportId) -> [u8; 32] {
        let key = Key::from_bytes(crypto::hash(domain::PAIR_KEY, &[&self.secret]));
        let bare = Pair {
            proof: [0; 32],
            ..pair.clone()
        };
        crypto::keyed_hash(
            key.as_bytes(),
            domain::PAIR_PROOF,
            &[from.as_bytes(), &wire::encode(self), &wire::encode(&bare)],
        )
    }
}

impl fmt::Debug for PairCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairCode")
            .field("person", &self.card.person)
            .finish_non_exhaustive()
    }
}

card::pasted!(PairCode, CODE_KIND, CODE_START, CODE_START);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::CARD_BYTES_MAX;
    use crate::crypto::{SealingSecret, SigningKey};
    use crate::testing::{NOW, Someone, keeps_the_rules, refuses_typing_errors};

    const PHONE: TransportId = TransportId::from_bytes([9; 32]);

    fn code() -> PairCode {
        let ines = Someone::new(1);
        let first = ines.authority.devices().values().next().unwrap();
        let addresses = vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()];
        PairCode {
            version: V1,
            secret: [7; 16],
            card: Card::new(ines.id(), first.transport, addresses).unwrap(),
            admitter: first.membership,
            rank: 1_001,
            until: NOW,
        }
    }

    fn asks(code: &PairCode) -> Pair {
        let device = NewDevice {
            signing: &SigningKey::from_seed(&[4; 32]),
            sealing: &SealingSecret::from_seed(&[5; 32]).public(),
            transport: PHONE,
        };
        code.pair(&device, "Téléphone".to_owned(), Vec::new())
    }

    #[test]
    fn code_and_answers_keep_the_rules_of_the_wire() {
        keeps_the_rules(&code(), CARD_BYTES_MAX);
        keeps_the_rules(&asks(&code()), 1 << 20);
        keeps_the_rules(&Paired::NotWelcome, 1 << 20);
        let welcome = Paired::Welcome {
            authority: vec![1; 40],
            circles: vec![PairedCircle {
                circle: vec![2; 40],
                slice: vec![3; 40],
                tag_key: Key::from_bytes([4; 32]),
                called: "Inès".to_owned(),
                own: true,
            }],
        };
        keeps_the_rules(&welcome, 1 << 20);
    }

    #[test]
    fn what_was_pasted_comes_back_and_a_typing_error_does_not() {
        assert_eq!(code().to_string().parse(), Ok(code()));
        let bare = code().to_string().replace(CODE_START, "");
        assert_eq!(bare.parse(), Ok(code()));
        refuses_typing_errors(&code());
        assert!(code().to_string().parse::<Card>().is_err());
        assert!(!format!("{:?}", code()).contains("secret"));
    }

    #[test]
    fn a_device_is_admitted_by_what_it_consented_to_and_shows_the_same_words() {
        let asked = asks(&code());
        let Some(Kind::Device {
            rank, transport, ..
        }) = code().admission(&asked, &PHONE)
        else {
            panic!("it is not admitted");
        };
        assert_eq!((rank, transport), (1_001, PHONE));
        let words = code().words(&asked, &PHONE);
        assert!(words.iter().all(|word| *word < WORDS_OF));
        // Somebody else who saw the code shows other ones.
        let other = code().pair(
            &NewDevice {
                signing: &SigningKey::from_seed(&[6; 32]),
                sealing: &SealingSecret::from_seed(&[6; 32]).public(),
                transport: PHONE,
            },
            "Téléphone".to_owned(),
            Vec::new(),
        );
        assert_ne!(code().words(&other, &PHONE), words);
    }

    #[test]
    fn nobody_is_admitted_with_another_code_or_other_keys() {
        let asked = asks(&code());
        let from = TransportId::from_bytes([8; 32]);
        assert!(code().admission(&asked, &from).is_none(), "from elsewhere");
        let changes: [fn(&mut PairCode); 4] = [
            |it| it.secret[0] ^= 1,
            |it| it.rank = 2,
            |it| it.card.transport = PHONE,
            |it| it.until = it.until.plus_millis(1),
        ];
        for change in changes {
            let mut changed = code();
            change(&mut changed);
            assert!(code().admission(&asks(&changed), &PHONE).is_none());
        }
        let changes: [fn(&mut Pair); 4] = [
            |it| it.device = DeviceId::from_bytes([1; 32]),
            |it| it.sealing = SealingSecret::from_seed(&[1; 32]).public(),
            |it| it.name = "Autre".to_owned(),
            |it| it.consent[0] ^= 1,
        ];
        for change in changes {
            let mut changed = asked.clone();
            change(&mut changed);
            assert!(code().admission(&changed, &PHONE).is_none());
        }
    }
}
