//! Who a person is, and which devices speak for them.
//!
//! A person starts with a [`Charter`]: a root key that comes from a recovery phrase and is kept
//! on no device, and a recovery key to box things to. The charter's hash is the [`PersonId`].
//! Under it stand [`Statement`]s, a hash chain per issuer, that admit devices. Charter and
//! statements together are an [`Authority`]; it is no secret from contacts and is passed around
//! whole. From outside it comes as an [`UnverifiedAuthority`].
//!
//! Today only the root issues statements, and they only admit. Removal, admission by a senior
//! device, and replacing the root are not here yet; `Charter::next_root` reserves the last.
//!
//! **Invariants.** Every device in an [`Authority`] signed its own admission, so nobody can
//! admit a key that they do not hold; no device, transport key or rank occurs twice; nothing
//! here knows a person's name.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use crate::crypto::{self, SealingPublic, SigningKey, domain};
use crate::id::{DeviceId, MembershipId, PersonId, TransportId};
use crate::signed::{Record, Signed};
use crate::wire::{self, STATEMENT_BYTES_MAX, V1, WireError};

/// Most statements of one authority: a person's devices over the years.
pub const STATEMENTS_MAX: usize = 64;
/// Longest authority: a charter and [`STATEMENTS_MAX`] admissions of about 1.7 KB.
pub const AUTHORITY_BYTES_MAX: usize = 256 * 1024;

/// How a person begins. Its hash is their id.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Charter {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// The root key, which admits devices.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// What the recovery phrase opens.
    #[n(2)]
    pub recovery: SealingPublic,
    /// Hash of the root key that may replace this one; not used yet.
    #[n(3)]
    pub next_root: Option<NextRoot>,
    /// Random, so that one phrase may found several persons.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 16],
}

/// Hash of a root key that nobody has seen yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct NextRoot(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

fn person_id(charter_bytes: &[u8]) -> PersonId {
    PersonId::from_bytes(crypto::hash(domain::PERSON_ID, &[charter_bytes]))
}

fn statement_hash(signed: &Signed<Statement>) -> [u8; 32] {
    crypto::hash(domain::STATEMENT_HASH, &[signed.signed_bytes()])
}

/// One thing that is so from now on, in the log of who says it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Statement {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// About whom.
    #[n(1)]
    pub principal: PersonId,
    /// Who says so: the root key.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub issuer: [u8; 32],
    /// Which statement of this issuer, from 0.
    #[n(3)]
    pub seq: u64,
    /// Hash of the issuer's statement before; zeros before the first.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub previous: [u8; 32],
    /// What is so.
    #[n(5)]
    pub kind: StatementKind,
}

impl Record for Statement {
    const DOMAIN: &'static str = domain::STATEMENT;
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
#[non_exhaustive]
pub enum StatementKind {
    /// A device speaks for the person.
    #[n(0)]
    Admit {
        /// Its signing key.
        #[n(0)]
        device: DeviceId,
        /// What is boxed to it.
        #[n(1)]
        sealing: SealingPublic,
        /// Where it is met.
        #[n(2)]
        transport: TransportId,
        /// Its seniority: 1 is the most senior, no two are equal.
        #[n(3)]
        rank: u32,
        /// The device's own signature over all of this, see [`NewDevice`].
        #[n(4)]
        #[cbor(with = "minicbor::bytes")]
        consent: [u8; 64],
    },
}

/// What a device signs to be admitted.
#[derive(Encode)]
#[cbor(array)]
struct Admission<'a> {
    #[n(0)]
    version: V1,
    #[n(1)]
    principal: PersonId,
    #[n(2)]
    device: DeviceId,
    #[n(3)]
    sealing: &'a SealingPublic,
    #[n(4)]
    transport: TransportId,
    #[n(5)]
    rank: u32,
}

impl Admission<'_> {
    fn bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

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

