//! Entries that follow one another in a log, under one signature check.
//!
//! Each header names the hash of the one before, so whoever signs the last signed them all. A
//! receiver checks that signature and no other; a stretch in which anything is wrong is dropped
//! whole. Signatures inside a stretch were not checked and may be anything: they are **forgotten**,
//! so that nobody can be made to keep or pass on a wrong one, and an entry has the same bytes at
//! everybody who took it in that way. Rejected: keeping them unchecked, since an entry then has as
//! many spellings as there are wrong signatures, and who serves it alone looks like its forger.
//!
//! An entry without a signature of its own is authentic, opens, and chains. By itself it proves
//! nothing to others, and is refused. So what is served and where a log is cut ends at one that has
//! one: [`up_to_signed`], [`SignedHeader::place`].

use std::ops::Deref;

use super::{Entry, EntryError, LogPlace, LogTip, SignedHeader, UnverifiedEntry, UnverifiedHeader};
use crate::defence::{self, Defence};
use crate::hook::span;
use crate::sync::CREDIT_BYTES;

/// Most bytes of a stretch: what may be under way to a receiver, who holds it until its end came.
pub const STRETCH_BYTES_MAX: usize = CREDIT_BYTES;

/// Most entries of a stretch: one check for 128 costs less than hashing them, and the headers of two
/// such stretches, which a [`ForkProof`](super::ForkProof) may need, stay below 64 KiB.
pub const STRETCH_ENTRIES_MAX: usize = 128;

/// One or more entries in a row, the last of which is signed. Nothing is missing between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch(Vec<Entry>);

impl Stretch {
    /// Returns where the log stands after the last entry.
    #[must_use]
    pub fn tip(&self) -> LogTip {
        self.last().tip_after()
    }

    /// Returns the last entry, which is signed itself.
    #[must_use]
    pub fn last(&self) -> &Entry {
        self.0.last().expect("a stretch is not empty")
    }

    /// Returns the entries, in order. Only the last has a signature.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.0
    }
}

impl Deref for Stretch {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.0
    }
}

/// Checks that `entries` are the next ones of a log that stands at `tip`: one signature check.
///
/// A tip belongs to one log of one part of one slice: the caller keeps tips by all three. Whether
/// it knows the slice, part and generations at all is the caller's question.
///
/// # Errors
/// [`EntryError`] for the whole stretch; cheap checks come first. [`EntryError::Fork`] comes last:
/// only what the log key signed, itself or through a later entry, tells of a fork.
pub fn verify_stretch(entries: Vec<UnverifiedEntry>, tip: &LogTip) -> Result<Stretch, EntryError> {
    let _span = span("stretch verified");
    let got = entries.iter().map(UnverifiedEntry::wire_bytes).sum();
    if got > STRETCH_BYTES_MAX {
        return Err(EntryError::StretchBytes { got });
    }
    let claimed = entries.first().map(|first| first.claimed().place());
    let tip = match &claimed {
        Some(anywhere) if defence::is_off(Defence::PlaceIsNext) => anywhere,
        _ => tip,
    };
    check_places(entries.iter().map(|entry| &entry.header), tip)?;
    if !entries.iter().all(UnverifiedEntry::payload_matches) {
        return Err(EntryError::PayloadHash);
    }
    let (headers, payloads): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .map(|entry| (entry.header, entry.payload))
        .unzip();
    let headers = check_chain(headers, tip)?;
    let whole = headers.into_iter().zip(payloads);
    Ok(Stretch(
        whole
            .map(|(header, payload)| Entry { header, payload })
            .collect(),
    ))
}

/// Checks that `headers` are the next ones of a log that stands at `tip`, whatever became of their
/// payloads: one signature check, on the last. The others lose theirs.
///
/// # Errors
/// [`EntryError`], as [`verify_stretch`].
pub fn verify_headers(
    headers: Vec<UnverifiedHeader>,
    tip: &LogTip,
) -> Result<Vec<SignedHeader>, EntryError> {
    check_places(headers.iter(), tip)?;
    check_chain(headers, tip)
}

