//! What entries carry: changes of documents, or rows of a projection.
//!
//! Content is CBOR in a small envelope: one byte 0 (as is) or 1 (zstd), then the bytes.
//! Compression happens here, outside Automerge, and unpacking stops at a bound.

use maille_protocol::hook::span;
use maille_protocol::wire;
use maille_schemas::document::{DocumentId, Domain, Month};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::state::RowVersion;

/// Longest content after unpacking: four times an entry, which real rows and changes stay
/// well under, so that a hostile entry costs at most this much memory.
pub(crate) const CONTENT_BYTES_MAX: usize = 1 << 20;

/// Most rows in one entry.
pub(crate) const ROWS_PER_ENTRY_MAX: usize = 500;

/// Longest row key and longest row fields.
pub(crate) const ROW_KEY_BYTES_MAX: usize = 64;
/// See [`ROW_KEY_BYTES_MAX`].
pub(crate) const ROW_FIELDS_BYTES_MAX: usize = 1024;

const LEVEL: i32 = 3;

/// Changes of documents, each a raw Automerge change.
#[derive(Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct DocumentsContent {
    #[n(0)]
    pub(crate) version: u32,
    #[n(1)]
    pub(crate) changes: Vec<DocumentChange>,
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct DocumentChange {
    #[n(0)]
    domain: u8,
    #[n(1)]
    month: u32,
    #[n(2)]
    pub(crate) change: ByteVec,
}

impl DocumentChange {
    pub(crate) fn new(id: DocumentId, change: Vec<u8>) -> Self {
        let domain = match id.domain {
            Domain::Mobility => 0,
            Domain::Energy => 1,
        };
        Self {
            domain,
            month: id.month.ordinal(),
            change: change.into(),
        }
    }

    /// Which document it belongs to, if this version knows the domain and the month.
    pub(crate) fn document(&self) -> Option<DocumentId> {
        let domain = match self.domain {
            0 => Domain::Mobility,
            1 => Domain::Energy,
            _ => return None,
        };
        Some(DocumentId {
            domain,
            month: Month::from_ordinal(self.month)?,
        })
    }
}

/// Rows of a projection.
#[derive(Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct RowsContent {
    #[n(0)]
    pub(crate) version: u32,
    #[n(1)]
    pub(crate) rows: Vec<RowRecord>,
}

/// One row put or taken away.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct RowRecord {
    #[n(0)]
    pub(crate) key: ByteVec,
    #[n(1)]
    pub(crate) version: RowVersion,
    /// None: the row is gone.
    #[n(2)]
    pub(crate) fields: Option<ByteVec>,
}

/// Hash that decides between two rows of equal serial and change count.
pub(crate) fn row_hash(key: &[u8], fields: Option<&[u8]>) -> [u8; 32] {
    let (gone, fields): (&[u8], &[u8]) = match fields {
        Some(fields) => (&[0], fields),
        None => (&[1], &[]),
    };
    maille_protocol::crypto::hash("maille projection row v1", &[key, gone, fields])
}

pub(crate) fn pack<T: Encode<()>>(content: &T) -> Vec<u8> {
    pack_bytes(&wire::encode(content))
}

pub(crate) fn pack_bytes(bytes: &[u8]) -> Vec<u8> {
    let _span = span("content packed");
    let packed = zstd::bulk::compress(bytes, LEVEL)
        .ok()
        .filter(|p| p.len() < bytes.len());
    let (envelope, rest) = match &packed {
        Some(packed) => (1, packed.as_slice()),
        None => (0, bytes),
    };
    let mut out = Vec::with_capacity(rest.len() + 1);
    out.push(envelope);
    out.extend_from_slice(rest);
    out
}

/// Undoes [`pack_bytes`], never making more than `max` bytes.
pub(crate) fn unpack_bytes(packed: &[u8], max: usize) -> Option<Vec<u8>> {
    let _span = span("content unpacked");
    match packed.split_first()? {
        (0, rest) if rest.len() <= max => Some(rest.to_vec()),
        (1, rest) => zstd::bulk::decompress(rest, max).ok(),
        _ => None,
    }
}

pub(crate) fn unpack<T>(packed: &[u8]) -> Option<T>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    let bytes = unpack_bytes(packed, CONTENT_BYTES_MAX)?;
    wire::decode(&bytes, CONTENT_BYTES_MAX).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_envelope_cannot_make_more_than_its_bound() {
        let bomb = pack_bytes(&vec![0; 2 * CONTENT_BYTES_MAX]);
        assert!(bomb.len() < 1024);
        assert_eq!(unpack_bytes(&bomb, CONTENT_BYTES_MAX), None);
        let fits = pack_bytes(&vec![7; CONTENT_BYTES_MAX]);
        assert_eq!(
            unpack_bytes(&fits, CONTENT_BYTES_MAX).map(|b| b.len()),
            Some(CONTENT_BYTES_MAX)
        );
    }
}