/// One device that speaks for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The admission by which it speaks: the hash of that statement.
    pub membership: MembershipId,
    /// Its signing key.
    pub signing: DeviceId,
    /// What is boxed to it.
    pub sealing: SealingPublic,
    /// Where it is met.
    pub transport: TransportId,
    /// Its seniority: 1 is the most senior.
    pub rank: u32,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct AuthorityWire {
    #[n(0)]
    version: V1,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    charter: Vec<u8>,
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, Signed<Statement>, STATEMENTS_MAX>")]
    statements: Vec<Signed<Statement>>,
}

/// Why an authority was refused. Whoever sent it is at fault; ask the person for theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The charter is not readable.
    #[error("the charter is not readable")]
    Charter(#[source] WireError),
    /// It is another person's.
    #[error("this is about {got}, not about {expected}")]
    OtherPerson {
        /// Who was meant.
        expected: PersonId,
        /// Whose it is.
        got: PersonId,
    },
    /// A statement is about somebody else.
    #[error("statement {index} is about another person")]
    OtherPrincipal {
        /// Which statement.
        index: usize,
    },
    /// A statement's issuer may not issue it.
    #[error("statement {index} is not by the root key")]
    Issuer {
        /// Which statement.
        index: usize,
    },
    /// A statement does not follow the one before.
    #[error("statement {index} does not continue the chain")]
    Chain {
        /// Which statement.
        index: usize,
    },
    /// A statement's signature does not hold.
    #[error("the signature of statement {index} does not hold")]
    Signature {
        /// Which statement.
        index: usize,
    },
    /// The admitted device did not sign its admission.
    #[error("the device of statement {index} did not consent")]
    Consent {
        /// Which statement.
        index: usize,
    },
    /// A device, transport key or rank that is there already, or rank 0.
    #[error("statement {index} admits a device, node or rank twice")]
    Twice {
        /// Which statement.
        index: usize,
    },
    /// Nobody speaks for the person.
    #[error("no device is admitted")]
    NoDevice,
}

/// Whether signatures are still to be checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signatures {
    Check,
    /// They were checked before these bytes went into our own store.
    KnownToHold,
}

/// An authority as it came from outside.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedAuthority(AuthorityWire);

impl UnverifiedAuthority {
    /// Reads an authority; verifies nothing.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not one authority in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, AUTHORITY_BYTES_MAX).map(Self)
    }

    /// Returns whom this claims to be about, so that the caller can look up whom it expects.
    #[must_use]
    pub fn claimed_person(&self) -> PersonId {
        person_id(&self.0.charter)
    }

    /// Checks everything: the charter against `expected`, and every statement in order.
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
        let got = self.claimed_person();
        if got != expected {
            return Err(AuthorityError::OtherPerson { expected, got });
        }
        let charter: Charter =
            wire::decode(&self.0.charter, STATEMENT_BYTES_MAX).map_err(AuthorityError::Charter)?;
        let mut authority = Authority {
            person: got,
            charter,
            devices: BTreeMap::new(),
            wire: AuthorityWire {
                version: V1,
                charter: self.0.charter,
                statements: Vec::new(),
            },
        };
        for statement in self.0.statements {
            authority.take(statement, signatures)?;
        }
        if authority.devices.is_empty() {
            return Err(AuthorityError::NoDevice);
        }
        Ok(authority)
    }
}

/// Who speaks for a person, verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    person: PersonId,
    charter: Charter,
    devices: BTreeMap<DeviceId, DeviceRecord>,
    wire: AuthorityWire,
}

