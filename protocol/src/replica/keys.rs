//! Which keys there are, which is sealed under, and the rotations that removals ask for.

use std::collections::BTreeSet;

use rand_core::CryptoRng;

use super::Replica;
use super::levels::Levels;
use crate::crypto::{Key, SealingPublic, SealingSecret};
use crate::evaluation::{Speaker, TIPS_MAX};
use crate::generation::choice::{Choice, Owed, sealed_under};
use crate::generation::{
    ContentKey, GenerationBatch, GenerationRecord, Issuer, Next, PARENTS_MAX, SignedGeneration,
};
use crate::id::{GenerationId, KeyId, StatementId};
use crate::ring::{KeyObject, Opener, RingKey, Tag, Target};
use crate::slice::PartNumber;
use crate::statement::{HEADS_MAX, Kind, SayError, SignedStatement, Subject};

/// Most key objects of one rotation of a circle's ring: its members' devices.
pub const ROTATION_OBJECTS_MAX: usize = 4096;

/// What a rotation made, to be given to others.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// The statement that announces a ring key.
    pub statements: Vec<SignedStatement>,
    /// The record of a content key.
    pub generations: Vec<SignedGeneration>,
    /// The keys, sealed.
    pub objects: Vec<KeyObject>,
}

/// Why there is no key to seal under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoKeyError {
    /// Somebody was removed, and no key is there yet that they never had. Level 0 is the circle's
    /// ring, level 1 the part.
    #[error(transparent)]
    Owed(#[from] Owed),
    /// There is one, and this device was not given it yet.
    #[error("the current key has not arrived")]
    NotGiven,
}

impl Replica {
    /// Returns the generation under which this device seals entries of `part`: of the fresh ones that it
    /// has the key of, the one with the lowest id.
    ///
    /// A key is tainted if whoever made it was removed, if it is sealed under a tainted one, or if a
    /// removal stands here that its maker did not know: then somebody removed may have it. Where the
    /// circle's charter keeps its past closed, so is one whose maker did not know of somebody who joined.
    ///
    /// # Errors
    /// [`NoKeyError`].
    pub fn sealed_under(&self, part: PartNumber) -> Result<GenerationId, NoKeyError> {
        let levels = self.levels();
        let none = Choice::default();
        let of_part = levels.parts.get(&part).map_or(&none, |level| &level.choice);
        sealed_under([&levels.rings.choice, of_part])?;
        let mut fresh = (of_part.fresh().iter()).map(|id| GenerationId::from_bytes(*id.as_bytes()));
        fresh.find(|id| self.opens(id)).ok_or(NoKeyError::NotGiven)
    }

    /// The ring key under which this device seals a part's: of the fresh ones, the lowest that it has.
    fn ring_to_seal_under(&self) -> Option<(KeyId, RingKey)> {
        let mut fresh = self.levels().rings.choice.fresh().iter();
        fresh.find_map(|id| Some((*id, self.rings.get(id)?.clone())))
    }

    /// Carries out what is owed for `part`, lowest level first: a new key of the circle's ring, of the part,
    /// or both. Nothing if there is a key to seal under.
    ///
    /// If there is one and this device was not given it ([`NoKeyError::NotGiven`]), it makes another. Wait
    /// for it before: most often it is on its way. But whoever made it may have given it to nobody.
    ///
    /// # Errors
    /// [`SayError`] if this device may not announce a ring key.
    pub fn rotate(&mut self, part: PartNumber, rng: &mut impl CryptoRng) -> Result<News, SayError> {
        let mut news = News::default();
        if self.sealed_under(part).is_ok() {
            return Ok(news);
        }
        if self.ring_to_seal_under().is_none() {
            self.rotate_ring(rng, &mut news)?;
        }
        // What was made is given to others, though it may not be all that is owed.
        let _ = self.rotate_part(part, rng, &mut news);
        Ok(news)
    }

