//! Polls of circles: asked, voted in, closed, and read from the entries: see [`crate::poll`].

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::evaluation::Role;
use maille_protocol::id::{CircleId, PersonId, StatementId};
use maille_protocol::principal::CircleMember;
use maille_protocol::time::Timestamp;
use rand_core::CryptoRng;

use super::super::{Home, check_end, check_text_of};
use super::{Circle, CircleContent, Edit, PollEdit};
use crate::command::{
    BallotFate, BallotShown, ClosedShown, CommandError, Done, Elector, PollShown, PollTally,
    PollWish, Quorum,
};
use crate::io::Store;
use crate::layout;
use crate::poll::{
    Ballot, CHOICE_BYTES_MAX, CHOICES_MAX, CHOICES_MIN, Cast, Close, Closing, EntryHash, Judged,
    NAMED_MAX, POLLS_EACH_MAX, PollSaid, Proposal, QUESTION_BYTES_MAX, TIPS_MAX, decides, tally,
};

/// Days ahead that a deadline may lie.
const UNTIL_DAYS_MAX: u32 = 366;

/// Fewest characters by which a poll's id is known.
const ID_CHARS_MIN: usize = 4;

/// A poll as the entries have it.
pub(super) struct Poll {
    id: EntryHash,
    proposal: Proposal,
    by: PersonId,
    /// Nothing while a statement is missing that makes it.
    electorate: Option<BTreeSet<PersonId>>,
    close: Option<Closing>,
    other_closes: Vec<Closing>,
    tally: PollTally,
    judged: Judged,
}

/// What the entries of a circle say of polls, with whose logs they lie in.
#[derive(Default)]
struct Said {
    /// Of each its number in its log, and whether it stands.
    proposals: BTreeMap<EntryHash, (Proposal, PersonId, u64, bool)>,
    casts: BTreeMap<EntryHash, Vec<Cast>>,
    closes: BTreeMap<EntryHash, Vec<(EntryHash, PersonId, u64, Close)>>,
    /// Every entry that was opened here.
    here: BTreeSet<EntryHash>,
}

type Members = Option<BTreeMap<PersonId, CircleMember>>;

/// Who belonged to the circle at the moments that entries cite.
#[derive(Default)]
struct Moments(BTreeMap<Vec<StatementId>, Members>);

impl Moments {
    fn members(&mut self, circle: &Circle, tips: &[StatementId]) -> &Members {
        self.0.entry(tips.to_vec()).or_insert_with(|| {
            let of = circle.replica.circle();
            of.members_at(tips, circle.replica.known())
        })
    }
}

impl Poll {
    fn question(&self) -> String {
        shown(&self.proposal.question)
    }

    fn choices(&self) -> Vec<String> {
        self.proposal.choices.iter().map(|it| shown(it)).collect()
    }

    fn may_vote(&self, person: &PersonId) -> bool {
        let electorate = self.electorate.as_ref();
        self.close.is_none() && electorate.is_some_and(|of| of.contains(person))
    }