impl Authority {
    /// Makes a person with one device of rank 1.
    #[must_use]
    pub fn found(
        root: &SigningKey,
        recovery: SealingPublic,
        device: NewDevice<'_>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let charter = Charter {
            version: V1,
            root: root.public(),
            recovery,
            next_root: None,
            salt,
        };
        let charter_bytes = wire::encode(&charter);
        let mut authority = Self {
            person: person_id(&charter_bytes),
            charter,
            devices: BTreeMap::new(),
            wire: AuthorityWire {
                version: V1,
                charter: charter_bytes,
                statements: Vec::new(),
            },
        };
        authority
            .admit(root, device)
            .expect("the first device of a fresh charter, signed by its root");
        authority
    }

    /// Admits one more device, junior to all others.
    ///
    /// # Errors
    /// [`AuthorityError`] if `root` is not this person's, or the device or its transport key is
    /// there already. The authority is then unchanged.
    pub fn admit(
        &mut self,
        root: &SigningKey,
        device: NewDevice<'_>,
    ) -> Result<(), AuthorityError> {
        let rank = self
            .devices
            .values()
            .map(|device| device.rank)
            .max()
            .unwrap_or(0)
            + 1;
        let id = DeviceId::from_bytes(device.signing.public());
        let admission = Admission {
            version: V1,
            principal: self.person,
            device: id,
            sealing: device.sealing,
            transport: device.transport,
            rank,
        };
        let consent = device.signing.sign(domain::ADMISSION, &admission.bytes());
        let statement = Statement {
            version: V1,
            principal: self.person,
            issuer: root.public(),
            seq: self.wire.statements.len() as u64,
            previous: self.head(),
            kind: StatementKind::Admit {
                device: id,
                sealing: device.sealing.clone(),
                transport: device.transport,
                rank,
                consent,
            },
        };
        self.take(Signed::sign(statement, root), Signatures::Check)
    }

    /// Returns whose authority this is.
    #[must_use]
    pub const fn person(&self) -> PersonId {
        self.person
    }

    /// Returns how the person began.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Returns the devices that speak for the person; never empty.
    #[must_use]
    pub const fn devices(&self) -> &BTreeMap<DeviceId, DeviceRecord> {
        &self.devices
    }

    /// Returns one device, if it speaks for the person.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceRecord> {
        self.devices.get(id)
    }

    /// Returns the device that is met at `transport`.
    #[must_use]
    pub fn device_of_transport(&self, transport: &TransportId) -> Option<&DeviceRecord> {
        self.devices
            .values()
            .find(|device| device.transport == *transport)
    }

    /// Returns whether this authority says all that `older` says, in the same statements, and
    /// perhaps more. Of one person, the one that extends the other stands; where neither does,
    /// the root has signed two histories.
    #[must_use]
    pub fn extends(&self, older: &Self) -> bool {
        self.person == older.person
            && self.wire.statements.len() >= older.wire.statements.len()
            && std::iter::zip(&self.wire.statements, &older.wire.statements)
                .all(|(mine, theirs)| mine.signed_bytes() == theirs.signed_bytes())
    }

    /// Returns the whole authority as bytes, charter and statements as received.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.wire)
    }

    /// Returns the hash of the last statement; zeros before the first.
    fn head(&self) -> [u8; 32] {
        self.wire.statements.last().map_or([0; 32], statement_hash)
    }

    /// Checks the next statement and applies it, or changes nothing.
    fn take(
        &mut self,
        signed: Signed<Statement>,
        signatures: Signatures,
    ) -> Result<(), AuthorityError> {
        let index = self.wire.statements.len();
        let claimed = signed.unverified();
        if claimed.principal != self.person {
            return Err(AuthorityError::OtherPrincipal { index });
        }
        if claimed.issuer != self.charter.root {
            return Err(AuthorityError::Issuer { index });
        }
        if index >= STATEMENTS_MAX || claimed.seq != index as u64 || claimed.previous != self.head()
        {
            return Err(AuthorityError::Chain { index });
        }
        if signatures == Signatures::Check {
            signed
                .check(&self.charter.root)
                .map_err(|_| AuthorityError::Signature { index })?;
        }
        let statement = signed.unverified();
        match &statement.kind {
            StatementKind::Admit {
                device,
                sealing,
                transport,
                rank,
                consent,
            } => {
                if signatures == Signatures::Check {
                    let admission = Admission {
                        version: V1,
                        principal: self.person,
                        device: *device,
                        sealing,
                        transport: *transport,
                        rank: *rank,
                    };
                    crypto::verify(
                        device.as_bytes(),
                        domain::ADMISSION,
                        &admission.bytes(),
                        consent,
                    )
                    .map_err(|_| AuthorityError::Consent { index })?;
                }
                let taken: BTreeSet<_> = self.devices.values().map(|device| device.rank).collect();
                if *rank == 0
                    || taken.contains(rank)
                    || self.devices.contains_key(device)
                    || self.device_of_transport(transport).is_some()
                {
                    return Err(AuthorityError::Twice { index });
                }
                let record = DeviceRecord {
                    membership: MembershipId::from_bytes(statement_hash(&signed)),
                    signing: *device,
                    sealing: sealing.clone(),
                    transport: *transport,
                    rank: *rank,
                };
                self.devices.insert(*device, record);
            }
        }
        self.wire.statements.push(signed);
        Ok(())
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
            .field("claimed_person", &self.claimed_person())
            .finish_non_exhaustive()
    }
}

