//! The decoders that read bytes of others, as targets: no panic, little memory, one spelling.
//!
//! [`TARGETS`] is the one list. `tests/fuzz/main.rs` replays seeds, corpus and mutations of both in CI;
//! `tests/fuzz/run` searches for hours, guided by coverage. A new decoder is a function and a line of
//! the list; [`seeds`] finds its first inputs among the vectors of the protocol, or makes them.
//!
//! A target returns whether it decoded, so that the replay can tell a target that never gets past the
//! door. **The law** that each target asserts: what decodes encodes to the same bytes (texts: reads back
//! as the same value). Nothing here uses another module of this crate, since `tests/fuzz/guided` compiles
//! this file without the rest, which would bring the network stack into the search.

use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::path::Path;
use std::str::FromStr;
use std::sync::{LazyLock, OnceLock};

use automerge::transaction::Transactable as _;
use automerge::{ActorId, Automerge, ObjType, ROOT};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use maille_protocol::card::{Card, ShareLink};
use maille_protocol::control::{Ticket, UnverifiedControl};
use maille_protocol::crypto::{self, Key, SealingPublic, SealingSecret, SigningKey, domain};
use maille_protocol::entry::{
    Body, CONTENT_BYTES_MAX, LogId, LogPlace, Prefix, UnverifiedEntry, UnverifiedForkProof,
    UnverifiedHeader,
};
use maille_protocol::generation::{
    BATCH_BYTES_MAX, BatchHead, ContentKey, GenerationBatch, GenerationRecord, PartKey,
    SignedGeneration,
};
use maille_protocol::id::{
    CircleId, DeviceId, GenerationId, GrantId, InstallationId, KeyId, MembershipId, PersonId,
    SliceId, TransportId,
};
use maille_protocol::invite::{Answer, InviteId, InviteLink, Knock, WhyNot};
use maille_protocol::pairing::{Pair, PairCode, Paired, PairedCircle};
use maille_protocol::parcel::{self, PARCEL_BYTES_MAX, ParcelBody};
use maille_protocol::principal::phrase::{self, PhraseKeys};
use maille_protocol::principal::{Authority, Charter, UnverifiedAuthority};
use maille_protocol::recovery::{self, RECOVERY_BYTES_MAX, RecoveryNote, RecoveryPart};
use maille_protocol::relay::{Bundle, Items, LIST_BYTES_MAX, RelayCode};
use maille_protocol::returning::{self, Claim, Claimed, Return};
use maille_protocol::ring::{KeyObject, RingKey};
use maille_protocol::signed::{Record, Signed};
use maille_protocol::slice::{Owner, PartNumber, SliceCharter, UnverifiedAccess};
use maille_protocol::statement::UnverifiedStatement;
use maille_protocol::sync::{CircleItem, Cursor, FeedId, Frame, Greeting, Holdings, Item, Session};
use maille_protocol::time::Timestamp;
use maille_protocol::wire::{self, ENTRY_BYTES_MAX, FRAME_BYTES_MAX, STATEMENT_BYTES_MAX, V1};
use maille_schemas::document::{Document, DocumentId, Domain, Month};
use maille_schemas::factors::{FactorSetId, footprint};
use maille_schemas::gate::{AsideError, Fate, Gate, Offered, chunk};
use maille_schemas::import::{Format, Place, import};
use maille_schemas::lens::{self, FIELDS_BYTES_MAX, KEY_BYTES_MAX, Lang, Lens};
use maille_schemas::record::{ContentHash, RecordId};
use maille_schemas::sample;
use maille_schemas::time::Moment;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// One decoder.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its folder in `tests/fuzz/corpus`.
    pub name: &'static str,
    /// Makes of an input what is decoded: seals it, where no change of sealed bytes gets past the seal.
    pub seal: Option<Seal>,
    /// Decodes, asserts the law and tells whether it was decoded.
    pub decodes: fn(&[u8]) -> bool,
    /// How much heap one call of `decodes` may take.
    pub memory: Memory,
}

/// Makes of an input what is decoded.
pub type Seal = fn(&[u8]) -> Vec<u8>;

impl Target {
    /// What is decoded for `input`.
    #[must_use]
    pub fn sealed<'i>(&self, input: &'i [u8]) -> Cow<'i, [u8]> {
        self.seal
            .map_or(Cow::Borrowed(input), |seal| Cow::Owned(seal(input)))
    }
}

/// A bound on the peak of the heap during one call.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// So many times the input,
    pub times: usize,
    /// and so many bytes more.
    pub plus: usize,
}

impl Memory {
    /// What every decoder of a peer's bytes keeps to.
    const PEER: Self = Self {
        times: 4,
        plus: 64 * 1024,
    };

    /// A file that a person chooses, 64 MiB at most: a record is larger than its line, a vector of them
    /// grows by doubling, and a report lists a thousand lines. Measured: 22 times for a load curve.
    const FILE: Self = Self {
        times: 32,
        plus: 2 * 1024 * 1024,
    };

