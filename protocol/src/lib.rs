//! What nodes say: principals, grants, keys, slices, entries and the session between two peers.
//!
//! Nothing here reads a clock, draws randomness on its own, touches a file or a socket, or
//! knows what the records in a slice mean. Bytes, time and a random generator come in; bytes
//! and verdicts go out. `protocol/spec/` defines every byte.
//!
//! Read in this order:
//!
//! | module | what it says |
//! |---|---|
//! | [`id`], [`time`], [`wire`], [`crypto`] | names of things, moments, bytes, and the few cryptographic moves used everywhere |
//! | [`statement`] | what somebody says about a principal or a slice, signed |
//! | [`evaluation`] | who speaks and what stands, given a set of statements |
//! | [`principal`] | who a person or a circle is, and who speaks for them |
//! | [`card`] | what people paste to each other: how to reach me, what I share with you |
//! | [`invite`] | how somebody comes into a circle: the link, the knock, the answer |
//! | [`grant`] | who may do what with a slice, until when, why |
//! | [`slice`](mod@slice) | the one replicated object, its parts, and all grants of it, judged |
//! | [`generation`] | the read keys of a part, one after another |
//! | [`ring`] | keys under keys: who belongs to a principal opens what is the principal's |
//! | [`recovery`] | the words on paper find everything again |
//! | [`entry`] | one sealed, signed record in a log |
//! | [`control`] | what carriers of a slice enforce, with no person in it |
//! | [`relay`] | how a group leaves what it writes at a relay, which can read none of it |
//! | [`replica`] | one slice as one device holds it, and what of it stands |
//! | [`parcel`] | what is put into a person's hands: grants, keys, the news of an end |
//!
//! **Invariants.** Bytes from outside become a checked type only through a `verify` (or, for
//! what was verified before it was stored, an `assume_…`). What was signed is kept as received
//! and never encoded again to be verified. No decoder panics, and none allocates more than a
//! small multiple of the bytes it was given.

#![deny(missing_docs, unreachable_pub)]
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::iter_over_hash_type,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::dbg_macro,
    clippy::cast_possible_truncation
)]
#![cfg_attr(test, allow(clippy::wildcard_enum_match_arm))]

pub mod card;
pub mod control;
pub mod crypto;
pub mod defence;
pub mod entry;
pub mod evaluation;
pub mod generation;
pub mod grant;
pub mod hook;
pub mod id;
pub mod invite;
pub mod pairing;
pub mod parcel;
pub mod principal;
pub mod recovery;
pub mod relay;
pub mod replica;
pub mod returning;
pub mod ring;
pub mod signed;
pub mod slice;
pub mod statement;
pub mod sync;
pub mod time;
pub mod wire;

mod text;

#[cfg(all(test, feature = "sim"))]
mod attacks;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;
