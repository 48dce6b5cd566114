//! The key file: what a device must keep to itself.
//!
//! ```text
//! "maille key 1\n"                                   so that a person sees what it is
//! [version, seal or null, body]                      deterministic CBOR
//!   seal = [memory KiB, passes, lanes, salt, nonce]  with a passphrase
//!   body = plain secrets | BLAKE3 of them            without one
//!        = XChaCha20-Poly1305(Argon2id(passphrase), secrets; associated data = all before it)
//! ```
//!
//! The twelve words and the root key that they yield are in no file: [`create`] hands the words
//! back once. BIP-39 words, in French or English, 128 bits.
//!
//! **Invariants.** The file is mode 0600 and replaced whole. It is written last when a home is
//! set up, so that a home with a key is a whole one. How much work opening may take is read from
//! the file, so it is bounded both ways: a weakened file is refused, and so is one that asks for
//! more memory than any of ours does.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use argon2::{Algorithm, Argon2, Params};
use bip39::{Language, Mnemonic};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use maille_core::io::Write;
use maille_core::secrets::{Founding, Secrets};
use maille_protocol::crypto::Key;
use maille_protocol::id::{InstallationId, PersonId, TransportId};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use rand_core::Rng;
use zeroize::{Zeroize, Zeroizing};

use crate::home_dir::{Config, HomeDir, HomeError, Lock, write_whole};
use crate::store::{CommitError, OpenError, Store};
use crate::{clock, net};

const FIRST_LINE: &[u8] = b"maille key 1\n";
const VERSION: u32 = 1;

/// A key file has about 300 bytes.
const FILE_BYTES_MAX: u64 = 16 << 10;

/// OWASP's least for Argon2id with one pass and one lane is 46 MiB; 64 takes 0.1 s on a laptop.
const OUR_WORK: Work = Work {
    memory_kib: 64 << 10,
    passes: 1,
    lanes: 1,
};
/// Least and most that a file may ask for: RFC 9106's figure for little memory, and 1 GiB.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = (19 << 10)..=(1 << 20);
const PASSES: std::ops::RangeInclusive<u32> = 1..=16;
const LANES: std::ops::RangeInclusive<u32> = 1..=8;

/// Why a person could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The folder will not do, or the disk refused.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store could not be made.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The first batch could not be written.
    #[error("the store took no first entry")]
    Commit(#[from] CommitError),
    /// A passphrase that is empty protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// No port is free.
    #[error("no port to listen on")]
    NoPort(#[source] std::io::Error),
}

/// Why the secrets could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The folder or the file is not ours alone, or the disk refused.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// It is sealed, and no passphrase was given.
    #[error("{} needs its passphrase", path.display())]
    NeedsPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is another one, or the file was changed.
    #[error("the passphrase does not open {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// It is no key file, or a damaged one.
    #[error("{} is damaged or is no key file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer Maille.
    #[error("{} has version {found}, this program knows {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It asks for more work than any of our files, or for so little that it was tampered with.
    #[error("{} asks for {memory_kib} KiB, {passes} passes, {lanes} lanes: refused", path.display())]
    UnreasonableWork {
        /// The file.
        path: PathBuf,
        /// Memory asked for.
        memory_kib: u32,
        /// Passes asked for.
        passes: u32,
        /// Lanes asked for.
        lanes: u32,
    },
}

/// Why twelve words were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordsError {
    /// Not twelve.
    #[error("{0} words instead of 12")]
    Count(usize),
    /// One is in neither list; counted from 1.
    #[error("word {0} is in no list")]
    Unknown(usize),
    /// Each is right, but not all together.
    #[error("the words do not fit together: one is wrong or two changed places")]
    Checksum,
}

/// Which list the words come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WordList {
    /// The French one.
    #[default]
    French,
    /// The English one.
    English,
}

impl WordList {
    const fn language(self) -> Language {
        match self {
            Self::French => Language::French,
            Self::English => Language::English,
        }
    }
}