/// Returns the entries from the first up to the last that has a signature: what may be served.
#[must_use]
pub fn up_to_signed(entries: &[Entry]) -> &[Entry] {
    let served = entries
        .iter()
        .rposition(|entry| entry.header().is_signed())
        .map_or(0, |last| last + 1);
    &entries[..served]
}

impl SignedHeader {
    /// Returns the place of this header, to cut its log after it; nothing if it has no signature of
    /// its own, since others may then not hold it by itself.
    #[must_use]
    pub fn place(&self) -> Option<LogPlace> {
        self.is_signed().then(|| LogPlace {
            log: self.prefix().log,
            seq: self.prefix().seq,
            hash: self.hash(),
        })
    }
}

/// Number and log, before anything is hashed.
fn check_places<'a>(
    headers: impl ExactSizeIterator<Item = &'a UnverifiedHeader>,
    tip: &LogTip,
) -> Result<(), EntryError> {
    let count = headers.len();
    if count > STRETCH_ENTRIES_MAX {
        return Err(EntryError::StretchEntries { got: count });
    }
    let mut log = None;
    let mut expected = tip.next_seq;
    for header in headers {
        let prefix = header.claimed();
        if *log.get_or_insert(prefix.whole_log()) != prefix.whole_log() {
            return Err(EntryError::OtherLog);
        }
        let got = prefix.seq;
        if got < expected {
            return Err(EntryError::Replayed { got, expected });
        }
        if got > expected {
            return Err(EntryError::Gap { got, expected });
        }
        expected = expected.saturating_add(1);
    }
    log.map(|_| ()).ok_or(EntryError::EmptyStretch)
}

/// Hashes, then the one signature, then whether it goes on from the tip.
fn check_chain(
    headers: Vec<UnverifiedHeader>,
    tip: &LogTip,
) -> Result<Vec<SignedHeader>, EntryError> {
    let follows = headers
        .first()
        .is_some_and(|first| first.claimed().previous == tip.previous);
    let headers = vouched(headers)?;
    // Only what was signed tells of a fork; the signature comes first.
    if !follows {
        return Err(EntryError::Fork { seq: tip.next_seq });
    }
    Ok(headers)
}

