//! A new device asks to be one of a person's: the network's side of `maille_core::Newcomer`.
//!
//! [`Asking::ask`] dials the node that the code names and says its piece; the person compares the words on both
//! screens; [`Asking::answer`] waits for what comes of it. Nothing is on the disk until then.

use std::time::Duration;

use maille_core::{Founding, Newcomer, NotPairedError};
use maille_protocol::crypto::Key;
use maille_protocol::pairing::{CODE_MS, PairCode, WORDS};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::net::{Net, NetError, NetEvent, NetOptions};
use crate::{clock, keystore};

/// Why a new device was not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// The network did not come up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The other device cannot be reached.
    #[error("the other device does not answer")]
    NotReached,
    /// The other end closed without a word: another code, its time is up, or somebody came before.
    #[error("the other device takes no such code")]
    Closed,
    /// It answered, and not with a welcome.
    #[error(transparent)]
    Answer(#[from] NotPairedError),
}

/// A device that has asked, and waits.
#[derive(Debug)]
pub struct Asking {
    net: Net,
    inbox: mpsc::Receiver<NetEvent>,
    newcomer: Newcomer,
    transport: Key,
}

impl Asking {
    /// Dials, and asks for a device that is `called` so.
    ///
    /// # Errors
    /// [`PairError`]; nothing was changed anywhere.
    pub async fn ask(code: PairCode, called: String) -> Result<Self, PairError> {
        let (transport, id) = keystore::new_transport();
        let (peer, addresses) = (code.card.transport, code.card.addresses.clone());
        let newcomer = Newcomer::new(code, id, called, &mut clock::os_rng());
        let options = NetOptions {
            seed: transport.clone(),
            listen: Vec::new(),
            nearby: false,
        };
        let (net, mut inbox) = Net::start(options).await?;
        net.dial(peer, addresses);
        let connection = loop {
            match inbox.recv().await {
                Some(NetEvent::Connected { connection, .. }) => break connection,
                Some(NetEvent::DialFailed { .. }) | None => return Err(PairError::NotReached),
                Some(_) => {}
            }
        };
        net.send(connection, newcomer.asks());
        Ok(Self {
            net,
            inbox,
            newcomer,
            transport,
        })
    }

    /// Returns the words to compare, by their places in the list.
    #[must_use]
    pub fn words(&self) -> [u16; WORDS] {
        self.newcomer.words()
    }

    /// Waits until the person has said yes or no on the other device; returns what a home is filled with.
    ///
    /// # Errors
    /// [`PairError`].
    pub async fn answer(mut self) -> Result<(Founding, Key), PairError> {
        let answer = timeout(Duration::from_millis(CODE_MS), async {
            loop {
                match self.inbox.recv().await {
                    Some(NetEvent::Received { frame, .. }) => return Some(frame),
                    Some(NetEvent::Disconnected { .. }) | None => return None,
                    Some(_) => {}
                }
            }
        });
        let frame = answer.await.ok().flatten().ok_or(PairError::Closed)?;
        let heard = (self.newcomer).hears(clock::now(), &mut clock::os_rng(), &frame);
        self.net.shutdown(self.inbox).await;
        Ok((heard?, self.transport))
    }
}
