//! Polls of circles: asked, voted in, closed, and read from the entries: see [`crate::poll`].

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::entry::{Author, LogId};
use maille_protocol::evaluation::{Role, Standing, Who};
use maille_protocol::id::{CircleId, PersonId};
use maille_protocol::principal::Authority;
use maille_protocol::time::{DAY_MS, Timestamp};
use rand_core::CryptoRng;

use super::super::{Home, check_end, check_text_of};
use super::{Circle, CircleContent, Edit, PART, PollEdit};
use crate::command::{
    BallotFate, BallotShown, ClosedShown, CommandError, Done, Elector, PollOutcome, PollShown,
    PollTally, PollWish, Quorum,
};
use crate::io::Store;
use crate::layout;
use crate::poll::{
    BALLOTS_EACH_MAX, Ballot, CHOICE_BYTES_MAX, CHOICES_MAX, CHOICES_MIN, Cast, Close, Closed,
    Closing, Counted, Electorate, EntryHash, POLLS_EACH_MAX, PollSaid, Proposal,
    QUESTION_BYTES_MAX, VOTERS_MAX, count, last_of_each,
};

/// Days ahead that a deadline may lie.
const UNTIL_DAYS_MAX: u32 = 366;

/// Days after which somebody else may close once more a poll of which a named ballot has not arrived.
const CLOSE_AGAIN_DAYS: u64 = 7;

/// Fewest characters by which a poll's id is known.
const ID_CHARS_MIN: usize = 4;

/// What entries say of polls, by their hashes: each is unpacked once, and says the same for ever.
pub(super) type Unpacked = BTreeMap<EntryHash, Option<Box<PollSaid>>>;

/// A poll as the entries have it.
pub(super) struct Poll {
    id: EntryHash,
    proposal: Proposal,
    electorate: Electorate,
    counted: Counted,
}

/// A proposal as it is held.
struct Asked<'a> {
    proposal: &'a Proposal,
    log: LogId,
    holds: bool,
}

/// What the entries of a circle say of polls.
#[derive(Default)]
struct Said<'a> {
    proposals: BTreeMap<EntryHash, Asked<'a>>,
    casts: BTreeMap<EntryHash, Vec<Cast>>,
    closings: BTreeMap<EntryHash, Vec<Closing<'a>>>,
    /// Every entry that was opened here, but for those about polls of which it is not known that they are of whom
    /// they say.
    here: BTreeSet<EntryHash>,
}

impl Poll {
    fn question(&self) -> String {
        shown(&self.proposal.question)
    }

    fn choices(&self) -> Vec<String> {
        self.proposal.choices.iter().map(|it| shown(it)).collect()
    }

    const fn tally(&self) -> &PollTally {
        &self.counted.tally
    }

    /// The ballots of a person.
    fn ballots_of(&self, person: PersonId) -> impl Iterator<Item = &(Cast, BallotFate)> {
        let judged = self.counted.judged.values();
        judged.filter(move |(cast, _)| cast.ballot.by == person)
    }

    /// The choice of a person that counts.
    fn choice_of(&self, person: PersonId) -> Option<u32> {
        let mut theirs = self.ballots_of(person);
        let counted = theirs.find(|(_, fate)| *fate == BallotFate::Counted);
        counted.map(|(cast, _)| cast.ballot.choice)
    }

    /// The last ballot of each that could count and holds: what a close names.
    fn ballots_to_name(&self) -> Vec<EntryHash> {
        let casts = self.counted.judged.values().map(|(cast, _)| cast);
        let holding = casts.filter(|cast| cast.holds);
        let last = last_of_each(&self.proposal, &self.electorate, holding);
        let mut named: Vec<EntryHash> = last.into_values().map(|(_, id)| id).collect();
        named.sort_unstable();
        named.truncate(VOTERS_MAX);
        named
    }

    fn check_known(&self) -> Result<(), CommandError> {
        if self.electorate.unknown == 0 {
            return Ok(());
        }
        Err(CommandError::PollArriving {
            question: self.question(),
        })
    }

    fn check_open(&self) -> Result<(), CommandError> {
        if matches!(
            self.tally().outcome,
            PollOutcome::Open | PollOutcome::Undone
        ) {
            return Ok(());
        }
        Err(CommandError::PollClosed {
            question: self.question(),
        })
    }

