//! The proof that whoever holds a log key wrote two histories.

use minicbor::{Decode, Encode};

use super::header::{Header, Signature};
use super::stretch::{self, STRETCH_ENTRIES_MAX};
use super::{EntryError, LogId, Prefix, SignedHeader, UnverifiedHeader};
use crate::id::SliceId;
use crate::slice::PartNumber;
use crate::wire::{self, HEADER_BYTES_MAX, V1, WireError};

/// Longest proof: twice [`STRETCH_ENTRIES_MAX`] headers of at most 200 bytes, and two signatures.
pub const FORK_PROOF_BYTES_MAX: usize = 64 * 1024;

/// Why a fork proof was refused, or could not be made. Whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForkProofError {
    /// Not a proof in canonical form.
    #[error("not readable")]
    Wire(#[from] WireError),
    /// One side is not a row of headers of one log that ends with a signature that holds.
    #[error("a side of the proof does not hold")]
    Side(#[source] EntryError),
    /// The two sides are of two logs, parts or slices.
    #[error("the sides are of two logs")]
    OtherLog,
    /// The two sides do not begin at the same place of the log.
    #[error("the sides begin at {a} and {b}")]
    OtherPlace {
        /// Where the first begins.
        a: u64,
        /// Where the second begins.
        b: u64,
    },
    /// Both sides begin with the same header.
    #[error("both sides begin with the same header")]
    Same,
    /// The side with the lower hash comes first.
    #[error("the sides are not in order")]
    Order,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct ForkProofWire {
    #[n(0)]
    version: V1,
    #[n(1)]
    #[cbor(decode_with = "wire::list::<Ctx, HeaderBytes, STRETCH_ENTRIES_MAX>")]
    headers_a: Vec<HeaderBytes>,
    #[n(2)]
    signature_a: Signature,
    #[n(3)]
    #[cbor(decode_with = "wire::list::<Ctx, HeaderBytes, STRETCH_ENTRIES_MAX>")]
    headers_b: Vec<HeaderBytes>,
    #[n(4)]
    signature_b: Signature,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct HeaderBytes(
    #[n(0)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, HEADER_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    Vec<u8>,
);

/// A fork proof as it came from outside: well formed, nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedForkProof {
    wire: ForkProofWire,
}

impl UnverifiedForkProof {
    /// Reads a proof; checks form and bounds only.
    ///
    /// # Errors
    /// [`ForkProofError::Wire`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ForkProofError> {
        let wire = wire::decode(bytes, FORK_PROOF_BYTES_MAX)?;
        Ok(Self { wire })
    }

    /// Checks that one log key signed both sides and that they part at their first header. It takes
    /// nobody's word: whose log it is does not matter to it.
    ///
    /// # Errors
    /// [`ForkProofError`].
    pub fn verify(self) -> Result<ForkProof, ForkProofError> {
        let ForkProofWire {
            headers_a,
            signature_a,
            headers_b,
            signature_b,
            ..
        } = self.wire;
        let (a, b) = (side(headers_a, signature_a), side(headers_b, signature_b));
        ForkProof::of(
            a.map_err(ForkProofError::Side)?,
            b.map_err(ForkProofError::Side)?,
        )
    }
}

impl std::fmt::Debug for UnverifiedForkProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnverifiedForkProof")
    }
}

/// Checks one side: headers in a row, the last of them signed.
fn side(headers: Vec<HeaderBytes>, signature: Signature) -> Result<Vec<SignedHeader>, EntryError> {
    let count = headers.len();
    let headers = headers.into_iter().enumerate().map(|(at, bytes)| {
        Ok(UnverifiedHeader {
            header: Header::read(bytes.0)?,
            signature: (at + 1 == count).then_some(signature),
        })
    });
    let headers = headers.collect::<Result<Vec<_>, EntryError>>()?;
    stretch::vouched(headers)
}

/// Two different headers in one place of a log, both signed by its key.
///
/// Each side is the header of that place and those after it, up to one with a signature of its own;
/// most often that is the very first. It may have to be longer: in a log that forks inside a
/// stretch, the signature in that place was never checked, and the forger may have left it out.
#[derive(Clone, PartialEq, Eq)]
pub struct ForkProof {
    /// The lower header hash first.
    sides: [Vec<SignedHeader>; 2],
}

