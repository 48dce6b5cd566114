//! What a carrier takes in: logs with a ticket, entries within a quota and before a cut.

use std::collections::BTreeMap;

use super::{Control, Ticket, TicketError};
use crate::entry::{LogId, LogPlace, Prefix, SignedHeader};
use crate::evaluation::Speaker;
use crate::signed::Signed;
use crate::slice::PartNumber;

/// Most logs of one write key in one part, whatever its quota: installations of a person's devices, over
/// all admissions of them.
pub const WRITER_LOGS_MAX: u32 = 1024;
/// Most logs of one write key in a mailbox: a campaign's link gives one key to all who answer.
pub const MAILBOX_LOGS_MAX: u32 = 65_536;
/// What an entry costs besides its padded content: the most that header, signature, nonce, tag and the
/// heads of all have. One figure for all, so that it does not matter whether the payload has come.
pub const ENTRY_OVERHEAD_BYTES: u64 = 320;

/// Returns how many bytes of its writer's quota an entry uses up.
#[must_use]
pub const fn entry_cost(prefix: &Prefix) -> u64 {
    prefix.padded_len as u64 + ENTRY_OVERHEAD_BYTES
}

/// Why a carrier does not take something. Who sends it is at fault, or has not heard the news.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The ticket does not count.
    #[error("the ticket does not count")]
    Ticket(#[from] TicketError),
    /// Another writer answers for this log already.
    #[error("the log is another writer's")]
    OtherWriter,
    /// The writer has as many logs in this part as they may.
    #[error("no more than {max} logs")]
    QuotaLogs {
        /// How many they may have.
        max: u32,
    },
    /// It is of another slice.
    #[error("of another slice")]
    OtherSlice,
    /// Nobody answers for this log.
    #[error("no ticket for this log")]
    NoTicket,
    /// It is sealed under a generation whose access key was not announced, so nobody could be given it.
    #[error("sealed under a generation that was not announced")]
    Generation,
    /// It is past the cut of a removal.
    #[error("past a cut")]
    PastCut,
    /// The writer would have more bytes in this part than they may.
    #[error("{wanted} bytes, more than the {max} allowed")]
    QuotaBytes {
        /// How many it would be.
        wanted: u64,
        /// How many they may have.
        max: u64,
    },
}

/// What one writer has in one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    bytes: u64,
    logs: u32,
}

/// What a carrier holds of one slice, counted. Not stored: it is counted again from what is held.
///
/// A writer is counted by their key, whatever the membership: who is admitted once more with the same
/// key has one quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carrier {
    logs: BTreeMap<(PartNumber, LogId), Speaker>,
    used: BTreeMap<([u8; 32], PartNumber), Used>,
}

impl Carrier {
    /// Takes a log in: from now on entries of it are looked at. Does nothing if its writer answers for
    /// it already.
    ///
    /// # Errors
    /// [`Refusal::Ticket`], [`Refusal::OtherWriter`], [`Refusal::QuotaLogs`], and
    /// [`Refusal::Generation`] for a part that carriers were told nothing of.
    pub fn open(&mut self, control: &Control, ticket: &Signed<Ticket>) -> Result<(), Refusal> {
        let writer = control.admits(ticket)?.speaker();
        let claimed = ticket.unverified();
        let log = (claimed.part, claimed.log);
        if let Some(holder) = self.logs.get_mut(&log) {
            if holder.key != writer.key {
                return Err(Refusal::OtherWriter);
            }
            if !control.statements().outcome().speaks(holder) {
                *holder = writer; // admitted once more
            }
            return Ok(());
        }
        if control.access(claimed.part).is_empty() {
            return Err(Refusal::Generation);
        }
        let max = control.quota(&writer.key).logs;
        let used = self.used.get(&(writer.key, claimed.part));
        if used.is_some_and(|used| used.logs >= max) || max == 0 {
            return Err(Refusal::QuotaLogs { max });
        }
        self.hold(claimed.part, claimed.log, writer);
        Ok(())
    }

    /// Takes the next entry of a log in, by its header: the caller has verified the stretch that it is
    /// in, and calls this once for each entry.
    ///
    /// Of a log that is cut, the branch of an entry before the last one kept shows only later; what
    /// [`standing`](crate::entry::standing) then does not count is dropped.
    ///
    /// # Errors
    /// [`Refusal`]; nothing is changed.
    pub fn take(&mut self, control: &Control, header: &SignedHeader) -> Result<(), Refusal> {
        let prefix = header.prefix();
        if prefix.slice != control.id() {
            return Err(Refusal::OtherSlice);
        }
        let writer = (self.logs.get(&(prefix.part, prefix.log))).ok_or(Refusal::NoTicket)?;
        let announced = control.access(prefix.part);
        if !(announced.iter()).any(|access| access.generation == prefix.generation) {
            return Err(Refusal::Generation);
        }
        let limits = control.limits(writer, &prefix.log);
        if !(limits.iter()).all(|kept| may_be_kept(kept, prefix.seq, &header.hash())) {
            return Err(Refusal::PastCut);
        }
        let max = control.quota(&writer.key).bytes;
        let used = self.used.entry((writer.key, prefix.part)).or_default();
        let wanted = used.bytes.saturating_add(entry_cost(prefix));
        if wanted > max {
            return Err(Refusal::QuotaBytes { wanted, max });
        }
        used.bytes = wanted;
        Ok(())
    }

    pub(super) fn hold(&mut self, part: PartNumber, log: LogId, writer: Speaker) {
        self.used.entry((writer.key, part)).or_default().logs += 1;
        self.logs.insert((part, log), writer);
    }

    /// Gives back what an entry used up that is no longer held.
    pub fn dropped(&mut self, prefix: &Prefix) {
        let Some(writer) = self.logs.get(&(prefix.part, prefix.log)) else {
            return;
        };
        if let Some(used) = self.used.get_mut(&(writer.key, prefix.part)) {
            used.bytes = used.bytes.saturating_sub(entry_cost(prefix));
        }
    }
}

/// Whether the entry is one that a removal keeps, as far as it alone shows.
fn may_be_kept(kept: &[LogPlace], seq: u64, hash: &[u8; 32]) -> bool {
    (kept.iter()).any(|place| seq < place.seq || seq == place.seq && *hash == place.hash)
}
