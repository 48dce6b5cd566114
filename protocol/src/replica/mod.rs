//! One slice as one device holds it: what was said, the keys, the entries, and what of them stands.
//!
//! Statements, generations, keys and entries come in any order and from anybody; each is checked,
//! kept, or refused with a reason. What stands follows from all that is held and from nothing else,
//! so two devices that hold the same show the same. Nothing that was taken in is ever lost by a cut:
//! it waits, and an extension brings it back.
//!
//! | what | kept when | stands when |
//! |---|---|---|
//! | statement | signed, consented, what it cites is here | [`evaluation`](crate::evaluation) |
//! | generation | signed by whoever ever spoke for the slice | untainted: see [`keys`](Replica::sealed_under) |
//! | key object | of a generation or ring that is known | it opens to what was committed to |
//! | entry | next in its log, or parts from it; signed by the log key | its author may write, no removal cuts it, its log does not fork before it |
//!
//! The slice is a circle's, whose members write by its ring key: rings of persons are not in here yet, a
//! circle's ring is boxed to the devices of its members. A slice of one writer needs none of this.
//!
//! **Invariants.** Nobody seals while a rotation is owed ([`Replica::write`]). What a removal keeps is
//! what its author's device held ([`Replica::held_of`]).

mod keys;
mod log;

pub use keys::{News, ROTATION_OBJECTS_MAX};
pub use log::{BRANCHES_MAX, Taken};

use std::collections::BTreeMap;

use crate::crypto::{Key, SealingSecret, SigningKey};
use crate::entry::{
    Author, Body, Entry, EntryError, LogId, LogKey, LogPlace, SealError, SealParams,
    UnverifiedEntry, seal,
};
use crate::evaluation::{InsertError, Speaker, Upto};
use crate::generation::choice::Owed;
use crate::generation::{ContentKey, GenerationError, SignedGeneration};
use crate::id::{CircleId, DeviceId, GenerationId, InstallationId, KeyId, MembershipId, PersonId};
use crate::principal::{Authority, Circle, Known};
use crate::ring::{KeyObject, KeyObjects, RingKey};
use crate::slice::{Access, Owner, PartNumber};
use crate::statement::{Kind, SayError, SignedStatement, Signer, StatementSet, Subject};
use crate::time::Timestamp;
use log::Log;

/// Most logs of one slice that are held: a thousand members with some devices each, over a year's
/// parts.
pub const LOGS_MAX: usize = 65_536;
/// Most generations of one slice that are held.
pub const GENERATIONS_MAX: usize = 65_536;

/// Who holds the replica: one installation of one device of a person.
#[derive(Clone, Debug)]
pub struct Me {
    /// Whose device it is.
    pub person: PersonId,
    /// Signs statements and generations, and binds logs.
    pub signing: SigningKey,
    /// From which log keys are derived.
    pub seed: Key,
    /// What is boxed to the device.
    pub sealing: SealingSecret,
    /// Which installation.
    pub installation: InstallationId,
}