/// What the words on paper yield.
pub mod phrase {
    use zeroize::Zeroizing;

    use crate::crypto::{SealingSecret, SigningKey, domain, hash};

    /// The keys that come from the words and are kept on no device.
    #[derive(Clone, Debug)]
    pub struct PhraseKeys {
        /// Admits devices.
        pub root: SigningKey,
        /// Opens what is boxed for recovery.
        pub recovery: SealingSecret,
    }

    /// Derives the keys from the seed that the words encode, of whatever length.
    #[must_use]
    pub fn keys(seed: &[u8]) -> PhraseKeys {
        let root = Zeroizing::new(hash(domain::PHRASE_ROOT, &[seed]));
        let recovery = Zeroizing::new(hash(domain::PHRASE_RECOVERY, &[seed]));
        PhraseKeys {
            root: SigningKey::from_seed(&root),
            recovery: SealingSecret::from_seed(&recovery),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SealingSecret;
    use crate::testing::{Someone, keeps_the_rules, rng};

    /// A device by number, to be admitted.
    struct Spare {
        signing: SigningKey,
        sealing: SealingPublic,
        transport: TransportId,
    }

    impl Spare {
        fn new(number: u8) -> Self {
            Self {
                signing: SigningKey::from_seed(&[number; 32]),
                sealing: SealingSecret::from_seed(&[number; 32]).public(),
                transport: TransportId::from_bytes([number; 32]),
            }
        }

        fn as_new(&self) -> NewDevice<'_> {
            NewDevice {
                signing: &self.signing,
                sealing: &self.sealing,
                transport: self.transport,
            }
        }
    }

    fn received(authority: &Authority) -> UnverifiedAuthority {
        UnverifiedAuthority::decode(&authority.to_bytes()).unwrap()
    }

    /// Ines's authority as somebody with the root key but other intentions would write it.
    fn forged(change: impl FnOnce(&mut Statement), signer: Option<&SigningKey>) -> AuthorityError {
        let ines = Someone::new(1);
        let mut sent = received(&ines.authority);
        let mut statement = sent.0.statements[0].unverified().clone();
        change(&mut statement);
        sent.0.statements[0] = Signed::sign(statement, signer.unwrap_or(&ines.root));
        sent.verify(ines.id()).unwrap_err()
    }

    #[test]
    fn an_authority_keeps_the_rules_of_the_wire() {
        let mut ines = Someone::new(1);
        ines.authority
            .admit(&ines.root, Spare::new(70).as_new())
            .unwrap();
        keeps_the_rules(&ines.authority.wire, AUTHORITY_BYTES_MAX);
        keeps_the_rules(ines.authority.charter(), STATEMENT_BYTES_MAX);
        let charter = Charter {
            next_root: Some(NextRoot([4; 32])),
            ..ines.authority.charter
        };
        keeps_the_rules(&charter, STATEMENT_BYTES_MAX);
    }

    #[test]
    fn an_authority_is_verified_by_the_persons_id_alone() {
        let mut ines = Someone::new(1);
        ines.authority
            .admit(&ines.root, Spare::new(70).as_new())
            .unwrap();
        let authority = received(&ines.authority).verify(ines.id()).unwrap();
        assert_eq!(authority, ines.authority);
        let ranks: Vec<_> = authority
            .devices()
            .values()
            .map(|device| device.rank)
            .collect();
        assert_eq!(ranks.iter().sum::<u32>(), 3);
        let spare = authority
            .device_of_transport(&Spare::new(70).transport)
            .unwrap();
        assert_eq!(
            (spare.rank, spare.signing.as_bytes()),
            (2, &Spare::new(70).signing.public())
        );
    }

    #[test]
    fn another_persons_authority_is_refused() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let got = received(&marc.authority).verify(ines.id());
        let refused = AuthorityError::OtherPerson {
            expected: ines.id(),
            got: marc.id(),
        };
        assert_eq!(got, Err(refused));
        // Nor can Marc put his own root under her name: the charter is the id.
        let mut mixed = received(&marc.authority);
        mixed.0.charter = received(&ines.authority).0.charter;
        assert_eq!(
            mixed.verify(ines.id()),
            Err(AuthorityError::OtherPrincipal { index: 0 })
        );
    }

