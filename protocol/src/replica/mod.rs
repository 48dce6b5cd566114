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
//! | generation | signed | made by who speaks, and untainted: see [`keys`](Replica::sealed_under) |
//! | key object | of a generation or ring that is known | it opens to what was committed to |
//! | entry | next in its log, or parts from it; signed by the log key | its author may write, no removal cuts it, its log does not fork before it |
//!
//! The slice is a circle's, whose members write by its ring key: rings of persons are not in here yet, a
//! circle's ring is boxed to the devices of its members. A slice of one writer needs none of this.
//!
//! **Invariants.** Nobody seals while a rotation is owed ([`Replica::write`]). What a removal keeps is
//! what its author's device held ([`Replica::held_of`]).

mod keys;
mod levels;
mod log;

pub use keys::{News, NoKeyError, ROTATION_OBJECTS_MAX};
pub use log::{BRANCHES_MAX, Taken};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::crypto::{Key, SealingSecret, SigningKey};
use crate::defence::{self, Defence};
use crate::entry::{
    Author, Body, Entry, EntryError, LogId, LogKey, LogPlace, SealError, SealParams,
    UnverifiedEntry, seal,
};
use crate::evaluation::{InsertError, Outcome, Speaker, Upto, Who};
use crate::generation::{ContentKey, GenerationError, SignedGeneration};
use crate::id::{CircleId, DeviceId, GenerationId, InstallationId, KeyId, MembershipId, PersonId};
use crate::principal::{Authority, Circle, Known};
use crate::ring::{KeyObject, KeyObjects, OBJECTS_MAX, RingKey};
use crate::slice::{Access, Owner, PartNumber};
use crate::statement::{Kind, SayError, SignedStatement, Signer, StatementSet, Subject};
use crate::time::Timestamp;
use levels::Levels;
use log::Log;

