//! Shares that others gave to our person: accepted, taken in, shown.
//!
//! | what comes | taken in when |
//! |---|---|
//! | parcel `Share` | its sender is the contact, the grant is theirs, names us, and holds; the keys fit it |
//! | parcel `Keys` | a grant of theirs on that slice is held, and each key's part lies in it |
//! | parcel `End` | a device of the contact signed it and it ends a grant held or accepted here |
//! | entry | a grant held covers its slice and part; its log continues; its author is a device of the owner; its rows fit the grant's lens |
//!
//! What does not fit is the peer's fault: the session is closed and nothing is kept. What was
//! taken in stays after an end: a reader keeps what they had, and the lists say so.

use maille_protocol::card::ShareLink;
use maille_protocol::entry::{LogTip, UnverifiedEntry};
use maille_protocol::generation::{AccessKey, PartKey};
use maille_protocol::grant::{Grant, SignedGrant};
use maille_protocol::id::{GrantId, PersonId, SliceId};
use maille_protocol::parcel::{self, ParcelBody};
use maille_protocol::principal::{Authority, UnverifiedAuthority};
use maille_protocol::slice::PartNumber;
use maille_protocol::time::Timestamp;
use maille_schemas::lens::{self, Lens};
use rand_core::CryptoRng;

use super::content::{self, ROW_FIELDS_BYTES_MAX, ROW_KEY_BYTES_MAX, RowsContent};
use super::{Home, authority_hash, check_text};
use crate::command::{CommandError, Done, ProjectedRow, ReceivedShare, ShareState};
use crate::io::{Event, Store};
use crate::layout;
use crate::state::{Contact, HeldLog, Row, Taken};
use crate::view::{ReadError, damaged};

/// Most shares held from one person: a list that a person can read.
const SHARES_PER_CONTACT_MAX: usize = 256;

/// Why something that a peer sent was not taken in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The peer's fault: close the session.
    #[error("{0}")]
    Peer(String),
    /// Our store's fault.
    #[error(transparent)]
    Read(#[from] ReadError),
}

fn refuse<T>(what: impl std::fmt::Display) -> Result<T, Refused> {
    Err(Refused::Peer(what.to_string()))
}

impl<S: Store> Home<S> {
    pub(super) fn received_accept(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        link: ShareLink,
        name: String,
    ) -> Result<Done, CommandError> {
        check_text("name", &name, false)?;
        let from = link.card.person;
        if from == self.me.person {
            return Err(CommandError::Oneself);
        }
        if link.to != self.me.person {
            return Err(CommandError::ForSomebodyElse { to: link.to });
        }
        if link.until <= now {
            return Err(CommandError::LinkExpired { until: link.until });
        }
        let id = link.grant;
        let taken = match self.view.read::<Taken>(&layout::taken(id))? {
            Some(known) if known.from != from || known.slice != link.slice => {
                return Err(CommandError::LinkMismatch { share: id });
            }
            Some(known) => known,
            None => {
                self.check_room(from)?;
                Taken {
                    from,
                    slice: link.slice,
                    lens: link.label.clone(),
                    until: link.until,
                    accepted: now,
                    grant: None,
                    revoked: None,
                    updated: None,
                }
            }
        };
        self.view.write(layout::taken(id), &taken);
        self.keep_contact(now, rng, &link.card, name)?;
        Ok(Done::ReceivedAccepted {
            from,
            share: self.shown_taken(now, id, &taken)?,
        })
    }

