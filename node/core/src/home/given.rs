//! Shares that our person gave: made, handed out, ended.
//!
//! | state | event | state, effects |
//! |---|---|---|
//! | - | create | live, not fed; fed at once if the reader's sealing key is known |
//! | live, not fed | the reader shows their authority | live, fed: grant, keys, all entries of its parts are due |
//! | live, fed | an entry's turn comes and the reader cannot name its part | passed over: they have not accepted it, and ask for all of it again when they do |
//! | live | revoke, or its end comes | ended: every part it read gets a new generation whose key goes to the others; the news is due |
//! | ended, news not due | the reader shows their authority | ended, news due |
//!
//! **Invariants.** An ended grant is a recipient of no generation. What is due under an ended
//! grant, but the news of its end, is withdrawn before it leaves.

use std::collections::BTreeMap;

use maille_protocol::card::{Card, ShareLink};
use maille_protocol::crypto::SealingPublic;
use maille_protocol::evaluation::Upto;
use maille_protocol::generation::PartKey;
use maille_protocol::grant::{Abilities, Audience, ContentPin, Grant};
use maille_protocol::id::{GrantId, InstallationId, PersonId, SliceId, StatementId, TransportId};
use maille_protocol::parcel::{KEYS_MAX, Parcel, ParcelBody};
use maille_protocol::slice::{
    Access, Owner, PartNumber, PartRange, SliceCharter, UnverifiedAccess,
};
use maille_protocol::statement::{Kind, SignedStatement, Signer};
use maille_protocol::time::Timestamp;
use maille_protocol::wire;
use maille_schemas::document::Month;
use rand_core::CryptoRng;

use super::link::PAUSE_MS;
use super::publish::{find_lens, part_of};
use super::{Home, begins_id, check_end, check_text, is_called};
use crate::command::{CommandError, Done, GivenShare, ShareState};
use crate::io::Store;
use crate::layout;
use crate::state::{Contact, Due, DueWhat, Ended, Given, OwnSlice, Row, Sent, Why};
use crate::view::{ReadError, damaged};

/// Longest a share may last. Longer wishes are renewals, which a person sees and can stop.
const DAYS_MAX: u32 = 366;

/// Most live shares of one person: a list that a person can read.
const SHARES_MAX: usize = 1_000;

/// Most bytes said about one slice to one reader: more than a thousand shares and their ends. Half a
/// parcel, so that it travels with keys.
const SAID_BYTES_MAX: usize = 512 * 1024;
/// Above so many bytes said, no keys go in the same parcel.
const SAID_WITH_KEYS_BYTES_MAX: usize = 16 * 1024;

/// What a person wants to share.
pub(super) struct Wish {
    pub(super) lens: String,
    pub(super) with: Card,
    pub(super) name: String,
    pub(super) until: Timestamp,
    pub(super) from: Option<Month>,
    pub(super) purpose: String,
}

/// A share with its grant.
pub(super) struct GivenWithGrant {
    pub(super) id: GrantId,
    pub(super) slice: SliceId,
    pub(super) audience: PersonId,
    pub(super) grant: Grant,
    pub(super) given: Given,
}

