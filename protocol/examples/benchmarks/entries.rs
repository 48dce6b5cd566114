//! Entries sealed and opened beside their cipher alone, and taken in beside bare signature checks.

use std::hint::black_box;

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ed25519_dalek::{Signature, Signer as _, SigningKey as BareKey, VerifyingKey};
use maille_protocol::crypto::{self, Key, SigningKey, domain};
use maille_protocol::entry::{
    Body, Entry, LogKey, LogTip, SealParams, UnverifiedEntry, seal, verify_stretch,
};
use maille_protocol::generation::ContentKey;
use maille_protocol::id::{GenerationId, InstallationId, MembershipId, SliceId};
use maille_protocol::slice::PartNumber;
use maille_protocol::time::Timestamp;
use maille_protocol::wire;

use super::{Row, checks, measure};

const SLICE: SliceId = SliceId::from_bytes([1; 32]);
const PART: PartNumber = PartNumber(3);
const NOW: Timestamp = Timestamp::from_millis(1_741_802_400_000);

/// Content of the entries that are sealed and opened.
const CONTENT_BYTES: usize = 2048;

const LOGS: usize = 1_000;
const STRETCH: usize = 20;

struct Writer {
    device: SigningKey,
    log: LogKey,
    key: ContentKey,
}

impl Writer {
    fn new(number: usize) -> Self {
        let mut seed = [2; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let log = LogKey::derive(
            &Key::from_bytes(seed),
            MembershipId::from_bytes([3; 32]),
            InstallationId::from_bytes([4; 32]),
            SLICE,
            PART,
        );
        Self {
            device: SigningKey::from_seed(&seed),
            log,
            key: ContentKey::new(Key::from_bytes([5; 32])),
        }
    }

    fn seal(&self, tip: &LogTip, body: &Body) -> Entry {
        let params = SealParams {
            slice: SLICE,
            part: PART,
            generation: GenerationId::from_bytes([6; 32]),
            key: &self.key,
            log: &self.log,
            tip,
            now: NOW,
            body,
        };
        seal(params).expect("a small body").0
    }

    /// A log's first entries as bytes, each with a kilobyte of content.
    fn entries(&self, count: usize) -> Vec<Vec<u8>> {
        let mut tip = LogTip::START;
        let mut entries = Vec::new();
        for seq in 0..count {
            let binding = (seq == 0).then(|| self.log.bind(&self.device));
            let entry = self.seal(&tip, &Body::new(binding, vec![7; 1024]));
            tip = entry.tip_after();
            entries.push(entry.to_bytes());
        }
        entries
    }
}

pub(crate) fn sealing() -> Vec<Row> {
    let writer = Writer::new(0);
    let tip = LogTip {
        next_seq: 1,
        previous: [1; 32],
        ..LogTip::START
    };
    let body = Body::new(None, vec![7; CONTENT_BYTES]);
    let entry = writer.seal(&tip, &body);
    let prefix = wire::encode(entry.prefix());
    let inside = entry.prefix().padded_len as usize;

    // The cipher alone, on the same bytes, in place, under one key that is set up each time.
    let cipher_key = [8; 32];
    let nonce = XNonce::from([9; 24]);
    let mut buffer = vec![7; inside];
    let content_key = writer.key.key();
    let bare = BareKey::from_bytes(&[1; 32]);
    let header = [prefix.as_slice(), &[0; 32]].concat();
    let plain = buffer.clone();
    let [both, opened, signature, hashes, cipher] = measure::in_turns([
        &mut || {
            let entry = black_box(writer.seal(&tip, &body));
            drop(black_box(entry.open(&writer.key).expect("just sealed")));
        },
        &mut || drop(black_box(entry.open(&writer.key).expect("just sealed"))),
        &mut || _ = black_box(bare.sign(&header)),
        // Nonces, header and hashes.
        &mut || {
            let nonce = || {
                let parts: &[&[u8]] = &[&plain, &prefix];
                crypto::keyed_hash(content_key.as_bytes(), domain::ENTRY_NONCE, parts)
            };
            let header = wire::encode(entry.prefix());
            let payload = crypto::hash(domain::ENTRY_PAYLOAD, &[entry.payload()]);
            let header = crypto::hash(domain::ENTRY_HEADER, &[&header, &payload]);
            black_box((nonce(), nonce(), header));
        },
        &mut || {
            let cipher = XChaCha20Poly1305::new(&cipher_key.into());
            let tag = cipher.encrypt_inout_detached(&nonce, &prefix, buffer.as_mut_slice().into());
            let tag = tag.expect("short");
            let cipher = XChaCha20Poly1305::new(&cipher_key.into());
            cipher
                .decrypt_inout_detached(&nonce, &prefix, buffer.as_mut_slice().into(), &tag)
                .expect("just sealed");
        },
    ]);
    let sealed = both - opened;

    let whole = sealed + opened - signature;
    let micros = |seconds: f64| format!("{:.2}", seconds * 1e6);
    let ratio = |seconds: f64| format!("{:.2}", seconds / cipher);
    vec![
        Row::new(
            "CPU microseconds to encrypt and decrypt with XChaCha20-Poly1305 alone",
            micros(cipher),
        ),
        Row::new(
            "CPU microseconds to seal, signature included",
            micros(sealed),
        ),
        Row::new("CPU microseconds to open", micros(opened)),
        Row::new("CPU microseconds of the bare signature", micros(signature)),
        Row::new(
            "CPU microseconds of two nonces, one header and its hashes, by themselves",
            micros(hashes),
        ),
        Row::new(
            "seal + open over the cipher alone, less signature, nonces, header and hashes as above",
            ratio(whole - hashes),
        )
        .at_most("1.6"),
        Row::new(
            "seal + open over the cipher alone, less the signature",
            ratio(whole),
        )
        .at_most("2.1"),
        Row::new(
            "seal + open over the cipher alone, everything",
            ratio(whole + signature),
        ),
        Row::new(
            "seal + open over cipher and signature alone, everything",
            format!("{:.2}", (whole + signature) / (cipher + signature)),
        ),
    ]
}

/// Reads and verifies stretches of logs that stand at these tips.
fn take(stretches: &[(LogTip, Vec<Vec<u8>>)], bound_by: Option<&ContentKey>) -> usize {
    let mut taken = 0;
    for (tip, stretch) in stretches {
        let entries = stretch
            .iter()
            .map(|bytes| UnverifiedEntry::decode(bytes).expect("well formed"));
        let stretch = verify_stretch(entries.collect(), tip).expect("the next ones");
        if let Some(key) = bound_by {
            let body = stretch[0].open(key).expect("a log's first entry");
            assert!(body.author().is_some());
        }
        taken += stretch.len();
    }
    taken
}

pub(crate) fn taking() -> Vec<Row> {
    let writers: Vec<Writer> = (0..LOGS).map(Writer::new).collect();
    let logs: Vec<_> = writers.iter().map(|it| it.entries(STRETCH + 1)).collect();
    let known: Vec<_> = logs
        .iter()
        .map(|log| {
            let first = UnverifiedEntry::decode(&log[0]).expect("well formed");
            (first.assume_verified().tip_after(), log[1..].to_vec())
        })
        .collect();
    let cold: Vec<_> = logs
        .iter()
        .map(|log| (LogTip::START, log[..STRETCH].to_vec()))
        .collect();
    let key = &writers[0].key;

    // As many signatures as there are logs, checked strictly under keys that were read before.
    let bare: Vec<(VerifyingKey, Signature)> = (0..LOGS)
        .map(|number| {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            let key = BareKey::from_bytes(&seed);
            (key.verifying_key(), key.sign(&known[number].1[0][..200]))
        })
        .collect();
    let check = measure::seconds(|| {
        for ((key, signature), (_, stretch)) in bare.iter().zip(&known) {
            let holds = key.verify_strict(&stretch[0][..200], signature);
            assert!(holds.is_ok());
        }
    });
    let warm_seconds = measure::seconds(|| take(&known, None));
    let cold_seconds = measure::seconds(|| take(&cold, Some(key)));
    let entries = LOGS * STRETCH;
    let (taken, warm_checks) = checks::counted(|| take(&known, None));
    assert_eq!(taken, entries);
    let (taken, cold_checks) = checks::counted(|| take(&cold, Some(key)));
    assert_eq!(taken, entries);

    let count = |checks: Option<u64>| {
        checks.map_or_else(
            || "counted with `--features sim`".to_owned(),
            |checks| checks.to_string(),
        )
    };
    let ratio = |seconds: f64, checks: f64| format!("{:.2}", seconds / (check * checks));
    vec![
        Row::new(
            "signature checks, logs known: 1,000 stretches of 20",
            count(warm_checks),
        )
        .at_most("1,100"),
        Row::new(
            "signature checks, logs new: with their bindings",
            count(cold_checks),
        )
        .at_most("3,100"),
        Row::new(
            "CPU milliseconds of 1,000 bare `verify_strict`",
            format!("{:.1}", check * 1e3),
        ),
        Row::new(
            "CPU milliseconds, logs known: read, hash, check",
            format!("{:.1}", warm_seconds * 1e3),
        ),
        Row::new("the same over 1,000 bare checks", ratio(warm_seconds, 1.0)),
        Row::new(
            "the same over 20,000 bare checks, one for each entry",
            ratio(warm_seconds, 20.0),
        ),
        Row::new(
            "CPU milliseconds, logs new: the same, and the first entry opened for its binding",
            format!("{:.1}", cold_seconds * 1e3),
        ),
        Row::new("the same over 3,000 bare checks", ratio(cold_seconds, 3.0)),
    ]
}
