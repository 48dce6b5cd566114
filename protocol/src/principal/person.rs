//! A person: a root key on paper, and devices by rank.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;

use super::{Charter, Founding, PRINCIPAL_BYTES_MAX, PrincipalError, founder};
use crate::crypto::{SealingPublic, SigningKey};
use crate::evaluation::{
    Directory, InsertError, PrincipalKey, RANK_MAX, Rule, Seniority, Speaker, Standing, Who,
};
use crate::id::{DeviceId, InstallationId, MembershipId, PersonId, TransportId};
use crate::statement::set::{SetWire, Signatures};
use crate::statement::{Consent, Kind, SayError, SignedStatement, Signer, StatementSet, Subject};
use crate::wire::{self, V1, WireError};

/// A device to be admitted, by somebody who holds its key.
#[derive(Clone, Copy, Debug)]
pub struct NewDevice<'a> {
    /// Its signing key, to consent with.
    pub signing: &'a SigningKey,
    /// What is boxed to it.
    pub sealing: &'a SealingPublic,
    /// Where it is met.
    pub transport: TransportId,
}

impl NewDevice<'_> {
    /// Returns the admission of this device at `rank` by whoever speaks by `admitter`: it consents
    /// to that and to nothing else.
    #[must_use]
    pub fn consent(&self, person: PersonId, admitter: MembershipId, rank: u32) -> Kind {
        let device = DeviceId::from_bytes(self.signing.public());
        let said = Consent::of_device(person, admitter, device, self.sealing, self.transport, rank);
        Kind::Device {
            device,
            sealing: self.sealing.clone(),
            transport: self.transport,
            rank,
            consent: said.sign(self.signing),
        }
    }
}

/// One device that speaks for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The admission by which it speaks.
    pub membership: MembershipId,
    /// Its signing key.
    pub signing: DeviceId,
    /// What is boxed to it.
    pub sealing: SealingPublic,
    /// Where it is met.
    pub transport: TransportId,
    /// Its seniority: 1 is the most senior. Two that were admitted at the same time can be equal.
    pub rank: u32,
}

impl DeviceRecord {
    /// Returns the device as the author of statements.
    #[must_use]
    pub const fn speaker(&self) -> Speaker {
        Speaker {
            membership: self.membership,
            key: *self.signing.as_bytes(),
        }
    }
}

/// Why an authority was refused. Whoever sent it is at fault; ask the person for theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// It is another person's.
    #[error("this is about {got}, not about {expected}")]
    OtherPerson {
        /// Who was meant.
        expected: PersonId,
        /// Whose it is.
        got: PersonId,
    },
    /// It is a circle's.
    #[error("this is about a circle")]
    Circle,
    /// It does not hold.
    #[error("it does not hold")]
    Principal(#[from] PrincipalError),
    /// Nobody ever spoke for the person. Who once did may be forgotten, when the next root has cut it.
    #[error("no device is admitted")]
    NoDevice,
}

/// An authority as it came from outside.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedAuthority(SetWire);

impl UnverifiedAuthority {
    /// Reads an authority; verifies nothing.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not one authority in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, PRINCIPAL_BYTES_MAX).map(Self)
    }

    /// Returns whom this claims to be about, if its charter is one of a person.
    #[must_use]
    pub fn claimed_person(&self) -> Option<PersonId> {
        match super::claimed(&self.0) {
            Ok(Subject::Person(person)) => Some(person),
            Ok(Subject::Circle(_) | Subject::Slice(_) | Subject::Control(_)) | Err(_) => None,
        }
    }

    /// Returns the root key that this claims to stand on, if its charter is one of a person.
    #[must_use]
    pub fn claimed_root(&self) -> Option<[u8; 32]> {
        let charter = Charter::decode(&self.0.charter).ok()?;
        match (charter.rule, charter.founders.as_slice()) {
            (Rule::Rank, [Who::Key(root)]) => Some(*root),
            _ => None,
        }
    }

    /// Checks everything: the charter against `expected`, every signature, and the order.
    ///
    /// # Errors
    /// [`AuthorityError`] for the first thing that does not hold.
    pub fn verify(self, expected: PersonId) -> Result<Authority, AuthorityError> {
        self.build(expected, Signatures::Check)
    }

    /// Builds an authority again that was verified before and has been where nobody else writes
    /// since: a node's own store. Everything is checked but the signatures, two for each device,
    /// which cost a hundred times the rest.
    ///
    /// # Errors
    /// [`AuthorityError`] for the first thing that does not hold: the store is damaged.
    pub fn verified_before(self, expected: PersonId) -> Result<Authority, AuthorityError> {
        self.build(expected, Signatures::KnownToHold)
    }

    fn build(
        self,
        expected: PersonId,
        signatures: Signatures,
    ) -> Result<Authority, AuthorityError> {
        // The id first: of another's, nothing is worth a signature check.
        match super::claimed(&self.0)? {
            Subject::Person(got) if got == expected => {}
            Subject::Person(got) => return Err(AuthorityError::OtherPerson { expected, got }),
            Subject::Circle(_) | Subject::Slice(_) | Subject::Control(_) => {
                return Err(AuthorityError::Circle);
            }
        }
        let authority = Authority::of(Founding::build(self.0, signatures, &())?, expected);
        if authority.set.history().is_empty() {
            return Err(AuthorityError::NoDevice);
        }
        Ok(authority)
    }
}