/// Most logs of one slice that are held: a thousand members with some devices each, over a year's
/// parts.
pub const LOGS_MAX: usize = 65_536;
/// Most of them that one key has by one membership, and that all have together who are not known to have any
/// say: one whose key is not here yet, or a stranger.
pub const LOGS_EACH_MAX: usize = 1024;
/// Most generations of one slice that are held. Who has no say any more makes none beyond half of it.
pub const GENERATIONS_MAX: usize = 65_536;
/// Most generations that one key makes by one membership, and that all make together who have no say.
pub const GENERATIONS_EACH_MAX: usize = 4096;

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
    /// There is no key to seal under.
    #[error(transparent)]
    NoKey(#[from] NoKeyError),
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

/// An entry that is held, whether or not it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenEntry<'a> {
    /// Whose log it is in.
    pub author: Author,
    /// The entry.
    pub entry: &'a Entry,
    /// What it says; nothing if this device was not given its key.
    pub content: Option<&'a [u8]>,
    /// Whether no removal that is here cuts it, and its log does not fork before it. Unlike an entry that stands, what
    /// a removed key wrote holds until it is said what stays of it.
    pub holds: bool,
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
    /// Every ring key that was ever announced here.
    ring_ids: BTreeSet<KeyId>,
    rings: BTreeMap<KeyId, RingKey>,
    objects: KeyObjects,
    generations: BTreeMap<GenerationId, HeldGeneration>,
    /// What follows for the keys, worked out when it is asked for.
    levels: OnceLock<Levels>,
    logs: BTreeMap<(PartNumber, LogId), Log>,
    /// What entries say that have a key here, by header hash; nothing of one that its key does not open.
    contents: BTreeMap<[u8; 32], Option<Vec<u8>>>,
    /// Who bound a log to themselves, by the header hash of its first entry.
    authors: BTreeMap<[u8; 32], Author>,
    /// Rises with every entry that comes.
    next_order: u64,
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
            ring_ids: BTreeSet::new(),
            rings: BTreeMap::new(),
            objects: KeyObjects::default(),
            generations: BTreeMap::new(),
            levels: OnceLock::new(),
            logs: BTreeMap::new(),
            contents: BTreeMap::new(),
            authors: BTreeMap::new(),
            next_order: 0,
            #[cfg(feature = "sim")]
            accepts_past_cuts: false,
        };
        replica.ring_ids = (replica.circle().statements().iter())
            .filter_map(ring_id)
            .collect();
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

    /// Returns the generations whose key this device has opened, with it.
    pub fn held_keys(&self) -> impl Iterator<Item = (GenerationId, &ContentKey)> {
        (self.generations.iter()).filter_map(|(id, held)| Some((*id, held.key.as_ref()?)))
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
        if by_subject.is_empty() {
            return Ok(());
        }
        let mut first = Ok(());
        let mut taken = |result: Result<(), RefusedError>| {
            if first.is_ok() {
                first = result;
            }
        };
        // Persons come first, then circles, then the slice: each is judged again if one before changed.
        let mut changed = false;
        for (person, held) in &mut self.known.people {
            if let Some(said) = by_subject.remove(&Subject::Person(*person)) {
                taken(held.add_all(said).map_err(RefusedError::from));
                changed = true;
            }
        }
        let people = &self.known.people;
        let persons_changed = changed;
        for (circle, held) in &mut self.known.circles {
            if let Some(said) = by_subject.remove(&Subject::Circle(*circle)) {
                self.ring_ids.extend(said.iter().filter_map(ring_id));
                taken(held.add(said, people).map_err(RefusedError::from));
                changed = true;
            } else if persons_changed {
                held.judge(people);
            }
        }
        if changed {
            // The owner is the one that the slice began with.
            let owner = Owner::Circle(&self.known.circles[&self.circle]);
            let _ = self.access.judge(owner, &self.known);
        }
        if let Some(said) = by_subject.remove(&Subject::Slice(self.access.id())) {
            taken((self.access.add(said, &self.known)).map_err(RefusedError::from));
        }
        if !by_subject.is_empty() {
            taken(Err(RefusedError::Unknown));
        }
        self.judged();
        first
    }

    /// Takes in a person's authority, or what it says in addition to what is held; returns whether that
    /// was anything.
    pub fn meet(&mut self, person: Authority) -> bool {
        let changed = match self.known.people.get_mut(&person.person()) {
            Some(held) => held.merge(&person),
            None => {
                self.known.people.insert(person.person(), person);
                true
            }
        };
        if changed {
            self.judge();
        }
        changed
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
        let mut speakers: Vec<Speaker> = (self.authors.values().map(Author::speaker))
            .filter(|speaker| outcome.seniority(speaker).is_some())
            .filter(|speaker| !outcome.speaks(speaker) && !outcome.is_cut_here(speaker))
            .collect();
        speakers.sort_unstable();
        speakers.dedup();
        speakers
    }

    /// Returns the keys that spoke in the circle and speak no more, and that no removal there is about: of those who left,
    /// and those that their principal has removed. What these said of the circle does not stand until a removal says how
    /// much of it is kept, and nobody is a member any more whom they admitted.
    #[must_use]
    pub fn uncut_in_circle(&self) -> Vec<Speaker> {
        let set = self.circle().statements();
        let outcome = set.outcome();
        let mut speakers: Vec<Speaker> = (set.iter())
            .map(|said| Speaker {
                membership: said.statement().membership,
                key: said.statement().key,
            })
            .filter(|speaker| outcome.seniority(speaker).is_some())
            .filter(|speaker| !outcome.speaks(speaker) && !outcome.is_cut_here(speaker))
            .collect();
        speakers.sort_unstable();
        speakers.dedup();
        speakers
    }

    /// Returns whose key this is, of those who speak, or spoke, by this membership.
    #[must_use]
    pub fn person_of(&self, speaker: &Speaker) -> Option<PersonId> {
        match self.access.statements().outcome().whose(speaker)? {
            Who::Person(person) => Some(person),
            Who::Key(_) | Who::Circle(_) | Who::Service(_) => None,
        }
    }

    /// Returns who bound a log to themselves, as far as its first entry was opened.
    #[must_use]
    pub fn writer_of(&self, part: PartNumber, log: LogId) -> Option<Speaker> {
        let log = self.logs.get(&(part, log))?;
        self.authors_of(log).next().map(Author::speaker)
    }

    /// Judges circle and slice again, with all that is known of persons, and opens what can be.
    pub fn judge(&mut self) {
        for circle in self.known.circles.values_mut() {
            circle.judge(&self.known.people);
        }
        let circle = &self.known.circles[&self.circle];
        // The owner is the one that the slice began with.
        let _ = self.access.judge(Owner::Circle(circle), &self.known);
        self.judged();
    }

    /// All that follows for keys and entries from what was judged.
    fn judged(&mut self) {
        self.levels = OnceLock::new();
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

    /// Takes in a generation, whoever carried it, and whether or not its maker has a say: entries may stand
    /// that were sealed under it while that was not known. Nothing is sealed under it here.
    ///
    /// # Errors
    /// [`RefusedError`].
    pub fn take_generation(&mut self, signed: SignedGeneration) -> Result<(), RefusedError> {
        let id = signed.id();
        if self.generations.contains_key(&id) {
            return Ok(());
        }
        let record = signed.verify_by(|_| true)?;
        if record.slice != self.access.id() {
            return Err(RefusedError::Unknown);
        }
        let maker = self.maker_of(&signed);
        let outcome = self.access.statements().outcome();
        let most = match maker {
            Some(maker) if outcome.speaks(&maker) => GENERATIONS_MAX,
            _ => GENERATIONS_MAX / 2,
        };
        let mut theirs = self.generations_of(maker.as_ref());
        if maker.is_none() && theirs >= GENERATIONS_EACH_MAX {
            self.forget_generations_of_nobody();
            theirs = self.generations_of(None);
        }
        if self.generations.len() >= most || theirs >= GENERATIONS_EACH_MAX {
            return Err(RefusedError::Full);
        }
        self.generations
            .insert(id, HeldGeneration { signed, key: None });
        self.levels = OnceLock::new();
        self.open_generation(id);
        Ok(())
    }

    /// Who made a generation, if they have or had a say.
    fn maker_of(&self, signed: &SignedGeneration) -> Option<Speaker> {
        let maker = signed.unverified_head().speaker();
        self.ever_spoke(&maker).then_some(maker)
    }

    fn generations_of(&self, maker: Option<&Speaker>) -> usize {
        let all = self.generations.values();
        all.filter(|held| self.maker_of(&held.signed).as_ref() == maker)
            .count()
    }

    /// Drops the generations that nobody with a say made and under which no entry here is sealed.
    fn forget_generations_of_nobody(&mut self) {
        let entries = self.logs.values().flat_map(Log::entries);
        let used: BTreeSet<GenerationId> = entries.map(Entry::generation).collect();
        let mut kept = std::mem::take(&mut self.generations);
        kept.retain(|id, held| used.contains(id) || self.maker_of(&held.signed).is_some());
        self.generations = kept;
        self.levels = OnceLock::new();
    }

    /// Whether this key has, or had, a say in the slice.
    fn ever_spoke(&self, speaker: &Speaker) -> bool {
        self.access.statements().outcome().ever_spoke(speaker)
    }

    /// Returns whether a key of this id was announced here: of a ring, or of a part.
    #[must_use]
    pub fn knows_key(&self, id: &[u8; 32]) -> bool {
        self.ring_ids.contains(&KeyId::from_bytes(*id))
            || self
                .generations
                .contains_key(&GenerationId::from_bytes(*id))
    }

    /// Takes in sealed keys, whoever carried them; returns whether any was not here.
    pub fn take_objects(&mut self, objects: impl IntoIterator<Item = KeyObject>) -> bool {
        let mut any = false;
        for object in objects {
            if self.objects.len() >= OBJECTS_MAX {
                self.forget_objects_of_nobody();
            }
            any |= self.objects.insert(object);
        }
        if any {
            self.open_keys();
        }
        any
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
        let is_new = !self.logs.contains_key(&at);
        if is_new && self.logs.len() >= LOGS_MAX {
            return Err(RefusedError::Full);
        }
        let order = self.next_order();
        let mut log = (self.logs.remove(&at)).unwrap_or_else(|| Log::begun(order));
        let named = if log.is_crowded() {
            self.cut(&log, &at.1).into_iter().flatten().collect()
        } else {
            Vec::new()
        };
        let change = log.take(entry, named);
        if !log.is_empty() {
            self.logs.insert(at, log);
        }
        let change = change?;
        self.forget_contents(&change.gave_way);
        if let Some(hash) = change.new {
            self.open_entry(at, &hash);
        }
        if is_new && !self.has_room_for(&at) {
            let log = self.logs.remove(&at);
            self.forget_contents(log.iter().flat_map(Log::entries));
            return Err(RefusedError::Full);
        }
        Ok(change.taken)
    }

    /// Later than that of every log here.
    const fn next_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    fn forget_contents<'a>(&mut self, of: impl IntoIterator<Item = &'a Entry>) {
        for entry in of {
            self.contents.remove(&entry.header_hash());
            self.authors.remove(&entry.header_hash());
        }
    }

    /// Whether its writer may have one log more.
    fn has_room_for(&self, new: &(PartNumber, LogId)) -> bool {
        let whose = |log: &Log| {
            let speaker = self.authors_of(log).next().map(Author::speaker);
            speaker.filter(|speaker| self.ever_spoke(speaker))
        };
        let Some(log) = self.logs.get(new) else {
            return true;
        };
        let writer = whose(log);
        let theirs = self.logs.values().filter(|log| whose(log) == writer);
        theirs.count() <= LOGS_EACH_MAX
    }

    /// Who bound a log to themselves: one, but where its first place is forked.
    fn authors_of<'a>(&'a self, log: &'a Log) -> impl Iterator<Item = &'a Author> {
        log.firsts()
            .filter_map(|first| self.authors.get(&first.header_hash()))
    }

    /// Returns the entries that stand, log by log.
    pub fn standing(&self) -> impl Iterator<Item = StandingEntry<'_>> {
        self.logs.iter().flat_map(|((part, id), log)| {
            let stands = log.standing(*id, &self.cut(log, id));
            let author = (stands.first())
                .and_then(|first| self.authors.get(&first.header_hash()))
                .filter(|author| {
                    self.access.may_write(&author.speaker(), *part)
                        || defence::is_off(Defence::WritersOnly)
                });
            let stands = if author.is_some() { stands } else { &[] };
            stands
                .iter()
                .zip(author.into_iter().cycle())
                .map(|(entry, author)| StandingEntry {
                    author: *author,
                    entry,
                    content: (self.contents.get(&entry.header_hash())).and_then(Option::as_deref),
                })
        })
    }

    /// Returns every entry held whose author is known, whether or not it stands, log by log and branch by branch from
    /// entry 0 on: what branches share comes with each of them. What a removal cuts is among them, and all branches
    /// of a log that forks: of an entry that something names by its hash this says what it is.
    pub fn written(&self) -> impl Iterator<Item = WrittenEntry<'_>> {
        self.logs.iter().flat_map(move |((part, id), log)| {
            let held = log.standing(*id, &self.limits(log, id, Outcome::limits_said));
            log.by_first().filter_map(move |(first, entry)| {
                let author = *self.authors.get(&first.header_hash())?;
                let holds = |at: usize| {
                    let same = |held: &Entry| held.header_hash() == entry.header_hash();
                    held.get(at).is_some_and(same)
                        && self.access.may_write(&author.speaker(), *part)
                };
                Some(WrittenEntry {
                    author,
                    entry,
                    content: (self.contents.get(&entry.header_hash())).and_then(Option::as_deref),
                    holds: usize::try_from(entry.seq()).is_ok_and(holds),
                })
            })
        })
    }

    /// What removals keep of a log, of whoever bound it to themselves: they have its key.
    fn cut(&self, log: &Log, id: &LogId) -> Vec<Vec<LogPlace>> {
        #[cfg(feature = "sim")]
        if self.accepts_past_cuts || defence::is_off(Defence::CutsHold) {
            return Vec::new();
        }
        self.limits(log, id, Outcome::log_limits)
    }

    fn limits(
        &self,
        log: &Log,
        id: &LogId,
        of: impl Fn(&Outcome, &Speaker, &LogId) -> Vec<Vec<LogPlace>>,
    ) -> Vec<Vec<LogPlace>> {
        let speakers = self.authors_of(log).map(Author::speaker);
        let known = speakers.filter(|speaker| self.ever_spoke(speaker));
        (known.flat_map(|speaker| of(self.access.statements().outcome(), &speaker, id))).collect()
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
        self.held_by(&speaker.membership, Some(speaker.key), subject)
    }

    /// Returns what this device holds of somebody: what a removal of them keeps, if nothing is doubted. Of
    /// more logs than a removal can name, those that came first.
    #[must_use]
    pub fn held_of(&self, membership: &MembershipId, subject: &Subject) -> Upto {
        self.held_by(membership, None, subject)
    }

    fn held_by(&self, membership: &MembershipId, key: Option<[u8; 32]>, subject: &Subject) -> Upto {
        let theirs = |first: &Entry| {
            let author = self.authors.get(&first.header_hash());
            author.is_some_and(|author| {
                let by = author.speaker();
                by.membership == *membership && key.is_none_or(|key| by.key == key)
            })
        };
        let mut by_order: Vec<&Log> = self.logs.values().collect();
        by_order.sort_unstable_by_key(|log| log.order);
        let mut logs: Vec<_> = (by_order.into_iter())
            .flat_map(|log| log.places(theirs))
            .take(crate::evaluation::LOGS_MAX)
            .collect();
        let history = match subject {
            Subject::Person(person) => {
                (self.known.people.get(person)).map(|of| of.statements().history())
            }
            Subject::Circle(circle) => {
                (self.known.circles.get(circle)).map(|of| of.statements().history())
            }
            Subject::Slice(_) | Subject::Control(_) => Some(self.access.statements().history()),
        };
        let mut statements = history.map_or_else(Vec::new, |history| history.tips_of(membership));
        logs.sort_unstable();
        statements.sort_unstable();
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
        let held = self.generations.get(&generation);
        let key = held.and_then(|held| held.key.clone());
        let key = key.ok_or(NoKeyError::NotGiven)?;
        let (slice, installation) = (self.access.id(), self.me.installation);
        let log_key = LogKey::derive(&self.me.seed, membership, installation, slice, part);
        let at = (part, log_key.id());
        let order = self.next_order();
        let log = (self.logs.entry(at)).or_insert_with(|| Log::begun(order));
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
        self.open_entry(at, &entry.header_hash());
        Ok(entry)
    }

    /// Opens what can be opened of a log, and sees whose it is.
    fn open_log(&mut self, at: (PartNumber, LogId)) {
        let Some(log) = self.logs.get(&at) else {
            return;
        };
        let new: Vec<_> = (log.entries().map(Entry::header_hash))
            .filter(|hash| !self.contents.contains_key(hash))
            .collect();
        for hash in new {
            self.open_entry(at, &hash);
        }
    }

    /// The same of one entry. One that its key does not open says nothing, and its place stays taken.
    fn open_entry(&mut self, at: (PartNumber, LogId), hash: &[u8; 32]) {
        let Some(entry) = self.logs.get(&at).and_then(|log| log.entry(hash)) else {
            return;
        };
        let held = self.generations.get(&entry.generation());
        let Some(key) = held.and_then(|held| held.key.as_ref()) else {
            return;
        };
        let body = entry.open(key).ok();
        let first = body.as_ref().filter(|_| entry.seq() == 0);
        if let Some(author) = first.and_then(Body::author) {
            self.authors.insert(*hash, author);
        }
        let content = body.map(|body| body.content);
        self.contents.insert(*hash, content);
    }
}

/// The ring key that a statement announces, if it does.
fn ring_id(said: &SignedStatement) -> Option<KeyId> {
    let is_ring = matches!(said.statement().kind, Kind::Ring { .. });
    is_ring.then(|| keys::key_of(&said.id()))
}

#[cfg(test)]
pub(crate) mod tests;
