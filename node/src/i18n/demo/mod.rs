//! What the demo says.

mod en;
mod fr;

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
    /// What is written on its list, the last two after the removal.
    fn demo_items(&self) -> [&'static str; 5];
    /// Why Inès shares.
    fn demo_purpose(&self) -> &'static str;
    /// Heading above one person's view.
    fn demo_view(&self, view: DemoView) -> &'static str;
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
    /// Inès makes a circle; Marc and Léo come in by an invite.
    Circle,
    /// All three write at once, and all hold the same list.
    List,
    /// Marc is removed, and gets nothing that is written afterwards.
    Remove,
    /// Inès adds a phone, and loses it.
    Device,
}

impl DemoStep {
    /// All steps, in order.
    pub(crate) const ALL: [Self; 14] = [
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
        Self::List,
        Self::Remove,
        Self::Device,
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
    /// The circle's list at Léo's.
    List,
    /// The same at Marc's, who was removed.
    ListRemoved,
}
