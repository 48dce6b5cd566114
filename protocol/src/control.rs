//! What carriers of a slice enforce, with no person in it.
//!
//! A carrier (a relay, a device of a neighbour) stores and forwards entries that it cannot read. It
//! must know who may write how much, who may be handed ciphertext, and what may be dropped, but not
//! whose slice it is. So all that is said to carriers is said a second time, by other keys: the
//! [`Control`] of a slice is its [`PublicHalf`] and statements by *control keys*, judged by the same code
//! as everything else, under the rule `rank`.
//!
//! | who | membership | seniority | says |
//! |---|---|---|---|
//! | the owner's root | the slice's second place | rank 0, if the public half commits to one | first [`Kind::Root`], which opens the commitment; then everything |
//! | the control key of the device that made the slice | the slice's first place | its rank, from 1 | everything |
//! | a control key of another device | its [`Kind::ControlKey`] | its rank, greater than its admitter's | everything |
//! | a writer, by a write key | its [`Kind::Writer`] | after all of them | nothing here: it signs [`Ticket`]s |
//!
//! | statement | a carrier |
//! |---|---|
//! | writer, remove | takes entries of logs with a ticket of that writer, within its quota, up to a cut: [`Carrier`] |
//! | access | hands ciphertext to whoever knows the access key: [`Control::entitled`] |
//! | compact, erase | may drop, must not serve: [`Control::compact`], [`Control::erase`] |
//!
//! Readers hold both sides and compare them: [`unenforced`].
//!
//! **Invariants.** Nothing in a control names a person, a device, an installation or an owner, and
//! nothing in two controls of one person is alike, until their root has to act. Every statement
//! kept is by the key of its membership: what a stranger says takes nobody's room.

mod alarm;
mod carrier;
mod ticket;

pub use alarm::{Unenforced, unenforced};
pub use carrier::{
    Carrier, ENTRY_OVERHEAD_BYTES, MAILBOX_LOGS_MAX, Refusal, WRITER_LOGS_MAX, entry_cost,
};
pub use ticket::{TICKET_BYTES_MAX, Ticket, TicketError};

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use crate::crypto::{self, SigningKey, domain};
use crate::entry::{LogId, LogPlace};
use crate::evaluation::{
    After, Base, Founder, History, InsertError, Role, Rule, Seniority, Speaker, Standing, Who,
};
use crate::generation::AccessKey;
use crate::id::{GenerationId, InstallationId, MembershipId, SliceId, StatementId};
use crate::signed::Signed;
use crate::slice::{ContentKind, ControlFounder, PartNumber, PublicHalf, RootCommit};
use crate::statement::set::{Grounds, Signatures, StatementSet, UnverifiedSet};
use crate::statement::{
    Kind, SET_BYTES_MAX, SayError, SetError, SignedStatement, Signer, Statement, Subject,
};
use crate::wire::{self, WireError};

/// The place of the control key that a slice begins with.
const CREATOR: u32 = 0;
/// The place of the root.
const ROOT: u32 = 1;

/// Returns what stands for an installation in the control of the slice with this salt: carriers that
/// saw the installation itself could tell by it which slices are one person's.
#[must_use]
pub fn installation(salt: &[u8; 32], of: &InstallationId) -> InstallationId {
    let parts: [&[u8]; 1] = [of.as_bytes()];
    InstallationId::from_bytes(crypto::keyed_hash(
        salt,
        domain::CONTROL_INSTALLATION,
        &parts,
    ))
}

/// Why a control was refused. Whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Rank 0 is the root's.
    #[error("rank 0 is the root's")]
    Rank,
    /// It is another slice's.
    #[error("this is about {got}, not about {expected}")]
    OtherSlice {
        /// Which was meant.
        expected: SliceId,
        /// Which it is.
        got: SliceId,
    },
    /// The statements do not hold.
    #[error("the statements do not hold")]
    Statements(#[from] SetError),
}

/// A control as it came from outside.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct UnverifiedControl(#[n(0)] UnverifiedSet<PublicHalf>);