    #[test]
    fn what_was_verified_before_is_built_again_and_a_damaged_store_is_noticed() {
        let ines = Someone::new(1);
        let bytes = ines.authority.to_bytes();
        let read = |bytes: &[u8]| UnverifiedAuthority::decode(bytes).unwrap();
        assert!(read(&bytes).verified_before(ines.id()) == Ok(ines.authority.clone()));
        assert!(matches!(
            read(&bytes).verified_before(Someone::new(2).id()),
            Err(AuthorityError::OtherPerson { .. })
        ));
        // A forged one is told apart by its signatures alone: never use it for what a peer sent.
        let mut forged = ines.authority.wire.clone();
        let statement = forged.statements[0].unverified().clone();
        forged.statements[0] = Signed::sign(statement, &ines.device);
        let forged = wire::encode(&forged);
        assert!(read(&forged).verify(ines.id()).is_err());
        assert!(read(&forged).verified_before(ines.id()).is_ok());
    }

    #[test]
    fn of_two_authorities_the_one_with_more_statements_extends_the_other() {
        let mut ines = Someone::new(1);
        let younger = ines.authority.clone();
        let phone = Someone::new(2);
        let device = NewDevice {
            signing: &phone.device,
            sealing: &phone.sealing.public(),
            transport: TransportId::from_bytes([99; 32]),
        };
        ines.authority.admit(&ines.root, device).unwrap();
        assert!(ines.authority.extends(&younger) && !younger.extends(&ines.authority));
        assert!(younger.extends(&younger));
        assert!(!younger.extends(&phone.authority));
    }

    #[test]
    fn only_the_root_admits() {
        let ines = Someone::new(1);
        let by_device = forged(
            |statement| statement.issuer = ines.device.public(),
            Some(&ines.device),
        );
        assert_eq!(by_device, AuthorityError::Issuer { index: 0 });
        let unsigned = forged(|_| {}, Some(&ines.device));
        assert_eq!(unsigned, AuthorityError::Signature { index: 0 });
    }

    #[test]
    fn nobody_admits_a_key_that_they_do_not_hold() {
        let marc = DeviceId::from_bytes(Someone::new(2).device.public());
        let admits_marc = |statement: &mut Statement| {
            let StatementKind::Admit { device, .. } = &mut statement.kind;
            *device = marc;
        };
        assert_eq!(
            forged(admits_marc, None),
            AuthorityError::Consent { index: 0 }
        );
        let moves_the_device = |statement: &mut Statement| {
            let StatementKind::Admit { transport, .. } = &mut statement.kind;
            *transport = TransportId::from_bytes([9; 32]);
        };
        assert_eq!(
            forged(moves_the_device, None),
            AuthorityError::Consent { index: 0 }
        );
        let promotes = |statement: &mut Statement| {
            let StatementKind::Admit { rank, .. } = &mut statement.kind;
            *rank = 0;
        };
        assert_eq!(forged(promotes, None), AuthorityError::Consent { index: 0 });
    }

