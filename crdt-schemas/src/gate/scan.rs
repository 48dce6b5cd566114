//! What a change says of itself, read without making anything of it.
//!
//! A change of 69 bytes can ask for ten million operations, and one of 65 KB can inflate to 200 MB: Automerge
//! allocates before it looks. Here the bytes are walked once, with no allocation: the head, then the lengths of
//! the runs of every column. The format is <https://automerge.org/automerge-binary-format-spec/>.

use sha2::{Digest as _, Sha256};

/// Most bytes of one change.
pub const CHANGE_BYTES_MAX: usize = 256 * 1024;
/// Most operations of one change.
pub const OPS_MAX: u64 = 10_000;
/// Operations other than deletions that a change of any length may have; beyond those, one for each of its bytes: what
/// somebody typed is no shorter.
pub const VALUES_FREE: u64 = 256;
/// Values that a change of any length may replace or delete; beyond those, one for each of its bytes. What many logs
/// delete beside each other is kept once for each of them, by Automerge and by the gate.
pub const REPLACED_FREE: u64 = 64;
/// Most values that one change replaces or deletes.
pub const REPLACED_MAX: u64 = 10_000;
/// Longest key of a map, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// Bytes of the keys of one change, if each were written for each of its operations.
pub const KEYS_BYTES_MAX: u64 = 1024 * 1024;
/// Most changes that one names as those it follows.
pub const DEPS_MAX: u64 = 1_024;
/// Most other actors whose operations it names. A name is 32 bytes long: more do not fit in [`CHANGE_BYTES_MAX`].
pub const ACTORS_MAX: u64 = 8_192;
/// Most changes of one log: who has written as many begins another.
pub const LOG_CHANGES_MAX: u64 = 1 << 20;
/// Longest name of an actor, in bytes: that of a log. Automerge writes it beside every operation.
pub const ACTOR_BYTES_MAX: usize = 32;
/// Largest number of an operation.
pub const COUNTER_MAX: u64 = u32::MAX as u64;

/// Latest time of a change: milliseconds since 1970 to the end of the year 9999.
pub const TIME_MAX: i64 = 253_402_300_799_999;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE: u8 = 1;

/// Puts `contents` in a chunk of this kind (1: a change), with a right length and checksum: what [`scan`] takes apart.
#[must_use]
pub fn chunk(kind: u8, contents: &[u8]) -> Vec<u8> {
    let mut inner = vec![kind];
    let mut length = contents.len();
    while length >= 0x80 {
        inner.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    inner.push(length.to_le_bytes()[0]);
    inner.extend(contents);
    let hash = Sha256::digest(&inner);
    [&MAGIC[..], &hash[..4], &inner].concat()
}

/// What the head of a change says, and how much it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Its number in the log of its actor, from 1.
    pub seq: u64,
    /// The number of its first operation.
    pub start_op: u64,
    /// How many operations it has.
    pub ops: u64,
    /// Its hash, by which others name it.
    pub hash: [u8; 32],
}

/// Why bytes are no change that Automerge may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// Longer than [`CHANGE_BYTES_MAX`].
    #[error("longer than a change may be")]
    TooLong,
    /// Not one chunk with a right checksum, or cut off, or with something after it.
    #[error("not one change")]
    Form,
    /// A document, a bundle, or something compressed.
    #[error("something else than a plain change")]
    Kind,
    /// Its hash begins with a zero byte. Automerge keeps, for each such change, the list of all others before it.
    #[error("a hash that takes too much memory")]
    Hash,
    /// It is by another actor than its writer's.
    #[error("in somebody else's name")]
    Actor,
    /// A number, a length or a count out of range.
    #[error("a number out of range")]
    Range,
    /// A column that is not known, twice, out of order or compressed.
    #[error("a column that is none")]
    Column,
    /// More operations, or more in a column, than its length allows.
    #[error("more operations than a change may have")]
    Operations,
}