    /// Whether a person may have voted in it at `at`.
    fn check_voter(&self, person: PersonId, at: Timestamp) -> Result<(), CommandError> {
        self.check_known()?;
        let question = self.question();
        if !self.electorate.persons.contains(&person) {
            return Err(CommandError::NotInElectorate { question });
        }
        match self.proposal.until.filter(|until| *until < at) {
            Some(until) => Err(CommandError::PollOver { question, until }),
            None => Ok(()),
        }
    }

    /// Whether a person may close it: once, and what somebody else has closed only if that has not arrived for days.
    fn check_closer(&self, person: PersonId, now: Timestamp) -> Result<(), CommandError> {
        self.check_known()?;
        if !self.electorate.may_close(&self.proposal, person) {
            return Err(CommandError::NotCloser {
                question: self.question(),
            });
        }
        let long_ago = |closed: &Closed| {
            let again = closed.at.plus_millis(CLOSE_AGAIN_DAYS * DAY_MS);
            closed.by != person && again < now
        };
        let closes = &self.counted.closes;
        if self.tally().outcome == PollOutcome::Arriving && closes.iter().all(long_ago) {
            return Ok(());
        }
        self.check_open()
    }

    /// The choice of this text, or number from 1.
    fn find_choice(&self, typed: &str) -> Result<u32, CommandError> {
        let lower = typed.trim().to_lowercase();
        let choices = self.choices();
        let of_text = |(at, text): (u32, &String)| (text.to_lowercase() == lower).then_some(at);
        let mut found: BTreeSet<u32> = (0..).zip(&choices).filter_map(of_text).collect();
        let number = lower.parse::<u32>().ok().and_then(|it| it.checked_sub(1));
        found.extend(number.filter(|it| (*it as usize) < choices.len()));
        let choice = typed.to_owned();
        match found.len() {
            0 => Err(CommandError::UnknownChoice { choice, choices }),
            1 => Ok(found.into_iter().next().unwrap_or_default()),
            _ => Err(CommandError::AmbiguousChoice { choice, choices }),
        }
    }
}

/// What somebody else wrote, without what moves a cursor.
fn shown(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).collect()
}

/// The keys of persons, looked up once.
struct Keys<'a> {
    people: &'a BTreeMap<PersonId, Authority>,
    found: BTreeMap<PersonId, BTreeSet<[u8; 32]>>,
}

impl Keys<'_> {
    /// Whether who bound a log to themselves is a device of this person, removed since or not.
    fn are_of(&mut self, person: PersonId, author: &Author) -> bool {
        let people = self.people;
        let keys = self.found.entry(person).or_insert_with(|| {
            let authority = people.get(&person);
            let keys = authority.map_or_else(Vec::new, Authority::keys);
            keys.into_iter().map(|it| it.key).collect()
        });
        keys.contains(author.device.as_bytes())
    }
}

impl Circle {
    /// Unpacks what entries say of polls that were not looked at.
    fn unpack_polls(&mut self) {
        for it in self.replica.written() {
            let Some(content) = it.content else {
                continue;
            };
            (self.unpacked)
                .entry(EntryHash(it.entry.header_hash()))
                .or_insert_with(|| {
                    let of_poll = CircleContent::of(content).poll;
                    of_poll.filter(PollSaid::is_in_order).map(Box::new)
                });
        }
    }