    /// Boxes ring keys to members' devices that have none of them: they joined after it was made, or
    /// were removed at the time and are no more. Those that are sealed under and, if the circle's charter
    /// opens its past, all before them.
    ///
    /// A ring key is handed on only by whoever knows every removal that its maker knew: else it
    /// could go to the very device that it was made to keep out. For the same reason no ring key
    /// wraps an older one (found by the simulator: the maker of the newer may know less).
    #[must_use]
    pub fn hand_on(&self, rng: &mut impl CryptoRng) -> Vec<KeyObject> {
        let rings = &self.levels().rings;
        let opens_past = self.circle().charter().opens_past;
        let recipients = self.recipients();
        let devices: Vec<_> = recipients.iter().map(|to| (to, to.id())).collect();
        let mut given = Vec::new();
        for (id, ring) in &self.rings {
            let target = self
                .ring_target(id)
                .filter(|_| opens_past || rings.choice.fresh().contains(id));
            let Some(target) = target.filter(|_| rings.knows_no_more_than_is_here(id)) else {
                continue;
            };
            for (to, recipient) in &devices {
                let lacks = self
                    .objects
                    .get(&Tag::of(&self.tag_key, &target, *recipient))
                    .is_none();
                if lacks && given.len() < ROTATION_OBJECTS_MAX {
                    let sealed = KeyObject::seal(rng, to, &self.tag_key, &target, ring.key());
                    given.extend(sealed);
                }
            }
        }
        given
    }

    pub(super) fn levels(&self) -> &Levels {
        self.levels.get_or_init(|| Levels::of(self))
    }

    fn ring_target(&self, ring: &KeyId) -> Option<Target> {
        let id = StatementId::from_bytes(*ring.as_bytes());
        let said = self.circle().statements().get(&id)?.statement();
        let Kind::Ring { commit, .. } = &said.kind else {
            return None;
        };
        Some(Target::Ring {
            ring: *ring,
            principal: *self.circle.as_bytes(),
            commit: *commit,
        })
    }

    /// The sealing keys of the devices that a ring key is for: those of members, but for the ones that were
    /// removed here.
    fn recipients(&self) -> Vec<SealingPublic> {
        let outcome = self.circle().statements().outcome();
        let members = self.circle().members().iter();
        let devices = members.flat_map(|(person, member)| {
            let devices = self.known.people.get(person).map(|of| of.devices());
            let membership = member.membership;
            (devices.into_iter().flatten()).filter(move |(device, _)| {
                let key = *device.as_bytes();
                outcome.speaks(&Speaker { membership, key })
            })
        });
        devices.map(|(_, device)| device.sealing.clone()).collect()
    }

    fn rotate_ring(&mut self, rng: &mut impl CryptoRng, news: &mut News) -> Result<(), SayError> {
        let ring = RingKey::random(rng);
        let (parents, removed) = self.levels().rings.next(HEADS_MAX);
        let removed = removed.into_iter().take(TIPS_MAX).collect();
        // The circle's sealing key: nothing is boxed to it while its slices are its own.
        let sealing = SealingSecret::from_seed(Key::random(rng).as_bytes()).public();
        let kind = Kind::Ring {
            parents: (parents.iter())
                .map(|id| StatementId::from_bytes(*id.as_bytes()))
                .collect(),
            commit: ring.commit(self.circle.as_bytes()),
            sealing,
            removed,
        };
        let said = self.say(Subject::Circle(self.circle), kind)?;
        let id = key_of(&said.id());
        self.ring_ids.insert(id);
        self.rings.insert(id, ring.clone());
        news.statements.push(said);
        let Some(target) = self.ring_target(&id) else {
            return Ok(());
        };
        for to in self.recipients().iter().take(ROTATION_OBJECTS_MAX) {
            let sealed = KeyObject::seal(rng, to, &self.tag_key, &target, ring.key());
            news.objects.extend(sealed);
        }
        for object in &news.objects {
            self.objects.insert(object.clone());
        }
        self.open_keys();
        Ok(())
    }

    fn rotate_part(
        &mut self,
        part: PartNumber,
        rng: &mut impl CryptoRng,
        news: &mut News,
    ) -> Result<(), SayError> {
        let slice = self.access.id();
        let membership = self
            .membership(&Subject::Slice(slice))
            .ok_or(SayError::Signer)?;
        let levels = self.levels();
        let Some((ring_id, ring)) = self.ring_to_seal_under() else {
            return Ok(());
        };
        let level = levels.parts.get(&part);
        let (parents, removed) = match level {
            Some(level) => level.next(PARENTS_MAX),
            None => (Vec::new(), self.access.statements().removals()),
        };
        let next = Next {
            slice,
            part,
            parents: (parents.iter())
                .map(|id| GenerationId::from_bytes(*id.as_bytes()))
                .collect(),
            removed,
        };
        let key = ContentKey::random(rng);
        let issuer = Issuer {
            membership,
            signing: &self.me.signing,
        };
        let record: GenerationRecord = next.record(&key);
        let batch = GenerationBatch::sign(issuer, &[ring_id], vec![record.clone()])
            .expect("one record, one key under which it is, and at most PARENTS_MAX parents");
        let signed = batch.generations().next().expect("one record");
        let target = Target::content(signed.id(), &record);
        let wrap = KeyObject::wrap(ring_id, &ring, &self.tag_key, &target, key.key());
        news.objects.extend(wrap.iter().cloned());
        if let Ok(object) = wrap {
            self.objects.insert(object);
        }
        news.generations.push(signed.clone());
        // Made by a device that speaks for the slice.
        let _ = self.take_generation(signed);
        Ok(())
    }

