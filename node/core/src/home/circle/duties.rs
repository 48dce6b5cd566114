//! What a member's node owes the others of a circle.
//!
//! | what is so | who does what, when |
//! |---|---|
//! | nobody removed may have the key, but there is no such key yet | any member makes one: at once who said the removal, others 2 to 20 s later |
//! | there is a key, and it was not given to us | we make another after 60 to 120 s: most often it is on its way |
//! | a device lacks a key that it may have | who admitted it, or said what stays of its admission, hands it on at once, others after 30 to 90 s |
//! | a membership ended and nothing was said of what its holder wrote | an admin keeps what is here, 1 to 10 s after the last item of the circle has come, or two minutes at most |
//! | we are called or met otherwise than our card says | we write a card |
//! | edits wait | they are written once there is a key |
//! | what edits of ours rest on has fallen, to a removal or since its log forks | they are written again |
//! | the grant of the circle to itself ends within 30 days | an admin renews it |
//!
//! Delays are drawn, so that not everybody does the same at once.

use std::collections::BTreeSet;

use maille_protocol::entry::LogId;
use maille_protocol::evaluation::{Role, Speaker};
use maille_protocol::grant::Grant;
use maille_protocol::id::GrantId;
use maille_protocol::principal::Authority;
use maille_protocol::replica::{NoKeyError, WriteError};
use maille_protocol::statement::{Key32, Kind, Subject};
use maille_protocol::sync::CircleItem;
use maille_protocol::time::{DAY_MS, Timestamp};
use maille_protocol::wire;
use maille_schemas::circle as document;
use rand_core::CryptoRng;

use super::super::Home;
use super::super::link::PAUSE_MS;
use super::{Circle, CircleContent, Edit, GRANT_DAYS, MemberCard, PART, actor_of};
use crate::command::CommandError;
use crate::io::{Event, Store};
use crate::layout;
use crate::state::WrittenEdit;
use crate::view::{ReadError, damaged};

const RENEW_BEFORE_DAYS: u64 = 30;

/// The longest that anything waits.
const DELAY_MS_MAX: u64 = 120_000;

/// How long an admin waits with what is kept of a member who is none any more.
const CUT_MS: (u64, u64) = (1_000, 10_000);

/// Edits of ours that are kept to be written again: what falls was mostly written of late.
const WRITTEN_MAX: u64 = 1_000;

/// When what is owed is done.
#[derive(Debug, Default)]
pub(super) struct Duties {
    rotate_at: Option<Timestamp>,
    hand_on_at: Option<Timestamp>,
    cut_at: Option<Timestamp>,
    /// Since when it is owed.
    cut_since: Option<Timestamp>,
    /// Cards, edits, renewals: they wait for nobody.
    look_at: Option<Timestamp>,
    at_once: bool,
}

impl Duties {
    /// Whoever says something here does what follows from it.
    pub(super) const fn at_once(&mut self) {
        self.at_once = true;
    }

    pub(super) const fn look(&mut self, at: Timestamp) {
        self.look_at = Some(at);
    }

    /// Whether the time has come. One that lies further ahead than any delay was set by a clock that has been put
    /// back since.
    fn is_due(at: Option<Timestamp>, now: Timestamp) -> bool {
        at.is_some_and(|at| at <= now || at > now.plus_millis(2 * DELAY_MS_MAX))
    }

    fn any_due(&self, now: Timestamp) -> bool {
        self.all().into_iter().any(|at| Self::is_due(at, now))
    }

    fn next(&self) -> Option<Timestamp> {
        self.all().into_iter().flatten().min()
    }

    const fn all(&self) -> [Option<Timestamp>; 4] {
        [self.rotate_at, self.hand_on_at, self.cut_at, self.look_at]
    }
}

const _: () = assert!(PAUSE_MS <= DELAY_MS_MAX);

