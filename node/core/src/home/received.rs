//! Shares that others gave to our person: offered, accepted, shown.
//!
//! | known here | event | outcome |
//! |---|---|---|
//! | - | a link is accepted | accepted, pending |
//! | - | a grant comes | offered: kept without keys, nothing of it is taken in |
//! | accepted, pending | its grant comes | active: keys and entries are taken in (`taking`) |
//! | offered | its link is accepted | active; the giver's feed is taken in again from its start, which brings the keys |
//! | active | revoked, or its end comes | ended; what was taken in stays, and the lists say so |
//!
//! **Invariants.** Nothing of a share is kept, and no part of it is named in a session, before our
//! person has accepted it. What a link said gives way to what the giver has signed.

use maille_protocol::card::ShareLink;
use maille_protocol::defence::{self, Defence};
use maille_protocol::generation::{AccessKey, PartKey};
use maille_protocol::grant::Grant;
use maille_protocol::id::{GrantId, PersonId, SliceId};
use maille_protocol::principal::{Authority, UnverifiedAuthority};
use maille_protocol::sync::Cursor;
use maille_protocol::time::Timestamp;
use rand_core::CryptoRng;

use super::{Home, begins_id, check_text, is_called};
use crate::command::{CommandError, Done, ProjectedRow, ReceivedShare, ShareState};
use crate::io::Store;
use crate::layout;
use crate::state::{Contact, Row, Taken};
use crate::view::{ReadError, damaged};

/// Most shares accepted from one person: a list that a person can read.
const SHARES_PER_CONTACT_MAX: usize = 256;

impl<S: Store> Home<S> {
    pub(super) fn received_accept(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        link: ShareLink,
        name: String,
    ) -> Result<Done, CommandError> {
        check_text("name", &name, true)?;
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
        let known = self.view.read::<Taken>(&layout::taken(id))?;
        let offered = match &known {
            Some(known) if known.grant.is_some() => {
                if known.from != from || known.slice != link.slice {
                    return Err(CommandError::LinkMismatch { share: id });
                }
                known.accepted.is_none()
            }
            // All that was known is another link, and links prove nothing: the newer one stands.
            _ => false,
        };
        let taken = match known {
            Some(known) if known.accepted.is_some() && known.from == from => Taken {
                slice: link.slice,
                ..known
            },
            known => {
                self.check_room(from)?;
                let signed = known.filter(|known| known.grant.is_some());
                Taken {
                    accepted: Some(now),
                    ..signed.unwrap_or_else(|| Taken {
                        from,
                        slice: link.slice,
                        lens: link.label.clone(),
                        until: link.until,
                        known: now,
                        accepted: None,
                        grant: None,
                        revoked: None,
                        updated: None,
                    })
                }
            }
        };
        self.view.write(layout::taken(id), &taken);
        self.keep_contact(now, rng, &link.card, name)?;
        // What came before it was wanted has to come again: a grant that was not kept, or its end.
        let feed = self.feed(link.card.transport)?;
        if offered || (taken.grant.is_none() && feed.is_some_and(|feed| feed.cursor.position > 0)) {
            self.take_feed_again(now, from)?;
        }
        Ok(Done::ReceivedAccepted {
            from,
            share: self.shown_taken(now, id, &taken)?,
        })
    }

    /// Forgets how far the feeds of a person's nodes have been taken in: they will number them anew and send all
    /// that is due, of which what is here already changes nothing.
    pub(super) fn take_feed_again(
        &mut self,
        now: Timestamp,
        person: PersonId,
    ) -> Result<(), ReadError> {
        self.view.delete(layout::asides(person));
        for peer in self.nodes_of(person)? {
            let at = layout::feed(peer);
            let mut feed = self.feed(peer)?.ok_or_else(|| damaged(&at))?;
            feed.cursor = Cursor::default();
            self.view.write(at, &feed);
            if let Some(connection) = self.session_with(peer) {
                self.close(connection);
                self.dial_now(now, peer);
            }
        }
        Ok(())
    }

    fn check_room(&self, from: PersonId) -> Result<(), CommandError> {
        let held = self
            .taken()?
            .into_iter()
            .filter(|(_, taken)| taken.from == from && taken.accepted.is_some())
            .count();
        if held < SHARES_PER_CONTACT_MAX {
            return Ok(());
        }
        Err(CommandError::TooMany {
            what: "shares from one person".to_owned(),
            max: SHARES_PER_CONTACT_MAX as u64,
        })
    }