/// Who speaks for a person, verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    person: PersonId,
    founding: Founding,
    set: StatementSet,
    devices: BTreeMap<DeviceId, DeviceRecord>,
}

impl Authority {
    /// Makes a person with one device, of this rank. `next_root` is the hash of the root key that may
    /// replace this one, from a second sheet of paper.
    ///
    /// # Panics
    /// Of a rank that no device can have.
    #[must_use]
    pub fn found(
        root: &SigningKey,
        recovery: SealingPublic,
        next_root: Option<super::NextRoot>,
        (device, rank): (NewDevice<'_>, u32),
        rng: &mut impl CryptoRng,
    ) -> Self {
        let (mut salt, mut installation) = ([0; 16], [0; 32]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut installation);
        let charter = Charter {
            version: V1,
            rule: Rule::Rank,
            founders: vec![Who::Key(root.public())],
            recovery: Some(recovery),
            next_root,
            opens_past: false,
            salt,
        };
        let begun = Founding::begin(charter).expect("a root and a recovery key");
        let Subject::Person(person) = begun.1.subject() else {
            unreachable!("the rule is a person's");
        };
        let mut authority = Self::of(begun, person);
        let signer = Signer {
            key: root,
            membership: authority.root(),
            installation: InstallationId::from_bytes(installation),
        };
        let admission = device.consent(person, authority.root(), rank);
        authority
            .say(&signer, admission)
            .expect("the first device, admitted by the root");
        authority
    }

    fn of((founding, set): (Founding, StatementSet), person: PersonId) -> Self {
        let mut authority = Self {
            person,
            founding,
            set,
            devices: BTreeMap::new(),
        };
        authority.list_devices();
        authority
    }

    /// Admits a device, junior to all others if there is such a rank.
    ///
    /// # Errors
    /// [`SayError`]; nothing is changed.
    pub fn admit(
        &mut self,
        signer: &Signer<'_>,
        device: &NewDevice<'_>,
    ) -> Result<MembershipId, SayError> {
        let ranks: BTreeSet<u32> = self.devices.values().map(|device| device.rank).collect();
        let junior = ranks.last().map_or(1, |last| last.saturating_add(1));
        let own = self
            .devices
            .values()
            .find(|of| of.membership == signer.membership);
        let below = own.map_or(0, |own| own.rank).saturating_add(1);
        // Somebody may have taken the last rank, so that nobody comes after them.
        let rank = ([junior].into_iter().chain(below..=RANK_MAX))
            .find(|rank| (below..=RANK_MAX).contains(rank) && !ranks.contains(rank))
            .ok_or(SayError::Rank)?;
        let kind = device.consent(self.person, signer.membership, rank);
        Ok(self.say(signer, kind)?.membership())
    }

    /// Says `kind` as the next statement of `signer`, citing all that is here.
    ///
    /// # Errors
    /// [`SayError`]; nothing is changed. What the author may not say is said and does not stand.
    pub fn say(&mut self, signer: &Signer<'_>, kind: Kind) -> Result<SignedStatement, SayError> {
        let said = self.set.say(signer, kind, &self.founding, &())?;
        self.list_devices();
        Ok(said)
    }

    /// Adds a statement of this person and judges all again.
    ///
    /// # Errors
    /// [`InsertError`]; nothing is changed.
    pub fn add(&mut self, said: SignedStatement) -> Result<(), InsertError> {
        self.add_all([said])
    }

    /// Adds statements of this person and judges all again. What was forgotten comes back only
    /// together with what cites it.
    ///
    /// # Errors
    /// [`InsertError`] of the first that does not fit: what it cites is missing, or there is no room
    /// for more of its author's. The others were added.
    pub fn add_all(
        &mut self,
        said: impl IntoIterator<Item = SignedStatement>,
    ) -> Result<(), InsertError> {
        let added = self.set.add(said, &self.founding, &());
        self.list_devices();
        added
    }

    /// Returns whose authority this is.
    #[must_use]
    pub const fn person(&self) -> PersonId {
        self.person
    }

    /// Returns what was said about the person, and what stands of it.
    #[must_use]
    pub const fn statements(&self) -> &StatementSet {
        &self.set
    }

    /// Returns how the person began.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.founding.charter
    }

    /// Returns the public half of the root key.
    #[must_use]
    pub fn root_key(&self) -> [u8; 32] {
        match self.charter().founders.as_slice() {
            [Who::Key(key)] => *key,
            _ => unreachable!("a person's charter has one key"),
        }
    }