/// A moment between two delays from now, drawn.
pub(super) fn soon(
    now: Timestamp,
    rng: &mut impl CryptoRng,
    (from_ms, to_ms): (u64, u64),
) -> Timestamp {
    let drawn = u64::from(rng.next_u32()) % (to_ms - from_ms);
    now.plus_millis(from_ms + drawn)
}

impl Circle {
    /// Sees what is owed, and when it is to be done.
    pub(super) fn look_at_duties(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let me = self.replica.me().person;
        if !self.has_member(&me) {
            self.duties = Duties::default();
            return;
        }
        let owed = match self.replica.sealed_under(PART) {
            Ok(_) => None,
            Err(NoKeyError::NotGiven) => Some((60_000, DELAY_MS_MAX)),
            Err(_) => Some((2_000, 20_000)),
        };
        let duties = &mut self.duties;
        duties.rotate_at =
            owed.and_then(|span| duties.rotate_at.or_else(|| Some(soon(now, rng, span))));
        if duties.hand_on_at.is_none() {
            duties.hand_on_at = Some(soon(now, rng, (30_000, 90_000)));
        }
        let subjects = [self.subject(), self.slice()];
        let cuts = self.is_admin() && subjects.iter().any(|of| !self.to_cut(of).is_empty());
        let duties = &mut self.duties;
        duties.cut_at = if cuts {
            duties.cut_since.get_or_insert(now);
            duties.cut_at.or_else(|| Some(soon(now, rng, CUT_MS)))
        } else {
            duties.cut_since = None;
            None
        };
        duties.look_at = Some(now);
    }

    /// An item has come: whoever came back, or was away, does not have all that a removed one wrote yet.
    pub(super) fn put_off_cut(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let duties = &mut self.duties;
        let may_wait = |since: Timestamp| now < since.plus_millis(DELAY_MS_MAX) && now >= since;
        if duties.cut_at.is_some() && duties.cut_since.is_some_and(may_wait) {
            duties.cut_at = Some(soon(now, rng, CUT_MS));
        }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.role_of(&self.replica.me().person) == Some(Role::Admin)
    }

    /// Those of whom nothing was said yet of how much stays of what they said in the circle, or in its slice, and whom
    /// we may speak about.
    fn to_cut(&self, subject: &Subject) -> Vec<Speaker> {
        let (outcome, mut uncut) = match subject {
            Subject::Circle(_) => (
                self.replica.circle().statements().outcome(),
                self.replica.uncut_in_circle(),
            ),
            Subject::Person(_) | Subject::Slice(_) | Subject::Control(_) => (
                self.replica.access().statements().outcome(),
                self.replica.uncut(),
            ),
        };
        let me = self.replica.me();
        let members = self.replica.circle().members();
        let mine = members.get(&me.person).map(|member| Speaker {
            membership: member.membership,
            key: me.signing.public(),
        });
        let Some(mine) = mine.filter(|mine| outcome.speaks(mine)) else {
            return Vec::new();
        };
        let above = outcome.seniority(&mine);
        uncut.retain(|them| above < outcome.seniority(them));
        uncut
    }

    /// In the circle of our own devices: whether one of them may still say what stays of what a removed one wrote.
    /// Nobody may of the most senior, which the root has removed: nothing of its entries stays.
    pub(super) fn awaits_cut(&self, authority: &Authority) -> bool {
        let outcome = self.replica.access().statements().outcome();
        let members = self.replica.circle().members();
        let membership = members.get(&authority.person()).map(|it| it.membership);
        let devices = authority.devices().keys().filter_map(|device| {
            let of = Speaker {
                membership: membership?,
                key: *device.as_bytes(),
            };
            outcome.seniority(&of).filter(|_| outcome.speaks(&of))
        });
        let most_senior = devices.min();
        let mut uncut = self.replica.uncut().into_iter();
        uncut.any(|them| most_senior.is_some() && most_senior < outcome.seniority(&them))
    }
}

