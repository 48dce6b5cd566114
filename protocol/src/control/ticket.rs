//! Whose a log is, as far as a carrier has to know.

use minicbor::{Decode, Encode};

use crate::crypto::{self, SigningKey, domain};
use crate::entry::{LogId, LogKey};
use crate::id::{MembershipId, SliceId};
use crate::signed::{Record, Signed};
use crate::slice::PartNumber;
use crate::wire::{self, V1};

/// Longest ticket, without its signature; one has at most 175 bytes.
pub const TICKET_BYTES_MAX: usize = 256;

/// A writer answers for a log of a part: signed by the write key (or a control key), and inside by the
/// log key. On the wire `[bytes, signature]`.
///
/// Without the log key's signature, whoever sees somebody's log could claim it at a carrier that has no
/// ticket of it yet, and so keep its writer out: a log has one writer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Ticket {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// Of which slice.
    #[n(1)]
    pub slice: SliceId,
    /// Of which part.
    #[n(2)]
    pub part: PartNumber,
    /// Which log.
    #[n(3)]
    pub log: LogId,
    /// By which membership in the slice's control the writer writes.
    #[n(4)]
    pub membership: MembershipId,
    /// The log key's signature over all before.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub by_log: [u8; 64],
}

impl Record for Ticket {
    const DOMAIN: &'static str = domain::TICKET;
    const BYTES_MAX: usize = TICKET_BYTES_MAX;
}

/// What the log key signs.
#[derive(Encode)]
#[cbor(array)]
struct Claim {
    #[n(0)]
    version: V1,
    #[n(1)]
    slice: SliceId,
    #[n(2)]
    part: PartNumber,
    #[n(3)]
    log: LogId,
    #[n(4)]
    membership: MembershipId,
}

impl Ticket {
    /// Makes the ticket of a log for the writer with this membership and write key.
    #[must_use]
    pub fn sign(log: &LogKey, membership: MembershipId, write_key: &SigningKey) -> Signed<Self> {
        let (slice, part) = log.place();
        let mut ticket = Self {
            version: V1,
            slice,
            part,
            log: log.id(),
            membership,
            by_log: [0; 64],
        };
        ticket.by_log = log.sign(domain::TICKET_BY_LOG, &ticket.claim());
        Signed::sign(ticket, write_key)
    }

    fn claim(&self) -> Vec<u8> {
        wire::encode(&Claim {
            version: self.version,
            slice: self.slice,
            part: self.part,
            log: self.log,
            membership: self.membership,
        })
    }
}

/// Why a ticket does not count. Whoever shows it is at fault, or has not heard the news.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// It is of another slice.
    #[error("the ticket is of {got}")]
    OtherSlice {
        /// Of which.
        got: SliceId,
    },
    /// Nobody was rightly admitted as that membership, as far as is known here.
    #[error("no writer has this membership")]
    NoWriter,
    /// The signature of the writer or of the log does not hold.
    #[error("signature does not hold")]
    Signature,
    /// The writer was removed, and nothing of this log is kept.
    #[error("the writer was removed")]
    Removed,
}

/// Checks both signatures.
pub(super) fn check(ticket: &Signed<Ticket>, key: &[u8; 32]) -> Result<(), TicketError> {
    (ticket.check(key))
        .and_then(|claimed| {
            let log = claimed.log.as_bytes();
            crypto::verify(
                log,
                domain::TICKET_BY_LOG,
                &claimed.claim(),
                &claimed.by_log,
            )
        })
        .map_err(|_| TicketError::Signature)
}
