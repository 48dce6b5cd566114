//! The devices of our own person: how one comes to speak for them, and how one stops.
//!
//! | pairing | event | outcome |
//! |---|---|---|
//! | - | our person asks for a code | shown: for ten minutes, and one device |
//! | shown | a node asks with it, in order | asked: both ends show three words |
//! | shown | a node asks without it | closed; the code is as good as before |
//! | shown | a node asks with it, not in order | over |
//! | asked | another node asks | closed; the first goes on |
//! | asked | our person says that the words are the same | the device is admitted, told of circles, and over |
//! | asked | our person says no; the other end goes away | over |
//! | any | the time is up, or this node stops | over |

use maille_protocol::evaluation::{RANK_MAX, Upto};
use maille_protocol::id::TransportId;
use maille_protocol::invite::NAME_BYTES_MAX;
use maille_protocol::pairing::{CODE_MS, Pair, PairCode, Paired};
use maille_protocol::principal::{Authority, UnverifiedAuthority};
use maille_protocol::statement::{Kind, Signer};
use maille_protocol::sync::Frame;
use maille_protocol::time::Timestamp;
use maille_protocol::wire::V1;
use rand_core::CryptoRng;

use super::taking::{Refused, theirs};
use super::{Home, authority_hash, begins_id, check_text_of};
use crate::command::{CommandError, DeviceAsks, DeviceShown, Done, PairingShown};
use crate::io::{ConnectionId, Event, Output, Store};
use crate::layout;
use crate::secrets::RANK_STEP;
use crate::state::Feed;

/// A code that was shown, and who came with it.
pub(super) struct Pairing {
    code: PairCode,
    /// What this device is called, if it has not said so yet.
    called: String,
    asks: Option<Asks>,
}

struct Asks {
    connection: ConnectionId,
    peer: TransportId,
    pair: Pair,
    /// What our person says if they agree.
    admission: Kind,
}

impl Pairing {
    fn shown(&self) -> PairingShown {
        PairingShown {
            until: self.code.until,
            asks: self.asks.as_ref().map(|asks| DeviceAsks {
                name: asks.pair.name.clone(),
                words: self.code.words(&asks.pair, &asks.peer),
            }),
        }
    }
}

impl<S: Store> Home<S> {
    /// Makes a code by which another device is added: junior to all others, or `senior` to all whom this one may
    /// admit. `called` is what this device is called.
    pub(super) fn device_add(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (senior, called): (bool, String),
    ) -> Result<Done, CommandError> {
        check_text_of("as", &called, NAME_BYTES_MAX)?;
        let rank = self
            .rank_for(senior)
            .ok_or(CommandError::NotAllowedOfDevice)?;
        self.end_pairing();
        let mut secret = [0; 16];
        rng.fill_bytes(&mut secret);
        let code = PairCode {
            version: V1,
            secret,
            card: self.card(),
            admitter: self.me.membership,
            rank,
            until: now.plus_millis(CODE_MS),
        };
        self.pairing = Some(Pairing {
            code: code.clone(),
            called,
            asks: None,
        });
        Ok(Done::DeviceCode { code })
    }

    /// A rank that nobody has, below this device's own.
    fn rank_for(&self, senior: bool) -> Option<u32> {
        let own = self.me.authority.device(&self.me.device)?.rank;
        let ranks = self.me.authority.devices().values().map(|it| it.rank);
        let after: Vec<u32> = ranks.filter(|rank| *rank > own).collect();
        let (first, last) = (after.iter().min(), after.iter().max());
        let rank = match (senior, first, last) {
            (true, Some(first), _) => own + (first - own) / 2,
            (_, _, last) => last.unwrap_or(&own).saturating_add(RANK_STEP).min(RANK_MAX),
        };
        (rank > own && !after.contains(&rank)).then_some(rank)
    }

    /// Whether a node that nobody knows may ask to be a device of our person's.
    pub(super) fn is_pairing(&self, now: Timestamp) -> bool {
        (self.pairing.as_ref()).is_some_and(|pairing| pairing.code.until > now)
    }

    /// When the code that is shown is over.
    pub(super) fn pairing_until(&self) -> Option<Timestamp> {
        self.pairing.as_ref().map(|pairing| pairing.code.until)
    }

    /// Ends a pairing whose time is up.
    pub(super) fn end_slow_pairing(&mut self, now: Timestamp) {
        if self.pairing.is_some() && !self.is_pairing(now) {
            self.end_pairing();
        }
    }