impl<S: Store> Home<S> {
    /// Does what is due in circles. Errors of our store are met again, later.
    pub(in crate::home) fn circle_duties(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self.is_removed() || self.load_circles().is_err() {
            return; // who speaks for nobody owes nothing
        }
        let due: Vec<_> = (self.circles.iter())
            .filter(|(_, circle)| circle.duties.any_due(now))
            .map(|(id, _)| *id)
            .collect();
        if !due.is_empty() {
            self.flush(); // what failed here takes nothing else back
        }
        for id in due {
            let done = self.with_circle(id, |home, circle| home.do_duties(now, rng, circle));
            if done.is_err() {
                self.take_back();
                if let Ok(Some(mut circle)) = self.load_circle(id) {
                    circle.duties.look_at = Some(now.plus_millis(PAUSE_MS));
                    self.circles.insert(id, circle);
                }
            }
            self.flush();
        }
    }

    /// When something is due in a circle next.
    pub(in crate::home) fn next_circle_duty(&self) -> Option<Timestamp> {
        if self.is_removed() {
            return None;
        }
        (self.circles.values())
            .filter_map(|circle| circle.duties.next())
            .min()
    }

    /// We are met elsewhere: all circles are to hear of it.
    pub(in crate::home) fn look_at_cards(&mut self, now: Timestamp) {
        for circle in self.circles.values_mut() {
            circle.duties.look(now);
        }
    }

    pub(super) fn do_duties(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
    ) -> Result<(), CommandError> {
        let at_once = std::mem::take(&mut circle.duties.at_once);
        circle.look_at_duties(now, rng);
        let due = |at: Option<Timestamp>| at.is_some() && (at_once || Duties::is_due(at, now));
        if due(circle.duties.cut_at) {
            circle.duties.cut_at = None;
            self.cut(circle)?;
            // What stands by it is ours to take in, too: nobody sends it to us.
            self.take_documents(now, rng, circle)?;
            // Whoever is a member again by it got no key that was made before.
            circle.duties.hand_on_at = Some(now);
        }
        if due(circle.duties.rotate_at) {
            circle.duties.rotate_at = None;
            self.rotate(rng, circle)?;
        }
        if due(circle.duties.hand_on_at) {
            circle.duties.hand_on_at = None;
            let given = circle.replica.hand_on(rng);
            for object in given {
                circle.replica.take_objects([object.clone()]);
                let item = CircleItem::Key(wire::encode(&object));
                self.keep_item(circle, item, None)?;
            }
        }
        circle.duties.look_at = None;
        circle.duties.at_once = false;
        if circle.has_member(&self.me.person) {
            self.renew(now, circle)?;
            self.write_card(now, circle)?;
            if std::mem::take(&mut circle.fell) {
                self.take_up_edits(circle)?;
            }
            self.write_edits(now, circle)?;
        }
        self.meet_members(now, rng, circle)?;
        if circle.fell && circle.has_member(&self.me.person) {
            circle.duties.look(now.plus_millis(1));
        }
        Ok(())
    }

    /// Says how much stays of what those said and wrote who are no members any more: what is here. Of the circle first,
    /// since that says who is one.
    fn cut(&mut self, circle: &mut Circle) -> Result<(), CommandError> {
        let (of_circle, slice) = (circle.subject(), circle.slice());
        for subject in [of_circle, slice] {
            for speaker in circle.to_cut(&subject) {
                let mut keep = circle.replica.held_of_key(&speaker, &subject);
                if subject == of_circle {
                    keep.logs = Vec::new(); // of the slice, and named there
                }
                let kind = Kind::Remove {
                    membership: speaker.membership,
                    key: Some(Key32(speaker.key)),
                    keep,
                    trusted: None,
                };
                self.say_in_circle(circle, subject, kind)?;
            }
        }
        Ok(())
    }