impl UnverifiedControl {
    /// Reads it; verifies nothing.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, SET_BYTES_MAX)
    }

    /// Returns how the slice claims to begin.
    #[must_use]
    pub const fn public_half(&self) -> &PublicHalf {
        &self.0.charter
    }

    /// Returns which slice this claims to be about.
    #[must_use]
    pub fn claimed_slice(&self) -> SliceId {
        self.0.charter.id()
    }

    /// Checks everything: the public half against `expected`, every signature, and the order.
    ///
    /// # Errors
    /// [`ControlError`] for the first thing that does not hold.
    pub fn verify(self, expected: SliceId) -> Result<Control, ControlError> {
        self.build(expected, Signatures::Check)
    }

    /// Builds again what was verified before and has been where nobody else writes since. Everything
    /// is checked but the signatures.
    ///
    /// # Errors
    /// [`ControlError`] for the first thing that does not hold: the store is damaged.
    pub fn verified_before(self, expected: SliceId) -> Result<Control, ControlError> {
        self.build(expected, Signatures::KnownToHold)
    }

    fn build(self, expected: SliceId, signatures: Signatures) -> Result<Control, ControlError> {
        let got = self.claimed_slice();
        if got != expected {
            return Err(ControlError::OtherSlice { expected, got });
        }
        let mut control = Control::begin(self.0.charter)?;
        (control.set).fill(self.0.wire.statements, signatures, &control.founding, &())?;
        control.look_again();
        Ok(control)
    }
}

/// Who says from the beginning what carriers enforce.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Founding {
    creator: MembershipId,
    root: MembershipId,
    charter: ControlFounder,
}

impl Founding {
    fn of(public: &PublicHalf) -> Self {
        let slice = public.id();
        let at = |place: u32| {
            let parts: [&[u8]; 2] = [slice.as_bytes(), &place.to_le_bytes()];
            MembershipId::from_bytes(crypto::hash(domain::CONTROL_FOUNDER, &parts))
        };
        Self {
            creator: at(CREATOR),
            root: at(ROOT),
            charter: public.control,
        }
    }
}

impl Grounds for Founding {
    fn is_founder(&self, membership: &MembershipId) -> bool {
        *membership == self.creator || self.has_room_kept(membership)
    }

    /// A stolen key of the creator must not be able to keep the root out.
    fn has_room_kept(&self, membership: &MembershipId) -> bool {
        match self.charter.root {
            Some(_) => *membership == self.root,
            None => *membership == self.creator,
        }
    }

    /// Each by the key of its membership. Nobody knows the root's before it shows, so each of its logs
    /// begins with what opens the commitment; what follows is by the same key.
    fn accepts(&self, said: &Statement, admission: Option<&Statement>) -> bool {
        let opened = if let Kind::Root { blind } = &said.kind {
            Some(RootCommit::opened(blind, &said.key))
        } else {
            None
        };
        if said.membership == self.root {
            return match said.after {
                After::Nothing(_) => opened.is_some() && opened == self.charter.root,
                After::Statement(_) => opened.is_none(),
            };
        }
        if opened.is_some() {
            return false;
        }
        if said.membership == self.creator {
            return said.key == self.charter.key;
        }
        match admission.map(|admission| &admission.kind) {
            Some(Kind::ControlKey { key, .. }) => *key == said.key,
            Some(_) => false,
            None => true, // not here: refused for that
        }
    }

    fn base(&self, said: &BTreeMap<StatementId, SignedStatement>) -> Base {
        let of = |membership, key, rank| Founder {
            membership,
            who: Who::Key(key),
            role: Role::Admin,
            seniority: Seniority::of_rank(rank),
            removed: false,
            removed_keys: Vec::new(),
            left_keys: Vec::new(),
        };
        let mut founders = vec![of(self.creator, self.charter.key, self.charter.rank)];
        // Whatever is kept of the root's is by the key that opened the commitment.
        let root = (said.values().map(SignedStatement::statement))
            .find(|said| said.membership == self.root);
        founders.extend(root.map(|said| of(self.root, said.key, 0)));
        Base {
            rule: Rule::Rank,
            founders,
            grants: false,
        }
    }
}

