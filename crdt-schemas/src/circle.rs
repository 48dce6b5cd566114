//! What a circle writes together: one document, behind a [`gate`](crate::gate).
//!
//! The document's root holds `list`, a map from item id to `{text, done}`. It begins with one change that every
//! node makes the same by itself, so that nobody has to be first.
//!
//! **What holds after any merge.** An item that was removed stays removed, whatever was done to it meanwhile. Of
//! two who rename or tick the same item at once one stands, the same on every node. Who added an item is
//! the actor of the operation that did: it can't be claimed. What does not have this form (a member may
//! write anything that the gate lets through) is not shown.

use std::fmt;

use automerge::transaction::{CommitOptions, Transactable as _, Transaction};
use automerge::{
    ActorId, Automerge, AutomergeError, Change, ObjId, ObjType, ROOT, ReadDoc as _, ScalarValue,
    Value,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::gate::{AsideError, Gate};

/// Longest text of an item, in bytes.
pub const TEXT_BYTES_MAX: usize = 500;
/// Most items that a person adds to: beyond that a list is none.
pub const ITEMS_MAX: usize = 2_000;

const LIST: &str = "list";
const TEXT: &str = "text";
const DONE: &str = "done";

/// Names an item of the list: drawn by whoever adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct ItemId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 8],
);

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0.iter()).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for ItemId {
    type Err = NotAnItem;

    fn from_str(text: &str) -> Result<Self, NotAnItem> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAnItem);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| NotAnItem)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// The text is not an item's id: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an item's id, which has 16 hexadecimal digits")]
pub struct NotAnItem;

impl Serialize for ItemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One item of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// Its id.
    pub id: ItemId,
    /// What it says; cut at [`TEXT_BYTES_MAX`].
    pub text: String,
    /// Whether it is done.
    pub done: bool,
    /// The actor of who added it.
    pub added_by: Vec<u8>,
}

/// What somebody does to the list.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ListEdit {
    /// Adds an item.
    #[n(0)]
    Add {
        /// Its id, drawn at random.
        #[n(0)]
        id: ItemId,
        /// What it says, at most [`TEXT_BYTES_MAX`].
        #[n(1)]
        text: String,
    },
    /// Ticks an item off, or not.
    #[n(1)]
    Tick {
        /// Which.
        #[n(0)]
        id: ItemId,
        /// Whether it is done.
        #[n(1)]
        done: bool,
    },
    /// Says an item in other words.
    #[n(2)]
    Rename {
        /// Which.
        #[n(0)]
        id: ItemId,
        /// What it says, at most [`TEXT_BYTES_MAX`].
        #[n(1)]
        text: String,
    },
    /// Takes an item off the list.
    #[n(3)]
    Remove {
        /// Which.
        #[n(0)]
        id: ItemId,
    },
}

impl ListEdit {
    /// Returns the item that this is about.
    #[must_use]
    pub const fn item(&self) -> ItemId {
        match self {
            Self::Add { id, .. }
            | Self::Tick { id, .. }
            | Self::Rename { id, .. }
            | Self::Remove { id } => *id,
        }
    }
}

/// The first change of every such document.
fn first() -> Change {
    #[expect(
        clippy::disallowed_methods,
        reason = "its random actor is replaced at once"
    )]
    let mut document = Automerge::new().with_actor(ActorId::from(&[0; 16]));
    let mut transaction = document.transaction();
    (transaction.put_object(ROOT, LIST, ObjType::Map))
        .expect("the root of a new document is a map");
    transaction.commit_with(CommitOptions::default().with_time(0));
    document.get_last_local_change().expect("something was put")
}

/// Returns the gate to a circle's document in which nobody has written yet.
///
/// # Panics
/// Never: the first change is ours, and tested.
#[must_use]
pub fn begin() -> Gate {
    let begun: Result<Gate, AsideError> = Gate::begin([&first()]);
    begun.expect("our own first change")
}

