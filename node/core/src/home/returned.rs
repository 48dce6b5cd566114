//! Our person, or a contact, comes back with nothing but the words: see `maille_protocol::returning`.
//!
//! | a device that came back, and was told of no circles yet | outcome |
//! |---|---|
//! | dials another of the person's | says return; with the welcome its circles begin, and a hello follows |
//! | is dialled by another of the person's | hangs up, and dials that: it asks first |
//! | hears a return of the only other device that there is | nobody is left who could tell: it founds the circle of both |
//! | hears another return | closes: it knows no more |
//!
//! **Invariants.** Who they are is told to whom has shown the root key on this very connection; what a new device is
//! told, circles and all, only to a node that our person's authority names. Neither makes a device: the root's
//! statement does.

use std::collections::BTreeMap;

use maille_protocol::id::{DeviceId, TransportId};
use maille_protocol::pairing::Paired;
use maille_protocol::principal::{Authority, UnverifiedAuthority};
use maille_protocol::returning::{Claim, Claimed, PLACES_MAX, Place, Return};
use maille_protocol::time::Timestamp;
use maille_protocol::wire::V1;
use rand_core::CryptoRng;

use super::Home;
use super::link::Often;
use super::taking::Refused;
use crate::io::Store;
use crate::layout;
use crate::newcomer::first_circles;
use crate::view::ReadError;

/// Most claims that are looked at in [`CLAIMS_SPAN_MS`]. Each that holds costs a signature check and a look at the
/// authorities of all contacts, and anybody can make a root to claim with; who comes back needs a few.
pub(super) const CLAIMS_MAX: u32 = 120;
const CLAIMS_SPAN_MS: u64 = 3_600_000;

impl<S: Store> Home<S> {
    /// Answers a node that claims to hold a root key; nothing if it does not, if we know nobody of that root, or if
    /// another has taken its place.
    pub(super) fn claimed(
        &mut self,
        now: Timestamp,
        peer: TransportId,
        claim: &Claim,
    ) -> Result<Option<Claimed>, ReadError> {
        let claims = self.claims.get_or_insert(Often::since(now));
        if !claims.once_more(now, CLAIMS_SPAN_MS, CLAIMS_MAX)
            || !claim.holds(&peer, &self.me.secrets.transport)
        {
            return Ok(None);
        }
        if is_of(&self.me.authority, claim) {
            let names = self.device_names()?;
            let authority = self.me.authority.clone();
            return self.known_of(&authority, &names).map(Some);
        }
        for contact in self.contacts()? {
            // Of those with another root nothing but the charter is looked at.
            let rooted = contact.authority.as_ref().is_some_and(|bytes| {
                let held = UnverifiedAuthority::decode(bytes).ok();
                held.and_then(|it| it.claimed_root()) == Some(claim.root)
            });
            if rooted
                && let Some(authority) = self.authority_of(&contact)?
                && is_of(&authority, claim)
            {
                return self.known_of(&authority, &BTreeMap::new()).map(Some);
            }
        }
        Ok(None)
    }

    fn known_of(
        &self,
        authority: &Authority,
        names: &BTreeMap<DeviceId, String>,
    ) -> Result<Claimed, ReadError> {
        let mut places = Vec::new();
        for device in authority.devices().values().take(PLACES_MAX) {
            let addresses = if device.transport == self.me.secrets.transport {
                self.card().addresses
            } else {
                let node = self.node(device.transport)?;
                let node = node.filter(|node| node.person == authority.person());
                node.map_or_else(Vec::new, |node| node.addresses)
            };
            places.push(Place {
                transport: device.transport,
                name: names.get(&device.signing).cloned().unwrap_or_default(),
                addresses,
            });
        }
        Ok(Claimed {
            version: V1,
            authority: authority.to_bytes(),
            places,
        })
    }

    /// A node shows that our person has made it a device: it is welcome as a paired one is.
    pub(super) fn returned(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: TransportId,
        returns: &Return,
    ) -> Result<Option<Paired>, Refused> {
        self.hear_own_authority(now, rng, &returns.authority)?;
        if self.is_removed() || !self.is_own_node(peer) {
            return Ok(None);
        }
        let mut called = String::new(); // one that was alone has no name yet; its person sees its id
        if let Some(mine) = self.called_since_return()? {
            let all = self.me.authority.devices().values();
            let mut others = all.filter(|it| it.transport != self.me.secrets.transport);
            if others.any(|it| it.transport != peer) {
                return Ok(None); // we know no more, and there is one that may
            }
            called = mine;
        }
        // Where it is met it tells when it runs.
        self.keep_own_node(now, rng, peer, Vec::new())?;
        self.found_own_circle(now, rng, called)?;
        self.own_authority_in_circles(now, rng)?;
        Ok(Some(Paired::Welcome {
            authority: self.me.authority.to_bytes(),
            circles: self.circles_to_tell()?,
        }))
    }

    /// What this device is called, if it came back and has been told of no circles since.
    fn called_since_return(&self) -> Result<Option<String>, ReadError> {
        self.view.read(layout::CALLED)
    }

    /// What to say first to a device of ours, if this one came back and has been told of no circles since.
    pub(super) fn has_yet_to_return(&self, peer: TransportId) -> Result<Option<Return>, ReadError> {
        let returns = self.is_own_node(peer) && self.called_since_return()?.is_some();
        Ok(returns.then(|| Return {
            version: V1,
            authority: self.me.authority.to_bytes(),
        }))
    }

    /// A device of ours tells this one, which came back, what a paired one is told.
    pub(super) fn welcomed_back(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: TransportId,
        welcome: Paired,
    ) -> Result<(), Refused> {
        let refused = || Refused::Peer("a welcome that nobody asked for".to_owned());
        let Paired::Welcome { authority, circles } = welcome else {
            return Err(refused());
        };
        self.hear_own_authority(now, rng, &authority)?;
        if self.is_removed() || !self.is_own_node(peer) {
            return Err(refused()); // a device that was removed meanwhile
        }
        if self.own_circle()?.is_some() {
            return Ok(()); // another one was quicker
        }
        let called = self.called_since_return()?.ok_or_else(refused)?;
        let circles =
            first_circles(now, (self.me.person, &called), &circles).ok_or_else(refused)?;
        for (key, value) in circles {
            self.view.put(key, value.unwrap_or_default());
        }
        self.view.delete(layout::CALLED.to_vec());
        self.circles_loaded = false;
        // What was done while this device was alone, the others would never hear of.
        Ok(self.pass_on_all(now, rng)?)
    }
}

/// Whether a claim is by the root that speaks for this person.
fn is_of(authority: &Authority, claim: &Claim) -> bool {
    authority.root_key() == claim.root
        && authority.has_root_spoken()
        && !authority.is_root_replaced()
}
