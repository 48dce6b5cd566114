//! On logs: who writes what, in which place, and until when.

use super::*;
use crate::entry::ForkProof;
use crate::id::{InstallationId, MembershipId};
use crate::replica::Taken;
use crate::replica::tests::{PART, first_entry, removes_the_third, shown, takes, three};
use crate::time::DAY_MS;

/// Zoé's device says one thing to Inès and another to Marc, in one place of its log. Then these two meet.
#[test]
fn equivocation() {
    Defence::ForkFreezes.stops(|| {
        let (_, [mut ines, mut marc, mut zoe]) = three();
        let before = zoe.write(PART, b"before".to_vec(), NOW).unwrap();
        let mut copy = zoe.clone();
        let yes = zoe.write(PART, b"I come".to_vec(), NOW).unwrap();
        let no = copy.write(PART, b"I do not come".to_vec(), NOW).unwrap();
        for (reader, entries) in [
            (&mut ines, [&before, &yes, &no]),
            (&mut marc, [&before, &no, &yes]),
        ] {
            for entry in entries {
                assert_eq!(takes(reader, entry), Ok(Taken::New));
            }
        }
        // Both can prove it to anybody, whatever they show.
        assert!(ForkProof::new([yes.header()], [no.header()]).is_ok());
        Attack::works_if(shown(&ines) != shown(&marc))
    });
}

/// Who carries a log hands its last entry out once more, as the next one.
#[test]
fn replay_of_an_entry() {
    Defence::PlaceIsNext.stops(|| {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let entries = ines.entries(&key, &[b"begins", b"one loaf more"]);
        let handed_out = [&entries[0], &entries[1], &entries[1]];
        let mut tip = LogTip::START;
        let mut loaves = 0;
        for entry in handed_out {
            let Some(entry) = arrives(&entry.to_bytes(), &tip) else {
                continue;
            };
            let said = entry.open(&key.key).unwrap().content;
            loaves += usize::from(said == b"one loaf more");
            tip = entry.tip_after();
        }
        Attack::works_if(loaves > 1)
    });
}

/// Zoé was removed, and goes on to write under a day of last month: in her log, and in another one.
#[test]
fn revoked_writer_backdates() {
    Defence::CutsHold.stops(|| {
        let (people, [mut ines, mut marc, mut zoe]) = three();
        let before = zoe.write(PART, b"before".to_vec(), NOW).unwrap();
        for reader in [&mut ines, &mut marc] {
            takes(reader, &before).unwrap();
        }
        let said = removes_the_third(&people, &mut ines);
        marc.take_statements(said).unwrap();
        let last_month = NOW.minus_millis(30 * DAY_MS);
        let in_her_log = zoe.write(PART, b"late".to_vec(), last_month).unwrap();
        zoe.reinstall(InstallationId::from_bytes([77; 32]));
        let in_another = zoe.write(PART, b"late".to_vec(), last_month).unwrap();
        for entry in [&in_her_log, &in_another] {
            assert_eq!(entry.prefix().day, last_month.day());
            assert_eq!(takes(&mut marc, entry), Ok(Taken::New));
        }
        Attack::works_if(shown(&marc).contains(&b"late".as_slice()))
    });
}

/// Somebody who came by the key of a circle's slice, and was never admitted, writes into it.
#[test]
fn set_poisoning() {
    Defence::WritersOnly.stops(|| {
        let (_, [mut ines, ..]) = three();
        let admission = MembershipId::from_bytes([0; 32]); // there is none
        let entry = first_entry(&ines, &Someone::new(99), admission, b"poison");
        assert_eq!(takes(&mut ines, &entry), Ok(Taken::New));
        Attack::works_if(shown(&ines).contains(&b"poison".as_slice()))
    });
}
