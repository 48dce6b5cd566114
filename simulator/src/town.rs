//! A town of circles in which everybody shares with everybody: the world that the benchmark lives
//! through.
//!
//! In a circle of `n` people each person gives their `mobility.weekly` to each of the others:
//! `n - 1` shares given and as many received per node, one session with each of the others. People
//! of different circles do not know each other.

use std::collections::BTreeMap;

use maille_core::CommandId;
use maille_core::command::{Command, Done, ProjectedRow};
use maille_protocol::card::{Card, ShareLink};
use maille_protocol::id::GrantId;
use maille_schemas::record::Record;
use maille_schemas::time::Moment;

use crate::clock::{EPOCH_MS, VirtualSpan, VirtualTime};
use crate::workload::Traveller;
use crate::world::{NodeIndex, World};

const LENS: &str = "mobility.weekly";
const DAY: VirtualSpan = VirtualSpan::from_secs(86_400);

/// How large a town is, and what goes on in it.
#[derive(Clone, Copy, Debug)]
pub struct Town {
    /// How many circles.
    pub circles: u32,
    /// People in each, one node each.
    pub people: u32,
    /// Trips that each person records in a day, each by a command of its own, at random times.
    pub changes_per_day: u64,
    /// Days of trips that each person records before they share anything.
    pub history_days: u64,
}

/// A town in which people live.
pub struct Life<'world, 'log> {
    town: Town,
    /// The world it lies in, and nobody else does.
    pub world: &'world mut World<'log>,
    people: Vec<NodeIndex>,
    /// Grants given, by giver and reader.
    shares: BTreeMap<(NodeIndex, NodeIndex), GrantId>,
}

impl<'world, 'log> Life<'world, 'log> {
    /// Founds everybody, with their history of trips.
    pub fn found(town: Town, world: &'world mut World<'log>) -> Self {
        let count = town.circles * town.people;
        let people: Vec<NodeIndex> = (0..count)
            .map(|number| world.person(&format!("person {number}")))
            .collect();
        let mut life = Self {
            town,
            world,
            people,
            shares: BTreeMap::new(),
        };
        if town.history_days > 0 {
            let history = town.history_days * town.changes_per_day;
            life.everybody(VirtualSpan::from_secs(60), |life, node| {
                let traveller = life.traveller(node);
                let records = (0..history).map(|number| traveller.trip(number)).collect();
                vec![(node, Command::Record { records })]
            });
        }
        life
    }

    /// Everybody shares with everybody else of their circle, and all of it arrives.
    pub fn share(&mut self) {
        let minute = VirtualSpan::from_secs(60);
        let mut cards: BTreeMap<NodeIndex, Card> = BTreeMap::new();
        for (node, _, done) in self.everybody(minute, |_, node| vec![(node, Command::Card)]) {
            let Done::Card { card } = done else {
                unreachable!("a card")
            };
            cards.insert(node, card);
        }
        let until = self.world.now().timestamp().plus_millis(30 * 86_400_000);
        let created = self.everybody(VirtualSpan::from_secs(300), |life, giver| {
            let share = |reader: NodeIndex| Command::ShareCreate {
                lens: LENS.to_owned(),
                with: cards[&reader].clone(),
                name: life.world.name(reader).to_owned(),
                until,
                from: None,
                purpose: String::from("comparing our weeks"),
            };
            let others = life.others(giver);
            others.map(|reader| (giver, share(reader))).collect()
        });
        let readers: BTreeMap<_, NodeIndex> = cards
            .iter()
            .map(|(node, card)| (card.person, *node))
            .collect();
        let mut links: BTreeMap<NodeIndex, Vec<(NodeIndex, ShareLink)>> = BTreeMap::new();
        for (giver, _, done) in created {
            let Done::ShareCreated { share, link } = done else {
                unreachable!("a share")
            };
            let reader = readers[&share.to];
            self.shares.insert((giver, reader), share.id);
            links.entry(reader).or_default().push((giver, link));
        }
        self.everybody(VirtualSpan::from_secs(300), |life, reader| {
            let given = links.remove(&reader).unwrap_or_default();
            let accept = |(giver, link)| {
                let name = life.world.name(giver).to_owned();
                (reader, Command::ReceivedAccept { link, name })
            };
            given.into_iter().map(accept).collect()
        });
        // Whoever dialled before the other had accepted tries again within a minute and a half.
        self.world.pass(VirtualSpan::from_secs(300));
    }

    /// A day in which everybody records trips.
    pub fn day(&mut self) {
        let begin = self.world.now();
        for person in self.people.clone() {
            for number in 0..self.town.changes_per_day {
                let key = [u64::from(person.0), begin.as_micros(), number];
                let after = self
                    .world
                    .seed()
                    .draw("change", &key)
                    .within(0..DAY.as_micros());
                let at = begin.plus(VirtualSpan::from_micros(after));
                let records = vec![self.trip_at(person, number, at)];
                self.world.tell_at(at, person, Command::Record { records });
            }
        }
        self.world.pass_until(begin.plus(DAY));
        for answered in self.world.drain_answers() {
            assert!(
                matches!(answered.answer, Ok(Ok(Done::Recorded { added: 1, .. }))),
                "{answered:?}"
            );
        }
    }

