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
use crate::id::{DeviceId, PersonId, TransportId};
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
            authority.take(statement)?;
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
        self.take(Signed::sign(statement, root))
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

    /// Returns the whole authority as bytes, charter and statements as received.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.wire)
    }

    /// Returns the hash of the last statement; zeros before the first.
    fn head(&self) -> [u8; 32] {
        self.wire.statements.last().map_or([0; 32], |last| {
            crypto::hash(domain::STATEMENT_HASH, &[last.signed_bytes()])
        })
    }

    /// Checks the next statement and applies it, or changes nothing.
    fn take(&mut self, signed: Signed<Statement>) -> Result<(), AuthorityError> {
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
        let statement = signed
            .check(&self.charter.root)
            .map_err(|_| AuthorityError::Signature { index })?;
        match &statement.kind {
            StatementKind::Admit {
                device,
                sealing,
                transport,
                rank,
                consent,
            } => {
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
                let taken: BTreeSet<_> = self.devices.values().map(|device| device.rank).collect();
                if *rank == 0
                    || taken.contains(rank)
                    || self.devices.contains_key(device)
                    || self.device_of_transport(transport).is_some()
                {
                    return Err(AuthorityError::Twice { index });
                }
                let record = DeviceRecord {
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