/// Returns the items of the list, in the order in which they were added.
#[must_use]
pub fn items(document: &Automerge) -> Vec<ListItem> {
    let Some(list) = list(document) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for key in document.keys(&list) {
        if let Some((place, item)) = item(document, &list, &key) {
            found.push((place, item));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found.into_iter().map(|(_, item)| item).collect()
}

fn list(document: &Automerge) -> Option<ObjId> {
    match document.get(ROOT, LIST) {
        Ok(Some((Value::Object(ObjType::Map), id))) => Some(id),
        _ => None,
    }
}

type Place = (u64, Vec<u8>);

fn item(document: &Automerge, list: &ObjId, key: &str) -> Option<(Place, ListItem)> {
    let id = key.parse().ok()?;
    let Ok(Some((Value::Object(ObjType::Map), object))) = document.get(list, key) else {
        return None;
    };
    let ObjId::Id(number, actor, _) = &object else {
        return None;
    };
    let Ok(Some((Value::Scalar(text), _))) = document.get(&object, TEXT) else {
        return None;
    };
    let ScalarValue::Str(text) = text.as_ref() else {
        return None;
    };
    let done = match document.get(&object, DONE) {
        Ok(Some((Value::Scalar(done), _))) => *done.as_ref() == ScalarValue::Boolean(true),
        _ => false,
    };
    let added_by = actor.to_bytes().to_vec();
    let place = (*number, added_by.clone());
    let item = ListItem {
        id,
        text: text
            .chars()
            .filter(|it| !it.is_control())
            .scan(0, within)
            .collect(),
        done,
        added_by,
    };
    Some((place, item))
}

/// For `scan`: goes on while the text is short enough.
fn within(bytes: &mut usize, it: char) -> Option<char> {
    *bytes += it.len_utf8();
    (*bytes <= TEXT_BYTES_MAX).then_some(it)
}

/// Does an edit; one of an item that is not there does nothing.
///
/// # Errors
/// What Automerge says: nothing that is known.
pub fn edit(document: &mut Transaction<'_>, edit: &ListEdit) -> Result<(), AutomergeError> {
    let Some((Value::Object(ObjType::Map), list)) = document.get(ROOT, LIST)? else {
        return Ok(());
    };
    let key = edit.item().to_string();
    let there = match document.get(&list, &key)? {
        Some((Value::Object(ObjType::Map), object)) => Some(object),
        _ => None,
    };
    match (edit, there) {
        (ListEdit::Add { text, .. }, None) => {
            let item = document.put_object(&list, &key, ObjType::Map)?;
            document.put(&item, TEXT, text.as_str())?;
            document.put(&item, DONE, false)
        }
        (ListEdit::Tick { done, .. }, Some(item)) => document.put(&item, DONE, *done),
        (ListEdit::Rename { text, .. }, Some(item)) => document.put(&item, TEXT, text.as_str()),
        (ListEdit::Remove { .. }, Some(_)) => document.delete(&list, &key),
        (ListEdit::Add { .. }, Some(_)) | (_, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::{Fate, Offered};

    /// Somebody with a copy behind a gate.
    struct Member {
        actor: [u8; 16],
        gate: Gate,
        made: u64,
    }

    type Made = ([u8; 16], u64, Vec<u8>);

    impl Member {
        fn new(number: u8) -> Self {
            Self {
                actor: [number; 16],
                gate: begin(),
                made: 0,
            }
        }

        fn edits(&mut self, deed: &ListEdit) -> Option<Made> {
            let written = self.gate.write(&self.actor, 0, |document| {
                edit(document, deed).expect("a good edit");
            });
            let change = written.expect("it passes").pop()?;
            let made = (self.actor, self.made, change);
            self.made += 1;
            assert_eq!(self.hears(&made), Fate::Taken);
            Some(made)
        }

        fn hears(&mut self, (actor, number, bytes): &Made) -> Fate {
            let offered = Offered {
                actor,
                number: *number,
                bytes,
            };
            self.gate.offer([offered])[0]
        }

        fn items(&self) -> Vec<ListItem> {
            items(self.gate.document())
        }
    }

    fn id(number: u8) -> ItemId {
        ItemId([number; 8])
    }

    fn add(number: u8, text: &str) -> ListEdit {
        let text = text.to_owned();
        let id = id(number);
        ListEdit::Add { id, text }
    }

    /// Nodes of other versions begin with the same bytes.
    #[test]
    fn the_first_change_is_the_same_for_ever() {
        let hash = first().hash().to_string();
        assert_eq!(hash, FIRST);
        assert!(items(begin().document()).is_empty());
    }

    const FIRST: &str = "0e440e325861b651ce3d72bdf2e7d4ae0a5ba09272302b9a4288016659223c5e";

    #[test]
    fn a_list_is_added_to_ticked_renamed_and_cleared() {
        let mut ines = Member::new(1);
        ines.edits(&add(1, "pain"));
        ines.edits(&add(2, "lait"));
        ines.edits(&ListEdit::Tick {
            id: id(1),
            done: true,
        });
        let text = "lait d'avoine".to_owned();
        ines.edits(&ListEdit::Rename { id: id(2), text });
        let shown: Vec<_> = (ines.items().into_iter())
            .map(|it| (it.text, it.done, it.added_by))
            .collect();
        let by = ines.actor.to_vec();
        assert_eq!(
            shown,
            [
                ("pain".to_owned(), true, by.clone()),
                ("lait d'avoine".to_owned(), false, by)
            ]
        );
        assert_eq!(ines.edits(&add(2, "twice")), None);
        assert_eq!(
            ines.edits(&ListEdit::Tick {
                id: id(9),
                done: true
            }),
            None
        );
        ines.edits(&ListEdit::Remove { id: id(1) });
        assert_eq!(ines.items().len(), 1);
    }

    #[test]
    fn what_was_removed_stays_removed_whatever_others_did_meanwhile() {
        let (mut ines, mut marc) = (Member::new(1), Member::new(2));
        let made = ines.edits(&add(1, "pain")).expect("an edit");
        assert_eq!(marc.hears(&made), Fate::Taken);
        let removed = ines
            .edits(&ListEdit::Remove { id: id(1) })
            .expect("an edit");
        let ticked = marc.edits(&ListEdit::Tick {
            id: id(1),
            done: true,
        });
        marc.hears(&removed);
        ines.hears(&ticked.expect("an edit"));
        assert!(ines.items().is_empty() && marc.items().is_empty());
    }

    #[test]
    fn what_has_another_form_is_not_shown() {
        let mut gate = begin();
        let actor = [7; 16];
        let written = gate.write(&actor, 0, |document| {
            let list = list_in(document);
            document
                .put(&list, "0101010101010101", "no map")
                .expect("a map");
            document.put(&list, "no id", true).expect("a map");
            let item =
                (document.put_object(&list, "0202020202020202", ObjType::Map)).expect("a map");
            document.put(&item, TEXT, 5).expect("a map");
            let item =
                (document.put_object(&list, "0303030303030303", ObjType::Map)).expect("a map");
            let long = format!("\u{1b}[2J{}", "é".repeat(TEXT_BYTES_MAX));
            document.put(&item, TEXT, long).expect("a map");
        });
        let bytes = written.expect("it passes").pop().expect("an edit");
        gate.offer([Offered {
            actor: &actor,
            number: 0,
            bytes: &bytes,
        }]);
        let shown = items(gate.document());
        assert_eq!(shown.len(), 1);
        assert!(shown[0].text.len() <= TEXT_BYTES_MAX && shown[0].text.starts_with("[2J"));
    }

    /// Automerge makes a deletion of the others' values of it, which leaves the own one.
    #[test]
    fn who_says_again_what_two_said_at_once_is_heard() {
        let tick = ListEdit::Tick {
            id: id(1),
            done: true,
        };
        let (mut a, mut b) = (Member::new(1), Member::new(2));
        let added = a.edits(&add(1, "bread")).expect("new");
        b.hears(&added);
        let (by_a, by_b) = (a.edits(&tick), b.edits(&tick));
        let (by_a, by_b) = (by_a.expect("new"), by_b.expect("new"));
        assert_eq!(a.hears(&by_b), Fate::Taken);
        assert_eq!(b.hears(&by_a), Fate::Taken);
        // The same value stands: for one of them it is their own.
        let again = [a.edits(&tick), b.edits(&tick)];
        assert!(again.iter().all(Option::is_some));
        for made in again.iter().flatten() {
            assert_eq!(a.hears(made), Fate::Taken);
            assert_eq!(b.hears(made), Fate::Taken);
        }
        assert!(a.items()[0].done && a.items() == b.items());
        // And what was left stays theirs to replace.
        let untick = ListEdit::Tick {
            id: id(1),
            done: false,
        };
        for member in [&mut a, &mut b] {
            assert!(member.edits(&untick).is_some());
            assert!(!member.items()[0].done);
        }
    }

    fn list_in(document: &Transaction<'_>) -> ObjId {
        document.get(ROOT, LIST).expect("a map").expect("there").1
    }

    fn deed() -> impl Strategy<Value = ListEdit> {
        let number = 0u8..4;
        prop_oneof![
            (number.clone(), "[a-z]{1,6}").prop_map(|(it, text)| add(it, &text)),
            (number.clone(), any::<bool>())
                .prop_map(|(it, done)| ListEdit::Tick { id: id(it), done }),
            (number.clone(), "[a-z]{1,6}")
                .prop_map(|(it, text)| ListEdit::Rename { id: id(it), text }),
            number.prop_map(|it| ListEdit::Remove { id: id(it) }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whoever_hears_the_same_shows_the_same(
            deeds in proptest::collection::vec((0usize..3, deed(), 0usize..4), 1..40),
        ) {
            let mut members: Vec<Member> = (1..4).map(Member::new).collect();
            let mut all: Vec<Made> = Vec::new();
            let mut heard = [0usize; 3];
            for (who, deed, more) in &deeds {
                // Some hear what others did meanwhile, most do not yet.
                let upto = (heard[*who] + more).min(all.len());
                for made in &all[heard[*who]..upto] {
                    members[*who].hears(made);
                }
                heard[*who] = upto;
                all.extend(members[*who].edits(deed));
            }
            for member in &mut members {
                for made in &all {
                    prop_assert!(!matches!(member.hears(made), Fate::Aside(_)));
                }
            }
            let shown = members[0].items();
            prop_assert!(members.iter().all(|member| member.items() == shown));
        }
    }
}
