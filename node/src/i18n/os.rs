//! What an operating system refuses, in a person's own words.
//!
//! Reasons come as English texts, some of them through libraries that keep nothing else; each
//! ends with the system's error number. The usual numbers become a sentence and the hint that
//! fits ([`Text::os_fault`]); of any other, the text is shown as it is. `--json` has the text.

use std::io::{Error, ErrorKind};
use std::path::Path;

use crate::cli::failure::Sentence;
use crate::i18n::Text;

/// Why the operating system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OsFault {
    /// There is nothing of this name.
    NotFound,
    /// The folder in which to write is not there.
    NoFolder,
    /// This user may not.
    Denied,
    /// A folder stands where a file is needed.
    IsAFolder,
    /// A file stands where a folder is needed.
    NotAFolder,
    /// The disk is full, or this user's part of it.
    DiskFull,
    /// The disk can only be read.
    ReadOnly,
    /// The name is one that the disk cannot have.
    BadName,
    /// Another program listens there.
    PortTaken,
    /// The address is not one of this computer's.
    NotOurAddress,
}

impl OsFault {
    /// Finds the fault in a reason such as `Is a directory (os error 21)`.
    pub(crate) fn of(reason: &str) -> Option<Self> {
        let (_, number) = reason.rsplit_once("(os error ")?;
        let number = number.split_once(')')?.0.parse().ok()?;
        Some(match Error::from_raw_os_error(number).kind() {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::PermissionDenied => Self::Denied,
            ErrorKind::IsADirectory => Self::IsAFolder,
            ErrorKind::NotADirectory => Self::NotAFolder,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::InvalidFilename => Self::BadName,
            ErrorKind::AddrInUse => Self::PortTaken,
            ErrorKind::AddrNotAvailable => Self::NotOurAddress,
            _ => return None,
        })
    }
}

/// Adds why the operating system refused something `at` a place, and what to do about it:
/// `otherwise` if the reason is none of the usual ones.
pub(super) fn refused(
    sentence: Sentence,
    reason: &str,
    at: &Path,
    otherwise: &str,
    text: &dyn Text,
) -> Sentence {
    told(sentence, OsFault::of(reason), reason, at, otherwise, text)
}

/// The same for something that was to be written: what is not there is its folder.
pub(super) fn refused_write(
    sentence: Sentence,
    reason: &str,
    at: &Path,
    otherwise: &str,
    text: &dyn Text,
) -> Sentence {
    let fault = OsFault::of(reason).map(|fault| match fault {
        OsFault::NotFound => OsFault::NoFolder,
        other => other,
    });
    told(sentence, fault, reason, at, otherwise, text)
}

fn told(
    sentence: Sentence,
    fault: Option<OsFault>,
    reason: &str,
    at: &Path,
    otherwise: &str,
    text: &dyn Text,
) -> Sentence {
    match fault {
        Some(fault) => {
            let (why, hint) = text.os_fault(fault, &at.display().to_string());
            sentence.detail(why).hint(hint)
        }
        None => sentence.detail(reason).hint(otherwise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn a_usual_fault_is_told_in_words_and_any_other_as_it_came() {
        let usual = Error::from_raw_os_error(21).to_string();
        assert_eq!(OsFault::of(&usual), Some(OsFault::IsAFolder));
        let wrapped = format!("the store: {}: and more", Error::from_raw_os_error(28));
        assert_eq!(OsFault::of(&wrapped), Some(OsFault::DiskFull));
        for other in [
            "",
            "stream is shut",
            "(os error",
            "(os error x)",
            "odd (os error 9)",
        ] {
            assert_eq!(OsFault::of(other), None, "{other}");
        }
        for lang in Lang::ALL {
            let at = Path::new("a.gpx");
            let told = |reason: &str| refused(Sentence::new("no"), reason, at, "so", lang.text());
            let words = told(&usual);
            assert!(!words.details[0].contains("os error"), "{words:?}");
            assert_ne!(words.hint.as_deref(), Some("so"));
            let words = told("odd (os error 9)");
            assert_eq!(words.details, ["odd (os error 9)"]);
            assert_eq!(words.hint.as_deref(), Some("so"));
        }
    }
}