    /// Opens every key that what is held leads to, and what they open.
    pub(super) fn open_keys(&mut self) {
        let before = (self.rings.len(), self.opened());
        while self.open_some() {}
        if before != (self.rings.len(), self.opened()) {
            let logs: Vec<_> = self.logs.keys().copied().collect();
            for at in logs {
                self.open_log(at);
            }
        }
    }

    fn opened(&self) -> usize {
        self.generations
            .values()
            .filter(|held| held.key.is_some())
            .count()
    }

    fn open_some(&mut self) -> bool {
        let wanted: Vec<KeyId> = (self.ring_ids.iter())
            .filter(|id| !self.rings.contains_key(*id))
            .copied()
            .collect();
        let mut any = false;
        for id in wanted {
            let Some(target) = self.ring_target(&id) else {
                continue;
            };
            let sealing = self.me.sealing.clone();
            if let Some(key) = self.find(&target, self.mine, Opener::Sealing(&sealing)) {
                self.rings.insert(id, RingKey::new(key));
                any = true;
            }
        }
        let unopened = self
            .generations
            .iter()
            .filter(|(_, held)| held.key.is_none());
        let unopened: Vec<GenerationId> = unopened.map(|(id, _)| *id).collect();
        for id in unopened {
            any |= self.open_generation_key(&id);
        }
        any
    }

    /// Opens the key of one generation, and the entries that are sealed under it.
    pub(super) fn open_generation(&mut self, id: GenerationId) {
        if self.open_generation_key(&id) {
            let logs: Vec<_> = self.logs.keys().copied().collect();
            for at in logs {
                self.open_log(at);
            }
        }
    }

    fn open_generation_key(&mut self, id: &GenerationId) -> bool {
        let Some(held) = self.generations.get(id).filter(|held| held.key.is_none()) else {
            return false;
        };
        let target = Target::content(*id, held.signed.unverified());
        for under in held.signed.unverified_head().under.clone() {
            let Some(ring) = self.rings.get(&under).cloned() else {
                continue;
            };
            if let Some(key) = self.find(&target, under, Opener::Ring(&ring)) {
                if let Some(held) = self.generations.get_mut(id) {
                    held.key = Some(ContentKey::new(key));
                }
                return true;
            }
        }
        false
    }

    /// Opens what is kept for this reader. What does not open is not the one: it is dropped, and the true one
    /// can come.
    fn find(&mut self, target: &Target, reader: KeyId, opener: Opener<'_>) -> Option<Key> {
        let tag = Tag::of(&self.tag_key, target, reader);
        let opened = self.objects.get(&tag)?.open(opener, target);
        if opened.is_err() {
            self.objects.remove(&tag);
        }
        opened.ok()
    }

    /// Drops the objects that are for nobody who is known, or of no key that is: anybody can carry such.
    pub(super) fn forget_objects_of_nobody(&mut self) {
        let recipients = self.recipients();
        let readers: Vec<KeyId> = recipients.iter().map(SealingPublic::id).collect();
        let mut known = BTreeSet::new();
        for target in (self.ring_ids.iter()).filter_map(|id| self.ring_target(id)) {
            known.extend((readers.iter()).map(|to| Tag::of(&self.tag_key, &target, *to)));
        }
        for (id, held) in &self.generations {
            let target = Target::content(*id, held.signed.unverified());
            let under = held.signed.unverified_head().under.iter();
            known.extend(under.map(|ring| Tag::of(&self.tag_key, &target, *ring)));
        }
        self.objects.retain(|tag| known.contains(tag));
    }
}

pub(super) fn key_of(id: &StatementId) -> KeyId {
    KeyId::from_bytes(*id.as_bytes())
}
