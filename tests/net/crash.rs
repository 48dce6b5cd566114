//! `kill -9` of either node at seeded moments, while imports, shares and revocations go on.
//!
//! What was acknowledged before a kill must be there after it, and no log may fork: at the end every
//! entry in Marc's store is, to the last byte, the one that Inès's store has in that place.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use maille_core::sim::Inspect;
use maille_simulator::random::Seed;
use maille_tests::eventually;
use maille_tests::gpx::Track;
use maille_tests::person::{Node, Person, text};
use serde_json::Value;

/// How often a node is killed. `MAILLE_TEST_KILLS` asks for more; tests/LEDGER.md says when that was done.
const KILLS: u64 = 100;

/// The latest moment of a kill after the nodes run: several commands long, so that it hits each of
/// them anywhere, and the exchange between the nodes too.
const LATEST_MICROS: u64 = 150_000;

/// A share is made, accepted and stopped once in so many commands.
const SHARE_EVERY: u64 = 10;

#[test]
fn kill_9_at_seeded_moments_loses_nothing_acknowledged_and_forks_no_log() {
    let asked = std::env::var("MAILLE_TEST_KILLS").ok();
    let kills = asked.map_or(KILLS, |kills| {
        kills.parse().expect("MAILLE_TEST_KILLS is a number")
    });
    let mut story = Story::begin(Seed(0x5EED));
    for moment in 0..kills {
        story.moment(moment);
    }
    story.end();
    story.no_log_has_forked();
}

struct Story {
    seed: Seed,
    ines: Person,
    marc: Person,
    /// Inès's and Marc's.
    nodes: [Option<Node>; 2],
    /// How many commands were typed.
    commands: u64,
    /// How many imports were cut short.
    interrupted: u64,
    /// Titles of tracks whose import was acknowledged.
    imported: BTreeSet<String>,
    /// Every share whose making was acknowledged, in order, with its link.
    made: Vec<(String, String)>,
    /// Shares whose end was acknowledged.
    stopped: BTreeSet<String>,
    /// Shares that Marc's node took on.
    accepted: BTreeSet<String>,
}

impl Story {
    fn begin(seed: Seed) -> Self {
        let (ines, marc) = (Person::new(), Person::new());
        let nodes = [Some(ines.runs(&[])), Some(marc.runs(&[]))];
        Self {
            seed,
            ines,
            marc,
            nodes,
            commands: 0,
            interrupted: 0,
            imported: BTreeSet::new(),
            made: Vec::new(),
            stopped: BTreeSet::new(),
            accepted: BTreeSet::new(),
        }
    }

    /// Types one command after the other until a node is killed in the midst of it.
    fn moment(&mut self, moment: u64) {
        let draw = |what: &str, range| self.seed.draw(what, &[moment]).within(range);
        let victim = usize::try_from(draw("victim", 0..2)).expect("below two");
        let after = Duration::from_micros(draw("moment", 0..LATEST_MICROS));
        let node = self.nodes[victim].take().expect("both run");
        let killer = thread::spawn(move || {
            thread::sleep(after); // the moment is the seed's, whatever is under way then
            node.is_killed();
        });
        while !killer.is_finished() {
            self.works();
        }
        killer.join().expect("the node was there to be killed");
        let person = [&self.ines, &self.marc][victim];
        self.nodes[victim] = Some(person.runs(&[]));
    }

    fn works(&mut self) {
        self.commands += 1;
        match self.commands % SHARE_EVERY {
            1 => self.shares(),
            2 => self.accepts(),
            9 => self.stops(),
            _ => self.imports(self.commands),
        }
    }

    fn imports(&mut self, number: u64) {
        let title = format!("ride {number}");
        // An hour of its own for every ride: two rides of one hour would be one trip imported twice.
        let year = 2026 - number / 1_848 % 40;
        let day = format!("{year}-{:02}-{:02}", 1 + number / 28 % 3, 1 + number % 28);
        let hour = u32::try_from(number / 84 % 22).expect("below twenty-two");
        let track = Track {
            name: &title,
            kind: "cycling",
            day: &day,
            hour,
            hectometres: 20,
        };
        let file = self.ines.writes("ride.gpx", &track.file());
        let file = file.to_str().expect("temporary folders have plain names");
        if self.ines.try_json(&["import", file]).is_ok() {
            self.imported.insert(title);
        } else {
            self.interrupted += 1;
        }
    }

