//! What contacts send, taken in.
//!
//! | what comes | taken in when |
//! |---|---|
//! | authority | it is theirs, names the node it comes from, and says all that the one held says |
//! | parcel `Share` | a device of the contact signed it, the grant is theirs, names us, and holds; its keys only if our person has accepted it |
//! | the same once more | what was said since: the grant was renewed, or has ended |
//! | parcel `Keys` | a grant of theirs on that slice is accepted here, for the parts that it covers |
//! | entry | an accepted grant covers its slice and part; its log continues; its author is a device of the owner; its rows fit the grant's lens and the part |
//!
//! What is malformed, badly signed, out of order or without bounds is the peer's fault: the
//! session is closed and nothing is kept. What is only of no use here (a lens this version does
//! not know, clocks that differ, one offer too many) is acknowledged, so that what comes behind it
//! does not wait, and noted where our person sees it.

use std::collections::BTreeMap;

use maille_protocol::defence::{self, Defence};
use maille_protocol::entry::{LogTip, UnverifiedEntry};
use maille_protocol::generation::{AccessKey, PartKey};
use maille_protocol::grant::{Grant, GrantError};
use maille_protocol::id::{GrantId, PersonId, SliceId, TransportId};
use maille_protocol::parcel::{self, ContentsError, ParcelBody};
use maille_protocol::principal::{Authority, DeviceRecord, UnverifiedAuthority};
use maille_protocol::slice::{Access, ContentKind, Owner, PartNumber, UnverifiedAccess};
use maille_protocol::time::Timestamp;
use maille_schemas::lens::{self, Lens};

use super::Home;
use super::content::{
    self, ROW_FIELDS_BYTES_MAX, ROW_KEY_BYTES_MAX, ROWS_PER_ENTRY_MAX, RowsContent,
};
use super::link::PAUSE_MS;
use super::publish::part_of;
use crate::command::CommandError;
use crate::io::{Event, Store};
use crate::layout;
use crate::state::{AsideNote, AsideWhy, Asides, Contact, HeldLog, Holding, Row, Taken};
use crate::view::{ReadError, damaged};

/// Most shares of one person that nobody has accepted yet: enough for a mistake, few enough to read.
const OFFERS_PER_CONTACT_MAX: usize = 16;

/// Most notes kept of what was of no use, per contact: the last tell what is going on.
const NOTES_MAX: usize = 8;

/// What one contact may have us keep. An honest giver stays far below: fifty years of months with
/// a hundred changes of readers each, and a row for every week, mode and lens.
const HOLDING_MAX: Holding = Holding {
    keys: 65_536,
    logs: 16_384,
    rows: 1_000_000,
    bytes: 256 << 20,
};

/// Why something that a peer sent was not taken in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The peer's fault: close the session.
    #[error("{0}")]
    Peer(String),
    /// Nobody's fault, but not now.
    #[error("too often")]
    TooOften,
    /// Our store's fault.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Our store's fault, or the disk's.
    #[error(transparent)]
    Command(#[from] CommandError),
}

fn refuse<T>(what: impl std::fmt::Display) -> Result<T, Refused> {
    Err(Refused::Peer(what.to_string()))
}

/// An error of decoding or verifying, which is the peer's fault.
pub(super) fn theirs(error: impl std::fmt::Display) -> Refused {
    Refused::Peer(error.to_string())
}

impl<S: Store> Home<S> {
    /// Keeps a contact's authority if it is really theirs, with what was held of it before.
    pub(super) fn take_authority(
        &mut self,
        contact: &mut Contact,
        peer: TransportId,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        if contact
            .authority
            .as_ref()
            .is_some_and(|held| ***held == *bytes)
        {
            return Ok(());
        }
        let verified = UnverifiedAuthority::decode(bytes)
            .map_err(theirs)?
            .verify(contact.person)
            .map_err(theirs)?;
        // What either holds is true: an old one, of a node restored from a backup, takes nothing back.
        let merged = match self.authority_of(contact)? {
            Some(mut held) if !defence::is_off(Defence::AuthorityGrows) => {
                held.merge(&verified);
                held
            }
            Some(_) | None => verified,
        };
        if merged.device_of_transport(&peer).is_none() {
            return refuse("an authority without the device it comes from");
        }
        let bytes = merged.to_bytes();
        contact.authority = Some(bytes.into());
        self.view.write(layout::contact(contact.person), contact);
        Ok(())
    }