impl ForkProof {
    /// Makes the proof of two branches of a log. Each is what is held of it from the place of the
    /// fork on; no more is taken than the headers up to the first that is signed.
    ///
    /// # Errors
    /// [`ForkProofError`] if the branches prove nothing: [`EntryError::Unsigned`] inside it if one
    /// has no signed header among its first [`STRETCH_ENTRIES_MAX`].
    pub fn new<'a>(
        a: impl IntoIterator<Item = &'a SignedHeader>,
        b: impl IntoIterator<Item = &'a SignedHeader>,
    ) -> Result<Self, ForkProofError> {
        let (a, b) = (shortest(a)?, shortest(b)?);
        match (a.first(), b.first()) {
            (Some(first), Some(second)) if second.hash() < first.hash() => Self::of(b, a),
            _ => Self::of(a, b),
        }
    }

    fn of(a: Vec<SignedHeader>, b: Vec<SignedHeader>) -> Result<Self, ForkProofError> {
        let (Some(first), Some(second)) = (a.first(), b.first()) else {
            return Err(ForkProofError::Side(EntryError::EmptyStretch));
        };
        let (said, other) = (first.prefix(), second.prefix());
        if said.whole_log() != other.whole_log() {
            return Err(ForkProofError::OtherLog);
        }
        if said.seq != other.seq {
            return Err(ForkProofError::OtherPlace {
                a: said.seq,
                b: other.seq,
            });
        }
        match first.hash().cmp(&second.hash()) {
            std::cmp::Ordering::Less => Ok(Self { sides: [a, b] }),
            std::cmp::Ordering::Equal => Err(ForkProofError::Same),
            std::cmp::Ordering::Greater => Err(ForkProofError::Order),
        }
    }

    /// Returns the slice.
    #[must_use]
    pub fn slice(&self) -> SliceId {
        self.first().slice
    }

    /// Returns the part.
    #[must_use]
    pub fn part(&self) -> PartNumber {
        self.first().part
    }

    /// Returns the log that forks.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.first().log
    }

    /// Returns the number of the entry of which there are two.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.first().seq
    }

    /// Returns the hashes of both headers in that place, the lower first.
    #[must_use]
    pub fn hashes(&self) -> [[u8; 32]; 2] {
        self.sides.each_ref().map(|side| side[0].hash())
    }

    /// Returns the proof as bytes, at most [`FORK_PROOF_BYTES_MAX`]; the same for the same branches.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let headers = |side: &[SignedHeader]| {
            let bytes = side
                .iter()
                .map(|signed| HeaderBytes(signed.header.bytes.clone()));
            bytes.collect()
        };
        let signature = |side: &[SignedHeader]| {
            let last = side.last().and_then(|signed| signed.signature);
            last.expect("a side ends with a signed header")
        };
        let [a, b] = &self.sides;
        wire::encode(&ForkProofWire {
            version: V1,
            headers_a: headers(a),
            signature_a: signature(a),
            headers_b: headers(b),
            signature_b: signature(b),
        })
    }

    fn first(&self) -> &Prefix {
        self.sides[0][0].prefix()
    }
}

impl std::fmt::Debug for ForkProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForkProof({:?} at {})", self.log(), self.seq())
    }
}

/// The headers up to the first that is signed, if each follows the one before.
fn shortest<'a>(
    branch: impl IntoIterator<Item = &'a SignedHeader>,
) -> Result<Vec<SignedHeader>, ForkProofError> {
    let mut side: Vec<SignedHeader> = Vec::new();
    for header in branch.into_iter().take(STRETCH_ENTRIES_MAX) {
        side.push(header.clone());
        if header.is_signed() {
            break;
        }
    }
    if !side.last().is_some_and(SignedHeader::is_signed) {
        return Err(ForkProofError::Side(EntryError::Unsigned));
    }
    for (before, header) in side.iter().zip(side.iter().skip(1)) {
        if !header.header.follows(&before.header) {
            let seq = header.prefix().seq;
            return Err(ForkProofError::Side(EntryError::Broken { seq }));
        }
    }
    Ok(side)
}

#[cfg(test)]
mod tests {
    use super::super::tests::spliced;
    use super::*;
    use crate::entry::{Entry, LogTip, UnverifiedEntry, verify_stretch};
    use crate::generation::PartKey;
    use crate::id::{GenerationId, InstallationId};
    use crate::testing::{Someone, keeps_the_rules};

    /// Two histories of one log that part at entry 1.
    fn branches() -> (Vec<Entry>, Vec<Entry>) {
        let (ines, key) = log();
        (
            ines.entries(&key, &[b"one", b"two", b"three", b"four"]),
            ines.entries(&key, &[b"one", b"zwei", b"drei", b"vier"]),
        )
    }