    /// Whether the root key has said anything of the person. A charter alone is no proof that it has to do with them:
    /// whoever knows somebody's root key can name it in a charter of their own, with a next root that is theirs.
    #[must_use]
    pub fn has_root_spoken(&self) -> bool {
        let root = self.root();
        (self.set.iter()).any(|said| said.statement().membership == root)
    }

    /// Whether the root key speaks no more, since the one that replaces it has removed it.
    #[must_use]
    pub fn is_root_replaced(&self) -> bool {
        self.set.outcome().member(&self.root()).is_none()
    }

    /// Returns the ranks of all devices that speak, or spoke, for the person.
    #[must_use]
    pub fn ranks(&self) -> BTreeSet<u32> {
        let admitted = self.set.outcome().members().keys();
        let said = admitted.filter_map(|id| self.set.admission(id));
        said.filter_map(|said| {
            let Kind::Device { rank, .. } = said.statement().kind else {
                return None;
            };
            Some(rank)
        })
        .collect()
    }

    /// Returns the root key and, once it has spoken, the one that replaces it.
    pub(crate) fn root_keys(&self) -> Vec<[u8; 32]> {
        let next = self.next_root();
        let said = self.set.iter().map(SignedStatement::statement);
        let next = said
            .filter(|said| said.membership == next)
            .map(|said| said.key);
        [self.root_key()].into_iter().chain(next.take(1)).collect()
    }

    /// Returns the membership of the root key.
    #[must_use]
    pub fn root(&self) -> MembershipId {
        founder(&self.set.subject(), 0)
    }

    /// Returns the membership of the root key that may replace the first.
    #[must_use]
    pub fn next_root(&self) -> MembershipId {
        founder(&self.set.subject(), 1)
    }

    /// Returns the devices that speak for the person now.
    #[must_use]
    pub const fn devices(&self) -> &BTreeMap<DeviceId, DeviceRecord> {
        &self.devices
    }

    /// Returns one device, if it speaks for the person.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceRecord> {
        self.devices.get(id)
    }

    /// Returns the device that is met at `transport`; the most senior if several say so.
    #[must_use]
    pub fn device_of_transport(&self, transport: &TransportId) -> Option<&DeviceRecord> {
        let there = |device: &&DeviceRecord| device.transport == *transport;
        (self.devices.values().filter(there)).min_by_key(|device| (device.rank, device.signing))
    }

    /// Adds what `other`, of the same person, holds in addition; returns whether that was anything.
    pub fn merge(&mut self, other: &Self) -> bool {
        let changed = (self.set).merge(&other.set, &self.founding, &());
        self.list_devices();
        changed
    }

    /// Returns charter and statements as bytes: the same for the same statements.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.set.to_wire())
    }

    /// Returns all keys that speak or spoke for the person, each once. A key that was admitted several
    /// times stands at the most senior of these, and is removed if it was removed by any: what it said
    /// elsewhere does not tell by which.
    #[must_use]
    pub fn keys(&self) -> Vec<PrincipalKey> {
        let mut keys: BTreeMap<[u8; 32], PrincipalKey> = BTreeMap::new();
        for member in self.set.outcome().members().values() {
            let Who::Key(key) = member.who else {
                continue;
            };
            let found = PrincipalKey {
                key,
                whose: Who::Person(self.person),
                seniority: member.seniority.clone(),
                removed: member.standing != Standing::Speaks,
            };
            let known = keys.entry(key).or_insert_with(|| found.clone());
            known.removed |= found.removed;
            known.seniority = found.seniority.min(known.seniority.clone());
        }
        keys.into_values().collect()
    }

    fn list_devices(&mut self) {
        self.devices.clear();
        for (id, member) in self.set.outcome().members() {
            let said = self.set.admission(id);
            let Some(Kind::Device {
                device,
                sealing,
                transport,
                rank,
                ..
            }) = said.map(|said| &said.statement().kind)
            else {
                continue;
            };
            if member.standing != Standing::Speaks {
                continue;
            }
            let record = DeviceRecord {
                membership: *id,
                signing: *device,
                sealing: sealing.clone(),
                transport: *transport,
                rank: *rank,
            };
            let known = self.devices.get(device);
            // Who was admitted twice speaks by the more senior admission.
            if known.is_none_or(|known| (rank, id) < (&known.rank, &known.membership)) {
                self.devices.insert(*device, record);
            }
        }
    }
}

/// The persons that a node knows, by their authorities: who the keys of a circle's members are.
pub type People = BTreeMap<PersonId, Authority>;

impl Directory for People {
    fn keys(&self, who: &Who) -> Vec<PrincipalKey> {
        match who {
            Who::Key(key) => vec![PrincipalKey {
                key: *key,
                whose: *who,
                seniority: Seniority::default(),
                removed: false,
            }],
            Who::Person(person) => self.get(person).map_or_else(Vec::new, Authority::keys),
            Who::Circle(_) | Who::Service(_) => Vec::new(),
        }
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("person", &self.person)
            .field("devices", &self.devices.keys())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for UnverifiedAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnverifiedAuthority")
            .field("claimed", &super::claimed(&self.0))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "person_tests.rs"]
mod tests;