    /// Takes in a parcel from a contact; returns what can be named in addition from now on.
    pub(super) fn take_parcel(
        &mut self,
        now: Timestamp,
        contact: &Contact,
        bytes: &[u8],
    ) -> Result<Vec<AccessKey>, Refused> {
        let Some(authority) = self.authority_of(contact)? else {
            return refuse("a parcel before the sender's authority");
        };
        let body = parcel::open(bytes, self.me.person, &self.me.sealing)
            .and_then(|opened| opened.verify(&authority))
            .map_err(theirs)?;
        match body {
            ParcelBody::Share {
                grant,
                access,
                keys,
            } => self.take_share(now, contact.person, &authority, grant, access, &keys),
            ParcelBody::Keys { slice, keys } => {
                self.take_keys(contact.person, &authority, slice, keys)
            }
            ParcelBody::Invite(_)
            | ParcelBody::Request(_)
            | ParcelBody::Contribution(_)
            | ParcelBody::Receipt(_)
            | ParcelBody::Deliver(_)
            | ParcelBody::Notice(_) => {
                self.set_aside(now, contact.person, AsideWhy::NewerContent)?;
                Ok(Vec::new())
            }
        }
    }

    fn take_share(
        &mut self,
        now: Timestamp,
        from: PersonId,
        authority: &Authority,
        id: GrantId,
        access: UnverifiedAccess,
        keys: &[PartKey],
    ) -> Result<Vec<AccessKey>, Refused> {
        let at = layout::taken(id);
        // A link that named somebody else said nothing about a share of theirs.
        let known = self
            .view
            .read::<Taken>(&at)?
            .filter(|known| known.from == from);
        let accepted = known.as_ref().and_then(|known| known.accepted);
        let fresh = match accepted {
            Some(_) => self.not_held(keys)?,
            None => Vec::new(),
        };
        let slice = access.charter().id();
        let (kind, me) = (access.charter().kind, self.me.person);
        let again = access.clone();
        let owner = Owner::Person(authority);
        let access = match parcel::verify_share(id, access, &fresh, authority, me, &(), now) {
            Ok(access) => access,
            // It lay in the feed until its end, was ended meanwhile, or the clocks differ. If ours
            // is wrong, the keys will be wanted.
            Err(ContentsError::Grant(GrantError::Expired { .. } | GrantError::Ended)) => {
                let access = again.verify(slice, owner, &()).map_err(theirs)?;
                let parts = granted_to(&access, id, me).map(|grant| grant.parts);
                let granted = |part| parts.is_some_and(|parts| parts.contains(part));
                parcel::verify_keys(&fresh, slice, granted, authority).map_err(theirs)?;
                access
            }
            Err(ContentsError::Grant(GrantError::NotYet { not_before, .. })) => {
                self.set_aside(now, from, AsideWhy::BeginsLater(not_before))?;
                return Ok(Vec::new());
            }
            Err(error) => return refuse(error),
        };
        let Some(grant) = granted_to(&access, id, me).cloned() else {
            return refuse("a grant for somebody else");
        };
        if [&grant.purpose, &grant.content.name]
            .iter()
            .any(|text| text.chars().any(char::is_control))
        {
            return refuse("a text with control characters");
        }
        if kind != ContentKind::Projection {
            self.set_aside(now, from, AsideWhy::NewerContent)?;
            return Ok(Vec::new());
        }
        if known.is_none() && self.offers_from(now, from)? >= OFFERS_PER_CONTACT_MAX {
            self.set_aside(now, from, AsideWhy::TooManyOffers)?;
            return Ok(Vec::new());
        }
        if known.is_none() && access.allowed(&id).is_err() {
            return Ok(Vec::new()); // ended before anybody here heard of it
        }
        let access = self.hear(from, access, authority)?;
        let news = known.as_ref().is_none_or(|known| known.grant.is_none());
        let taken = Taken {
            from,
            slice,
            lens: grant.content.name.clone(),
            until: grant.expires,
            known: known.as_ref().map_or(now, |known| known.known),
            accepted,
            grant: Some(grant),
            revoked: known.as_ref().and_then(|known| known.revoked),
            updated: Some(now),
        };
        self.view.write(at, &taken);
        if access.allowed(&id).is_ok() || news {
            self.event(match accepted {
                Some(_) => Event::ShareArrived { grant: id },
                None => Event::ShareOffered { grant: id },
            });
        }
        self.take_news(now, from, &access)?;
        let mut names = self.keep_keys(from, &fresh)?;
        if accepted.is_some() {
            names.push(AccessKey::of_accepted(&id));
        }
        Ok(names)
    }