    fn shares(&mut self) {
        let card = self.marc.card_if_it_answers();
        let Some(card) = card else { return };
        if let Ok(made) = self.ines.try_shares_with(&card, "Marc", "killing nodes") {
            self.made.push(made);
        }
    }

    fn accepts(&mut self) {
        let Some((share, link)) = self.made.last() else {
            return;
        };
        if self.stopped.contains(share) {
            return;
        }
        // Whether the rows arrive before the kill does not matter here, so there is no waiting for them.
        let accepted = self
            .marc
            .try_json(&["received", "accept", link, "--name", "Inès", "--wait", "0"]);
        let taken = match accepted {
            Ok(_) => true,
            Err(refused) => refused
                .object
                .pointer("/error/code")
                .is_some_and(|code| code == "not-arrived"),
        };
        if taken {
            self.accepted.insert(share.clone());
        }
    }

    fn stops(&mut self) {
        let Some((share, _)) = self.made.last() else {
            return;
        };
        if self.ines.try_json(&["share", "revoke", share]).is_ok() {
            self.stopped.insert(share.clone());
        }
    }

    /// Everything acknowledged is there, and the two agree about a share made before the last kills.
    fn end(&self) {
        let trips = self.ines.json(&["trip", "list"]);
        let held: BTreeSet<String> = trips["trips"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|trip| trip["title"].as_str().map(str::to_owned))
            .collect();
        let lost: Vec<_> = self.imported.difference(&held).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let (done, cut) = (self.imported.len() as u64, self.interrupted);
        assert!(
            done > KILLS && cut > 0 && self.made.len() > 3,
            "{done} imports done and {cut} cut short"
        );

        let given = states(&self.ines.json(&["share", "list"]));
        for (share, _) in &self.made {
            let state = given
                .iter()
                .find(|(id, _)| id == share)
                .map(|(_, state)| state.as_str());
            let wanted = if self.stopped.contains(share) {
                "revoked"
            } else {
                "active"
            };
            // An unacknowledged revocation may have been carried out.
            assert!(
                state == Some(wanted) || (wanted == "active" && state == Some("revoked")),
                "{share} is {state:?}"
            );
        }
        let received = states(&self.marc.json(&["received", "list"]));
        for share in &self.accepted {
            assert!(
                received.iter().any(|(id, _)| id == share),
                "Marc forgot {share}"
            );
        }
        self.agree_about_a_new_share();
        self.agree_about_the_old_ones();
    }

    /// Looks into both stores, once both nodes are gone.
    fn no_log_has_forked(mut self) {
        self.nodes = [None, None];
        let (ines, marc) = (self.ines.store(), self.marc.store());
        let (ines, marc) = (Inspect(&ines), Inspect(&marc));
        let mut slices: Vec<_> = marc.taken().into_iter().map(|taken| taken.1).collect();
        slices.sort_unstable();
        slices.dedup();
        let mut compared = 0;
        for slice in slices {
            let written = ines.entries(slice);
            for held in marc.entries(slice) {
                assert!(
                    written.contains(&held),
                    "{held:?} is not what Inès has there"
                );
                compared += 1;
            }
        }
        assert!(compared > KILLS, "{compared} entries compared");
    }

    /// A share of the same slice carries every entry of its logs, from before and after each kill.
    fn agree_about_a_new_share(&self) {
        let (share, link) = self
            .ines
            .shares_with(&self.marc.card(), "Marc", "after the kills");
        // A node takes a while to notice that the other was killed, and pauses between dials.
        self.marc.json(&[
            "received", "accept", &link, "--name", "Inès", "--wait", "30",
        ]);
        let shown = self.ines.preview();
        assert!(
            shown.as_array().is_some_and(|rows| rows.len() > 2),
            "{shown}"
        );
        eventually("Marc's rows become Inès's", || {
            (self.marc.rows(&share) == shown).then_some(())
        });
    }

    fn agree_about_the_old_ones(&self) {
        for share in self
            .accepted
            .iter()
            .filter(|share| self.stopped.contains(*share))
        {
            eventually("Marc hears of every end", || {
                (self.marc.listed("received", share)["state"]["state"] == "revoked").then_some(())
            });
        }
    }
}

/// Ids and states of listed shares.
fn states(list: &Value) -> Vec<(String, String)> {
    let shares = list["shares"].as_array().into_iter().flatten();
    shares
        .map(|share| (text(share, "/id"), text(share, "/state/state")))
        .collect()
}