impl<S: Store> Home<S> {
    pub(super) fn share_create(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        wish: Wish,
    ) -> Result<Done, CommandError> {
        let lens = find_lens(&wish.lens)?;
        check_text("name", &wish.name, true)?;
        check_text("purpose", &wish.purpose, true)?;
        if wish.with.person == self.me.person {
            return Err(CommandError::Oneself);
        }
        check_end(wish.until, now, DAYS_MAX)?;
        if let Some(from) = wish.from
            && month_of(wish.until).is_some_and(|last| last < from)
        {
            return Err(CommandError::BeginsAfterEnd {
                from,
                until: wish.until,
            });
        }
        let live = self
            .all_given()?
            .iter()
            .filter(|share| share.given.ended.is_none())
            .count();
        if live >= SHARES_MAX {
            return Err(CommandError::TooMany {
                what: "shares".to_owned(),
                max: SHARES_MAX as u64,
            });
        }
        let contact = self.keep_contact(now, rng, &wish.with, wish.name)?;
        let slice = self.projection(now, rng, lens)?;
        let grant = Grant {
            audience: Audience::Person(contact.person),
            abilities: Abilities::READ,
            parts: PartRange {
                from: wish.from.map(part_of),
                to: None,
            },
            not_before: now,
            expires: wish.until,
            depth: 0,
            purpose: wish.purpose,
            content: ContentPin {
                name: lens.name().to_owned(),
                hash: lens.id(),
            },
        };
        let range = grant.parts;
        let said = self.say_of_slice(&slice, contact.person, Kind::Grant(grant.clone()))?;
        let id = GrantId::from(said.membership());
        let given = Given {
            grant,
            slice: slice.id,
            audience: contact.person,
            created: now,
            fed: false,
            last_position: 0,
            ended: None,
            end_position: None,
            passed_over: false,
            accepted: None,
        };
        self.view.write(layout::given(id), &given);
        for (number, mut part) in self.own_parts(slice.id)? {
            if range.contains(number) {
                part.recipients.push(id);
                self.view.write(layout::part(slice.id, number), &part);
            }
        }
        self.feed_shares_of(rng, &contact)?;
        let (card, label) = (self.card(), lens.name().to_owned());
        let link = ShareLink::new(card, id, slice.id, label, wish.until, contact.person)
            .expect("lens names are shorter than a label may be");
        Ok(Done::ShareCreated {
            share: self.shown(now, &self.given_of(id)?)?,
            link,
        })
    }

    pub(super) fn share_revoke(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        share: &str,
    ) -> Result<Done, CommandError> {
        let id = self.find_given(share)?;
        let GivenWithGrant {
            slice,
            audience,
            mut given,
            ..
        } = self.given_of(id)?;
        if given.ended.is_some() {
            return Err(CommandError::AlreadyEnded { share: id });
        }
        let end = Kind::Remove {
            membership: id.into(),
            key: None,
            keep: Upto::default(), // a reader has said nothing
            trusted: None,
        };
        self.say_of_slice(&self.own_slice(slice)?, audience, end)?;
        given.ended = Some(Ended::Revoked(now));
        self.view.write(layout::given(id), &given);
        self.rotate_away(now, rng, id, slice)?;
        if let Some(contact) = self.contact(audience)? {
            self.feed_shares_of(rng, &contact)?;
        }
        Ok(Done::ShareRevoked {
            share: self.shown(now, &self.given_of(id)?)?,
        })
    }

    /// Says something about a slice of ours that concerns one reader. What is said to each is a log of
    /// its own, so that readers do not learn of each other.
    fn say_of_slice(
        &mut self,
        slice: &OwnSlice,
        reader: PersonId,
        kind: Kind,
    ) -> Result<SignedStatement, CommandError> {
        let mut access = self.said_of(slice, reader)?;
        let log = maille_protocol::crypto::hash(
            "maille reader log v1",
            &[
                self.me.secrets.installation.as_bytes(),
                slice.id.as_bytes(),
                reader.as_bytes(),
            ],
        );
        let signer = Signer {
            key: &self.me.signing,
            membership: self.me.membership,
            installation: InstallationId::from_bytes(log),
        };
        let said = access.say(&signer, kind, &()).ok();
        let bytes = access.to_bytes();
        let Some(said) = said.filter(|_| bytes.len() <= SAID_BYTES_MAX) else {
            return Err(CommandError::TooMany {
                what: "shares of one view with one person, ended ones included".to_owned(),
                max: (SAID_BYTES_MAX / 512) as u64,
            });
        };
        self.view.put(layout::said(slice.id, reader), bytes);
        Ok(said)
    }

    /// The removals in a slice of ours.
    pub(super) fn removals_in(&self, slice: SliceId) -> Result<Vec<StatementId>, ReadError> {
        let owner = Owner::Person(&self.me.authority);
        let mut removals = Vec::new();
        for (at, bytes) in self.view.scan(&layout::said_of(slice))? {
            let said = UnverifiedAccess::decode(&bytes).map_err(|_| damaged(&at))?;
            let access = said.verified_before(slice, owner, &());
            removals.extend(access.map_err(|_| damaged(&at))?.statements().removals());
        }
        Ok(removals)
    }

