//! Signed statements of one subject, with all that they cite, judged.
//!
//! What a person, a circle and a slice have in common: statements are added in any order that has
//! what they cite first, judged all together, and go around whole, in one order. Who speaks from the
//! beginning differs: that are the [`Grounds`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fixedbitset::FixedBitSet;
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};

use super::{
    Kind, SignedStatement, Signer, Statement, StatementError, Subject, UnverifiedStatement,
};
use crate::evaluation::{
    Act, Base, Directory, History, InsertError, Outcome, Role, Speaker, Who, evaluate,
};
use crate::grant;
use crate::id::{MembershipId, StatementId};
use crate::signed::Signed;
use crate::wire::{self, CHAIN_MAX, V1};

/// Most statements of one subject. Each costs a signature check, or two.
pub const STATEMENTS_MAX: usize = 4096;
/// Longest subject, charter included: a frame less what a session puts around it. A circle of 2,000
/// persons, or 500 devices of one.
pub const SET_BYTES_MAX: usize = wire::FRAME_BYTES_MAX - 4096;
/// Most bytes of statements of all who are not founders together: what is left is for the root or
/// the founders, who can thus always remove a thief that fills the rest.
pub const ADMITTED_BYTES_MAX: usize = 768 * 1024;
/// Most bytes of statements of one key that is not a founder's or, about a slice, not the most senior's.
pub const KEY_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of statements of one person by a grant that they can't hand on: write keys, the removal of lost
/// devices, and leaving with a hundred logs.
pub const READER_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of statements of all keys together that nobody here is known to have, whatever membership
/// they claim: enough for news that came before who says it, and too few for strangers to fill anything up.
pub const STRANGERS_BYTES_MAX: usize = 64 * 1024;
/// Longest charter: 32 founders, or a root and a sealing key.
pub const CHARTER_BYTES_MAX: usize = 4096;

/// How often what is left is looked at again after something was dropped.
const DROPS_MAX: usize = 4;

/// A charter and statements under it, as they travel.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct SetWire {
    #[n(0)]
    pub(crate) version: V1,
    #[n(1)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, CHARTER_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub(crate) charter: Vec<u8>,
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, Signed<Statement>, STATEMENTS_MAX>")]
    pub(crate) statements: Vec<Signed<Statement>>,
}

/// A set as it came from outside, with its charter read. Nothing is verified.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct UnverifiedSet<T> {
    pub(crate) wire: SetWire,
    pub(crate) charter: T,
}

impl<C, T> Encode<C> for UnverifiedSet<T> {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        self.wire.encode(e, ctx)
    }
}

impl<'b, C, T> Decode<'b, C> for UnverifiedSet<T>
where
    T: for<'a> Decode<'a, ()> + Encode<()>,
{
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        let wire = SetWire::decode(d, ctx)?;
        let charter = wire::decode(&wire.charter, CHARTER_BYTES_MAX)
            .map_err(|_| decode::Error::message("the charter is malformed").at(at))?;
        Ok(Self { wire, charter })
    }
}

impl<T: fmt::Debug> fmt::Debug for UnverifiedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedSet")
            .field("charter", &self.charter)
            .field("statements", &self.wire.statements.len())
            .finish()
    }
}

/// Why a set of statements was refused. Whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A statement is about something else.
    #[error("statement {index} is about something else")]
    OtherSubject {
        /// Which statement.
        index: usize,
    },
    /// A statement does not hold by itself.
    #[error("statement {index} does not hold")]
    Statement {
        /// Which statement.
        index: usize,
        /// Why.
        #[source]
        error: StatementError,
    },
    /// A statement does not fit among those before it.
    #[error("statement {index} does not follow from those before")]
    Insert {
        /// Which statement.
        index: usize,
        /// Why.
        #[source]
        error: InsertError,
    },
    /// The statements are not in the one order.
    #[error("statements out of order")]
    Order,
}

/// Why nothing was said. The caller is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SayError {
    /// The signer does not speak, or not by that membership.
    #[error("the signer does not speak here")]
    Signer,
    /// No rank is left below the admitter's.
    #[error("no rank below the admitter's is left")]
    Rank,
    /// Nobody would take the statement.
    #[error("the statement does not hold")]
    Statement(#[from] StatementError),
    /// It does not fit in.
    #[error("the statement does not fit in")]
    Insert(#[from] InsertError),
}

/// Whether signatures are still to be checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signatures {
    Check,
    /// They were checked before these bytes went into our own store.
    KnownToHold,
}

