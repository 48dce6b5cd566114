//! What the words on paper yield.

use zeroize::Zeroizing;

use crate::crypto::{SealingSecret, SigningKey, domain, hash};

/// The keys that come from the words and are kept on no device.
#[derive(Clone, Debug)]
pub struct PhraseKeys {
    /// Admits devices.
    pub root: SigningKey,
    /// Opens what is boxed for recovery.
    pub recovery: SealingSecret,
}

/// Derives the keys from the seed that the words encode, of whatever length.
#[must_use]
pub fn keys(seed: &[u8]) -> PhraseKeys {
    let root = Zeroizing::new(hash(domain::PHRASE_ROOT, &[seed]));
    let recovery = Zeroizing::new(hash(domain::PHRASE_RECOVERY, &[seed]));
    PhraseKeys {
        root: SigningKey::from_seed(&root),
        recovery: SealingSecret::from_seed(&recovery),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_yield_the_same_keys() {
        let (a, b) = (keys(&[1; 64]), keys(&[1; 64]));
        assert_eq!(a.root.public(), b.root.public());
        assert_eq!(a.recovery.public(), b.recovery.public());
        assert_ne!(a.root.public(), keys(&[2; 64]).root.public());
    }
}