    /// What Automerge takes for a document of the person's own devices, whose columns are run lengths.
    /// Measured: 76 times for changed changes of 20 KB.
    const DOCUMENT: Self = Self {
        times: 128,
        plus: 1024 * 1024,
    };

    /// What a change of another takes while the gate looks into it: the largest has 10,000 operations.
    const GATE: Self = Self {
        times: 16,
        plus: 8 * 1024 * 1024,
    };

    /// The bound for an input of `bytes` bytes.
    #[must_use]
    pub const fn bound(self, bytes: usize) -> usize {
        self.times * bytes + self.plus
    }
}

/// A target with another bound than that of peers' bytes.
const fn larger(name: &'static str, memory: Memory, decodes: fn(&[u8]) -> bool) -> Target {
    Target {
        memory,
        ..target(name, decodes)
    }
}

const fn target(name: &'static str, decodes: fn(&[u8]) -> bool) -> Target {
    Target {
        name,
        seal: None,
        decodes,
        memory: Memory::PEER,
    }
}

/// A target whose inputs are sealed first.
const fn inside(name: &'static str, seal: Seal, decodes: fn(&[u8]) -> bool) -> Target {
    Target {
        seal: Some(seal),
        ..target(name, decodes)
    }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    // what people paste
    target("card", written_as_text::<Card>),
    target("card-text", text::<Card>),
    target("share-link", written_as_text::<ShareLink>),
    target("share-link-text", text::<ShareLink>),
    target("invite", invite),
    target("invite-text", text::<InviteLink>),
    target("pair-code", written_as_text::<PairCode>),
    target("pair-code-text", text::<PairCode>),
    target("relay-code", relay_code),
    target("relay-code-text", text::<RelayCode>),
    target("ids", ids),
    target("time", text::<Timestamp>),
    // what a session carries
    target("knock", knock),
    target("answer", answer),
    target("pair", pair),
    target("paired", paired),
    target("claim", claim),
    target("claimed", claimed),
    target("return", returning),
    target("frame", frame),
    target("holdings", compared),
    target("session", session),
    target("sealing-key", sealing_key),
    target("parcel", opened),
    inside("parcel-inside", parcel_around, opened),
    target("parcel-body", |bytes| {
        record::<ParcelBody>(bytes, PARCEL_BYTES_MAX)
    }),
    target("slice", |bytes| {
        record::<SliceCharter>(bytes, STATEMENT_BYTES_MAX)
    }),
    target("entry", entry),
    target("header", header),
    target("fork-proof", fork_proof),
    target("log-place", |bytes| {
        record::<LogPlace>(bytes, STATEMENT_BYTES_MAX)
    }),
    target("entry-body", |bytes| record::<Body>(bytes, ENTRY_BYTES_MAX)),
    inside("entry-inside", entry_around, entry_inside),
    target("charter", |bytes| {
        record::<Charter>(bytes, STATEMENT_BYTES_MAX)
    }),
    target("statement", statement),
    target("authority", authority),
    target("access", access),
    target("control", control),
    target("ticket", signed::<Ticket>),
    target("bundle", |bytes| record::<Bundle>(bytes, CONTENT_BYTES_MAX)),
    target("bundle-items", |bytes| {
        record::<Items>(bytes, LIST_BYTES_MAX)
    }),
    target("generation", |bytes| {
        record::<SignedGeneration>(bytes, STATEMENT_BYTES_MAX)
            || record::<GenerationRecord>(bytes, STATEMENT_BYTES_MAX)
    }),
    target("batch-head", signed::<BatchHead>),
    target("batch", batch),
    target("part-key", |bytes| {
        record::<PartKey>(bytes, STATEMENT_BYTES_MAX)
    }),
    target("key-object", |bytes| {
        record::<KeyObject>(bytes, STATEMENT_BYTES_MAX)
    }),
    // what is left for the day when there is no device
    target("recovery-note", |bytes| {
        record::<RecoveryNote>(bytes, RECOVERY_BYTES_MAX)
    }),
    inside("recovery-inside", recovery_around, recovery_box),
    // what content holds
    target("row", row),
    target("names", names),
    larger("document", Memory::DOCUMENT, document),
    larger("document-change", Memory::DOCUMENT, document_change),
    Target {
        seal: Some(|contents| chunk(1, contents)),
        ..larger("gate", Memory::GATE, behind_the_gate)
    },
    // files
    larger("import-gpx", Memory::FILE, |bytes| {
        imported(bytes, Format::Gpx)
    }),
    larger("import-cozy", Memory::FILE, |bytes| {
        imported(bytes, Format::CozyGeojson)
    }),
    larger("import-linky", Memory::FILE, |bytes| {
        imported(bytes, Format::LinkyCsv)
    }),
];

