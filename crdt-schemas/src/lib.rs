//! What a person's data *is*: documents, records, units, importers, emission
//! factors, lenses.
//!
//! | module | what it holds |
//! |---|---|
//! | [`circle`] | what a circle writes together: a shared list |
//! | [`document`] | ids of documents, and [`document::Document`]: one month of one domain as an Automerge document |
//! | [`record`] | the things in a document: [`record::Record`], their ids and provenance |
//! | [`domain`] | one file per domain: [`domain::mobility`], [`domain::energy`] |
//! | [`import`] | one file per format: bytes in, records and a report out |
//! | [`factors`] | versioned emission factor sets, and the footprint they give |
//! | [`lens`] | what a share shows: rows computed from records, described in French and English |
//! | [`sample`] | made-up files in real formats, for the demo and the tests |
//! | [`units`], [`time`] | integers with a unit; moments with their offset |
//!
//! # Invariants
//!
//! - Pure: no clock, thread, random source, file, network. The same input gives
//!   the same output, byte for byte, on every machine (the one exception,
//!   distances computed from coordinates, is told in [`import::gpx`]).
//! - Knows no person, no key and no network.
//! - Whatever bytes an importer or a decoder is given, it answers; it never panics.
//! - Numbers that are merged, compared or shared are integers.
//! - What is not known is absent, never zero.

#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::iter_over_hash_type
)]

pub mod circle;
pub mod document;
pub mod domain;
pub mod factors;
pub mod gate;
pub mod import;
pub mod lens;
pub mod record;
pub mod sample;
pub mod time;
pub mod units;