    #[test]
    fn statements_are_a_chain() {
        let mut ines = Someone::new(1);
        ines.authority
            .admit(&ines.root, Spare::new(70).as_new())
            .unwrap();
        ines.authority
            .admit(&ines.root, Spare::new(71).as_new())
            .unwrap();
        let with = |order: &[usize]| {
            let mut sent = received(&ines.authority);
            let all = sent.0.statements.clone();
            sent.0.statements = order.iter().map(|index| all[*index].clone()).collect();
            sent.verify(ines.id())
        };
        assert!(with(&[0, 1, 2]).is_ok());
        assert!(
            with(&[0, 1]).is_ok(),
            "an older state of the same authority"
        );
        assert_eq!(with(&[1]), Err(AuthorityError::Chain { index: 0 }));
        assert_eq!(with(&[0, 2]), Err(AuthorityError::Chain { index: 1 }));
        assert_eq!(with(&[0, 0]), Err(AuthorityError::Chain { index: 1 }));
        assert_eq!(with(&[0, 2, 1]), Err(AuthorityError::Chain { index: 1 }));
        assert_eq!(with(&[]), Err(AuthorityError::NoDevice));
        let other = forged(|statement| statement.previous = [1; 32], None);
        assert_eq!(other, AuthorityError::Chain { index: 0 });
    }

    #[test]
    fn nothing_is_admitted_twice() {
        let mut ines = Someone::new(1);
        let before = ines.authority.clone();
        let again = NewDevice {
            signing: &ines.device,
            sealing: &ines.sealing.public(),
            transport: TransportId::from_bytes([9; 32]),
        };
        let refused = Err(AuthorityError::Twice { index: 1 });
        assert_eq!(ines.authority.admit(&ines.root, again), refused);
        let taken = before.devices().values().next().unwrap().transport;
        let spare = Spare {
            transport: taken,
            ..Spare::new(70)
        };
        assert_eq!(ines.authority.admit(&ines.root, spare.as_new()), refused);
        assert_eq!(ines.authority, before);
    }

    #[test]
    fn one_statement_past_the_bound_is_refused() {
        let mut ines = Someone::new(1);
        for number in 0..63 {
            ines.authority
                .admit(&ines.root, Spare::new(100 + number).as_new())
                .unwrap();
        }
        assert!(received(&ines.authority).verify(ines.id()).is_ok());
        let full = ines.authority.admit(&ines.root, Spare::new(99).as_new());
        assert_eq!(
            full,
            Err(AuthorityError::Chain {
                index: STATEMENTS_MAX
            })
        );
        let mut wire = ines.authority.wire.clone();
        wire.statements.push(wire.statements[0].clone());
        let got = UnverifiedAuthority::decode(&wire::encode(&wire));
        assert!(matches!(got, Err(WireError::Malformed { .. })));
    }

    #[test]
    fn the_same_words_yield_the_same_keys() {
        let (a, b) = (phrase::keys(&[1; 64]), phrase::keys(&[1; 64]));
        assert_eq!(a.root.public(), b.root.public());
        assert_eq!(a.recovery.public(), b.recovery.public());
        assert_ne!(a.root.public(), phrase::keys(&[2; 64]).root.public());
    }

    #[test]
    fn one_phrase_may_found_several_persons() {
        let keys = phrase::keys(&[1; 64]);
        let spare = Spare::new(70);
        let found = |seed| {
            let recovery = keys.recovery.public();
            Authority::found(&keys.root, recovery, spare.as_new(), &mut rng(seed)).person()
        };
        assert_ne!(found(1), found(2));
        assert_eq!(found(1), found(1));
    }
}
