//! Somebody comes back with nothing but the words: the network's side of `maille_core::Claimant`.
//!
//! [`Asking::who`] dials the node on a card, of the person's or of a contact's, and learns who they are;
//! [`Asking::comes_back`] makes this device theirs, and asks one of their nodes after the other for what a paired
//! device is told. Nothing is on the disk until then, and the words are never.

use std::time::Duration;

use maille_core::{Claimant, Founding, NotClaimedError, Person};
use maille_protocol::card::Card;
use maille_protocol::crypto::Key;
use maille_protocol::id::DeviceId;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::net::{Net, NetError, NetEvent, NetOptions};
use crate::{clock, keystore};

/// How long a node that was reached may take to answer: it writes to its disk first.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a node that was told something may take to take it in: it does not answer.
const TOLD: Duration = Duration::from_millis(500);

/// Why nobody came back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReturnError {
    /// The network did not come up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The node on the card cannot be reached.
    #[error("the node does not answer")]
    NotReached,
    /// It closed without a word: it knows nobody of these words.
    #[error("the node knows nobody of these words")]
    NotKnown,
    /// It answered, and not in order; or the root may not speak any more.
    #[error(transparent)]
    Answer(#[from] NotClaimedError),
}

/// A device that was told whose it may be.
#[derive(Debug)]
pub struct Asking {
    network: Network,
    claimant: Claimant,
    transport: Key,
    asked: Card,
}

/// A person who is back.
#[derive(Debug)]
pub struct Back {
    /// What a home is filled with.
    pub founding: Founding,
    /// Secret half of the transport key.
    pub transport: Key,
    /// The node of the person's from which the data come; `None`: none was reached.
    pub from: Option<Card>,
    /// Nodes of the person's that were tried in vain.
    pub in_vain: usize,
}

#[derive(Debug)]
struct Network {
    net: Net,
    inbox: mpsc::Receiver<NetEvent>,
}

impl Network {
    /// Says one thing to the node on a card, and waits for one; `None`: it closed, or took too long.
    async fn says(
        &mut self,
        card: &Card,
        frame: Vec<u8>,
        wait: Duration,
    ) -> Result<Option<Vec<u8>>, ReturnError> {
        self.net.dial(card.transport, card.addresses.clone());
        let ours = loop {
            match self.inbox.recv().await {
                Some(NetEvent::Connected {
                    connection, peer, ..
                }) if peer == card.transport => break connection,
                Some(NetEvent::DialFailed { peer }) if peer == card.transport => {
                    return Err(ReturnError::NotReached);
                }
                None => return Err(ReturnError::NotReached),
                Some(_) => {}
            }
        };
        self.net.send(ours, frame);
        let answer = timeout(wait, async {
            loop {
                match self.inbox.recv().await {
                    Some(NetEvent::Received { connection, frame }) if connection == ours => {
                        return Some(frame);
                    }
                    Some(NetEvent::Disconnected { connection }) if connection == ours => {
                        return None;
                    }
                    None => return None,
                    Some(_) => {}
                }
            }
        });
        let answer = answer.await.ok().flatten();
        self.net.close(ours);
        Ok(answer)
    }
}

impl Asking {
    /// Asks the node on `card` who has these words.
    ///
    /// # Errors
    /// [`ReturnError`]; nothing was changed anywhere.
    pub async fn who(words_seed: &[u8], card: Card) -> Result<(Self, Person), ReturnError> {
        let (transport, id) = keystore::new_transport();
        let claimant = Claimant::new(words_seed, id);
        let options = NetOptions {
            seed: transport.clone(),
            listen: Vec::new(),
        };
        let (net, inbox) = Net::start(options).await?;
        let mut network = Network { net, inbox };
        let claim = claimant.claims(&card.transport);
        let answer = network.says(&card, claim, ANSWER).await?;
        let person = claimant.hears(&answer.ok_or(ReturnError::NotKnown)?)?;
        let asking = Self {
            network,
            claimant,
            transport,
            asked: card,
        };
        Ok((asking, person))
    }

    /// Makes this device, `called` so, the person's, ends those that are `lost`, and asks their nodes for what it
    /// needs.
    ///
    /// # Errors
    /// [`ReturnError::Answer`]: the root may not speak any more; nothing was changed anywhere.
    pub async fn comes_back(
        self,
        person: Person,
        lost: &[DeviceId],
        called: String,
    ) -> Result<Back, ReturnError> {
        let Self {
            mut network,
            claimant,
            transport,
            asked,
        } = self;
        let returning = claimant.returns(person, lost, called, &mut clock::os_rng())?;
        let is_own = returning.is_device(asked.transport);
        let others = returning.others().into_iter();
        let others = others.filter(|it| it.transport != asked.transport);
        let own = Some(asked.clone()).filter(|_| is_own);
        let (mut back, mut in_vain) = (None, 0);
        for card in own.into_iter().chain(others) {
            let answer = network.says(&card, returning.asks(), ANSWER).await;
            let heard = answer.ok().flatten().and_then(|frame| {
                let frame = (&card, frame.as_slice());
                let heard = returning.hears(clock::now(), &mut clock::os_rng(), frame);
                heard.ok()
            });
            if let Some(founding) = heard {
                back = Some((founding, card));
                break;
            }
            in_vain += 1;
        }
        if !is_own {
            // The contact may take it in or not: they hear of it in any case, when we meet.
            let _ = network.says(&asked, returning.tells(), TOLD).await;
        }
        network.net.shutdown(network.inbox).await;
        let (founding, from) = match back {
            Some((founding, card)) => (founding, Some(card)),
            None => (returning.alone(&mut clock::os_rng()), None),
        };
        Ok(Back {
            founding,
            transport,
            from,
            in_vain,
        })
    }
}