    /// What was said of polls, as far as it is unpacked: of all entries that were opened, since a close may name
    /// ballots that a removal has cut.
    fn said_of_polls(&self) -> Said<'_> {
        let mut said = Said::default();
        let mut keys = Keys {
            people: &self.replica.known().people,
            found: BTreeMap::new(),
        };
        // Of the branch of a log that is looked at. Only the first of each kind count, so nothing hides what came before.
        let (mut asked, mut voted, mut closed) = (0, BTreeMap::new(), BTreeSet::new());
        for it in self.replica.written() {
            if it.entry.seq() == 0 {
                (asked, voted, closed) = (0, BTreeMap::new(), BTreeSet::new());
            }
            let (id, holds) = (EntryHash(it.entry.header_hash()), it.holds);
            let of_poll = match self.unpacked.get(&id) {
                None => continue,
                Some(None) => {
                    said.here.insert(id);
                    continue;
                }
                Some(Some(of_poll)) => of_poll.as_ref(),
            };
            let (by, is_one_more) = match of_poll {
                PollSaid::Proposal(proposal) => {
                    asked += 1;
                    (proposal.by, asked > POLLS_EACH_MAX)
                }
                PollSaid::Ballot(ballot) => {
                    let voted = voted.entry(ballot.poll).or_insert(0);
                    *voted += 1;
                    (ballot.by, *voted > BALLOTS_EACH_MAX)
                }
                PollSaid::Close(close) => (close.by, !closed.insert(close.poll)),
            };
            // What branches share comes with each of them.
            if !keys.are_of(by, &it.author) || !said.here.insert(id) || is_one_more {
                continue;
            }
            match of_poll {
                PollSaid::Proposal(proposal) => {
                    let log = it.entry.log();
                    let asked = Asked {
                        proposal,
                        log,
                        holds,
                    };
                    said.proposals.insert(id, asked);
                }
                PollSaid::Ballot(ballot) => {
                    let ballot = ballot.clone();
                    let casts = said.casts.entry(ballot.poll).or_default();
                    casts.push(Cast { id, ballot, holds });
                }
                PollSaid::Close(close) => {
                    let closings = said.closings.entry(close.poll).or_default();
                    closings.push(Closing { id, close, holds });
                }
            }
        }
        said
    }

    /// Whom a proposal names: those count who rightly belong to the circle, or did, and whose devices are known.
    fn electorate_of(&self, proposal: &Proposal) -> Electorate {
        let members = self.replica.circle().statements().outcome().members();
        let people = &self.replica.known().people;
        let mut electorate = Electorate::default();
        for membership in &proposal.electors {
            if let Some(member) = members.get(membership)
                && member.standing != Standing::Shadow
                && let Who::Person(person) = member.who
                && people.contains_key(&person)
            {
                electorate.persons.insert(person);
                if member.role == Role::Admin {
                    electorate.admins.insert(person);
                }
            } else {
                electorate.unknown += 1;
            }
        }
        electorate
    }

    /// Those polls that are wanted, by their ids.
    fn polls(
        &mut self,
        wanted: impl Fn(&EntryHash, &Proposal) -> bool,
    ) -> BTreeMap<EntryHash, Poll> {
        self.unpack_polls();
        let mut said = self.said_of_polls();
        let mut polls = BTreeMap::new();
        for (id, asked) in said.proposals {
            let (proposal, holds) = (asked.proposal, asked.holds);
            if !wanted(&id, proposal) {
                continue;
            }
            let electorate = self.electorate_of(proposal);
            if electorate.unknown == 0 && !electorate.persons.contains(&proposal.by) {
                continue; // who may not vote asks nothing
            }
            let mut closings = said.closings.remove(&id).unwrap_or_default();
            closings.retain(|it| electorate.may_close(proposal, it.close.by));
            // A closed one outlives a removal that keeps less of who asked.
            if !holds && !closings.iter().any(|it| it.holds) {
                continue;
            }
            let casts = said.casts.remove(&id).unwrap_or_default();
            let is_here = |named: &EntryHash| said.here.contains(named);
            let counted = count(proposal, &electorate, casts, closings, is_here);
            let poll = Poll {
                id,
                proposal: proposal.clone(),
                electorate,
                counted,
            };
            polls.insert(id, poll);
        }
        polls
    }

    fn poll(&mut self, id: EntryHash) -> Option<Poll> {
        self.polls(|it, _| *it == id).remove(&id)
    }

    /// What an edit is written as, now that it can be: nothing if it was overtaken.
    pub(super) fn said_by(&mut self, now: Timestamp, edit: &PollEdit) -> Option<PollSaid> {
        let by = self.replica.me().person;
        Some(match edit {
            PollEdit::Open(proposal) => {
                let members = self.replica.circle().members().values();
                let mut electors: Vec<_> = members.map(|member| member.membership).collect();
                electors.sort_unstable();
                PollSaid::Proposal(Proposal {
                    electors,
                    at: now,
                    ..proposal.clone()
                })
            }
            PollEdit::Vote { poll, choice, at } => {
                let found = self.poll(*poll)?;
                found.check_voter(by, *at).ok()?;
                let numbers = found.ballots_of(by).map(|(cast, _)| cast.ballot.number);
                PollSaid::Ballot(Ballot {
                    poll: *poll,
                    by,
                    number: numbers.max().unwrap_or(0).saturating_add(1),
                    choice: *choice,
                    at: *at,
                })
            }
            PollEdit::Close { poll } => {
                let found = self.poll(*poll)?;
                found.check_closer(by, now).ok()?;
                PollSaid::Close(Close {
                    poll: *poll,
                    by,
                    named: found.ballots_to_name(),
                    at: now,
                })
            }
        })
    }

    fn elector(&self, person: &PersonId) -> Elector {
        let card = self.cards.get(person);
        Elector {
            person: *person,
            name: card.map_or_else(String::new, |card| card.name.clone()),
            member: self.has_member(person),
        }
    }

    fn show_poll(&self, now: Timestamp, poll: &Poll) -> PollShown {
        let me = self.replica.me().person;
        let of_circle = self.replica.circle();
        let electors = |of: &mut dyn Iterator<Item = &PersonId>| {
            of.map(|it| self.elector(it)).collect::<Vec<_>>()
        };
        let may_vote = &poll.electorate.persons;
        let before = of_circle.members_before(&poll.proposal.electors);
        let outside = of_circle.members().keys();
        let (left_out, outside): (Vec<&PersonId>, Vec<&PersonId>) = outside
            .filter(|it| !may_vote.contains(*it))
            .partition(|it| before.contains(*it));
        let closed = |closed: &Closed| ClosedShown {
            by: self.elector(&closed.by),
            at: closed.at,
            named: closed.named,
            holds: closed.holds,
            tally: closed.tally.clone(),
        };
        let ballot = |(cast, fate): &(Cast, BallotFate)| BallotShown {
            id: cast.id.to_string(),
            by: self.elector(&cast.ballot.by),
            choice: cast.ballot.choice.saturating_add(1),
            number: cast.ballot.number,
            at: cast.ballot.at,
            fate: *fate,
            holds: cast.holds,
        };
        let mut ballots: Vec<BallotShown> = poll.counted.judged.values().map(ballot).collect();
        ballots.sort_by(|a, b| (a.by.person, a.number, &a.id).cmp(&(b.by.person, b.number, &b.id)));
        let is_member = self.has_member(&me);
        let may_vote_now = poll.check_open().is_ok() && poll.check_voter(me, now).is_ok();
        PollShown {
            id: poll.id.to_string(),
            circle: self.id(),
            circle_name: self.name(),
            question: poll.question(),
            choices: poll.choices(),
            by: self.elector(&poll.proposal.by),
            at: poll.proposal.at,
            until: poll.proposal.until,
            quorum: poll.proposal.quorum,
            electorate: electors(&mut may_vote.iter()),
            outside: electors(&mut outside.into_iter()),
            left_out: electors(&mut left_out.into_iter()),
            ballots,
            closes: poll.counted.closes.iter().map(closed).collect(),
            tally: poll.tally().clone(),
            mine: poll.choice_of(me).map(|choice| choice.saturating_add(1)),
            may_vote: is_member && may_vote_now,
            may_close: is_member && poll.check_closer(me, now).is_ok(),
        }
    }
}

