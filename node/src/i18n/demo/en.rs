//! In English.

use maille_core::command::{PollOutcome, PollShown};

use super::{DemoDevices, DemoStep, DemoText, DemoView};
use crate::demo::Recovered;
use crate::i18n::en::{English, counted, quoted};
use crate::i18n::{CircleText as _, Text as _};

impl DemoText for English {
    fn demo_step(&self, step: DemoStep) -> &'static str {
        match step {
            DemoStep::Found => "Inès, Marc and Zoé each set their folder up",
            DemoStep::Import => {
                "Inès imports her files: a GPX track, a Cozy export, her Linky meter's curve"
            }
            DemoStep::Footprint => "Inès sees her emissions, worked out at home",
            DemoStep::Share => "Inès looks at what Marc would see, then shares her weeks with him",
            DemoStep::Accept => "Marc accepts the link; Inès' rows arrive",
            DemoStep::Live => {
                "Inès imports two more weeks; they appear at Marc's without his asking"
            }
            DemoStep::Stranger => {
                "Zoé, who knows addresses and identifiers but was given nothing, gets nothing"
            }
            DemoStep::Revoke => "Inès stops the share; Marc hears of it and keeps what he had",
            DemoStep::After => "Inès imports more; nothing new arrives at Marc's",
            DemoStep::Log => "Inès reads again all that left her device",
            DemoStep::Circle => {
                "Inès makes a circle of eight; the seven others come in by her invites"
            }
            DemoStep::Poll => "Léo asks the circle a question; they vote, and he ends the vote",
            DemoStep::List => "All eight write on its list at once; all eight hold the same list",
            DemoStep::Remove => {
                "Inès takes Marc out; what she and Léo write afterwards does not reach him"
            }
            DemoStep::Device => {
                "Inès adds her phone by a code and three words, has all of it there, and loses it"
            }
            DemoStep::Recover => {
                "Inès adds a tablet and loses her laptop; her twelve words bring her back on a new machine"
            }
        }
    }

    fn demo_intro(&self) -> Vec<String> {
        vec![
            "Demo: made-up people, fabricated files (in real formats), real Maille devices that talk".to_owned(),
            "over this machine's own network.".to_owned(),
        ]
    }

    fn demo_done(&self, seconds: u64) -> String {
        format!(
            "All went as told, checked step by step, in {}.",
            counted(seconds, "second", "seconds")
        )
    }

    fn demo_kept(&self, folder: &str) -> Vec<String> {
        vec![
            format!("The folders are kept in {folder}."),
            format!("Try for example: maille --home {folder}/marc received list"),
        ]
    }

    fn demo_circle(&self) -> &'static str {
        "Made-up house"
    }

    fn demo_circle_seen(&self) -> &'static str {
        "Marc by an invite for one, which then refused Léo; he and five more by another, for six."
    }

    fn demo_question(&self) -> &'static str {
        "Which evening?"
    }

    fn demo_choices(&self) -> [&'static str; 3] {
        ["Monday", "Tuesday", "Thursday"]
    }

    fn demo_counted(&self, poll: &PollShown) -> String {
        let PollOutcome::Chosen { choice } = poll.tally.outcome else {
            return "Nothing was chosen.".to_owned();
        };
        let at = choice as usize - 1;
        format!(
            "{}, with {} of {}; {} of {} voted, and all see the same.",
            quoted(&poll.choices[at]),
            poll.tally.votes[at],
            counted(poll.tally.voted, "vote", "votes"),
            poll.tally.voted,
            poll.tally.electors,
        )
    }

    fn demo_items(&self) -> [&'static str; 11] {
        [
            "bread",
            "bicycle pump",
            "light bulbs",
            "coffee",
            "washers for the tap",
            "jam jars",
            "candles",
            "string",
            "seeds (after Marc)",
            "milk (after Marc)",
            "paper, for the next twelve words",
        ]
    }

    fn demo_devices(&self) -> DemoDevices {
        DemoDevices {
            laptop: "laptop",
            phone: "phone",
            tablet: "tablet",
            new: "new laptop",
        }
    }

    fn demo_lost(&self) -> &'static str {
        "The laptop's folder is deleted. From an empty one, those are asked who may know whose words these are:"
    }

    fn demo_asked(&self, name: &str, answered: bool) -> String {
        let state = if answered {
            "answered"
        } else {
            "did not answer"
        };
        format!("  {name}: {state}")
    }

    fn demo_back(&self) -> &'static str {
        "All that the laptop held is here again; what she and Léo write from now on follows."
    }

    fn demo_recovered(&self, recovered: &Recovered) -> Vec<String> {
        vec![
            format!(
                "Back: {}, {}, {}, and the circle:",
                self.trips(recovered.trips),
                self.readings(recovered.readings),
                counted(recovered.polls, "vote in the circle", "votes in the circle")
            ),
            self.circle(&recovered.circle),
            format!(
                "Not back, since the lost laptop alone had it: {} given to Marc, and {} of what had left for it.",
                counted(recovered.shares_missing, "share", "shares"),
                counted(recovered.notes_missing, "note", "notes")
            ),
            "The list, with what was written since:".to_owned(),
        ]
    }

    fn demo_purpose(&self) -> &'static str {
        "comparing our weeks"
    }

    fn demo_view(&self, view: DemoView) -> &'static str {
        match view {
            DemoView::Footprint => "At Inès', her emissions:",
            DemoView::Received => "At Marc's, what he received:",
            DemoView::Given => "At Inès', what she shared:",
            DemoView::List => "In the circle, the list at Léo's:",
            DemoView::ListRemoved => {
                "The list at Marc's, who was taken out before its last two lines:"
            }
            DemoView::Poll => "In the circle, the vote as all eight saw it at its end:",
            DemoView::Recovered => "At Inès', back on a new machine with her twelve words:",
            DemoView::Sent => "At Inès', what left her device:",
        }
    }
}