/// Who speaks about a subject from the beginning.
pub(crate) trait Grounds {
    /// Whether no statement here gave this membership.
    fn is_founder(&self, membership: &MembershipId) -> bool;
    /// Whether what is said by this membership, which no statement here gave, is kept: as a stranger's, if it is no
    /// founder's.
    fn keeps_without_admission(&self, membership: &MembershipId) -> bool {
        self.is_founder(membership)
    }
    /// Whether room is kept for this founder, so that it can always remove a thief that fills the rest.
    fn has_room_kept(&self, membership: &MembershipId) -> bool {
        self.is_founder(membership)
    }
    /// Whether each key of the other founders has only the room of one key. A thief of one of them is then not in
    /// the way of those who come after.
    fn bounds_founders(&self) -> bool {
        false
    }
    /// Whether such a statement may be kept at all. `admission` is the one that gave its author's
    /// membership, if it is here. Where only keys are admitted, what somebody else's key says is kept
    /// out: it would take the room of those in whose name it comes.
    fn accepts(&self, _said: &Statement, _admission: Option<&Statement>) -> bool {
        true
    }
    /// Where the evaluation of these statements starts.
    fn base(&self, said: &BTreeMap<StatementId, SignedStatement>) -> Base;
}

/// What was said about one subject, verified and judged: what is read of it is the same for
/// [`Authority`](crate::principal::Authority), [`Circle`](crate::principal::Circle),
/// [`Access`](crate::slice::Access) and [`Control`](crate::control::Control), by their `statements()`.
#[derive(Clone, Debug)]
pub struct StatementSet {
    subject: Subject,
    charter: Vec<u8>,
    history: History,
    signed: BTreeMap<StatementId, SignedStatement>,
    outcome: Outcome,
    /// Whether something came after what was said by whom it admits: all has to be put in again.
    out_of_order: bool,
}

impl PartialEq for StatementSet {
    fn eq(&self, other: &Self) -> bool {
        self.charter == other.charter && self.signed.keys().eq(other.signed.keys())
    }
}

impl Eq for StatementSet {}

impl StatementSet {
    pub(crate) fn empty(
        subject: Subject,
        charter: Vec<u8>,
        grounds: &impl Grounds,
        directory: &impl Directory,
    ) -> Self {
        let history = History::default();
        let outcome = evaluate(&history, &grounds.base(&BTreeMap::new()), directory);
        Self {
            subject,
            charter,
            history,
            signed: BTreeMap::new(),
            outcome,
            out_of_order: false,
        }
    }

    /// Takes in statements in their one order, nothing missing among them. What is cut here and there is
    /// no room for is forgotten: whoever sent it may know less of who was removed.
    pub(crate) fn fill(
        &mut self,
        statements: Vec<Signed<Statement>>,
        signatures: Signatures,
        grounds: &impl Grounds,
        directory: &impl Directory,
    ) -> Result<(), SetError> {
        let mut order = Vec::with_capacity(statements.len());
        for (index, signed) in statements.into_iter().enumerate() {
            let refused = |error| SetError::Statement { index, error };
            let unverified = UnverifiedStatement::new(signed).map_err(refused)?;
            if unverified.claimed().subject != self.subject {
                return Err(SetError::OtherSubject { index });
            }
            let signed = match signatures {
                Signatures::Check => unverified.verify().map_err(refused)?,
                Signatures::KnownToHold => unverified.assume_verified(),
            };
            order.push(signed.id());
            (self.insert(signed, grounds)).map_err(|error| SetError::Insert { index, error })?;
        }
        if self.out_of_order || self.history.ordered() != order {
            return Err(SetError::Order);
        }
        self.judge(grounds, directory);
        Ok(())
    }

    /// Returns whom or what this is about.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// Returns the statements with all that they cite.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Returns who speaks, and what stands.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns a statement, whether it stands or not.
    #[must_use]
    pub fn get(&self, id: &StatementId) -> Option<&SignedStatement> {
        self.signed.get(id)
    }

    /// Returns whether a statement is here and stands.
    #[must_use]
    pub fn stands(&self, id: &StatementId) -> bool {
        (self.history.place(id)).is_some_and(|place| self.outcome.stands(place))
    }

    /// The statement that gave a membership.
    pub(crate) fn admission(&self, membership: &MembershipId) -> Option<&SignedStatement> {
        self.get(&StatementId::from_bytes(*membership.as_bytes()))
    }

    /// Returns all statements in their one order.
    pub fn iter(&self) -> impl Iterator<Item = &SignedStatement> {
        self.history
            .ordered()
            .into_iter()
            .filter_map(|id| self.signed.get(&id))
    }