impl<S: Store> Home<S> {
    /// Asks the members of a circle a question.
    pub(in crate::home) fn poll_open(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (circle, wish): (&str, PollWish),
    ) -> Result<Done, CommandError> {
        let me = self.me.person;
        let proposal = proposal_of((now, me), wish)?;
        let id = self.find_circle(circle)?;
        self.with_circle(id, |home, circle| {
            check_member(circle, &me)?;
            check_quorum(circle, proposal.quorum)?;
            let log = circle.replica.own_log(PART);
            circle.unpack_polls();
            let before = circle.said_of_polls().proposals;
            let of_log = before.values().filter(|it| Some(it.log) == log);
            check_count("polls of one device", of_log.count() + 1, POLLS_EACH_MAX)?;
            let before: BTreeSet<EntryHash> = before.into_keys().collect();
            let members = circle.replica.circle().members().len();
            check_count("members of a circle that votes", members, VOTERS_MAX)?;
            home.keep_edit(circle, &Edit::Poll(PollEdit::Open(proposal)));
            home.do_duties(now, rng, circle)?;
            let is_new = |id: &EntryHash, it: &Proposal| it.by == me && !before.contains(id);
            let poll = circle.polls(is_new).into_values().next();
            home.polled(now, circle, poll)
        })
    }

