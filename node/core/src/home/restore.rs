//! Going on from a backup.
//!
//! A backup never holds the installation id, which lies with the keys. So a store that was last
//! opened under another installation is an old state: what was written after it was made is gone
//! here and may be known elsewhere. The node then begins again with everything that others
//! count on going forward:
//!
//! | what | why |
//! |---|---|
//! | logs start anew, under the new installation's keys | two entries at one place of a log are a fork |
//! | feeds are numbered anew, and everything is due again | a contact may have acknowledged positions that are free here |
//! | projections are published again under the next serial | readers may hold rows that this state does not know: the serial voids them |
//!
//! What cannot be mended: a share that was ended after the backup was made is in force again. And where
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

/// Under which installation a store was last opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Installed {
    #[n(0)]
    installation: InstallationId,
    /// The serial of rows published now: 0, or when they last went on from a backup, in seconds.
    #[n(1)]
    pub(super) serial: u32,
}

impl<S: Store> Home<S> {
    /// Notes the installation at first need, and begins again if the store comes from a backup.
    /// Once per opening, before the first input is looked at.
    pub(super) fn settle(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self
            .installed
            .is_some_and(|known| known.installation == self.me.secrets.installation)
        {
            return;
        }
        if let Some(known) = self.installed
            && planted!(self, ReuseLog)
        {
            self.me.secrets.installation = known.installation;
            return;
        }
        // A store that cannot be read or a disk that refuses will say so to the next command, and
        // the next opening tries again: nothing of it is durable then.
        if self.try_settle(now, rng).is_err() {
            self.view.roll_back();
        }
    }

    fn try_settle(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), CommandError> {
        // One backup may come back twice, so counting from what it knows is not enough.
        let seconds = u32::try_from(now.as_millis() / 1_000).unwrap_or(u32::MAX);
        let serial = self
            .installed
            .map_or(0, |known| known.serial.saturating_add(1).max(seconds));
        let settled = Installed {
            installation: self.me.secrets.installation,
            serial,
        };
        self.view.write(layout::INSTALLED.to_vec(), &settled);
        let from_backup = self.installed.replace(settled).is_some();
        if !from_backup {
            return Ok(());
        }
        for (at, part) in self.view.scan_read::<OwnPart>(layout::PARTS)? {
            let part = OwnPart {
                tip: LogTip::START,
                ..part
            };
            self.view.write(at, &part);
        }
        for contact in self.contacts()? {
            self.renumber(now, rng, &contact)?;
        }
        self.republish_all(now, rng)
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
