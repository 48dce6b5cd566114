//! All of a home in one sealed file.
//!
//! ```text
//! "maille backup 1\n"
//! u32 length, header = [1, nonce (19), box, [seal, sealed key] or null, person, created]      CBOR
//! chunks of 64 KiB and a last one: STREAM (BE32) of XChaCha20-Poly1305 under the file's key,
//!          associated data: BLAKE3 of all that stands before
//!   = secrets (u32 length, CBOR), then u32, u32 lengths, key, value of each value; then 2^32 - 1, count (u64)
//! ```
//!
//! The file's key is drawn anew. It is in the box, for the recovery key that the twelve words yield, which is in the
//! person's charter: so making a backup asks for nothing, and the words open every one. It may be sealed with a
//! passphrase besides, as a key file is, with the same bounds for the work.
//!
//! What comes back is the same device, under another installation: it begins new logs (`maille_core`, `restore`). Two
//! that live from one backup are for their contacts one device that speaks twice: only one of them should.
//!
//! **Invariants.** Nothing is believed before the chunk that it stands in was opened; a file that was cut is found to be so.
//! Reading takes memory for one value, whatever the file's length.

use std::io::{self, BufReader, BufWriter, Read, Write};

use aead_stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{KeyInit, Payload};
use maille_core::io::{Store as _, StoreError};
use maille_core::secrets::Secrets;
use maille_protocol::crypto::{Key, domain};
use maille_protocol::id::{InstallationId, PersonId};
use maille_protocol::principal::{UnverifiedAuthority, phrase};
use maille_protocol::time::Timestamp;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use rand_core::Rng as _;
use zeroize::Zeroizing;

use crate::keystore::{self, EmptyHome, Keys, Passphrase, Seal, UnlockError};
use crate::store::{CommitError, Store};
use crate::{clock, net};

const FIRST_LINE: &[u8] = b"maille backup 1\n";
const VERSION: u32 = 1;
const CHUNK_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;
/// A header has about 1,500 bytes, most of them the box.
const HEADER_BYTES_MAX: u32 = 16 << 10;
const SECRETS_BYTES_MAX: u32 = 4 << 10;
/// Longest key and longest value of a store.
const KEY_BYTES_MAX: u32 = 4 << 10;
const VALUE_BYTES_MAX: u32 = 128 << 20;
/// Values put into a new store at a time.
const BATCH_BYTES: usize = 4 << 20;
const END: u32 = u32::MAX;

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The store holds no person.
    #[error("the store holds no person")]
    NoPerson,
}