    /// The choice of a person that counts.
    fn choice_of(&self, person: &PersonId) -> Option<u32> {
        let mut judged = self.judged.values();
        judged
            .find(|(cast, fate)| cast.by == *person && *fate == BallotFate::Counted)
            .map(|(cast, _)| cast.ballot.choice)
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

impl Circle {
    /// Reads what was said of polls: of all entries that were opened, since a close may name ballots that a
    /// removal has cut.
    fn said_of_polls(&self) -> Said {
        let standing: BTreeSet<[u8; 32]> = (self.replica.standing())
            .map(|it| it.entry.header_hash())
            .collect();
        let mut said = Said::default();
        for it in self.replica.written() {
            let (hash, seq) = (it.entry.header_hash(), it.entry.seq());
            let (id, stands) = (EntryHash(hash), standing.contains(&hash));
            let Some(content) = it.content.filter(|_| said.here.insert(id)) else {
                continue;
            };
            let Some(of_poll) = CircleContent::of(content).poll else {
                continue;
            };
            let Some(by) = self.replica.person_of(&it.author.speaker()) else {
                continue;
            };
            match of_poll {
                PollSaid::Proposal(proposal) => {
                    said.proposals.insert(id, (proposal, by, seq, stands));
                }
                PollSaid::Ballot(ballot) => {
                    let casts = said.casts.entry(ballot.poll).or_default();
                    casts.push(Cast {
                        id,
                        by,
                        ballot,
                        stands,
                    });
                }
                PollSaid::Close(close) if stands => {
                    let closes = said.closes.entry(close.poll).or_default();
                    closes.push((id, by, seq, close));
                }
                PollSaid::Close(_) => {}
            }
        }
        said
    }

    /// The polls, by their ids.
    pub(super) fn polls(&self) -> BTreeMap<EntryHash, Poll> {
        let (mut said, mut moments) = (self.said_of_polls(), Moments::default());
        let mut order: Vec<_> = (said.proposals.iter())
            .map(|(id, (_, by, seq, _))| (*by, *seq, *id))
            .collect();
        order.sort_unstable();
        let (mut polls, mut each) = (BTreeMap::new(), BTreeMap::<PersonId, usize>::new());
        for (by, _, id) in order {
            let Some((proposal, _, _, stands)) = said.proposals.remove(&id) else {
                continue;
            };
            let electorate = moments.members(self, &proposal.tips).as_ref();
            let electorate: Option<BTreeSet<_>> = electorate.map(|it| it.keys().copied().collect());
            let is_elector = electorate.as_ref().is_none_or(|it| it.contains(&by));
            if proposal.choices.len() < CHOICES_MIN || !is_elector {
                continue;
            }
            let closes = said.closes.remove(&id).unwrap_or_default().into_iter();
            let closings = closes
                .filter_map(|(id, closer, seq, close)| {
                    let members = moments.members(self, &close.tips).as_ref()?;
                    let member = members.get(&closer)?;
                    let may = closer == by || member.role == Role::Admin;
                    may.then(|| Closing {
                        seniority: member.seniority.clone(),
                        seq,
                        id,
                        by: closer,
                        close,
                    })
                })
                .collect();
            let (close, other_closes) = match decides(closings) {
                Some((close, others)) => (Some(close), others),
                None => (None, Vec::new()),
            };
            // A closed one outlives a removal that keeps less of who asked.
            let each = each.entry(by).or_default();
            if !(stands || close.is_some()) || *each >= POLLS_EACH_MAX {
                continue;
            }
            *each += 1;
            let nobody = BTreeSet::new();
            let (tally, judged) = tally(
                &proposal,
                electorate.as_ref().unwrap_or(&nobody),
                said.casts.remove(&id).unwrap_or_default(),
                close.as_ref().map(|it| &it.close),
                |named| said.here.contains(named),
            );
            let poll = Poll {
                id,
                proposal,
                by,
                electorate,
                close,
                other_closes,
                tally,
                judged,
            };
            polls.insert(id, poll);
        }
        polls
    }

    /// What an edit is written as, now that it can be: nothing if it was overtaken.
    pub(super) fn said_by(&self, now: Timestamp, edit: &PollEdit) -> Option<PollSaid> {
        let tips = self.replica.circle().tips();
        let me = self.replica.me().person;
        let poll_of = |id: &EntryHash| self.polls().remove(id).filter(|it| it.close.is_none());
        Some(match edit {
            PollEdit::Open(proposal) => PollSaid::Proposal(Proposal {
                tips,
                at: now,
                ..proposal.clone()
            }),
            PollEdit::Vote { poll, choice } => {
                let casts = poll_of(poll)?.judged;
                let mine = casts.values().filter(|(cast, _)| cast.by == me);
                let last = mine.map(|(cast, _)| cast.ballot.number).max();
                PollSaid::Ballot(Ballot {
                    poll: *poll,
                    number: last.unwrap_or(0).saturating_add(1),
                    choice: *choice,
                    at: now,
                })
            }
            PollEdit::Close { poll } => {
                let judged = poll_of(poll)?.judged;
                let counted = judged.into_iter();
                let counted = counted.filter(|(_, (_, fate))| *fate == BallotFate::Counted);
                PollSaid::Close(Close {
                    poll: *poll,
                    named: counted.map(|(id, _)| id).take(NAMED_MAX).collect(),
                    tips,
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

    fn show_poll(&self, poll: &Poll) -> PollShown {
        let me = self.replica.me().person;
        let electors = || poll.electorate.iter().flatten();
        let members = self.replica.circle().members().keys();
        let is_outside = |it: &&PersonId| {
            (poll.electorate.as_ref()).is_some_and(|electorate| !electorate.contains(*it))
        };
        let closed = |closing: &Closing| ClosedShown {
            by: self.elector(&closing.by),
            at: closing.close.at,
            named: closing.close.named.len() as u64,
        };
        let ballot = |(cast, fate): &(Cast, BallotFate)| BallotShown {
            id: cast.id.to_string(),
            by: self.elector(&cast.by),
            choice: cast.ballot.choice.saturating_add(1),
            number: cast.ballot.number,
            at: cast.ballot.at,
            fate: *fate,
            stands: cast.stands,
        };
        let mut ballots: Vec<BallotShown> = poll.judged.values().map(ballot).collect();
        ballots.sort_by(|a, b| (a.by.person, a.number, &a.id).cmp(&(b.by.person, b.number, &b.id)));
        let is_member = self.has_member(&me);
        PollShown {
            id: poll.id.to_string(),
            circle: self.id(),
            circle_name: self.name(),
            question: poll.question(),
            choices: poll.choices(),
            by: self.elector(&poll.by),
            at: poll.proposal.at,
            until: poll.proposal.until,
            quorum: poll.proposal.quorum,
            arriving: poll.electorate.is_none(),
            electorate: electors().map(|it| self.elector(it)).collect(),
            outside: members
                .filter(is_outside)
                .map(|it| self.elector(it))
                .collect(),
            ballots,
            closed: poll.close.as_ref().map(closed),
            other_closes: poll.other_closes.iter().map(closed).collect(),
            tally: poll.tally.clone(),
            mine: poll.choice_of(&me).map(|choice| choice.saturating_add(1)),
            may_vote: is_member && poll.may_vote(&me),
            may_close: is_member && poll.close.is_none() && (poll.by == me || self.is_admin()),
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
        let proposal = proposal_of(now, wish)?;
        let id = self.find_circle(circle)?;
        self.with_circle(id, |home, circle| {
            let me = home.me.person;
            check_member(circle, &me)?;
            check_quorum(circle, proposal.quorum)?;
            let before = circle.polls();
            let too_many = |what: &str, max: usize| {
                Err(CommandError::TooMany {
                    what: what.to_owned(),
                    max: max as u64,
                })
            };
            if before.values().filter(|it| it.by == me).count() >= POLLS_EACH_MAX {
                return too_many("polls of one person", POLLS_EACH_MAX);
            }
            if circle.replica.circle().members().len() > NAMED_MAX {
                return too_many("members of a circle that votes", NAMED_MAX);
            }
            if circle.replica.circle().tips().len() > TIPS_MAX {
                return too_many("statements made apart", TIPS_MAX);
            }
            home.keep_edit(circle, &Edit::Poll(PollEdit::Open(proposal)));
            home.do_duties(now, rng, circle)?;
            let mut polls = circle.polls();
            polls.retain(|id, poll| poll.by == me && !before.contains_key(id));
            let poll = polls.values().next().map(|it| circle.show_poll(it));
            home.polled(circle, poll)
        })
    }

    /// The polls of a circle, or of all.
    pub(in crate::home) fn polls_shown(
        &mut self,
        circle: Option<&str>,
    ) -> Result<Done, CommandError> {
        let only = circle.map(|it| self.find_circle(it)).transpose()?;
        self.load_circles()?;
        let mut circles: Vec<&Circle> = (self.circles.values())
            .filter(|circle| !circle.record.own && only.is_none_or(|it| it == circle.id()))
            .collect();
        circles.sort_by_key(|circle| (circle.record.since, circle.id()));
        let mut polls = Vec::new();
        for circle in circles {
            let mut found: Vec<Poll> = circle.polls().into_values().collect();
            found.sort_by_key(|poll| (poll.proposal.at, poll.id));
            polls.extend(found.iter().map(|poll| circle.show_poll(poll)));
        }
        Ok(Done::CirclePolls { polls })
    }

    pub(in crate::home) fn poll_shown(&mut self, poll: &str) -> Result<Done, CommandError> {
        let (id, poll) = self.find_poll(poll)?;
        self.with_circle(id, |home, circle| {
            let shown = circle.show_poll(&poll);
            home.polled(circle, Some(shown))
        })
    }

    /// Votes, or votes otherwise.
    pub(in crate::home) fn poll_vote(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (poll, choice): (&str, &str),
    ) -> Result<Done, CommandError> {
        let (id, poll) = self.find_poll(poll)?;
        let me = self.me.person;
        self.with_circle(id, |home, circle| {
            check_member(circle, &me)?;
            let question = poll.question();
            let Some(electorate) = &poll.electorate else {
                return Err(CommandError::PollArriving { question });
            };
            if poll.close.is_some() {
                return Err(CommandError::PollClosed { question });
            }
            if !electorate.contains(&me) {
                return Err(CommandError::NotInElectorate { question });
            }
            if let Some(until) = poll.proposal.until.filter(|until| *until < now) {
                return Err(CommandError::PollOver { question, until });
            }
            let (poll, choice) = (poll.id, poll.find_choice(choice)?);
            home.do_in_poll(now, rng, circle, PollEdit::Vote { poll, choice })
        })
    }

    /// Ends a poll: the ballots that count here are the ones that count.
    pub(in crate::home) fn poll_close(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        poll: &str,
    ) -> Result<Done, CommandError> {
        let (id, poll) = self.find_poll(poll)?;
        let me = self.me.person;
        self.with_circle(id, |home, circle| {
            check_member(circle, &me)?;
            let question = poll.question();
            if poll.electorate.is_none() {
                return Err(CommandError::PollArriving { question });
            }
            if poll.close.is_some() {
                return Err(CommandError::PollClosed { question });
            }
            if poll.by != me && !circle.is_admin() {
                return Err(CommandError::NotCloser { question });
            }
            home.do_in_poll(now, rng, circle, PollEdit::Close { poll: poll.id })
        })
    }

    fn do_in_poll(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
        edit: PollEdit,
    ) -> Result<Done, CommandError> {
        let id = match &edit {
            PollEdit::Vote { poll, .. } | PollEdit::Close { poll } => Some(*poll),
            PollEdit::Open(_) => None,
        };
        self.keep_edit(circle, &Edit::Poll(edit));
        self.do_duties(now, rng, circle)?;
        let polls = circle.polls();
        let poll = id.and_then(|id| polls.get(&id));
        let poll = poll.map(|it| circle.show_poll(it));
        self.polled(circle, poll)
    }

    fn polled(&self, circle: &Circle, poll: Option<PollShown>) -> Result<Done, CommandError> {
        let waiting = self.view.scan(&layout::circle_edits(circle.id()))?.len();
        Ok(Done::CirclePolled {
            poll: poll.map(Box::new),
            circle: circle.name(),
            waiting: waiting as u64,
        })
    }

    /// The poll of this id, beginning of its id, or question, in any circle.
    fn find_poll(&mut self, typed: &str) -> Result<(CircleId, Poll), CommandError> {
        self.load_circles()?;
        let lower = typed.trim().to_lowercase();
        let mut found = Vec::new();
        for (id, circle) in &self.circles {
            for (hash, poll) in circle.polls() {
                let by_id = lower.len() >= ID_CHARS_MIN && hash.to_string().starts_with(&lower);
                if !circle.record.own && (by_id || poll.question().to_lowercase() == lower) {
                    found.push((*id, poll));
                }
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
fn proposal_of(now: Timestamp, wish: PollWish) -> Result<Proposal, CommandError> {
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
        question: wish.question,
        choices: wish.choices,
        tips: Vec::new(),
        at: now,
        until: wish.until,
        quorum: wish.quorum,
    })
}

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
        let before = self.circles[&id].said_of_polls().here;
        self.with_circle(id, |home, circle| {
            let written = home.write_in_circle(now, circle, &content)?;
            assert!(written.is_ok(), "{written:?}");
            Ok::<(), CommandError>(())
        })
        .expect("a circle of ours");
        let mut here = self.circles[&id].said_of_polls().here;
        here.retain(|it| !before.contains(it));
        here.pop_first().expect("it was written")
    }

    /// What decides who belongs to a circle now.
    pub(in crate::home) fn tips_of(&self, id: CircleId) -> Vec<StatementId> {
        self.circles[&id].replica.circle().tips()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maille_protocol::wire;

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
            question: "q".to_owned(),
            choices: vec!["a".to_owned(), "b".to_owned()],
            tips: vec![StatementId::from_bytes([3; 32])],
            at: Timestamp::from_millis(5),
            until: None,
            quorum: Some(Quorum::Percent(50)),
        };
        let expected = [
            begin,
            &[
                0, 0x81, 0x86, 0x61, b'q', 0x82, 0x61, b'a', 0x61, b'b', 0x81,
            ],
            &hash(3),
            &[5, 0xF6, 0x82, 1, 0x81, 0x18, 50],
        ];
        assert_eq!(
            bytes_of(Some(PollSaid::Proposal(proposal))),
            expected.concat()
        );
        let ballot = Ballot {
            poll: EntryHash([1; 32]),
            number: 2,
            choice: 1,
            at: Timestamp::from_millis(5),
        };
        let expected = [begin, &[1, 0x81, 0x84], &hash(1), &[2, 1, 5]];
        assert_eq!(bytes_of(Some(PollSaid::Ballot(ballot))), expected.concat());
        let close = Close {
            poll: EntryHash([1; 32]),
            named: vec![EntryHash([2; 32])],
            tips: Vec::new(),
            at: Timestamp::from_millis(5),
        };
        let expected = [
            begin,
            &[2, 0x81, 0x84],
            &hash(1),
            &[0x81],
            &hash(2),
            &[0x80, 5],
        ];
        assert_eq!(bytes_of(Some(PollSaid::Close(close))), expected.concat());
    }

    /// The most that may be named fits an entry.
    #[test]
    fn the_longest_close_fits_and_one_hash_more_says_nothing() {
        let close = |named: usize| {
            PollSaid::Close(Close {
                poll: EntryHash([1; 32]),
                named: vec![EntryHash([0xAB; 32]); named],
                tips: vec![StatementId::from_bytes([3; 32]); TIPS_MAX],
                at: Timestamp::MAX,
            })
        };
        assert!(bytes_of(Some(close(NAMED_MAX))).len() < maille_protocol::entry::CONTENT_BYTES_MAX);
        let content = CircleContent {
            version: 1,
            poll: Some(close(NAMED_MAX + 1)),
            ..CircleContent::default()
        };
        let packed = [&[0], wire::encode(&content).as_slice()].concat();
        assert_eq!(CircleContent::of(&packed).poll, None);
    }
}