/// How to set a person up.
#[derive(Debug, Default)]
pub struct CreateOptions {
    /// Seals the key file.
    pub passphrase: Option<Passphrase>,
    /// Which words to show.
    pub words: WordList,
    /// Multiaddr texts to listen on; none: this computer only, a port that is free now.
    pub listen: Vec<String>,
}

/// What a person types to open their key file. Zeroed on drop, never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes what was typed. Accents count the same however the keyboard makes them.
    #[must_use]
    pub fn new(typed: impl AsRef<str>) -> Self {
        let mut text = Cow::Borrowed(typed.as_ref());
        Mnemonic::normalize_utf8_cow(&mut text);
        Self(Zeroizing::new(text.into_owned()))
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A person who was just set up.
pub struct Founded {
    /// The twelve words, separated by spaces: shown once, kept nowhere.
    pub words: Zeroizing<String>,
    /// Who they are.
    pub person: PersonId,
    /// Where.
    pub home: HomeDir,
}

/// What the key file holds.
#[derive(Debug)]
pub struct Keys {
    /// The device's own secrets, for the core.
    pub secrets: Secrets,
    /// Under which the store's values are sealed.
    pub store: Key,
    /// Secret half of the transport key.
    pub transport: Key,
}

/// Sets a person up in an empty or missing folder: words, keys, store, port.
///
/// # Errors
/// See [`CreateError`]; nothing that counts as a home is left behind then.
pub fn create(path: impl Into<PathBuf>, options: CreateOptions) -> Result<Founded, CreateError> {
    begin(path, options)?.finish()
}

/// A person whose words are drawn, and whose folder is no home yet.
pub struct Begun {
    /// The twelve words, separated by spaces.
    pub words: Zeroizing<String>,
    founding: Founding,
    transport: Key,
    home: EmptyHome,
}

/// Draws a person's words and keys, and makes an empty or missing folder ready for them.
///
/// # Errors
/// See [`CreateError`].
pub fn begin(path: impl Into<PathBuf>, options: CreateOptions) -> Result<Begun, CreateError> {
    let mut rng = clock::os_rng();
    let home = EmptyHome::create(path, options.passphrase, options.listen)?;
    let (words, seed) = new_words(options.words, &mut rng);
    let (transport, id) = new_transport();
    let founding = maille_core::found(seed.as_slice(), id, &mut rng);
    Ok(Begun {
        words,
        founding,
        transport,
        home,
    })
}

impl Begun {
    /// Makes the folder a home.
    ///
    /// # Errors
    /// See [`CreateError`]; nothing that counts as a home is left behind then.
    pub fn finish(self) -> Result<Founded, CreateError> {
        let person = self.founding.secrets.person;
        let home = self.home.fill(self.founding, self.transport)?;
        Ok(Founded {
            words: self.words,
            person,
            home,
        })
    }
}

/// Draws a transport key: its secret half, and how others name it.
///
/// # Panics
/// Never: any 32 bytes are an Ed25519 seed.
#[must_use]
pub fn new_transport() -> (Key, TransportId) {
    let seed = Key::random(&mut clock::os_rng());
    let id = net::transport_id(seed.as_bytes()).expect("any 32 bytes are an Ed25519 seed");
    (seed, id)
}

/// A folder that is ready for a person, and holds none.
#[derive(Debug)]
pub struct EmptyHome {
    home: HomeDir,
    _lock: Lock,
    passphrase: Option<Passphrase>,
}

impl EmptyHome {
    /// Makes an empty or missing folder ready; without addresses to `listen` on, for this computer only.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub fn create(
        path: impl Into<PathBuf>,
        passphrase: Option<Passphrase>,
        listen: Vec<String>,
    ) -> Result<Self, CreateError> {
        let is_empty = |passphrase: &Passphrase| passphrase.0.is_empty();
        if passphrase.as_ref().is_some_and(is_empty) {
            return Err(CreateError::EmptyPassphrase);
        }
        let home = HomeDir::create(path)?;
        let lock = home.lock()?;
        let config = if listen.is_empty() {
            Config::on_loopback().map_err(CreateError::NoPort)?
        } else {
            Config::listening(listen)
        };
        home.set_config(&config)?;
        Ok(Self {
            home,
            _lock: lock,
            passphrase,
        })
    }

    /// Puts a device in.
    ///
    /// # Errors
    /// See [`CreateError`]; nothing that counts as a home is left behind then.
    pub fn fill(self, founding: Founding, transport: Key) -> Result<HomeDir, CreateError> {
        let mut filling = self.begin()?;
        filling.put(&founding.batch)?;
        filling.end(founding.secrets, transport)
    }

    /// Makes the store, to be filled batch by batch.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub fn begin(self) -> Result<Filling, CreateError> {
        let key = Key::random(&mut clock::os_rng());
        let store = Store::create(&self.home.store_path(), &key)?;
        Ok(Filling {
            empty: self,
            key,
            store,
        })
    }
}