    /// The polls of a circle, or of all.
    pub(in crate::home) fn polls_shown(
        &mut self,
        now: Timestamp,
        circle: Option<&str>,
    ) -> Result<Done, CommandError> {
        let only = circle.map(|it| self.find_circle(it)).transpose()?;
        self.load_circles()?;
        let mut circles: Vec<&mut Circle> = (self.circles.values_mut())
            .filter(|circle| !circle.record.own && only.is_none_or(|it| it == circle.id()))
            .collect();
        circles.sort_by_key(|circle| (circle.record.since, circle.id()));
        let mut polls = Vec::new();
        for circle in circles {
            let mut found: Vec<Poll> = circle.polls(|_, _| true).into_values().collect();
            found.sort_by_key(|poll| (poll.proposal.at, poll.id));
            polls.extend(found.iter().map(|poll| circle.show_poll(now, poll)));
        }
        Ok(Done::CirclePolls { polls })
    }

    pub(in crate::home) fn poll_shown(
        &mut self,
        now: Timestamp,
        poll: &str,
    ) -> Result<Done, CommandError> {
        let (id, poll) = self.find_poll(poll)?;
        self.with_circle(id, |home, circle| home.polled(now, circle, Some(poll)))
    }

    /// Votes, or votes otherwise.
    pub(in crate::home) fn poll_vote(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (poll, choice): (&str, &str),
    ) -> Result<Done, CommandError> {
        let me = self.me.person;
        self.do_in_poll(now, rng, poll, |poll| {
            poll.check_open()?;
            poll.check_voter(me, now)?;
            let votes = poll.ballots_of(me).count() + 1;
            check_count("votes of one person in a poll", votes, BALLOTS_EACH_MAX)?;
            let (choice, poll) = (poll.find_choice(choice)?, poll.id);
            let at = now;
            Ok(PollEdit::Vote { poll, choice, at })
        })
    }

    /// Ends a poll: the ballots that count here are the ones that count.
    pub(in crate::home) fn poll_close(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        poll: &str,
    ) -> Result<Done, CommandError> {
        let me = self.me.person;
        self.do_in_poll(now, rng, poll, |poll| {
            poll.check_closer(me, now)?;
            Ok(PollEdit::Close { poll: poll.id })
        })
    }

    fn do_in_poll(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        poll: &str,
        edit: impl FnOnce(&Poll) -> Result<PollEdit, CommandError>,
    ) -> Result<Done, CommandError> {
        let (id, poll) = self.find_poll(poll)?;
        let me = self.me.person;
        self.with_circle(id, |home, circle| {
            check_member(circle, &me)?;
            home.keep_edit(circle, &Edit::Poll(edit(&poll)?));
            home.do_duties(now, rng, circle)?;
            let poll = circle.poll(poll.id);
            home.polled(now, circle, poll)
        })
    }

    fn polled(
        &self,
        now: Timestamp,
        circle: &Circle,
        poll: Option<Poll>,
    ) -> Result<Done, CommandError> {
        let waiting = self.view.scan(&layout::circle_edits(circle.id()))?.len();
        Ok(Done::CirclePolled {
            poll: poll.map(|it| Box::new(circle.show_poll(now, &it))),
            circle: circle.name(),
            waiting: waiting as u64,
        })
    }

    /// The poll of this id, beginning of its id, or question, in any circle.
    fn find_poll(&mut self, typed: &str) -> Result<(CircleId, Poll), CommandError> {
        self.load_circles()?;
        let lower = typed.trim().to_lowercase();
        let is_it = |hash: &EntryHash, proposal: &Proposal| {
            let by_id = lower.len() >= ID_CHARS_MIN && hash.to_string().starts_with(&lower);
            by_id || shown(&proposal.question).to_lowercase() == lower
        };
        let mut found = Vec::new();
        for (id, circle) in &mut self.circles {
            if !circle.record.own {
                found.extend(circle.polls(is_it).into_values().map(|poll| (*id, poll)));
            }
        }
        let poll = typed.to_owned();
        if found.len() > 1 {
            let candidates = found.iter().map(|(_, poll)| poll.id.to_string());
            let candidates = candidates.collect();
            return Err(CommandError::AmbiguousPoll { poll, candidates });
        }
        found.pop().ok_or(CommandError::UnknownPoll { poll })
    }
}

/// Refuses more than `max` of something.
fn check_count(what: &str, count: usize, max: usize) -> Result<(), CommandError> {
    if count <= max {
        return Ok(());
    }
    Err(CommandError::TooMany {
        what: what.to_owned(),
        max: max as u64,
    })
}