/// Why a backup was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// It is no backup of ours.
    #[error("this is no backup")]
    NotOne,
    /// It was written by a newer Maille.
    #[error("a backup of version {found}, this program knows {VERSION}")]
    Newer {
        /// Its version.
        found: u32,
    },
    /// It was made without a passphrase: the words open it.
    #[error("this backup has no passphrase")]
    NoPassphrase,
    /// Neither this passphrase nor these words.
    #[error("this does not open the backup")]
    Locked,
    /// It asks for more work than any of ours, or for so little that it was tampered with.
    #[error("the backup asks for {memory_kib} KiB, {passes} passes, {lanes} lanes: refused")]
    UnreasonableWork {
        /// Memory asked for.
        memory_kib: u32,
        /// Passes asked for.
        passes: u32,
        /// Lanes asked for.
        lanes: u32,
    },
    /// It was changed, cut, or damaged.
    #[error("the backup is damaged: it was changed or cut after {values} values")]
    Damaged {
        /// How many were whole before.
        values: u64,
    },
    /// The new home took no more.
    #[error("the new home takes no more")]
    Commit(#[from] CommitError),
    /// The new home could not be made.
    #[error(transparent)]
    Create(#[from] keystore::CreateError),
}

/// What opens a backup.
#[derive(Debug)]
pub enum Opener<'a> {
    /// The passphrase that was chosen for it.
    Passphrase(&'a Passphrase),
    /// The seed that the twelve words yield: [`keystore::words_to_seed`].
    Words(&'a [u8]),
}

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whose it is.
    pub person: PersonId,
    /// When it was made.
    pub created: Timestamp,
    /// Values of the store.
    pub values: u64,
    /// Their bytes.
    pub bytes: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Header {
    #[n(0)]
    version: u32,
    #[n(1)]
    nonce: ByteArray<19>,
    /// The file's key, for the recovery key.
    #[n(2)]
    words: ByteVec,
    /// The file's key, for a passphrase.
    #[n(3)]
    passphrase: Option<Locked>,
    #[n(4)]
    person: PersonId,
    #[n(5)]
    created: Timestamp,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Locked {
    #[n(0)]
    seal: Seal,
    #[n(1)]
    key: ByteVec,
}

/// What a device keeps to itself, its installation left out.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Stored {
    #[n(0)]
    device: ByteArray<32>,
    #[n(1)]
    sealing: ByteArray<32>,
    #[n(2)]
    transport: ByteArray<32>,
}

/// Writes all that a store holds, with the device's secrets.
///
/// # Errors
/// [`MakeError`]; what was written until then is no backup.
pub fn make(
    keys: &Keys,
    store: &Store,
    passphrase: Option<&Passphrase>,
    file: impl Write,
) -> Result<Summary, MakeError> {
    let person = keys.secrets.person;
    let authority = store.get(b"a")?.ok_or(MakeError::NoPerson)?;
    let authority = UnverifiedAuthority::decode(&authority).ok();
    let authority = authority.and_then(|it| it.verified_before(person).ok());
    let recovery = authority.and_then(|it| it.charter().recovery.clone());
    let recovery = recovery.ok_or(MakeError::NoPerson)?;
    let mut rng = clock::os_rng();
    let key = Key::random(&mut rng);
    let mut nonce = [0; 19];
    rng.fill_bytes(&mut nonce);
    let words = recovery.seal(&mut rng, domain::BACKUP_BOX, &nonce, key.as_bytes());
    let created = clock::now();
    let header = Header {
        version: VERSION,
        nonce: nonce.into(),
        words: words.into(),
        passphrase: passphrase.map(|passphrase| {
            let (seal, key) = keystore::lock_key(FIRST_LINE, &key, passphrase);
            Locked {
                seal,
                key: key.into(),
            }
        }),
        person,
        created,
    };
    let header = minicbor::to_vec(&header).expect("memory takes what is written");
    let mut before = FIRST_LINE.to_vec();
    before.extend(long(header.len()).to_be_bytes());
    before.extend(&header);
    let mut file = BufWriter::new(file);
    file.write_all(&before)?;
    let mut out = Sealing {
        file,
        stream: EncryptorBE32::from_aead(cipher(&key), &nonce.into()),
        before: *blake3::hash(&before).as_bytes(),
        chunk: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES)),
    };
    let secrets = Zeroizing::new(
        minicbor::to_vec(Stored {
            device: (*keys.secrets.device.as_bytes()).into(),
            sealing: (*keys.secrets.sealing.as_bytes()).into(),
            transport: (*keys.transport.as_bytes()).into(),
        })
        .expect("memory takes what is written"),
    );
    out.put(&long(secrets.len()).to_be_bytes())?;
    out.put(&secrets)?;
    let (mut values, mut bytes) = (0u64, 0u64);
    store.try_for_each::<MakeError>(|key, value| {
        out.put(&long(key.len()).to_be_bytes())?;
        out.put(&long(value.len()).to_be_bytes())?;
        out.put(key)?;
        out.put(value)?;
        values += 1;
        bytes += value.len() as u64;
        Ok(())
    })?;
    out.put(&END.to_be_bytes())?;
    out.put(&values.to_be_bytes())?;
    out.end()?;
    Ok(Summary {
        person,
        created,
        values,
        bytes,
    })
}

fn long(length: usize) -> u32 {
    u32::try_from(length).expect("keys and values of a store are far below 4 GiB")
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_bytes().into())
}