    fn log() -> (Someone, PartKey) {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        (ines, key)
    }

    fn prove(a: &[Entry], b: &[Entry]) -> Result<ForkProof, ForkProofError> {
        ForkProof::new(a.iter().map(Entry::header), b.iter().map(Entry::header))
    }

    /// As taken in from somebody, in one stretch: only the last keeps its signature.
    fn in_one_stretch(entries: &[Entry], tip: &LogTip) -> Vec<Entry> {
        let decode = |entry: &Entry| UnverifiedEntry::decode(&entry.to_bytes()).unwrap();
        let entries = entries.iter().map(decode).collect();
        verify_stretch(entries, tip).unwrap().into_entries()
    }

    fn arrive(proof: &[u8]) -> Result<ForkProof, ForkProofError> {
        UnverifiedForkProof::decode(proof)?.verify()
    }

    fn side_of(error: EntryError) -> Result<ForkProof, ForkProofError> {
        Err(ForkProofError::Side(error))
    }

    #[test]
    fn two_signed_headers_in_one_place_prove_a_fork_to_anybody() {
        let (a, b) = branches();
        let proof = prove(&a[1..], &b[1..]).unwrap();
        assert_eq!(prove(&b[1..], &a[1..]).unwrap(), proof, "in one order");
        assert_eq!((proof.seq(), proof.log()), (1, a[0].log()));
        assert_eq!((proof.slice(), proof.part()), (a[0].slice(), a[0].part()));
        let mut hashes = [a[1].header_hash(), b[1].header_hash()];
        hashes.sort_unstable();
        assert_eq!(proof.hashes(), hashes);
        assert!(proof.to_bytes().len() < 600, "one header a side");
        assert_eq!(arrive(&proof.to_bytes()), Ok(proof.clone()));
        keeps_the_rules(
            &UnverifiedForkProof::decode(&proof.to_bytes()).unwrap().wire,
            FORK_PROOF_BYTES_MAX,
        );
    }

    #[test]
    fn headers_that_cite_different_ones_before_them_prove_a_fork_too() {
        let (a, b) = branches();
        assert_ne!(a[3].prefix().previous, b[3].prefix().previous);
        let proof = prove(&a[3..], &b[3..]).unwrap();
        assert_eq!(proof.seq(), 3);
        assert_eq!(arrive(&proof.to_bytes()), Ok(proof));
    }

    #[test]
    fn a_fork_inside_a_stretch_is_proven_by_the_headers_up_to_its_signature() {
        let (a, b) = branches();
        let a = in_one_stretch(&a, &LogTip::START);
        assert!(!a[1].header().is_signed());
        let proof = prove(&a[1..], &b[1..]).unwrap();
        assert_eq!(proof.seq(), 1);
        assert_eq!(arrive(&proof.to_bytes()), Ok(proof));
        assert_eq!(
            prove(&a[1..3], &b[1..]),
            side_of(EntryError::Unsigned),
            "not yet signed"
        );
    }

    #[test]
    fn one_history_proves_nothing() {
        let (a, b) = branches();
        assert_eq!(prove(&a, &b), Err(ForkProofError::Same));
        assert!(matches!(
            prove(&a[1..], &b[2..]),
            Err(ForkProofError::OtherPlace { .. })
        ));
        assert_eq!(prove(&a[1..], &[]), side_of(EntryError::Unsigned));
        // The same header, once by itself and once under a later signature.
        let stretch = in_one_stretch(&a[..3], &LogTip::START);
        assert_eq!(prove(&a, &stretch), Err(ForkProofError::Same));
        let hole = [stretch[1].clone(), a[3].clone()];
        assert_eq!(
            prove(&hole, &b[1..]),
            side_of(EntryError::Broken { seq: 3 })
        );
    }

    #[test]
    fn entries_of_two_logs_or_parts_prove_nothing() {
        let (a, _) = branches();
        let (ines, key) = log();
        let mut copy = Someone::new(1);
        copy.installation = InstallationId::from_bytes([9; 32]);
        let other_log = copy.entries(&key, &[b"one", b"zwei"]);
        let other_part = ines.entries(&ines.part_key(4, 1), &[b"one", b"zwei"]);
        let moved = spliced(&a[1], &ines.log(3), |prefix| {
            prefix.part = PartNumber(4);
        });
        for other in [&other_log[1], &other_part[1], &moved] {
            assert_eq!(
                prove(&a[1..], std::slice::from_ref(other)),
                Err(ForkProofError::OtherLog)
            );
        }
    }