fn check_member(circle: &Circle, person: &PersonId) -> Result<(), CommandError> {
    if circle.has_member(person) {
        return Ok(());
    }
    Err(CommandError::NotAllowedInCircle {
        circle: circle.name(),
    })
}

/// A quorum that could not be reached, or not be missed, is a slip.
fn check_quorum(circle: &Circle, quorum: Option<Quorum>) -> Result<(), CommandError> {
    let electors = circle.replica.circle().members().len() as u64;
    let Some(quorum) = quorum else {
        return Ok(());
    };
    let is_good = match quorum {
        Quorum::Voters(voters) => (1..=electors).contains(&u64::from(voters)),
        Quorum::Percent(percent) => (1..=100).contains(&percent),
    };
    if is_good {
        return Ok(());
    }
    Err(CommandError::BadQuorum { electors })
}

/// A wish within the bounds; of the electorate nothing is said yet.
fn proposal_of((now, by): (Timestamp, PersonId), wish: PollWish) -> Result<Proposal, CommandError> {
    check_text_of("question", &wish.question, QUESTION_BYTES_MAX)?;
    let mut texts = BTreeSet::new();
    for choice in &wish.choices {
        check_text_of("choice", choice, CHOICE_BYTES_MAX)?;
        texts.insert(choice.trim().to_lowercase());
    }
    let count = wish.choices.len();
    if !(CHOICES_MIN..=CHOICES_MAX).contains(&count) || texts.len() < count {
        return Err(CommandError::BadChoices {
            min: CHOICES_MIN as u64,
            max: CHOICES_MAX as u64,
        });
    }
    if let Some(until) = wish.until {
        check_end(until, now, UNTIL_DAYS_MAX)?;
    }
    Ok(Proposal {
        by,
        question: wish.question,
        choices: wish.choices,
        electors: Vec::new(),
        at: now,
        until: wish.until,
        quorum: wish.quorum,
    })
}

#[cfg(test)]
use maille_protocol::id::MembershipId;

#[cfg(test)]
impl<S: Store> Home<S> {
    /// Writes whatever this is as an entry of ours, as a changed Maille could.
    pub(in crate::home) fn writes_of_polls(
        &mut self,
        now: Timestamp,
        id: CircleId,
        said: PollSaid,
    ) -> EntryHash {
        let content = CircleContent {
            version: 1,
            poll: Some(said),
            ..CircleContent::default()
        };
        let before = self.entries_of(id);
        self.with_circle(id, |home, circle| {
            let written = home.write_in_circle(now, circle, &content)?;
            assert!(written.is_ok(), "{written:?}");
            Ok::<(), CommandError>(())
        })
        .expect("a circle of ours");
        let mut here = self.entries_of(id);
        here.retain(|it| !before.contains(it));
        here.pop_first().expect("it was written")
    }

    fn entries_of(&self, id: CircleId) -> BTreeSet<EntryHash> {
        let written = self.circles[&id].replica.written();
        written
            .map(|it| EntryHash(it.entry.header_hash()))
            .collect()
    }

    /// Makes a circle in memory again, of those of its items that are `here`.
    pub(in crate::home) fn holds_only(
        &mut self,
        id: CircleId,
        here: impl Fn(&maille_protocol::sync::CircleItem) -> bool,
    ) {
        let items = self.view.scan_read(&layout::circle_items(id)).unwrap();
        let record = self.circles[&id].record.clone();
        let mut circle = self.begin_circle(id, record).unwrap();
        circle.fill(items.into_iter().map(|(_, item)| item).filter(here));
        circle.read_cards();
        self.circles.insert(id, circle);
    }

    /// Ends our log of a circle: the next entry begins another.
    pub(in crate::home) fn begins_another_log(&mut self, id: CircleId) {
        let ended = self.with_circle(id, |home, circle| {
            home.begin_another_log(circle);
            Ok::<(), CommandError>(())
        });
        ended.expect("a circle of ours");
    }

    /// By which memberships people belong to a circle now, in rising order.
    pub(in crate::home) fn memberships_of(&self, id: CircleId) -> Vec<MembershipId> {
        let members = self.circles[&id].replica.circle().members().values();
        let mut memberships: Vec<_> = members.map(|it| it.membership).collect();
        memberships.sort_unstable();
        memberships
    }
}