/// Seals what is put, chunk by chunk.
struct Sealing<W: Write> {
    file: BufWriter<W>,
    stream: EncryptorBE32<XChaCha20Poly1305>,
    before: [u8; 32],
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealing<W> {
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // The last chunk is told apart, so a full one waits until something follows.
            if self.chunk.len() == CHUNK_BYTES {
                let payload = Payload {
                    msg: &self.chunk,
                    aad: &self.before,
                };
                let sealed = self.stream.encrypt_next(payload);
                self.file.write_all(&sealed.map_err(too_long)?)?;
                self.chunk.clear();
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        let payload = Payload {
            msg: &self.chunk,
            aad: &self.before,
        };
        let sealed = self.stream.encrypt_last(payload).map_err(too_long)?;
        self.file.write_all(&sealed)?;
        self.file.flush()
    }
}

fn too_long(_: chacha20poly1305::aead::Error) -> io::Error {
    io::Error::other("more than 256 TiB")
}

/// Opens what was sealed, chunk by chunk.
struct Opening<R: Read> {
    file: R,
    stream: Option<DecryptorBE32<XChaCha20Poly1305>>,
    before: [u8; 32],
    /// The sealed chunk after the one that is open: whether there is one tells which is the last.
    next: Vec<u8>,
    open: Zeroizing<Vec<u8>>,
    at: usize,
}

impl<R: Read> Opening<R> {
    fn chunk(file: &mut R) -> io::Result<Vec<u8>> {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + TAG_BYTES);
        let most = (CHUNK_BYTES + TAG_BYTES) as u64;
        file.by_ref().take(most).read_to_end(&mut chunk)?;
        Ok(chunk)
    }

    /// Opens the next chunk; false if there is none.
    fn go_on(&mut self) -> Result<bool, Broken> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(false);
        };
        let now = std::mem::replace(&mut self.next, Self::chunk(&mut self.file)?);
        let payload = Payload {
            msg: &now,
            aad: &self.before,
        };
        self.open = Zeroizing::new(if self.next.is_empty() {
            stream.decrypt_last(payload).map_err(|_| Broken::Changed)?
        } else {
            let opened = stream.decrypt_next(payload);
            self.stream = Some(stream);
            opened.map_err(|_| Broken::Changed)?
        });
        self.at = 0;
        Ok(true)
    }

    fn take(&mut self, length: usize) -> Result<Zeroizing<Vec<u8>>, Broken> {
        // No more than what has come is held, whatever length is claimed.
        let mut taken = Zeroizing::new(Vec::new());
        while taken.len() < length {
            if self.at == self.open.len() && !self.go_on()? {
                return Err(Broken::Changed);
            }
            let most = (length - taken.len()).min(self.open.len() - self.at);
            taken.extend_from_slice(&self.open[self.at..self.at + most]);
            self.at += most;
        }
        Ok(taken)
    }

    fn number(&mut self, max: u32) -> Result<Option<usize>, Broken> {
        let bytes = self.take(4)?;
        let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        match number {
            END => Ok(None),
            _ if number > max => Err(Broken::Changed),
            _ => Ok(Some(number as usize)),
        }
    }

    fn is_at_end(&mut self) -> Result<bool, Broken> {
        Ok(self.at == self.open.len() && !self.go_on()?)
    }
}

enum Broken {
    File(io::Error),
    Changed,
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// Whether a backup has a passphrase besides the words, and whose it claims to be.
///
/// # Errors
/// [`ReadError`].
pub fn looks(file: impl Read) -> Result<(PersonId, bool), ReadError> {
    let (header, _) = header(&mut BufReader::new(file))?;
    Ok((header.person, header.passphrase.is_some()))
}

fn header(file: &mut impl Read) -> Result<(Header, [u8; 32]), ReadError> {
    let not_one = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::NotOne,
        _ => ReadError::File(error),
    };
    let mut before = vec![0; FIRST_LINE.len() + 4];
    file.read_exact(&mut before).map_err(not_one)?;
    let length = (before.strip_prefix(FIRST_LINE))
        .and_then(|length| length.try_into().ok())
        .map(u32::from_be_bytes)
        .filter(|length| *length <= HEADER_BYTES_MAX)
        .ok_or(ReadError::NotOne)?;
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes).map_err(not_one)?;
    let mut decoder = minicbor::Decoder::new(&bytes);
    let found = decoder.array().and_then(|_| decoder.u32());
    match found.map_err(|_| ReadError::NotOne)? {
        VERSION => {}
        found => return Err(ReadError::Newer { found }),
    }
    let header = minicbor::decode(&bytes).map_err(|_| ReadError::NotOne)?;
    before.extend(&bytes);
    Ok((header, *blake3::hash(&before).as_bytes()))
}