/// Reads what another end of a comparison says, and compares it with what is held of the same circle.
fn compared(bytes: &[u8]) -> bool {
    const HELD: usize = 256;
    static HOLDINGS: LazyLock<Holdings> = LazyLock::new(|| {
        let mut held = Holdings::default();
        for number in (0_u64..).take(HELD) {
            held.insert(&CircleItem::Entry(number.to_be_bytes().to_vec()), number);
        }
        held
    });
    match Frame::from_bytes(bytes) {
        Ok(Frame::Holds(holds)) => {
            let answer = HOLDINGS.answer(&holds);
            assert!(!answer.is_empty());
            true
        }
        Ok(Frame::Held(theirs)) => {
            assert!(HOLDINGS.lacked(&theirs).len() <= HELD);
            true
        }
        _ => false,
    }
}

/// A record on the wire.
fn record<T>(bytes: &[u8], max: usize) -> bool
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    let Ok(value) = wire::decode::<T>(bytes, max) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    true
}

/// A signed record, or what is signed alone: few mutations keep the lengths of both right.
fn signed<T: Record>(bytes: &[u8]) -> bool {
    if let Ok(value) = Signed::<T>::decode(bytes) {
        assert!(value.to_bytes() == bytes, "two spellings of one value");
        assert!(wire::encode(value.unverified()) == value.signed_bytes());
        return true;
    }
    record::<T>(bytes, STATEMENT_BYTES_MAX)
}

fn authority(bytes: &[u8]) -> bool {
    let Ok(value) = UnverifiedAuthority::decode(bytes) else {
        return false;
    };
    let person = value
        .claimed_person()
        .unwrap_or(PersonId::from_bytes([0; 32]));
    let Ok(written) = value.verified_before(person).map(|built| built.to_bytes()) else {
        return true;
    };
    if written != bytes {
        // What nobody needs any more is forgotten, not refused: the rest has one spelling.
        assert!(written.len() < bytes.len(), "two spellings of one value");
        let read = UnverifiedAuthority::decode(&written).expect("what was written");
        let again = read.verified_before(person).map(|built| built.to_bytes());
        assert!(again.expect("what was read before") == written);
    }
    true
}

/// Whose slices are read: the person of the vectors.
fn owner() -> &'static Authority {
    static OWNER: OnceLock<Authority> = OnceLock::new();
    OWNER.get_or_init(|| {
        let vector = include_str!("../../protocol/vectors/authority.json");
        let vector: serde_json::Value = serde_json::from_str(vector).expect("JSON");
        let bytes = unhex(vector["bytes"].as_str().expect("a text")).expect("hex");
        let held = UnverifiedAuthority::decode(&bytes).expect("an authority");
        let person = held.claimed_person().expect("a person");
        held.verify(person).expect("their own")
    })
}

fn access(bytes: &[u8]) -> bool {
    let Ok(value) = UnverifiedAccess::decode(bytes) else {
        return false;
    };
    let slice = value.charter().id();
    if let Ok(built) = value.verified_before(slice, Owner::Person(owner()), &()) {
        assert!(built.to_bytes() == bytes, "two spellings of one value");
        for (grant, _) in built.grants() {
            let _ = built.allowed(&grant);
        }
    }
    true
}

fn control(bytes: &[u8]) -> bool {
    let Ok(value) = UnverifiedControl::decode(bytes) else {
        return false;
    };
    let slice = value.claimed_slice();
    if let Ok(built) = value.verified_before(slice) {
        assert!(built.to_bytes() == bytes, "two spellings of one value");
    }
    true
}

fn statement(bytes: &[u8]) -> bool {
    let Ok(value) = UnverifiedStatement::decode(bytes) else {
        return false;
    };
    let value = value.assume_verified();
    assert!(value.to_bytes() == bytes, "two spellings of one value");
    let _ = value.node();
    true
}

fn batch(bytes: &[u8]) -> bool {
    let Ok(value) = GenerationBatch::decode(bytes) else {
        return false;
    };
    assert!(value.to_bytes() == bytes, "two spellings of one value");
    assert!(bytes.len() <= BATCH_BYTES_MAX);
    let ring = RingKey::new(Key::from_bytes([7; 32]));
    let _ = value.open(0, &ring);
    for alone in value.generations().take(2) {
        assert!(record::<SignedGeneration>(
            &wire::encode(&alone),
            BATCH_BYTES_MAX
        ));
    }
    true
}

/// Whose recovery boxes are opened.
fn words() -> &'static (PhraseKeys, SealingPublic, [u8; 32]) {
    static WORDS: OnceLock<(PhraseKeys, SealingPublic, [u8; 32])> = OnceLock::new();
    WORDS.get_or_init(|| {
        let seed = [1; 64]; // that of the vectors
        let keys = phrase::keys(&seed);
        let public = keys.recovery.public();
        (keys, public, RecoveryPart::of_phrase(&seed).id)
    })
}

fn recovery_box(bytes: &[u8]) -> bool {
    let (keys, _, part) = words();
    recovery::open(bytes, keys, part).is_ok()
}

/// A recovery box around a signed note, as whoever saw the recovery key can make it.
fn recovery_around(bytes: &[u8]) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (_, public, part) = words();
    public.seal(&mut rng, domain::RECOVERY_BOX, part, bytes)
}