    /// Those of some removals that no key of this part names yet.
    fn not_named(
        &self,
        mut removals: Vec<StatementId>,
        slice: SliceId,
        part: PartNumber,
    ) -> Result<Vec<StatementId>, ReadError> {
        let before = layout::part_keys(slice, part);
        for (_, key) in self.view.scan_read::<PartKey>(&before)? {
            removals.retain(|id| !key.record.unverified().removed.contains(id));
        }
        Ok(removals)
    }

    /// What we have said about a slice of ours that concerns one reader.
    fn said_of(&self, slice: &OwnSlice, reader: PersonId) -> Result<Access, ReadError> {
        let at = layout::said(slice.id, reader);
        let owner = Owner::Person(&self.me.authority);
        let access = match self.view.get(&at)? {
            Some(bytes) => (UnverifiedAccess::decode(&bytes).ok())
                .and_then(|said| said.verified_before(slice.id, owner, &()).ok()),
            None => (wire::decode::<SliceCharter>(&slice.charter, wire::STATEMENT_BYTES_MAX).ok())
                .and_then(|charter| Access::begin(charter, owner, &()).ok()),
        };
        access.ok_or_else(|| damaged(&at))
    }

    /// Ends shares whose time has come.
    pub(super) fn end_expired(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self.next_expiry.is_none_or(|next| next > now) {
            return;
        }
        if sim_point!(self, ExpireLate) {
            self.next_expiry = Some(now.plus_millis(60_000));
            return;
        }
        // A store that cannot be read will say so to the next command; a share that could not be
        // ended here is dead all the same, since every use checks its end.
        if self.try_end_expired(now, rng).is_ok() {
            self.next_expiry = self.find_next_expiry().unwrap_or(None);
        } else {
            self.view.roll_back();
            self.next_expiry = Some(now.plus_millis(PAUSE_MS));
        }
    }

    pub(super) fn try_end_expired(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReadError> {
        for share in self.all_given()? {
            if share.given.ended.is_none() && share.grant.expires <= now {
                let ended = Ended::Expired(share.grant.expires);
                let given = Given {
                    ended: Some(ended),
                    ..share.given
                };
                self.view.write(layout::given(share.id), &given);
                self.rotate_away(now, rng, share.id, share.slice)?;
            }
        }
        Ok(())
    }

    pub(super) fn find_next_expiry(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self
            .all_given()?
            .into_iter()
            .filter(|share| share.given.ended.is_none())
            .map(|share| share.grant.expires)
            .min())
    }

    /// Gives every part that `grant` could read a new generation, whose key goes to the others.
    fn rotate_away(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        grant: GrantId,
        slice: SliceId,
    ) -> Result<(), ReadError> {
        if planted!(self, ForgetRotation) {
            return Ok(());
        }
        let readers = self.readers_of(now, slice)?;
        let removals = self.removals_in(slice)?;
        let mut handout: BTreeMap<GrantId, Vec<PartKey>> = BTreeMap::new();
        for (number, mut part) in self.own_parts(slice)? {
            if !part.recipients.contains(&grant) {
                continue;
            }
            let at = layout::part_key(slice, number, part.generation);
            let old: PartKey = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
            let removed = self.not_named(removals.clone(), slice, number)?;
            let key = PartKey::generate(
                rng,
                self.me.issuer(),
                slice,
                number,
                &[&old.record],
                removed,
            );
            self.view
                .write(layout::part_key(slice, number, key.generation()), &key);
            part.generation = key.generation();
            part.recipients
                .retain(|id| readers.iter().any(|reader| reader.id == *id));
            self.view.write(layout::part(slice, number), &part);
            for reader in &readers {
                if reader.given.fed && part.recipients.contains(&reader.id) {
                    handout.entry(reader.id).or_default().push(key.clone());
                }
            }
        }
        for (reader, keys) in handout {
            self.hand_out_keys(rng, reader, &keys)?;
        }
        Ok(())
    }