fn key_of(header: &Header, opener: &Opener<'_>) -> Result<Key, ReadError> {
    let opened = match opener {
        Opener::Passphrase(passphrase) => {
            let locked = header.passphrase.as_ref().ok_or(ReadError::NoPassphrase)?;
            let opened = keystore::unlock(FIRST_LINE, &locked.seal, &locked.key, passphrase);
            opened.map_err(|error| match error {
                UnlockError::Passphrase => ReadError::Locked,
                UnlockError::Work {
                    memory_kib,
                    passes,
                    lanes,
                } => ReadError::UnreasonableWork {
                    memory_kib,
                    passes,
                    lanes,
                },
            })?
        }
        Opener::Words(seed) => {
            let recovery = phrase::keys(seed).recovery;
            let opened = recovery.open(domain::BACKUP_BOX, &*header.nonce, &header.words);
            opened.map_err(|_| ReadError::Locked)?
        }
    };
    let key = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| ReadError::Locked)?;
    Ok(Key::from_bytes(key))
}

/// Reads a backup to its last byte, and keeps nothing.
///
/// # Errors
/// [`ReadError`].
pub fn check(file: impl Read, opener: &Opener<'_>) -> Result<Summary, ReadError> {
    read(file, opener, |_, _| Ok(())).map(|(summary, _)| summary)
}

/// Puts a backup into a home that holds nobody.
///
/// # Errors
/// [`ReadError`]; nothing that counts as a home is left behind then.
pub fn restore(
    file: impl Read,
    opener: &Opener<'_>,
    home: EmptyHome,
) -> Result<Summary, ReadError> {
    let mut filling = home.begin()?;
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let (summary, (secrets, transport)) = read(file, opener, |key, value| {
        bytes += key.len() + value.len();
        batch.push((key.to_vec(), Some(value.to_vec())));
        if bytes >= BATCH_BYTES {
            filling.put(&std::mem::take(&mut batch))?;
            bytes = 0;
        }
        Ok(())
    })?;
    filling.put(&batch)?;
    filling.end(secrets, transport)?;
    Ok(summary)
}

type Device = (Secrets, Key);

fn read(
    file: impl Read,
    opener: &Opener<'_>,
    mut see: impl FnMut(&[u8], &[u8]) -> Result<(), ReadError>,
) -> Result<(Summary, Device), ReadError> {
    let mut file = BufReader::new(file);
    let (header, before) = header(&mut file)?;
    let key = key_of(&header, opener)?;
    let next = Opening::chunk(&mut file)?;
    let mut opening = Opening {
        file,
        stream: Some(DecryptorBE32::from_aead(
            cipher(&key),
            &(*header.nonce).into(),
        )),
        before,
        next,
        open: Zeroizing::new(Vec::new()),
        at: 0,
    };
    let mut values = 0;
    let mut bytes = 0;
    let broken = |values: u64| {
        move |error: Broken| match error {
            Broken::File(error) => ReadError::File(error),
            Broken::Changed => ReadError::Damaged { values },
        }
    };
    let device = secrets(&mut opening, header.person).map_err(broken(0))?;
    loop {
        let key_length = opening.number(KEY_BYTES_MAX).map_err(broken(values))?;
        let Some(key_length) = key_length else {
            break;
        };
        let value_length = opening.number(VALUE_BYTES_MAX).map_err(broken(values))?;
        let value_length = value_length.ok_or(ReadError::Damaged { values })?;
        let key = opening.take(key_length).map_err(broken(values))?;
        let value = opening.take(value_length).map_err(broken(values))?;
        see(&key, &value)?;
        values += 1;
        bytes += value.len() as u64;
    }
    let count = opening.take(8).map_err(broken(values))?;
    let whole =
        count.as_slice() == values.to_be_bytes() && opening.is_at_end().map_err(broken(values))?;
    if !whole {
        return Err(ReadError::Damaged { values });
    }
    let summary = Summary {
        person: header.person,
        created: header.created,
        values,
        bytes,
    };
    Ok((summary, device))
}