#[cfg(test)]
mod tests {
    use maille_protocol::id::MembershipId;
    use maille_protocol::wire;

    use super::*;

    fn bytes_of(poll: Option<PollSaid>) -> Vec<u8> {
        let content = CircleContent {
            version: 1,
            poll,
            ..CircleContent::default()
        };
        let bytes = wire::encode(&content);
        let packed = [&[0], bytes.as_slice()].concat();
        assert_eq!(CircleContent::of(&packed).poll, content.poll);
        bytes
    }

    /// A node of an earlier version wrote no polls: what it wrote has the same bytes for ever.
    #[test]
    fn an_entry_without_a_poll_is_what_it_was_before_there_were_any() {
        assert_eq!(bytes_of(None), [0x84, 1, 0xF6, 0xF6, 0x80]);
    }

    #[test]
    fn every_byte_of_a_poll_is_as_the_specification_has_it() {
        let hash = |byte: u8| [&[0x58, 0x20], [byte; 32].as_slice()].concat();
        let begin: &[u8] = &[0x86, 1, 0xF6, 0xF6, 0x80, 0xF6, 0x82];
        let proposal = Proposal {
            by: PersonId::from_bytes([4; 32]),
            question: "q".to_owned(),
            choices: vec!["a".to_owned(), "b".to_owned()],
            electors: vec![MembershipId::from_bytes([3; 32])],
            at: Timestamp::from_millis(5),
            until: None,
            quorum: Some(Quorum::Percent(50)),
        };
        let expected = [
            begin,
            &[0, 0x81, 0x87],
            &hash(4),
            &[0x61, b'q', 0x82, 0x61, b'a', 0x61, b'b', 0x81],
            &hash(3),
            &[5, 0xF6, 0x82, 1, 0x81, 0x18, 50],
        ];
        assert_eq!(
            bytes_of(Some(PollSaid::Proposal(proposal))),
            expected.concat()
        );
        let ballot = Ballot {
            poll: EntryHash([1; 32]),
            by: PersonId::from_bytes([4; 32]),
            number: 2,
            choice: 1,
            at: Timestamp::from_millis(5),
        };
        let expected = [begin, &[1, 0x81, 0x85], &hash(1), &hash(4), &[2, 1, 5]];
        assert_eq!(bytes_of(Some(PollSaid::Ballot(ballot))), expected.concat());
        let close = Close {
            poll: EntryHash([1; 32]),
            by: PersonId::from_bytes([4; 32]),
            named: vec![EntryHash([2; 32])],
            at: Timestamp::from_millis(5),
        };
        let expected = [
            begin,
            &[2, 0x81, 0x84],
            &hash(1),
            &hash(4),
            &[0x81],
            &hash(2),
            &[5],
        ];
        assert_eq!(bytes_of(Some(PollSaid::Close(close))), expected.concat());
    }

    /// The most that may be named fits an entry.
    #[test]
    fn the_longest_lists_fit_and_one_more_says_nothing() {
        let close = |named: usize| {
            PollSaid::Close(Close {
                poll: EntryHash([1; 32]),
                by: PersonId::from_bytes([4; 32]),
                named: vec![EntryHash([0xAB; 32]); named],
                at: Timestamp::MAX,
            })
        };
        let proposal = |electors: usize| {
            PollSaid::Proposal(Proposal {
                by: PersonId::from_bytes([4; 32]),
                question: "q".repeat(QUESTION_BYTES_MAX),
                choices: vec!["c".repeat(CHOICE_BYTES_MAX); CHOICES_MAX],
                electors: vec![MembershipId::from_bytes([0xAB; 32]); electors],
                at: Timestamp::MAX,
                until: Some(Timestamp::MAX),
                quorum: Some(Quorum::Percent(100)),
            })
        };
        for longest in [close(VOTERS_MAX), proposal(VOTERS_MAX)] {
            assert!(bytes_of(Some(longest)).len() < maille_protocol::entry::CONTENT_BYTES_MAX);
        }
        for too_long in [close(VOTERS_MAX + 1), proposal(VOTERS_MAX + 1)] {
            let content = CircleContent {
                version: 1,
                poll: Some(too_long),
                ..CircleContent::default()
            };
            let packed = [&[0], wire::encode(&content).as_slice()].concat();
            assert_eq!(CircleContent::of(&packed).poll, None);
        }
    }
}
