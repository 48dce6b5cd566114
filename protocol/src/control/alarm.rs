//! Whether carriers enforce what the owner allows.

use std::collections::{BTreeMap, BTreeSet};

use super::Control;
use crate::grant::{Abilities, GrantError};
use crate::id::{GrantId, MembershipId};
use crate::slice::Access;
use crate::statement::Kind;
use crate::time::Timestamp;

/// Where what carriers were told differs from what the owner allows. Shown as an alarm: a device of the
/// owner is behind, or one that holds a control key lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unenforced {
    /// Grants that allow to write, and carriers refuse the write key.
    pub refused: Vec<GrantId>,
    /// Writers in the control whose key was announced under no grant that allows to write: it has
    /// ended, or never was.
    pub taken: Vec<MembershipId>,
}

/// Compares what is allowed now with what carriers enforce, by the write keys that were announced with
/// [`Kind::WriteKey`]. A grant under which none was announced owes nothing to carriers.
///
/// For who knows all that was said about the slice: co-writers and owners do.
#[must_use]
pub fn unenforced(access: &Access, control: &Control, now: Timestamp) -> Unenforced {
    let keys = write_keys(access);
    let allowed = |grant: &GrantId| match access.allowed_at(grant, now) {
        Ok(allowed) => allowed.abilities.contains(Abilities::WRITE),
        Err(
            GrantError::NotYet { .. }
            | GrantError::Unknown
            | GrantError::Ended
            | GrantError::Expired { .. },
        ) => false,
    };
    let allowed: BTreeMap<GrantId, [u8; 32]> = (keys.into_iter())
        .filter(|(grant, _)| allowed(grant))
        .collect();
    let enforced = || control.writers().filter(|writer| writer.speaks);
    let enforced_keys: BTreeSet<[u8; 32]> = enforced().map(|writer| writer.key).collect();
    let refused = allowed
        .iter()
        .filter(|(_, key)| !enforced_keys.contains(*key));
    let taken = enforced().filter(|writer| !allowed.values().any(|key| *key == writer.key));
    Unenforced {
        refused: refused.map(|(grant, _)| *grant).collect(),
        taken: taken.map(|writer| writer.membership).collect(),
    }
}

/// The write key of each grant: the last that stands, in the one order.
fn write_keys(access: &Access) -> BTreeMap<GrantId, [u8; 32]> {
    let statements = access.statements();
    (statements
        .iter()
        .filter(|said| statements.stands(&said.id())))
    .filter_map(|said| {
        let Kind::WriteKey { key } = said.statement().kind else {
            return None;
        };
        Some((said.statement().membership.into(), key))
    })
    .collect()
}
