//! Bech32m for things that people paste: ids, cards, links.
//!
//! The same checksum as BIP 350, without its limit on length. One wrong character is always
//! found; up to 1,023 characters any three are. Text is read in either case, and white space
//! and invisible characters that mail programs insert are skipped.

use bech32::primitives::decode::{CheckedHrpstring, UncheckedHrpstring};
use bech32::{Bech32m, Checksum, Hrp};

/// Longest text read at all; the longest link that we write has under 2,500 characters.
const TEXT_CHARS_MAX: usize = 8192;

/// Bech32m without a limit on length.
enum LongBech32m {}

impl Checksum for LongBech32m {
    type MidstateRepr = u32;
    type CorrectionField = <Bech32m as Checksum>::CorrectionField;
    const ROOT_GENERATOR: Self::CorrectionField = Bech32m::ROOT_GENERATOR;
    const ROOT_EXPONENTS: core::ops::RangeInclusive<usize> = Bech32m::ROOT_EXPONENTS;
    const CODE_LENGTH: usize = usize::MAX;
    const CHECKSUM_LENGTH: usize = Bech32m::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = Bech32m::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = Bech32m::TARGET_RESIDUE;
}

/// Why a text was refused, without saying for what it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not bech32m at all.
    Shape,
    /// It looks right, but a character is wrong.
    Checksum,
    /// Right, but of another kind, which this is.
    Kind(String),
}

/// Returns `bytes` as lower-case text of the kind `hrp`.
pub(crate) fn encode(hrp: &'static str, bytes: &[u8]) -> String {
    let hrp = Hrp::parse(hrp).expect("our kinds are short lower-case words");
    bech32::encode_lower::<LongBech32m>(hrp, bytes).expect("there is no limit on length")
}

/// Reads text of the kind `hrp`, after [`clean`].
pub(crate) fn decode(hrp: &'static str, cleaned: &str) -> Result<Vec<u8>, Refused> {
    let unchecked = UncheckedHrpstring::new(cleaned).map_err(|_| Refused::Shape)?;
    if unchecked.validate_checksum::<LongBech32m>().is_err() {
        return Err(Refused::Checksum);
    }
    let checked: CheckedHrpstring<'_> = unchecked.remove_checksum::<LongBech32m>();
    let kind = checked.hrp().to_lowercase();
    if kind != hrp {
        return Err(Refused::Kind(kind));
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    // Bits left over after the last byte must be zero, else two texts name one thing.
    if encode(hrp, &bytes) != cleaned {
        return Err(Refused::Shape);
    }
    Ok(bytes)
}

/// Returns `text` in lower case, without white space and invisible characters.
pub(crate) fn clean(text: &str) -> Result<String, Refused> {
    if text.len() > TEXT_CHARS_MAX {
        return Err(Refused::Shape);
    }
    let invisible = [
        '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}',
    ];
    Ok(text
        .chars()
        .filter(|c| !c.is_whitespace() && !invisible.contains(c))
        .map(|c| c.to_ascii_lowercase())
        .collect())
}