fn entry(bytes: &[u8]) -> bool {
    let Ok(value) = UnverifiedEntry::decode(bytes) else {
        return false;
    };
    let taken = value.assume_verified();
    assert!(taken.to_bytes() == bytes, "two spellings of one value");
    let _ = taken.tip_after();
    true
}

fn header(bytes: &[u8]) -> bool {
    let Ok(value) = UnverifiedHeader::decode(bytes) else {
        return false;
    };
    let taken = value.assume_verified();
    assert!(taken.to_bytes() == bytes, "two spellings of one value");
    let _ = taken.tip_after();
    true
}

fn fork_proof(bytes: &[u8]) -> bool {
    let Ok(value) = UnverifiedForkProof::decode(bytes) else {
        return false;
    };
    if let Ok(proof) = value.verify() {
        assert!(proof.to_bytes() == bytes, "two spellings of one value");
    }
    true
}

/// The key of [`entry_around`].
fn content_key() -> ContentKey {
    ContentKey::new(Key::from_bytes([7; 32]))
}

fn entry_inside(bytes: &[u8]) -> bool {
    match UnverifiedEntry::decode(bytes) {
        Ok(value) => value.assume_verified().open(&content_key()).is_ok(),
        Err(_) => {
            assert!(bytes.len() > ENTRY_BYTES_MAX, "the harness makes entries");
            false
        }
    }
}

/// An entry sealed around length, body and padding, as anybody who holds a content key can make it. The
/// padding is topped up to a length by the rule; the signature is none.
fn entry_around(inside: &[u8]) -> Vec<u8> {
    let key = content_key();
    let mut inside = inside.to_vec();
    inside.resize(padme(inside.len()), 0);
    // The second entry of a log: no binding is needed, whose signatures nothing can guess.
    let prefix = Prefix {
        version: V1,
        slice: SliceId::from_bytes([1; 32]),
        part: PartNumber(3),
        generation: GenerationId::from_bytes([2; 32]),
        log: LogId::from_bytes([3; 32]),
        seq: 1,
        previous: [4; 32],
        day: 20_000,
        padded_len: u32::try_from(inside.len()).unwrap_or(u32::MAX),
    };
    let mut header = wire::encode(&prefix);
    let nonce = crypto::keyed_hash(
        key.key().as_bytes(),
        domain::ENTRY_NONCE,
        &[&inside, &header],
    );
    let nonce: [u8; 24] = *nonce.first_chunk().expect("24 of 32 bytes");
    let sealing = key.key().derive(domain::KEY_ENTRY, &[]);
    let payload = Payload {
        msg: &inside,
        aad: &header,
    };
    let ciphertext = XChaCha20Poly1305::new(sealing.as_bytes().into())
        .encrypt(&XNonce::from(nonce), payload)
        .expect("encryption of less than 256 GiB does not fail");
    let payload = [&nonce, ciphertext.as_slice()].concat();
    header.extend(crypto::hash(domain::ENTRY_PAYLOAD, &[&payload]));
    let mut bytes = Vec::new();
    let mut cbor = minicbor::Encoder::new(&mut bytes);
    cbor.array(4)
        .and_then(|cbor| cbor.u8(1))
        .and_then(|cbor| cbor.bytes(&header))
        .and_then(|cbor| cbor.bytes(&[5; 64]))
        .and_then(|cbor| cbor.bytes(&payload))
        .expect("writing to memory does not fail");
    bytes
}

/// The rule of `protocol/spec/README.md` for padded lengths.
fn padme(length: usize) -> usize {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let last = exponent - (exponent.ilog2() + 1).min(exponent);
    let mask = (1usize << last) - 1;
    (length + mask) & !mask
}

/// The record of an invite, and what the node that made it would compare a knock with.
fn invite(bytes: &[u8]) -> bool {
    if !written_as_text::<InviteLink>(bytes) {
        return false;
    }
    let link: InviteLink = wire::decode(bytes, TEXT_BYTES_MAX).expect("it was read before");
    let from = TransportId::from_bytes([2; 32]);
    let shown = a_knock(link.id(), link.proof(&from));
    assert!(link.is_shown_by(&shown, &from));
    true
}

fn relay_code(bytes: &[u8]) -> bool {
    if !written_as_text::<RelayCode>(bytes) {
        return false;
    }
    let code: RelayCode = wire::decode(bytes, TEXT_BYTES_MAX).expect("it was read before");
    let from = TransportId::from_bytes([2; 32]);
    assert!(code.is_shown_by(&code.shown_by(&from), &from));
    true
}

