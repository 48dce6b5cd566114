//! Somebody comes back with nothing but the words: the network's side of `maille_core::Claimant`.
//!
//! [`Asking::who`] dials the nodes on the cards that the person has, of their own or of contacts, and all nodes of the
//! person's that these name, and learns who the person is; [`Asking::returns`] makes this device theirs. The words are
//! dropped before anything is on the disk; who speaks for the person is told to nobody before it is there: the node
//! that runs on that home tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use maille_core::{Claimant, ConnectionId, Founding, NotClaimedError, Person};
use maille_protocol::card::Card;
use maille_protocol::crypto::Key;
use maille_protocol::id::{DeviceId, TransportId};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::net::{Net, NetError, NetEvent, NetOptions};
use crate::{clock, keystore};

/// How long all nodes that are asked may take together. One that is switched off often takes all of it.
const ASKING: Duration = Duration::from_secs(20);

/// Why nobody came back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReturnError {
    /// The network did not come up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// None of the nodes on the cards can be reached.
    #[error("nobody answers")]
    NotReached,
    /// Who was reached closed without a word: nobody there knows anybody of these words.
    #[error("nobody knows anybody of these words")]
    NotKnown,
    /// It answered, and not in order; or the root may not speak any more.
    #[error(transparent)]
    Answer(#[from] NotClaimedError),
}

/// A device that was told whose it may be.
#[derive(Debug)]
pub struct Asking {
    claimant: Claimant,
    transport: Key,
    cards: Vec<Card>,
    answered: BTreeSet<TransportId>,
}

/// The nodes that are asked, and what came of it.
struct Round {
    net: Net,
    inbox: mpsc::Receiver<NetEvent>,
    /// Dialled, and heard nothing of yet.
    waiting: BTreeSet<TransportId>,
    open: BTreeMap<ConnectionId, TransportId>,
    answered: BTreeSet<TransportId>,
    was_met: bool,
    refused: Option<NotClaimedError>,
}

impl Round {
    fn asks(&mut self, cards: Vec<Card>) {
        for card in cards {
            if !self.answered.contains(&card.transport) && self.waiting.insert(card.transport) {
                self.net.dial(card.transport, card.addresses);
            }
        }
    }

    /// Goes on until every node that is asked has answered, closed, or was not reached.
    async fn goes_on(&mut self, claimant: &mut Claimant) {
        while !self.waiting.is_empty() {
            match self.inbox.recv().await {
                Some(NetEvent::Connected {
                    connection, peer, ..
                }) if self.waiting.contains(&peer) => {
                    self.was_met = true;
                    self.open.insert(connection, peer);
                    self.net.send(connection, claimant.claims(&peer));
                }
                Some(NetEvent::Received { connection, frame }) => {
                    let Some(peer) = self.open.remove(&connection) else {
                        continue;
                    };
                    self.net.close(connection);
                    self.waiting.remove(&peer);
                    match claimant.hears(peer, &frame) {
                        Ok(()) => {
                            self.answered.insert(peer);
                        }
                        Err(error) => self.refused = Some(error),
                    }
                    let named = claimant.to_ask();
                    self.asks(named);
                }
                Some(NetEvent::Disconnected { connection }) => {
                    if let Some(peer) = self.open.remove(&connection) {
                        self.waiting.remove(&peer);
                    }
                }
                Some(NetEvent::DialFailed { peer }) => {
                    self.waiting.remove(&peer);
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

impl Asking {
    /// Asks the nodes on `cards`, and all of the person's that they name, who has these words.
    ///
    /// # Errors
    /// [`ReturnError`]; nothing was changed anywhere.
    pub async fn who(words_seed: &[u8], cards: Vec<Card>) -> Result<Self, ReturnError> {
        let (transport, id) = keystore::new_transport();
        let mut claimant = Claimant::new(words_seed, id);
        let options = NetOptions {
            seed: transport.clone(),
            listen: Vec::new(),
            nearby: false,
        };
        let (net, inbox) = Net::start(options).await?;
        let mut round = Round {
            net,
            inbox,
            waiting: BTreeSet::new(),
            open: BTreeMap::new(),
            answered: BTreeSet::new(),
            was_met: false,
            refused: None,
        };
        round.asks(cards.clone());
        let _ = timeout(ASKING, round.goes_on(&mut claimant)).await; // who is slow has not answered
        let Round {
            net,
            inbox,
            answered,
            was_met,
            refused,
            ..
        } = round;
        net.shutdown(inbox).await;
        match claimant.person() {
            Some(person) if person.is_root_replaced() => Err(NotClaimedError::CannotSpeak.into()),
            Some(_) => Ok(Self {
                claimant,
                transport,
                cards,
                answered,
            }),
            None => Err(match refused {
                Some(error) => error.into(),
                None if was_met => ReturnError::NotKnown,
                None => ReturnError::NotReached,
            }),
        }
    }

    /// Returns who the person is, by all that was answered.
    ///
    /// # Panics
    /// Never: somebody has answered.
    #[must_use]
    pub const fn person(&self) -> &Person {
        self.claimant.person().expect("somebody has answered")
    }

    /// Returns the cards of those that are no devices of the person's, and whether they answered.
    #[must_use]
    pub fn others(&self) -> Vec<(&Card, bool)> {
        let others = self.cards.iter();
        others
            .filter(|card| !self.person().is_own(card.transport))
            .map(|card| (card, self.answered.contains(&card.transport)))
            .collect()
    }

    /// Makes this device, `called` so, the person's, ends those that are `lost`, and returns what a home is filled
    /// with, and the secret half of its transport key.
    ///
    /// # Errors
    /// [`NotClaimedError::CannotSpeak`]; nothing was changed anywhere.
    pub fn returns(
        self,
        lost: &[DeviceId],
        called: &str,
    ) -> Result<(Founding, Key), NotClaimedError> {
        let rng = &mut clock::os_rng();
        let founding = self.claimant.returns(lost, called, &self.cards, rng)?;
        Ok((founding, self.transport))
    }
}
