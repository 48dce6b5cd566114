//! Replays what every decoder must withstand: seeds, the corpus of the searches (`tests/fuzz/run`), and
//! changed copies of both, the same ones on every machine.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use maille_protocol::id::PersonId;
use maille_protocol::sync::{Cursor, FeedId, Frame, Hello, Name};
use maille_tests::fuzz::{self, TARGETS, Target};
use maille_tests::repository;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Changed copies for each target: most faults of a decoder show within the first thousand.
const CHANGED: usize = 3_000;

/// Longest input made by changing another: long enough that the constant part of the memory bound does
/// not hide what is taken for each byte.
const CHANGED_BYTES_MAX: usize = 64 * 1024;

#[test]
fn every_decoder_withstands_its_corpus_and_changed_copies_of_it() {
    let seeds = fuzz::seeds(&repository());
    assert!(seeds.len() > 50, "the vectors were not found");
    let mut broken = Vec::new();
    for target in TARGETS {
        let corpus = corpus(target.name);
        let (mut taken, mut base) = (0, Vec::new());
        for input in seeds.iter().chain(&corpus) {
            let decoded = check(target, input, &mut broken);
            taken += usize::from(decoded);
            if decoded {
                base.push(input.clone());
            }
        }
        // A target that refuses everything proves nothing, and a seed that it takes is near every edge.
        if taken == 0 {
            broken.push(format!("{}: takes no seed", target.name));
            continue;
        }
        base.extend(corpus);
        let mut rng = ChaCha20Rng::seed_from_u64(0x5EED);
        for round in 0..CHANGED {
            let changed = changed(&base[round % base.len()], &base, &mut rng);
            check(target, &changed, &mut broken);
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_folder_of_the_corpus_belongs_to_a_target_and_the_whole_is_small() {
    let mut bytes = 0;
    for entry in std::fs::read_dir(repository().join("tests/fuzz/corpus")).expect("a corpus") {
        let name = entry.expect("the folder can be listed").file_name();
        let name = name.to_str().expect("plain names");
        assert!(
            TARGETS.iter().any(|target| target.name == name),
            "no target is called {name}"
        );
        bytes += corpus(name).iter().map(Vec::len).sum::<usize>();
    }
    assert!(bytes > 0, "the corpus was not found");
    assert!(
        bytes < 1 << 20,
        "{bytes} bytes: keep what `tests/fuzz/run --keep` leaves"
    );
    let distinct: BTreeMap<_, _> = TARGETS.iter().map(|it| (it.name, ())).collect();
    assert_eq!(distinct.len(), TARGETS.len(), "two targets of one name");
}

/// Lists of what is short on the wire and long in memory, as long as they fit: an empty text is one byte
/// on the wire and 24 in memory. The second was found by `tests/fuzz/run frame`.
#[test]
fn a_frame_of_the_longest_list_costs_no_more_than_its_bytes_allow() {
    let hello = |addresses| {
        Frame::Hello(Hello {
            version: 1,
            features: 0,
            salt: [0; 16],
            person: PersonId::from_bytes([9; 32]),
            addresses,
            feed: FeedId([1; 16]),
            cursor: Cursor::default(),
            authority: [0; 32],
            authority_held: [0; 32],
        })
    };
    let frame = TARGETS
        .iter()
        .find(|target| target.name == "frame")
        .expect("frames are decoded");
    let mut broken = Vec::new();
    // What a decoder steps over: a field too many, of as many levels as fit.
    let mut deep = Frame::Ack { position: 1 }.to_bytes();
    let array_of_two = deep.iter().rposition(|byte| *byte == 0x81);
    deep[array_of_two.expect("a list of one field")] = 0x82;
    for level in [0x9f, 0x81, 0x82, 0xa1, 0xbf] {
        let mut deep = deep.clone();
        deep.resize(1_000_000, level);
        check(frame, &deep, &mut broken);
    }
    for long in [
        hello(vec![String::new(); 1_000_000]),
        Frame::Names(vec![Name([1; 32]); 30_000]),
        Frame::Names(vec![Name([1; 32]); 16_384]),
        Frame::Authority(vec![1; 1_000_000]),
    ] {
        check(frame, &long.to_bytes(), &mut broken);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Files of what is short in text and long in memory, as much of it as the importers keep.
#[test]
fn a_file_of_the_shortest_things_costs_no_more_than_its_bytes_allow() {
    let mut broken = Vec::new();
    let mut check = |name: &str, file: String| {
        let target = TARGETS.iter().find(|target| target.name == name);
        check(target.expect(name), file.as_bytes(), &mut broken);
    };

    // A thousand features of a thousand features each: one series keeps no more of either.
    for empty in ["{}", r#"{"properties":{"feature_type":"section"}}"#] {
        let inner = format!(r#"{{"features":[{}]}}"#, [empty; 1_000].join(","));
        let outer = vec![inner.as_str(); 1_000].join(",");
        check(
            "import-cozy",
            format!(r#"{{"series":[{{"features":[{outer}]}}]}}"#),
        );
    }

    let track = r#"<trk><trkseg><trkpt lat="1" lon="1"><time>2026-01-01T00:00:00Z</time></trkpt><trkpt lat="1" lon="2"><time>2026-01-01T00:00:01Z</time></trkpt></trkseg></trk>"#;
    check("import-gpx", format!("<gpx>{}</gpx>", track.repeat(20_000)));
    let point = r#"<trkpt lat="1" lon="1"/>"#;
    check(
        "import-gpx",
        format!(
            "<gpx><trk><trkseg>{}</trkseg></trk></gpx>",
            point.repeat(100_000)
        ),
    );

    let header = "Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;Grandeur metier;Etape metier;Unite;Pas en minutes\n\
        0;Courbe de charge;01/01/2000;01/01/2020;Energie active;Consommation;Comptage Brut;W;10\nHorodate;Valeur\n";
    check(
        "import-linky",
        format!("Identifiant PRM{}", ";".repeat(500_000)),
    );
    let mut curve = header.to_owned();
    for step in 0..100_000 {
        let (day, minute) = (step / 144, step % 144 * 10);
        let line = format!(
            "20{:02}-{:02}-{:02}T{:02}:{:02}:00Z;1\n",
            day / 336,
            day / 28 % 12 + 1,
            day % 28 + 1,
            minute / 60,
            minute % 60
        );
        curve.push_str(&line);
    }
    check("import-linky", curve);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Runs one input; what it breaks is told in `broken`, once for each target.
fn check(target: &Target, input: &[u8], broken: &mut Vec<String>) -> bool {
    let mut decoded = Ok(false);
    let sealed = target.sealed(input);
    let heap = allocation_counter::measure(|| {
        decoded = catch_unwind(AssertUnwindSafe(|| (target.decodes)(&sealed)));
    });
    let (peak, bound) = (heap.bytes_max, target.memory.bound(sealed.len()));
    let fault = match &decoded {
        Err(_) => Some("panics (see above)".to_owned()),
        Ok(_) if peak > bound as u64 => Some(format!(
            "takes {peak} bytes of heap for {} bytes, the bound is {bound}",
            sealed.len()
        )),
        Ok(_) => None,
    };
    if let Some(fault) = fault
        && !broken
            .iter()
            .any(|line| line.starts_with(&format!("{}:", target.name)))
    {
        let path = repository().join(format!("target/fuzz/broken/{}-replay", target.name));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("target can be written");
        std::fs::write(&path, input).expect("target can be written");
        broken.push(format!(
            "{}: {fault}; the input is {}",
            target.name,
            path.display()
        ));
    }
    decoded.unwrap_or(false)
}

/// What the searches found for the target, in the order of the file names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = repository().join("tests/fuzz/corpus").join(name);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).expect("a file of the corpus can be read"))
        .collect()
}

/// A copy of `input` with one to four changes.
fn changed(input: &[u8], others: &[Vec<u8>], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=below(rng, 4) {
        let at = below(rng, bytes.len() + 1);
        let end = at + below(rng, (bytes.len() - at).min(64) + 1);
        match below(rng, 8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(rng, 8),
            1 if at < bytes.len() => {
                // Where CBOR's lengths and kinds turn, and texts' letters.
                let edges =
                    b"\x00\x01\x17\x18\x19\x1b\x40\x58\x5f\x60\x7b\x80\x9b\x9f\xf6\xff<\",;-:9";
                bytes[at] = edges[below(rng, edges.len())];
            }
            2 => {
                bytes.drain(at..end);
            }
            3 => bytes.truncate(at),
            4 => {
                let byte = u8::try_from(below(rng, 256)).expect("below 256");
                bytes.insert(at, byte);
            }
            5 => {
                let other = &others[below(rng, others.len())];
                let from = below(rng, other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            6 => {
                let times = 1 << below(rng, 12);
                let again = bytes[at..end].repeat(times);
                bytes.splice(at..at, again);
            }
            _ => {
                let number = (rng.next_u64() >> below(rng, 64)).to_be_bytes();
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
        }
        bytes.truncate(CHANGED_BYTES_MAX);
    }
    bytes
}

fn below(rng: &mut ChaCha20Rng, end: usize) -> usize {
    usize::try_from(rng.next_u64() % end as u64).expect("below a usize")
}