    fn end_pairing(&mut self) {
        if let Some(asks) = self.pairing.take().and_then(|pairing| pairing.asks) {
            self.strangers.remove(&asks.connection);
            let connection = asks.connection;
            self.effects.push(Output::Close { connection });
        }
    }

    /// Whether a stranger is the device that our person is asked about: it may take its time.
    pub(super) fn is_asking(&self, connection: ConnectionId) -> bool {
        let asks = self.pairing.as_ref().and_then(|it| it.asks.as_ref());
        asks.is_some_and(|asks| asks.connection == connection)
    }

    /// The other end of a pairing is gone.
    pub(super) fn asking_gone(&mut self, connection: ConnectionId) {
        if self.is_asking(connection) {
            self.end_pairing();
        }
    }

    /// A node asks to be a device of our person's; returns whether it may wait for the answer.
    pub(super) fn asked_to_pair(
        &mut self,
        now: Timestamp,
        (connection, peer): (ConnectionId, TransportId),
        pair: &Pair,
    ) -> bool {
        let Some(pairing) = self.pairing.as_mut().filter(|it| it.code.until > now) else {
            return false;
        };
        if pairing.asks.is_some() || !pairing.code.is_held_by(pair, &peer) {
            return false;
        }
        let named = check_text_of("name", &pair.name, NAME_BYTES_MAX);
        let known = self.me.authority.keys();
        let is_known = known.iter().any(|of| of.key == *pair.device.as_bytes());
        let admission = pairing.code.admission(pair, &peer);
        let (Some(admission), Ok(()), false) = (admission, named, is_known) else {
            // Somebody else's program has the code.
            self.pairing = None;
            self.event(Event::PairingRefused);
            return false;
        };
        let words = pairing.code.words(pair, &peer);
        let name = pair.name.clone();
        pairing.asks = Some(Asks {
            connection,
            peer,
            pair: pair.clone(),
            admission,
        });
        self.event(Event::DeviceAsks { name, words });
        true
    }

    /// Our person has compared the words.
    pub(super) fn device_confirm(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        same: bool,
    ) -> Result<Done, CommandError> {
        let asking =
            self.is_pairing(now) && self.pairing.as_ref().is_some_and(|it| it.asks.is_some());
        if !asking {
            return Err(CommandError::NoDeviceAsks);
        }
        let Some(Pairing {
            called,
            asks: Some(asks),
            ..
        }) = self.pairing.take()
        else {
            return Err(CommandError::NoDeviceAsks);
        };
        let answer = if same {
            self.admit_device(now, rng, &asks, called)?
        } else {
            Paired::NotWelcome
        };
        self.effects.push(Output::Send {
            to: asks.connection,
            frame: Frame::Paired(answer).to_bytes(),
        });
        // Its connection goes on as a stranger's, from now on, and is closed like one.
        self.strangers_time_begins(now, asks.connection);
        self.devices(now)
    }

    fn admit_device(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        asks: &Asks,
        called: String,
    ) -> Result<Paired, CommandError> {
        self.say_of_me(asks.admission.clone())?;
        if self.me.authority.device(&asks.pair.device).is_none() {
            return Err(CommandError::NotAllowedOfDevice);
        }
        let addresses = asks.pair.addresses.clone();
        self.keep_own_node(now, rng, asks.peer, addresses)?;
        self.found_own_circle(now, rng, called)?;
        self.tell_own_authority(now, rng)?;
        Ok(Paired::Welcome {
            authority: self.me.authority.to_bytes(),
            circles: self.circles_to_tell()?,
        })
    }

    /// Says something about our own person.
    fn say_of_me(&mut self, kind: Kind) -> Result<(), CommandError> {
        let signer = Signer {
            key: &self.me.signing,
            membership: self.me.membership,
            installation: self.me.secrets.installation,
        };
        let mut authority = self.me.authority.clone();
        (authority.say(&signer, kind)).map_err(|_| CommandError::NotAllowedOfDevice)?;
        self.keep_own_authority(authority);
        Ok(())
    }

    fn keep_own_authority(&mut self, authority: Authority) {
        let bytes = authority.to_bytes();
        self.me.authority_hash = authority_hash(&bytes);
        let before = std::mem::replace(&mut self.me.authority, authority);
        self.authority_before.get_or_insert(before);
        self.view.put(layout::AUTHORITY.to_vec(), bytes);
    }