/// How much a writer may have in one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of entries, counted by [`entry_cost`].
    pub bytes: u64,
    /// Logs.
    pub logs: u32,
}

/// Somebody whose tickets count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// By which membership.
    pub membership: MembershipId,
    /// The write key, or the control key.
    pub key: [u8; 32],
    /// How much they may have by this membership; as much as they like if `None`: a control key.
    pub quota: Option<Quota>,
    /// Whether they may still write; if not, what a cut keeps stands.
    pub speaks: bool,
}

impl Writer {
    /// Returns who that is in the history.
    #[must_use]
    pub const fn speaker(&self) -> Speaker {
        Speaker {
            membership: self.membership,
            key: self.key,
        }
    }
}

/// An access key of a part, by its commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Of which generation.
    pub generation: GenerationId,
    /// Commitment to the key, see [`AccessKey::commit`].
    pub commit: [u8; 32],
    /// The statement that says so.
    pub statement: StatementId,
    /// Whether nothing that stands was announced for the part by somebody who had seen this.
    pub current: bool,
}

/// What follows from the statements that stand. Looked up once per entry, so it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    access: BTreeMap<PartNumber, Vec<Announced>>,
    compact: BTreeMap<PartNumber, Vec<LogPlace>>,
    erase: BTreeMap<PartNumber, Vec<LogPlace>>,
    /// By write key.
    quotas: BTreeMap<[u8; 32], Quota>,
}

/// All that a node knows was said to the carriers of a slice, verified and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    public: PublicHalf,
    id: SliceId,
    founding: Founding,
    set: StatementSet,
    view: View,
}

impl Control {
    /// Begins the control of a slice, in which nothing was said yet.
    ///
    /// # Errors
    /// [`ControlError::Rank`].
    pub fn begin(public: PublicHalf) -> Result<Self, ControlError> {
        if public.control.rank == 0 {
            return Err(ControlError::Rank);
        }
        let (id, founding) = (public.id(), Founding::of(&public));
        let set = StatementSet::empty(Subject::Control(id), wire::encode(&public), &founding, &());
        Ok(Self {
            public,
            id,
            founding,
            set,
            view: View::default(),
        })
    }

    /// Returns the slice.
    #[must_use]
    pub const fn id(&self) -> SliceId {
        self.id
    }

    /// Returns how the slice begins, as carriers know it.
    #[must_use]
    pub const fn public_half(&self) -> &PublicHalf {
        &self.public
    }

    /// Returns the membership of the control key that the slice began with.
    #[must_use]
    pub const fn creator(&self) -> MembershipId {
        self.founding.creator
    }

    /// Returns the membership of the root. Speaks only if the slice has committed to one.
    #[must_use]
    pub const fn root(&self) -> MembershipId {
        self.founding.root
    }

    /// Returns what was said to carriers, and what stands of it.
    #[must_use]
    pub const fn statements(&self) -> &StatementSet {
        &self.set
    }

    /// Says `kind` as the next statement of `signer`, citing all that is here. Its installation is the
    /// one that [`installation`] gives.
    ///
    /// # Errors
    /// [`SayError`]; nothing is changed. What the author may not say is said and does not stand.
    pub fn say(&mut self, signer: &Signer<'_>, kind: Kind) -> Result<SignedStatement, SayError> {
        let said = self.set.say(signer, kind, &self.founding, &())?;
        self.look_again();
        Ok(said)
    }