    fn rotate(
        &mut self,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
    ) -> Result<(), CommandError> {
        let Ok(news) = circle.replica.rotate(PART, rng) else {
            return Ok(()); // we may not announce a key: somebody else does
        };
        let statements = news.statements.iter();
        let items = (statements.map(|said| CircleItem::Statement(said.to_bytes())))
            .chain((news.generations.iter()).map(|it| CircleItem::Generation(wire::encode(it))))
            .chain((news.objects.iter()).map(|it| CircleItem::Key(wire::encode(it))));
        for item in items.collect::<Vec<_>>() {
            self.keep_item(circle, item, None)?;
        }
        Ok(())
    }

    fn renew(&mut self, now: Timestamp, circle: &mut Circle) -> Result<(), CommandError> {
        let before = now.plus_millis(RENEW_BEFORE_DAYS * DAY_MS);
        if !circle.is_admin() {
            return Ok(());
        }
        let ends = |grant: &GrantId| {
            let allowed = circle.replica.access().allowed(grant);
            allowed.is_ok_and(|allowed| allowed.expires <= before)
        };
        let ending: Vec<GrantId> = (circle.grants().map(|(id, _)| id)).filter(ends).collect();
        for grant in ending {
            let expires = now.plus_millis(GRANT_DAYS * DAY_MS);
            let grant = grant.into();
            let slice = circle.slice();
            self.say_in_circle(circle, slice, Kind::Renew { grant, expires })?;
        }
        Ok(())
    }

    /// Who comes back after they left writes by a grant of its own: under those before, their keys were cut.
    pub(super) fn grant_again(
        &mut self,
        now: Timestamp,
        circle: &mut Circle,
    ) -> Result<(), CommandError> {
        let Some(first) = circle.grant().cloned() else {
            return Ok(());
        };
        let grant = Grant {
            not_before: now,
            expires: now.plus_millis(GRANT_DAYS * DAY_MS),
            ..first
        };
        let slice = circle.slice();
        self.say_in_circle(circle, slice, Kind::Grant(grant))
    }

    /// Says how we are called and where we are met, if that is news.
    fn write_card(&mut self, now: Timestamp, circle: &mut Circle) -> Result<(), CommandError> {
        let addresses = self.card().addresses;
        let said = circle.places.get(&self.me.device);
        let news = said.is_none_or(|said| {
            said.name != circle.record.called
                || (!addresses.is_empty() && said.addresses != addresses)
        });
        if !news {
            return Ok(());
        }
        let number = circle
            .cards
            .get(&self.me.person)
            .map_or(0, |said| said.number);
        let card = MemberCard {
            number: number.saturating_add(1),
            name: circle.record.called.clone(),
            addresses,
        };
        let content = CircleContent {
            version: 1,
            card: Some(card),
            ..CircleContent::default()
        };
        if let Err(WriteError::Forked) = self.write_in_circle(now, circle, &content)? {
            self.begin_another_log(circle);
            circle.duties.look(now.plus_millis(1));
        }
        Ok(()) // without a key it waits
    }

    /// This device's log is over: a copy of this store wrote in it, or what it rests on was cut.
    pub(super) fn begin_another_log(&mut self, circle: &mut Circle) {
        circle.record.logs_over += 1;
        let me = self.circle_me(circle.id(), circle.record.logs_over);
        circle.replica.reinstall(me.installation);
        self.view.write(layout::circle(circle.id()), &circle.record);
    }

    /// Edits of ours whose changes follow some that have fallen are in nobody's document any more, though their entries
    /// stand: they wait once more.
    fn take_up_edits(&mut self, circle: &mut Circle) -> Result<(), ReadError> {
        let id = circle.id();
        let written = self
            .view
            .scan_read::<WrittenEdit>(&layout::circle_all_written(id))?;
        if written.is_empty() {
            return Ok(());
        }
        let waiting: BTreeSet<(Vec<u8>, u64)> = (circle.document().waiting())
            .map(|(actor, number)| (actor.to_vec(), number))
            .collect();
        for (at, written) in written {
            if waiting.contains(&(actor_of(&written.log).to_vec(), written.last)) {
                let number = layout::number_in(&at).ok_or_else(|| damaged(&at))?;
                let edit = Edit::List(written.edit);
                self.view.write(layout::circle_edit(id, number), &edit);
                self.view.delete(at);
            }
        }
        Ok(())
    }