/// Checks that each header follows the one before, and the signature of the last; forgets the others.
pub(super) fn vouched(headers: Vec<UnverifiedHeader>) -> Result<Vec<SignedHeader>, EntryError> {
    for (before, header) in headers.iter().zip(headers.iter().skip(1)) {
        if !header.header.follows(&before.header) {
            let seq = header.claimed().seq;
            return Err(EntryError::Broken { seq });
        }
    }
    let last = headers.len().saturating_sub(1);
    headers
        .last()
        .ok_or(EntryError::EmptyStretch)?
        .check_signature()?;
    let signed = headers.into_iter().enumerate();
    Ok(signed
        .map(
            |(at, UnverifiedHeader { header, signature })| SignedHeader {
                header,
                signature: signature.filter(|_| at == last),
            },
        )
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::spliced;
    use super::*;
    use crate::entry::{CONTENT_BYTES_MAX, header::Signature};
    use crate::generation::PartKey;
    use crate::id::InstallationId;
    use crate::testing::Someone;

    const CONTENTS: [&[u8]; 5] = [b"one", b"two", b"three", b"four", b"five"];

    fn log() -> (PartKey, Vec<Entry>) {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let entries = ines.entries(&key, &CONTENTS);
        (key, entries)
    }

    /// The same two entries, then others.
    fn branch() -> Vec<Entry> {
        let ines = Someone::new(1);
        let contents = [CONTENTS[0], CONTENTS[1], b"drei", b"vier", b"fuenf"];
        ines.entries(&ines.part_key(3, 1), &contents)
    }

    fn received<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<UnverifiedEntry> {
        let decode = |entry: &Entry| UnverifiedEntry::decode(&entry.to_bytes()).unwrap();
        entries.into_iter().map(decode).collect()
    }

    fn hashes(entries: &[Entry]) -> Vec<[u8; 32]> {
        entries.iter().map(Entry::header_hash).collect()
    }

    #[test]
    fn one_signature_vouches_for_all_before_it() {
        let (key, entries) = log();
        let stretch = verify_stretch(received(&entries), &LogTip::START).unwrap();
        assert_eq!(hashes(&stretch), hashes(&entries));
        assert_eq!(stretch.tip(), entries[4].tip_after());
        for (entry, content) in stretch.iter().zip(CONTENTS) {
            assert_eq!(entry.open(&key.key).unwrap().content, content);
        }
        let rest = verify_stretch(received(&entries[2..]), &entries[1].tip_after());
        assert_eq!(hashes(&rest.unwrap()), hashes(&entries[2..]));
    }

    #[test]
    fn signatures_inside_a_stretch_do_not_matter_and_are_forgotten() {
        let (_, entries) = log();
        let stretch = verify_stretch(received(&entries), &LogTip::START).unwrap();
        let bytes: Vec<_> = stretch.iter().map(Entry::to_bytes).collect();
        assert_eq!(bytes[4], entries[4].to_bytes());
        assert_eq!(bytes[0].len() + 65, entries[0].to_bytes().len());

        let mut garbage = entries.clone();
        garbage[0].header.signature = Some(Signature([7; 64]));
        garbage[1].header.signature = entries[4].header.signature;
        garbage[2].header.signature = None;
        assert_eq!(
            verify_stretch(received(&garbage), &LogTip::START),
            Ok(stretch.clone())
        );
        // Handed on as it is kept, it is the same again.
        assert_eq!(
            verify_stretch(received(stretch.iter()), &LogTip::START),
            Ok(stretch)
        );
    }

    #[test]
    fn nothing_is_served_or_cut_past_the_last_signature() {
        let (_, entries) = log();
        let stretch = verify_stretch(received(&entries), &LogTip::START).unwrap();
        let entries = stretch.into_entries();
        let alone = received([&entries[3]]).remove(0);
        assert_eq!(
            alone.verify(&entries[2].tip_after()),
            Err(EntryError::Unsigned)
        );
        let cut = verify_stretch(received(&entries[..4]), &LogTip::START);
        assert_eq!(cut, Err(EntryError::Unsigned));
        assert_eq!(entries[3].header().place(), None);
        let place = entries[4].header().place().unwrap();
        assert_eq!((place.seq, place.hash), (4, entries[4].header_hash()));

        assert_eq!(up_to_signed(&entries), entries);
        assert_eq!(up_to_signed(&entries[..4]), []);
        assert_eq!(up_to_signed(&[]), []);
        let signed_first = [&log().1[..1], &entries[1..4]].concat();
        assert_eq!(up_to_signed(&signed_first).len(), 1);
    }

    #[test]
    fn what_was_stored_comes_back_with_the_signatures_it_had() {
        let (_, entries) = log();
        let stretch = verify_stretch(received(&entries), &LogTip::START).unwrap();
        for entry in stretch.iter() {
            let stored = received([entry]).remove(0).assume_verified();
            assert_eq!(&stored, entry);
        }
    }

    #[test]
    fn a_stretch_with_a_hole_doubled_reversed_or_empty_is_refused() {
        let (_, entries) = log();
        let verify = |order: &[usize]| {
            let entries = received(order.iter().map(|at| &entries[*at]));
            verify_stretch(entries, &LogTip::START).map(|stretch| stretch.len())
        };
        let gap = |got, expected| Err(EntryError::Gap { got, expected });
        let replayed = |got, expected| Err(EntryError::Replayed { got, expected });
        assert_eq!(verify(&[]), Err(EntryError::EmptyStretch));
        assert_eq!(verify(&[0]), Ok(1));
        assert_eq!(verify(&[0, 1, 3, 4]), gap(3, 2));
        assert_eq!(verify(&[1, 2]), gap(1, 0));
        assert_eq!(verify(&[0, 1, 1, 2]), replayed(1, 2));
        assert_eq!(verify(&[0, 0]), replayed(0, 1));
        assert_eq!(verify(&[4, 3, 2, 1, 0]), gap(4, 0));
        assert_eq!(verify(&[0, 2, 1]), gap(2, 1));
    }

    #[test]
    fn a_stretch_of_two_logs_parts_or_slices_is_refused() {
        let (_, entries) = log();
        let ines = Someone::new(1);
        let mut copy = Someone::new(1);
        copy.installation = InstallationId::from_bytes([9; 32]);
        let other_log = copy.entries(&ines.part_key(3, 1), &CONTENTS);
        let other_part = ines.entries(&ines.part_key(4, 1), &CONTENTS);
        // Signed by the log key itself, and citing rightly: still not one log.
        let elsewhere = spliced(&entries[1], &ines.log(3), |prefix| {
            prefix.slice = crate::id::SliceId::from_bytes([1; 32]);
        });
        for second in [&other_log[1], &other_part[1], &elsewhere] {
            let mixed = received([&entries[0], second]);
            assert_eq!(
                verify_stretch(mixed, &LogTip::START),
                Err(EntryError::OtherLog)
            );
        }
    }

    #[test]
    fn the_tail_of_another_branch_does_not_fit() {
        let (entries, other) = (log().1, branch());
        assert_eq!(hashes(&entries[..2]), hashes(&other[..2]));
        assert!(verify_stretch(received(&other), &LogTip::START).is_ok());
        let mixed = [&entries[..3], &other[3..]].concat();
        let broken = Err(EntryError::Broken { seq: 3 });
        assert_eq!(verify_stretch(received(&mixed), &LogTip::START), broken);
    }

    #[test]
    fn the_signature_of_another_log_or_entry_does_not_hold() {
        let (_, entries) = log();
        let marc = Someone::new(2);
        let his = marc.entries(&marc.part_key(3, 1), &CONTENTS);
        for stolen in [&his[4], &entries[3], &branch()[4]] {
            let mut forged = entries.clone();
            forged[4].header.signature = stolen.header.signature;
            let got = verify_stretch(received(&forged), &LogTip::START);
            assert_eq!(got, Err(EntryError::Signature));
        }
    }

    #[test]
    fn a_fork_before_a_stretch_is_told_only_if_its_last_signature_holds() {
        let (entries, mut other) = (log().1, branch());
        let tip = entries[2].tip_after();
        let fork = verify_stretch(received(&other[3..]), &tip);
        assert_eq!(fork, Err(EntryError::Fork { seq: 3 }));
        // The signature of the first was not needed for that: the last is of all of them.
        other[3].header.signature = None;
        assert_eq!(verify_stretch(received(&other[3..]), &tip), fork);
        other[4].header.signature = entries[4].header.signature;
        let unproven = verify_stretch(received(&other[3..]), &tip);
        assert_eq!(unproven, Err(EntryError::Signature));
    }

    #[test]
    fn one_entry_or_byte_over_the_bounds_is_refused() {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let contents = vec![b"x".as_slice(); STRETCH_ENTRIES_MAX + 1];
        let many = ines.entries(&key, &contents);
        let fullest = received(&many[..STRETCH_ENTRIES_MAX]);
        assert!(verify_stretch(fullest, &LogTip::START).is_ok());
        let got = STRETCH_ENTRIES_MAX + 1;
        assert_eq!(
            verify_stretch(received(&many), &LogTip::START),
            Err(EntryError::StretchEntries { got })
        );
        let headers = received(&many).into_iter().map(|entry| entry.header);
        assert_eq!(
            verify_headers(headers.collect(), &LogTip::START),
            Err(EntryError::StretchEntries { got })
        );

        let long = vec![0; CONTENT_BYTES_MAX];
        let entries = ines.entries(&key, &[long.as_slice(); 5]);
        assert!(verify_stretch(received(&entries[..4]), &LogTip::START).is_ok());
        let mut counted = received(&entries[..4]);
        let sum: usize = counted.iter().map(UnverifiedEntry::wire_bytes).sum();
        counted[3].wire_bytes += STRETCH_BYTES_MAX - sum;
        assert!(verify_stretch(counted.clone(), &LogTip::START).is_ok());
        counted[3].wire_bytes += 1;
        let got = STRETCH_BYTES_MAX + 1;
        assert_eq!(
            verify_stretch(counted, &LogTip::START),
            Err(EntryError::StretchBytes { got })
        );
        assert!(matches!(
            verify_stretch(received(&entries), &LogTip::START),
            Err(EntryError::StretchBytes { .. })
        ));
    }

    #[test]
    fn a_flipped_bit_in_any_byte_is_refused_or_was_in_a_signature_inside() {
        let (_, entries) = log();
        let right = verify_stretch(received(&entries[..3]), &LogTip::START).unwrap();
        let mut forgotten = 0;
        for at in 0..3 {
            let bytes = entries[at].to_bytes();
            for byte in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[byte] ^= 1 << (byte % 8);
                let Ok(one) = UnverifiedEntry::decode(&changed) else {
                    continue;
                };
                let mut all = received(&entries[..3]);
                all[at] = one;
                match verify_stretch(all, &LogTip::START) {
                    Err(_) => {}
                    Ok(stretch) => {
                        assert_eq!(stretch, right, "entry {at}, byte {byte}");
                        forgotten += 1;
                    }
                }
            }
        }
        assert_eq!(forgotten, 2 * 64, "two signatures inside");
    }

    #[test]
    fn a_chain_holds_with_its_payloads_erased() {
        let (key, entries) = log();
        let headers = |some: &[Entry]| {
            let bytes = some.iter().map(|entry| entry.header().to_bytes());
            bytes
                .map(|bytes| UnverifiedHeader::decode(&bytes).unwrap())
                .collect::<Vec<_>>()
        };
        let held = verify_headers(headers(&entries), &LogTip::START).unwrap();
        assert_eq!(held[4].tip_after(), entries[4].tip_after());
        // A payload that is still there is found to be the right one.
        let entry = held[2].clone().with_payload(entries[2].payload().to_vec());
        let entry = entry.unwrap();
        assert_eq!(entry.open(&key.key).unwrap().content, CONTENTS[2]);
        // And what comes after the erased ones is verified as ever.
        let after = verify_stretch(received(&entries[3..]), &held[2].tip_after());
        assert_eq!(hashes(&after.unwrap()), hashes(&entries[3..]));

        let mut hole = headers(&entries);
        hole.remove(2);
        assert_eq!(
            verify_headers(hole, &LogTip::START),
            Err(EntryError::Gap {
                got: 3,
                expected: 2
            })
        );
        let mixed = [&entries[..3], &branch()[3..]].concat();
        assert_eq!(
            verify_headers(headers(&mixed), &LogTip::START),
            Err(EntryError::Broken { seq: 3 })
        );
        assert_eq!(
            verify_headers(Vec::new(), &LogTip::START),
            Err(EntryError::EmptyStretch)
        );
    }

    proptest! {
        #[test]
        fn any_split_into_stretches_gives_the_same_entries(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..12),
            cuts in proptest::collection::vec(1usize..5, 12),
        ) {
            let ines = Someone::new(1);
            let key = ines.part_key(3, 1);
            let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
            let entries = ines.entries(&key, &contents);

            let (mut tip, mut one_by_one) = (LogTip::START, Vec::new());
            for entry in received(&entries) {
                let entry = entry.verify(&tip).unwrap();
                tip = entry.tip_after();
                one_by_one.push(entry);
            }
            prop_assert_eq!(&one_by_one, &entries);

            let (mut tip, mut left, mut split) = (LogTip::START, entries.as_slice(), Vec::new());
            for cut in cuts {
                let (some, rest) = left.split_at(cut.min(left.len()));
                if some.is_empty() {
                    break;
                }
                let stretch = verify_stretch(received(some), &tip).unwrap();
                tip = stretch.tip();
                prop_assert!(stretch.last().header().is_signed());
                split.extend(stretch.into_entries());
                left = rest;
            }
            prop_assert_eq!(tip, one_by_one.last().unwrap().tip_after());
            prop_assert_eq!(hashes(&split), hashes(&one_by_one));
            for (entry, content) in split.iter().zip(contents) {
                prop_assert_eq!(entry.open(&key.key).unwrap().content, content);
                prop_assert_eq!(received([entry]).remove(0).assume_verified(), entry.clone());
            }
        }
    }
}