    /// A contact's authority, which was verified before it was kept.
    pub(super) fn authority_of(&self, contact: &Contact) -> Result<Option<Authority>, ReadError> {
        let Some(bytes) = &contact.authority else {
            return Ok(None);
        };
        UnverifiedAuthority::decode(bytes)
            .ok()
            .and_then(|held| held.verified_before(contact.person).ok())
            .map(Some)
            .ok_or_else(|| damaged(&layout::contact(contact.person)))
    }

    /// Accepted grants of a person on a slice that have arrived here, revoked ones too: what was
    /// written before an end may still be on its way, and nothing written after it can be opened.
    pub(super) fn grants_on(
        &self,
        from: PersonId,
        slice: SliceId,
    ) -> Result<Vec<(GrantId, Taken, Grant)>, ReadError> {
        let mut grants = Vec::new();
        for (id, taken) in self.taken()? {
            if taken.from != from || taken.slice != slice || taken.accepted.is_none() {
                continue;
            }
            if let Some(grant) = taken.grant.clone() {
                grants.push((id, taken, grant));
            }
        }
        Ok(grants)
    }

    /// What we can name in a session: every share accepted from a person, and all the keys that came
    /// with them.
    pub(super) fn access_keys_from(&self, from: PersonId) -> Result<Vec<AccessKey>, ReadError> {
        let accepted: Vec<(GrantId, Taken)> = self
            .taken()?
            .into_iter()
            .filter(|(_, taken)| {
                // A link alone may name any slice: to name its parts would tell what we hold.
                taken.from == from
                    && taken.accepted.is_some()
                    && (taken.grant.is_some() || defence::is_off(Defence::NamesForGrants))
            })
            .collect();
        let mut slices: Vec<SliceId> = accepted.iter().map(|(_, taken)| taken.slice).collect();
        slices.sort_unstable();
        slices.dedup();
        let ids = accepted.iter().map(|(id, _)| id);
        let mut keys: Vec<AccessKey> = ids.map(AccessKey::of_accepted).collect();
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
        all.sort_by_key(|(id, taken)| (taken.known, *id));
        Ok(all)
    }

    /// Shares received, in the order in which they became known.
    pub(super) fn received(&self, now: Timestamp) -> Result<Vec<ReceivedShare>, CommandError> {
        self.taken()?
            .iter()
            .map(|(id, taken)| self.shown_taken(now, *id, taken))
            .collect()
    }

    pub(super) fn received_show(&self, now: Timestamp, share: &str) -> Result<Done, CommandError> {
        let (id, taken) = self.find_taken(now, share)?;
        let rows = self.received_rows(&taken)?;
        Ok(Done::Received {
            share: self.shown_taken(now, id, &taken)?,
            rows,
        })
    }

    /// The share of this id, the beginning of its id, its slice, or its giver's name; of several, the
    /// one in force.
    fn find_taken(&self, now: Timestamp, share: &str) -> Result<(GrantId, Taken), CommandError> {
        let (grant, slice) = (share.parse::<GrantId>().ok(), share.parse::<SliceId>().ok());
        let mut found = Vec::new();
        for (id, taken) in self.taken()? {
            if grant == Some(id) {
                return Ok((id, taken));
            }
            let contact = self.contact(taken.from)?;
            if slice == Some(taken.slice)
                || begins_id(share, id)
                || contact.is_some_and(|contact| is_called(&contact, share))
            {
                found.push((id, taken));
            }
        }
        if found.len() > 1 {
            let in_force = |(_, taken): &(GrantId, Taken)| {
                taken.accepted.is_some() && taken.revoked.is_none() && taken.until > now
            };
            if found.iter().filter(|it| in_force(it)).count() == 1 {
                found.retain(in_force);
            }
        }
        if found.len() > 1 {
            return Err(CommandError::AmbiguousShare {
                share: share.to_owned(),
                count: found.len() as u64,
                candidates: found.iter().map(|(id, _)| *id).collect(),
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
        let grant = taken.grant.clone();
        let rows = if grant.is_some() && taken.accepted.is_some() {
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
                (None, _) if taken.accepted.is_none() => ShareState::Offered,
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