/// Reads what a change by `actor` says of itself, and checks that it is small enough to be looked into.
///
/// # Errors
/// [`ScanError`], for the first thing that is wrong.
pub fn scan(bytes: &[u8], actor: &[u8]) -> Result<Scanned, ScanError> {
    if bytes.len() > CHANGE_BYTES_MAX {
        return Err(ScanError::TooLong);
    }
    let mut chunk = Reader(bytes);
    let (magic, checksum) = (chunk.take(4)?, chunk.take(4)?);
    let rest = chunk.0;
    let kind = chunk.take(1)?[0];
    let length = chunk.length()?;
    if magic != MAGIC || length != chunk.0.len() {
        return Err(ScanError::Form);
    }
    if kind != CHANGE {
        return Err(ScanError::Kind);
    }
    let hash: [u8; 32] = Sha256::digest(rest).into();
    if hash[..4] != *checksum {
        return Err(ScanError::Form);
    }
    let dependencies = chunk.number(DEPS_MAX)?;
    for _ in 0..dependencies {
        chunk.take(32)?;
    }
    let length = chunk.length()?;
    if chunk.take(length)? != actor {
        return Err(ScanError::Actor);
    }
    let seq = chunk.number(LOG_CHANGES_MAX)?;
    let start_op = chunk.number(COUNTER_MAX)?;
    if seq == 0 || start_op == 0 {
        return Err(ScanError::Range);
    }
    // The time, which nobody believes, and a message, which nobody reads.
    let time = chunk.signed()?;
    if !(0..=TIME_MAX).contains(&time) || chunk.number(u64::MAX)? != 0 {
        return Err(ScanError::Range);
    }
    let actors = chunk.number(ACTORS_MAX)?;
    for _ in 0..actors {
        let length = chunk.length()?;
        if length > ACTOR_BYTES_MAX {
            return Err(ScanError::Range);
        }
        chunk.take(length)?;
    }
    let ops = columns(&mut chunk, bytes.len(), actors)?;
    if !chunk.0.is_empty() {
        return Err(ScanError::Form);
    }
    let last = start_op.checked_add(ops).ok_or(ScanError::Range)?;
    // What Automerge saves of a change without operations it may not load again.
    if ops == 0 || last > COUNTER_MAX {
        return Err(ScanError::Range);
    }
    if hash[0] == 0 {
        return Err(ScanError::Hash);
    }
    Ok(Scanned {
        seq,
        start_op,
        ops,
        hash,
    })
}

/// The columns of operations, in their order, and what each holds. Those of marks are left out.
const COLUMNS: [(u64, Holds); 12] = [
    (0x01, Holds::Actors),      // of the object
    (0x02, Holds::Numbers),     // of the object
    (0x11, Holds::Actors),      // of the element
    (0x13, Holds::Differences), // of the element's numbers
    (KEYS, Holds::Texts),
    (0x34, Holds::Booleans), // whether it inserts
    (ACTIONS, Holds::Actions),
    (VALUE_LENGTHS, Holds::Lengths),
    (VALUES, Holds::Bytes),
    (PREDECESSORS, Holds::Counts),
    (PREDECESSOR_ACTORS, Holds::Actors),
    (PREDECESSOR_NUMBERS, Holds::Differences),
];
const KEYS: u64 = 0x15;
const ACTIONS: u64 = 0x42;
const VALUE_LENGTHS: u64 = 0x56;
const VALUES: u64 = 0x57;
const PREDECESSORS: u64 = 0x70;
const PREDECESSOR_ACTORS: u64 = 0x71;
const PREDECESSOR_NUMBERS: u64 = 0x73;

/// The last of the actions that are known here: a map, a value, a list, a deletion, a text.
const ACTION_MAX: u64 = 4;
const DELETION: u64 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Places in the change's list of actors, its own first.
    Actors,
    /// Numbers of operations.
    Numbers,
    /// Numbers of operations, each as the difference to the one before.
    Differences,
    Texts,
    Actions,
    /// How many predecessors each operation has.
    Counts,
    /// Lengths and kinds of what the next column holds.
    Lengths,
    /// What the lengths say.
    Bytes,
    /// Lengths of runs of no and yes, in turn.
    Booleans,
}

/// Walks the columns; returns how many operations there are.
fn columns(chunk: &mut Reader<'_>, change_bytes: usize, actors: u64) -> Result<u64, ScanError> {
    let count = chunk.number(COLUMNS.len() as u64)?;
    // The list of columns comes first, then all that they hold: it is walked twice.
    let mut heads = *chunk;
    let mut lengths = 0usize;
    for _ in 0..count {
        chunk.number(u64::from(u32::MAX))?;
        let length = chunk.length()?;
        lengths = lengths.checked_add(length).ok_or(ScanError::Range)?;
    }
    let mut held = Reader(chunk.take(lengths)?);
    let bytes = change_bytes as u64;
    let (mut before, mut ops, mut rows_max) = (None, 0, 0);
    let (mut predecessors, mut values, mut deletions) = (0, 0, 0);
    for _ in 0..count {
        let name = heads.number(u64::from(u32::MAX))?;
        let length = heads.length()?;
        if before.is_some_and(|before| before >= name) {
            return Err(ScanError::Column);
        }
        before = Some(name);
        let mut column = Reader(held.take(length)?);
        let known = COLUMNS.iter().find(|(known, _)| *known == name);
        let (_, holds) = known.ok_or(ScanError::Column)?;
        if *holds == Holds::Bytes {
            // As many as the lengths said, or none of either.
            if std::mem::take(&mut values) != length as u64 {
                return Err(ScanError::Range);
            }
            continue;
        }
        let of_predecessors = matches!(name, PREDECESSOR_ACTORS | PREDECESSOR_NUMBERS);
        let most = if of_predecessors {
            predecessors
        } else {
            OPS_MAX
        };
        let (rows, sum) = match holds {
            Holds::Booleans => (booleans(&mut column, most)?, 0),
            _ => runs(&mut column, *holds, most, actors)?,
        };
        match name {
            KEYS if sum > KEYS_BYTES_MAX => return Err(ScanError::Operations),
            ACTIONS => (ops, deletions) = (rows, sum),
            VALUE_LENGTHS => values = sum,
            PREDECESSORS if sum > REPLACED_MAX.min(REPLACED_FREE + bytes) => {
                return Err(ScanError::Operations);
            }
            PREDECESSORS => predecessors = sum,
            _ if of_predecessors && rows != predecessors => return Err(ScanError::Range),
            _ => {}
        }
        if !of_predecessors {
            rows_max = rows_max.max(rows);
        }
    }
    if ops - deletions > VALUES_FREE + bytes {
        return Err(ScanError::Operations);
    }
    // What has a row beyond the last operation would be read by nobody.
    if values > 0 || rows_max > ops || deletions > predecessors {
        return Err(ScanError::Range);
    }
    Ok(ops)
}