/// Why something that came was not taken. Whoever made it is at fault, but for
/// [`InsertError::Missing`] and [`RefusedError::Unknown`]: it may come again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedError {
    /// It is about a person, a circle or a slice that is not known here.
    #[error("it is about something else")]
    Unknown,
    /// A statement does not fit.
    #[error("the statement does not fit")]
    Statement(#[from] InsertError),
    /// A generation does not hold.
    #[error("the generation does not hold")]
    Generation(#[from] GenerationError),
    /// An entry does not hold.
    #[error("the entry does not hold")]
    Entry(#[from] EntryError),
    /// More than this device keeps of one slice.
    #[error("more than is kept of one slice")]
    Full,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// This device may not write there.
    #[error("this device may not write there")]
    NotAllowed,
    /// Somebody was removed, and no key is there yet that they never had.
    #[error("a new key is owed")]
    Owed(#[from] Owed),
    /// The key to seal under is there, and this device was not given it yet.
    #[error("the current key has not arrived")]
    NoKey,
    /// This log was written by two: begin another installation.
    #[error("this device's log has forked")]
    Forked,
    /// It is too long.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// An entry that stands, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingEntry<'a> {
    /// Whose log it is in.
    pub author: Author,
    /// The entry.
    pub entry: &'a Entry,
    /// What it says; nothing if this device was not given its key.
    pub content: Option<&'a [u8]>,
}

/// A generation as it is held.
#[derive(Clone, Debug)]
struct HeldGeneration {
    signed: SignedGeneration,
    key: Option<ContentKey>,
}

/// A slice of a circle, held by one device.
#[derive(Clone, Debug)]
pub struct Replica {
    me: Me,
    known: Known,
    circle: CircleId,
    access: Access,
    /// By what key objects of the circle are found: the read key of its authority.
    tag_key: Key,
    /// The id of this device's sealing key.
    mine: KeyId,
    rings: BTreeMap<KeyId, RingKey>,
    objects: KeyObjects,
    generations: BTreeMap<GenerationId, HeldGeneration>,
    logs: BTreeMap<(PartNumber, LogId), Log>,
    /// What standing or waiting entries say, by header hash, as far as they could be opened.
    contents: BTreeMap<[u8; 32], Vec<u8>>,
    #[cfg(feature = "sim")]
    accepts_past_cuts: bool,
}

impl Replica {
    /// Begins with what is known of everybody, and with what was said about the slice.
    #[must_use]
    pub fn new(me: Me, known: Known, circle: CircleId, access: Access, tag_key: Key) -> Self {
        let mut replica = Self {
            mine: me.sealing.public().id(),
            me,
            known,
            circle,
            access,
            tag_key,
            rings: BTreeMap::new(),
            objects: KeyObjects::default(),
            generations: BTreeMap::new(),
            logs: BTreeMap::new(),
            contents: BTreeMap::new(),
            #[cfg(feature = "sim")]
            accepts_past_cuts: false,
        };
        replica.judge();
        replica
    }

    /// Returns who holds this.
    #[must_use]
    pub const fn me(&self) -> &Me {
        &self.me
    }

    /// Goes on as another installation: the store was restored from a copy. Its logs are new ones.
    pub fn reinstall(&mut self, installation: InstallationId) {
        self.me.installation = installation;
    }

    /// Returns the persons and circles that are known.
    #[must_use]
    pub const fn known(&self) -> &Known {
        &self.known
    }

    /// Returns the circle whose slice this is.
    ///
    /// # Panics
    /// Never: it was given at the beginning.
    #[must_use]
    pub fn circle(&self) -> &Circle {
        &self.known.circles[&self.circle]
    }

    /// Returns what was said about the slice.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Returns every statement held: of persons, of the circle, of the slice; of each subject in an
    /// order in which they can be taken in.
    pub fn statements(&self) -> impl Iterator<Item = &SignedStatement> {
        let people = self.known.people.values().map(Authority::statements);
        let circles = self.known.circles.values().map(Circle::statements);
        (people.chain(circles))
            .chain([self.access.statements()])
            .flat_map(StatementSet::iter)
    }

    /// Returns every generation held.
    pub fn generations(&self) -> impl Iterator<Item = &SignedGeneration> {
        self.generations.values().map(|held| &held.signed)
    }

    /// Returns every key object held.
    pub fn objects(&self) -> impl Iterator<Item = &KeyObject> {
        self.objects.iter()
    }

    /// Returns every entry held, standing or not; of each log in its order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.logs.values().flat_map(Log::entries)
    }

    /// Returns whether this device opened the key of a generation.
    #[must_use]
    pub fn opens(&self, generation: &GenerationId) -> bool {
        (self.generations.get(generation)).is_some_and(|held| held.key.is_some())
    }

    /// Takes in statements, each after what it cites, and judges all again: what was forgotten comes
    /// back only together with what cites it.
    ///
    /// # Errors
    /// [`RefusedError`] of the first that does not fit; the others were taken.
    pub fn take_statements(
        &mut self,
        said: impl IntoIterator<Item = SignedStatement>,
    ) -> Result<(), RefusedError> {
        let mut by_subject: BTreeMap<Subject, Vec<SignedStatement>> = BTreeMap::new();
        for said in said {
            let subject = said.statement().subject;
            by_subject.entry(subject).or_default().push(said);
        }
        let mut first = Ok(());
        // Persons come first, then circles, then slices: each is judged with those before.
        for (subject, said) in by_subject {
            let taken = match subject {
                Subject::Person(person) => match self.known.people.get_mut(&person) {
                    Some(held) => held.add_all(said).map_err(RefusedError::from),
                    None => Err(RefusedError::Unknown),
                },
                Subject::Circle(circle) => match self.known.circles.get_mut(&circle) {
                    Some(held) => (held.add(said, &self.known.people)).map_err(RefusedError::from),
                    None => Err(RefusedError::Unknown),
                },
                Subject::Slice(slice) if slice == self.access.id() => {
                    (self.access.add(said, &self.known)).map_err(RefusedError::from)
                }
                Subject::Slice(_) | Subject::Control(_) => Err(RefusedError::Unknown),
            };
            first = first.and(taken);
        }
        self.judge();
        first
    }

    /// Returns whether a statement is held.
    #[must_use]
    pub fn holds(&self, said: &SignedStatement) -> bool {
        let id = said.id();
        match said.statement().subject {
            Subject::Person(person) => (self.known.people.get(&person))
                .is_some_and(|of| of.statements().get(&id).is_some()),
            Subject::Circle(circle) => (self.known.circles.get(&circle))
                .is_some_and(|of| of.statements().get(&id).is_some()),
            Subject::Slice(_) | Subject::Control(_) => self.access.statements().get(&id).is_some(),
        }
    }

    /// Returns the keys that their principal has removed, and that nothing was said about here: what
    /// they wrote does not stand until a removal in this slice says how much of it is kept.
    #[must_use]
    pub fn uncut(&self) -> Vec<Speaker> {
        let outcome = self.access.statements().outcome();
        let authors = self.logs.values().filter_map(|log| log.author.as_ref());
        let mut speakers: Vec<Speaker> = (authors.map(speaker_of))
            .filter(|speaker| outcome.seniority(speaker).is_some())
            .filter(|speaker| !outcome.speaks(speaker) && !outcome.is_cut_here(speaker))
            .collect();
        speakers.sort_unstable();
        speakers.dedup();
        speakers
    }

    /// Judges circle and slice again, with all that is known of persons, and opens what can be.
    pub fn judge(&mut self) {
        for circle in self.known.circles.values_mut() {
            circle.judge(&self.known.people);
        }
        let circle = &self.known.circles[&self.circle];
        // The owner is the one that the slice began with.
        let _ = self.access.judge(Owner::Circle(circle), &self.known);
        self.open_keys();
    }

    /// Says something, citing all that is here.
    ///
    /// # Errors
    /// [`SayError`], [`SayError::Signer`] also if this device has no say in it.
    pub fn say(&mut self, subject: Subject, kind: Kind) -> Result<SignedStatement, SayError> {
        let membership = self.membership(&subject).ok_or(SayError::Signer)?;
        let signer = Signer {
            key: &self.me.signing,
            membership,
            installation: self.me.installation,
        };
        let said = match subject {
            Subject::Person(person) => {
                let held = self.known.people.get_mut(&person).ok_or(SayError::Signer)?;
                held.say(&signer, kind)?
            }
            Subject::Circle(circle) => {
                let held = self
                    .known
                    .circles
                    .get_mut(&circle)
                    .ok_or(SayError::Signer)?;
                held.say(&signer, kind, &self.known.people)?
            }
            Subject::Slice(_) | Subject::Control(_) => {
                self.access.say(&signer, kind, &self.known)?
            }
        };
        self.judge();
        Ok(said)
    }

    /// By which membership this device speaks about `subject`, the most senior if by several.
    fn membership(&self, subject: &Subject) -> Option<MembershipId> {
        let key = self.me.signing.public();
        match subject {
            Subject::Person(person) => {
                let device = DeviceId::from_bytes(key);
                let held = self.known.people.get(person)?.device(&device)?;
                Some(held.membership)
            }
            Subject::Circle(circle) => {
                let members = self.known.circles.get(circle)?.members();
                members.get(&self.me.person).map(|member| member.membership)
            }
            Subject::Slice(_) | Subject::Control(_) => {
                let speaks = |membership: MembershipId| {
                    let outcome = self.access.statements().outcome();
                    outcome.speaks(&Speaker { membership, key })
                };
                let owner = self.membership(&Subject::Circle(self.circle));
                let grants = self.access.grants().map(|(id, _)| id.into());
                owner.into_iter().chain(grants).find(|by| speaks(*by))
            }
        }
    }

    /// Takes in a generation, whoever carried it.
    ///
    /// # Errors
    /// [`RefusedError`].
    pub fn take_generation(&mut self, signed: SignedGeneration) -> Result<(), RefusedError> {
        let id = signed.id();
        if self.generations.contains_key(&id) {
            return Ok(());
        }
        if self.generations.len() >= GENERATIONS_MAX {
            return Err(RefusedError::Full);
        }
        let record = signed.verify_by(|speaker| self.ever_spoke(speaker))?;
        if record.slice != self.access.id() {
            return Err(RefusedError::Unknown);
        }
        self.generations
            .insert(id, HeldGeneration { signed, key: None });
        self.open_keys();
        Ok(())
    }

    /// Whether this key has, or had, a say in the slice.
    fn ever_spoke(&self, speaker: &Speaker) -> bool {
        self.access
            .statements()
            .outcome()
            .seniority(speaker)
            .is_some()
    }

    /// Takes in sealed keys, whoever carried them.
    pub fn take_objects(&mut self, objects: impl IntoIterator<Item = KeyObject>) {
        let mut any = false;
        for object in objects {
            any |= self.objects.insert(object);
        }
        if any {
            self.open_keys();
        }
    }

    /// Takes in one entry.
    ///
    /// # Errors
    /// [`RefusedError`].
    pub fn take_entry(&mut self, entry: UnverifiedEntry) -> Result<Taken, RefusedError> {
        let claimed = entry.claimed();
        if claimed.slice != self.access.id() {
            return Err(RefusedError::Unknown);
        }
        let at = (claimed.part, claimed.log);
        if !self.logs.contains_key(&at) && self.logs.len() >= LOGS_MAX {
            return Err(RefusedError::Full);
        }
        let log = self.logs.entry(at).or_default();
        let taken = log.take(entry);
        if log.first().is_none() {
            self.logs.remove(&at);
        }
        if matches!(taken, Ok(Taken::New)) {
            self.open_log(at);
        }
        Ok(taken?)
    }

    /// Returns the entries that stand, log by log.
    pub fn standing(&self) -> impl Iterator<Item = StandingEntry<'_>> {
        self.logs.iter().flat_map(|((part, id), log)| {
            let stands = log.author.map_or(&[][..], |author| {
                let speaker = speaker_of(&author);
                if self.access.may_write(&speaker, *part) {
                    log.standing(*id, &self.cut(&speaker, id))
                } else {
                    &[]
                }
            });
            stands
                .iter()
                .zip(log.author.iter().cycle())
                .map(|(entry, author)| StandingEntry {
                    author: *author,
                    entry,
                    content: (self.contents.get(&entry.header_hash())).map(Vec::as_slice),
                })
        })
    }

    fn cut(&self, speaker: &Speaker, log: &LogId) -> Vec<Vec<LogPlace>> {
        #[cfg(feature = "sim")]
        if self.accepts_past_cuts {
            return Vec::new();
        }
        self.access.statements().outcome().log_limits(speaker, log)
    }

    /// Plants a bug for the simulator to find: from now on, entries past a cut stand.
    #[cfg(feature = "sim")]
    pub const fn plant_accept_past_cuts(&mut self) {
        self.accepts_past_cuts = true;
    }

    /// Returns the log that this device writes in a part, if it may write there.
    #[must_use]
    pub fn own_log(&self, part: PartNumber) -> Option<LogId> {
        let slice = self.access.id();
        let membership = self.membership(&Subject::Slice(slice))?;
        let installation = self.me.installation;
        Some(LogKey::derive(&self.me.seed, membership, installation, slice, part).id())
    }

    /// Returns what this device holds of one key of somebody.
    #[must_use]
    pub fn held_of_key(&self, speaker: &Speaker, subject: &Subject) -> Upto {
        let of_key = |author: &Author| speaker_of(author) == *speaker;
        let mut upto = self.held_of(&speaker.membership, subject);
        let theirs = |log: &LogId| {
            let held = self.logs.iter().find(|((_, id), _)| id == log);
            held.and_then(|(_, log)| log.author.as_ref())
                .is_some_and(of_key)
        };
        upto.logs.retain(|place| theirs(&place.log));
        upto
    }

    /// Returns what this device holds of somebody: what a removal of them keeps, if nothing is doubted.
    #[must_use]
    pub fn held_of(&self, membership: &MembershipId, subject: &Subject) -> Upto {
        let by = |author: &Author| author.membership == *membership;
        let theirs = self
            .logs
            .values()
            .filter(|log| log.author.as_ref().is_some_and(by));
        let mut logs: Vec<_> = theirs.flat_map(Log::places).collect();
        let history = match subject {
            Subject::Person(person) => self
                .known
                .people
                .get(person)
                .map(|of| of.statements().history()),
            Subject::Circle(circle) => self
                .known
                .circles
                .get(circle)
                .map(|of| of.statements().history()),
            Subject::Slice(_) | Subject::Control(_) => Some(self.access.statements().history()),
        };
        let mut statements = history.map_or_else(Vec::new, |history| history.tips_of(membership));
        logs.sort_unstable();
        statements.sort_unstable();
        logs.truncate(crate::evaluation::LOGS_MAX);
        statements.truncate(crate::evaluation::TIPS_MAX);
        Upto { statements, logs }
    }

    /// Seals `content` as the next entry of this device's log.
    ///
    /// # Errors
    /// [`WriteError`]; while a rotation is owed nothing is sealed.
    pub fn write(
        &mut self,
        part: PartNumber,
        content: Vec<u8>,
        now: Timestamp,
    ) -> Result<Entry, WriteError> {
        let slice = Subject::Slice(self.access.id());
        let membership = self.membership(&slice).ok_or(WriteError::NotAllowed)?;
        let speaker = Speaker {
            membership,
            key: self.me.signing.public(),
        };
        if !self.access.may_write(&speaker, part) {
            return Err(WriteError::NotAllowed);
        }
        let generation = self.sealed_under(part)?;
        let held = self
            .generations
            .get(&generation)
            .and_then(|held| held.key.clone());
        let key = held.ok_or(WriteError::NoKey)?;
        let (slice, installation) = (self.access.id(), self.me.installation);
        let log_key = LogKey::derive(&self.me.seed, membership, installation, slice, part);
        let at = (part, log_key.id());
        let log = self.logs.entry(at).or_default();
        let tip = log.tip().ok_or(WriteError::Forked)?;
        let binding = (tip.next_seq == 0).then(|| log_key.bind(&self.me.signing));
        let (entry, _) = seal(SealParams {
            slice,
            part,
            generation,
            key: &key,
            log: &log_key,
            tip: &tip,
            now,
            body: &Body::new(binding, content),
        })?;
        log.push(entry.clone());
        self.open_log(at);
        Ok(entry)
    }

    /// Opens what can be opened of a log, and sees whose it is.
    fn open_log(&mut self, at: (PartNumber, LogId)) {
        let Some(log) = self.logs.get_mut(&at) else {
            return;
        };
        let mut opened = Vec::new();
        for entry in log.entries() {
            let hash = entry.header_hash();
            if self.contents.contains_key(&hash) {
                continue;
            }
            let held = self.generations.get(&entry.generation());
            let Some(key) = held.and_then(|held| held.key.as_ref()) else {
                continue;
            };
            // What does not open says nothing, and its place in the log stays taken.
            if let Ok(body) = entry.open(key) {
                opened.push((hash, entry.seq(), body));
            }
        }
        for (hash, seq, body) in opened {
            if seq == 0 && log.author.is_none() {
                log.author = body.author();
            }
            self.contents.insert(hash, body.content);
        }
    }
}

fn speaker_of(author: &Author) -> Speaker {
    Speaker {
        membership: author.membership,
        key: *author.device.as_bytes(),
    }
}

#[cfg(test)]
mod tests;