/// A knock, up to what a node does with it before it checks the first signature.
fn knock(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<Knock>(bytes, FRAME_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    authority(&value.authority);
    true
}

fn answer(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<Answer>(bytes, FRAME_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    if let Answer::Welcome { circle, slice, .. } = &value {
        let _ = Charter::decode(circle);
        record::<SliceCharter>(slice, STATEMENT_BYTES_MAX);
    }
    true
}

/// What a new device asks, up to what the one that shows the code does with it before a signature.
fn pair(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<Pair>(bytes, FRAME_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    let from = TransportId::from_bytes([2; 32]);
    assert!(!a_code().is_held_by(&value, &from), "a proof was guessed");
    let _ = a_code().words(&value, &from);
    true
}

fn paired(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<Paired>(bytes, FRAME_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    if let Paired::Welcome {
        authority: it,
        circles,
    } = &value
    {
        authority(it);
        for circle in circles {
            let _ = Charter::decode(&circle.circle);
            record::<SliceCharter>(&circle.slice, STATEMENT_BYTES_MAX);
        }
    }
    true
}

/// What somebody says who holds a root key, up to its signature.
fn claim(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<Claim>(bytes, FRAME_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    let from = TransportId::from_bytes([1; 32]);
    let to = TransportId::from_bytes([2; 32]);
    assert!(!value.holds(&from, &to), "a signature was guessed");
    true
}

/// What it is answered.
fn claimed(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<Claimed>(bytes, FRAME_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    authority(&value.authority);
    true
}

fn returning(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<Return>(bytes, FRAME_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    authority(&value.authority);
    true
}

fn a_code() -> PairCode {
    let transport = TransportId::from_bytes([1; 32]);
    let person = PersonId::from_bytes([9; 32]);
    PairCode {
        version: V1,
        secret: [7; 16],
        card: Card::new(person, transport, Vec::new()).expect("no addresses"),
        admitter: MembershipId::from_bytes([3; 32]),
        rank: 2_000,
        until: Timestamp::from_millis(1_000),
    }
}

/// A knock whose authority is none.
fn a_knock(invite: InviteId, proof: [u8; 32]) -> Knock {
    Knock {
        version: V1,
        invite,
        proof,
        name: "Marc".to_owned(),
        addresses: vec![String::new()],
        by: [4; 32],
        consent: [5; 64],
        authority: vec![6; 2],
    }
}

fn frame(bytes: &[u8]) -> bool {
    let Ok(value) = Frame::from_bytes(bytes) else {
        return false;
    };
    assert!(value.to_bytes() == bytes, "two spellings of one value");
    true
}

/// The input is a conversation: frames, each after its length in two bytes, the lower one first.
fn session(mut bytes: &[u8]) -> bool {
    let (me, peer) = (
        TransportId::from_bytes([1; 32]),
        TransportId::from_bytes([2; 32]),
    );
    let mut session = Session::new(me, peer, &mut ChaCha20Rng::seed_from_u64(1));
    for position in [3, 5] {
        let _ = session.send(position, Item::Entry(vec![0; 7]));
    }
    let mut taken = 0;
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (frame, rest) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        if session.receive(frame).is_err() {
            break;
        }
        bytes = rest;
        taken += 1;
    }
    let _ = (session.has_named_all(), session.has_credit(1));
    taken > 0
}

fn sealing_key(bytes: &[u8]) -> bool {
    let Ok(key) = SealingPublic::from_bytes(bytes) else {
        return false;
    };
    assert!(key.as_bytes() == bytes);
    true
}

/// The reader of the parcels among the vectors: the person, and the two halves of their sealing key.
fn reader() -> &'static (PersonId, SealingSecret, SealingPublic) {
    static READER: OnceLock<(PersonId, SealingSecret, SealingPublic)> = OnceLock::new();
    READER.get_or_init(|| {
        let vector = include_str!("../../protocol/vectors/parcel.json");
        let vector: serde_json::Value = serde_json::from_str(vector).expect("a vector is JSON");
        let person = vector["to"].as_str().and_then(|text| text.parse().ok());
        let seed = vector["sealing_seed"].as_str().and_then(unhex);
        let seed = seed.and_then(|seed| seed.try_into().ok());
        let secret = SealingSecret::from_seed(&seed.expect("the vector has a seed of 32 bytes"));
        let public = secret.public();
        (person.expect("the vector has a reader"), secret, public)
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok())
        .collect()
}

fn opened(bytes: &[u8]) -> bool {
    let (person, secret, _) = reader();
    parcel::open(bytes, *person, secret).is_ok()
}

/// A parcel sealed around a signed letter, as anybody can make it.
fn parcel_around(bytes: &[u8]) -> Vec<u8> {
    let (person, _, public) = reader();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    public.seal(&mut rng, domain::PARCEL, person.as_bytes(), bytes)
}

/// A text that a person pastes.
fn text<T>(bytes: &[u8]) -> bool
where
    T: FromStr<Err: Display> + Display + PartialEq + Debug,
{
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string().parse().ok(), Some(value));
            true
        }
        Err(error) => {
            assert!(error.to_string().len() < 1_000, "a person reads this");
            false
        }
    }
}

/// The record in a text that a person pastes: no search gets past the checksum.
fn written_as_text<T>(bytes: &[u8]) -> bool
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
    T: FromStr<Err: Debug + PartialEq> + Display + PartialEq + Debug,
{
    let Ok(value) = wire::decode::<T>(bytes, TEXT_BYTES_MAX) else {
        return false;
    };
    assert!(wire::encode(&value) == bytes, "two spellings of one value");
    assert_eq!(value.to_string().parse(), Ok(value));
    true
}

/// Longest record in a text, as in `card.rs` of the protocol.
const TEXT_BYTES_MAX: usize = 2048;

fn ids(bytes: &[u8]) -> bool {
    text::<PersonId>(bytes)
        | text::<MembershipId>(bytes)
        | text::<DeviceId>(bytes)
        | text::<SliceId>(bytes)
        | text::<GrantId>(bytes)
        | text::<TransportId>(bytes)
        | text::<GenerationId>(bytes)
        | text::<KeyId>(bytes)
        | text::<InstallationId>(bytes)
}

/// The other texts: of commands, of the store, of other people's data.
fn names(bytes: &[u8]) -> bool {
    text::<Moment>(bytes)
        | text::<Month>(bytes)
        | text::<DocumentId>(bytes)
        | text::<RecordId>(bytes)
        | text::<ContentHash>(bytes)
        | text::<FactorSetId>(bytes)
        | text::<Format>(bytes)
        | text::<Place>(bytes)
        | std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<Lang>().is_ok())
}

/// The input is a key and the fields, the key as long as the first byte says.
fn row(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first() else {
        return false;
    };
    let (key, fields) = rest.split_at(usize::from(*length).min(rest.len()));
    let part = lens::part_of_key(key);
    let taken = lens::decode(key, fields).is_ok();
    assert!(!taken || key.len() <= KEY_BYTES_MAX && fields.len() <= FIELDS_BYTES_MAX);
    taken && part.is_ok()
}

fn january() -> Month {
    Month::new(2025, 1).expect("a month")
}

fn a_document() -> Document {
    let id = DocumentId {
        domain: Domain::Mobility,
        month: january(),
    };
    Document::new(id, &[1; 32])
}

/// A saved document of one of the person's devices.
fn document(bytes: &[u8]) -> bool {
    let id = a_document().id();
    match Document::load(id, &[1; 32], bytes) {
        Ok(document) => {
            let _ = document.records();
            true
        }
        Err(_) => false,
    }
}

/// A change of a document by one of the person's devices.
fn document_change(bytes: &[u8]) -> bool {
    let mut document = a_document();
    if document.apply_changes(&[bytes.to_vec()]).is_err() {
        return false;
    }
    let _ = document.records();
    true
}

/// Who writes what comes to the gate.
const WRITER: [u8; 16] = [6; 16];

/// A list, a text, a map and a value, by somebody else; and a change of each, all in one, by [`WRITER`].
fn a_shared_document() -> &'static (Gate, Vec<u8>) {
    static SHARED: OnceLock<(Gate, Vec<u8>)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let mut shared = Automerge::new();
        shared.set_actor(ActorId::from(&[1; 16]));
        let mut edit = shared.transaction();
        let list = edit.put_object(ROOT, "list", ObjType::List).expect("a map");
        let text = edit.put_object(ROOT, "text", ObjType::Text).expect("a map");
        let map = edit.put_object(ROOT, "map", ObjType::Map).expect("a map");
        edit.put(ROOT, "value", 1).expect("a map");
        edit.splice_text(&text, 0, 0, "salut").expect("a text");
        (0..3).for_each(|at| edit.insert(&list, at, "x").expect("a list"));
        edit.commit();
        let gate = Gate::begin(&shared.get_changes(&[])).expect("our own");
        shared.set_actor(ActorId::from(&WRITER));
        let mut edit = shared.transaction();
        edit.put(ROOT, "value", 2).expect("a map");
        edit.put(&map, "new", true).expect("a map");
        edit.put(&list, 0, 7.5).expect("an element");
        edit.delete(&list, 1).expect("an element");
        let object = edit.insert_object(&list, 1, ObjType::Map).expect("a list");
        edit.put(&object, "a", "b").expect("a map");
        edit.splice_text(&text, 1, 2, "é").expect("a text");
        edit.commit();
        let change = shared.get_last_local_change().expect("it was edited");
        (gate, change.raw_bytes().to_vec())
    })
}