fn secrets<R: Read>(opening: &mut Opening<R>, person: PersonId) -> Result<Device, Broken> {
    let length = opening.number(SECRETS_BYTES_MAX)?.ok_or(Broken::Changed)?;
    let bytes = opening.take(length)?;
    let stored: Stored = minicbor::decode(&bytes).map_err(|_| Broken::Changed)?;
    let transport = net::transport_id(&stored.transport).ok_or(Broken::Changed)?;
    let mut installation = [0; 32];
    clock::os_rng().fill_bytes(&mut installation);
    let secrets = Secrets {
        person,
        device: Key::from_bytes(*stored.device),
        sealing: Key::from_bytes(*stored.sealing),
        transport,
        installation: InstallationId::from_bytes(installation),
    };
    Ok((secrets, Key::from_bytes(*stored.transport)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home_dir::HomeDir;
    use crate::keystore::{CreateOptions, Founded};

    const PASSPHRASE: &str = "été à la mer";

    /// A home with some values, one of them longer than two chunks; and its words.
    fn home() -> (tempfile::TempDir, Founded, Keys) {
        let folder = tempfile::tempdir().unwrap();
        let founded =
            keystore::create(folder.path().join("home"), CreateOptions::default()).unwrap();
        let keys = keystore::open(&founded.home, None).unwrap();
        let store = Store::open(&founded.home.store_path(), &keys.store).unwrap();
        let long = vec![7; 2 * CHUNK_BYTES + 3];
        store
            .commit([[
                (b"zz".to_vec(), Some(long)),
                (b"zy".to_vec(), Some(Vec::new())),
            ]
            .as_slice()])
            .unwrap();
        (folder, founded, keys)
    }

    fn backup_of(home: &HomeDir, keys: &Keys, passphrase: Option<&str>) -> Vec<u8> {
        let store = Store::open(&home.store_path(), &keys.store).unwrap();
        let mut file = Vec::new();
        let passphrase = passphrase.map(Passphrase::new);
        make(keys, &store, passphrase.as_ref(), &mut file).unwrap();
        file
    }

    fn all_of(home: &HomeDir, keys: &Keys) -> Vec<(Vec<u8>, Vec<u8>)> {
        let store = Store::open(&home.store_path(), &keys.store).unwrap();
        store.scan(b"").unwrap()
    }

    #[test]
    fn the_words_and_the_passphrase_bring_all_of_it_back_under_another_installation() {
        let (folder, founded, keys) = home();
        let file = backup_of(&founded.home, &keys, Some(PASSPHRASE));
        assert_eq!(looks(&file[..]).unwrap(), (founded.person, true));
        let seed = keystore::words_to_seed(&founded.words).unwrap();
        let passphrase = Passphrase::new(PASSPHRASE);
        for (number, opener) in [Opener::Words(&seed[..]), Opener::Passphrase(&passphrase)]
            .iter()
            .enumerate()
        {
            let to = folder.path().join(format!("home {number}"));
            let empty = EmptyHome::create(&to, None, Vec::new()).unwrap();
            let summary = restore(&file[..], opener, empty).unwrap();
            assert_eq!(check(&file[..], opener).unwrap(), summary);
            let restored = HomeDir::open(&to).unwrap();
            let again = keystore::open(&restored, None).unwrap();
            assert_eq!(all_of(&restored, &again), all_of(&founded.home, &keys));
            assert_eq!(again.secrets.device, keys.secrets.device);
            assert_eq!(again.secrets.transport, keys.secrets.transport);
            assert_ne!(again.secrets.installation, keys.secrets.installation);
            assert_ne!(again.store, keys.store);
        }
    }

    #[test]
    fn nothing_else_opens_it() {
        let (_folder, founded, keys) = home();
        let (_other_folder, other, _) = home();
        let file = backup_of(&founded.home, &keys, None);
        let other_words = keystore::words_to_seed(&other.words).unwrap();
        let passphrase = Passphrase::new(PASSPHRASE);
        let with = |opener: &Opener<'_>, file: &[u8]| check(file, opener).unwrap_err();
        assert!(matches!(
            with(&Opener::Words(&other_words[..]), &file),
            ReadError::Locked
        ));
        let typed = Opener::Passphrase(&passphrase);
        assert!(matches!(with(&typed, &file), ReadError::NoPassphrase));
        let file = backup_of(&founded.home, &keys, Some("another"));
        assert!(matches!(with(&typed, &file), ReadError::Locked));
        for found in [
            &b"maille key 1\n\0\0\0\x01"[..],
            b"",
            FIRST_LINE,
            &file[..30],
        ] {
            assert!(matches!(with(&typed, found), ReadError::NotOne));
        }
    }

    #[test]
    fn a_file_that_was_changed_or_cut_anywhere_is_refused() {
        let (_folder, founded, keys) = home();
        let file = backup_of(&founded.home, &keys, None);
        let seed = keystore::words_to_seed(&founded.words).unwrap();
        let words = Opener::Words(&seed[..]);
        let sealed = CHUNK_BYTES + TAG_BYTES;
        let body = file.len() - 2 * sealed; // somewhere in the first chunk
        let places = (0..file.len()).step_by(997).chain([body, file.len() - 1]);
        for at in places {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(check(&changed[..], &words).is_err(), "changed at {at}");
            assert!(check(&file[..at], &words).is_err(), "cut at {at}");
        }
        let more = [&file[..], b"x"].concat();
        assert!(check(&more[..], &words).is_err(), "something follows");
        // A last chunk that stands for the middle one, and two in the wrong order.
        let begin = file.len() - (file.len() - header_end(&file));
        let (head, chunks) = file.split_at(begin);
        let chunks: Vec<&[u8]> = chunks.chunks(sealed).collect();
        assert!(chunks.len() >= 3);
        let swapped = [head, chunks[1], chunks[0], &chunks[2..].concat()].concat();
        assert!(check(&swapped[..], &words).is_err());
        let shorter = [head, chunks[0], chunks[1]].concat();
        assert!(matches!(
            check(&shorter[..], &words),
            Err(ReadError::Damaged { .. })
        ));
    }

    fn header_end(file: &[u8]) -> usize {
        let at = FIRST_LINE.len();
        let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        at + 4 + length as usize
    }

    #[test]
    fn work_that_was_lowered_is_refused_before_it_is_done() {
        let (_folder, founded, keys) = home();
        let file = backup_of(&founded.home, &keys, Some(PASSPHRASE));
        let passphrase = Passphrase::new(PASSPHRASE);
        // 64 MiB as CBOR, in the header: to 8 KiB, and to 3 GiB.
        let asked = [0x1a, 0x00, 0x01, 0x00, 0x00];
        let at = file.windows(5).position(|bytes| bytes == asked).unwrap();
        for (weak, refused) in [([0x1a, 0, 0, 0x20, 0], true), ([0x1a, 0, 0x30, 0, 0], true)] {
            let mut changed = file.clone();
            changed[at..at + 5].copy_from_slice(&weak);
            let error = check(&changed[..], &Opener::Passphrase(&passphrase)).unwrap_err();
            assert_eq!(matches!(error, ReadError::UnreasonableWork { .. }), refused);
        }
        // Within the bounds it opens nothing: the seal covers what was asked for.
        let mut changed = file.clone();
        changed[at..at + 5].copy_from_slice(&[0x1a, 0, 0, 0x80, 0]);
        let error = check(&changed[..], &Opener::Passphrase(&passphrase)).unwrap_err();
        assert!(matches!(error, ReadError::Locked));
    }
}