    /// Our own authority says more than it did: all circles, and whoever we talk to, hear of it.
    fn tell_own_authority(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CommandError> {
        self.own_authority_in_circles(now, rng)?;
        let bytes = self.me.authority.to_bytes();
        let open = self.sessions.iter().filter(|(_, live)| live.is_open());
        let open: Vec<ConnectionId> = open.map(|(connection, _)| *connection).collect();
        for to in open {
            self.effects.push(Output::Send {
                to,
                frame: Frame::Authority(bytes.clone()).to_bytes(),
            });
        }
        Ok(())
    }

    /// Takes in what another device of ours, or somebody of a circle, holds of our own authority.
    pub(super) fn hear_own_authority(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let heard = UnverifiedAuthority::decode(bytes).map_err(theirs)?;
        let heard = heard.verify(self.me.person).map_err(theirs)?;
        let mut authority = self.me.authority.clone();
        if !authority.merge(&heard) {
            return Ok(());
        }
        self.keep_own_authority(authority);
        self.tell_own_authority(now, rng)?;
        if self.is_removed() {
            self.event(Event::DeviceRemoved);
        }
        Ok(())
    }

    /// Whether this device does not speak for its person any more.
    pub(super) fn is_removed(&self) -> bool {
        self.me.authority.device(&self.me.device).is_none()
    }

    /// Ends what another device of ours may say: what it said until now stays.
    pub(super) fn device_remove(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        typed: &str,
    ) -> Result<Done, CommandError> {
        let shown = self.all_devices()?;
        let lower = typed.to_lowercase();
        let found: Vec<&DeviceShown> = (shown.iter())
            .filter(|it| it.name.to_lowercase() == lower || begins_id(typed, it.device))
            .collect();
        let device = match found[..] {
            [it] => it.device,
            [] => {
                return Err(CommandError::UnknownDevice {
                    device: typed.to_owned(),
                });
            }
            _ => {
                return Err(CommandError::AmbiguousDevice {
                    device: typed.to_owned(),
                    candidates: found.iter().map(|it| it.device).collect(),
                });
            }
        };
        if device == self.me.device {
            return Err(CommandError::ThisDevice);
        }
        let record = self.me.authority.device(&device);
        let Some(membership) = record.map(|record| record.membership) else {
            return Err(CommandError::UnknownDevice {
                device: typed.to_owned(),
            });
        };
        let history = self.me.authority.statements().history();
        let mut statements = history.tips_of(&membership);
        statements.sort_unstable();
        self.say_of_me(Kind::Remove {
            membership,
            key: None,
            keep: Upto {
                statements,
                logs: Vec::new(),
            },
            trusted: None,
        })?;
        if self.me.authority.device(&device).is_some() {
            return Err(CommandError::NotAllowedOfDevice);
        }
        self.tell_own_authority(now, rng)?;
        self.devices(now)
    }

    /// Our devices, the most senior first, and the pairing that goes on.
    pub(super) fn devices(&mut self, now: Timestamp) -> Result<Done, CommandError> {
        Ok(Done::Devices {
            devices: self.all_devices()?,
            pairing: (self.is_pairing(now))
                .then(|| self.pairing.as_ref().map(Pairing::shown))
                .flatten(),
            removed: self.is_removed(),
        })
    }

    fn all_devices(&mut self) -> Result<Vec<DeviceShown>, CommandError> {
        let names = self.device_names()?;
        let mut shown = Vec::new();
        for record in self.me.authority.devices().values() {
            let feed: Option<Feed> = self.feed(record.transport)?;
            shown.push(DeviceShown {
                device: record.signing,
                name: names.get(&record.signing).cloned().unwrap_or_default(),
                rank: record.rank,
                me: record.signing == self.me.device,
                connected: self.session_with(record.transport).is_some(),
                last_seen: feed.as_ref().and_then(|feed| feed.last_seen),
                behind: feed.is_some_and(|feed| !feed.is_drained()),
            });
        }
        shown.sort_by_key(|it| (it.rank, it.device));
        Ok(shown)
    }

    /// Whether our person's authority names the node.
    pub(super) fn is_own_node(&self, peer: TransportId) -> bool {
        self.me.authority.device_of_transport(&peer).is_some()
    }
}
