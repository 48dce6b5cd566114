//! In English.

use super::{DemoStep, DemoText, DemoView};
use crate::i18n::en::{English, counted};

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
                "Inès makes a circle; Marc and Léo, who did not know each other, come in by her invite"
            }
            DemoStep::List => "All three write on its list at once; all three hold the same list",
            DemoStep::Remove => {
                "Inès takes Marc out; what she and Léo write afterwards does not reach him"
            }
            DemoStep::Device => {
                "Inès adds her phone by a code and three words, has all of it there, and loses it"
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

    fn demo_items(&self) -> [&'static str; 5] {
        [
            "bread",
            "bicycle pump",
            "light bulbs",
            "seeds (after Marc)",
            "milk (after Marc)",
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
            DemoView::Sent => "At Inès', what left her device:",
        }
    }
}