    /// The statements that stand.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &SignedStatement> {
        (self.outcome.standing()).filter_map(|place| self.get(&self.history.get(place).id))
    }

    /// Adds statements, each after what it cites, and judges all again. Returns the first that does not
    /// fit; the others are added, as far as there is room for them.
    pub(crate) fn add(
        &mut self,
        signed: impl IntoIterator<Item = SignedStatement>,
        grounds: &impl Grounds,
        directory: &impl Directory,
    ) -> Result<(), InsertError> {
        let mut ids = Vec::new();
        let mut added = Ok(());
        for signed in signed {
            ids.push(signed.id());
            let inserted = self.insert(signed, grounds);
            added = added.and(inserted);
        }
        let dropped = self.judge(grounds, directory);
        added?;
        if ids.iter().any(|id| dropped.contains(id)) {
            return Err(InsertError::Full);
        }
        Ok(())
    }

    /// Says `kind` as the next statement of `signer`, citing all that is here and counts for something.
    pub(crate) fn say(
        &mut self,
        signer: &Signer<'_>,
        kind: Kind,
        grounds: &impl Grounds,
        directory: &impl Directory,
    ) -> Result<SignedStatement, SayError> {
        if self.outcome.seniority(&signer.speaker()).is_none() {
            return Err(SayError::Signer);
        }
        let heads = self.heads(signer, &kind);
        let said = signer.say_after(&self.history, heads, self.subject, kind)?;
        self.add([said.clone()], grounds, directory)?;
        Ok(said)
    }

    /// What a new statement cites. Not what strangers say, nor what is past a cut or will be by this
    /// statement: what is cited can't be forgotten. Of too many heads, those of the most senior.
    fn heads(&self, signer: &Signer<'_>, kind: &Kind) -> Vec<StatementId> {
        let history = &self.history;
        let cut = if let Act::Remove(removal) = kind.act() {
            Some(removal).filter(|removal| removal.membership != signer.membership)
        } else {
            None
        };
        let kept = cut.as_ref().map(|cut| history.reach(&cut.keep.statements));
        let will_be_cut = |place: usize| {
            let author = history.get(place).author;
            (cut.as_ref()).is_some_and(|cut| {
                cut.membership == author.membership && cut.key.is_none_or(|key| key == author.key)
            }) && !kept.as_ref().is_some_and(|kept| kept.contains(place))
        };
        let cited: Vec<usize> = (0..history.len())
            .filter(|place| self.outcome.knows(&history.get(*place).author))
            .filter(|place| !self.outcome.is_past_a_cut(*place) && !will_be_cut(*place))
            .collect();
        let mut heads = history.last_of(&cited);
        heads.sort_by_cached_key(|place| {
            let node = history.get(*place);
            (self.outcome.seniority(&node.author), node.id)
        });
        heads.iter().map(|place| history.get(*place).id).collect()
    }

    /// Adds what `other`, of the same charter, holds in addition; returns whether that was anything.
    pub(crate) fn merge(
        &mut self,
        other: &Self,
        grounds: &impl Grounds,
        directory: &impl Directory,
    ) -> bool {
        if other.charter != self.charter {
            return false;
        }
        let before: Vec<StatementId> = self.signed.keys().copied().collect();
        for signed in other.iter() {
            let _ = self.insert(signed.clone(), grounds);
        }
        self.judge(grounds, directory);
        !self.signed.keys().eq(&before)
    }

    /// Returns the removals that stand.
    #[must_use]
    pub fn removals(&self) -> Vec<StatementId> {
        (self.standing())
            .filter(|said| matches!(said.statement().kind, Kind::Remove { .. }))
            .map(SignedStatement::id)
            .collect()
    }

    pub(crate) fn to_wire(&self) -> SetWire {
        SetWire {
            version: V1,
            charter: self.charter.clone(),
            statements: self.iter().map(|s| s.signed().clone()).collect(),
        }
    }

    fn insert(
        &mut self,
        signed: SignedStatement,
        grounds: &impl Grounds,
    ) -> Result<(), InsertError> {
        let said = signed.statement();
        if said.subject != self.subject {
            return Err(InsertError::Subject);
        }
        let admission = self.admission(&said.membership);
        if !grounds.accepts(said, admission.map(SignedStatement::statement)) {
            return Err(InsertError::Key);
        }
        self.within_its_parent(signed.statement())?;
        let id = signed.id();
        (self.history).insert(signed.node(), |of| grounds.keeps_without_admission(of))?;
        self.out_of_order |= self.history.is_late(&id);
        self.signed.insert(id, signed);
        Ok(())
    }

    /// Puts all in again, each after what gave its membership: what came before that is looked at
    /// as if it had come after.
    fn put_in_order(&mut self, grounds: &impl Grounds) {
        if std::mem::take(&mut self.out_of_order) {
            let order = self.history.admissions_first();
            self.keep_only(order, grounds);
        }
    }

    /// Begins again with these, each after what it cites.
    fn keep_only(&mut self, order: impl IntoIterator<Item = StatementId>, grounds: &impl Grounds) {
        let kept: Vec<_> = (order.into_iter())
            .filter_map(|id| self.signed.remove(&id))
            .collect();
        (self.history, self.signed) = (History::default(), BTreeMap::new());
        for signed in kept {
            // What does not fit any more goes beyond the grant that it hands on, which came after it.
            let _ = self.insert(signed, grounds);
        }
    }

    /// Whether a grant by somebody who holds one is no more than that, and not one link too many.
    fn within_its_parent(&self, said: &Statement) -> Result<(), InsertError> {
        let Kind::Grant(child) = &said.kind else {
            return Ok(());
        };
        let Some(parent) = self.granted(&said.membership) else {
            return Ok(()); // an owner's, or one that nobody here gave
        };
        grant::attenuates(child, parent).map_err(InsertError::Widened)?;
        if self.chain(&said.membership).count() >= CHAIN_MAX {
            return Err(InsertError::Chained);
        }
        Ok(())
    }

    /// What a grant with this membership allows by itself.
    pub(crate) fn granted(&self, membership: &MembershipId) -> Option<&grant::Grant> {
        let Kind::Grant(grant) = &self.admission(membership)?.statement().kind else {
            return None;
        };
        Some(grant)
    }

    /// A grant and those that it hands on, the owner's last.
    pub(crate) fn chain(&self, grant: &MembershipId) -> impl Iterator<Item = MembershipId> + '_ {
        let first = self.granted(grant).map(|_| *grant);
        std::iter::successors(first, |link| {
            let by = self.admission(link)?.statement().membership;
            self.granted(&by).map(|_| by)
        })
    }

    /// Judges all again, forgets what can be forgotten, and then what there is no room for: returns that.
    /// First all is joined and judged, so that two nodes who know the same come to the same, whatever
    /// came first.
    pub(crate) fn judge(
        &mut self,
        grounds: &impl Grounds,
        directory: &impl Directory,
    ) -> BTreeSet<StatementId> {
        self.put_in_order(grounds);
        let base = grounds.base(&self.signed);
        self.outcome = evaluate(&self.history, &base, directory);
        let gone = self
            .history
            .forgettable(&self.outcome)
            .into_iter()
            .collect();
        self.forget(&gone, grounds, &base, directory);
        let mut dropped = BTreeSet::new();
        // What is dropped may have held something up that is now dropped, too.
        for _ in 0..DROPS_MAX {
            let beyond = self.beyond_the_room(grounds);
            if beyond.is_empty() {
                break;
            }
            self.forget(&beyond, grounds, &base, directory);
            dropped.extend(beyond);
        }
        dropped
    }

    fn forget(
        &mut self,
        gone: &BTreeSet<StatementId>,
        grounds: &impl Grounds,
        base: &Base,
        directory: &impl Directory,
    ) {
        if gone.is_empty() {
            return;
        }
        let order = self.history.ordered();
        self.keep_only(order.into_iter().filter(|id| !gone.contains(id)), grounds);
        self.outcome = evaluate(&self.history, base, directory);
    }

    /// What there is no room for. Each statement is taken with all that it cites: founders' removals first,
    /// then those of the most senior, then what is past a cut, then what strangers say. What others said whom a founder cites
    /// is in no key's room: it must not be able to keep the founder out.
    fn beyond_the_room(&self, grounds: &impl Grounds) -> BTreeSet<StatementId> {
        let history = &self.history;
        let order = history.ordered();
        let mut room = Room::new(self.charter.len() + 16);
        let mut rooms = vec![(Whose::Strangers, 0); history.len()];
        let mut turns = Vec::new();
        for (number, id) in order.iter().enumerate() {
            let (Some(place), Some(signed)) = (history.place(id), self.signed.get(id)) else {
                continue;
            };
            let author = history.get(place).author;
            let seniority = self.outcome.seniority(&author);
            let whose = match seniority {
                None => Whose::Strangers,
                Some(_) if grounds.has_room_kept(&author.membership) => Whose::Kept,
                Some(_) if grounds.is_founder(&author.membership) => {
                    Whose::Founder(Some(author).filter(|_| grounds.bounds_founders()))
                }
                Some(_) => self.reader(&author).unwrap_or(Whose::Admitted(author)),
            };
            rooms[place] = (whose, signed.len());
            let past_a_cut = self.outcome.is_past_a_cut(place);
            let ends = whose.is_founder() && matches!(history.get(place).act, Act::Remove(_));
            turns.push((
                seniority.is_none(),
                past_a_cut,
                !ends,
                seniority,
                number,
                place,
            ));
        }
        if room.clone().take(rooms.iter().copied()) {
            return BTreeSet::new();
        }
        turns.sort_unstable();
        let mut taken = FixedBitSet::with_capacity(history.len());
        for (.., place) in turns {
            let mut with: Vec<usize> = history.past(place).difference(&taken).collect();
            if !taken.contains(place) {
                with.push(place);
            }
            let by_founder = rooms[place].0.is_founder();
            let author = history.get(place).author;
            let in_room = |other: &usize| match rooms[*other] {
                (Whose::Kept, len) => (Whose::Kept, len),
                (_, len) if by_founder && history.get(*other).author != author => {
                    (Whose::Cited, len)
                }
                own => own,
            };
            if room.take(with.iter().map(in_room)) {
                taken.extend(with);
            }
        }
        taken.zeroes().map(|place| history.get(place).id).collect()
    }

    /// The room of whoever holds a grant that they can't hand on: of a circle, each person has their own.
    fn reader(&self, author: &Speaker) -> Option<Whose> {
        let member = self.outcome.members().get(&author.membership)?;
        let reads = member.seniority.is_granted() && member.role == Role::Member;
        let whose = self.outcome.whose(author).filter(|_| reads)?;
        Some(Whose::Reader(author.membership, whose))
    }
}

