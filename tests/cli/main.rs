//! What a person types and sees: the built `maille`, its words in both languages, its JSON, its
//! exit codes; and what bad input gets: a clear error, and a store that did not change.

mod circle;
mod files;
mod help;
mod home;
mod json;
mod told;
mod typed;