/// A change by somebody who may write, and who is not trusted for that.
fn behind_the_gate(bytes: &[u8]) -> bool {
    let mut gate = a_shared_document().0.clone();
    let fates = gate.offer([Offered {
        actor: &WRITER,
        number: 0,
        bytes,
    }]);
    let unknown = matches!(fates[..], [Fate::Aside(AsideError::Apply)]);
    assert!(!unknown, "only Automerge refuses it: a rule is missing");
    assert!(gate.save().is_some(), "saves what does not load");
    matches!(fates[..], [Fate::Taken])
}

/// A file of a person; what is read from it must not trouble what counts and shows it.
fn imported(bytes: &[u8], format: Format) -> bool {
    let read = match import("a file", bytes, Some(format)) {
        Ok(read) => read,
        Err(error) => {
            assert!(error.to_string().len() < 10_000, "a person reads this");
            return false;
        }
    };
    let some = &read.records[..read.records.len().min(50)];
    let _ = footprint(some, FactorSetId::BaseCarboneV22);
    for lens in Lens::all() {
        for record in some {
            for part in lens.parts_touched(record) {
                for row in lens.project_part(part, std::slice::from_ref(record)) {
                    assert!(lens::decode(&row.key, &row.fields).is_ok());
                }
            }
        }
    }
    !read.records.is_empty()
}