/// In whose room a statement is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Of one for whom room is kept.
    Kept,
    /// Of a founder for whom none is, with this key if it has only the room of one.
    Founder(Option<Speaker>),
    /// Of somebody admitted, with this key.
    Admitted(Speaker),
    /// Of this person by a grant that they can't hand on.
    Reader(MembershipId, Who),
    /// Of somebody whom a founder cites.
    Cited,
    /// Of a key that nobody here is known to have.
    Strangers,
}

impl Whose {
    const fn is_founder(self) -> bool {
        match self {
            Self::Kept | Self::Founder(_) => true,
            Self::Admitted(_) | Self::Reader(..) | Self::Cited | Self::Strangers => false,
        }
    }
}

/// What is full of the room there is.
#[derive(Clone, Default)]
struct Room {
    statements: usize,
    bytes: usize,
    admitted: usize,
    strangers: usize,
    of_key: BTreeMap<Speaker, usize>,
    of_reader: BTreeMap<(MembershipId, Who), usize>,
}

impl Room {
    fn new(bytes: usize) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    /// Takes these statements if they all fit.
    fn take(&mut self, these: impl IntoIterator<Item = (Whose, usize)>) -> bool {
        let mut more = Self::default();
        for (whose, len) in these {
            more.statements += 1;
            more.bytes += len;
            match whose {
                Whose::Kept => continue,
                Whose::Founder(None) | Whose::Cited => {}
                Whose::Reader(by, who) => *more.of_reader.entry((by, who)).or_default() += len,
                Whose::Strangers => more.strangers += len,
                Whose::Admitted(speaker) | Whose::Founder(Some(speaker)) => {
                    *more.of_key.entry(speaker).or_default() += len;
                }
            }
            more.admitted += len;
        }
        let of_key = |speaker: &Speaker| self.of_key.get(speaker).copied().unwrap_or_default();
        let of_reader = |of: &_| self.of_reader.get(of).copied().unwrap_or_default();
        let fits = self.statements + more.statements <= STATEMENTS_MAX
            && self.bytes + more.bytes <= SET_BYTES_MAX
            && self.admitted + more.admitted <= ADMITTED_BYTES_MAX
            && self.strangers + more.strangers <= STRANGERS_BYTES_MAX
            && (more.of_key.iter()).all(|(key, len)| of_key(key) + len <= KEY_BYTES_MAX)
            && (more.of_reader.iter()).all(|(of, len)| of_reader(of) + len <= READER_BYTES_MAX);
        if fits {
            self.statements += more.statements;
            self.bytes += more.bytes;
            self.admitted += more.admitted;
            self.strangers += more.strangers;
            for (key, len) in more.of_key {
                *self.of_key.entry(key).or_default() += len;
            }
            for (of, len) in more.of_reader {
                *self.of_reader.entry(of).or_default() += len;
            }
        }
        fits
    }
}