    /// Open offers of a person.
    fn offers_from(&self, now: Timestamp, from: PersonId) -> Result<usize, ReadError> {
        let all = self.taken()?.into_iter();
        let open = all.filter(|(_, taken)| {
            taken.from == from
                && taken.accepted.is_none()
                && taken.revoked.is_none()
                && taken.until > now
        });
        Ok(open.count())
    }

    fn take_keys(
        &mut self,
        from: PersonId,
        authority: &Authority,
        slice: SliceId,
        mut keys: Vec<PartKey>,
    ) -> Result<Vec<AccessKey>, Refused> {
        let mut grants = self.grants_on(from, slice)?;
        // New keys are for shares in force: those of another one, only offered, are not wanted.
        grants.retain(|(_, taken, _)| taken.revoked.is_none());
        let granted = |part: PartNumber| {
            grants
                .iter()
                .any(|(_, _, grant)| grant.parts.contains(part))
        };
        // Others may be of a share that is offered and not accepted.
        keys.retain(|key| {
            let claimed = key.record.unverified();
            claimed.slice != slice || granted(claimed.part)
        });
        let fresh = self.not_held(&keys)?;
        parcel::verify_keys(&fresh, slice, granted, authority).map_err(theirs)?;
        self.keep_keys(from, &fresh)
    }

    /// The keys that are not here yet, to the last byte: only they need checking.
    fn not_held(&self, keys: &[PartKey]) -> Result<Vec<PartKey>, ReadError> {
        let mut fresh = Vec::new();
        for key in keys {
            let held = self.view.get(&key_at(key))?;
            if held.is_none_or(|held| held != maille_protocol::wire::encode(key)) {
                fresh.push(key.clone());
            }
        }
        Ok(fresh)
    }