    fn check_room(&self, from: PersonId) -> Result<(), CommandError> {
        let held = self
            .taken()?
            .into_iter()
            .filter(|(_, taken)| taken.from == from)
            .count();
        if held < SHARES_PER_CONTACT_MAX {
            return Ok(());
        }
        Err(CommandError::TooMany {
            what: "shares from one person".to_owned(),
            max: SHARES_PER_CONTACT_MAX as u64,
        })
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
        let opened = match parcel::open(bytes, self.me.person, &self.me.sealing) {
            Ok(opened) => opened,
            Err(error) => return refuse(error),
        };
        let body = match opened.verify(&authority) {
            Ok(body) => body,
            Err(error) => return refuse(error),
        };
        match body {
            ParcelBody::Share { grant, slice, keys } => {
                if let Err(error) =
                    parcel::verify_share(&grant, &slice, &keys, &authority, self.me.person, now)
                {
                    return refuse(error);
                }
                self.take_share(now, contact, &grant)?;
                Ok(self.keep_keys(&keys))
            }
            ParcelBody::Keys { slice, keys } => {
                let fits = |(_, grant): &(GrantId, Grant)| {
                    parcel::verify_keys(&keys, slice, &grant.parts, &authority).is_ok()
                };
                if !self.grants_on(contact.person, slice)?.iter().any(fits) {
                    return refuse("keys that no grant covers");
                }
                Ok(self.keep_keys(&keys))
            }
            ParcelBody::End { revocation } => {
                let Ok(revocation) = revocation.verify(&authority) else {
                    return refuse("a revocation that does not hold");
                };
                let at = layout::taken(revocation.grant);
                let Some(taken) = self.view.read::<Taken>(&at)? else {
                    return Ok(Vec::new());
                };
                if taken.from != contact.person {
                    return refuse("a revocation of somebody else's grant");
                }
                if taken.revoked.is_none() {
                    let taken = Taken {
                        revoked: Some(revocation.at),
                        ..taken
                    };
                    self.view.write(at, &taken);
                    self.event(Event::ShareEnded {
                        grant: revocation.grant,
                    });
                }
                Ok(Vec::new())
            }
        }
    }

    fn take_share(
        &mut self,
        now: Timestamp,
        contact: &Contact,
        signed: &SignedGrant,
    ) -> Result<(), Refused> {
        // The whole parcel has been verified.
        let (id, grant) = (signed.id(), signed.unverified());
        let known = self.view.read::<Taken>(&layout::taken(id))?;
        let taken = match known {
            Some(known) if known.from != contact.person || known.slice != grant.slice => {
                return refuse("a grant that does not fit the link");
            }
            Some(known) => known,
            // A contact whose link was accepted before may share more; it shows in the list.
            None => {
                if self.check_room(contact.person).is_err() {
                    return refuse("too many shares");
                }
                Taken {
                    from: contact.person,
                    slice: grant.slice,
                    lens: grant.content.name.clone(),
                    until: grant.expires,
                    accepted: now,
                    grant: None,
                    revoked: None,
                    updated: None,
                }
            }
        };
        let taken = Taken {
            lens: grant.content.name.clone(),
            until: grant.expires,
            grant: Some(signed.to_bytes().into()),
            updated: Some(now),
            ..taken
        };
        self.view.write(layout::taken(id), &taken);
        self.event(Event::ShareArrived { grant: id });
        Ok(())
    }

    /// Keeps verified keys; returns what they let us name.
    fn keep_keys(&mut self, keys: &[PartKey]) -> Vec<AccessKey> {
        for key in keys {
            let record = key.record.unverified();
            self.view.write(
                layout::part_key(record.slice, record.part, key.generation()),
                key,
            );
        }
        keys.iter().map(|key| key.key.access()).collect()
    }

    /// Takes in an entry from a contact.
    pub(super) fn take_entry(
        &mut self,
        now: Timestamp,
        contact: &Contact,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let unverified = match UnverifiedEntry::decode(bytes) {
            Ok(entry) => entry,
            Err(error) => return refuse(error),
        };
        let prefix = unverified.claimed();
        let (slice, part, log, seq) = (prefix.slice, prefix.part, prefix.log, prefix.seq);
        let grants = self.grants_on(contact.person, slice)?;
        let Some((id, grant)) = grants
            .into_iter()
            .rev()
            .find(|(_, grant)| grant.parts.contains(part))
        else {
            return refuse("an entry of a part that no grant covers");
        };
        let at = layout::log(slice, part, log);
        let held = self.view.read::<HeldLog>(&at)?;
        let tip = held.as_ref().map_or(LogTip::START, |held| held.tip);
        if seq < tip.next_seq {
            return self.check_same(&layout::entry(slice, part, log, seq), bytes);
        }
        let entry = match unverified.verify(&tip) {
            Ok(entry) => entry,
            Err(error) => return refuse(error),
        };
        let key_at = layout::part_key(slice, part, entry.generation());
        let Some(key) = self.view.read::<PartKey>(&key_at)? else {
            return refuse("an entry under a key that was not given");
        };
        let body = match entry.open(&key.key) {
            Ok(body) => body,
            Err(error) => return refuse(error),
        };
        let author = match (&held, body.author()) {
            (Some(held), _) => held.author,
            (None, Some(author)) => author,
            (None, None) => return refuse("a log that names no author"),
        };
        let Some(authority) = self.authority_of(contact)? else {
            return refuse("an entry before the sender's authority");
        };
        if authority.device(&author).is_none() {
            return refuse("a log whose author does not speak for the owner");
        }
        let Some(content) = content::unpack::<RowsContent>(&body.content) else {
            return refuse("content that cannot be unpacked");
        };
        let rows = self.take_rows(slice, part, &grant, content)?;
        self.view
            .put(layout::entry(slice, part, log, seq), bytes.to_vec());
        self.view.write(
            at,
            &HeldLog {
                tip: entry.tip_after(),
                author,
            },
        );
        let taken_at = layout::taken(id);
        let taken = self
            .view
            .read::<Taken>(&taken_at)?
            .ok_or_else(|| damaged(&taken_at))?;
        self.view.write(
            taken_at,
            &Taken {
                updated: Some(now),
                ..taken
            },
        );
        self.event(Event::RowsArrived { grant: id, rows });
        Ok(())
    }

