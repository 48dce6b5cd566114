//! Why a command did not do what was asked, and how that is told.
//!
//! | exit code | whose turn it is |
//! |---|---|
//! | 0 | done |
//! | 1 | the person can fix it |
//! | 2 | the command was typed wrongly |
//! | 3 | the network, or the other side |
//! | 70 | ours: a bug |
//!
//! A [`Failure`] is typed; its sentence comes from `i18n`, its code and values are the
//! same in every language and never change their meaning.

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use maille_core::command::CommandError;
use maille_node::home_dir::HomeError;
use maille_node::keystore::{CreateError, KeyError};
use maille_protocol::card::TextError;
use maille_protocol::id::IdError;
use maille_protocol::invite::WhyNot;
use maille_schemas::import::{ImportError, Place};
use serde::Serialize;

/// Why a command was not carried out.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub(crate) enum Failure {
    /// Nothing was set up in this folder yet.
    NoHome {
        /// The folder.
        home: PathBuf,
    },
    /// Somebody lives in this folder already.
    HomeExists {
        /// The folder.
        home: PathBuf,
    },
    /// Another program has the store open.
    HomeInUse {
        /// The folder.
        home: PathBuf,
    },
    /// A node runs on this folder already.
    AlreadyRunning {
        /// The folder.
        home: PathBuf,
    },
    /// The folder holds other things.
    HomeNotEmpty {
        /// The folder.
        home: PathBuf,
        /// One of them.
        found: String,
    },
    /// Other users of the computer may read the folder or the file.
    HomeOpenToOthers {
        /// The folder or file.
        home: PathBuf,
    },
    /// The folder or the file belongs to another user of the computer.
    HomeSomebodyElses {
        /// The folder or file.
        home: PathBuf,
    },
    /// The folder cannot be read or written.
    HomeUnusable {
        /// The folder, or the file in it.
        home: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// Something in the folder is damaged, or made by a newer Maille.
    HomeDamaged {
        /// The folder.
        home: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The store in the folder was not made with the key file beside it.
    HomeMixed {
        /// The folder.
        home: PathBuf,
    },
    /// The passphrase does not open the key file.
    WrongPassphrase {
        /// The folder.
        home: PathBuf,
    },
    /// The key file needs a passphrase and there is nobody to ask.
    PassphraseNeeded {
        /// The folder.
        home: PathBuf,
    },
    /// The passphrase is empty, or was typed differently the second time.
    PassphraseUnusable,
    /// A file cannot be read.
    FileUnreadable {
        /// Which.
        file: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A file cannot be written.
    FileUnwritable {
        /// Which.
        file: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A file is in the way and would be overwritten.
    FileExists {
        /// Which.
        file: PathBuf,
    },
    /// A file was not understood; nothing of it was kept.
    FileRefused {
        /// Which.
        file: PathBuf,
        /// Where in the file: `file`, `line 12`, `byte 40`.
        place: Place,
        /// Why.
        reason: ImportError,
    },
    /// A file was understood, but all there is in it had to be left aside.
    NothingToKeep {
        /// Which.
        file: PathBuf,
        /// Whether what lacks is the times.
        undated: bool,
    },
    /// A very long file was kept up to a place only: the disk refused the rest.
    PartlyKept {
        /// Which.
        file: PathBuf,
        /// Records of it that were added.
        added: u64,
    },
    /// No format has this name.
    UnknownFormat {
        /// What was typed.
        format: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No factor set has this name.
    UnknownFactors {
        /// What was typed.
        factors: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A card does not read.
    BadCard {
        /// Why.
        reason: Mistyped,
        /// What it is instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        got: Option<Pasted>,
    },
    /// A link does not read.
    BadLink {
        /// Why.
        reason: Mistyped,
        /// What it is instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        got: Option<Pasted>,
    },
    /// A pairing code does not read.
    BadPairCode {
        /// Why.
        reason: Mistyped,
        /// What it is instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        got: Option<Pasted>,
    },
    /// A relay's code does not read.
    BadRelayCode {
        /// Why.
        reason: Mistyped,
        /// What it is instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        got: Option<Pasted>,
    },
    /// The words do not read.
    BadWords {
        /// The first one that is in no list, from 1; absent if it is their number, or all together.
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<u64>,
    },
    /// The file is no backup, or one of a newer Maille.
    BadBackup {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The backup was changed or cut.
    BackupDamaged {
        /// Which.
        file: PathBuf,
        /// How many values were whole before.
        values: u64,
    },
    /// Neither this passphrase nor these words open the backup.
    BackupLocked {
        /// Which.
        file: PathBuf,
    },
    /// An invite does not read.
    BadInvite {
        /// Why.
        reason: Mistyped,
        /// What it is instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        got: Option<Pasted>,
    },
    /// The inviter's device does not let us in.
    NotWelcome {
        /// What the circle is called, by the invite.
        circle: String,
        /// Who invited, by the invite.
        inviter: String,
        /// Why.
        why: WhyNot,
    },
    /// The inviter's device did not answer in time. The wish is kept.
    NoWelcomeYet {
        /// What the circle is called, by the invite.
        circle: String,
        /// Who invited, by the invite.
        inviter: String,
        /// How long was waited.
        seconds: u64,
        /// Whether the invite names no place but the computer that it was made on.
        here_only: bool,
        /// Whether a node goes on trying when this process has ended.
        running: bool,
    },
    /// Documents are not what their entries say, or entries are lost.
    NotWell {
        /// Whether all entries are here, so that the documents can be made again.
        entries_are_whole: bool,
        /// Whether a newer version has written some.
        newer: bool,
    },
    /// It needs a node that runs, and none does.
    NotRunning,
    /// The words say who somebody is, and not whom to ask.
    NowhereToAsk,
    /// The node on a card cannot be reached.
    NodeNotReached,
    /// The node on a card knows nobody of these words.
    WordsNotKnown,
    /// Another root key has taken the place of the one that the words yield.
    RootReplaced,
    /// The device that shows the code cannot be reached.
    DeviceNotReached,
    /// The code is used up, too old, or was never shown.
    PairingOver,
    /// The words on both screens are not the same, or the person said so.
    WordsDiffer,
    /// The person was asked, and did not say yes.
    NotDone,
    /// The id of a share does not read.
    BadShareId {
        /// Why.
        reason: Mistyped,
    },
    /// A date does not read.
    BadDate {
        /// What was typed.
        typed: String,
    },
    /// A month does not read.
    BadMonth {
        /// What was typed.
        typed: String,
    },
    /// An address to listen on does not read.
    BadAddress {
        /// What was typed.
        typed: String,
    },
    /// This node cannot listen there.
    CannotListen {
        /// Why.
        reason: String,
    },
    /// Nobody on the local network can be found by this node, or find it.
    NobodyNearby {
        /// What the operating system said; `None` if this node listens on this computer only.
        reason: Option<String>,
    },
    /// The other side did not answer in time. What was accepted stays accepted.
    NotArrived {
        /// What the giver is called here.
        name: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The running Maille stopped answering.
    DaemonLost {
        /// What happened.
        reason: String,
    },
    /// A step of the demo did not happen as it should.
    DemoFailed {
        /// Which step.
        step: String,
        /// What was seen instead.
        seen: String,
    },
    /// clap refused the arguments.
    Usage {
        /// What is wrong, in the person's language.
        what: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// The command has told it itself, in one object with what did work.
    Told {
        /// The exit code.
        exit_code: u8,
    },
    /// Our own bug.
    Bug {
        /// What happened.
        what: String,
    },
    /// The machine said no. (Last, because serde wants untagged variants there.)
    #[serde(untagged)]
    Command(CommandError),
}

/// What is wrong with something pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mistyped {
    /// It does not look like one at all.
    NotOne,
    /// The check at its end does not fit: a character was changed or lost.
    Checksum,
    /// It is something else of ours: a link for a card, say.
    WrongKind,
    /// It ends too early or goes on too long.
    WrongLength,
    /// It says things that do not hold together, or that only a newer Maille knows.
    Content,
}

/// Something of ours that people paste, recognised by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pasted {
    /// Who somebody is.
    Card,
    /// News of a share.
    Link,
    /// An invite to a circle.
    Invite,
    /// What adds a device.
    PairCode,
    /// Room at a relay.
    RelayCode,
    /// The id of a share, or of its slice.
    ShareId,
    /// The id of a person.
    PersonId,
}

impl Pasted {
    /// What `text` begins like.
    pub(crate) fn like(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let kinds = [
            ("maille1", Self::Card),
            ("maille:share#", Self::Link),
            ("share1", Self::Link),
            ("maille:join#", Self::Invite),
            ("invite1", Self::Invite),
            ("maille:device#", Self::PairCode),
            ("pair1", Self::PairCode),
            ("maille:relay#", Self::RelayCode),
            ("relay1", Self::RelayCode),
            ("grant1", Self::ShareId),
            ("slice1", Self::ShareId),
            ("person1", Self::PersonId),
        ];
        let found = kinds.iter().find(|(start, _)| text.starts_with(start));
        found.map(|(_, kind)| *kind)
    }
}

/// An error and its causes, for the line below the message: English, for whoever helps.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl From<TextError> for Mistyped {
    fn from(error: TextError) -> Self {
        match error {
            TextError::NotOne { .. } => Self::NotOne,
            TextError::Checksum { .. } => Self::Checksum,
            TextError::WrongKind { .. } => Self::WrongKind,
            _ => Self::Content,
        }
    }
}

impl From<IdError> for Mistyped {
    fn from(error: IdError) -> Self {
        match error {
            IdError::Checksum => Self::Checksum,
            IdError::WrongKind { .. } => Self::WrongKind,
            IdError::WrongLength { .. } => Self::WrongLength,
            _ => Self::NotOne,
        }
    }
}

/// One failure as told to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// What happened; lower case, no full stop.
    pub(crate) message: String,
    /// What else is known, one line each.
    pub(crate) details: Vec<String>,
    /// The next step.
    pub(crate) hint: Option<String>,
}

impl Sentence {
    /// A message alone.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            details: Vec::new(),
            hint: None,
        }
    }

    /// With one more line.
    #[must_use]
    pub(crate) fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// With a line for each of these.
    #[must_use]
    pub(crate) fn details<L: ToString>(mut self, lines: &[L]) -> Self {
        self.details.extend(lines.iter().map(ToString::to_string));
        self
    }

    /// With a next step.
    #[must_use]
    pub(crate) fn hint(mut self, line: impl Into<String>) -> Self {
        self.hint = Some(line.into());
        self
    }
}

impl Failure {
    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Command(CommandError::Damaged { .. }) | Self::Bug { .. } => 70,
            Self::DemoFailed { .. } => 70,
            Self::Told { exit_code } => *exit_code,
            Self::CannotListen { .. }
            | Self::NotArrived { .. }
            | Self::NoWelcomeYet { .. }
            | Self::DeviceNotReached
            | Self::NodeNotReached
            | Self::DaemonLost { .. } => 3,
            Self::BadDate { .. }
            | Self::BadMonth { .. }
            | Self::BadAddress { .. }
            | Self::UnknownFormat { .. }
            | Self::UnknownFactors { .. }
            | Self::Usage { .. } => 2,
            _ => 1,
        }
    }

    /// A file that an importer refused.
    pub(crate) fn refused(file: PathBuf, reason: ImportError) -> Self {
        let place = match &reason {
            ImportError::InvalidUtf8 { at } => Place::Byte(*at),
            ImportError::Truncated { place }
            | ImportError::Malformed { place, .. }
            | ImportError::NotALoadCurve { place, .. } => *place,
            _ => Place::File,
        };
        Self::FileRefused {
            file,
            place,
            reason,
        }
    }

    /// Why a person could not be set up.
    pub(crate) fn of_create(home: &Path, error: CreateError) -> Self {
        match error {
            CreateError::Home(error) => Self::of_home(error),
            CreateError::EmptyPassphrase => Self::PassphraseUnusable,
            other => Self::HomeUnusable {
                home: home.to_owned(),
                reason: causes(&other),
            },
        }
    }

    /// Why a key file could not be opened.
    pub(crate) fn of_key(home: &Path, error: KeyError) -> Self {
        match error {
            KeyError::Home(error) => Self::of_home(error),
            KeyError::NeedsPassphrase { .. } => Self::PassphraseNeeded {
                home: home.to_owned(),
            },
            KeyError::WrongPassphrase { .. } => Self::WrongPassphrase {
                home: home.to_owned(),
            },
            other => Self::HomeDamaged {
                home: home.to_owned(),
                reason: causes(&other),
            },
        }
    }

    /// Why a folder cannot be used.
    pub(crate) fn of_home(error: HomeError) -> Self {
        match error {
            HomeError::NotInitialised { path } => Self::NoHome { home: path },
            HomeError::AlreadyInitialised { path } => Self::HomeExists { home: path },
            HomeError::InUse { path, .. } => Self::HomeInUse { home: path },
            HomeError::NotEmpty { path, found } => Self::HomeNotEmpty { home: path, found },
            HomeError::OpenToOthers { path, .. } => Self::HomeOpenToOthers { home: path },
            HomeError::SomebodyElses { path, .. } => Self::HomeSomebodyElses { home: path },
            HomeError::Io { path, source } => Self::HomeUnusable {
                // Of a file in the place of the folder, name the file and not what would be in it.
                home: match path.ancestors().find(|it| it.is_file()) {
                    Some(file) if source.kind() == ErrorKind::NotADirectory => file.to_owned(),
                    _ => path,
                },
                reason: source.to_string(),
            },
            HomeError::BadConfig { ref path, .. } | HomeError::NewerConfig { ref path, .. } => {
                Self::HomeDamaged {
                    home: path.clone(),
                    reason: causes(&error),
                }
            }
            other => Self::Bug {
                what: causes(&other),
            },
        }
    }

    /// The stable code and the values, for `--json`.
    pub(crate) fn values(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Self::FileRefused { place, .. } = self {
            value["place"] = place.to_string().into();
        }
        match value {
            serde_json::Value::Object(map) => map,
            _ => serde_json::Map::new(),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_code() {
        let failures = [
            Failure::NoHome { home: "h".into() },
            Failure::Command(CommandError::UnknownLens { lens: "x".into() }),
            Failure::BadCard {
                reason: Mistyped::Checksum,
                got: None,
            },
            Failure::PassphraseUnusable,
        ];
        let codes: Vec<_> = failures
            .iter()
            .map(|failure| failure.values()["code"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            codes,
            ["no-home", "unknown-lens", "bad-card", "passphrase-unusable"]
        );
    }
}