    /// How many shares were given.
    pub fn shares(&self) -> usize {
        self.shares.len()
    }

    /// Rows that readers hold in all, and shares in which a reader holds other rows than their
    /// giver would show.
    pub fn held(&mut self) -> (usize, usize) {
        let second = VirtualSpan::from_secs(1);
        let mut shown: BTreeMap<NodeIndex, Vec<ProjectedRow>> = BTreeMap::new();
        let preview = Command::LensPreview {
            lens: LENS.to_owned(),
            from: None,
        };
        for (node, _, done) in self.everybody(second, |_, node| vec![(node, preview.clone())]) {
            let Done::Preview { rows, .. } = done else {
                unreachable!("a preview")
            };
            shown.insert(node, rows);
        }
        let givers: BTreeMap<(NodeIndex, GrantId), NodeIndex> = self
            .shares
            .iter()
            .map(|((giver, reader), grant)| ((*reader, *grant), *giver))
            .collect();
        let (mut rows_held, mut differ) = (0, 0);
        let answers = self.everybody(second, |life, reader| {
            let received = life
                .others(reader)
                .map(|giver| life.shares[&(giver, reader)]);
            let show = |grant: GrantId| Command::ReceivedShow {
                share: grant.to_string(),
            };
            received.map(|grant| (reader, show(grant))).collect()
        });
        for (reader, _, done) in answers {
            let Done::Received { share, rows } = done else {
                unreachable!("rows")
            };
            rows_held += rows.len();
            if shown[&givers[&(reader, share.id)]] != rows {
                differ += 1;
            }
        }
        (rows_held, differ)
    }

    /// Has everybody ask for something within `span`; the answers of all.
    fn everybody(
        &mut self,
        span: VirtualSpan,
        mut commands: impl FnMut(&Self, NodeIndex) -> Vec<(NodeIndex, Command)>,
    ) -> Vec<(NodeIndex, CommandId, Done)> {
        let begin = self.world.now();
        let mut asked = 0;
        for (number, person) in (0..).zip(self.people.clone()) {
            // One after the other: a town does not act in one moment.
            let after = span.as_micros() * number / self.people.len() as u64;
            let at = begin.plus(VirtualSpan::from_micros(after));
            for (node, command) in commands(self, person) {
                self.world.tell_at(at, node, command);
                asked += 1;
            }
        }
        self.world.pass(span);
        self.world.pass(VirtualSpan::from_secs(1)); // the last group commit takes its time
        let answers = self.world.drain_answers();
        assert_eq!(answers.len(), asked, "everybody answers within a second");
        answers
            .into_iter()
            .map(|answered| match answered.answer {
                Ok(Ok(done)) => (answered.node, answered.command, done),
                refused => panic!("{:?}: {refused:?}", answered.node),
            })
            .collect()
    }

    fn others(&self, person: NodeIndex) -> impl Iterator<Item = NodeIndex> + use<> {
        let first = person.0 - person.0 % self.town.people;
        let circle = first..first + self.town.people;
        circle.map(NodeIndex).filter(move |node| *node != person)
    }

    fn traveller(&self, node: NodeIndex) -> Traveller {
        Traveller {
            seed: self.world.seed(),
            node,
            days: self.town.history_days.max(1),
        }
    }

    /// A trip that has just ended.
    fn trip_at(&self, person: NodeIndex, number: u64, at: VirtualTime) -> Record {
        let made_up = self.traveller(person).trip(1_000_000 + number);
        let Record::Trip(mut trip) = made_up else {
            unreachable!("travellers make trips")
        };
        let end_ms = i64::try_from(EPOCH_MS + at.as_micros() / 1_000).expect("this century");
        let moment = |at_ms| Moment::new(at_ms, 60).expect("this century");
        trip.start = moment(end_ms - 1_800_000);
        trip.end = moment(end_ms);
        for section in &mut trip.sections {
            (section.start, section.end) = (trip.start, trip.end);
        }
        Record::Trip(trip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Links;
    use crate::random::Seed;
    use crate::scenario::Log;

    #[test]
    fn a_small_town_lives_a_day_and_every_reader_holds_what_every_giver_shows() {
        let mut log = Log::Off;
        let mut world = World::new(Seed(1), Links::default(), &mut log);
        let town = Town {
            circles: 2,
            people: 3,
            changes_per_day: 4,
            history_days: 3,
        };
        let mut life = Life::found(town, &mut world);
        life.share();
        assert_eq!(life.shares(), 12);
        let (before, _) = life.held();
        life.day();
        life.world.pass(VirtualSpan::from_secs(60));
        let (rows, differ) = life.held();
        assert!(rows >= before && rows > 0);
        assert_eq!(differ, 0);
        assert_eq!(life.world.broken(), Vec::new());
    }
}