/// Makes what is made once, so that no input pays for it.
pub fn begin() {
    owner();
    reader();
    words();
    a_shared_document();
    // Checks a signature: a thread keeps the keys that it has read.
    let _ = crypto::verify(&[0; 32], "", &[], &[0; 64]);
}

/// Inputs to begin with: every bytes and text of the vectors, whatever lies in them, and what is made
/// here. The same for every target: which of them it takes is the target's business.
///
/// # Panics
/// If the vectors of the protocol are not in `repository`.
#[must_use]
pub fn seeds(repository: &Path) -> Vec<Vec<u8>> {
    begin();
    let mut seeds = Vec::new();
    let vectors = repository.join("protocol/vectors");
    let mut files: Vec<_> = std::fs::read_dir(&vectors)
        .expect("the protocol has vectors")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .collect();
    files.sort();
    for file in files {
        let bytes = std::fs::read(file).expect("a vector can be read");
        let vector = serde_json::from_slice(&bytes).expect("a vector is JSON");
        of_vector(&vector, &mut seeds);
    }
    made(&mut seeds);
    // Without its head: magic, checksum, type and a length of two bytes.
    seeds.push(a_shared_document().1[11..].to_vec());
    let (person, secret, _) = reader();
    let (keys, _, part) = words();
    let inside: Vec<_> = seeds
        .iter()
        .filter_map(|seed| {
            let letter = secret.open(domain::PARCEL, person.as_bytes(), seed);
            letter
                .or_else(|_| keys.recovery.open(domain::RECOVERY_BOX, part, seed))
                .ok()
        })
        .map(|inside| inside.to_vec())
        .collect();
    seeds.extend(inside);
    let mut peeled = Vec::new();
    for seed in &seeds {
        strings_in(seed, &mut peeled);
    }
    seeds.extend(peeled);
    seeds.sort();
    seeds.dedup();
    seeds
}