    /// Puts into a contact's feed what their shares owe them, once their sealing key is known:
    /// live shares that are not fed, and news of ends that are not due yet.
    pub(super) fn feed_shares_of(
        &mut self,
        rng: &mut impl CryptoRng,
        contact: &Contact,
    ) -> Result<(), ReadError> {
        let mut owed = self.given_to(contact.person)?;
        owed.retain(GivenWithGrant::owes_feed);
        if owed.is_empty() {
            return Ok(()); // as at most hellos: reading the sealing key is dear
        }
        let Some(to) = self.sealing_key_of(contact)? else {
            return Ok(());
        };
        for share in owed {
            match (share.given.ended, share.given.end_position) {
                (None, _) if !share.given.fed => self.feed_share(rng, &to, share)?,
                (Some(Ended::Revoked(_)), None) => {
                    let said = self.said_of(&self.own_slice(share.slice)?, share.audience)?;
                    let news = ParcelBody::Share {
                        grant: share.id,
                        access: said.to_unverified(),
                        keys: Vec::new(),
                    };
                    let parcel = self.parcel(rng, contact.person, &to, &news);
                    let what = DueWhat::End(parcel.into());
                    let position = self.make_due(contact.person, share.id, what)?;
                    let given = Given {
                        end_position: Some(position),
                        ..self.given_of(share.id)?.given
                    };
                    self.view.write(layout::given(share.id), &given);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a share's grant, its keys and all entries of its parts due.
    fn feed_share(
        &mut self,
        rng: &mut impl CryptoRng,
        to: &SealingPublic,
        share: GivenWithGrant,
    ) -> Result<(), ReadError> {
        let GivenWithGrant {
            id,
            slice,
            audience,
            grant,
            ..
        } = share;
        let slice = self.own_slice(slice)?;
        let mut keys: Vec<PartKey> = Vec::new();
        let mut entries: Vec<(Vec<u8>, u32)> = Vec::new();
        for (nth, (number, _)) in self.own_parts(slice.id)?.into_iter().enumerate() {
            if !grant.parts.contains(number) {
                continue;
            }
            let of_part = self
                .view
                .scan_read::<PartKey>(&layout::part_keys(slice.id, number))?;
            keys.extend(of_part.into_iter().map(|(_, key)| key));
            if nth == 0 && planted!(self, DropDuePart) {
                continue;
            }
            for (at, rows) in self
                .view
                .scan_read::<u32>(&layout::row_counts(slice.id, number))?
            {
                entries.push((layout::entry_of_count(&at), rows));
            }
        }
        let access = self.said_of(&slice, audience)?;
        let long = access.to_bytes().len() > SAID_WITH_KEYS_BYTES_MAX;
        let with_grant = if long { 0 } else { keys.len().min(KEYS_MAX) };
        let (with_grant, later) = keys.split_at(with_grant);
        let body = ParcelBody::Share {
            grant: id,
            access: access.to_unverified(),
            keys: with_grant.to_vec(),
        };
        let parcel = self.parcel(rng, audience, to, &body);
        self.make_due(audience, id, DueWhat::Grant(parcel.into()))?;
        self.hand_out_keys(rng, id, later)?;
        for (at, rows) in entries {
            self.make_due(
                audience,
                id,
                DueWhat::Entry {
                    key: at.into(),
                    rows,
                },
            )?;
        }
        let given = Given {
            fed: true,
            passed_over: false,
            ..self.given_of(id)?.given
        };
        self.view.write(layout::given(id), &given);
        Ok(())
    }

    /// Makes keys due to the reader of a grant.
    pub(super) fn hand_out_keys(
        &mut self,
        rng: &mut impl CryptoRng,
        grant: GrantId,
        keys: &[PartKey],
    ) -> Result<(), ReadError> {
        let share = self.given_of(grant)?;
        let contact = self.contact(share.audience)?;
        let Some(contact) = contact else {
            return Ok(());
        };
        let Some(to) = self.sealing_key_of(&contact)? else {
            // The share is handed out as a whole, with these keys, once it is known.
            let given = Given {
                fed: false,
                ..share.given
            };
            self.view.write(layout::given(grant), &given);
            return Ok(());
        };
        let few = sim_point!(self, OneKeyPerParcel);
        for some in keys.chunks(if few { 1 } else { KEYS_MAX }) {
            let body = ParcelBody::Keys {
                slice: share.slice,
                keys: some.to_vec(),
            };
            let parcel = self.parcel(rng, contact.person, &to, &body);
            self.make_due(contact.person, grant, DueWhat::Keys(parcel.into()))?;
        }
        Ok(())
    }

    fn parcel(
        &self,
        rng: &mut impl CryptoRng,
        to: PersonId,
        key: &SealingPublic,
        body: &ParcelBody,
    ) -> Vec<u8> {
        Parcel::seal(rng, &self.me.signing, self.me.person, to, key, body)
            .expect("bodies are made with at most KEYS_MAX keys, which fit a parcel")
    }

    fn sealing_key_of(&self, contact: &Contact) -> Result<Option<SealingPublic>, ReadError> {
        let Some(authority) = self.authority_of(contact)? else {
            return Ok(None);
        };
        Ok(authority
            .device_of_transport(&contact.transport)
            .map(|device| device.sealing.clone()))
    }

    /// Appends something of a share to its reader's feed; returns the position.
    pub(super) fn make_due(
        &mut self,
        person: PersonId,
        grant: GrantId,
        what: DueWhat,
    ) -> Result<u64, ReadError> {
        let at = layout::contact(person);
        let contact = self.contact(person)?.ok_or_else(|| damaged(&at))?;
        let position = self.append_due(contact.transport, &Due::Share { grant, what })?;
        let given = Given {
            last_position: position,
            ..self.given_of(grant)?.given
        };
        self.view.write(layout::given(grant), &given);
        Ok(position)
    }

    /// Appends to a node's feed; returns the position.
    pub(super) fn append_due(&mut self, peer: TransportId, due: &Due) -> Result<u64, ReadError> {
        let at = layout::feed(peer);
        let mut feed = self.feed(peer)?.ok_or_else(|| damaged(&at))?;
        let position = feed.next;
        feed.next += 1;
        self.view.write(at, &feed);
        self.view.write(layout::feed_item(peer, position), due);
        Ok(position)
    }

    /// Everything that shares owe a person becomes due once more.
    pub(super) fn shares_anew(&mut self, person: PersonId) -> Result<(), ReadError> {
        for share in self.given_to(person)? {
            let given = Given {
                fed: false,
                last_position: 0,
                end_position: None,
                ..share.given
            };
            self.view.write(layout::given(share.id), &given);
        }
        Ok(())
    }

    /// Live shares of a slice.
    pub(super) fn readers_of(
        &self,
        now: Timestamp,
        slice: SliceId,
    ) -> Result<Vec<GivenWithGrant>, ReadError> {
        let mut readers = self.all_given()?;
        readers.retain(|share| share.slice == slice && share.is_live(now));
        Ok(readers)
    }

    /// Shares given to a person.
    pub(super) fn given_to(&self, person: PersonId) -> Result<Vec<GivenWithGrant>, ReadError> {
        let mut shares = self.all_given()?;
        shares.retain(|share| share.audience == person);
        Ok(shares)
    }

    fn all_given(&self) -> Result<Vec<GivenWithGrant>, ReadError> {
        self.view
            .scan_read::<Given>(layout::GIVEN)?
            .into_iter()
            .map(|(key, given)| with_grant(&key, given))
            .collect()
    }

    pub(super) fn given_of(&self, id: GrantId) -> Result<GivenWithGrant, ReadError> {
        let at = layout::given(id);
        let given = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
        with_grant(&at, given)
    }

    fn own_slice(&self, id: SliceId) -> Result<OwnSlice, ReadError> {
        let slices = self.view.scan_read::<OwnSlice>(layout::PROJECTIONS)?;
        let found = slices.into_iter().find(|(_, slice)| slice.id == id);
        found
            .map(|(_, slice)| slice)
            .ok_or_else(|| damaged(layout::PROJECTIONS))
    }

    fn find_given(&self, share: &str) -> Result<GrantId, CommandError> {
        if let Ok(id) = share.parse::<GrantId>()
            && self.view.get(&layout::given(id))?.is_some()
        {
            return Ok(id);
        }
        let (mut found, mut ended) = (Vec::new(), None);
        for given in self.all_given()? {
            let id_begins_so = begins_id(share, given.id);
            let contact = self.contact(given.audience)?;
            if id_begins_so || contact.is_some_and(|contact| is_called(&contact, share)) {
                if given.given.ended.is_none() || id_begins_so {
                    found.push(given.id);
                } else {
                    ended = Some(given.id);
                }
            }
        }
        match (found.as_slice(), ended) {
            ([id], _) => Ok(*id),
            ([], Some(share)) => Err(CommandError::AlreadyEnded { share }),
            ([], None) => Err(CommandError::UnknownShare {
                share: share.to_owned(),
            }),
            (several, _) => Err(CommandError::AmbiguousShare {
                share: share.to_owned(),
                count: several.len() as u64,
                candidates: several.to_vec(),
            }),
        }
    }

    /// Shares given, oldest first.
    pub(super) fn shares(&self, now: Timestamp) -> Result<Vec<GivenShare>, CommandError> {
        let mut all = self.all_given()?;
        all.sort_by_key(|share| (share.given.created, share.id));
        all.iter().map(|share| self.shown(now, share)).collect()
    }

    fn shown(&self, now: Timestamp, share: &GivenWithGrant) -> Result<GivenShare, CommandError> {
        let GivenWithGrant {
            id,
            slice,
            audience,
            grant,
            given,
        } = share;
        let contact = self.contact(*audience)?;
        let feed = match &contact {
            Some(contact) => self.feed(contact.transport)?,
            None => None,
        };
        let acked = feed.as_ref().map_or(0, |feed| feed.acked);
        let rows = if given.ended.is_some() {
            self.rows_sent(*id)?
        } else {
            self.count_rows(*slice, grant.parts)?
        };
        Ok(GivenShare {
            id: *id,
            slice: *slice,
            to: *audience,
            name: contact.map_or_else(String::new, |contact| contact.name),
            lens: grant.content.name.clone(),
            purpose: grant.purpose.clone(),
            created: given.created,
            until: grant.expires,
            from: grant
                .parts
                .from
                .and_then(|part| Month::from_ordinal(part.0)),
            state: match given.ended {
                Some(Ended::Revoked(at)) => ShareState::Revoked { at },
                Some(Ended::Expired(at)) => ShareState::Expired { at },
                None if grant.expires <= now => ShareState::Expired { at: grant.expires },
                None => ShareState::Active,
            },
            rows,
            acknowledged: feed
                .filter(|_| {
                    given.fed
                        && given.accepted.is_some()
                        && !given.passed_over
                        && acked >= given.last_position
                })
                .and_then(|feed| feed.acked_at),
            end_acknowledged: given.end_position.is_some_and(|position| acked >= position),
            accepted: given.accepted,
        })
    }

    fn count_rows(&self, slice: SliceId, parts: PartRange) -> Result<u64, ReadError> {
        let rows = self.view.scan_read::<Row>(&layout::rows_of(slice))?;
        let counted = rows.iter().filter(|(key, row)| {
            row.fields.is_some() && layout::part_in(key).is_some_and(|part| parts.contains(part))
        });
        Ok(counted.count() as u64)
    }

    /// Rows that left under a grant, by the journal.
    fn rows_sent(&self, grant: GrantId) -> Result<u64, ReadError> {
        let sent = self.view.scan_read::<Sent>(layout::SENT)?;
        Ok(sent
            .iter()
            .filter(|(_, sent)| sent.why == Why::Share(grant))
            .map(|(_, sent)| sent.rows)
            .sum())
    }
}

impl GivenWithGrant {
    /// Whether something of it is to be put into its reader's feed.
    fn owes_feed(&self) -> bool {
        match self.given.ended {
            None => !self.given.fed,
            Some(Ended::Revoked(_)) => self.given.end_position.is_none(),
            Some(Ended::Expired(_)) => false,
        }
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.given.ended.is_none() && self.grant.expires > now
    }
}

/// The month in which a moment lies, in UTC.
fn month_of(at: Timestamp) -> Option<Month> {
    at.to_string().get(..7)?.parse().ok()
}

fn with_grant(key: &[u8], given: Given) -> Result<GivenWithGrant, ReadError> {
    let id = key
        .get(1..)
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    Ok(GivenWithGrant {
        id: GrantId::from_bytes(id.ok_or_else(|| damaged(key))?),
        slice: given.slice,
        audience: given.audience,
        grant: given.grant.clone(),
        given,
    })
}