/// A folder with a store, and no key file yet: it counts as no home.
#[derive(Debug)]
pub struct Filling {
    empty: EmptyHome,
    key: Key,
    store: Store,
}

impl Filling {
    /// Puts values in.
    ///
    /// # Errors
    /// What the disk says.
    pub fn put(&mut self, batch: &[Write]) -> Result<(), CommitError> {
        self.store.commit([batch])
    }

    /// Writes the key file, last: from here on it is a home.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub fn end(self, secrets: Secrets, transport: Key) -> Result<HomeDir, CreateError> {
        let Self { empty, key, store } = self;
        drop(store);
        let keys = Keys {
            secrets,
            store: key,
            transport,
        };
        write_whole(
            &empty.home.key_path(),
            &encode(&keys, empty.passphrase.as_ref(), OUR_WORK),
        )?;
        Ok(empty.home)
    }
}

/// The words at these places of a list of 2,048; for two devices to compare.
///
/// # Panics
/// Above 2,047.
#[must_use]
pub fn words_at(list: WordList, places: &[u16]) -> Vec<&'static str> {
    let words = list.language().word_list();
    places.iter().map(|at| words[usize::from(*at)]).collect()
}

/// Whether the key file is sealed with a passphrase.
///
/// # Errors
/// See [`KeyError`].
pub fn needs_passphrase(home: &HomeDir) -> Result<bool, KeyError> {
    Ok(read(home)?.seal.is_some())
}

/// Reads the secrets. With a passphrase this takes about a tenth of a second and 64 MiB.
///
/// A passphrase for a file that has none is not an error.
///
/// # Errors
/// See [`KeyError`].
pub fn open(home: &HomeDir, passphrase: Option<&Passphrase>) -> Result<Keys, KeyError> {
    let path = home.key_path();
    let file = read(home)?;
    let secrets = match &file.seal {
        None => checked(&file.body).ok_or(KeyError::Damaged { path: path.clone() })?,
        Some(seal) => {
            let Some(passphrase) = passphrase else {
                return Err(KeyError::NeedsPassphrase { path });
            };
            let opened = unlock(FIRST_LINE, seal, &file.body, passphrase);
            opened.map_err(|error| match error {
                UnlockError::Passphrase => KeyError::WrongPassphrase { path: path.clone() },
                UnlockError::Work {
                    memory_kib,
                    passes,
                    lanes,
                } => KeyError::UnreasonableWork {
                    path: path.clone(),
                    memory_kib,
                    passes,
                    lanes,
                },
            })?
        }
    };
    let stored: Stored =
        minicbor::decode(&secrets).map_err(|_| KeyError::Damaged { path: path.clone() })?;
    stored.keys().ok_or(KeyError::Damaged { path })
}

