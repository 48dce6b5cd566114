//! What the demo says.

mod en;
mod fr;

use maille_core::command::PollShown;

use crate::demo::Recovered;

/// The sentences of one language about the demo.
pub(crate) trait DemoText {
    /// A step of the demo begins.
    fn demo_step(&self, step: DemoStep) -> &'static str;
    /// Who the people are, and that they are made up.
    fn demo_intro(&self) -> Vec<String>;
    /// What was shown, at the end.
    fn demo_done(&self, seconds: u64) -> String;
    /// Where the homes were kept.
    fn demo_kept(&self, folder: &str) -> Vec<String>;
    /// What the circle is called.
    fn demo_circle(&self) -> &'static str;
    /// By which invites its members came in.
    fn demo_circle_seen(&self) -> &'static str;
    /// What its members are asked.
    fn demo_question(&self) -> &'static str;
    /// What they can answer.
    fn demo_choices(&self) -> [&'static str; 3];
    /// How they voted, in one line.
    fn demo_counted(&self, poll: &PollShown) -> String;
    /// What is written on its list: by each member, by two after the removal, by Inès after her return.
    fn demo_items(&self) -> [&'static str; 11];
    /// What Inès calls her devices.
    fn demo_devices(&self) -> DemoDevices;
    /// Inès' machine is gone.
    fn demo_lost(&self) -> &'static str;
    /// Somebody was asked who has the words.
    fn demo_asked(&self, name: &str, answered: bool) -> String;
    /// All that the lost machine held is back.
    fn demo_back(&self) -> &'static str;
    /// What is back, and what is not.
    fn demo_recovered(&self, recovered: &Recovered) -> Vec<String>;
    /// Why Inès shares.
    fn demo_purpose(&self) -> &'static str;
    /// Heading above one person's view.
    fn demo_view(&self, view: DemoView) -> &'static str;
}

/// What Inès calls her devices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DemoDevices {
    /// Her first one.
    pub(crate) laptop: &'static str,
    /// The one that is lost and removed.
    pub(crate) phone: &'static str,
    /// The one that is left when the first is lost.
    pub(crate) tablet: &'static str,
    /// The one on which she comes back.
    pub(crate) new: &'static str,
}

/// The steps of the demo, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DemoStep {
    /// Three people set up their homes.
    Found,
    /// Inès imports files.
    Import,
    /// Inès sees her footprint.
    Footprint,
    /// Inès shares her weeks with Marc.
    Share,
    /// Marc accepts, and the rows arrive.
    Accept,
    /// Inès imports more, and it appears at Marc.
    Live,
    /// Zoé, who was given nothing, tries.
    Stranger,
    /// Inès ends the share.
    Revoke,
    /// Inès imports more, and Marc gets nothing.
    After,
    /// What left Inès' node.
    Log,
    /// Inès makes a circle; seven come in by invites.
    Circle,
    /// They vote, and all see the same result.
    Poll,
    /// All eight write at once, and all hold the same list.
    List,
    /// Marc is removed, and gets nothing that is written afterwards.
    Remove,
    /// Inès adds a phone, and loses it.
    Device,
    /// Inès loses her laptop, and comes back with her words.
    Recover,
}

impl DemoStep {
    /// All steps, in order.
    pub(crate) const ALL: [Self; 16] = [
        Self::Found,
        Self::Import,
        Self::Footprint,
        Self::Share,
        Self::Accept,
        Self::Live,
        Self::Stranger,
        Self::Revoke,
        Self::After,
        Self::Log,
        Self::Circle,
        Self::Poll,
        Self::List,
        Self::Remove,
        Self::Device,
        Self::Recover,
    ];
}

/// What the demo shows at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DemoView {
    /// Inès' footprint.
    Footprint,
    /// What Marc sees.
    Received,
    /// What Inès gave.
    Given,
    /// What left Inès' node.
    Sent,
    /// The circle's poll, as all see it.
    Poll,
    /// The circle's list at Léo's.
    List,
    /// The same at Marc's, who was removed.
    ListRemoved,
    /// What Inès has again.
    Recovered,
}