    /// Shows the root's key to carriers, for the installation by which it speaks: from then on it is
    /// above all control keys, and carriers can tell which slices are this person's. Returns who then
    /// says what the root has to say. Opened already, nothing changes.
    ///
    /// The opening cites nothing: it holds by itself, whatever else a carrier has.
    ///
    /// # Errors
    /// [`SayError::Insert`] with [`InsertError::Key`] if the slice has committed to another root.
    pub fn open_root<'a>(
        &mut self,
        root: &'a SigningKey,
        salt: &[u8; 32],
        of: &InstallationId,
    ) -> Result<Signer<'a>, SayError> {
        let signer = Signer {
            key: root,
            membership: self.founding.root,
            installation: installation(salt, of),
        };
        let blind = RootCommit::blind(salt);
        let said = signer.say(
            &History::default(),
            self.set.subject(),
            Kind::Root { blind },
        )?;
        self.add([said])?;
        Ok(signer)
    }

    /// Adds statements and judges all again.
    ///
    /// # Errors
    /// [`InsertError`] of the first that does not fit: what it cites is missing, it is not by the key of
    /// its membership, or there is no room. The others were added.
    pub fn add(
        &mut self,
        said: impl IntoIterator<Item = SignedStatement>,
    ) -> Result<(), InsertError> {
        let added = self.set.add(said, &self.founding, &());
        self.look_again();
        added
    }

    /// Adds what `other`, of the same slice, holds in addition; returns whether that was anything.
    pub fn merge(&mut self, other: &Self) -> bool {
        let changed = self.set.merge(&other.set, &self.founding, &());
        self.look_again();
        changed
    }

    /// Returns public half and statements as bytes: the same for the same statements.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.set.to_wire())
    }

    /// Returns everybody who was rightly admitted as a writer, the removed ones too.
    pub fn writers(&self) -> impl Iterator<Item = Writer> + '_ {
        (self.set.outcome().members().keys())
            .filter_map(|membership| self.writer(membership))
            .filter(|writer| writer.quota.is_some())
    }

    /// Returns whose tickets by this membership count: a writer's or a control key's.
    #[must_use]
    pub fn writer(&self, membership: &MembershipId) -> Option<Writer> {
        let member = self.set.outcome().members().get(membership)?;
        let speaks = match member.standing {
            Standing::Speaks => true,
            Standing::Removed => false,
            Standing::Shadow => return None,
        };
        let Who::Key(key) = member.who else {
            return None;
        };
        let admission = self.set.admission(membership);
        let quota = match admission.map(|said| &said.statement().kind) {
            Some(Kind::Writer { bytes, logs, .. }) => Some(Quota {
                bytes: *bytes,
                logs: *logs,
            }),
            Some(_) | None => None,
        };
        Some(Writer {
            membership: *membership,
            key,
            quota,
            speaks,
        })
    }

    /// Returns how much whoever holds this write key may have in one part: the most of what stands, and
    /// never more logs than any writer may have. A control key that speaks has no limit on bytes. A quota is raised by admitting the key once more, and
    /// lowered by then removing the old membership.
    #[must_use]
    pub fn quota(&self, key: &[u8; 32]) -> Quota {
        let logs_max = match self.public.kind {
            ContentKind::Mailbox => MAILBOX_LOGS_MAX,
            ContentKind::Statements
            | ContentKind::Documents
            | ContentKind::Projection
            | ContentKind::Files => WRITER_LOGS_MAX,
        };
        let said = self.view.quotas.get(key);
        Quota {
            bytes: said.map_or(u64::MAX, |quota| quota.bytes),
            logs: said.map_or(logs_max, |quota| quota.logs.min(logs_max)),
        }
    }

    /// Returns the access keys of a part that stand, in an order in which each comes after all that its
    /// author had seen.
    #[must_use]
    pub fn access(&self, part: PartNumber) -> &[Announced] {
        self.view.access.get(&part).map_or(&[], Vec::as_slice)
    }

    /// Returns the generations whose ciphertext in `part` whoever knows `key` is given: the ones that
    /// it was announced for, and those that were announced before.
    #[must_use]
    pub fn entitled(&self, part: PartNumber, key: &AccessKey) -> Vec<GenerationId> {
        let (all, history) = (self.access(part), self.set.history());
        let commit = key.commit(&self.id, part);
        let known: Vec<usize> = (all.iter().filter(|of| of.commit == commit))
            .filter_map(|of| history.place(&of.statement))
            .collect();
        let given = |of: &&Announced| {
            let place = history.place(&of.statement);
            place.is_some_and(|place| {
                known.contains(&place) || known.iter().any(|known| history.cites(*known, place))
            })
        };
        let mut given: Vec<_> = (all.iter().filter(given)).map(|of| of.generation).collect();
        given.sort_unstable();
        given.dedup();
        given
    }

    /// Returns up to where entries of a part may be dropped: [`standing`](crate::entry::standing)
    /// counts them, with this as its only list.
    #[must_use]
    pub fn compact(&self, part: PartNumber) -> &[LogPlace] {
        self.view.compact.get(&part).map_or(&[], Vec::as_slice)
    }

    /// Returns up to where entries of a part are served no more.
    #[must_use]
    pub fn erase(&self, part: PartNumber) -> &[LogPlace] {
        self.view.erase.get(&part).map_or(&[], Vec::as_slice)
    }

    /// Returns how far the log `log` of a writer stands, see
    /// [`Outcome::log_limits`](crate::evaluation::Outcome::log_limits): no list, all of it; an empty
    /// list, nothing.
    #[must_use]
    pub fn limits(&self, writer: &Speaker, log: &LogId) -> Vec<Vec<LogPlace>> {
        self.set.outcome().log_limits(writer, log)
    }

    /// Checks a ticket: that it is of this slice, signed by somebody whose tickets count and by the log
    /// key. Of somebody removed it still holds for a log of which a cut keeps anything.
    ///
    /// # Errors
    /// [`TicketError`], the cheap checks first.
    pub fn admits(&self, ticket: &Signed<Ticket>) -> Result<Writer, TicketError> {
        let claimed = ticket.unverified();
        if claimed.slice != self.id {
            return Err(TicketError::OtherSlice { got: claimed.slice });
        }
        let writer = (self.writer(&claimed.membership)).ok_or(TicketError::NoWriter)?;
        let limits = self.limits(&writer.speaker(), &claimed.log);
        if !writer.speaks && limits.iter().any(Vec::is_empty) {
            return Err(TicketError::Removed);
        }
        ticket::check(ticket, &writer.key)?;
        Ok(writer)
    }

    /// Lists again what stands.
    fn look_again(&mut self) {
        let mut view = View::default();
        let mut access: Vec<(PartNumber, usize)> = Vec::new();
        let history = self.set.history();
        for said in self.set.iter() {
            let place = history.place(&said.id());
            let Some(place) = place.filter(|place| self.set.outcome().stands(*place)) else {
                continue;
            };
            let kind = &said.statement().kind;
            if let Kind::Access {
                part,
                generation,
                commit,
            } = kind
            {
                access.push((*part, place));
                view.access.entry(*part).or_default().push(Announced {
                    generation: *generation,
                    commit: *commit,
                    statement: said.id(),
                    current: true,
                });
            } else if let Kind::Compact { part, upto } = kind {
                view.compact.entry(*part).or_default().extend(upto);
            } else if let Kind::Erase { part, upto } = kind {
                view.erase.entry(*part).or_default().extend(upto);
            }
        }
        for (part, announced) in &mut view.access {
            for one in announced {
                let place = history.place(&one.statement);
                one.current = !(access.iter()).any(|(of, later)| {
                    of == part && place.is_some_and(|place| history.cites(*later, place))
                });
            }
        }
        for places in view.compact.values_mut().chain(view.erase.values_mut()) {
            places.sort_unstable();
            places.dedup();
        }
        // Control keys have no limit, whatever else anybody admits them as.
        let unlimited: BTreeSet<[u8; 32]> = (self.set.outcome().members().keys())
            .filter_map(|membership| self.writer(membership))
            .filter(|writer| writer.quota.is_none() && writer.speaks)
            .map(|writer| writer.key)
            .collect();
        // Of whom nothing stands any more counts what they had: a cut may keep some of it.
        let (speak, removed): (Vec<Writer>, Vec<Writer>) = (self
            .writers()
            .filter(|writer| !unlimited.contains(&writer.key)))
        .partition(|writer| writer.speaks);
        for writer in speak.iter().chain(&removed) {
            let more = writer.speaks || !speak.iter().any(|other| other.key == writer.key);
            if let Some(quota) = writer.quota.filter(|_| more) {
                let most = view.quotas.entry(writer.key).or_insert(quota);
                most.bytes = most.bytes.max(quota.bytes);
                most.logs = most.logs.max(quota.logs);
            }
        }
        self.view = view;
    }
}

#[cfg(test)]
pub(crate) use tests::Slice;

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