/// Reads twelve words, of either list, however they are spaced and in capitals or not; returns
/// the seed that they yield.
///
/// # Errors
/// See [`WordsError`].
pub fn words_to_seed(words: &str) -> Result<Zeroizing<[u8; 64]>, WordsError> {
    let lower = Zeroizing::new(words.to_lowercase());
    let typed: Vec<&str> = lower.split_whitespace().collect();
    if typed.len() != 12 {
        return Err(WordsError::Count(typed.len()));
    }
    let joined = Zeroizing::new(typed.join(" "));
    let tried = [Language::French, Language::English]
        .map(|language| Mnemonic::parse_in(language, joined.as_str()));
    let mut first_unknown = 0;
    for result in tried {
        match result {
            Ok(mnemonic) => return Ok(Zeroizing::new(mnemonic.to_seed(""))),
            Err(bip39::Error::UnknownWord(index)) => first_unknown = first_unknown.max(index + 1),
            Err(_) => return Err(WordsError::Checksum),
        }
    }
    Err(WordsError::Unknown(first_unknown))
}

fn new_words(list: WordList, rng: &mut impl Rng) -> (Zeroizing<String>, Zeroizing<[u8; 64]>) {
    let mut entropy = Zeroizing::new([0; 16]);
    rng.fill_bytes(entropy.as_mut_slice());
    let mnemonic = Mnemonic::from_entropy_in(list.language(), entropy.as_slice());
    let mnemonic = mnemonic.expect("16 bytes make twelve words");
    (
        Zeroizing::new(mnemonic.to_string()),
        Zeroizing::new(mnemonic.to_seed("")),
    )
}

/// The plain secrets.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Stored {
    #[n(0)]
    version: u32,
    #[n(1)]
    person: PersonId,
    #[n(2)]
    installation: InstallationId,
    #[n(3)]
    device: ByteArray<32>,
    #[n(4)]
    sealing: ByteArray<32>,
    #[n(5)]
    store: ByteArray<32>,
    #[n(6)]
    transport: ByteArray<32>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        for secret in [
            &mut self.device,
            &mut self.sealing,
            &mut self.store,
            &mut self.transport,
        ] {
            secret.as_mut_slice().zeroize();
        }
    }
}

impl Stored {
    fn new(keys: &Keys) -> Self {
        Self {
            version: VERSION,
            person: keys.secrets.person,
            installation: keys.secrets.installation,
            device: (*keys.secrets.device.as_bytes()).into(),
            sealing: (*keys.secrets.sealing.as_bytes()).into(),
            store: (*keys.store.as_bytes()).into(),
            transport: (*keys.transport.as_bytes()).into(),
        }
    }