    /// Notes an edit that was written, instead of the one that was written long before it.
    fn note_written(&mut self, circle: &Circle, edit: &[u8], written: &WrittenEdit) {
        let Some(number) = layout::number_in(edit) else {
            return;
        };
        let id = circle.id();
        self.view.write(layout::circle_written(id, number), written);
        if let Some(old) = number.checked_sub(WRITTEN_MAX) {
            self.view.delete(layout::circle_written(id, old));
        }
    }

    /// Writes the edits that wait, as far as there is a key.
    fn write_edits(&mut self, now: Timestamp, circle: &mut Circle) -> Result<(), CommandError> {
        let id = circle.id();
        let waiting = self.view.scan_read::<Edit>(&layout::circle_edits(id))?;
        let mut written = false;
        for (at, edit) in waiting {
            let mut tries = 0..3;
            loop {
                if tries.next().is_none() {
                    return Err(damaged(&at).into());
                }
                let Some(log) = circle.replica.own_log(PART) else {
                    return Ok(());
                };
                if circle.replica.sealed_under(PART).is_err() {
                    return Ok(());
                }
                let Some(contents) = contents_of(now, circle, &log, &edit) else {
                    self.begin_another_log(circle);
                    continue;
                };
                let mut outcome = Ok(None);
                for content in contents {
                    outcome = self.write_in_circle(now, circle, &content)?.map(Some);
                    if outcome.is_err() {
                        break;
                    }
                }
                match outcome {
                    Ok(Some(last)) => {
                        // Other edits rest on nothing in the circle's document.
                        if let Edit::List(edit) = edit {
                            self.note_written(circle, &at, &WrittenEdit { edit, log, last });
                        }
                        written = true;
                        break;
                    }
                    Ok(None) => break,
                    Err(WriteError::Forked) => self.begin_another_log(circle),
                    Err(_) => return Ok(()),
                }
            }
            self.view.delete(at);
        }
        if written {
            self.event(Event::CircleNews { circle: id });
        }
        Ok(())
    }
}

/// What an edit is written as: nothing if it was done by somebody else meanwhile. `None`: the log is over.
fn contents_of(
    now: Timestamp,
    circle: &mut Circle,
    log: &LogId,
    edit: &Edit,
) -> Option<Vec<CircleContent>> {
    let mut content = CircleContent {
        version: 1,
        ..CircleContent::default()
    };
    let edit = match edit {
        Edit::List(edit) => edit,
        Edit::Documents(documents) => {
            content.documents.clone_from(documents);
            return Some(vec![content]);
        }
        Edit::Circle(circle) => {
            content.circle = Some(circle.clone());
            return Some(vec![content]);
        }
        Edit::Relay(said) => {
            content.relay = Some(said.clone());
            return Some(vec![content]);
        }
        Edit::Poll(edit) => {
            content.poll = circle.said_by(now, edit);
            let overtaken = content.poll.is_none();
            return Some(if overtaken { Vec::new() } else { vec![content] });
        }
    };
    let stands = circle.replica.standing();
    let stands = stands.filter(|it| it.entry.log() == *log).count() as u64;
    let actor = actor_of(log);
    let gate = circle.document();
    if stands > gate.taken_of(&actor) {
        return None;
    }
    let time = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let changes = gate.write(&actor, time, |transaction| {
        // It says what Automerge says of a document of ours: nothing that is known.
        let _ = document::edit(transaction, edit);
    });
    let contents = changes.unwrap_or_default().into_iter();
    let contents = contents.map(|change| CircleContent {
        version: 1,
        change: Some(change.into()),
        ..CircleContent::default()
    });
    Some(contents.collect())
}