    #[test]
    fn a_forged_proof_is_refused() {
        let (a, b) = branches();
        let wire = |proof: &ForkProof| UnverifiedForkProof::decode(&proof.to_bytes()).unwrap().wire;
        let proof = prove(&a[1..], &b[1..]).unwrap();
        let right = wire(&proof);
        let arrive = |wire: &ForkProofWire| arrive(&wire::encode(wire));
        assert_eq!(arrive(&right), Ok(proof));

        let swapped = ForkProofWire {
            headers_a: right.headers_b.clone(),
            signature_a: right.signature_b,
            headers_b: right.headers_a.clone(),
            signature_b: right.signature_a,
            ..right.clone()
        };
        assert_eq!(arrive(&swapped), Err(ForkProofError::Order));
        let exchanged = ForkProofWire {
            signature_a: right.signature_b,
            ..right.clone()
        };
        assert_eq!(arrive(&exchanged), side_of(EntryError::Signature));
        let doubled = ForkProofWire {
            headers_b: right.headers_a.clone(),
            signature_b: right.signature_a,
            ..right.clone()
        };
        assert_eq!(arrive(&doubled), Err(ForkProofError::Same));
        let nothing = ForkProofWire {
            headers_a: Vec::new(),
            ..right.clone()
        };
        assert_eq!(arrive(&nothing), side_of(EntryError::EmptyStretch));

        // A side may be longer, but only by what follows in its own log and branch.
        let (low, high) = if a[1].header_hash() < b[1].header_hash() {
            (&a, &b)
        } else {
            (&b, &a)
        };
        let (ines, _) = log();
        let other_log = ines.log(4);
        let stranger = spliced(&low[2], &other_log, |prefix| prefix.log = other_log.id());
        let broken = |seq| side_of(EntryError::Broken { seq }).map(|_| ());
        for (end, expected) in [
            (&low[2], Ok(())),
            (&high[2], broken(2)),
            (&low[3], broken(3)),
            (&low[1], broken(1)),
            (&stranger, broken(2)),
        ] {
            let mut longer = right.clone();
            let header = end.header().header.bytes.clone();
            longer.headers_a.push(HeaderBytes(header));
            longer.signature_a = end.header().signature.unwrap();
            assert_eq!(arrive(&longer).map(|_| ()), expected);
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_proves_nothing() {
        let (a, b) = branches();
        let a = in_one_stretch(&a[1..3], &a[0].tip_after());
        let bytes = prove(&a, &b[1..]).unwrap().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(arrive(&changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_longest_proof_fits_and_one_header_more_is_refused() {
        let (ines, key) = log();
        let fill = |first: &'static [u8], count: usize| {
            let mut contents = vec![first];
            contents.resize(count, b"x");
            ines.entries(&key, &contents)
        };
        let full = STRETCH_ENTRIES_MAX;
        let (a, b) = (fill(b"a", full), fill(b"b", full));
        let (a, b) = (
            in_one_stretch(&a, &LogTip::START),
            in_one_stretch(&b, &LogTip::START),
        );
        let bytes = prove(&a, &b).unwrap().to_bytes();
        assert!(arrive(&bytes).is_ok());
        // The longest header that can be: what decides the bound.
        let longest = Prefix {
            part: PartNumber(u32::MAX),
            generation: GenerationId::from_bytes([1; 32]),
            seq: u64::MAX,
            day: u32::MAX,
            padded_len: u32::MAX,
            ..a[0].prefix().clone()
        };
        let header = wire::encode(&longest).len() + 32 + 2;
        assert!(2 * (full * header + 3 + 66) + 2 <= FORK_PROOF_BYTES_MAX);

        // Nothing is looked for beyond what a stretch may have.
        let unsigned = [&a[..full - 1], &a[..full - 1]].concat();
        assert_eq!(prove(&unsigned, &b), side_of(EntryError::Unsigned));
        let mut over = UnverifiedForkProof::decode(&bytes).unwrap().wire;
        over.headers_a.push(over.headers_a[0].clone());
        assert!(matches!(
            arrive(&wire::encode(&over)),
            Err(ForkProofError::Wire(WireError::Malformed { .. }))
        ));
        let mut long = bytes;
        long.resize(FORK_PROOF_BYTES_MAX + 1, 0);
        assert!(matches!(
            arrive(&long),
            Err(ForkProofError::Wire(WireError::TooLong { .. }))
        ));
    }
}