    /// Keeps verified keys; returns what they let us name.
    fn keep_keys(&mut self, from: PersonId, keys: &[PartKey]) -> Result<Vec<AccessKey>, Refused> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let more = Holding {
            keys: keys.len() as u64,
            ..Holding::default()
        };
        self.hold(from, more)?;
        for key in keys {
            self.view.write(key_at(key), key);
        }
        Ok(keys.iter().map(|key| key.key.access()).collect())
    }

    /// Carries over ends and renewals from what was said about a slice to the shares held of it.
    fn take_news(
        &mut self,
        now: Timestamp,
        from: PersonId,
        access: &Access,
    ) -> Result<(), Refused> {
        for (id, taken) in self.taken()? {
            if taken.from != from || taken.slice != access.id() || taken.grant.is_none() {
                continue;
            }
            let allowed = access.allowed(&id);
            let ended = allowed.is_err() && taken.revoked.is_none();
            let until = allowed.map_or(taken.until, |allowed| allowed.expires);
            let revoked = taken.revoked.or_else(|| ended.then_some(now));
            if (until, revoked) != (taken.until, taken.revoked) {
                let taken = Taken {
                    until,
                    revoked,
                    ..taken
                };
                self.view.write(layout::taken(id), &taken);
            }
            if ended {
                self.event(Event::ShareEnded { grant: id });
            }
        }
        Ok(())
    }

    /// What somebody has said to us about a slice of theirs; none if it is not theirs.
    fn heard(&self, slice: SliceId, authority: &Authority) -> Result<Option<Access>, ReadError> {
        let at = layout::heard(slice);
        let Some(bytes) = self.view.get(&at)? else {
            return Ok(None);
        };
        let held = UnverifiedAccess::decode(&bytes).map_err(|_| damaged(&at))?;
        let owner = Owner::Person(authority);
        if held.charter().owner != owner.id() {
            return Ok(None);
        }
        let access = held.verified_before(slice, owner, &());
        access.map(Some).map_err(|_| damaged(&at))
    }

    /// Keeps what was said about a slice, with all that was heard of it before; returns both.
    fn hear(
        &mut self,
        from: PersonId,
        mut access: Access,
        authority: &Authority,
    ) -> Result<Access, Refused> {
        let slice = access.id();
        let before = self.heard(slice, authority)?;
        let had = before.as_ref().map_or(0, |held| held.to_bytes().len());
        if let Some(before) = before {
            access.merge(&before, &());
        }
        let bytes = access.to_bytes();
        let more = Holding {
            bytes: bytes.len().saturating_sub(had) as u64,
            ..Holding::default()
        };
        self.hold(from, more)?;
        self.view.put(layout::heard(slice), bytes);
        Ok(access)
    }

    /// Takes in an entry from a contact.
    pub(super) fn take_entry(
        &mut self,
        now: Timestamp,
        contact: &Contact,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let unverified = UnverifiedEntry::decode(bytes).map_err(theirs)?;
        let prefix = unverified.claimed();
        let (slice, part, log, seq) = (prefix.slice, prefix.part, prefix.log, prefix.seq);
        let grants = self.grants_on(contact.person, slice)?;
        let Some((id, taken, grant)) = grants
            .into_iter()
            .rev()
            .find(|(_, _, grant)| grant.parts.contains(part))
        else {
            return refuse("an entry of a part that was not named");
        };
        let at = layout::log(slice, part, log);
        let held = self.view.read::<HeldLog>(&at)?;
        let tip = held.as_ref().map_or(LogTip::START, |held| held.tip);
        if seq < tip.next_seq {
            return self.check_same(&layout::entry(slice, part, log, seq), &unverified);
        }
        let tip = if planted!(self, AcceptPastGap) {
            LogTip {
                next_seq: seq,
                previous: unverified.claimed().previous,
                ..tip
            }
        } else {
            tip
        };
        let entry = unverified.verify(&tip).map_err(theirs)?;
        let key_at = layout::part_key(slice, part, entry.generation());
        let Some(key) = self.view.read::<PartKey>(&key_at)? else {
            return refuse("an entry under a key that was not given");
        };
        let body = entry.open(&key.key).map_err(theirs)?;
        let author = match (&held, body.author()) {
            (Some(held), _) => held.author,
            (None, Some(author)) => author,
            (None, None) => return refuse("a log that names no author"),
        };
        let Some(authority) = self.authority_of(contact)? else {
            return refuse("an entry before the sender's authority");
        };
        // The binding names an admission: a device that was admitted again has new logs.
        let speaks = |record: &DeviceRecord| record.membership == author.membership;
        if !authority.device(&author.device).is_some_and(speaks) {
            return refuse("a log whose author does not speak for the owner");
        }
        let Some(content) = content::unpack::<RowsContent>(&body.content) else {
            return refuse("content that cannot be unpacked");
        };
        let more = Holding {
            logs: u64::from(held.is_none()),
            bytes: bytes.len() as u64,
            ..Holding::default()
        };
        self.hold(contact.person, more)?;
        let rows = self.take_rows(now, contact.person, (slice, part), &grant, content)?;
        self.view
            .put(layout::entry(slice, part, log, seq), bytes.to_vec());
        let tip = entry.tip_after();
        self.view.write(at, &HeldLog { tip, author });
        let updated = Some(now);
        self.view
            .write(layout::taken(id), &Taken { updated, ..taken });
        self.event(Event::RowsArrived { grant: id, rows });
        Ok(())
    }

    /// An entry that is here already must say the same, be it with a signature or without; two are
    /// a fork.
    fn check_same(&self, at: &[u8], again: &UnverifiedEntry) -> Result<(), Refused> {
        let held = self.view.get(at)?.ok_or_else(|| damaged(at))?;
        let held = UnverifiedEntry::decode(&held).map_err(|_| damaged(at))?;
        if held.says_the_same(again) {
            Ok(())
        } else {
            refuse("a second entry at the same place of a log")
        }
    }

    /// Takes in the rows of an entry; returns how many stand.
    ///
    /// Rows of a lens that this version does not know are kept as they came, within the same bounds.
    fn take_rows(
        &mut self,
        now: Timestamp,
        from: PersonId,
        (slice, part): (SliceId, PartNumber),
        grant: &Grant,
        content: RowsContent,
    ) -> Result<u64, Refused> {
        if content.version != 1 {
            self.set_aside(now, from, AsideWhy::NewerContent)?;
            return Ok(0);
        }
        let serial = content.rows.first().map_or(0, |row| row.version.serial);
        if content.rows.len() > ROWS_PER_ENTRY_MAX
            || content.rows.iter().any(|row| row.version.serial != serial)
        {
            return refuse("rows beyond what one entry holds");
        }
        if !self.serial_stands(slice, serial)? {
            return Ok(0);
        }
        let known_lens = Lens::find_id(&grant.content.hash).is_some();
        let mut taken = BTreeMap::new();
        for record in content.rows {
            let fields = record.fields.as_deref().map(Vec::as_slice);
            if record.key.len() > ROW_KEY_BYTES_MAX
                || fields.is_some_and(|fields| fields.len() > ROW_FIELDS_BYTES_MAX)
            {
                return refuse("a row over its bounds");
            }
            if content::row_hash(&record.key, fields) != record.version.hash {
                return refuse("a row whose hash does not fit");
            }
            if known_lens {
                if part_of(lens::part_of_key(&record.key).map_err(theirs)?) != part {
                    return refuse("a row of another part");
                }
                if let Some(fields) = fields {
                    lens::decode(&record.key, fields).map_err(theirs)?;
                }
            }
            let at = layout::row(slice, part, &record.key);
            let older = self.view.read::<Row>(&at)?;
            if older
                .as_ref()
                .is_none_or(|older| older.version < record.version)
            {
                let row = Row {
                    version: record.version,
                    fields: record.fields,
                };
                self.view.write(at.clone(), &row);
                taken.entry(at).or_insert(older.is_none());
            }
        }
        let rows = taken.values().filter(|new| **new).count() as u64;
        let more = Holding {
            rows,
            ..Holding::default()
        };
        self.hold(from, more)?;
        Ok(taken.len() as u64)
    }

    /// Counts what is kept of a contact.
    pub(super) fn hold(&mut self, from: PersonId, more: Holding) -> Result<(), Refused> {
        if more == Holding::default() {
            return Ok(());
        }
        let held = self.held_of(from)?.plus(more);
        if !held.within(HOLDING_MAX) {
            return refuse("more than this node keeps for one contact");
        }
        self.view.write(layout::holding(from), &held);
        Ok(())
    }

    /// Whether so much more may be kept of somebody.
    pub(super) fn has_room(&self, of: PersonId, more: Holding) -> Result<bool, ReadError> {
        Ok(self.held_of(of)?.plus(more).within(HOLDING_MAX))
    }

    fn held_of(&self, person: PersonId) -> Result<Holding, ReadError> {
        let held: Option<Holding> = self.view.read(&layout::holding(person))?;
        Ok(held.unwrap_or_default())
    }

    /// Notes that something of a contact was of no use here.
    fn set_aside(&mut self, at: Timestamp, from: PersonId, why: AsideWhy) -> Result<(), ReadError> {
        let key = layout::asides(from);
        let mut asides: Asides = self.view.read(&key)?.unwrap_or_default();
        if let AsideWhy::BeginsLater(begin) = why {
            self.next_begin = Some(self.next_begin.map_or(begin, |next| next.min(begin)));
        }
        // The same again is one note, so that it does not push others out.
        asides.notes.retain(|note| note.why != why);
        asides.notes.push(AsideNote { at, why });
        let over = asides.notes.len().saturating_sub(NOTES_MAX);
        asides.notes.drain(..over);
        self.view.write(key, &asides);
        self.event(Event::SetAside {
            person: from,
            why: why.shown(),
        });
        Ok(())
    }
}

