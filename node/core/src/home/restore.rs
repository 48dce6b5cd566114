//! Going on from a backup.
//!
//! A backup that Maille makes never holds the installation id, which lies with the keys. So a store
//! that was last opened under another installation is an old state: what was written after it was
//! made is gone here and may be known elsewhere. A folder that was copied back whole, keys and all,
//! gives no such sign; there the first contact who holds more of our feed than we have ever put into
//! it shows it. The node then begins again with everything that others count on going forward:
//!
//! | what | why |
//! |---|---|
//! | logs start anew, under the new installation's keys | two entries at one place of a log are a fork |
//! | feeds are numbered anew, and everything is due again | a contact may have acknowledged positions that are free here |
//! | projections are published again under the next serial | readers may hold rows that this state does not know: the serial voids them |
//!
//! What cannot be mended: a folder copied back whole that writes before it meets such a contact forks
//! its logs, and who has both branches refuses the later one until the node begins again; two copies
//! that live at once do so for ever; a share that was ended after the backup was made is in force again. And where
//! one backup comes back twice, the second time on a clock that was set back to before the first,
//! readers take what the first published for newer.

use maille_protocol::entry::LogTip;
use maille_protocol::id::{InstallationId, SliceId};
use maille_protocol::time::Timestamp;
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use super::Home;
use crate::command::CommandError;
use crate::io::Store;
use crate::layout;
use crate::state::{OwnPart, Row};
use crate::view::ReadError;

/// Under which installation a store writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Installed {
    /// The key file's, when the store was last opened.
    #[n(0)]
    key_file: InstallationId,
    /// How often this person's data went on from a backup: the serial of rows published now.
    #[n(1)]
    pub(super) serial: u32,
    /// What logs are named after: the key file's, or one drawn since.
    #[n(2)]
    current: InstallationId,
    /// Since when.
    #[n(3)]
    since: Timestamp,
}

/// How often a contact's word is taken for it that this store has gone back in time. It costs
/// everything that is published, and a contact may lie.
const BACK_IN_TIME_MS: u64 = maille_protocol::time::DAY_MS;

impl<S: Store> Home<S> {
    /// Notes the installation at first need, and begins again if the store comes from a backup.
    /// Once per opening, before the first input is looked at.
    ///
    /// # Errors
    /// The store cannot be read or the disk refuses: until it succeeds, this node must not write,
    /// or it would go on in logs that are not its own.
    pub(super) fn settle(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CommandError> {
        if self.settled {
            return Ok(());
        }
        let key_file = self.me.secrets.installation;
        match self.installed {
            Some(known) if known.key_file == key_file || planted!(self, ReuseLog) => {
                self.me.secrets.installation = known.current;
            }
            Some(known) => self.begin_again(now, rng, known.serial, (key_file, key_file))?,
            None => self.note_installed(now, 0, (key_file, key_file)),
        }
        self.settled = true;
        Ok(())
    }

    /// A contact holds more of our feed than this store has ever put into it, so the store is an
    /// older copy of itself, keys and all: a restored folder, a machine's snapshot. Returns whether
    /// their word was taken for it, and everything begins again.
    pub(super) fn went_back_in_time(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, CommandError> {
        let Some(known) = self.installed else {
            return Ok(false);
        };
        if now < known.since.plus_millis(BACK_IN_TIME_MS) {
            return Ok(false);
        }
        self.begin_under_another(now, rng, known)?;
        Ok(true)
    }

    /// Our documents hold less than what was published of them.
    pub(super) fn publish_as_from_a_backup(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CommandError> {
        let Some(known) = self.installed else {
            return Ok(());
        };
        self.begin_under_another(now, rng, known)
    }

    fn begin_under_another(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        known: Installed,
    ) -> Result<(), CommandError> {
        let mut fresh = [0; 32];
        rng.fill_bytes(&mut fresh);
        let fresh = InstallationId::from_bytes(fresh);
        self.begin_again(now, rng, known.serial, (known.key_file, fresh))?;
        // Every session speaks of feeds as they were numbered before.
        for (peer, _) in self.nodes()? {
            self.close_all(peer);
            self.dial_now(now, peer);
        }
        Ok(())
    }

    /// Starts logs, feeds and projections anew, under another installation.
    fn begin_again(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        serial: u32,
        (key_file, current): (InstallationId, InstallationId),
    ) -> Result<(), CommandError> {
        let before = (self.installed, self.me.secrets.installation);
        // One backup may come back twice, so counting from what it knows is not enough.
        let seconds = u32::try_from(now.as_millis() / 1_000).unwrap_or(u32::MAX);
        let serial = serial.saturating_add(1).max(seconds);
        self.note_installed(now, serial, (key_file, current));
        let outcome = self.publish_anew(now, rng);
        if outcome.is_err() {
            (self.installed, self.me.secrets.installation) = before;
        }
        outcome
    }

    fn publish_anew(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CommandError> {
        for (at, part) in self.view.scan_read::<OwnPart>(layout::PARTS)? {
            let part = OwnPart {
                tip: LogTip::START,
                ..part
            };
            self.view.write(at, &part);
        }
        // Nothing is sealed anew for a reader whose time is over.
        self.try_end_expired(now, rng)?;
        for (peer, _) in self.nodes()? {
            self.renumber(rng, peer)?;
        }
        self.republish_all(now, rng)
    }

    fn note_installed(
        &mut self,
        since: Timestamp,
        serial: u32,
        (key_file, current): (InstallationId, InstallationId),
    ) {
        let installed = Installed {
            key_file,
            serial,
            current,
            since,
        };
        self.view.write(layout::INSTALLED.to_vec(), &installed);
        self.installed = Some(installed);
        self.me.secrets.installation = current;
        // Their logs are this installation's.
        self.circles.clear();
        self.circles_loaded = false;
    }

    /// Whether a row of this serial counts in a slice of somebody else's. A serial that rises
    /// voids every row below it.
    pub(super) fn serial_stands(&mut self, slice: SliceId, serial: u32) -> Result<bool, ReadError> {
        let at = layout::serial(slice);
        let held = self.view.read::<u32>(&at)?.unwrap_or(0);
        if serial > held {
            for (at, row) in self.view.scan_read::<Row>(&layout::rows_of(slice))? {
                if row.version.serial < serial {
                    self.view.delete(at);
                }
            }
            self.view.write(at, &serial);
        }
        Ok(serial >= held)
    }
}