fn of_vector(value: &serde_json::Value, seeds: &mut Vec<Vec<u8>>) {
    match value {
        serde_json::Value::String(text) => {
            seeds.push(text.clone().into_bytes());
            seeds.extend(unhex(text));
        }
        serde_json::Value::Array(values) => {
            for value in values {
                of_vector(value, seeds);
            }
        }
        serde_json::Value::Object(fields) => {
            for value in fields.values() {
                of_vector(value, seeds);
            }
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

/// The byte strings in CBOR, and in those: records in their signatures and boxes.
fn strings_in(bytes: &[u8], found: &mut Vec<Vec<u8>>) {
    let mut cbor = minicbor::Decoder::new(bytes);
    while let Ok(kind) = cbor.datatype() {
        match kind {
            minicbor::data::Type::Array => {
                if cbor.array().is_err() {
                    return;
                }
            }
            minicbor::data::Type::Bytes => {
                let Ok(inner) = cbor.bytes() else { return };
                if inner.len() > 32 {
                    found.push(inner.to_vec());
                    strings_in(inner, found);
                }
            }
            _ => {
                if cbor.skip().is_err() {
                    return;
                }
            }
        }
    }
}

fn made(seeds: &mut Vec<Vec<u8>>) {
    let transport = |byte| TransportId::from_bytes([byte; 32]);
    let session = Session::new(
        transport(2),
        transport(1),
        &mut ChaCha20Rng::seed_from_u64(2),
    );
    let hello = session.hello(Greeting {
        person: PersonId::from_bytes([9; 32]),
        addresses: vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned(), String::new()],
        feed: FeedId([1; 16]),
        cursor: Cursor::default(),
        authority: [0; 32],
        authority_held: [8; 32],
    });
    let circle = |position, item| Frame::Item {
        position,
        item: Item::Circle {
            circle: CircleId::from_bytes([7; 32]),
            item,
        },
    };
    let frames = [
        Frame::Knock(a_knock(InviteId([1; 32]), [2; 32])),
        Frame::Answer(Answer::NotWelcome(WhyNot::UsedUp)),
        hello,
        Frame::Authority(vec![1, 2, 3]),
        Frame::Names(vec![]),
        Frame::Names(vec![maille_protocol::sync::Name([1; 32]); 2]),
        Frame::Item {
            position: 1,
            item: Item::Parcel(vec![4; 9]),
        },
        Frame::Item {
            position: 300,
            item: Item::Entry(vec![5; 40]),
        },
        circle(301, CircleItem::Person(vec![1; 3])),
        circle(302, CircleItem::Statement(vec![2; 3])),
        circle(303, CircleItem::Generation(vec![3; 3])),
        circle(304, CircleItem::Key(vec![4; 3])),
        circle(305, CircleItem::Entry(Vec::new())),
        Frame::Answer(Answer::Welcome {
            circle: vec![1; 3],
            slice: Vec::new(),
            tag_key: Key::from_bytes([8; 32]),
        }),
        Frame::Item {
            position: u64::MAX,
            item: Item::Withdrawn,
        },
        Frame::Ack { position: 3 },
        Frame::Ack { position: 5 },
    ];
    let mut conversation = Vec::new();
    for frame in &frames {
        let bytes = frame.to_bytes();
        let length = u16::try_from(bytes.len()).expect("small frames");
        conversation.extend(length.to_le_bytes());
        conversation.extend(&bytes);
        seeds.push(bytes);
    }
    seeds.push(conversation);

    let asks = Pair {
        version: V1,
        proof: [1; 32],
        device: DeviceId::from_bytes([2; 32]),
        sealing: reader().2.clone(),
        consent: [3; 64],
        name: "phone".to_owned(),
        addresses: vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()],
    };
    let circle = PairedCircle {
        circle: vec![1; 3],
        slice: Vec::new(),
        tag_key: Key::from_bytes([8; 32]),
        called: "Marc".to_owned(),
        own: true,
    };
    let welcome = Paired::Welcome {
        authority: vec![2; 4],
        circles: vec![circle],
    };
    seeds.extend([
        wire::encode(&a_code()),
        a_code().to_string().into_bytes(),
        wire::encode(&asks),
        wire::encode(&welcome),
        wire::encode(&Paired::NotWelcome),
    ]);
    let root = SigningKey::from_seed(&[6; 32]);
    let claim = Claim::new(&root, &transport(3), &transport(2));
    let answer = Claimed {
        version: V1,
        authority: vec![3; 4],
        places: vec![returning::Place {
            transport: transport(2),
            name: "laptop".to_owned(),
            addresses: vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()],
        }],
    };
    let returns = Return {
        version: V1,
        authority: vec![4; 4],
    };
    seeds.extend([
        wire::encode(&claim),
        wire::encode(&answer),
        wire::encode(&returns),
        Frame::Claim(claim).to_bytes(),
        Frame::Claimed(answer).to_bytes(),
        Frame::Return(returns).to_bytes(),
    ]);

    seeds.push(SigningKey::from_seed(&[1; 32]).public().to_vec());
    seeds.push(reader().2.as_bytes().to_vec());
    for content in [&[][..], b"content", &[0; 300]] {
        let body = wire::encode(&Body::new(None, content.to_vec()));
        let length = u32::try_from(body.len()).expect("a small body");
        seeds.push([&length.to_le_bytes(), body.as_slice()].concat());
        seeds.push(body);
    }
    for text in [
        PersonId::from_bytes([1; 32]).to_string(),
        DeviceId::from_bytes([2; 32]).to_string().to_uppercase(),
        MembershipId::from_bytes([3; 32]).to_string(),
        "2025-03-12T18:00:00+01:00".to_owned(),
        "1970-01-01T00:00:00Z".to_owned(),
        january().to_string(),
        a_document().id().to_string(),
        RecordId::from_bytes([1; 32]).to_string(),
        FactorSetId::BaseCarboneV22.to_string(),
        Format::Gpx.to_string(),
        Place::Section {
            trip: 1,
            section: 2,
        }
        .to_string(),
        "fr".to_owned(),
    ] {
        seeds.push(text.into_bytes());
    }

    let mut written = a_document();
    for file in sample::files(7, january()) {
        let records = import(&file.name, &file.bytes, None)
            .expect("samples can be read")
            .records;
        for record in &records {
            if record.document() == written.id() {
                written.put(record, 0);
            }
            for lens in Lens::all() {
                for part in lens.parts_touched(record) {
                    for row in lens.project_part(part, std::slice::from_ref(record)) {
                        let length = u8::try_from(row.key.len()).expect("a short key");
                        seeds.push([&[length], row.key.as_slice(), &row.fields].concat());
                    }
                }
            }
        }
        // Small seeds get more mutations: of the half hours, the first.
        let lines = file.bytes.split_inclusive(|byte| *byte == b'\n').take(40);
        seeds.push(lines.flatten().copied().collect());
    }
    seeds.push(TRACKS.as_bytes().to_vec());
    seeds.extend(a_document().take_changes());
    seeds.extend(written.take_changes());
    seeds.push(a_document().save());
    seeds.push(written.save());
}

/// A track with two segments and one without times. Nobody rode there.
const TRACKS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Maille tests, made up" xmlns="http://www.topografix.com/GPX/1/1">
<trk><name>made up</name><type>cycling</type><trkseg>
<trkpt lat="47.000" lon="-1.5"><ele>10</ele><time>2026-03-02T08:00:00Z</time></trkpt>
<trkpt lat="47.009" lon="-1.5"><time>2026-03-02T08:04:00.5+01:00</time></trkpt></trkseg>
<trkseg><trkpt lat="47.02" lon="-1.5"><time>2026-03-02T09:04:00Z</time></trkpt></trkseg></trk>
<trk><trkseg><trkpt lat="1" lon="1"/></trkseg></trk>
</gpx>
"#;