impl<S: Store> Home<S> {
    /// Has a share sent again that came before its time, once its time has come.
    pub(super) fn take_begun(&mut self, now: Timestamp) {
        if self.next_begin.is_none_or(|next| next > now) {
            return;
        }
        // A store that cannot be read says so elsewhere; this looks again in a while.
        self.next_begin = if self.try_take_begun(now).is_ok() {
            self.find_next_begin().unwrap_or(None)
        } else {
            self.view.roll_back();
            Some(now.plus_millis(PAUSE_MS))
        };
    }

    fn try_take_begun(&mut self, now: Timestamp) -> Result<(), ReadError> {
        for contact in self.contacts()? {
            if self
                .begins(contact.person)?
                .is_some_and(|begin| begin <= now)
            {
                self.take_feed_again(now, contact.person)?;
            }
        }
        Ok(())
    }

    pub(super) fn find_next_begin(&self) -> Result<Option<Timestamp>, ReadError> {
        let mut next = None;
        for contact in self.contacts()? {
            next = next.into_iter().chain(self.begins(contact.person)?).min();
        }
        Ok(next)
    }

    /// When the first share of a person begins that came too early.
    fn begins(&self, person: PersonId) -> Result<Option<Timestamp>, ReadError> {
        let asides: Option<Asides> = self.view.read(&layout::asides(person))?;
        let notes = asides.unwrap_or_default().notes.into_iter();
        Ok(notes
            .filter_map(|note| match note.why {
                AsideWhy::BeginsLater(begin) => Some(begin),
                AsideWhy::TooManyOffers | AsideWhy::NewerContent => None,
            })
            .min())
    }
}

/// A grant to `me` among what was said about a slice, ended or not.
fn granted_to(access: &Access, id: GrantId, me: PersonId) -> Option<&Grant> {
    let (_, grant) = access.grants().find(|(other, _)| *other == id)?;
    (grant.audience.person() == Some(me)).then_some(grant)
}

fn key_at(key: &PartKey) -> Vec<u8> {
    let record = key.record.unverified();
    layout::part_key(record.slice, record.part, key.generation())
}