    /// An entry that is here already must be the same to the last byte; two are a fork.
    fn check_same(&self, at: &[u8], bytes: &[u8]) -> Result<(), Refused> {
        let held = self.view.get(at)?.ok_or_else(|| damaged(at))?;
        if held == bytes {
            Ok(())
        } else {
            refuse("a second entry at the same place of a log")
        }
    }

    fn take_rows(
        &mut self,
        slice: SliceId,
        part: PartNumber,
        grant: &Grant,
        content: RowsContent,
    ) -> Result<u64, Refused> {
        if content.version != 1 {
            return refuse("rows of an unknown version");
        }
        if Lens::find(&grant.content.name).is_none() {
            return refuse("a lens that this node does not know");
        }
        let mut taken = 0;
        for record in content.rows {
            if record.key.len() > ROW_KEY_BYTES_MAX
                || record
                    .fields
                    .as_ref()
                    .is_some_and(|f| f.len() > ROW_FIELDS_BYTES_MAX)
            {
                return refuse("a row over its bounds");
            }
            if content::row_hash(&record.key, record.fields.as_deref().map(Vec::as_slice))
                != record.version.hash
            {
                return refuse("a row whose hash does not fit");
            }
            if let Some(fields) = &record.fields
                && let Err(error) = lens::decode(&record.key, fields)
            {
                return refuse(error);
            }
            let at = layout::row(slice, part, &record.key);
            let older = self.view.read::<Row>(&at)?;
            if older.is_none_or(|older| older.version < record.version) {
                self.view.write(
                    at,
                    &Row {
                        version: record.version,
                        fields: record.fields,
                    },
                );
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// Keeps a contact's authority if it is really theirs.
    pub(super) fn take_authority(
        &mut self,
        contact: &mut Contact,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let verified = UnverifiedAuthority::decode(bytes)
            .map_err(|error| Refused::Peer(error.to_string()))?
            .verify(contact.person)
            .map_err(|error| Refused::Peer(error.to_string()))?;
        if verified.device_of_transport(&contact.transport).is_none() {
            return refuse("an authority without the device it comes from");
        }
        contact.authority = Some(bytes.to_vec().into());
        self.view.write(layout::contact(contact.person), contact);
        Ok(())
    }

    pub(super) fn authority_of(&self, contact: &Contact) -> Result<Option<Authority>, ReadError> {
        let Some(bytes) = &contact.authority else {
            return Ok(None);
        };
        UnverifiedAuthority::decode(bytes)
            .ok()
            .and_then(|unverified| unverified.verify(contact.person).ok())
            .map(Some)
            .ok_or_else(|| damaged(&layout::contact(contact.person)))
    }

    /// Grants of a person on a slice that have arrived here, revoked ones too: what was written
    /// before an end may still be on its way, and nothing written after it can be opened.
    fn grants_on(
        &self,
        from: PersonId,
        slice: SliceId,
    ) -> Result<Vec<(GrantId, Grant)>, ReadError> {
        let mut grants = Vec::new();
        for (id, taken) in self.taken()? {
            if taken.from != from || taken.slice != slice {
                continue;
            }
            if let Some(grant) = grant_in(id, &taken)? {
                grants.push((id, grant));
            }
        }
        Ok(grants)
    }

    /// Access keys of everything a person shares with ours: what we can name in a session.
    pub(super) fn access_keys_from(&self, from: PersonId) -> Result<Vec<AccessKey>, ReadError> {
        let mut slices: Vec<SliceId> = self
            .taken()?
            .into_iter()
            .filter(|(_, taken)| taken.from == from && taken.grant.is_some())
            .map(|(_, taken)| taken.slice)
            .collect();
        slices.sort_unstable();
        slices.dedup();
        let mut keys = Vec::new();
        for slice in slices {
            for (_, key) in self.view.scan_read::<PartKey>(&layout::keys_of(slice))? {
                keys.push(key.key.access());
            }
        }
        Ok(keys)
    }

    pub(super) fn taken(&self) -> Result<Vec<(GrantId, Taken)>, ReadError> {
        let mut all = Vec::new();
        for (key, taken) in self.view.scan_read::<Taken>(layout::TAKEN)? {
            let id = key
                .get(1..)
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            all.push((GrantId::from_bytes(id.ok_or_else(|| damaged(&key))?), taken));
        }
        all.sort_by_key(|(id, taken)| (taken.accepted, *id));
        Ok(all)
    }

    /// Shares received, in the order of acceptance.
    pub(super) fn received(&self, now: Timestamp) -> Result<Vec<ReceivedShare>, CommandError> {
        self.taken()?
            .iter()
            .map(|(id, taken)| self.shown_taken(now, *id, taken))
            .collect()
    }

    pub(super) fn received_show(&self, now: Timestamp, share: &str) -> Result<Done, CommandError> {
        let (id, taken) = self.find_taken(share)?;
        let rows = self.received_rows(&taken)?;
        Ok(Done::Received {
            share: self.shown_taken(now, id, &taken)?,
            rows,
        })
    }

    fn find_taken(&self, share: &str) -> Result<(GrantId, Taken), CommandError> {
        let (grant, slice) = (share.parse::<GrantId>().ok(), share.parse::<SliceId>().ok());
        let mut found = Vec::new();
        for (id, taken) in self.taken()? {
            let named = self
                .contact(taken.from)?
                .is_some_and(|contact| contact.name == share);
            if grant == Some(id) || slice == Some(taken.slice) || named {
                found.push((id, taken));
            }
        }
        if found.len() > 1 {
            return Err(CommandError::AmbiguousShare {
                share: share.to_owned(),
                count: found.len() as u64,
            });
        }
        found.pop().ok_or_else(|| CommandError::UnknownShare {
            share: share.to_owned(),
        })
    }

    /// The rows held under a share, by part and key.
    pub(super) fn received_rows(&self, taken: &Taken) -> Result<Vec<ProjectedRow>, ReadError> {
        let mut rows = Vec::new();
        for (key, row) in self.view.scan_read::<Row>(&layout::rows_of(taken.slice))? {
            if let Some(fields) = row.fields {
                let tail = layout::tail_after_part(&key).ok_or_else(|| damaged(&key))?;
                rows.push(ProjectedRow {
                    key: tail.to_vec(),
                    fields: fields.to_vec(),
                });
            }
        }
        Ok(rows)
    }

    pub(super) fn shown_taken(
        &self,
        now: Timestamp,
        id: GrantId,
        taken: &Taken,
    ) -> Result<ReceivedShare, CommandError> {
        let grant = grant_in(id, taken)?;
        let rows = if grant.is_some() {
            self.received_rows(taken)?.len()
        } else {
            0
        };
        Ok(ReceivedShare {
            id,
            from: taken.from,
            name: self
                .contact(taken.from)?
                .map_or_else(String::new, |contact| contact.name),
            lens: taken.lens.clone(),
            state: match (taken.revoked, &grant) {
                (Some(at), _) => ShareState::Revoked { at },
                (None, _) if taken.until <= now => ShareState::Expired { at: taken.until },
                (None, None) => ShareState::Pending,
                (None, Some(_)) => ShareState::Active,
            },
            purpose: grant.map_or_else(String::new, |grant| grant.purpose),
            accepted: taken.accepted,
            until: taken.until,
            rows: rows as u64,
            updated: taken.updated,
        })
    }
}

fn grant_in(id: GrantId, taken: &Taken) -> Result<Option<Grant>, ReadError> {
    let Some(bytes) = &taken.grant else {
        return Ok(None);
    };
    let signed = SignedGrant::decode(bytes).map_err(|_| damaged(&layout::taken(id)))?;
    Ok(Some(signed.unverified().clone()))
}

/// Hash of an authority that a contact has shown; zero when there is none.
pub(super) fn held_hash(contact: &Contact) -> [u8; 32] {
    contact
        .authority
        .as_ref()
        .map_or([0; 32], |bytes| authority_hash(bytes))
}