    fn keys(&self) -> Option<Keys> {
        let key = |bytes: &ByteArray<32>| Key::from_bytes(**bytes);
        Some(Keys {
            secrets: Secrets {
                person: self.person,
                device: key(&self.device),
                sealing: key(&self.sealing),
                transport: net::transport_id(&self.transport)?,
                installation: self.installation,
            },
            store: key(&self.store),
            transport: key(&self.transport),
        })
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct KeyFile {
    #[n(0)]
    version: u32,
    #[n(1)]
    seal: Option<Seal>,
    #[n(2)]
    body: ByteVec,
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Seal {
    #[n(0)]
    memory_kib: u32,
    #[n(1)]
    passes: u32,
    #[n(2)]
    lanes: u32,
    #[n(3)]
    salt: ByteArray<16>,
    #[n(4)]
    nonce: ByteArray<24>,
}

impl Seal {
    fn work(&self) -> Work {
        Work {
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        }
    }
}

/// What Argon2id is to spend.
#[derive(Clone, Copy)]
struct Work {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Work {
    fn is_reasonable(self) -> bool {
        MEMORY_KIB.contains(&self.memory_kib)
            && PASSES.contains(&self.passes)
            && LANES.contains(&self.lanes)
    }
}

fn read(home: &HomeDir) -> Result<KeyFile, KeyError> {
    let path = home.key_path();
    let damaged = || KeyError::Damaged { path: path.clone() };
    if fs::metadata(&path).map_err(HomeError::io(&path))?.len() > FILE_BYTES_MAX {
        return Err(damaged());
    }
    let bytes = Zeroizing::new(fs::read(&path).map_err(HomeError::io(&path))?);
    let rest = bytes.strip_prefix(FIRST_LINE).ok_or_else(damaged)?;
    let mut decoder = minicbor::Decoder::new(rest);
    let found = decoder
        .array()
        .and_then(|_| decoder.u32())
        .map_err(|_| damaged())?;
    if found > VERSION {
        return Err(KeyError::Newer { path, found });
    }
    if found != VERSION {
        return Err(damaged());
    }
    let mut decoder = minicbor::Decoder::new(rest);
    let file = decoder.decode().map_err(|_| damaged())?;
    if decoder.position() != rest.len() {
        return Err(damaged());
    }
    Ok(file)
}

fn encode(keys: &Keys, passphrase: Option<&Passphrase>, work: Work) -> Zeroizing<Vec<u8>> {
    // Room for all of it, so that growing leaves no copies behind.
    let mut secrets = Zeroizing::new(Vec::with_capacity(512));
    minicbor::encode(Stored::new(keys), &mut *secrets).expect("memory takes what is written");
    let (seal, body) = match passphrase {
        None => {
            let checksum = blake3::hash(&secrets);
            secrets.extend_from_slice(checksum.as_bytes());
            (None, std::mem::take(&mut *secrets))
        }
        Some(passphrase) => {
            let (seal, sealed) = lock(FIRST_LINE, &secrets, passphrase, work);
            (Some(seal), sealed)
        }
    };
    let mut file = KeyFile {
        version: VERSION,
        seal,
        body: body.into(),
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    bytes.extend_from_slice(FIRST_LINE);
    minicbor::encode(&file, &mut *bytes).expect("memory takes what is written");
    file.body.as_mut_slice().zeroize();
    bytes
}

/// Seals a secret with a passphrase, in a file that begins with `first_line`.
fn lock(first_line: &[u8], secret: &[u8], passphrase: &Passphrase, work: Work) -> (Seal, Vec<u8>) {
    let mut rng = clock::os_rng();
    let (mut salt, mut nonce) = ([0; 16], [0; 24]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let seal = Seal {
        memory_kib: work.memory_kib,
        passes: work.passes,
        lanes: work.lanes,
        salt: salt.into(),
        nonce: nonce.into(),
    };
    let payload = Payload {
        msg: secret,
        aad: &associated(first_line, &seal),
    };
    let sealed = cipher(passphrase, &salt, work).encrypt(&XNonce::from(nonce), payload);
    (seal, sealed.expect("a few hundred bytes can be sealed"))
}

/// Seals a key with a passphrase, as key files do.
pub(crate) fn lock_key(first_line: &[u8], key: &Key, passphrase: &Passphrase) -> (Seal, Vec<u8>) {
    lock(first_line, key.as_bytes(), passphrase, OUR_WORK)
}

/// Why a passphrase did not open something.
pub(crate) enum UnlockError {
    /// It is another one, or the file was changed.
    Passphrase,
    /// The file asks for more work than any of ours, or for so little that it was tampered with.
    Work {
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    },
}

/// Opens what [`lock`] sealed.
pub(crate) fn unlock(
    first_line: &[u8],
    seal: &Seal,
    sealed: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, UnlockError> {
    let work = seal.work();
    if !work.is_reasonable() {
        return Err(UnlockError::Work {
            memory_kib: work.memory_kib,
            passes: work.passes,
            lanes: work.lanes,
        });
    }
    let payload = Payload {
        msg: sealed,
        aad: &associated(first_line, seal),
    };
    let cipher = cipher(passphrase, seal.salt.as_ref(), work);
    let opened = cipher.decrypt(&XNonce::from(*seal.nonce), payload);
    opened
        .map(Zeroizing::new)
        .map_err(|_| UnlockError::Passphrase)
}

/// What a seal covers besides: all that stands before it.
fn associated(first_line: &[u8], seal: &Seal) -> Vec<u8> {
    let mut bytes = first_line.to_vec();
    minicbor::encode((VERSION, seal), &mut bytes).expect("memory takes what is written");
    bytes
}

/// Returns the plain secrets if their checksum fits.
fn checked(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (secrets, checksum) = body.split_last_chunk::<32>()?;
    (blake3::hash(secrets) == *checksum).then(|| Zeroizing::new(secrets.to_vec()))
}

fn cipher(passphrase: &Passphrase, salt: &[u8], work: Work) -> XChaCha20Poly1305 {
    let params = Params::new(work.memory_kib, work.passes, work.lanes, Some(32));
    let params = params.expect("the bounds are within Argon2's");
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(passphrase.0.as_bytes(), salt, key.as_mut_slice())
        .expect("salt and output have lengths that Argon2 takes");
    XChaCha20Poly1305::new((&*key).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use maille_core::io::Store as _;

    fn created(options: CreateOptions) -> (tempfile::TempDir, Founded) {
        let folder = tempfile::tempdir().unwrap();
        let founded = create(folder.path().join("home"), options).unwrap();
        (folder, founded)
    }

    fn typed(text: &str) -> Passphrase {
        Passphrase::new(text)
    }

    fn sealed() -> (tempfile::TempDir, Founded) {
        created(CreateOptions {
            passphrase: Some(typed("été à la mer")),
            ..Default::default()
        })
    }

    #[test]
    fn a_home_that_was_set_up_opens_with_its_keys() {
        let (_folder, founded) = created(CreateOptions::default());
        assert!(!needs_passphrase(&founded.home).unwrap());
        let keys = open(&founded.home, None).unwrap();
        assert_eq!(keys.secrets.person, founded.person);
        let store = Store::open(&founded.home.store_path(), &keys.store).unwrap();
        assert!(
            !store.scan(b"").unwrap().is_empty(),
            "the first batch is there"
        );
        let listen = founded.home.config().unwrap().listen;
        assert_eq!(listen.len(), 2);
        assert!(matches!(
            create(founded.home.path(), CreateOptions::default()),
            Err(CreateError::Home(HomeError::AlreadyInitialised { .. }))
        ));
    }

    #[test]
    fn the_words_are_twelve_are_in_no_file_and_yield_their_seed() {
        for words in [WordList::French, WordList::English] {
            let (_folder, founded) = created(CreateOptions {
                words,
                ..Default::default()
            });
            assert_eq!(founded.words.split(' ').count(), 12);
            let seed = words_to_seed(&founded.words).unwrap();
            let shouted = founded.words.to_uppercase().replace(' ', "\n  ");
            assert_eq!(words_to_seed(&shouted).unwrap(), seed);
            for entry in fs::read_dir(founded.home.path()).unwrap() {
                let bytes = fs::read(entry.unwrap().path()).unwrap();
                let text = founded.words.as_bytes();
                assert!(!bytes.windows(text.len()).any(|window| window == text));
                assert!(!bytes.windows(64).any(|window| window == seed.as_slice()));
            }
        }
    }

    #[test]
    fn words_that_are_mistyped_are_refused_with_their_place() {
        let words = "abandon ".repeat(11) + "about";
        words_to_seed(&words).unwrap();
        assert_eq!(words_to_seed("abandon about"), Err(WordsError::Count(2)));
        assert_eq!(
            words_to_seed(&"abandon ".repeat(12)),
            Err(WordsError::Checksum)
        );
        let wrong = words.replacen("abandon abandon", "abandon abandun", 1);
        assert_eq!(words_to_seed(&wrong), Err(WordsError::Unknown(2)));
    }

    #[test]
    fn a_passphrase_is_asked_for_checked_and_the_same_from_any_keyboard() {
        let (_folder, Founded { home, .. }) = sealed();
        assert!(needs_passphrase(&home).unwrap());
        assert!(matches!(
            open(&home, None),
            Err(KeyError::NeedsPassphrase { .. })
        ));
        let wrong = open(&home, Some(&typed("hiver")));
        assert!(matches!(wrong, Err(KeyError::WrongPassphrase { .. })));
        let decomposed = typed("e\u{301}te\u{301} a\u{300} la mer");
        open(&home, Some(&decomposed)).unwrap();
        let empty = CreateOptions {
            passphrase: Some(typed("")),
            ..Default::default()
        };
        let other = tempfile::tempdir().unwrap();
        assert!(matches!(
            create(other.path(), empty),
            Err(CreateError::EmptyPassphrase)
        ));
    }

    #[test]
    fn any_byte_that_changes_is_noticed() {
        for (_folder, Founded { home, .. }) in [created(CreateOptions::default()), sealed()] {
            let passphrase = typed("été à la mer");
            let good = fs::read(home.key_path()).unwrap();
            let is_sealed = needs_passphrase(&home).unwrap();
            // Each sealed try costs Argon2's work: a few places are enough there.
            let step = if is_sealed { good.len() / 7 } else { 1 };
            for place in (0..good.len()).step_by(step) {
                let mut bad = good.clone();
                bad[place] ^= 1;
                fs::write(home.key_path(), &bad).unwrap();
                assert!(open(&home, Some(&passphrase)).is_err(), "byte {place}");
            }
            for cut in [0, 5, FIRST_LINE.len(), good.len() - 1] {
                fs::write(home.key_path(), &good[..cut]).unwrap();
                assert!(matches!(
                    open(&home, Some(&passphrase)),
                    Err(KeyError::Damaged { .. })
                ));
            }
            fs::write(home.key_path(), vec![0; 1 << 20]).unwrap();
            assert!(matches!(
                open(&home, Some(&passphrase)),
                Err(KeyError::Damaged { .. })
            ));
            fs::write(home.key_path(), &good).unwrap();
            open(&home, Some(&passphrase)).unwrap();
        }
    }

    #[test]
    fn a_file_that_asks_for_too_much_work_or_hardly_any_is_refused_unopened() {
        let (_folder, Founded { home, .. }) = sealed();
        let rewritten = |change: &dyn Fn(&mut Seal)| {
            let mut file = read(&home).unwrap();
            change(file.seal.as_mut().unwrap());
            let mut bytes = FIRST_LINE.to_vec();
            minicbor::encode(&file, &mut bytes).unwrap();
            fs::write(home.key_path(), bytes).unwrap();
            open(&home, Some(&typed("été à la mer")))
        };
        let hundred_gib = rewritten(&|seal| seal.memory_kib = 100 << 20);
        assert!(matches!(
            hundred_gib,
            Err(KeyError::UnreasonableWork { .. })
        ));
        let hardly_any = rewritten(&|seal| seal.memory_kib = 8);
        assert!(matches!(hardly_any, Err(KeyError::UnreasonableWork { .. })));
        let long = rewritten(&|seal| {
            seal.memory_kib = 64 << 10;
            seal.passes = u32::MAX;
        });
        assert!(matches!(long, Err(KeyError::UnreasonableWork { .. })));
        let weaker = rewritten(&|seal| {
            seal.memory_kib = *MEMORY_KIB.start();
            seal.passes = 1;
        });
        assert!(
            matches!(weaker, Err(KeyError::WrongPassphrase { .. })),
            "it is authenticated"
        );
    }

    #[test]
    fn a_newer_key_file_is_told_apart_from_a_damaged_one() {
        let (_folder, Founded { home, .. }) = created(CreateOptions::default());
        let mut bytes = FIRST_LINE.to_vec();
        minicbor::encode((2_u32, "something else"), &mut bytes).unwrap();
        fs::write(home.key_path(), bytes).unwrap();
        assert!(matches!(
            open(&home, None),
            Err(KeyError::Newer { found: 2, .. })
        ));
    }
}