/// Walks a column of runs; returns how many rows there are, and the sum of what they say, where that counts.
fn runs(
    column: &mut Reader<'_>,
    holds: Holds,
    most: u64,
    actors: u64,
) -> Result<(u64, u64), ScanError> {
    let (mut rows, mut sum, mut number) = (0u64, 0u64, 0i64);
    while !column.0.is_empty() {
        // A run of one value, or so many values one by one, or a run of nothing.
        let head = column.signed()?;
        let (count, alone, repeated) = match head {
            0 => (column.number(most)?, 0, 0),
            1.. => (head.unsigned_abs(), 1, head.unsigned_abs()),
            _ => (head.unsigned_abs(), head.unsigned_abs(), 1),
        };
        if count == 0 {
            return Err(ScanError::Form);
        }
        let all = rows.checked_add(count).filter(|rows| *rows <= most);
        rows = all.ok_or(ScanError::Operations)?;
        for _ in 0..alone {
            let says = match holds {
                Holds::Actors => {
                    column.number(actors)?;
                    0
                }
                Holds::Numbers => {
                    column.number(COUNTER_MAX)?;
                    0
                }
                Holds::Differences => {
                    let times = i64::try_from(repeated).ok();
                    let all = times.and_then(|it| column.signed().ok()?.checked_mul(it));
                    let after = all.and_then(|all| number.checked_add(all));
                    let ranges = |it: &i64| u32::try_from(*it).is_ok();
                    number = after.filter(ranges).ok_or(ScanError::Range)?;
                    0
                }
                Holds::Actions => u64::from(column.number(ACTION_MAX)? == DELETION),
                Holds::Counts => column.number(most)?,
                Holds::Lengths => column.number(u64::MAX)? >> 4, // below is its kind
                Holds::Texts | Holds::Bytes | Holds::Booleans => {
                    let length = column.length()?;
                    column.take(length)?;
                    if length > KEY_BYTES_MAX {
                        return Err(ScanError::Range);
                    }
                    length as u64
                }
            };
            let all = says
                .checked_mul(repeated)
                .and_then(|all| sum.checked_add(all));
            sum = all.ok_or(ScanError::Range)?;
        }
    }
    Ok((rows, sum))
}

fn booleans(column: &mut Reader<'_>, most: u64) -> Result<u64, ScanError> {
    let mut rows = 0u64;
    while !column.0.is_empty() {
        rows = rows
            .checked_add(column.number(most)?)
            .filter(|rows| *rows <= most)
            .ok_or(ScanError::Operations)?;
    }
    Ok(rows)
}

/// Bytes that are still to be read.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ScanError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ScanError::Form)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number in groups of seven bits, the lowest first, in its shortest form.
    fn number(&mut self, most: u64) -> Result<u64, ScanError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ScanError::Range);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(ScanError::Form);
                }
                return if number <= most {
                    Ok(number)
                } else {
                    Err(ScanError::Range)
                };
            }
        }
        Err(ScanError::Range)
    }

    /// The same with a sign.
    fn signed(&mut self) -> Result<i64, ScanError> {
        let (mut number, mut shift) = (0i64, 0u32);
        let mut before = 0;
        loop {
            let byte = self.take(1)?[0];
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(ScanError::Range);
            }
            number |= i64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                let extends =
                    (byte == 0 && before & 0x40 == 0) || (byte == 0x7f && before & 0x40 != 0);
                if shift > 7 && extends {
                    return Err(ScanError::Form);
                }
                if shift < 64 && byte & 0x40 != 0 {
                    number |= -1 << shift;
                }
                return Ok(number);
            }
            if shift > 63 {
                return Err(ScanError::Range);
            }
            before = byte;
        }
    }

    fn length(&mut self) -> Result<usize, ScanError> {
        let length = self.number(CHANGE_BYTES_MAX as u64)?;
        usize::try_from(length).map_err(|_| ScanError::Range)
    }
}
