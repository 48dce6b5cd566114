//! Which keys there are, which is sealed under, and the rotations that removals ask for.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;

use super::{HeldGeneration, Replica};
use crate::crypto::{Key, SealingPublic, SealingSecret};
use crate::evaluation::{Speaker, TIPS_MAX, Who};
use crate::generation::choice::{Choice, Generation, Owed, sealed_under};
use crate::generation::{
    ContentKey, GenerationBatch, GenerationRecord, Issuer, Next, PARENTS_MAX, SignedGeneration,
};
use crate::id::{GenerationId, KeyId, PersonId, StatementId};
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

impl Replica {
    /// Returns the generation under which entries of `part` are sealed.
    ///
    /// A key is tainted if whoever made it was removed, if it is sealed under a tainted one, or if a
    /// removal stands here that its maker did not know: then somebody removed may have it.
    ///
    /// # Errors
    /// [`Owed`]: level 0 is the circle's ring, level 1 the part.
    pub fn sealed_under(&self, part: PartNumber) -> Result<GenerationId, Owed> {
        let (rings, parts) = self.levels(part);
        sealed_under(&[rings, parts]).map(|id| GenerationId::from_bytes(*id.as_bytes()))
    }

    /// Carries out what is owed for `part`, lowest level first: a new key of the circle's ring, of the part,
    /// or both. Nothing if nothing is owed.
    ///
    /// # Errors
    /// [`SayError`] if this device may not announce a ring key.
    pub fn rotate(&mut self, part: PartNumber, rng: &mut impl CryptoRng) -> Result<News, SayError> {
        let mut news = News::default();
        // Each level once: what is made may not be all that is owed, and is given to others anyway.
        for _ in 0..2 {
            let Err(Owed { level }) = self.sealed_under(part) else {
                break;
            };
            let made = if level == 0 {
                self.rotate_ring(rng, &mut news)
            } else {
                self.rotate_part(part, rng, &mut news)
            };
            match made {
                Ok(()) => {}
                Err(_) if !news.statements.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(news)
    }

    /// Boxes ring keys to members' devices that have none of them: they joined after it was made, or
    /// were removed at the time and are no more. The current ring key and, if the circle's charter
    /// opens its past, all before it.
    ///
    /// A ring key is handed on only by whoever knows every removal that its maker knew: else it
    /// could go to the very device that it was made to keep out. For the same reason no ring key
    /// wraps an older one (found by the simulator: the maker of the newer may know less).
    #[must_use]
    pub fn hand_on(&self, rng: &mut impl CryptoRng) -> Vec<KeyObject> {
        let (rings, _) = self.levels(PartNumber::SINGLE);
        let opens_past = self.circle().charter().opens_past;
        let knew = Knowledge::of(
            self.ring_statements()
                .map(|ring| (ring.id, ring.parents, ring.removed)),
        );
        let members = self.circle().members().keys();
        let devices: Vec<_> = members.flat_map(|person| self.devices_of(person)).collect();
        let devices: Vec<_> = devices.iter().map(|to| (to, to.id())).collect();
        let mut given = Vec::new();
        for (id, ring) in &self.rings {
            let target = self
                .ring_target(id)
                .filter(|_| opens_past || rings.current() == Some(*id));
            let heard = |removal: &StatementId| self.has_heard(removal);
            let Some(target) = target.filter(|_| knew.of_key(id).iter().all(heard)) else {
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

    /// Whether this removal was heard of, whatever became of it.
    fn has_heard(&self, removal: &StatementId) -> bool {
        let circle = self.circle().statements().get(removal).is_some();
        let mut people = self.known.people.values();
        circle || people.any(|of| of.statements().get(removal).is_some())
    }

    fn levels(&self, part: PartNumber) -> (Choice<KeyId>, Choice<KeyId>) {
        let circle = self.circle().statements();
        let (of_circle, of_slice) = self.removals();
        let knew = Knowledge::of(
            self.ring_statements()
                .map(|ring| (ring.id, ring.parents, ring.removed)),
        );
        let mut rings = BTreeMap::new();
        for ring in self.ring_statements() {
            let Some(place) = circle.history().place(&ring.id) else {
                continue;
            };
            let maker = circle.history().get(place).author;
            let generation = Generation {
                parents: ring.parents.iter().map(key_of).collect(),
                counts: circle.outcome().stands(place),
                maker_removed: !circle.outcome().speaks(&maker),
                exposed: !knew.all(&ring.id, &of_circle),
            };
            rings.insert(key_of(&ring.id), generation);
        }
        let rings = Choice::among(&rings);
        let of_part = |held: &&HeldGeneration| held.signed.unverified().part == part;
        let held: Vec<_> = self.generations.values().filter(of_part).collect();
        let knew = Knowledge::of(held.iter().map(|held| {
            let record = held.signed.unverified();
            (held.signed.id(), &record.parents, &record.removed)
        }));
        let mut parts = BTreeMap::new();
        for held in held {
            let (id, record) = (held.signed.id(), held.signed.unverified());
            let head = held.signed.unverified_head();
            let maker = Speaker {
                membership: head.membership,
                key: *head.device.as_bytes(),
            };
            let under = head.under.iter().any(|under| rings.is_tainted(under));
            let generation = Generation {
                parents: (record.parents.iter())
                    .map(|id| KeyId::from_bytes(*id.as_bytes()))
                    .collect(),
                counts: head.under.len() == 1,
                maker_removed: !self.access.statements().outcome().speaks(&maker),
                exposed: under || !knew.all(&id, &of_slice),
            };
            parts.insert(KeyId::from_bytes(*id.as_bytes()), generation);
        }
        (rings, Choice::among(&parts))
    }

    /// The removals that stand: of whoever has had the circle's ring, and in the slice.
    fn removals(&self) -> (BTreeSet<StatementId>, BTreeSet<StatementId>) {
        let circle = self.circle().statements();
        let members = circle.outcome().members().values();
        let persons = members.filter_map(|member| match member.who {
            Who::Person(person) => self.known.people.get(&person),
            Who::Key(_) | Who::Circle(_) | Who::Service(_) => None,
        });
        let of_persons = persons.flat_map(|person| person.statements().removals());
        let of_circle = circle.removals().into_iter().chain(of_persons).collect();
        (
            of_circle,
            self.access.statements().removals().into_iter().collect(),
        )
    }

    fn ring_statements(&self) -> impl Iterator<Item = RingStatement<'_>> {
        (self.circle().statements().iter()).filter_map(|said| {
            let Kind::Ring {
                parents, removed, ..
            } = &said.statement().kind
            else {
                return None;
            };
            Some(RingStatement {
                id: said.id(),
                parents,
                removed,
            })
        })
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

    /// The sealing keys of a person's devices.
    fn devices_of(&self, person: &PersonId) -> Vec<SealingPublic> {
        let devices = self
            .known
            .people
            .get(person)
            .map(|of| of.devices().values());
        devices
            .into_iter()
            .flatten()
            .map(|device| device.sealing.clone())
            .collect()
    }

    fn rotate_ring(&mut self, rng: &mut impl CryptoRng, news: &mut News) -> Result<(), SayError> {
        let ring = RingKey::random(rng);
        let mut parents: Vec<StatementId> = self.ring_statements().map(|ring| ring.id).collect();
        let replaced: Vec<StatementId> = (self.ring_statements())
            .flat_map(|ring| ring.parents.clone())
            .collect();
        parents.retain(|id| !replaced.contains(id));
        parents.sort_unstable();
        parents.truncate(HEADS_MAX);
        let knew = Knowledge::of(
            self.ring_statements()
                .map(|ring| (ring.id, ring.parents, ring.removed)),
        );
        let removed = knew
            .not_in_any(&parents, &self.removals().0)
            .take(TIPS_MAX)
            .collect();
        // The circle's sealing key: nothing is boxed to it while its slices are its own.
        let sealing = SealingSecret::from_seed(Key::random(rng).as_bytes()).public();
        let kind = Kind::Ring {
            parents: parents.clone(),
            commit: ring.commit(self.circle.as_bytes()),
            sealing,
            removed,
        };
        let said = self.say(Subject::Circle(self.circle), kind)?;
        let id = key_of(&said.id());
        self.rings.insert(id, ring.clone());
        news.statements.push(said);
        let Some(target) = self.ring_target(&id) else {
            return Ok(());
        };
        let members: Vec<_> = self.circle().members().keys().copied().collect();
        let devices: Vec<_> = members
            .iter()
            .flat_map(|person| self.devices_of(person))
            .collect();
        for to in devices.iter().take(ROTATION_OBJECTS_MAX) {
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
        let (rings, _) = self.levels(part);
        let slice = self.access.id();
        let membership = self
            .membership(&Subject::Slice(slice))
            .ok_or(SayError::Signer)?;
        let Some((ring_id, ring)) = rings
            .current()
            .and_then(|id| Some((id, self.rings.get(&id)?.clone())))
        else {
            return Ok(());
        };
        let of_part = |held: &&SignedGeneration| held.unverified().part == part;
        let all: Vec<_> = self.generations().filter(of_part).collect();
        let replaced: Vec<GenerationId> = all
            .iter()
            .flat_map(|held| held.unverified().parents.clone())
            .collect();
        let mut parents: Vec<GenerationId> = all.iter().map(|held| held.id()).collect();
        parents.retain(|id| !replaced.contains(id));
        parents.sort_unstable();
        parents.truncate(PARENTS_MAX);
        let knew = Knowledge::of(all.iter().map(|held| {
            let record = held.unverified();
            (held.id(), &record.parents, &record.removed)
        }));
        let removed = knew.not_in_any(&parents, &self.removals().1).collect();
        let next = Next {
            slice,
            part,
            parents,
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
        let mine = self.mine;
        let wanted: Vec<KeyId> = (self.ring_statements())
            .map(|ring| key_of(&ring.id))
            .filter(|id| !self.rings.contains_key(id))
            .collect();
        let mut found = Vec::new();
        for id in wanted {
            let Some(target) = self.ring_target(&id) else {
                continue;
            };
            let key = self.find(&target, mine, Opener::Sealing(&self.me.sealing));
            found.extend(key.map(|key| (id, RingKey::new(key))));
        }
        let mut opened = Vec::new();
        for (id, held) in self
            .generations
            .iter()
            .filter(|(_, held)| held.key.is_none())
        {
            let target = Target::content(*id, held.signed.unverified());
            let key = held
                .signed
                .unverified_head()
                .under
                .iter()
                .find_map(|under| self.find(&target, *under, Opener::Ring(self.rings.get(under)?)));
            opened.extend(key.map(|key| (*id, ContentKey::new(key))));
        }
        let any = !found.is_empty() || !opened.is_empty();
        self.rings.extend(found);
        for (id, key) in opened {
            if let Some(held) = self.generations.get_mut(&id) {
                held.key = Some(key);
            }
        }
        any
    }

    fn find(&self, target: &Target, recipient: KeyId, opener: Opener<'_>) -> Option<Key> {
        let object = self
            .objects
            .get(&Tag::of(&self.tag_key, target, recipient))?;
        object.open(opener, target).ok()
    }
}

struct RingStatement<'a> {
    id: StatementId,
    parents: &'a Vec<StatementId>,
    removed: &'a Vec<StatementId>,
}

/// Which removals the makers of keys knew: what a key names, and all that those before it do.
struct Knowledge<Id>(BTreeMap<Id, BTreeSet<StatementId>>);

impl<Id: Copy + Ord> Knowledge<Id> {
    /// From keys with what they replace and what they name. One that is not known adds nothing.
    fn of<'a>(keys: impl Iterator<Item = (Id, &'a Vec<Id>, &'a Vec<StatementId>)>) -> Self
    where
        Id: 'a,
    {
        let keys: BTreeMap<Id, (&Vec<Id>, &Vec<StatementId>)> = keys
            .map(|(id, parents, removed)| (id, (parents, removed)))
            .collect();
        let mut knew: BTreeMap<Id, BTreeSet<StatementId>> = BTreeMap::new();
        for id in keys.keys() {
            // Depth first, without recursion: a key's name is the hash of what names those before it.
            let mut open = vec![*id];
            while let Some(top) = open.last().copied() {
                let (parents, removed) = keys[&top];
                let missing = (parents.iter())
                    .find(|parent| keys.contains_key(parent) && !knew.contains_key(parent));
                if let Some(parent) = missing.filter(|_| !knew.contains_key(&top)) {
                    open.push(*parent);
                    continue;
                }
                let mut all: BTreeSet<StatementId> = removed.iter().copied().collect();
                all.extend(
                    parents
                        .iter()
                        .filter_map(|parent| knew.get(parent))
                        .flatten(),
                );
                knew.insert(top, all);
                open.pop();
            }
        }
        Self(knew)
    }

    /// Whether the maker of a key knew all of these.
    fn all(&self, id: &Id, removals: &BTreeSet<StatementId>) -> bool {
        self.0
            .get(id)
            .is_some_and(|knew| knew.is_superset(removals))
    }

    /// Those of `removals` that the makers of none of these knew.
    fn not_in_any<'a>(
        &'a self,
        keys: &'a [Id],
        removals: &'a BTreeSet<StatementId>,
    ) -> impl Iterator<Item = StatementId> + 'a {
        (removals.iter().copied()).filter(move |removal| {
            !(keys.iter().filter_map(|id| self.0.get(id))).any(|knew| knew.contains(removal))
        })
    }
}

impl Knowledge<StatementId> {
    fn of_key(&self, id: &KeyId) -> BTreeSet<StatementId> {
        let id = StatementId::from_bytes(*id.as_bytes());
        self.0.get(&id).cloned().unwrap_or_default()
    }
}

fn key_of(id: &StatementId) -> KeyId {
    KeyId::from_bytes(*id.as_bytes())
}
